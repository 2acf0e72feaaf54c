/**
 * Bytes to tokens: an object without parts, or the beginning of one that has
 * some. A token is read when all of it has come, and not before.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { Input } from "./_input.ts";
import { readCharacters, readWords } from "./octets.ts";
import { CALL_MOST, OP } from "./opcodes.ts";
import { RemoteObject } from "./remote_objects.ts";
import { symbol } from "./symbols.ts";

/** What a token has to keep to. */
export type TokenLimits = Pick<
  WireLimits,
  "message" | "cmuclString" | "cmuclCache" | "cmuclBignum"
>;

/** Which token it is. */
export type TokenKind = "atom" | "pair" | "call" | "save" | "lookUp";

/** Reads tokens. */
export class Tokens {
  /** Where they are read from. */
  readonly input: Input = new Input();
  /** The last token. */
  kind: TokenKind = "atom";
  /** The value of an atom. */
  value: unknown;
  /** The number of a call's arguments, or the index of the other two. */
  operand = 0;
  /** Set when an atom is over a limit; then it has no value. */
  problem: WireError | undefined;
  /** How many bytes the object has that the tokens belong to. */
  bytes = 0;

  readonly #limits: TokenLimits;

  /** @param limits What to keep to. */
  constructor(limits: TokenLimits) {
    this.#limits = limits;
  }

  /**
   * Reads the next token.
   *
   * @returns Whether all of it has come.
   * @throws {WireError} `malformed` or `limit` for what ends the wire.
   */
  next(): boolean {
    const { input, input: { reader } } = this;
    if (input.remaining === 0) return false;
    const before = reader.position;
    this.problem = undefined;
    if (!this.#read(reader.byte())) {
      reader.position = before;
      return false;
    }
    this.bytes += reader.position - before;
    this.#announce(0);
    return true;
  }

  #read(op: number): boolean {
    const { reader } = this.input;
    switch (op) {
      case OP.cons:
        this.kind = "pair";
        return true;
      case OP.save:
      case OP.lookUp:
        if (reader.remaining < 4) return false;
        this.kind = op === OP.save ? "save" : "lookUp";
        this.operand = this.#index(reader.int32());
        return true;
      case OP.callMany:
        if (reader.remaining < 1) return false;
        this.kind = "call";
        this.operand = reader.byte();
        return true;
      default:
        if (op <= CALL_MOST) {
          this.kind = "call";
          this.operand = op;
          return true;
        }
        this.kind = "atom";
        return this.#atom(op);
    }
  }

  #atom(op: number): boolean {
    const { reader } = this.input;
    switch (op) {
      case OP.number:
        if (reader.remaining < 4) return false;
        this.value = reader.int32();
        return true;
      case OP.remote:
        if (reader.remaining < 12) return false;
        this.value = new RemoteObject(
          reader.uint32(),
          reader.int32(),
          reader.int32(),
        );
        return true;
      case OP.string: {
        const length = this.#stringAt(0);
        if (length === undefined) return false;
        this.value = this.#characters(length);
        return true;
      }
      case OP.symbol: {
        // Both lengths first: a name is not read again for each byte behind it.
        const length = this.#stringAt(0);
        if (length === undefined) return false;
        const home = this.#stringAt(4 + length);
        if (home === undefined) return false;
        const name = this.#characters(length);
        this.value = symbol(name, this.#characters(home));
        return true;
      }
      case OP.bignum:
        return this.#bignum();
      default:
        throw malformed(
          `No object begins with the byte ${op}. Either the peer does not speak CMUCL's protocol, or it is a CMUCL whose wires were not repaired: load octet-wires.lisp there.`,
        );
    }
  }

  /** The length of a string that begins so far on, if all of it has come. */
  #stringAt(offset: number): number | undefined {
    const { reader } = this.input;
    if (reader.remaining < offset + 4) return undefined;
    const length = reader.view.getInt32(reader.position + offset);
    if (length < 0) {
      throw malformed(`A string cannot have ${length} characters.`);
    }
    this.#announce(offset + length);
    return reader.remaining < offset + 4 + length ? undefined : length;
  }

  /** Reads a string that has come. */
  #characters(length: number): string {
    const { reader } = this.input;
    const most = this.#limits.cmuclString;
    reader.take(4);
    if (length <= most) return readCharacters(reader, length);
    reader.take(length);
    this.problem = overLimit(
      `A string may have ${most} characters here (limit "cmuclString"), and one came with ${length}.`,
    );
    return "";
  }

  #bignum(): boolean {
    const { reader } = this.input;
    const most = this.#limits.cmuclBignum;
    if (reader.remaining < 4) return false;
    const count = reader.int32();
    const words = Math.abs(count);
    this.#announce(words * 4);
    if (reader.remaining < words * 4) return false;
    if (words <= most) {
      this.value = readWords(reader, count);
      return true;
    }
    reader.take(words * 4);
    this.problem = overLimit(
      `An integer may have ${most} words of 32 bits here (limit "cmuclBignum"), and one came with ${words}.`,
    );
    return true;
  }

  #index(index: number): number {
    const most = this.#limits.cmuclCache;
    if (index >= 0 && index < most) return index;
    throw malformed(
      `A peer may save objects under 0 to ${
        most - 1
      } here (limit "cmuclCache"), and ${index} came.`,
    );
  }

  /** Refuses an object that is too large when all of it has come. */
  #announce(more: number): void {
    const { message } = this.#limits;
    if (this.bytes + more <= message) return;
    throw malformed(
      `An object may have ${message} bytes here (limit "message"), and a larger one came.`,
    );
  }
}

/** The error for what is well formed, and too much. */
export function overLimit(message: string): WireError {
  return new WireError("limit", message);
}
