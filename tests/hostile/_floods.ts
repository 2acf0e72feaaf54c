/**
 * Floods of each kind of message: exactly as much as is allowed, and then one
 * more.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../wire/mod.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { call, frame, framed } from "../_raw_peer.ts";
import { type Attack, type Catalogue, TCP } from "./_attack.ts";
import {
  type Bytes,
  each,
  inPieces,
  join,
  rawCall,
  rawMessage,
  rawSend,
  text,
  times,
  uint32,
  varint,
} from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";

const { calls: CALLS, window: WINDOW, message: MESSAGE, cancels: CANCELS } =
  DEFAULT_LIMITS;
/** What each message counts for besides its bytes. */
const COST = 64;
const SIZE = 60_000;
/** How many messages of that size fill a window. */
const FULL = Math.ceil(WINDOW / (SIZE + COST));
const MIB = 1024 * 1024;

/** A message of that size, of bytes. */
const large = sized((size) =>
  rawMessage(0xce, ...varint(size), ...Array(size).fill(1))
);
const largeSend = sized((size) =>
  rawSend("wait", [0xce, ...varint(size), ...Array(size).fill(1)])
);
const largeCall = (id: number) =>
  rawCall(id, "wait", [0xce, ...varint(SIZE), ...Array(SIZE).fill(1)]);

/** How many calls leave room for one: `message` is added to their window. */
const FULL_CALLS = Math.floor(
  (WINDOW + MESSAGE - 1) / (largeCall(500).length - 4 + COST),
);

/** A frame whose body has exactly {@linkcode SIZE} bytes. */
function sized(make: (size: number) => Bytes): Bytes {
  const rest = make(SIZE).length - 4 - SIZE;
  return make(SIZE - rest);
}

/** One-way calls of no arguments that share a frame. */
function run(count: number): Bytes {
  return frame(KIND.sends, 1, 1, ...Array(count).fill(1));
}

async function answered(peer: HostilePeer, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await peer.hear("return", "throw", "fail");
}

/** As much as is allowed, and the same with one more. */
function upTo(
  name: string,
  most: () => Bytes,
  more: () => Bytes,
  how: Partial<Attack> = {},
): Attack[] {
  return [
    { over: TCP, ...how, name, says: most, promise: "goes on" },
    {
      name: `${name}, and one more`,
      says: () => join(most(), more()),
      promise: "malformed",
    },
  ];
}

