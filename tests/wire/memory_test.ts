/**
 * What came and is not dealt with: what it may take in memory beyond its bytes,
 * on one wire and on all of a server.
 */

import { assert, assertEquals } from "@std/assert";
import {
  DEFAULT_LIMITS,
  Memory,
  SharedMemory,
} from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { type RemoteStream, wirePair } from "../../wire/mod.ts";
import type { WireOptions } from "../../wire/wire.ts";
import { settle } from "../_fake_clock.ts";
import { call, frame, Raw, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { exactly } from "./_exact.ts";
import { fate } from "./_keeping.ts";

/** The least that may be set. */
const LEAST = 1024 * 1024;

/** Some 600 KB in memory, of some 2 KB. */
function heavy(): unknown[] {
  return Array.from({ length: 1_400 }, () => new Uint8Array(0));
}

/** Some 3 KB in memory, of about as many bytes. */
function light(): string {
  return "x".repeat(3_000);
}

function message(value: unknown): Message {
  return { kind: "message", value };
}

const never = () => new Promise<never>(() => {});

/** A peer of a wire whose functions settle when they are told to. */
class Holding extends RawPeer {
  readonly #free: PromiseWithResolvers<void>;

  constructor(options: WireOptions = {}, shared?: SharedMemory) {
    const free = Promise.withResolvers<void>();
    const functions = {
      hold: () => free.promise,
      fail: () =>
        free.promise.then(() => {
          throw new Error("held");
        }),
      now: () => 1,
    };
    super(
      { limits: { memory: LEAST }, functions, ...options },
      shared === undefined ? undefined : { sharedMemory: shared },
    );
    this.#free = free;
  }

  /** What the wire holds. */
  get held(): number {
    return this.wire.stats().memoryHeld;
  }

  /** Lets all functions settle. */
  async free(): Promise<void> {
    this.#free.resolve();
    await settle();
  }

  /** The code of the next answer; "" for a result. */
  async code(): Promise<string> {
    const answer = await this.hear("fail", "return", "throw");
    return answer?.kind === "fail" ? answer.code : "";
  }
}

test("Memory has room for what is light, however much is held", () => {
  const memory = new Memory(1_000);
  assertEquals(memory.room(100), 1_100);
  memory.hold(900);
  assertEquals([memory.held, memory.room(10)], [900, 110]);
  memory.hold(500);
  assertEquals([memory.held, memory.room(100)], [1_400, 400]);
  memory.give(1_400);
  assertEquals([memory.held, memory.room(100)], [0, 1_100]);
});

test("Memory shares, and keeps a share for each that holds little", () => {
  const shared = new SharedMemory(1_000_000, 10);
  assertEquals(shared.share, 100_000);
  const [one, two] = [new Memory(2_000_000, shared), new Memory(700, shared)];
  assertEquals([one.room(1), two.room(1)], [1_000_001, 701]);
  one.hold(999_900);
  assertEquals([one.room(1), two.room(1)], [101, 701]);
  one.hold(100);
  // What is light may be held all the same.
  assertEquals([one.room(1), two.room(1)], [4, 701]);
  two.hold(650);
  assertEquals([shared.held, two.room(1)], [1_000_650, 51]);
  one.end();
  assertEquals([shared.held, one.held, two.held], [650, 0, 650]);
  one.give(100);
  one.hold(100);
  assertEquals([shared.held, one.held], [650, 0]);
  two.end();
  assertEquals(shared.held, 0);
});

test("Memory is tight where more than half of it is held", () => {
  const memory = new Memory(1_000);
  memory.hold(500);
  assertEquals(memory.isTight, false);
  memory.hold(1);
  assertEquals(memory.isTight, true);
  const shared = new SharedMemory(1_000_000, 10);
  const [one, two] = [new Memory(2_000_000, shared), new Memory(9_999, shared)];
  one.hold(500_000);
  assertEquals(one.isTight, false);
  one.hold(1);
  // Who holds little of what all have is not asked to wait.
  assertEquals([one.isTight, two.isTight], [true, false]);
});

test("SharedMemory leaves each wire something, however many there may be", () => {
  assertEquals(new SharedMemory(LEAST, 2 ** 31 - 1).share, 65_536);
});

test("calls hold memory until they are answered", async () => {
  for (const name of ["hold", "fail"]) {
    await using peer = new Holding();
    await peer.open();
    await peer.tell(call(0, name, heavy()));
    await settle();
    assert(peer.held > 500_000 && peer.held < LEAST, `${peer.held}`);
    // There is no room for another one, but for what is light.
    await peer.tell(call(1, name, heavy()));
    assertEquals(await peer.code(), "limit");
    await peer.tell(call(2, "now", light()));
    assertEquals(await peer.code(), "");
    await peer.free();
    assertEquals(await peer.code(), "");
    assertEquals(peer.held, 0);
    await peer.tell(call(1, "now", heavy()));
    assertEquals(await peer.code(), "");
    assertEquals(peer.held, 0);
    assertEquals(peer.wire.ended, undefined);
  }
});

test("a call that is refused for want of memory says so", async () => {
  await using peer = new Holding();
  await peer.open();
  await peer.tell(call(0, "hold", heavy()), call(1, "hold", heavy()));
  const refused = await peer.hear("fail");
  assertEquals([refused?.id, refused?.code], [1, "limit"]);
  assert(refused!.message.includes('"memory"'), refused!.message);
});

test("one-way calls hold memory until they have settled", async () => {
  for (const name of ["hold", "fail"]) {
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    await using peer = new Holding({ onError });
    await peer.open();
    await peer.tell(send(name, heavy()), send("now", heavy()));
    await settle();
    assert(peer.held > 500_000, `${peer.held}`);
    assertEquals(errors.map((error) => (error as { code: string }).code), [
      "limit",
    ]);
    await peer.free();
    assertEquals(peer.held, 0);
    await peer.tell(send("now", heavy()));
    await settle();
    assertEquals([errors.length, peer.held], [name === "fail" ? 2 : 1, 0]);
  }
});

test("one-way calls that wait for others hold memory, too", async () => {
  await using peer = new Holding({ limits: { memory: 2 * LEAST, calls: 1 } });
  await peer.open();
  await peer.tell(send("hold", 1), send("hold", heavy()), send("now", heavy()));
  await settle();
  assert(peer.held > 1_000_000, `${peer.held}`);
  await peer.free();
  assertEquals([peer.held, peer.wire.stats().callsServed], [0, 3]);
});

test("calls that are cancelled, or wait for room, release memory", async () => {
  const limits = { memory: 4 * LEAST, sendPause: 1 };
  const functions = { large: () => "x".repeat(100), hold: never };
  await using peer = new Holding({ limits, functions });
  await peer.open();
  await peer.tell(
    call(0, "large"),
    call(1, "large", heavy()),
    call(2, "large", heavy()),
    { kind: "cancel", id: 2 },
    call(3, "hold", heavy()),
  );
  for (let answers = 0; answers < 3; answers++) {
    await peer.hear("fail", "return");
  }
  await settle();
  const { held } = peer;
  assert(held > 500_000 && held < 700_000, `${held}`);
});

test("typed messages that nobody takes hold next to nothing", async () => {
  await using peer = new Holding();
  await peer.open();
  const sent: unknown[] = [
    heavy(),
    Array.from({ length: 50 }, () => new Map()),
    "a",
    Array.from({ length: 300 }, (_, index) => [index, new Set()]),
    Array.from({ length: 9 }, () => ({ key: [], other: new Error("e") })),
    heavy(),
  ];
  await peer.tell(...sent.map(message));
  await settle();
  assert(peer.held < 3_000, `${peer.held}`);
  assertEquals(peer.wire.stats().inbox, sent.length);
  for (const value of sent) {
    const taken = await peer.wire.getObject();
    assertEquals(exactly(taken), exactly(value));
  }
  assertEquals(peer.held, 0);
});

test("typed messages arrive as they were, whatever becomes of the tables", async () => {
  await using peer = new RawPeer();
  await peer.open();
  // Objects of the key set 0: "a" at first, "b" later.
  const objects = new Uint8Array([
    0x10,
    0xd1,
    60,
    ...Array(60).fill([0xb0, 0xd4, 0]).flat(),
  ]);
  const text = [
    0x90,
    0xa2,
    0x82,
    0xd1,
    40,
    ...Array(40).fill([0xce, 0]).flat(),
  ];
  text.push(0x6f, 0x6b, 0, 2);
  for (const key of [0x61, 0x62, 0x63]) {
    await peer.say(frame(3, 2, 1, key));
    await peer.say(frame(...objects));
    await peer.say(frame(...objects));
    await peer.say(frame(...text));
    await peer.say(frame(4));
  }
  await settle();
  assertEquals(peer.wire.ended, undefined);
  for (const key of ["a", "b", "c"]) {
    for (let time = 0; time < 2; time++) {
      const taken = await peer.wire.getObject() as Record<string, unknown>[];
      assertEquals(taken.length, 60);
      assertEquals(Object.keys(taken[59]!), [key]);
      assertEquals(taken[59]![key], new Map());
    }
    const [ok, list] = await peer.wire.getObject() as [string, Uint8Array[]];
    assertEquals([ok, list.length, list[39]!.length], ["ok", 40, 0]);
  }
  assertEquals(peer.wire.stats().memoryHeld, 0);
});

test("typed messages can be taken when the wire has ended", async () => {
  await using peer = new Holding();
  await peer.open();
  await peer.tell(message(heavy()), message([new Map()]));
  await settle();
  peer.wire.abort();
  assertEquals(await peer.wire.getObject(), heavy());
  assertEquals(await peer.wire.getObject(), [new Map()]);
  assertEquals(await fate(peer.wire.getObject()), "aborted undefined");
  await peer.hearOut();
});

test("typed messages with references hold memory until they are taken", async () => {
  await using peer = new Holding();
  await peer.open();
  const reference = new Raw({
    as: "object",
    slot: 0,
    nonce: 1,
    isFunction: true,
  });
  await peer.tell(message([reference, heavy()]));
  await peer.tell(message([reference, heavy()]), message([reference]));
  await settle();
  assert(peer.held > 500_000, `${peer.held}`);
  assertEquals(await fate(peer.wire.getObject().then(() => 1)), "value 1");
  assert(peer.held < 5_000, `${peer.held}`);
  assertEquals(await fate(peer.wire.getObject()), "limit undefined");
  assertEquals(await fate(peer.wire.getObject().then(() => 2)), "value 2");
  assertEquals(peer.held, 0);
});

test("messages over a limit that nobody takes share one error", async () => {
  await using peer = new Holding({ limits: { nesting: 1, values: 50 } });
  await peer.open();
  await peer.tell(...Array(3).fill(message([[1]])), message(Array(60).fill(1)));
  await settle();
  const errors: { code: string }[] = [];
  for (let time = 0; time < 4; time++) {
    const error = await peer.wire.getObject().catch((error) => error);
    errors.push(error as { code: string });
  }
  assertEquals(errors.map(({ code }) => code), Array(4).fill("limit"));
  assert(errors[0] === errors[1] && errors[1] === errors[2]);
  assert(errors[2] !== errors[3]);
});

/** A peer whose streams are held by a call. */
async function streaming(limits: WireOptions["limits"] = {}) {
  const taken: RemoteStream<unknown>[] = [];
  const functions = {
    take: (one: RemoteStream<unknown>) => void taken.push(one),
  };
  const peer = new Holding({ limits: { memory: LEAST, ...limits }, functions });
  await peer.open();
  for (const id of [0, 1]) {
    await peer.tell(send("take", new Raw({ as: "stream", id })));
  }
  await settle();
  return { peer, taken };
}

test("items of streams that nobody takes hold next to nothing", async () => {
  const { peer, taken } = await streaming();
  await using _peer = peer;
  const items: unknown[] = [heavy(), "a", [new Map()], heavy()];
  for (const value of items) {
    await peer.tell({ kind: "streamValue", id: 0, value });
  }
  await peer.tell({ kind: "streamBytes", id: 0, bytes: new Uint8Array([7]) });
  await settle();
  assert(peer.held < 1_000, `${peer.held}`);
  const stream = taken[0]![Symbol.asyncIterator]();
  for (const value of items) {
    assertEquals((await stream.next()).value, value);
  }
  assertEquals((await stream.next()).value, new Uint8Array([7]));
  assertEquals(peer.held, 0);
});

test("items with references hold memory until they are taken, or dropped", async () => {
  const reference = new Raw({
    as: "object",
    slot: 0,
    nonce: 1,
    isFunction: true,
  });
  const item = (id: number): Message => ({
    kind: "streamValue",
    id,
    value: [reference, heavy()],
  });
  for (const isTaken of [true, false]) {
    const { peer, taken } = await streaming();
    await using _peer = peer;
    await peer.tell(item(0));
    await settle();
    assert(peer.held > 500_000, `${peer.held}`);
    // A second one has no room, and its stream fails.
    await peer.tell(item(1));
    const other = taken[1]![Symbol.asyncIterator]();
    assertEquals(await fate(other.next()), "limit undefined");
    if (isTaken) await taken[0]![Symbol.asyncIterator]().next();
    else taken[0]!.cancel();
    await settle();
    assertEquals(peer.held, 0);
    assertEquals(peer.wire.ended, undefined);
  }
});

test("why a stream failed holds memory until somebody has heard", async () => {
  const failed = (id: number): Message => ({
    kind: "streamError",
    id,
    thrown: new Error("m", { cause: heavy() }),
  });
  const { peer, taken } = await streaming();
  await using _peer = peer;
  await peer.tell(failed(0));
  await settle();
  assert(peer.held > 500_000, `${peer.held}`);
  await peer.tell(failed(1));
  await settle();
  const [one, two] = taken.map((stream) => stream[Symbol.asyncIterator]());
  const limited = await two!.next().catch((error) => error);
  assert(limited.message.includes("memory"), limited.message);
  const error = await one!.next().catch((error) => error);
  assertEquals(error.cause?.length, 1_400);
  await settle();
  assertEquals(peer.held, 0);
});

test("what a peer has long light values for goes on when memory is used up", async () => {
  await using peer = new Holding();
  await peer.open();
  await peer.tell(
    call(0, "hold", heavy()),
    call(1, "hold", Array(500).fill(0)),
  );
  // Words, numbers, records: whatever ordinary programs send.
  const rows = Array.from({ length: 40 }, (_, id) => ({
    id: id * 1_000,
    name: `name ${id}`,
    tags: ["one", "two"],
    since: new Date(0),
  }));
  for (const value of [light(), rows, new Uint8Array(5_000), { rows }]) {
    await peer.tell(call(2, "now", value));
    assertEquals(await peer.code(), "");
  }
});

test("copies of results hold memory as long as their calls", async () => {
  const free = Promise.withResolvers<void>();
  const functions = { result: heavy, hold: () => free.promise, now: () => 1 };
  await using peer = new RawPeer({ limits: { memory: LEAST }, functions });
  await peer.open();
  const result = new Raw({ as: "result", id: 0 });
  await peer.tell(
    call(0, "result"),
    call(1, "hold", result),
    call(2, "hold", result),
  );
  const gone = await peer.hear("fail");
  assertEquals([gone?.id, gone?.code], [2, "resultGone"]);
  const { memoryHeld } = peer.wire.stats();
  assert(memoryHeld > 500_000, `${memoryHeld}`);
  free.resolve();
  assertEquals((await peer.hear("return"))?.id, 1);
  assertEquals(peer.wire.stats().memoryHeld, 0);
});

test("the end of a wire releases what it shares with others", async () => {
  const shared = new SharedMemory(LEAST, 16);
  await using one = new Holding({ limits: { memory: 8 * LEAST } }, shared);
  await using two = new Holding({ limits: { memory: 8 * LEAST } }, shared);
  await Promise.all([one.open(), two.open()]);
  await one.tell(call(0, "hold", heavy()), call(1, "hold", heavy()));
  assertEquals(await one.code(), "limit");
  assert(shared.held > 500_000, `${shared.held}`);
  // Of what both may hold, the other one has its share.
  await two.tell(call(0, "hold", heavy()));
  assertEquals(await two.code(), "limit");
  await two.tell(call(0, "now", heavy().slice(0, 100)));
  assertEquals(await two.code(), "");
  one.wire.abort();
  await one.hearOut();
  assertEquals(shared.held, 0);
  await two.tell(call(0, "now", heavy()));
  assertEquals(await two.code(), "");
});

test("DEFAULT_LIMITS leave room for 10 of the heaviest lists there may be", () => {
  // A list of all values that a message may hold takes 64 bytes for each.
  assert(DEFAULT_LIMITS.values * 64 * 8 <= DEFAULT_LIMITS.memory);
});

test("what is light holds nothing, and releases nothing", async () => {
  await using peer = new Holding();
  await peer.open();
  for (let count = 0; count < 3; count++) await peer.tell(message(1));
  await peer.tell(call(0, "hold", 1), send("hold", 1));
  await settle();
  assertEquals(peer.wire.stats().memoryHeld, 0);
  await peer.wire.getObject();
  assertEquals(peer.wire.stats().memoryHeld, 0);
});

test("messages that are kept as their bytes stay as they came", async () => {
  // A wire writes from the same buffers again and again.
  const [near, far] = wirePair();
  await near.opened;
  for (let n = 0; n < 5; n++) {
    near.outputObject([n, ...heavy(), n]);
    await near.forceOutput();
  }
  await near.ping();
  for (let n = 0; n < 5; n++) {
    const list = await far.getObject() as unknown[];
    assertEquals([list[0], list.length, list.at(-1)], [n, 1_402, n]);
  }
  await near.close();
  await far.closed;
});
