import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  makeRemoteObject,
  makeWire,
  type Wire,
  WireError,
  wirePair,
} from "../../mod.ts";
import { broadcast, WireGroup } from "../../wire/broadcast/broadcast.ts";
import { memoryTransports } from "../../wire/transport/transport.ts";
import { SharedArguments } from "../../wire/codec/value_writer.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** Wires, and what their peers heard. */
function crowd(count: number) {
  const heard: unknown[][] = [];
  const nears: Wire[] = [];
  const fars: Wire[] = [];
  for (let at = 0; at < count; at++) {
    const [near, far] = wirePair();
    far.serve({ hear: (...args: unknown[]) => void heard.push([at, ...args]) });
    nears.push(near);
    fars.push(far);
  }
  return { heard, nears, fars };
}

async function leave(wires: readonly Wire[]): Promise<void> {
  await Promise.all(wires.map((wire) => wire.close()));
}

const RECORD = {
  name: "Łódź, 東京, 🌍",
  list: [1, -1, 2.5, 2n ** 70n, null, undefined, true],
  at: new Date(5),
  bytes: new Uint8Array([1, 2, 3]),
  map: new Map<unknown, unknown>([["a", new Set([1])]]),
  nested: { deep: [{ a: 1, b: "x".repeat(100) }, { a: 2, b: "" }] },
};

test("broadcast() calls each wire once, with equal arguments", async () => {
  const { heard, nears } = crowd(3);
  const { remote } = broadcast(nears);
  await remote.hear(RECORD, "text", 5);
  await remote.hear();
  await remote.hear(1, 2);
  await Promise.all(nears.map((near) => near.forceOutput()));
  await leave(nears);
  const all = [[RECORD, "text", 5], [], [1, 2]];
  for (const at of [0, 1, 2]) {
    const own = heard.filter(([whose]) => whose === at);
    assertEquals(own, all.map((args) => [at, ...args]));
  }
});

test("arguments that are data are turned into bytes once", async () => {
  const { heard, nears } = crowd(50);
  let reads = 0;
  const counting = {
    get value() {
      return ++reads;
    },
  };
  await broadcast(nears).remote.hear(counting);
  await leave(nears);
  assertEquals(heard.length, 50);
  const values = heard.map(([, arg]) => (arg as typeof counting).value);
  assertEquals(new Set(values).size, 1);
  // Before that it is looked for streams.
  assert(reads <= 2, `${reads} times`);
});

test("what each wire has to write itself, it does", async () => {
  const { heard, nears } = crowd(2);
  const large = new Uint8Array(100_000).fill(7);
  const object = makeRemoteObject({ five: () => 5 });
  await broadcast(nears).remote.hear(large, object);
  await Promise.all(nears.map((near) => near.ping()));
  assertEquals(heard.length, 2);
  for (const [, bytes, reference] of heard) {
    assertEquals(bytes, large);
    using five = reference as {
      remoteValue: { five(): Promise<number> };
    } & Disposable;
    assertEquals(await five.remoteValue.five(), 5);
  }
  await leave(nears);
});

test("a peer with small limits is sent what it takes, or told", async () => {
  const { heard, nears } = crowd(1);
  const told: string[] = [];
  const [here, there] = memoryTransports();
  const small = makeWire(there, {
    onError: (error) => told.push((error as WireError).code),
  });
  const few = makeWire(here, {
    limits: { nesting: 2 },
    functions: { hear: (...args: unknown[]) => void heard.push(["few", args]) },
  });
  await small.opened;
  const { remote } = broadcast([small, ...nears]);
  await remote.hear([1]);
  await remote.hear([[[[1]]]]);
  await Promise.all([small, ...nears].map((wire) => wire.ping()));
  const sorted = heard.toSorted(([one], [other]) =>
    String(one) < String(other) ? -1 : one === other ? 0 : 1
  );
  assertEquals(sorted, [[0, [1]], [0, [[[[1]]]]], ["few", [[1]]]]);
  await Promise.all([small.close(), ...nears.map((near) => near.close())]);
  await few.closed;
  assertEquals(told, ["limit"]);
});

test("one that has ended is skipped, and one that takes nothing holds up nobody", async () => {
  const { heard, nears } = crowd(3);
  const told: string[] = [];
  const [here, there] = memoryTransports();
  const stuck = makeWire(here, {
    onError: (error) => told.push((error as WireError).code),
    limits: { sendPause: 1_000, sendMost: 20_000 },
  });
  const peer = makeWire(there, {
    functions: { hear: () => new Promise(() => {}) },
    limits: { window: 5_000 },
  });
  await stuck.opened;
  await leave([nears[1]!]);
  const many = broadcast([stuck, ...nears]);
  const text = "x".repeat(900);
  for (let n = 0; n < 100; n++) many.remote.hear(n, text);
  await Promise.all([nears[0]!.ping(), nears[2]!.ping()]);
  for (const at of [0, 2]) {
    const own = heard.filter(([whose]) => whose === at);
    assertEquals(own.map(([, n]) => n), Array.from(Array(100).keys()));
  }
  assertEquals(heard.length, 200);
  const { outputWaiting } = stuck.stats();
  assert(outputWaiting <= 25_000, `${outputWaiting} bytes`);
  await settle();
  // Of what it could not take, its own listener is told, once.
  assertEquals(told, ["limit"]);
  stuck.abort();
  peer.abort();
  await Promise.all([stuck.closed, peer.closed]);
  await leave([nears[0]!, nears[2]!]);
});

