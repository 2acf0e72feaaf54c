/**
 * Values that throw when they are looked at: what has to do with them fails by
 * itself, and nothing else.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Metadata,
  type Middleware,
  remoteCaller,
  type RemoteObject,
  type RemoteStream,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import { isA, laterOf } from "../../wire/base/errors.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { unhandledIn } from "./_unhandled.ts";

// deno-lint-ignore no-explicit-any -- whatever a wire of nothing known has
type Any = any;

function no(): never {
  throw new Error("Do not look at it.");
}

/** What cannot be looked at at all. */
const BLIND: Record<string, () => object> = {
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({ a: 1 }, {});
    revoke();
    return proxy;
  },
  "a proxy that throws": () =>
    new Proxy({}, {
      get: no,
      has: no,
      ownKeys: no,
      getPrototypeOf: no,
      getOwnPropertyDescriptor: no,
    }),
  "a proxy whose traps throw what cannot be looked at": () =>
    new Proxy({ a: "b" }, {
      get: () => {
        throw BLIND["a revoked proxy"]!();
      },
      getPrototypeOf: () => {
        throw BLIND["a revoked proxy"]!();
      },
    }),
};

/** What can be looked at in part. */
const ODD: Record<string, () => object> = {
  ...BLIND,
  "a getter then": () => ({
    get then() {
      return no();
    },
  }),
  "a proxy of what is known": () =>
    new Proxy({ a: Symbol() } as Record<PropertyKey, unknown>, {
      get: (target, key) => key in target ? target[key] : no(),
    }),
  "an error that throws": () =>
    new Proxy(new Error("hidden"), { get: no, getPrototypeOf: no }),
  "a promise that throws": () => {
    const promise = Promise.resolve(1);
    Object.defineProperty(promise, "constructor", { get: no });
    Object.defineProperty(promise, "then", { get: no });
    return promise;
  },
};

/** A wire whose peer has something under way meanwhile. */
function pair(far: WireOptions = {}, near: WireOptions = {}) {
  const told: unknown[] = [];
  const onError = (error: unknown) => told.push(error);
  const [here, there] = wirePair({ onError, ...near }, { onError, ...far });
  const gate = Promise.withResolvers<string>();
  const slow = here.call.bind(here, "slow", []);
  there.serve({ slow: () => gate.promise });
  return { near: here as Wire as Any, far: there, gate, slow, told };
}

/** What a pair has, for who tries something on it. */
type Ends = ReturnType<typeof pair>;

/**
 * Tries something while a call is under way: that call, and both ends, know
 * nothing of it, and no rejection is left unhandled.
 */
async function byItself(
  { near, far, gate, slow }: Pick<Ends, "near" | "far" | "gate" | "slow">,
  tried: () => Promise<void>,
): Promise<void> {
  const found = await unhandledIn(async () => {
    const under = slow();
    await tried();
    gate.resolve("done");
    assertEquals(await under, "done");
  });
  assertEquals(found, []);
  assertEquals([near.ended, far.ended], [undefined, undefined]);
  near.abort();
  await far.closed;
}

const through: Middleware = (_call, next) => next();
const waiting: Middleware = async (_call, next) => {
  await 0;
  return await next();
};
const THROUGH: Record<string, WireOptions> = {
  "": {},
  " through middleware": { serveThrough: [through], callThrough: [through] },
  " through middleware that waits": {
    serveThrough: [waiting],
    callThrough: [waiting],
  },
};

