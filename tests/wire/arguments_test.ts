/** Names and arguments that a program made a list of itself. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ownArguments } from "../../wire/base/checks.ts";
import {
  makeRemoteObject,
  memoryTransports,
  type Middleware,
  remoteCaller,
  Wire,
  type WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { lispPair } from "./cmucl/_lisp.ts";
import { unhandledIn } from "./_unhandled.ts";

// deno-lint-ignore no-explicit-any -- whoever writes JavaScript may pass anything
type Any = any;

function caught(action: () => unknown): WireError {
  try {
    action();
  } catch (error) {
    return error as WireError;
  }
  throw new Error("It should have failed.");
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** A list that says it has another length. */
function claiming(length: unknown): Any {
  return new Proxy([1, 2], {
    get: (target, key) => key === "length" ? length : Reflect.get(target, key),
  });
}

/** A list that becomes longer as it is read. */
function growing(): Any {
  return new Proxy([1], {
    get(target, key) {
      if (key === "0") target.push(1);
      return Reflect.get(target, key);
    },
  });
}

/** The same without a proxy. */
function growingByGetter(): Any {
  const list: unknown[] = [0, 2];
  return Object.defineProperty(list, 0, {
    get() {
      list.push(3);
      return 1;
    },
  });
}

/** Arguments that are none, and what they fail with. */
const WRONG: [string, Any, string][] = [
  ["nothing", undefined, "invalidArgument"],
  ["null", null, "invalidArgument"],
  ["a number", 5, "invalidArgument"],
  ["a text", "ab", "invalidArgument"],
  ["an object", {}, "invalidArgument"],
  ["a Set", new Set([1]), "invalidArgument"],
  ["bytes", new Uint8Array(2), "invalidArgument"],
  ["what is like a list", { length: 2, 0: 1, 1: 2 }, "invalidArgument"],
  ["what claims to be endless", { length: 2 ** 40 }, "invalidArgument"],
  ["a revoked list", revoked([]), "unsupportedValue"],
  ["a list of text length", claiming("2"), "unsupportedValue"],
  ["a list of no length", claiming(NaN), "unsupportedValue"],
  ["a list of half an item", claiming(1.5), "unsupportedValue"],
  ["a list of less than nothing", claiming(-1), "unsupportedValue"],
  ["a list without an end", claiming(2 ** 40), "limit"],
];

test("ownArguments() takes what is in a list at one time", () => {
  const list = [1, "a", undefined];
  const own = ownArguments("f", list);
  assertEquals(own, list);
  assert(own !== list);
  assertEquals(ownArguments("f", growing()), [1]);
  assertEquals(ownArguments("f", growingByGetter()), [1, 2]);
  // deno-lint-ignore no-sparse-arrays -- that is what is tested
  assertEquals(ownArguments("f", [, 1]), [undefined, 1]);
  class Mine extends Array {}
  assertStrictEquals(
    Object.getPrototypeOf(ownArguments("f", Mine.of(1))),
    Array.prototype,
  );
});

test("ownArguments() refuses what is no list, and no name", () => {
  for (const [, args, code] of WRONG) {
    assertEquals(caught(() => ownArguments("f", args)).code, code);
  }
  for (const name of [5, null, undefined, Symbol("f"), {}, revoked({})]) {
    assertEquals(
      caught(() => ownArguments(name, [])).code,
      "invalidArgument",
    );
  }
  assert(!caught(() => ownArguments("f", "a secret")).message.includes("sec"));
});

/** Whatever calls by name: a pair of functions, and what ends it all. */
interface ByName {
  call(name: Any, args: Any): Promise<unknown>;
  send(name: Any, args: Any): Promise<void>;
  end(): Promise<unknown>;
}

const PASS: Middleware = (_call, next) => next();

async function pair(near: WireOptions = {}): Promise<ByName> {
  const [here, there] = wirePair({ onError() {}, ...near }, { onError() {} });
  there.serve({ echo });
  await here.opened;
  return {
    call: (name, args) => here.call(name, args),
    send: (name, args) => here.send(name, args),
    end: () => Promise.all([here.close(), there.closed]),
  };
}

function echo(...args: unknown[]): unknown[] {
  return args;
}

