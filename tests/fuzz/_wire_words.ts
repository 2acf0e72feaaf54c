/**
 * What a fuzzed peer says: messages and values that bytes stand for, few bytes
 * for each, so that changed bytes are other messages rather than none.
 *
 * @module
 */

import type { Message } from "../../wire/messages.ts";
import { Raw } from "../_raw_values.ts";
import { hello } from "../_raw_peer.ts";
import type { Bytes } from "./_target.ts";

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

/** What a peer knows of the wire. */
export interface Known {
  /** References to objects of the wire's. */
  readonly objects: { slot: number; nonce: number }[];
  /** Calls that the wire made. */
  readonly calls: number[];
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
  "missing",
  "",
  "then",
];
const IDS = [0, 1, 2, 3, 4, 5, 6, 7, 100, 999, 1_000, 2 ** 32 - 1];
const AMOUNTS = [0, 1, 10, 64, 100, 1_000, 70_000, 2 ** 31, 2 ** 53 - 1];

/** An id; the wire's own are among them. */
function id(cursor: Cursor, known: Known): number {
  return cursor.pick([...IDS, ...known.calls.slice(-4)]);
}

/** Where an object of the wire's is, or nowhere. */
function place(cursor: Cursor, { objects }: Known) {
  const found = objects[cursor.below(4)];
  return found ?? { slot: cursor.pick(IDS), nonce: cursor.byte() };
}

/** A value of some kind. */
export function value(cursor: Cursor, known: Known, depth = 0): unknown {
  switch (cursor.below(depth > 3 ? 8 : 16)) {
    case 0:
      return cursor.byte();
    case 1:
      return "x".repeat(cursor.pick([0, 1, 31, 32, 100, 300]));
    case 2:
      return new Raw({
        as: "object",
        slot: cursor.pick(IDS),
        nonce: cursor.below(3),
        isFunction: cursor.below(2) === 1,
      });
    case 3:
      return new Raw({ as: "own", ...place(cursor, known) });
    case 4:
    case 5:
      return new Raw({ as: "stream", id: cursor.pick(IDS) });
    case 6:
    case 7:
      return new Raw({ as: "result", id: id(cursor, known) });
    case 8:
    case 9:
      return Array.from(
        { length: cursor.below(4) },
        () => value(cursor, known, depth + 1),
      );
    case 10:
      return { a: value(cursor, known, depth + 1), then: cursor.byte() };
    case 11:
      return new Map([[1, value(cursor, known, depth + 1)]]);
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

function values(cursor: Cursor, known: Known): unknown[] {
  return Array.from({ length: cursor.below(4) }, () => value(cursor, known));
}

/** A call of some kind; most are well formed. */
function call(cursor: Cursor, known: Known, isSend: boolean): Message {
  const flags = cursor.byte();
  const common = {
    name: cursor.pick(NAMES),
    deadline: (flags & 1) !== 0 ? cursor.pick(AMOUNTS) : 0,
    metadata: (flags & 2) !== 0 ? { a: "b", then: "c" } : undefined,
    target: (flags & 4) === 0
      ? undefined
      : (flags & 8) !== 0 || isSend
      ? place(cursor, known)
      : { result: id(cursor, known) },
    args: values(cursor, known),
  };
  if (isSend) return { kind: "send", ...common };
  const wantsValues = (flags & 16) !== 0;
  return { kind: "call", id: cursor.pick(IDS), wantsValues, ...common };
}

/** An answer, a fate, or what is told of a stream. */
function news(cursor: Cursor, known: Known): Message {
  const one = id(cursor, known);
  const amount = cursor.pick(AMOUNTS);
  const any = () => value(cursor, known);
  switch (cursor.below(14)) {
    case 0:
      return { kind: "return", id: one, value: any() };
    case 1:
      return { kind: "returnValues", id: one, values: values(cursor, known) };
    case 2:
      return { kind: "throw", id: one, thrown: any() };
    case 3:
      return { kind: "fail", id: one, code: "resultGone", message: "" };
    case 4:
      return { kind: "cancel", id: one };
    case 5:
      return { kind: "streamValue", id: one, value: any() };
    case 6: {
      const bytes = new Uint8Array(cursor.pick([0, 1, 500]));
      return { kind: "streamBytes", id: one, bytes };
    }
    case 7:
      return { kind: "streamEnd", id: one };
    case 8:
      return { kind: "streamError", id: one, thrown: any() };
    case 9:
      return { kind: "streamCancel", id: one, reason: any() };
    case 10:
    case 11:
      return { kind: "streamCredit", id: one, amount };
    case 12:
      return { kind: "streamFail", id: one, code: "limit", message: "m" };
    default: {
      const codes = ["deadline", "noSuchFunction", "?", ""];
      return { kind: "fail", id: one, code: cursor.pick(codes), message: "m" };
    }
  }
}

/** A message of any kind. */
export function message(cursor: Cursor, known: Known): Message {
  const amount = cursor.pick(AMOUNTS);
  switch (cursor.below(16)) {
    case 0:
    case 1:
    case 2:
      return call(cursor, known, false);
    case 3:
      return call(cursor, known, true);
    case 4:
      return { kind: "message", value: value(cursor, known) };
    case 5: {
      const channel = cursor.pick(["messages", "sends"] as const);
      return { kind: "credit", channel, amount };
    }
    case 6:
      return { kind: cursor.pick(["ping", "pong"]), token: cursor.below(3) };
    case 7:
      return { kind: "release", ...place(cursor, known), count: amount };
    case 8:
      return { kind: "forget", ...place(cursor, known) };
    case 9: {
      const kinds = ["accept", "close", "finish", "accept"] as const;
      return { kind: cursor.pick(kinds) };
    }
    case 10: {
      if (cursor.below(2) === 0) return hello();
      return { kind: "abort", code: cursor.pick(["", "limit"]), message: "m" };
    }
    default:
      return news(cursor, known);
  }
}
