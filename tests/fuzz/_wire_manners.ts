/**
 * What a fuzzed peer may say next: it mostly keeps to the protocol, for who
 * breaks it is heard no further; and now and then it does not.
 *
 * @module
 */

import type { Message } from "../../wire/codec/messages.ts";
import type { OverLimit } from "../../wire/codec/message_collector.ts";
import { Raw } from "../_raw_values.ts";
import type { Cursor } from "./_wire_words.ts";

/** Ids that nobody has given, mostly. */
const IDS = [0, 1, 2, 3, 7, 100, 999, 2 ** 32 - 1];

/** Where an object of the wire's is. */
export interface Place {
  readonly slot: number;
  readonly nonce: number;
}

/** What a peer knows of its calls, streams and references. */
export class Manners {
  /** References to objects of the wire's, as often as they came. */
  readonly objects: Place[] = [];
  /** Calls of the wire that have no answer. */
  readonly theirCalls: number[] = [];
  /** Calls of the peer's that have none. */
  readonly ourCalls = new Set<number>();
  /** Streams of the wire's that are open. */
  readonly theirStreams: number[] = [];
  /** Streams of the peer's that are open. */
  readonly ourStreams: number[] = [];
  #nextStream = 0;

  /** Notes what came. */
  heard(message: Message | OverLimit): void {
    switch (message.kind) {
      case "call":
        this.theirCalls.push(message.id);
        break;
      case "return":
      case "returnValues":
      case "throw":
      case "fail":
        this.ourCalls.delete(message.id);
        break;
      case "streamEnd":
      case "streamError":
      case "streamFail":
        remove(this.theirStreams, message.id);
    }
    this.#note(Object.values(message));
  }

  #note(parts: readonly unknown[]): void {
    for (const part of parts) {
      if (Array.isArray(part)) this.#note(part);
      if (!(part instanceof Raw)) continue;
      const { passed } = part;
      if (passed.as === "object") this.objects.push(passed);
      if (passed.as === "stream") this.theirStreams.push(passed.id);
    }
  }

  /** Whether to break the protocol here. */
  isRude(cursor: Cursor): boolean {
    return cursor.below(32) === 31;
  }

  /** An id of a list, which may be used up; undefined where there is none. */
  #id(cursor: Cursor, list: number[], isLast = false): number | undefined {
    if (this.isRude(cursor)) return cursor.pick(IDS);
    if (list.length === 0) return undefined;
    const id = cursor.pick(list);
    if (isLast) remove(list, id);
    return id;
  }

  /** An id for a call. */
  callId(cursor: Cursor): number {
    if (this.isRude(cursor)) return cursor.pick(IDS);
    let id = cursor.below(3);
    while (this.ourCalls.has(id)) id++;
    this.ourCalls.add(id);
    return id;
  }

  /** A call to answer. */
  answered(cursor: Cursor): number | undefined {
    return this.#id(cursor, this.theirCalls, true);
  }

  /** A call to cancel, or whose result is needed. */
  ourCall(cursor: Cursor): number {
    return this.#id(cursor, [...this.ourCalls]) ?? cursor.pick(IDS);
  }

  /** An id for a stream that is announced. */
  newStream(cursor: Cursor): number {
    const id = this.isRude(cursor) ? cursor.pick(IDS) : this.#nextStream++;
    this.ourStreams.push(id);
    return id;
  }

  /** A stream of the peer's. */
  ourStream(cursor: Cursor, isLast = false): number | undefined {
    return this.#id(cursor, this.ourStreams, isLast);
  }

  /** A stream of the wire's. */
  theirStream(cursor: Cursor): number | undefined {
    return this.#id(cursor, this.theirStreams);
  }

  /** An object of the wire's; released, it is gone. */
  place(cursor: Cursor, isLast = false): Place | undefined {
    if (this.isRude(cursor)) {
      return { slot: cursor.pick(IDS), nonce: cursor.below(3) };
    }
    if (this.objects.length === 0) return undefined;
    const index = cursor.below(this.objects.length);
    const found = this.objects[index];
    if (isLast) this.objects.splice(index, 1);
    return found;
  }
}

function remove(list: number[], id: number): void {
  const index = list.indexOf(id);
  if (index >= 0) list.splice(index, 1);
}