const CALLERS: Record<string, () => Promise<ByName>> = {
  "Wire.call() and send()": pair,
  "Wire.call() and send() through middleware": () =>
    pair({ callThrough: [PASS] }),
  async "KeptConnection.call() and send()"() {
    const [here, there] = wirePair({ onError() {} }, { onError() {} });
    there.serve({ echo });
    const kept = keepConnected(() => Promise.resolve(here), { onError() {} });
    await kept.opened;
    return {
      call: (name, args) => kept.call(name, args),
      send: (name, args) => kept.send(name, args),
      end: () => Promise.all([kept.close(), there.closed]),
    };
  },
  async "remoteCaller().call() and send()"() {
    const [here, there] = wirePair({ onError() {} }, { onError() {} });
    there.serve({ object: () => makeRemoteObject({ echo }) });
    const object = await here.remoteValue.object() as Any;
    const caller = remoteCaller(object);
    return {
      call: (name, args) => caller.call(name, args, false),
      send: (name, args) => caller.send(name, args),
      end() {
        object[Symbol.dispose]();
        return Promise.all([here.close(), there.closed]);
      },
    };
  },
  "Wire.call() and send() to a Lisp"() {
    const { near, far } = lispPair();
    far.serve({ echo });
    return Promise.resolve({
      call: (name, args) => near.call(name, args),
      send: (name, args) => near.send(name, args),
      end: () => Promise.all([near.close(), far.closed]),
    });
  },
};

for (const [what, make] of Object.entries(CALLERS)) {
  test(`${what} refuse arguments that are no array`, async () => {
    const by = await make();
    for (const [name, args, code] of WRONG) {
      // Left out, they are none.
      if (args === undefined) continue;
      const other = by.call("echo", [7]);
      const error = await failure(by.call("echo", args));
      assertEquals([name, error.code], [name, code]);
      assertEquals((await failure(by.send("echo", args))).code, code);
      assertEquals(await other, [7]);
    }
    for (const name of [5, null, undefined, Symbol("f"), {}, revoked({})]) {
      const error = await failure(by.call(name, []));
      assertEquals(error.code, "invalidArgument");
      assertEquals((await failure(by.send(name, []))).code, error.code);
    }
    assertEquals(await by.call("echo", [8]), [8]);
    await by.end();
  });

  test(`${what} send what was in a list at one time`, async () => {
    const by = await make();
    for (const make of [growing, growingByGetter]) {
      await by.send("echo", make());
      assertEquals(
        await by.call("echo", make()),
        make === growing ? [1] : [1, 2],
      );
      // The next one stands right behind it.
      await by.send("echo", [1, 2]);
      assertEquals(await by.call("echo", [9]), [9]);
    }
    await by.end();
  });
}

test("Wire.send() of what is no list need not be awaited", async () => {
  const unhandled = await unhandledIn(async () => {
    const by = await pair();
    for (const [, args] of WRONG) {
      void by.call("echo", args);
      void by.send("echo", args);
      void by.call(Symbol("f"), args);
      void by.send(Symbol("f"), args);
    }
    assertEquals(await by.call("echo", [1]), [1]);
    await by.end();
  });
  assertEquals(unhandled, []);
});

test("next() refuses arguments that are no array, at either end", async () => {
  for (const [, args, code] of WRONG) {
    if (args === undefined) continue;
    const odd: Middleware = (_call, next) => next({ args });
    const patient: Middleware = async (call, next) => {
      const error = await failure(next({ args }));
      assertEquals(error.code, code);
      return await next({ args: [...call.args, "again"] });
    };
    const [here, there] = wirePair({ onError() {}, callThrough: [odd] }, {
      onError() {},
    });
    there.serve({ echo });
    assertEquals((await failure(here.remoteValue.echo(1))).code, code);
    assertEquals((await failure(here.remote.echo(1))).code, code);
    await Promise.all([here.close(), there.closed]);

    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    for (
      const options of [
        [{ callThrough: [patient] }, {}],
        [{}, { serveThrough: [patient] }],
      ] as const
    ) {
      const [here, there] = wirePair(options[0], { onError, ...options[1] });
      there.serve({ echo });
      assertEquals(await here.remoteValue.echo(1), [1, "again"]);
      await Promise.all([here.close(), there.closed]);
    }
    assertEquals(told, []);
  }
});

test("next() takes a list over, whatever it does", async () => {
  const odd: Middleware = (_call, next) => next({ args: growing() });
  const [here, there] = wirePair({ callThrough: [odd] }, {
    serveThrough: [odd],
  });
  there.serve({ echo });
  assertEquals(await here.remoteValue.echo(5), [1]);
  await Promise.all([here.close(), there.closed]);
});

/** Middleware that is none. */
const MIDDLEWARE: Any[] = [
  null,
  () => {},
  "authorise",
  5,
  {},
  ["authorise"],
  [PASS, undefined],
  [[PASS]],
  new Set([PASS]),
  revoked([]),
];

for (const option of ["serveThrough", "callThrough"]) {
  test(`makeWire() refuses ${option} that is no list of functions`, () => {
    for (const value of MIDDLEWARE) {
      const [transport] = memoryTransports();
      const error = caught(() => new Wire(transport, { [option]: value }));
      assertEquals(error.code, "invalidArgument", error.message);
      assert(error.message.includes(`"${option}"`), error.message);
      transport.close();
    }
  });
}
