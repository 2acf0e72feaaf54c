/**
 * Looking at what one end of a CMUCL's wire sends: objects are read, and
 * nothing is performed.
 *
 * @module
 */

import { checkBytes, checkHook } from "../base/checks.ts";
import { resolveLimits, type WireLimits } from "../base/limits.ts";
import type { MessageDecoder, SeenMessage } from "../codec/message_tap.ts";
import { type Verb, verbOf } from "./opcodes.ts";
import { LispCall, LispReader, type ReceivedObject } from "./reader.ts";
import { RemoteObject } from "./remote_objects.ts";
import { LispSymbol } from "./symbols.ts";

/** Who waits for the value of the next object. */
interface Asked {
  readonly id: number;
  readonly wantsValues: boolean;
  readonly bytes: number;
}

/**
 * Reads the objects that one end of a CMUCL's wire sends, from its first byte
 * on, as the kinds of messages that they are: a call and who asks for its value
 * are a `call`, whose number is that of the remote object that waits for the
 * answer. A call within the arguments of another shows as
 * `{ call: "COMMON-LISP:+", args: [1, 2] }`.
 *
 * @example
 * ```ts
 * import { LispTap } from "@remote/wire/cmucl";
 *
 * const tap = new LispTap();
 * const text = new TextEncoder().encode("hi");
 * const [message] = tap.read(new Uint8Array([8, 0, 0, 0, 2, ...text]));
 * if (message?.kind !== "message") throw new Error();
 * if (message.fields.value !== "hi") throw new Error();
 * ```
 */
export class LispTap implements MessageDecoder {
  readonly #reader: LispReader;
  #asked: Asked[] = [];
  readonly #nesting: number;

  /**
   * Makes one that has seen nothing.
   *
   * @param limits What is taken, where that differs from the default.
   * @throws {WireError} `invalidArgument` for a limit that there is not.
   */
  constructor(limits?: Partial<WireLimits>) {
    const resolved = resolveLimits(limits);
    this.#reader = new LispReader(resolved);
    this.#nesting = resolved.nesting;
  }

  /** Whether an object was begun, and its end has not come. */
  get unfinished(): boolean {
    return this.#reader.unfinished;
  }

  /**
   * Reads the next bytes.
   *
   * @param chunk The bytes, divided anyhow.
   * @returns The messages that they complete.
   * @throws {WireError} `malformed` or `limit` for what breaks the protocol,
   * `invalidArgument` for what is no bytes.
   */
  read(chunk: Uint8Array): SeenMessage[] {
    const seen: SeenMessage[] = [];
    this.each(chunk, (message) => void seen.push(message));
    return seen;
  }

  /**
   * Reads the next bytes, and passes messages on one by one.
   *
   * @param chunk The bytes, divided anyhow.
   * @param see Gets each message that they complete, at once.
   * @throws {WireError} `malformed` or `limit` for what breaks the protocol,
   * `invalidArgument` for what is no bytes and no function; and what `see`
   * throws.
   */
  each(chunk: Uint8Array, see: (message: SeenMessage) => void): void {
    checkBytes(chunk, "A chunk");
    checkHook(see, "What each() tells");
    const { input } = this.#reader;
    input.feed(chunk);
    for (
      let received: ReceivedObject | undefined;
      (received = this.#reader.next()) !== undefined;
    ) {
      const message = this.#message(received, this.#reader.size);
      if (message !== undefined) see(message);
    }
    input.keep();
  }

  /** What an object says; nothing yet where it asks for the next one's value. */
  #message(
    { value, error }: ReceivedObject,
    bytes: number,
  ): SeenMessage | undefined {
    const verb = error === undefined ? verbOfCall(value) : undefined;
    if (verb?.kind === "ask") {
      const [remote] = (value as LispCall).args;
      // More in a row than a wire takes are no calls.
      if (this.#asked.length >= this.#nesting) this.#asked = [];
      this.#asked.push({
        id: idOf(remote),
        wantsValues: verb.count !== 1,
        bytes,
      });
      return undefined;
    }
    const [asked] = this.#asked;
    const all = this.#asked.reduce((sum, one) => sum + one.bytes, bytes);
    this.#asked = [];
    if (error !== undefined) {
      const name = value instanceof LispCall ? String(value.fn) : "";
      const of = asked !== undefined
        ? "call"
        : value instanceof LispCall
        ? "send"
        : "message";
      const fields = { of, id: asked?.id ?? 0, name, error };
      return { kind: "overLimit", fields, bytes: all };
    }
    if (verb !== undefined) return answer(value as LispCall, verb, bytes);
    const isCall = value instanceof LispCall;
    if (!isCall && asked === undefined) {
      return { kind: "message", fields: { value: plain(value) }, bytes };
    }
    // Data by itself has its own value, which is asked for as a sign of life.
    const name = isCall ? String(value.fn) : "";
    const args = isCall ? value.args.map(plain) : [plain(value)];
    if (asked === undefined) {
      return { kind: "send", fields: { name, args, deadline: 0 }, bytes };
    }
    const { id, wantsValues } = asked;
    const fields = { id, name, args, deadline: 0, wantsValues };
    return { kind: "call", fields, bytes: all };
  }
}

function answer(
  call: LispCall,
  verb: Exclude<Verb, { kind: "ask" }>,
  bytes: number,
): SeenMessage {
  const [remote, ...values] = call.args;
  const id = idOf(remote);
  if (verb.kind === "abort") {
    const message = "The call unwound, and has no value.";
    return { kind: "fail", fields: { id, code: "aborted", message }, bytes };
  }
  return verb.count === 1
    ? { kind: "return", fields: { id, value: plain(values[0]) }, bytes }
    : {
      kind: "returnValues",
      fields: { id, values: values.map(plain) },
      bytes,
    };
}

function verbOfCall(value: unknown): Verb | undefined {
  return value instanceof LispCall && value.fn instanceof LispSymbol
    ? verbOf(value.fn)
    : undefined;
}

/** The number of the remote object that waits for a value. */
function idOf(remote: unknown): number {
  return remote instanceof RemoteObject ? remote.id : 0;
}

/** A call among arguments, as data. */
function plain(value: unknown): unknown {
  if (!(value instanceof LispCall)) return value;
  return { call: String(value.fn), args: value.args.map(plain) };
}