for (const [how, options] of Object.entries(THROUGH)) {
  for (const [what, make] of Object.entries(ODD)) {
    test(`${what} fails by itself as a result${how}`, async () => {
      const ends = pair(options, options);
      const { near, far, told } = ends;
      const functions = {
        odd: () => make(),
        inside: () => [{ deep: make() }],
        oddLater: async () => [await 0, make()],
      };
      far.serve({
        ...functions,
        object: () => makeRemoteObject({ ...functions }),
        f: () => () => make(),
      });
      await byItself(ends, async () => {
        const object = await near.remoteValue.object();
        const f = await near.remoteValue.f();
        const codes = [];
        for (const remote of [near, object]) {
          for (const name of Object.keys(functions)) {
            codes.push((await failure(remote.remoteValue[name]())).code);
            codes.push((await failure(remote.remoteValues[name]())).code);
            await remote.remote[name]();
          }
        }
        codes.push((await failure(f())).code);
        codes.push(
          (await failure(near.remoteValue.odd().remoteValue.x())).code,
        );
        const expected = Array(14).fill("unsupportedValue");
        assertEquals(codes, expected);
      });
      assert(told.every((error) => isA(error, WireError)));
    });
  }

  for (const [what, make] of Object.entries(BLIND)) {
    test(`${what} fails by itself when it is thrown${how}`, async () => {
      const ends = pair(options, options);
      const { near, far } = ends;
      const functions = {
        odd: () => {
          throw make();
        },
        oddLater: async () => {
          await 0;
          throw make();
        },
      };
      far.serve({
        ...functions,
        object: () => makeRemoteObject({ ...functions }),
        async *items() {
          yield 1;
          await 0;
          throw make();
        },
      });
      await byItself(ends, async () => {
        const object = await near.remoteValue.object();
        for (const remote of [near, object]) {
          for (const name of Object.keys(functions)) {
            const error = await failure(remote.remoteValue[name]());
            assertEquals(error.code, "unsupportedValue");
            await remote.remote[name]();
          }
        }
        const items = await near.remoteValue.items();
        const left = (async () => {
          for await (const _ of items);
        })();
        await failure(left);
      });
    });
  }

  for (const [what, make] of Object.entries(ODD)) {
    test(`${what} fails by itself when it is sent${how}`, async () => {
      const ends = pair(options, options);
      const { near, far } = ends;
      far.serve({
        take: () => 1,
        object: () => makeRemoteObject({ take: () => 1 }),
      });
      await byItself(ends, async () => {
        const object = await near.remoteValue.object();
        const codes = [];
        for (const remote of [near, object]) {
          for (const kind of ["remote", "remoteValue", "remoteValues"]) {
            for (const arg of [make(), [make()], { deep: [make()] }]) {
              codes.push((await failure(remote[kind].take(arg))).code);
            }
          }
        }
        codes.push((await failure(near.outputObject(make()))).code);
        codes.push((await failure(near.outputObject([make()]))).code);
        const result = near.remoteValue.object();
        codes.push((await failure(result.remoteValue.take(make()))).code);
        codes.push((await failure(result.remote.take(make()))).code);
        assertEquals(codes, Array(22).fill("unsupportedValue"));
      });
    });
  }
}

