/**
 * Promises that nobody awaits: none of them ends the process, whatever becomes
 * of them, and what they fail with is told, unless the wire has merely ended.
 */

import { assert, assertEquals } from "@std/assert";
import {
  isRemoteObject,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  remoteCaller,
  type RemoteObject,
  type RemoteStream,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { contract } from "../../wire/contract/contract.ts";
import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import { LineStream } from "../../wire/lines/line_stream.ts";
import { cmucl, remoteValueBind } from "../../wire/cmucl/mod.ts";
import { RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { macrotask, unhandledIn } from "./_unhandled.ts";

type Functions = Record<string, (...args: unknown[]) => unknown>;
// deno-lint-ignore no-explicit-any -- whatever a wire of nothing known has
type Any = any;

/** A text as an error's code, or its message. */
function shortly(error: unknown): string {
  return error instanceof WireError ? error.code : String(error);
}

/** A wire whose peer serves much, and what was told to its `onError`. */
async function subject(options: WireOptions<Any, Any> = {}) {
  const told: string[] = [];
  const onError = (error: unknown, where: string) =>
    told.push(`${where}: ${shortly(error)}`);
  const [near, far] = wirePair({ ...options, onError }, { onError() {} });
  const wait = new Promise<never>(() => {});
  const functions: Functions = {
    wait: () => wait,
    boom: () => {
      throw new RangeError("no");
    },
    object: () => makeRemoteObject({ wait: () => wait, boom: functions.boom }),
    f: () => () => functions.boom!(),
    slow: () => () => wait,
    async *items() {
      yield 1;
      await wait;
    },
  };
  far.serve(functions);
  const wire = near as Wire as Any;
  const object = await wire.remoteValue.object() as RemoteObject<Any>;
  const f = await wire.remoteValue.f() as Any;
  const slow = await wire.remoteValue.slow() as Any;
  const items = await wire.remoteValue.items() as RemoteStream<number>;
  return { wire, far, object, f, slow, items, told };
}
type Subject = Awaited<ReturnType<typeof subject>>;

/** Every way to get a promise of a wire, and of what comes over it. */
const WAYS: Record<string, (all: Subject) => unknown> = {
  "remote.x()": ({ wire }) => wire.remote.wait(),
  "remoteValue.x()": ({ wire }) => wire.remoteValue.wait(),
  "remoteValues.x()": ({ wire }) => wire.remoteValues.wait(),
  "with().remote.x()": ({ wire }) =>
    wire.with({ metadata: { a: "b" } }).remote.wait(),
  "with().remoteValue.x()": ({ wire }) =>
    wire.with({ deadline: 60_000 }).remoteValue.wait(),
  "call()": ({ wire }) => wire.call("wait", []),
  "send()": ({ wire }) => wire.send("wait", []),
  "listFunctions()": ({ wire }) => wire.listFunctions(),
  "outputObject()": ({ wire }) => wire.outputObject(1),
  "getObject()": ({ wire }) => wire.getObject(),
  "the iterator's next()": ({ wire }) => wire[Symbol.asyncIterator]().next(),
  "forceOutput()": ({ wire }) => wire.forceOutput(),
  "ping()": ({ wire }) => wire.ping(),
  "opened": ({ wire }) => wire.opened,
  "closed": ({ wire }) => wire.closed,
  "an object's remote.x()": ({ object }) => object.remote.wait(),
  "an object's remoteValue.x()": ({ object }) => object.remoteValue.wait(),
  "an object's remoteValues.x()": ({ object }) => object.remoteValues.wait(),
  "an object's with().remote.x()": ({ object }) =>
    object.with({ deadline: 60_000 }).remote.wait(),
  "remoteCaller().call()": ({ object }) =>
    remoteCaller(object).call("wait", [], false),
  "a function": ({ slow }) => slow(),
  "a function's remote()": ({ slow }) => slow.remote(),
  "a function's remoteValue()": ({ slow }) => slow.remoteValue(),
  "a result's remoteValue.x()": ({ wire }) =>
    wire.remoteValue.object().remoteValue.wait(),
  "a result's remoteValues.x()": ({ wire }) =>
    wire.remoteValue.object().remoteValues.wait(),
  "a result's remote.x()": ({ wire }) =>
    wire.remoteValue.object().remote.wait(),
  "a result of a result": ({ wire }) =>
    wire.remoteValue.wait().remoteValue.x().remoteValue.y(),
  "a result as an argument": ({ wire }) =>
    wire.remoteValue.wait(wire.remoteValue.wait()),
  "a result that has to be waited for": ({ wire }) =>
    wire.remoteValue.wait(wire.remoteValues.wait()),
  "a result with a deadline to be waited for": ({ wire }) =>
    wire.with({ deadline: 60_000 }).remoteValue.wait(wire.remoteValues.wait()),
  "a stream's next()": ({ items }) => {
    const iterator = items[Symbol.asyncIterator]();
    iterator.next();
    iterator.next();
  },
  "a stream's cancel()": ({ items }) => items.cancel(),
  "a stream's return()": ({ items }) =>
    items[Symbol.asyncIterator]().return?.(),
  "a stream's dispose": ({ items }) => items[Symbol.asyncDispose](),
  "a stream's readable": ({ items }) => items.readable,
  "close()": ({ wire }) => wire.close(),
  "dispose": ({ wire }) => wire[Symbol.asyncDispose](),
};

const MIDDLEWARE: Record<string, WireOptions<Any, Any>> = {
  "": {},
  " through middleware": { callThrough: [(_call, next) => next()] },
  " through middleware that waits": {
    callThrough: [async (_call, next) => {
      await 0;
      return await next();
    }],
  },
  " with a contract": {
    expects: contract({ wait: {}, boom: {} }) as Any,
  },
};

for (const [how, options] of Object.entries(MIDDLEWARE)) {
  test(`no promise of a wire that ends has to be awaited${how}`, async () => {
    for (const [name, way] of Object.entries(WAYS)) {
      const all = await subject(options);
      all.told.length = 0;
      const found = await unhandledIn(() => {
        way(all);
        all.wire.abort();
      });
      await all.far.closed;
      assertEquals([name, found, all.told], [name, [], []]);
    }
  });

  test(`no promise of a wire that has ended has to be awaited${how}`, async () => {
    for (const [name, way] of Object.entries(WAYS)) {
      const all = await subject(options);
      all.wire.abort();
      await all.far.closed;
      all.told.length = 0;
      const found = await unhandledIn(() => void way(all));
      assertEquals([name, found, all.told], [name, [], []]);
    }
  });
}

/**
 * Ways in which a call can fail on a wire that lives, and where that is told.
 */
const FAILING: Record<string, [(all: Subject) => unknown, string]> = {
  "what the function throws": [
    ({ wire }) => wire.remoteValue.boom(),
    'a call of "boom" that nobody awaits: RangeError: no',
  ],
  "for all values": [
    ({ wire }) => wire.remoteValues.boom(),
    'a call of "boom" that nobody awaits: RangeError: no',
  ],
  "a function that is not there": [
    ({ wire }) => wire.remoteValue.nothing(),
    'a call of "nothing" that nobody awaits: noSuchFunction',
  ],
  "an argument": [
    ({ wire }) => wire.remoteValue.wait(Symbol("odd")),
    'a call of "wait" that nobody awaits: unsupportedValue',
  ],
  "a one-way call's argument": [
    ({ wire }) => wire.remote.wait(Symbol("odd")),
    'a one-way call of "wait", which was not sent: unsupportedValue',
  ],
  "a message": [
    ({ wire }) => wire.outputObject(Symbol("odd")),
    "a message, which was not sent: unsupportedValue",
  ],
  "an option": [
    ({ wire }) => wire.with({ deadline: NaN }).remote.wait(),
    'a one-way call of "wait", which was not sent: invalidArgument',
  ],
  "a call-back": [
    ({ f }) => f(),
    "a call of a function reference that nobody awaits: RangeError: no",
  ],
  "an object's function": [
    ({ object }) => object.remoteValue.boom(),
    'a call of "boom" that nobody awaits: RangeError: no',
  ],
  "a reference that was released": [
    ({ object }) => {
      object[Symbol.dispose]();
      object.remote.boom();
    },
    'a one-way call of "boom", which was not sent: released',
  ],
  "a result's function": [
    ({ wire }) => wire.remoteValue.object().remoteValue.boom(),
    'a call of "boom" that nobody awaits: RangeError: no',
  ],
  "a result that there is not": [
    ({ wire }) => wire.remoteValue.boom().remoteValue.x(),
    'a call of "x" that nobody awaits: RangeError: no',
  ],
  "a result of what was never sent": [
    ({ wire }) => wire.remoteValue.f(Symbol("odd")).remoteValue.x(),
    'a call of "x" that nobody awaits: unsupportedValue',
  ],
};

for (const [how, options] of Object.entries(MIDDLEWARE)) {
  test(`what nobody awaits is told once${how}`, async () => {
    for (const [name, [way, expected]] of Object.entries(FAILING)) {
      const all = await subject(options);
      all.told.length = 0;
      const found = await unhandledIn(() => void way(all));
      assertEquals([name, found, all.told], [name, [], [expected]]);
      all.wire.abort();
      await all.far.closed;
    }
  });

  test(`what somebody awaits is told to nobody else${how}`, async () => {
    const all = await subject(options);
    const { wire, f } = all;
    all.told.length = 0;
    const found = await unhandledIn(async () => {
      await failure(wire.remoteValue.boom());
      await failure(Promise.all([wire.remoteValue.boom(), 1]));
      await failure((async () => await wire.remoteValue.boom())());
      await failure((() => f())());
      await wire.remoteValue.boom().then(() => {}, () => {});
      await wire.remoteValue.boom().catch(() => {});
      await failure(wire.remoteValue.boom().finally(() => {}));
      await failure(wire.remote.boom(Symbol("odd")));
      await failure(wire.outputObject(Symbol("odd")));
      await failure(wire.remoteValue.nothing());
      await Promise.allSettled([f(), wire.remoteValue.boom()]);
      await wire.remoteValue.wait(wire.remoteValue.boom()).catch(() => {});
    });
    assertEquals([found, all.told], [[], []]);
    wire.abort();
    await all.far.closed;
  });
}

test("a promise that is derived from one belongs to who derived it", async () => {
  const { wire, far } = await subject();
  const found = await unhandledIn(() => {
    wire.remoteValue.boom().then(() => 1);
  });
  assertEquals(found.map(String), ["RangeError: no"]);
  wire.abort();
  await far.closed;
});

test("a middleware need not await next()", async () => {
  const told: string[] = [];
  const onError = (error: unknown, where: string) =>
    told.push(`${where}: ${shortly(error)}`);
  const leaves: WireOptions["serveThrough"] = [(_call, next) => {
    next();
    return "left";
  }];
  const [near, far] = wirePair({ callThrough: leaves, onError }, {
    serveThrough: leaves,
    onError,
  });
  const run = () => {
    throw new RangeError("no");
  };
  far.serve({ run, later: () => Promise.reject(new RangeError("later")) });
  const found = await unhandledIn(async () => {
    assertEquals(await near.remoteValue.run(), "left");
    assertEquals(await near.remoteValue.later(), "left");
    await near.remoteValue.nothing();
  });
  assertEquals(found, []);
  assertEquals(told, [
    '"run", which a middleware did not await: RangeError: no',
    '"later", which a middleware did not await: RangeError: later',
    'a call of "nothing" that nobody awaits: noSuchFunction',
  ]);
  near.abort();
  await far.closed;
});

test("what does not fit a peer's limits is told, and harms nothing", async () => {
  for (const limits of [{ values: 1 }, { message: 4096 }, { nesting: 1 }]) {
    const told: string[] = [];
    const large = "x".repeat(2_000);
    await using peer = new RawPeer({
      onError: (error, where) => told.push(`${where}: ${shortly(error)}`),
    });
    const wire = peer.wire as Any;
    peer.wire.serve({
      throws: () => {
        throw Object.assign(new Error(large), { a: [[large], [large]] });
      },
      gives: () => [[large], [large], [large]],
      async *items() {
        yield 1;
        await 0;
        throw Object.assign(new Error(large), { a: [[large], [large]] });
      },
    });
    const found = await unhandledIn(async () => {
      // Before the peer has told of its limits, and after it has.
      wire.remote.show([large], [large], [[large]]);
      wire.outputObject([[large], [large], [large]]);
      await peer.open(limits);
      wire.remote.show([large], [large], [[large]]);
      wire.remoteValue.show([large], [large], [[large]]);
      wire.outputObject([[large], [large], [large]]);
      const arrivals = [];
      for (const name of ["throws", "gives", "items"]) {
        const id = arrivals.length;
        const args: unknown[] = [];
        const wantsValues = false, deadline = 0, kind = "call";
        await peer.tell({ kind, id, name, args, wantsValues, deadline });
        arrivals.push(
          (await peer.hear("throw", "fail", "return"))?.kind ?? "end",
        );
      }
      assertEquals(arrivals.length, 3, arrivals.join());
      const end = await peer.hear("streamError", "streamEnd", "abort");
      assert(end !== undefined);
    });
    assertEquals(found, []);
    assertEquals(peer.wire.ended, undefined);
    const places = new Set(told.map((text) => text.split(":")[0]));
    assertEquals(
      [...places].sort(),
      [
        'a call of "show" that nobody awaits',
        "a message, which was not sent",
        'a one-way call of "show", which was not sent',
      ],
      told.join("\n"),
    );
  }
});

test("no promise of a kept connection has to be awaited", async () => {
  const ways: Record<string, (kept: Any) => unknown> = {
    "remote.x()": (kept) => kept.remote.wait(),
    "remoteValue.x()": (kept) => kept.remoteValue.wait(),
    "remoteValues.x()": (kept) => kept.remoteValues.wait(),
    "with().remote.x()": (kept) => kept.with({ deadline: 9_000 }).remote.wait(),
    "with().remoteValue.x()": (kept) =>
      kept.with({ idempotent: true }).remoteValue.wait(),
    "call()": (kept) => kept.call("wait", []),
    "send()": (kept) => kept.send("wait", []),
    "outputObject()": (kept) => kept.outputObject(1),
    "opened": (kept) => kept.opened,
    "closed": (kept) => kept.closed,
    "a result's remoteValue.x()": (kept) =>
      kept.remoteValue.wait().remoteValue.x(),
    "a result's remote.x()": (kept) => kept.remoteValue.wait().remote.x(),
    "close()": (kept) => kept.close(),
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const when of ["waiting", "connected", "lost", "over"]) {
      const told: string[] = [];
      const far: Wire[] = [];
      const kept = keepConnected(() => {
        if (when === "waiting" || when === "over" || far.length > 0) {
          return Promise.reject(new WireError("refused", "never"));
        }
        const [near, other] = wirePair({ onError() {} }, { onError() {} });
        other.serve({ wait: () => new Promise(() => {}) });
        far.push(other);
        return Promise.resolve(near);
      }, {
        onError: (error, where) => told.push(`${where}: ${shortly(error)}`),
      });
      const found = await unhandledIn(async () => {
        if (when === "connected" || when === "lost") await kept.opened;
        if (when === "over") await kept.closed;
        way(kept);
        if (when === "lost") far[0]!.abort();
        if (when === "connected") kept.abort();
      });
      await kept.closed;
      await Promise.all(far.map((wire) => wire.closed));
      assertEquals([name, when, found, told], [name, when, [], []]);
    }
  }
});

test("a kept connection tells what nobody awaits", async () => {
  const told: string[] = [];
  const [near, far] = wirePair({ onError() {} }, { onError() {} });
  far.serve({
    boom: () => {
      throw new RangeError("no");
    },
  });
  const kept = keepConnected(() => Promise.resolve(near), {
    onError: (error, where) => told.push(`${where}: ${shortly(error)}`),
    waiting: 1,
  });
  const any = kept as Any;
  const found = await unhandledIn(async () => {
    any.remoteValue.boom();
    any.remote.boom();
    await kept.opened;
    any.remoteValues.boom();
    any.remote.boom(Symbol("odd"));
    any.with({ deadline: 5n }).remoteValue.boom();
    any.outputObject(Symbol("odd"));
    await failure(any.remoteValue.boom());
    await failure(any.remote.boom(Symbol("odd")));
  });
  assertEquals(found, []);
  assertEquals(told.sort(), [
    'a call of "boom" that nobody awaits: RangeError: no',
    'a call of "boom" that nobody awaits: RangeError: no',
    'a call of "boom" that nobody awaits: invalidArgument',
    "a message, which was not sent: unsupportedValue",
    'a one-way call of "boom", which was not sent: limit',
    'a one-way call of "boom", which was not sent: unsupportedValue',
  ]);
  await kept.close();
  await far.closed;
});

test("no promise of a wire that speaks CMUCL's protocol has to be awaited", async () => {
  const ways: Record<string, (wire: Any) => unknown> = {
    "remote.x()": (wire) => wire.remote.wait(),
    "remoteValue.x()": (wire) => wire.remoteValue.wait(),
    "remoteValues.x()": (wire) => wire.remoteValues.wait(),
    "remoteValueBind()": (wire) => remoteValueBind(wire, 2, "wait", []),
    "remoteValueBind() for none": (wire) =>
      remoteValueBind(wire, 0, "wait", []),
    "outputObject()": (wire) => wire.outputObject(1),
    "getObject()": (wire) => wire.getObject(),
    "forceOutput()": (wire) => wire.forceOutput(),
    "listFunctions()": (wire) => wire.listFunctions(),
    "ping()": (wire) => wire.ping(),
    "opened": (wire) => wire.opened,
    "close()": (wire) => wire.close(),
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const when of ["before", "after"]) {
      const told: string[] = [];
      const [here, there] = memoryTransports();
      const onError = (error: unknown, where: string) =>
        told.push(`${where}: ${shortly(error)}`);
      const near = makeWire(here, { dialect: cmucl(), onError });
      const far = makeWire(there, { dialect: cmucl(), onError() {} });
      far.serve({ "cl-user:wait": () => new Promise(() => {}) });
      await near.opened;
      const found = await unhandledIn(async () => {
        if (when === "before") way(near);
        near.abort();
        await far.closed;
        if (when === "after") way(near);
      });
      const expected = name === "listFunctions()"
        ? ['a call of "wire:listFunctions" that nobody awaits: noSuchFunction']
        : [];
      assertEquals([name, when, found], [name, when, []]);
      assertEquals(told.length, expected.length, told.join());
    }
  }
});

