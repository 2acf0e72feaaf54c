/**
 * Streams: items that nobody gave credit for, numbers that are used twice, and
 * ends that never come.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { KIND } from "../../wire/codec/messages.ts";
import { call, frame, Raw } from "../_raw_peer.ts";
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
  varint,
} from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";

/** How many bytes of a stream may come before the first credit. */
const FIRST_CREDIT = Math.floor(4 * 1024 * 1024 / 200);
/** How many streams there may be. */
const STREAMS = 100;

/** A stream, as it stands in a value. */
const stream = (number: number) => [0xd9, ...varint(number)];

/** Announces a stream to a function that only keeps it. */
function kept(number: number): Bytes {
  return rawSend("keep", stream(number));
}

function item(number: number, size = 0): Bytes {
  const head = frame(KIND.streamBytes, ...varint(number));
  new DataView(head.buffer).setUint32(0, head.length - 4 + size);
  return join(head, new Uint8Array(size));
}

function bad(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

/** Has the victim send a stream; gives its number. */
async function produced(
  peer: HostilePeer,
  ...args: unknown[]
): Promise<number> {
  await peer.tell(call(0, "items", ...args));
  const { passed } = await peer.value(0) as Raw;
  if (passed.as !== "stream") throw new Error(`It is ${passed.as}.`);
  return passed.id;
}

/** Has it do so, and then says something. */
function consumer(
  name: string,
  says: (number: number) => Bytes,
  promise: Attack["promise"] = "malformed",
): Attack {
  return {
    name,
    async run(peer) {
      await peer.say(says(await produced(peer, 1_000_000, 1_000)));
    },
    promise,
  };
}

export const STREAMS_ATTACKS: Catalogue = {
  kind: "streams",
  about:
    "Each stream has credit of its own, and there are only so many; a stream that is wrong ends, or its wire does.",
  attacks: [
    bad(
      "an item beyond the credit of a stream",
      () => join(kept(0), item(0, FIRST_CREDIT), item(0)),
    ),
    bad(
      "empty items beyond the credit of a stream",
      () => join(kept(0), times(1 + Math.ceil(FIRST_CREDIT / 66), item(0))),
    ),
    {
      name: "an item larger than the window of a stream",
      async run(peer) {
        await peer.say(kept(0));
        const body = new Uint8Array(262_145);
        body[0] = KIND.streamBytes;
        await peer.say(inPieces(0, body));
        assertEquals((await peer.hear("streamCancel"))?.id, 0);
      },
      promise: "goes on",
      and: "its stream fails with `limit`",
      holds: 1,
    },
    bad(
      "an item behind the end of its stream",
      () => join(kept(0), frame(KIND.streamEnd, 0), item(0)),
    ),
    bad(
      "the end of a stream twice",
      () => join(kept(0), times(2, frame(KIND.streamEnd, 0))),
    ),
    bad(
      "an item behind the failure of its stream",
      () => join(kept(0), frame(KIND.streamError, 0, 1), item(0)),
    ),
    bad("a number that two streams have", () => join(kept(4), kept(4))),
    bad(
      "a number twice in one message",
      () => rawSend("keep", stream(1), stream(1)),
    ),
    bad("one stream more than there may be", () => each(STREAMS + 1, kept)),
    bad(
      "101 streams in one message",
      () =>
        rawSend(
          "keep",
          ...Array.from({ length: STREAMS + 1 }, (_, n) => stream(n)),
        ),
    ),
    bad(
      "a stream cancelled for no reason",
      () => join(kept(0), frame(KIND.streamCancel, 0)),
    ),
    bad("an item that announces 101 streams", () =>
      join(
        kept(500),
        frame(
          KIND.streamValue,
          ...varint(500),
          0xd1,
          101,
          ...Array.from({ length: 101 }, (_, n) => stream(n)).flat(),
        ),
      )),
    consumer("credit of 0", (n) => frame(KIND.streamCredit, ...varint(n), 0)),
    consumer(
      "credit that adds up to more than 2^31",
      (n) =>
        times(
          2,
          frame(KIND.streamCredit, ...varint(n), ...varint(2 ** 31 - 1)),
        ),
    ),
    consumer(
      "credit for a stream that comes next",
      (n) => frame(KIND.streamCredit, ...varint(n + 1), 9),
    ),
    consumer("an item of the victim's own stream", (n) => item(n)),
    consumer(
      "10,000 cancels of one stream",
      (n) => times(10_000, frame(KIND.streamCancel, ...varint(n), 0xc1)),
      "goes on",
    ),
    consumer(
      "a cancel, and credit behind it, 5,000 times",
      (n) =>
        join(
          frame(KIND.streamCancel, ...varint(n), 0xc1),
          times(5_000, frame(KIND.streamCredit, ...varint(n), 9)),
        ),
      "goes on",
    ),
    consumer(
      "a cancel whose reason nests too deep",
      (n) =>
        frame(KIND.streamCancel, ...varint(n), ...Array(100).fill(0xa1), 0xa0),
      "goes on",
    ),
    consumer(
      "a cancel whose reason is a stream",
      (n) => frame(KIND.streamCancel, ...varint(n), ...stream(9)),
      "goes on",
    ),
    {
      name: "a stream that is taken, and never given credit",
      async run(peer) {
        const number = await produced(peer, 1_000_000, 1_000);
        let bytes = 0;
        for (let n = 0; n < Math.floor(FIRST_CREDIT / 1_000); n++) {
          const { id, bytes: some } = (await peer.hear("streamBytes"))!;
          assertEquals(id, number);
          bytes += some.length;
        }
        assert(bytes <= FIRST_CREDIT);
      },
      promise: "goes on",
      and: "the producer stops where its credit ends",
      holds: 1,
    },
    {
      name: "100 streams that are taken, and never given credit",
      async run(peer) {
        for (let n = 0; n < STREAMS; n++) {
          await produced(peer, 1_000_000, 1_000);
        }
        await peer.tell(call(0, "items", 1, 1));
        assertEquals(await peer.failure(0), "limit");
      },
      promise: "goes on",
      and: "one more fails with `limit`",
      holds: 4,
    },
    {
      name: "100 streams as full as may be, that nobody takes",
      says: () =>
        each(
          STREAMS,
          (n) => join(kept(n), item(n, FIRST_CREDIT - 80), item(n, 60_000)),
        ),
      promise: "goes on",
      holds: 12,
      over: TCP,
    },
    {
      name: "100 streams that are announced, and of which nothing comes",
      says: () => each(STREAMS, kept),
      promise: "goes on",
      holds: 1,
    },
    {
      name: "5,000 streams, one after the other, each ended at once",
      says: () =>
        each(5_000, (n) => join(kept(n), frame(KIND.streamEnd, ...varint(n)))),
      promise: "goes on",
      and: "what the program keeps of them is its own",
    },
    {
      name: "5,000 streams that are dropped, each ended when it is cancelled",
      async run(peer) {
        for (let n = 0; n < 5_000; n += STREAMS) {
          // Of what is over a limit, the wire drops the attachments.
          const deep = [...Array(80).fill(0xa1), 0xa0];
          await peer.say(
            each(STREAMS, (k) => rawCall(0, "drop", stream(n + k), deep)),
          );
          for (let k = 0; k < STREAMS; k++) {
            const { id } = (await peer.hear("streamCancel"))!;
            await peer.say(frame(KIND.streamEnd, ...varint(id)));
          }
        }
      },
      promise: "goes on",
      over: TCP,
    },
    {
      name: "an item that nests too deep",
      async run(peer) {
        await peer.tell(call(0, "drain", new Raw({ as: "stream", id: 0 })));
        await peer.say(
          frame(KIND.streamValue, 0, ...Array(100).fill(0xa1), 0xa0),
        );
        assertEquals((await peer.hear("streamCancel"))?.id, 0);
        assertEquals((await peer.answer(0)).kind, "throw");
      },
      promise: "goes on",
      and: "its stream fails with `limit`",
    },
    {
      name: "a stream of streams, each in an item of the one before",
      says: () =>
        join(
          kept(0),
          each(STREAMS - 1, (n) =>
            frame(KIND.streamValue, ...varint(n), ...stream(n + 1))),
        ),
      promise: "goes on",
      holds: 1,
    },
    {
      name: "a failure of a stream with a code of its own, of 20,000 bytes",
      async run(peer) {
        await peer.tell(call(0, "drain", new Raw({ as: "stream", id: 0 })));
        const code = "x".repeat(20_000);
        await peer.tell({ kind: "streamFail", id: 0, code, message: "" });
        assertEquals((await peer.answer(0)).kind, "throw");
      },
      promise: "goes on",
    },
    {
      name: "items in one-byte writes",
      async run(peer) {
        await peer.tell(call(0, "drain", new Raw({ as: "stream", id: 0 })));
        const bytes = join(times(20, item(0, 20)), frame(KIND.streamEnd, 0));
        for (const byte of bytes) await peer.say(new Uint8Array([byte]));
        assertEquals(await peer.value(0), 20);
      },
      promise: "goes on",
    },
    {
      name: "a consumer that takes one item, and a producer that goes on",
      async run(peer) {
        await peer.tell(call(0, "sip", new Raw({ as: "stream", id: 0 }), 1));
        await peer.say(times(100, item(0, 100)));
        await peer.hear("streamCancel");
        assertEquals(await peer.value(0), 1);
        await peer.say(times(20, item(0, 100)));
      },
      promise: "goes on",
      and: "what comes within its credit is thrown away",
    },
    {
      name: "a stream in the arguments of a call that nobody serves",
      async run(peer) {
        const name = text("nothing of the kind");
        await peer.say(
          frame(KIND.call, 0, 0, 0, ...name, 1, ...stream(0)),
        );
        const heard = [await peer.hear("streamCancel", "fail")];
        heard.push(await peer.hear("streamCancel", "fail"));
        const kinds = heard.map((one) => one?.kind).sort();
        assertEquals(kinds, ["fail", "streamCancel"]);
      },
      promise: "goes on",
      and: "it is cancelled",
    },
    {
      name: "a stream in a typed message that nobody takes",
      says: () => join(rawMessage(...stream(0)), item(0, 1_000)),
      promise: "goes on",
    },
  ],
};