for (const [what, make] of Object.entries(BLIND)) {
  test(`${what} fails by itself as an option of a call`, async () => {
    const ends = pair();
    const { near, far } = ends;
    far.serve({ take: () => 1 });
    await byItself(ends, async () => {
      const metadata = make() as Metadata;
      for (const options of [make(), { metadata }]) {
        for (const kind of ["remote", "remoteValue", "remoteValues"]) {
          const error = await failure(near.with(options)[kind].take());
          assertEquals(error.code, "unsupportedValue");
        }
      }
    });
  });

  test(`${what} is a reason like any other`, async () => {
    const { near, far } = pair();
    far.serve({
      async *items() {
        for (;;) yield await 0;
      },
      wait: () => new Promise(() => {}),
    });
    const found = await unhandledIn(async () => {
      const items = await near.remoteValue.items() as RemoteStream<number>;
      await items.cancel(make());
      const giveUp = new AbortController();
      const call = near.with({ signal: giveUp.signal }).remoteValue.wait();
      giveUp.abort(make());
      assertEquals((await failure(call)).code, "cancelled");
      near.abort(make());
      await far.closed;
      assertEquals(near.ended.code, "aborted");
    });
    assertEquals(found, []);
    const kept = keepConnected(() => Promise.reject(make()), { attempts: 1 });
    assertEquals((await kept.closed).code, "connectFailed");
    const other = keepConnected(() => new Promise<never>(() => {}));
    other.abort(make());
    assertEquals(other.ended?.code, "aborted");
    const end = new AbortController();
    const [one, two] = wirePair({ signal: end.signal }, { onError() {} });
    end.abort(make());
    await two.closed;
    assertEquals(one.ended?.code, "aborted");
  });

  test(`${what} as an item ends its stream alone`, async () => {
    const ends = pair();
    const { near, far } = ends;
    far.serve({
      async *items() {
        yield 1;
        yield make();
      },
      async take(items: AsyncIterable<unknown>) {
        for await (const _ of items);
      },
    });
    await byItself(ends, async () => {
      const got: unknown[] = [];
      await failure((async () => {
        for await (const item of await near.remoteValue.items()) got.push(item);
      })());
      assertEquals(got, [1]);
      const sent = (async function* () {
        yield 1;
        yield [make()];
      })();
      await failure(near.remoteValue.take(sent));
    });
  });

  test(`${what} fails by itself over CMUCL's protocol`, async () => {
    const [here, there] = memoryTransports();
    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    const near = makeWire(here, { dialect: cmucl(), onError }) as Wire as Any;
    const far = makeWire(there, { dialect: cmucl(), onError });
    const gate = Promise.withResolvers<string>();
    far.serve({
      "cl-user:odd": () => make(),
      "cl-user:odd-later": async () => [await 0, make()],
      "cl-user:throws": () => {
        throw make();
      },
      "cl-user:throws-later": async () => {
        await 0;
        throw make();
      },
      "cl-user:take": () => 1,
      "cl-user:slow": () => gate.promise,
    });
    await near.opened;
    const slow = () => near.remoteValue.slow();
    await byItself({ near, far, gate, slow }, async () => {
      for (const name of ["odd", "odd-later", "throws", "throws-later"]) {
        await failure(near.remoteValue[name]());
        await failure(near.remoteValues[name]());
        await near.remote[name]();
      }
      for (const arg of [make(), [make()]]) {
        for (const kind of ["remote", "remoteValue", "remoteValues"]) {
          const error = await failure(near[kind].take(arg));
          assertEquals(error.code, "unsupportedValue");
        }
        const error = await failure(near.outputObject(arg));
        assertEquals(error.code, "unsupportedValue");
      }
    });
  });

  test(`${what} fails by itself where it is called by reference at home`, async () => {
    const local = makeRemoteObject({
      odd: () => make(),
      throws: () => {
        throw make();
      },
      fine: () => 1,
    });
    const found = await unhandledIn(async () => {
      for (const name of ["odd", "throws"] as const) {
        const error = await failure(local.remoteValue[name]());
        assertEquals(error.code, "unsupportedValue");
      }
      await failure(remoteCaller(local).send("odd", []));
      assertEquals(await local.remoteValue.fine(), 1);
    });
    assertEquals(found, []);
  });

  test(`${what} as an object by reference has its calls fail alone`, async () => {
    const ends = pair();
    const { near, far } = ends;
    // It is made odd after it was sent.
    let isOdd = false;
    const object = new Proxy({ f: () => 1 }, {
      getOwnPropertyDescriptor(target, key) {
        if (isOdd) throw make();
        return Object.getOwnPropertyDescriptor(target, key);
      },
    });
    far.serve({ object: () => makeRemoteObject(object) });
    await byItself(ends, async () => {
      const reference = await near.remoteValue.object() as RemoteObject<Any>;
      assertEquals(await reference.remoteValue.f(), 1);
      isOdd = true;
      const error = await failure(reference.remoteValue.f());
      assertEquals(error.code, "unsupportedValue");
      await reference.remote.f();
    });
  });
}

test("a result that can be sent, but not looked at again, harms nothing", async () => {
  const ends = pair();
  const { near, far } = ends;
  // It is sent as data, of which the wire asks nothing else.
  const once = () =>
    new Proxy({ a: 1, then: undefined } as Record<PropertyKey, unknown>, {
      get: (target, key) => key in target ? target[key] : no(),
    });
  far.serve({
    once,
    onceLater: async () => await once(),
    take: (x: unknown) => x,
  });
  await byItself(ends, async () => {
    for (const name of ["once", "onceLater"]) {
      const codes = [];
      const result = near.remoteValue[name]();
      const others = [
        near.remoteValue.take(result),
        near.remoteValue.take([result]),
        result.remoteValue.f(),
        near.remoteValue.take(result),
      ];
      assertEquals((await result).a, 1);
      for (const other of others) {
        codes.push(
          await other.then((x: Any) => (x[0] ?? x).a, (e: Any) => e.code),
        );
      }
      assert(
        codes.every((code) =>
          [1, "unsupportedValue", "noSuchFunction"].includes(code)
        ),
        codes.join(),
      );
    }
  });
});

test("isA() and laterOf() never throw anything else", () => {
  for (const make of Object.values(BLIND)) {
    assertEquals(isA(make(), Error), false);
    let error: unknown;
    try {
      laterOf(make());
    } catch (thrown) {
      error = thrown;
    }
    assert(isA(error, WireError));
    assertEquals((error as WireError).code, "unsupportedValue");
  }
  assertEquals(isA(new RangeError(), Error), true);
  assertEquals(laterOf({ then: 1 }), undefined);
});
