/**
 * Answers, ids, credits, releases and leave that nobody is owed.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { KIND, type Message } from "../../wire/codec/messages.ts";
import { call, frame, framed, hello } from "../_raw_peer.ts";
import type { Attack, Catalogue } from "./_attack.ts";
import {
  type Bytes,
  each,
  join,
  rawCall,
  rawMessage,
  rawSend,
  times,
  uint32,
  varint,
} from "./_bytes.ts";

const TEN_THOUSAND = 10_000;

function bad(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

/** Has the victim ask; what comes as an answer is no answer to that. */
function wrongAnswer(
  name: string,
  answer: (id: number) => Message[],
  ask = "ask",
): Attack {
  return {
    name,
    async run(peer) {
      await peer.tell(call(1, ask, "question"));
      const { id } = (await peer.hear("call"))!;
      await peer.tell(...answer(id));
    },
    promise: "malformed",
  };
}

/** A victim that has asked nothing takes no answer. */
function answersToNothing(): Attack[] {
  const messages: Message[] = [
    { kind: "return", id: 0, value: 1 },
    { kind: "returnValues", id: 0, values: [1] },
    { kind: "throw", id: 0, thrown: "no" },
    { kind: "fail", id: 0, code: "limit", message: "" },
  ];
  return messages.map((message) =>
    bad(`a ${message.kind} to no call`, () => framed(message))
  );
}

/** What the peer must not say once it has said `close`. */
function closing(name: string, ...rest: Uint8Array[]): Attack {
  return bad(
    name,
    () => join(rawCall(0, "waitForEver"), frame(KIND.close), ...rest),
  );
}

export const OWED_NOTHING: Catalogue = {
  kind: "what nobody is owed",
  about:
    "An answer, a credit or a release that nothing stands for ends the wire; what may have crossed something else is ignored.",
  attacks: [
    ...answersToNothing(),
    wrongAnswer("several values to who wants one", (id) => [
      { kind: "returnValues", id, values: [1] },
    ]),
    wrongAnswer("one value to who wants all", (id) => [
      { kind: "return", id, value: 1 },
    ], "askValues"),
    wrongAnswer("an answer twice", (id) => [
      { kind: "return", id, value: 1 },
      { kind: "return", id, value: 1 },
    ]),
    wrongAnswer("an answer to another id", (id) => [
      { kind: "return", id: id + 1, value: 1 },
    ]),
    wrongAnswer("an answer to the id 2^32 - 1", () => [
      { kind: "return", id: 0xffff_ffff, value: 1 },
    ]),
    bad(
      "a call under an id that is in use",
      () => join(rawCall(5, "waitForEver"), rawCall(5, "echo", [1])),
    ),
    bad(
      "credit for messages that were not sent",
      () => frame(KIND.credit, 0, 1),
    ),
    bad(
      "credit for one-way calls that were not sent",
      () => frame(KIND.credit, 1, 1),
    ),
    bad(
      "credit of 2^32 - 1 bytes",
      () => frame(KIND.credit, 0, 255, 255, 255, 255, 15),
    ),
    bad(
      "credit for a channel that there is not",
      () => frame(KIND.credit, 2, 1),
    ),
    {
      name: "credit twice for the same messages",
      async run(peer) {
        await peer.tell(call(0, "postSoon", 2, 1_000));
        await peer.hear("message");
        await peer.hear("message");
        const cost = 2 * (1 + 3 + 1_000 + 64);
        await peer.say(times(2, frame(KIND.credit, 0, ...varint(cost))));
      },
      promise: "malformed",
    },
    bad(
      "a release of what was never given",
      () => frame(KIND.release, 0, ...uint32(7), 1),
    ),
    bad(
      "a release of slot 2^32 - 1",
      () => frame(KIND.release, 255, 255, 255, 255, 15, ...uint32(7), 1),
    ),
    bad(
      "an item of a stream that was not announced",
      () => frame(KIND.streamValue, 0, 1),
    ),
    bad(
      "the end of a stream that was not announced",
      () => frame(KIND.streamEnd, 3),
    ),
    bad(
      "credit for a stream that was never announced",
      () => frame(KIND.streamCredit, 0, 9),
    ),
    bad(
      "a cancel of a stream that was never announced",
      () => frame(KIND.streamCancel, 0, 0xc1),
    ),
    bad("a cancel without a call", () => frame(KIND.cancel, 0)),
    bad("a second hello", () => framed(hello())),
    bad("a second accept", () => framed({ kind: "accept" })),
    bad("a finish without a close", () => frame(KIND.finish)),
    closing("a second close", frame(KIND.close)),
    closing("a call behind a close", rawCall(1, "echo", [1])),
    closing("a one-way call behind a close", rawSend("note")),
    closing("a message behind a close", rawMessage(1)),
    {
      name: `${TEN_THOUSAND} pongs without a ping`,
      says: () => each(TEN_THOUSAND, (n) => frame(KIND.pong, ...uint32(n))),
      promise: "goes on",
      and: "they are ignored",
    },
    {
      name: `${TEN_THOUSAND} times forget of what is not held`,
      says: () =>
        each(
          TEN_THOUSAND,
          (n) => frame(KIND.forget, ...varint(n), ...uint32(n)),
        ),
      promise: "goes on",
      and: "they are ignored",
    },
    {
      name: "cancels of 500 calls that were answered long ago",
      async run(peer) {
        await peer.say(each(500, (id) => rawCall(id, "echo", [1])));
        for (let id = 0; id < 500; id++) await peer.answer(id);
        await peer.say(each(500, (id) => frame(KIND.cancel, ...varint(id))));
      },
      promise: "goes on",
      and: "they are ignored",
    },
    {
      name: "one cancel more than there were calls",
      async run(peer) {
        await peer.say(rawCall(0, "echo", [1]));
        await peer.answer(0);
        await peer.say(times(2, frame(KIND.cancel, 0)));
      },
      promise: "malformed",
    },
    {
      name: "an abort with a code of its own, of 60,000 bytes",
      async run(peer) {
        const code = "x".repeat(60_000);
        await peer.tell({ kind: "abort", code, message: "\x1b[2J" });
      },
      promise: "peerAborted",
      isTold: false,
    },
    {
      name: "an abort that says that the server is busy, in the middle",
      run: (peer) => peer.tell({ kind: "abort", code: "busy", message: "no" }),
      promise: "busy",
      isTold: false,
    },
    {
      name: "a close, and a finish that was not asked for",
      async run(peer) {
        await peer.say(join(frame(KIND.close), frame(KIND.finish)));
      },
      promise: "malformed",
    },
    {
      name: "the end of the connection in the middle of a frame",
      async run(peer) {
        await peer.say(rawCall(0, "echo", [1]).subarray(0, 7));
        await peer.end();
      },
      promise: "connectionLost",
    },
    {
      name: "the end of the connection while calls wait for answers",
      async run(peer) {
        await peer.tell(call(0, "ask", "question"), call(1, "waitForEver"));
        await peer.hear("call");
        await peer.sync();
        assertEquals(peer.isClosed, false);
        await peer.end();
      },
      promise: "connectionLost",
      isTold: false,
    },
  ],
};
