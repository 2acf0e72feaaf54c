/**
 * Large chunks are taken in two halves, so that both ends work at once: which
 * ones, and what becomes of the calls in them.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
} from "../../wire/mod.ts";
import { Halves } from "../../wire/native/native_session.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";

const MANY = 256;
/** So many large chunks come first, and so many between two attempts. */
const BURST = 7;
const IN_VAIN = 3;

/** Frames of so many bytes, headers included. */
function chunkOf(frames: number, size: number): Uint8Array {
  const chunk = new Uint8Array(frames * size);
  const view = new DataView(chunk.buffer);
  for (let at = 0; at < chunk.length; at += size) view.setUint32(at, size - 4);
  return chunk;
}

/** What is said of the same chunk, so many times. */
function askOften(halves: Halves, chunk: Uint8Array, times: number): number[] {
  return Array.from({ length: times }, () => halves.of(chunk));
}

const whole = (times: number) => new Array(times).fill(0);

test("of() leaves a burst whole, and divides one in four after that", () => {
  const halves = new Halves();
  const chunk = chunkOf(MANY, 11);
  const middle = MANY / 2 * 11;
  assertEquals(askOften(halves, chunk, 16), [
    ...whole(BURST),
    middle,
    ...whole(IN_VAIN),
    middle,
    ...whole(IN_VAIN),
    middle,
  ]);
});

test("of() divides the next large chunk if the last time helped", () => {
  const halves = new Halves();
  const large = chunkOf(MANY, 11);
  const half = chunkOf(MANY / 2, 11);
  const middle = MANY / 2 * 11;
  assertEquals(askOften(halves, large, BURST + 1).at(-1), middle);
  assertEquals(askOften(halves, half, 5), whole(5));
  assertEquals(halves.of(large), middle);
  assertEquals(halves.of(chunkOf(1, 11)), 0);
  assertEquals(halves.of(large), middle);
});

test("of() divides what takes a while only, and where a frame begins", () => {
  const cases: [frames: number, size: number, middle: number][] = [
    [128, 11, 0],
    [64, 250, 32 * 250],
    [8, 2000, 0],
    [1, 16_000, 0],
    [257, 11, 129 * 11],
  ];
  for (const [frames, size, middle] of cases) {
    const found = askOften(new Halves(), chunkOf(frames, size), BURST + 1);
    assertEquals(found.at(-1), middle, `${frames} frames of ${size} bytes`);
  }
});

test("of() leaves the decoder a chunk with lengths that are no lengths", () => {
  for (const byte of [0, 0x7f, 0xff]) {
    const chunk = chunkOf(MANY, 11);
    // One whose end is beyond the chunk, or far before its next frame.
    chunk.fill(byte, 100 * 11, 100 * 11 + 4);
    for (const half of askOften(new Halves(), chunk, BURST + 1)) {
      assert(half >= 0 && half < chunk.length, `${half} for ${byte}`);
    }
  }
});

/**
 * Two open wires whose ends might be on two cores.
 *
 * @param functions What the far one serves.
 * @param beforeWrite Called before each write.
 */
