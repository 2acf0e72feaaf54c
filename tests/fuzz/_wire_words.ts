/**
 * What a fuzzed peer says: messages and values that bytes stand for, few bytes
 * for each, so that changed bytes are other messages rather than none.
 *
 * @module
 */

import type { Message } from "../../wire/codec/messages.ts";
import { Raw } from "../_raw_values.ts";
import { hello } from "../_raw_peer.ts";
import type { Bytes } from "./_target.ts";
import type { Manners } from "./_wire_manners.ts";

/** Reads an input from its beginning on; behind its end there are zeros. */
export class Cursor {
  #at = 0;

  constructor(readonly bytes: Bytes) {}

  /** Whether all was read. */
  get isOver(): boolean {
    return this.#at >= this.bytes.length;
  }

  /** The next byte. */
  byte(): number {
    return this.bytes[this.#at++] ?? 0;
  }

  /** A number below a bound. */
  below(bound: number): number {
    return this.byte() % bound;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** So many bytes, or as many as there are. */
  take(count: number): Bytes {
    const start = this.#at;
    this.#at = Math.min(this.bytes.length, start + count);
    return this.bytes.slice(start, this.#at);
  }
}

const NAMES = [
  "echo",
  "give",
  "take",
  "stream",
  "wait",
  "fail",
  "callBack",
  "keep",
  "many",
  "drain",
  "drain",
  "missing",
  "",
  "then",
];
/** Amounts at which something may change. */
export const AMOUNTS: readonly number[] = [
  0,
  1,
  10,
  64,
  100,
  1_000,
  70_000,
  2 ** 31,
  2 ** 53 - 1,
];

/** A value of some kind. */
export function value(cursor: Cursor, manners: Manners, depth = 0): unknown {
  switch (cursor.below(depth > 3 ? 8 : 16)) {
    case 0:
      return cursor.byte();
    case 1:
      return "x".repeat(cursor.pick([0, 1, 31, 32, 100, 300]));
    case 2:
      return new Raw({
        as: "object",
        slot: cursor.below(5),
        nonce: cursor.below(32) === 31 ? 1 : 0,
        isFunction: cursor.below(2) === 1,
      });
    case 3:
      return new Raw({
        as: "own",
        ...manners.place(cursor) ?? { slot: 0, nonce: 0 },
      });
    case 4:
    case 5:
      return new Raw({ as: "stream", id: manners.newStream(cursor) });
    case 6:
    case 7:
      return new Raw({ as: "result", id: manners.ourCall(cursor) });
    case 8:
    case 9:
      return Array.from(
        { length: cursor.below(4) },
        () => value(cursor, manners, depth + 1),
      );
    case 10:
      return { a: value(cursor, manners, depth + 1), then: cursor.byte() };
    case 11:
      return new Map([[1, value(cursor, manners, depth + 1)]]);
    case 12:
      return new Uint8Array(cursor.pick([0, 1, 100, 500]));
    case 13:
      return new Array(cursor.below(70)).fill("text ").map((t, i) => t + i);
    case 14:
      return Array.from({ length: 50 }, () => cursor.bytes[0]);
    default:
      return undefined;
  }
}

function values(cursor: Cursor, manners: Manners): unknown[] {
  return Array.from({ length: cursor.below(4) }, () => value(cursor, manners));
}

/** A call of some kind. */
function call(cursor: Cursor, manners: Manners, isSend: boolean): Message {
  const flags = cursor.byte();
  const place = () => manners.place(cursor);
  const common = {
    name: cursor.pick(NAMES),
    deadline: (flags & 1) !== 0 ? cursor.pick(AMOUNTS) : 0,
    metadata: (flags & 2) !== 0 ? { a: "b", then: "c" } : undefined,
    target: (flags & 4) === 0
      ? undefined
      : (flags & 8) !== 0 || isSend
      ? place()
      : { result: manners.ourCall(cursor) },
    args: values(cursor, manners),
  };
  if (isSend) return { kind: "send", ...common };
  const wantsValues = (flags & 16) !== 0;
  return { kind: "call", id: manners.callId(cursor), wantsValues, ...common };
}

/** An answer. */
function answer(cursor: Cursor, manners: Manners): Message | undefined {
  const id = manners.answered(cursor);
  if (id === undefined) return undefined;
  switch (cursor.below(5)) {
    case 0:
    case 1:
      return { kind: "return", id, value: value(cursor, manners) };
    case 2:
      return { kind: "returnValues", id, values: values(cursor, manners) };
    case 3:
      return { kind: "throw", id, thrown: value(cursor, manners) };
    default: {
      const codes = ["resultGone", "deadline", "noSuchFunction", "?", ""];
      return { kind: "fail", id, code: cursor.pick(codes), message: "m" };
    }
  }
}

/** What is told of a stream, by its producer or by its consumer. */
function news(cursor: Cursor, manners: Manners): Message | undefined {
  const kind = cursor.below(9);
  const isOurs = kind < 6;
  const id = isOurs
    ? manners.ourStream(cursor, kind > 2)
    : manners.theirStream(cursor);
  if (id === undefined) return undefined;
  switch (kind) {
    case 0:
    case 1:
      return { kind: "streamValue", id, value: value(cursor, manners) };
    case 2: {
      const bytes = new Uint8Array(cursor.pick([0, 1, 90, 500]));
      return { kind: "streamBytes", id, bytes };
    }
    case 3:
      return { kind: "streamEnd", id };
    case 4:
      return { kind: "streamError", id, thrown: value(cursor, manners) };
    case 5:
      return { kind: "streamFail", id, code: "limit", message: "m" };
    case 6:
      return { kind: "streamCancel", id, reason: value(cursor, manners) };
    default:
      return { kind: "streamCredit", id, amount: cursor.pick(AMOUNTS) };
  }
}

/** What would end most wires, or all. */
function drainAndClose(cursor: Cursor, manners: Manners): Message | undefined {
  const kind = cursor.below(4);
  if (kind === 0) return { kind: "close" };
  if (!manners.isRude(cursor)) return undefined;
  const amount = cursor.pick(AMOUNTS);
  switch (kind) {
    case 1:
      return { kind: cursor.pick(["accept", "finish"] as const) };
    case 2: {
      const channel = cursor.pick(["messages", "sends"] as const);
      return { kind: "credit", channel, amount };
    }
    default:
      if (cursor.below(2) === 0) return hello();
      return { kind: "abort", code: cursor.pick(["", "limit"]), message: "m" };
  }
}

/** A message of any kind; undefined where there is nothing to say. */
export function message(
  cursor: Cursor,
  manners: Manners,
): Message | undefined {
  switch (cursor.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return call(cursor, manners, false);
    case 4:
      return call(cursor, manners, true);
    case 5:
      return { kind: "message", value: value(cursor, manners) };
    case 6:
      return { kind: cursor.pick(["ping", "pong"]), token: cursor.below(3) };
    case 7: {
      const place = manners.place(cursor, true);
      const count = manners.isRude(cursor) ? cursor.pick(AMOUNTS) : 1;
      return place && { kind: "release", ...place, count };
    }
    case 8:
      return { kind: "forget", slot: cursor.below(5), nonce: cursor.below(2) };
    case 9:
      return { kind: "cancel", id: manners.ourCall(cursor) };
    case 10:
      return drainAndClose(cursor, manners);
    case 11:
    case 12:
      return answer(cursor, manners);
    default:
      return news(cursor, manners);
  }
}