test("no promise of a line stream has to be awaited", async () => {
  const ways: Record<string, (stream: LineStream) => unknown> = {
    "readLine()": (stream) => stream.readLine(),
    "read()": (stream) => stream.read(),
    "write()": (stream) => stream.write("\ud800"),
    "writeLine()": (stream) => stream.writeLine("x"),
    "forceOutput()": (stream) => stream.forceOutput(),
    "closeWrite()": (stream) => stream.closeWrite(),
    "close()": (stream) => stream.close(),
    "closed": (stream) => stream.closed,
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const when of ["before", "after"]) {
      const [here, there] = memoryTransports();
      const stream = new LineStream(here);
      const found = await unhandledIn(async () => {
        if (when === "before") way(stream);
        stream.abort();
        await stream.closed;
        if (when === "after") way(stream);
      });
      there.close();
      assertEquals([name, when, found], [name, when, []]);
    }
  }
});

test("functions that the language calls by itself harm nobody", async () => {
  const names = ["valueOf", "toString", "toJSON", "trim", "map", "at"];
  const uses: Functions = {
    add: (a, b) => a as number + (b as number),
    text: (a) => `${a}`,
    json: (a) => JSON.stringify(a),
    trim: (a) => (a as string).trim(),
    map: (a) => (a as unknown[]).map((x) => x),
    less: (a) => a as number < 1,
    sort: (a) => [a, 1].sort(),
    key: (a) => ({ [a as string]: 1 }),
    number: (a) => Number(a),
    math: (a) => Math.max(a as number, 1),
    date: (a) => new Date(a as string).getTime(),
    inspect: (a) => Deno.inspect(a),
  };
  for (const name of names) {
    const [near, far] = wirePair({ onError() {} }, { onError() {} });
    far.serve(uses);
    const found = await unhandledIn(async () => {
      for (const use of Object.keys(uses)) {
        const arg = { [name]: () => Promise.reject(new Error("no")) };
        await (near as Any).remoteValue[use](arg, 1).catch(() => {});
        (near as Any).remote[use](arg, 1);
      }
      await near.remoteValue.inspect!(1);
      near.abort();
      await far.closed;
    });
    assertEquals([name, found], [name, []]);
  }
});