async function pair(
  functions: object,
  beforeWrite = () => {},
): Promise<[near: Wire, far: Wire]> {
  // No time passes, so that no wire makes way for another.
  const clock = new FakeClock();
  const ends = memoryTransports().map((transport: Transport) => ({
    address: transport.address,
    read: () => transport.read(),
    write: (bytes: Uint8Array<ArrayBuffer>) => {
      beforeWrite();
      return transport.write(bytes);
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  }));
  const [near, far] = ends.map((end) => makeWire(end, { clock })) as [
    Wire,
    Wire,
  ];
  far.serve(functions);
  await near.opened;
  await near.call("add", [0, 0]);
  return [near, far];
}

async function end(...wires: Wire[]): Promise<void> {
  await Promise.all(wires.map((wire) => wire.close()));
}

/** Makes 256 calls at once, so many times; returns the writes of each time. */
async function batches(
  near: Wire,
  far: Wire,
  times: number,
): Promise<number[]> {
  const found: number[] = [];
  for (let time = 0; time < times; time++) {
    const { writes } = far.stats();
    const sums = await Promise.all(
      Array.from({ length: MANY }, (_, n) => near.call("add", [n, time])),
    );
    assertEquals(sums, Array.from({ length: MANY }, (_, n) => n + time));
    found.push(far.stats().writes - writes);
  }
  return found;
}

const ONE_IN_FOUR = [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2];

test("answers to a burst take one write, and later two now and then", async () => {
  const [near, far] = await pair({ add: (a: number, b: number) => a + b });
  const before = near.stats().writes;
  assertEquals(await batches(near, far, 16), ONE_IN_FOUR);
  assertEquals(near.stats().writes - before, 16);
  await end(near, far);
});

test("asynchronous functions answer the first half early, too", async () => {
  const [near, far] = await pair({
    add: async (a: number, b: number) => await Promise.resolve(a + b),
  });
  assertEquals(await batches(near, far, 16), ONE_IN_FOUR);
  await end(near, far);
});

test("calls that follow each other go on in halves", async () => {
  const [near, far] = await pair({ add: (a: number, b: number) => a + b });
  let left = MANY * 40;
  const caller = async () => {
    while (left > 0) {
      const n = left--;
      assertEquals(await near.call("add", [n, 1]), n + 1);
    }
  };
  const before = far.stats();
  await Promise.all(Array.from({ length: MANY }, caller));
  const after = far.stats();
  const answers = after.messagesSent - before.messagesSent;
  const perWrite = answers / (after.writes - before.writes);
  assert(perWrite > MANY / 2 && perWrite < MANY * 0.7, `${perWrite} a write`);
  await end(near, far);
});

test("nothing of the second half runs once the first has ended the wire", async () => {
  let ran = 0;
  const [near, far] = await pair({
    add: (a: number, b: number) => a + b,
    run: () => ++ran,
    stop: () => far.abort(),
  });
  await batches(near, far, BURST);
  const calls = Array.from(
    { length: MANY },
    (_, n) => near.call(n === 20 ? "stop" : "run", []),
  );
  await assertRejects(() => calls[MANY - 1]!);
  await Promise.allSettled(calls);
  assertEquals(ran, 20);
  await Promise.all([near.closed, far.closed]);
});

test("nothing of the second half runs once answers cannot be written", async () => {
  let ran = 0;
  let ranBefore = 0;
  const [near, far] = await pair({
    add: (a: number, b: number) => a + b,
    run: () => ++ran,
  }, () => {
    ranBefore = ran;
    if (ran > 0) throw new Error("It broke.");
  });
  await batches(near, far, BURST);
  const calls = Array.from({ length: MANY }, () => near.call("run", []));
  await Promise.allSettled(calls);
  assertEquals(ran, ranBefore);
  assert(ran > 0 && ran < MANY, `${ran} ran`);
  await Promise.all([near.closed, far.closed]);
});

test("a call of the second half takes a result of the first", async () => {
  const sum = (a: number, b: number) => a + b;
  const makeList = (length: number) => Array.from({ length }, (_, n) => n);
  const cases = [
    { add: sum, list: makeList },
    {
      add: async (a: number, b: number) => await Promise.resolve(sum(a, b)),
      list: async (length: number) => await Promise.resolve(makeList(length)),
    },
  ];
  for (const functions of cases) {
    const [near, far] = await pair({
      ...functions,
      last: (list: number[]) => list.at(-1),
    });
    await batches(near, far, BURST);
    const { writes } = far.stats();
    const { messagesSent } = near.stats();
    const list = near.call("list", [5000]);
    const calls = Array.from(
      { length: MANY },
      (_, n) => near.call("add", [n, 1]),
    );
    assertEquals(await near.call("last", [list]), 4999);
    await Promise.all(calls);
    assertEquals(far.stats().writes - writes, 2);
    // None is made again because the result was gone.
    assertEquals(near.stats().messagesSent - messagesSent, MANY + 2);
    await end(near, far);
  }
});
