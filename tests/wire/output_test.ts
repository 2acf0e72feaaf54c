import { assert, assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../../wire/base/clock.ts";
import { WireError } from "../../wire/base/errors.ts";
import { resolveLimits, type WireLimits } from "../../wire/base/limits.ts";
import { PIECE } from "../../wire/codec/frames.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { type Exporter, NO_EXPORTER } from "../../wire/codec/passing.ts";
import { type MessageOutput, Output } from "../../wire/flow/output.ts";
import type { Transport } from "../../wire/transport/transport.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { bytesCopied } from "./_counting.ts";
import { framesOf } from "./_session.ts";

const LIMITS = resolveLimits();
const MIB = 1024 * 1024;

/** What a test makes otherwise. */
interface Made {
  readonly isAccepted?: boolean;
  readonly exporter?: Exporter;
  readonly limits?: Readonly<WireLimits>;
  /** Takes bytes, as a transport does. */
  readonly write?: Transport["write"];
}

/** An output whose peer has said hello, and what it writes. */
function openOutput(
  { isAccepted = true, exporter = NO_EXPORTER, limits = LIMITS, write }: Made =
    {},
): { output: Output; writes: Uint8Array[] } {
  const writes: Uint8Array[] = [];
  const transport: Transport = {
    address: { transport: "memory" },
    read: () => Promise.resolve(null),
    write: write ?? ((bytes) => {
      writes.push(bytes.slice());
      return Promise.resolve(bytes.length);
    }),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const failed = (error: unknown) => {
    throw error;
  };
  const output = new Output(transport, systemClock, limits, {
    onRoom: () => {},
    onFailed: failed,
  }, { exporter });
  output.greet({ features: 0, limits });
  if (isAccepted) output.open(limits);
  return { output, writes };
}

/** Has each message have attachments that tell what becomes of them. */
function attaching(done: string[]): Exporter {
  return {
    export: () => undefined,
    take: () => ({
      admit: () => undefined,
      sent: () => done.push("sent"),
      undo: () => done.push("undone"),
    }),
  };
}

/** Sends byte arrays, each in a message of its own. */
function sendAll(output: MessageOutput, sizes: readonly number[]): void {
  for (const [index, size] of sizes.entries()) {
    const value = new Uint8Array(size).fill(index);
    output.send({ kind: "message", value });
  }
}

/** The numbers of the messages whose pieces each write has, without doubles. */
function numbersOf(writes: readonly Uint8Array[]): string[] {
  return writes.map((bytes) => {
    const numbers = framesOf(bytes).map((frame) => {
      assertEquals(frame[4], KIND.piece);
      return frame[5];
    });
    return [...new Set(numbers)].join();
  });
}

for (
  const [what, sizes, turns] of [
    ["those up to 1 MiB one after the other", [MIB, MIB / 2, 70_000], "0,1,2"],
    ["larger ones in turns of 1 MiB", [MIB * 2.5, MIB * 1.5], "0,1,0,1,0"],
    ["one that is alone at a stretch", [MIB * 3], "0"],
  ] as const
) {
  test(`Output lets large messages out: ${what}`, async () => {
    const { output, writes } = openOutput();
    sendAll(output, sizes);
    await output.flush();
    const numbers = numbersOf(writes);
    const order = numbers.filter((number, at) => number !== numbers[at - 1]);
    assertEquals(order.join(), turns);
    for (const bytes of writes) assert(bytes.length < 330 * 1024);
  });
}

test("Output.send() lets small messages go between any two writes", async () => {
  const { output, writes } = openOutput();
  sendAll(output, [MIB]);
  await Promise.resolve();
  output.send({ kind: "ping", token: 1 });
  await output.flush();
  const small = writes.findIndex((bytes) => bytes[4] === KIND.ping);
  assert(small > 0 && small < writes.length - 1);
});

test("Output.encode() copies a large message once, and sends the same", async () => {
  const value = new Uint8Array(MIB).map((_, index) => index * 7);
  const [now, later] = [openOutput(), openOutput()];
  now.output.send({ kind: "message", value });
  await now.output.flush();
  const copied = bytesCopied(() => {
    const body = later.output.encode({ kind: "message", value });
    later.output.sendBody(body, { position: Infinity });
  });
  assert(copied < value.length + 1_000);
  await later.output.flush();
  assertEquals(later.writes.length, now.writes.length);
  for (const [index, bytes] of now.writes.entries()) {
    assert(bytes.every((byte, at) => byte === later.writes[index]![at]));
  }
});

test("Output holds no array of a message that it has encoded", async () => {
  const { output } = openOutput();
  const value = new Uint8Array(MIB);
  const externals = () => output.encoder.writer.externals;
  output.send({ kind: "message", value });
  assertEquals(externals(), []);
  output.encode({ kind: "message", value });
  assertEquals(externals(), []);
  await output.flush();
});

test("Output.flush() waits for what is large until the peer has accepted", async () => {
  const { output, writes } = openOutput({ isAccepted: false });
  output.send({ kind: "message", value: new Uint8Array(200_000) });
  output.send({ kind: "ping", token: 1 });
  let isFlushed = false;
  const flushed = output.flush().then(() => isFlushed = true);
  while (writes.length === 0) await Promise.resolve();
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  // The ping has left, and nothing else.
  assertEquals([isFlushed, writes.length, writes[0]!.length], [false, 1, 9]);
  output.open(LIMITS);
  await flushed;
  assertEquals(output.waiting, 0);
});

/** An output whose writes are taken one by one, by the test. */
function openHeld() {
  const held: (() => void)[] = [];
  const made = openOutput({
    write: (bytes) =>
      new Promise((resolve) => held.push(() => resolve(bytes.length))),
  });
  /** Has the transport take what it was asked to; the next write may begin. */
  const take = async () => {
    held.shift()!();
    await settle();
  };
  return { ...made, take };
}

test("Output.flush() waits for large messages of its time, and not for later ones", async () => {
  const { output, take } = openHeld();
  sendAll(output, [100, MIB]);
  await settle();
  let isFlushed = false;
  output.flush().then(() => isFlushed = true);
  let count = 0;
  for (; !isFlushed; count++) {
    assert(count < 100, "It never resolves.");
    assertEquals(output.large > 0 || count >= 5, true);
    // There is always something to write.
    sendAll(output, [100, MIB]);
    await take();
  }
  // One write of what is small, four of what is large, with others in between.
  assertEquals([count, output.large > 1], [9, true]);
});

test("Output.wasHanded() is false of what waits behind a part of a large message", async () => {
  const { output, take } = openHeld();
  const [large, small] = [{ position: Infinity }, { position: Infinity }];
  output.send({ kind: "ping", token: 1 });
  await settle();
  const value = new Uint8Array(MIB);
  output.send({ kind: "message", value }, large);
  output.send({ kind: "ping", token: 2 }, small);
  const areHanded = () => [large, small].map((one) => output.wasHanded(one));
  assertEquals(areHanded(), [false, false]);
  await take();
  assertEquals([areHanded(), output.taken], [[true, false], small.position]);
  await take();
  assertEquals([areHanded(), output.taken], [[true, true], small.position]);
  await take();
  assertEquals(output.taken > small.position, true);
});

test("Output defines nothing for the peer once its output was dropped", async () => {
  const { output, writes } = openOutput();
  // Its key set is known here, and not yet there.
  const value = { first: 1, second: Symbol("no value") };
  assertThrows(() => output.send({ kind: "message", value }), WireError);
  output.drop();
  output.send({ kind: "abort", code: "aborted", message: "the end" });
  await output.flush();
  const kinds = writes.flatMap(framesOf).map((frame) => frame[4]);
  assertEquals(kinds, [KIND.abort]);
});

test("Output.flush() is over when what it waits for was dropped", async () => {
  const writes: PromiseWithResolvers<number>[] = [];
  const { output } = openOutput({
    write() {
      const write = Promise.withResolvers<number>();
      writes.push(write);
      return write.promise;
    },
  });
  output.send({ kind: "ping", token: 1 });
  await settle();
  output.send({ kind: "ping", token: 2 });
  const flushed = output.flush();
  output.drop();
  writes[0]!.resolve(output.waiting);
  await flushed;
  assertEquals([writes.length, output.waiting], [1, 0]);
});

test("Output writes a reset of its tables also where nothing follows it", async () => {
  const { output, writes } = openOutput();
  const { tables } = output.encoder;
  for (let index = 0; !tables.full; index++) {
    output.send({ kind: "message", value: { [`key ${index}`]: index } });
  }
  await output.flush();
  const value = Symbol("no value");
  assertThrows(() => output.send({ kind: "message", value }), WireError);
  await output.flush();
  assertEquals(output.waiting, 0);
  assertEquals(framesOf(writes.at(-1)!).map(([, , , , kind]) => kind), [
    KIND.reset,
  ]);
});

for (const begun of ["of which a part has left", "of which nothing has left"]) {
  test(`Output.abandon() gives up a message ${begun}`, async () => {
    const isBegun = begun.includes("part");
    const done: string[] = [];
    const { output, writes } = openOutput({ exporter: attaching(done) });
    const ticket = { position: Infinity };
    const value = new Uint8Array(MIB);
    output.send({ kind: "message", value }, ticket);
    const gone = output.whenLargeLeft().then(() => done.push("gone"));
    while (isBegun && writes.length === 0) await Promise.resolve();
    const handed = output.handed;
    assertEquals(output.abandon(ticket), true);
    assertEquals(output.abandon(ticket), false);
    await Promise.all([gone, output.flush()]);
    assertEquals(done, ["undone", "gone"]);
    assertEquals([output.large, output.waiting], [0, 0]);
    const last = writes.flatMap(framesOf).at(-1)?.subarray(4);
    assertEquals(
      [...last ?? []],
      isBegun ? [KIND.piece, 0, PIECE.abandoned] : [],
    );
    assert(output.handed <= handed + 7, `${output.handed} were handed`);
  });
}

test("Output.send() lets a large message go between small ones without end", async () => {
  const { output } = openOutput();
  sendAll(output, [MIB]);
  for (let token = 0; output.large > 0; token++) {
    assert(token < 1_000, "It never leaves.");
    output.send({ kind: "ping", token });
    await Promise.resolve();
  }
  await output.flush();
});

test("Output.send() keeps to the frames of a peer that has not accepted yet", async () => {
  const limits = resolveLimits({ helloFrame: 4_096 });
  const { output, writes } = openOutput({ isAccepted: false, limits });
  sendAll(output, [4_000, 4_200]);
  while (writes.length === 0) await Promise.resolve();
  assertEquals([output.large, writes[0]!.length < 4_100], [1, true]);
  output.open(limits);
  await output.flush();
  assertEquals(output.large, 0);
});

test("Output.send() undoes an answer that finds no room", async () => {
  const done: string[] = [];
  const { output } = openOutput({
    exporter: attaching(done),
    limits: resolveLimits({ sendPause: 1_000, sendMost: 1_000 }),
  });
  const answer = (id: number) =>
    output.send({ kind: "return", id, value: new Uint8Array(2_000) });
  answer(1);
  assertThrows(() => answer(2), WireError, "sendMost");
  assertEquals(done, ["sent", "undone"]);
  await output.flush();
});

test("Output.hasRoom for others beside one large message, and not beside two", async () => {
  const limits = resolveLimits({ sendPause: MIB });
  const { output } = openOutput({ limits });
  sendAll(output, [2 * MIB]);
  assertEquals(output.hasRoom, true);
  sendAll(output, [2 * MIB]);
  assertEquals(output.hasRoom, false);
  await output.flush();
});

test("Output.send() leaves bytes alone that are being written", async () => {
  let writing: Uint8Array | undefined;
  const { output } = openOutput({
    write(bytes) {
      writing ??= bytes;
      return new Promise(() => {});
    },
  });
  sendAll(output, [200_000]);
  while (writing === undefined) await Promise.resolve();
  const before = writing.slice();
  output.send({ kind: "message", value: new Uint8Array(200_000).fill(7) });
  assert(writing.every((byte, at) => byte === before[at]));
});

for (
  const [what, size] of [["collected", 2_000], [
    "of a large message",
    200_000,
  ]] as const
) {
  test(`Output tells what it has collected while what it writes is ${what}`, async () => {
    let isWriting = false;
    const { output } = openOutput({
      write() {
        isWriting = true;
        return new Promise(() => {});
      },
    });
    sendAll(output, [size]);
    while (!isWriting) await Promise.resolve();
    const { waiting } = output;
    assert(waiting > size);
    const collected = size === 2_000 ? waiting : 0;
    assertEquals(output.collected, collected);
    output.send({ kind: "ping", token: 1 });
    assert(output.waiting > waiting);
    assertEquals(output.collected, collected + output.waiting - waiting);
  });
}