test("arguments that nobody takes fail the broadcast, and tell no wire", async () => {
  const told: unknown[] = [];
  const pairs = [0, 1].map(() =>
    wirePair({ onError: (error) => told.push(error) })
  );
  const nears = pairs.map(([near]) => near);
  const { remote } = broadcast(nears);
  const error = await assertRejects(() => remote.hear(Symbol("no")), WireError);
  assertEquals(error.code, "unsupportedValue");
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const deep = await assertRejects(() => remote.hear(cyclic), WireError);
  assertEquals(deep.code, "limit");
  const streams = await assertRejects(
    () => remote.hear((async function* () {})()),
    WireError,
    "broadcast the items",
  );
  assertEquals(streams.code, "unsupportedValue");
  await leave(nears);
  assertEquals(told, []);
});

test("middleware, deadlines and metadata are those of each wire", async () => {
  const [near, far] = wirePair({
    callThrough: [(call, next) => next({ args: [...call.args, "through"] })],
  });
  const heard = Promise.withResolvers<unknown>();
  far.serve({
    hear(this: { metadata: unknown }, ...args: unknown[]) {
      heard.resolve([args, this.metadata]);
    },
  });
  const some = broadcast([near]);
  await some.with({ metadata: { who: "me" } }).remote.hear([1]);
  assertEquals(await heard.promise, [[[1], "through"], { who: "me" }]);
  assertThrows(
    () => some.with({ metadat: {} } as never),
    WireError,
    "metadata",
  );
  await near.close();
});

test("a member that throws, or answers nothing, keeps no other from its call", async () => {
  const { heard, nears } = crowd(2);
  const told: unknown[] = [];
  const bad = (send: () => unknown) => ({ ended: undefined, send } as never);
  const members = [
    nears[0]!,
    bad(() => {
      throw new Error("It is broken.");
    }),
    bad(() => undefined),
    bad(() => Promise.reject(new Error("It fails."))),
    bad(() => ({
      then: (_done: unknown, failed: (error: Error) => void) =>
        failed(new Error("It fails later.")),
    })),
    nears[1]!,
  ];
  const { error } = console;
  console.error = (text: string) => told.push(text);
  try {
    await broadcast(members).remote.hear([1]);
    await settle();
  } finally {
    console.error = error;
  }
  await leave(nears);
  assertEquals(heard, [[0, [1]], [1, [1]]]);
  assertEquals(told.length, 3);
});

test("one that is no wire is told of before any is called", async () => {
  const { heard, nears } = crowd(1);
  const all = broadcast([nears[0]!, {} as never]);
  await assertRejects(() => all.remote.hear(1), WireError);
  await leave(nears);
  assertEquals(heard, []);
});

test("what is no wire is refused", async () => {
  for (const wrong of [undefined, null, 5, {}]) {
    assertThrows(() => broadcast(wrong as never), WireError, "server.wires");
  }
  const { remote } = broadcast([{} as never]);
  const error = await assertRejects(() => remote.hear(), WireError);
  assertEquals(error.code, "invalidArgument");
  const group = new WireGroup();
  const send = () => Promise.resolve();
  for (const wrong of [{}, undefined, { send, ended: undefined }]) {
    assertThrows(() => group.add(wrong as never), WireError);
  }
  assertEquals(group.size, 0);
});

test("a group is joined and left, and its dead are out", async () => {
  const { heard, nears } = crowd(3);
  const [one, two, three] = nears as [Wire, Wire, Wire];
  const room = new WireGroup();
  const other = new WireGroup();
  room.add(one).add(two).add(two);
  other.add(two).add(three);
  assertEquals([room.size, [...room], room.has(three)], [2, [one, two], false]);
  await room.remote.hear("a");
  assertEquals([room.delete(one), room.delete(one)], [true, false]);
  await room.with({ deadline: 5_000 }).remote.hear("b");
  await leave([two]);
  assertEquals([room.size, other.size], [0, 1]);
  room.add(two);
  assertEquals(room.size, 0);
  other.clear();
  assertEquals(other.size, 0);
  await leave([one, three]);
  assertEquals(heard.toSorted(), [[0, "a"], [1, "a"], [1, "b"]]);
});

test("all clients of a server are called", async () => {
  await using server = createRequestServer(0);
  const heard: unknown[] = [];
  const clients = await Promise.all(
    [0, 1].map((at) =>
      connectToRemoteServer("127.0.0.1", server.port, {
        functions: { hear: (value: unknown) => void heard.push([at, value]) },
      })
    ),
  );
  // The server has accepted before its clients are told.
  await broadcast(server.wires).remote.hear({ a: 1 });
  await Promise.all([...server.wires].map((wire) => wire.ping()));
  await leave(clients);
  assertEquals(heard.toSorted(), [[0, { a: 1 }], [1, { a: 1 }]]);
});

test("SharedArguments are a list as any other", () => {
  const shared = SharedArguments.from([1, [2]]);
  assert(Array.isArray(shared));
  assertEquals(shared.map((one) => one) instanceof SharedArguments, false);
  assertEquals((shared as SharedArguments).bytes?.[0], 2);
  const none = SharedArguments.from([Symbol()]) as SharedArguments;
  assertEquals(none.bytes, undefined);
});
