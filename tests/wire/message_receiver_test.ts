import { assertEquals } from "@std/assert";
import { Decoder } from "../../wire/codec/codec.ts";
import type { Message } from "../../wire/codec/messages.ts";
import type { MessageReceiver } from "../../wire/codec/message_receiver.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { test } from "../_test.ts";
import { callOf, encodeAll } from "./_codec.ts";

/** A receiver that notes what it gets, and pauses behind so many messages. */
function noting(pauseBehind = Infinity) {
  const noted: unknown[][] = [];
  const receiver = new Proxy({} as MessageReceiver, {
    get: (_, name) =>
      name === "isPaused"
        ? noted.length >= pauseBehind
        : (...parts: unknown[]) => void noted.push([name, ...parts]),
  });
  return { noted, receiver };
}

/** What a receiver gets of messages, without their sizes. */
function got(messages: readonly Message[], limits = {}): unknown[][] {
  const decoder = new Decoder(resolveLimits(limits));
  const { noted, receiver } = noting();
  decoder.feed(encodeAll(messages));
  assertEquals(decoder.decode(receiver), true);
  return noted;
}

test("Decoder makes no object of what most calls and answers lack", () => {
  const value = { deep: [{ data: new Map([[1, "x"]]) }] };
  assertEquals(
    got([
      callOf({ name: "f", args: [1] }),
      callOf({ name: "f", args: [value] }),
      { kind: "send", name: "f", args: [value], deadline: 0 },
      { kind: "return", id: 3, value },
    ]).map((parts) =>
      parts.filter((part) => part !== undefined && typeof part !== "number")
    ),
    [
      ["call", "f", [1]],
      ["call", "f", [value]],
      ["send", "f", [value]],
      ["return", value],
    ],
  );
});

test("Decoder tells what a call has besides in one object", () => {
  const metadata = { trace: "7" };
  const target = { slot: 2, nonce: 5 };
  const [call] = got([
    callOf({ id: 4, deadline: 9, wantsValues: true, metadata, target }),
  ]);
  assertEquals(call!.at(-1), {
    wantsValues: true,
    deadline: 9,
    target,
    metadata,
  });
});

test("Decoder tells a message's failure in the place of its values", () => {
  const value = [1, 2, 3, 4];
  const came = got([
    callOf({ id: 7, name: "f", args: value }),
    { kind: "return", id: 1, value },
    { kind: "streamError", id: 2, thrown: value },
    { kind: "ping", token: 3 },
  ], { values: 3 });
  assertEquals(
    came.map(([kind, ...parts]) => {
      const extras = parts.at(-1) as { failure?: { code: string } };
      return [kind, parts[0], extras?.failure?.code];
    }),
    [
      ["call", 7, "limit"],
      ["return", 1, "limit"],
      ["streamError", 2, "limit"],
      ["ping", 3, undefined],
    ],
  );
});

test("decode() stops where its receiver pauses, and goes on from there", () => {
  const decoder = new Decoder(resolveLimits());
  const tokens = [1, 2, 3];
  decoder.feed(encodeAll(tokens.map((token) => ({ kind: "ping", token }))));
  for (const token of tokens) {
    const { noted, receiver } = noting(1);
    assertEquals(decoder.decode(receiver), false);
    assertEquals(noted, [["ping", token]]);
    assertEquals(decoder.messages, token);
  }
  assertEquals(decoder.decode(noting(1).receiver), true);
});
