/** The way of bytes out of a wire: collected, counted, and taken in parts. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  ByteOutput,
  NoRoom,
  type OutputLimits,
  putVarint,
  QueuedDeadline,
  SMALL_ANSWER,
} from "../../wire/flow/byte_output.ts";
import type { Transport } from "../../wire/transport/transport.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** An output into which anything can be written. */
class Bytes extends ByteOutput {
  put(...bytes: number[]): void {
    for (const byte of bytes) this.writer.byte(byte);
    this.schedule();
  }

  /** Whether so many bytes find room, though all is written in any case. */
  find(size: number): void {
    const start = this.writer.position;
    for (let count = 0; count < size; count++) this.writer.byte(0);
    this.findRoom(start, size);
  }
}

/** A write that the transport was asked for. */
interface Write {
  readonly bytes: number[];
  /** Takes so many of its bytes. */
  take(count: number): void;
  fail(error: unknown): void;
}

const LIMITS: OutputLimits = { sendPause: 10, sendMost: 20 };

function open(limits = LIMITS) {
  const writes: Write[] = [];
  const told: string[] = [];
  const transport: Transport = {
    address: { transport: "memory" },
    read: () => Promise.resolve(null),
    write(bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      writes.push({ bytes: [...bytes], take: resolve, fail: reject });
      return promise;
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const clock = new FakeClock();
  const output = new Bytes(transport, clock, limits, {
    onRoom: () => told.push("room"),
    onFailed: (error) => told.push(`failed: ${error}`),
  });
  return { output, writes, told, clock };
}

test("ByteOutput collects what comes in a tick, and meanwhile what comes next", async () => {
  const { output, writes } = open();
  output.put(1);
  output.put(2, 3);
  assertEquals([output.busy, output.waiting, output.handed], [false, 3, 0]);
  await settle();
  assertEquals(writes[0]?.bytes, [1, 2, 3]);
  assertEquals([output.busy, output.waiting, output.handed], [true, 3, 3]);
  const areHanded = [2, 3].map((position) => output.wasHanded({ position }));
  assertEquals(areHanded, [true, false]);
  output.put(4);
  output.put(5);
  await settle();
  // One write at a time.
  assertEquals([writes.length, output.waiting, output.taken], [1, 5, 0]);
  writes[0]!.take(3);
  await settle();
  assertEquals(writes[1]?.bytes, [4, 5]);
  assertEquals([output.waiting, output.taken, output.writes], [2, 3, 2]);
});

test("ByteOutput asks again for what was not taken, to the byte", async () => {
  const { output, writes } = open();
  output.put(1, 2, 3, 4);
  await settle();
  writes[0]!.take(1);
  await settle();
  assertEquals(writes[1]?.bytes, [2, 3, 4]);
  assertEquals([output.waiting, output.taken, output.handed], [3, 1, 4]);
  writes[1]!.take(3);
  await settle();
  assertEquals([output.waiting, output.busy, writes.length], [0, false, 2]);
});

for (const count of [0, -1, 5, 1.5, NaN]) {
  test(`ByteOutput fails where ${count} of 4 bytes are said to be taken`, async () => {
    const { output, writes, told } = open();
    output.put(1, 2, 3, 4);
    await settle();
    writes[0]!.take(count);
    await settle();
    assertEquals(told.length, 1);
    assertEquals([output.busy, output.waiting, writes.length], [false, 0, 1]);
  });
}

test("ByteOutput has room up to the last byte before its pause, and says so once", async () => {
  const { output, writes, told } = open();
  output.put(...Array(9).fill(0));
  assertEquals(output.hasRoom, true);
  output.put(0);
  assertEquals(output.hasRoom, false);
  await settle();
  writes[0]!.take(9);
  await settle();
  // A byte is still to be taken: who waits learns when the write is over.
  assertEquals([output.hasRoom, told], [true, []]);
  writes[1]!.take(1);
  await settle();
  assertEquals(told, ["room"]);
});

test("ByteOutput tells of progress when it was asked, and when it was taken", async () => {
  const { output, writes, clock } = open();
  clock.standStill(1_000);
  output.put(1, 2);
  await settle();
  assertEquals(output.progressAt, 1_000);
  clock.standStill(1_000);
  output.put(3);
  await settle();
  assertEquals(output.progressAt, 1_000);
  writes[0]!.take(1);
  await settle();
  assertEquals(output.progressAt, 2_000);
});

test("ByteOutput.flush() waits for all there is by then, and not for what comes meanwhile", async () => {
  const { output, writes } = open();
  const done: string[] = [];
  await output.flush();
  output.put(1, 2);
  output.flush().then(() => done.push("first"));
  await settle();
  output.put(3);
  output.flush().then(() => done.push("second"));
  writes[0]!.take(1);
  await settle();
  // A byte of it is still to be taken.
  assertEquals(done, []);
  writes[1]!.take(1);
  await settle();
  output.put(4);
  assertEquals([done, output.waiting], [["first"], 2]);
  writes[2]!.take(1);
  await settle();
  assertEquals([done, output.waiting], [["first", "second"], 1]);
});

test("ByteOutput fails once, and leaves nobody waiting", async () => {
  const { output, writes, told } = open();
  output.put(1);
  let isFlushed = false;
  output.flush().then(() => isFlushed = true);
  await settle();
  output.put(2);
  writes[0]!.fail(new Error("reset"));
  await settle();
  assertEquals(told, ["failed: Error: reset"]);
  assertEquals([isFlushed, output.busy], [true, false]);
  output.put(3);
  await settle();
  assertEquals([told.length, writes.length], [1, 1]);
});

test("ByteOutput asks for nothing more once it is stopped", async () => {
  const { output, writes, told } = open();
  output.put(1, 2);
  await settle();
  output.put(3);
  let isFlushed = false;
  output.flush().then(() => isFlushed = true);
  output.stop();
  await settle();
  assertEquals(isFlushed, true);
  writes[0]!.take(1);
  await settle();
  assertEquals([writes.length, told], [1, []]);
  // Bytes wait, and will for ever; nobody else has to.
  await output.flush();
  assertEquals(output.waiting, 2);
});

test("ByteOutput finds room for what is small, and for the rest up to its most", () => {
  const most = 5_000;
  const rooms = { sendPause: 10, sendMost: most };
  for (
    const [waits, size, isFine] of [
      // There is room: how much comes does not matter.
      [9, 50_000, true],
      [10, most - 10, true],
      [10, most - 9, false],
      [most, SMALL_ANSWER, true],
      [most, SMALL_ANSWER + 1, false],
    ] as const
  ) {
    const { output } = open(rooms);
    output.put(...Array(waits).fill(0));
    const find = () => output.find(size);
    if (isFine) find();
    else assertThrows(find, NoRoom, `${waits} wait already`);
    // What finds none is gone, and nothing else.
    assertEquals(output.waiting, isFine ? waits + size : waits);
  }
});

test("ByteOutput leaves no room for an answer that waiting messages need", () => {
  const { output } = open({ sendPause: 10, sendMost: 5_000 });
  output.put(...Array(10).fill(0));
  output.find(2_000);
  output.backlog.add(2_500);
  assertThrows(() => output.find(2_000), NoRoom);
});

test("QueuedDeadline tells what is left, and nothing once that is nothing", () => {
  const clock = new FakeClock();
  const deadline = new QueuedDeadline("work", 300, clock, 1);
  const bytes = new Uint8Array([7, 0, 0, 9]);
  putVarint(bytes, 1, 300);
  const body = { size: 4, bytes };
  clock.standStill(299.5);
  assertEquals(deadline.update(body), undefined);
  assertEquals([...body.bytes], [7, 1, 9]);
  clock.standStill(0.5);
  const error = deadline.update(body);
  assertEquals([error?.code, error?.sent], ["deadline", "notSent"]);
});