export const FLOODS: Catalogue = {
  kind: "floods",
  about:
    "Of each kind of message, as much as is allowed does no harm; one more ends the wire.",
  attacks: [
    {
      name: "50,000 pings",
      says: () => times(50_000, frame(KIND.ping, 0, 0, 0, 1)),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "50,000 plain calls, in one go",
      says: () => times(50, each(CALLS, (id) => rawCall(id, "echo", [1]))),
      run: (peer) => answered(peer, 50_000),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "20,000 calls that throw",
      says: () => times(20, each(CALLS, (id) => rawCall(id, "fail"))),
      run: (peer) => answered(peer, 20_000),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "20,000 calls of what is not served",
      says: () => times(20, each(CALLS, (id) => rawCall(id, "no such"))),
      run: (peer) => answered(peer, 20_000),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "20,000 calls of as many names, each of 100 bytes",
      says: () =>
        each(20_000, (n) => rawCall(n % CALLS, `${n}`.padStart(100, "x"))),
      run: (peer) => answered(peer, 20_000),
      promise: "goes on",
      over: TCP,
      holds: 2,
    },
    {
      name: "50,000 one-way calls",
      says: () => times(50_000, rawSend("note")),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "200,000 one-way calls that share frames",
      says: () =>
        join(
          frame(KIND.define, 0, ...text("note")),
          times(20, run(10_000)),
        ),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "50,000 one-way calls of what is not served",
      says: () => times(50_000, rawSend("no such")),
      promise: "goes on",
      over: TCP,
    },
    {
      name: "one-way calls that throw, as many as fill a window",
      says: () => times(20_000, rawSend("fail")),
      promise: "goes on",
      over: TCP,
    },
    ...upTo(
      "999 calls that never end",
      () => each(CALLS - 1, (id) => rawCall(id, "waitForEver")),
      () => each(2, (n) => rawCall(CALLS + n, "waitForEver")),
      { holds: 4 },
    ),
    ...upTo(
      "calls that never end, as many bytes as are allowed",
      () => each(FULL_CALLS, largeCall),
      () => each(2, (n) => largeCall(500 + n)),
      { holds: 12 },
    ),
    ...upTo(
      "one-way calls that never end, as many bytes as are allowed",
      () => times(FULL, largeSend),
      () => largeSend,
      { holds: 6 },
    ),
    ...upTo(
      "messages that nobody takes, as many bytes as are allowed",
      () => times(FULL, large),
      () => large,
      { holds: 6 },
    ),
    ...upTo(
      "64,000 messages that nobody takes, of one byte",
      () => times(Math.ceil(WINDOW / (COST + 2)), rawMessage(1)),
      () => rawMessage(1),
      { holds: 16 },
    ),
    {
      name: `${CANCELS} calls, each cancelled at once`,
      says: () =>
        each(
          CANCELS,
          (id) => join(rawCall(id, "wait"), frame(KIND.cancel, ...varint(id))),
        ),
      run: (peer) => answered(peer, CANCELS),
      promise: "goes on",
    },
    {
      name: "10,000 calls, each cancelled at once, far beyond the rate",
      async run(peer) {
        for (let n = 0; n < 10_000; n += CALLS) {
          await peer.say(
            each(CALLS, (id) =>
              join(
                rawCall(id, "echo", [1]),
                frame(KIND.cancel, ...varint(id)),
              )),
          );
          await answered(peer, CALLS);
        }
      },
      promise: "goes on",
      and: "cancels beyond the rate are ignored",
      over: TCP,
    },
    {
      name: "a message of 4 MiB after the other, each an argument",
      async run(peer) {
        const body = new Uint8Array(MESSAGE);
        const head = rawCall(0, "drop").subarray(4, -1);
        const rest = [1, 0xce, ...varint(MESSAGE - head.length - 6)];
        body.set([...head, ...rest]);
        const frames = inPieces(0, body);
        for (let n = 0; n < 5; n++) {
          await peer.say(frames);
          await peer.value(0);
        }
      },
      promise: "goes on",
      holds: 6,
      over: TCP,
    },
    {
      name: "one byte more than a message may have",
      says: () => inPieces(0, new Uint8Array(MESSAGE + 1).fill(0x10, 0, 1)),
      promise: "malformed",
    },
    {
      name: "calls that answer 4 MB each, 100 at a time",
      async run(peer) {
        await peer.say(
          each(100, (id) => rawCall(id, "fat", [0xc6, ...uint32(4_000_000)])),
        );
        await answered(peer, 100);
      },
      promise: "goes on",
      and: "answers have a limit together, and each comes",
      over: ["tcp"],
    },
    {
      name: "calls with a deadline of a millisecond, 1,000",
      says: () =>
        each(
          CALLS,
          (id) => frame(KIND.call, ...varint(id), 2, 0, ...text("wait"), 1, 0),
        ),
      run: (peer) => answered(peer, CALLS),
      promise: "goes on",
      and: "timers are gone with their calls",
    },
    {
      name: "calls with a deadline of 2^32 - 1 milliseconds, 900",
      says: () =>
        each(
          900,
          (id) =>
            frame(
              KIND.call,
              ...varint(id),
              2,
              0,
              ...text("wait"),
              255,
              255,
              255,
              255,
              15,
              0,
            ),
        ),
      promise: "goes on",
      and: "timers are gone with the wire",
    },
    {
      name: "calls with as much metadata as may be, 500",
      says: () => {
        const entries = Array.from(
          { length: 64 },
          (_, n) => [...text(`${n}`), ...text("v".repeat(120))],
        ).flat();
        return each(
          500,
          (id) =>
            frame(
              KIND.call,
              ...varint(id),
              8,
              0,
              ...text("wait"),
              64,
              ...entries,
              0,
            ),
        );
      },
      promise: "goes on",
      holds: 16,
      over: TCP,
    },
    {
      name: "one text of metadata more than there may be",
      says: () => {
        const entries = Array.from(
          { length: 65 },
          (_, n) => [...text(`${n}`), 0],
        ).flat();
        return frame(KIND.call, 0, 8, 0, ...text("wait"), 65, ...entries, 0);
      },
      promise: "malformed",
    },
    {
      name: "questions what is served, 1,000",
      says: () => each(CALLS, (id) => rawCall(id, "wire:functions")),
      run: (peer) => answered(peer, CALLS),
      promise: "goes on",
    },
    {
      name: "calls that have the victim call back, 500 at a time",
      async run(peer) {
        await peer.tell(call(0, "askSoon", "question", 500));
        for (let n = 0; n < 500; n++) {
          const { id } = (await peer.hear("call"))!;
          await peer.tell({ kind: "fail", id, code: "limit", message: "" });
        }
      },
      promise: "goes on",
    },
    {
      name: "calls that the victim makes and gives up, 2,000",
      async run(peer) {
        for (let n = 0; n < 4; n++) {
          await peer.tell(call(0, "askAndGiveUp", "question", 500));
          const asked: number[] = [];
          while (asked.length < 500) asked.push((await peer.hear("call"))!.id);
          assertEquals(await peer.value(0), 500);
          await peer.say(each(500, (n) =>
            framed({
              kind: "fail",
              id: asked[n]!,
              code: "cancelled",
              message: "",
            })));
        }
      },
      promise: "goes on",
    },
    {
      name: "8 messages that are begun, and 50,000 pings between their pieces",
      says: () => {
        const body = new Uint8Array(MIB);
        body.set([KIND.message, 0xce, ...varint(MIB - 5)]);
        const pings = times(50_000, frame(KIND.ping, 0, 0, 0, 1));
        return join(each(8, (n) => firstFrame(inPieces(n, body))), pings);
      },
      promise: "goes on",
      holds: 2,
      over: TCP,
    },
  ],
};

function firstFrame(bytes: Bytes): Bytes {
  return bytes.subarray(0, 4 + new DataView(bytes.buffer).getUint32(0));
}