test("a broadcast outlives those who have left, in a process of its own", async () => {
  const module = new URL("../../wire/mod.ts", import.meta.url).href;
  const program = `
    import { wirePair } from ${JSON.stringify(module)};
    const listeners = new Set();
    const functions = {
      subscribe(f) { listeners.add(f); },
      add: (a, b) => a + b,
    };
    const [stays, server] = wirePair({}, { functions });
    const [leaves, other] = wirePair({}, { functions });
    let ticks = 0;
    await stays.remoteValue.subscribe(() => { ticks++; });
    await leaves.remoteValue.subscribe(() => {});
    await leaves.remoteValue.subscribe(() => { throw new Error("no"); });
    for (const f of listeners) f("tick");
    leaves.remoteValue.add({ valueOf: () => new Promise(() => {}) }, 1);
    await stays.ping();
    leaves.abort();
    await other.closed;
    for (const f of listeners) { f("tick"); f.remote("tick"); }
    await stays.ping();
    stays.remoteValue.nothing();
    await stays.ping();
    await server.ping();
    console.log(ticks);
    stays.abort();
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", program],
  });
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stdout).trim()], [0, "3"], text(stderr));
  assert(text(stderr).includes('"nothing" that nobody awaits'), text(stderr));
  assert(isRemoteObject(undefined) === false);
  await macrotask();
});
