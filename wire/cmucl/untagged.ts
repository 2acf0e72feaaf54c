/**
 * The bytes beside the objects: what CMUCL offers to those who make their own
 * wires, and to functions that read on after their arguments.
 *
 * @module
 */

import { otherVersion, shown, WireError } from "../base/errors.ts";
import { quiet } from "../base/report.ts";
import type { Session } from "../session/dialect.ts";
import {
  readCharacters,
  readWords,
  writeBignum,
  writeString,
} from "./octets.ts";
import { disposedOf } from "./_reading.ts";
import { CmuclSession } from "./_session.ts";

const UNSIGNED_MOST = 0xffffffff;
const SIGNED_LEAST = -0x80000000;

/**
 * A wire's bytes, read and written by hand. Until it is disposed of, nothing
 * that comes is read as an object by itself.
 *
 * What is written goes out at the end of the tick, together with everything
 * else; the peer has to know what it is.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, untagged } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl({ untagged: true }) });
 * const far = makeWire(there, { dialect: cmucl({ untagged: true }) });
 * {
 *   using output = untagged(near);
 *   using input = untagged(far);
 *   output.outputByte(7);
 *   output.outputNumber(-1);
 *   if (await input.getByte() !== 7) throw new Error();
 *   if (await input.getNumber(true) !== -1) throw new Error();
 * }
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class Untagged implements Disposable {
  readonly #session: CmuclSession;
  #isDisposed = false;
  /** Reads follow each other, whether they are awaited or not. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Use {@linkcode untagged}.
   *
   * @param session What speaks the wire's protocol.
   */
  constructor(session: CmuclSession) {
    this.#session = session;
    session.reading.hold();
  }

  /**
   * Writes a byte.
   *
   * @param byte An integer from 0 to 255.
   */
  outputByte(byte: number): void {
    check(byte, 0, 255, "A byte");
    this.#session.write((lisp) => lisp.bytes.byte(byte));
  }

  /**
   * Reads a byte.
   *
   * @returns A promise of an integer from 0 to 255.
   */
  getByte(): Promise<number> {
    return this.#get(1, () => this.#reader.byte());
  }

  /**
   * Writes four bytes. It is up to the reader whether they have a sign.
   *
   * @param number An integer from −2^31 to 2^32 − 1.
   */
  outputNumber(number: number): void {
    check(number, SIGNED_LEAST, UNSIGNED_MOST, "A number");
    this.#session.write((lisp) => lisp.bytes.uint32(number));
  }

  /**
   * Reads four bytes.
   *
   * @param isSigned Whether they have a sign.
   * @returns A promise of the number.
   */
  getNumber(isSigned = true): Promise<number> {
    const reader = this.#reader;
    return this.#get(4, () => isSigned ? reader.int32() : reader.uint32());
  }

  /**
   * Writes an integer of any size.
   *
   * @param value The integer.
   */
  outputBignum(value: number | bigint): void {
    if (typeof value !== "bigint") {
      const most = Number.MAX_SAFE_INTEGER;
      check(value, -most, most, "A number for outputBignum()");
    }
    this.#session.write((lisp) =>
      writeBignum(lisp.bytes, BigInt(value), lisp.limits.cmuclBignum)
    );
  }

  /**
   * Reads what {@linkcode outputBignum} writes.
   *
   * @returns A promise of a number where it has 32 bits, else of a bigint.
   */
  getBignum(): Promise<number | bigint> {
    return this.#inTurn(async () => {
      await this.#session.reading.need(4);
      const count = this.#reader.int32();
      const words = Math.abs(count);
      const most = this.#session.limits.cmuclBignum;
      if (words > most) throw tooMuch(words, most, "words", "cmuclBignum");
      await this.#session.reading.need(words * 4);
      return readWords(this.#reader, count);
    });
  }

  /**
   * Writes a string: its length, then one byte a character.
   *
   * @param text A string of characters up to U+00FF.
   */
  outputString(text: string): void {
    if (typeof text !== "string") {
      throw new WireError(
        "invalidArgument",
        `outputString() writes a text, and not ${shown(text)}.`,
      );
    }
    this.#session.write((lisp) =>
      writeString(lisp.bytes, text, lisp.limits.cmuclString)
    );
  }

  /**
   * Reads a string.
   *
   * @returns A promise of it.
   */
  getString(): Promise<string> {
    return this.#inTurn(async () => {
      await this.#session.reading.need(4);
      const length = this.#reader.int32();
      const most = this.#session.limits.cmuclString;
      if (length < 0 || length > most) {
        throw tooMuch(length, most, "characters", "cmuclString");
      }
      await this.#session.reading.need(length);
      return readCharacters(this.#reader, length);
    });
  }

  /**
   * Writes an object.
   *
   * @param value What `wire.outputObject()` takes.
   * @param cacheIt Whether the peer is to save it, so that the same array or
   * pair is looked up the next time. Do not change it after that.
   */
  outputObject(value: unknown, cacheIt = false): void {
    this.#session.write((lisp) =>
      cacheIt && typeof value === "object" && value !== null
        ? lisp.saved(value)
        : lisp.value(value)
    );
  }

  /**
   * Reads the next object; a function call is performed, if it is served.
   *
   * @returns A promise of the object, or of what the function returned.
   */
  getObject(): Promise<unknown> {
    return this.#inTurn(async () => {
      const { reader } = this.#session;
      for (;;) {
        const received = reader.next();
        if (received !== undefined) return { received };
        await this.#session.reading.need(reader.input.remaining + 1);
      }
    }).then(({ received }) => this.#session.evaluate(received));
  }

  /**
   * Whether a byte has come that was not read.
   *
   * @returns True if so.
   */
  listen(): boolean {
    return this.#reader.remaining > 0;
  }

  /**
   * Waits until all that was written was handed to the operating system.
   *
   * @returns A promise that resolves then.
   */
  forceOutput(): Promise<void> {
    return quiet(this.#session.forceOutput());
  }

  /** Has the wire read objects by itself again. */
  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#session.reading.release();
  }

  get #reader() {
    return this.#session.reader.input.reader;
  }

  #get<T>(count: number, read: () => T): Promise<T> {
    return this.#inTurn(async () => {
      await this.#session.reading.need(count);
      return read();
    });
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      if (!this.#isDisposed) return read();
      throw disposedOf();
    });
    // What was taken makes room for what comes next.
    this.#last = turn.catch(() => {}).then(() => this.#session.reading.goOn());
    return turn;
  }
}

/**
 * Takes a wire's bytes in hand. A served function that calls it before it
 * awaits anything gets what stands right behind its call; a wire that is made
 * with `cmucl({ untagged: true })` reads no object before.
 *
 * @param wire A wire that speaks CMUCL's protocol.
 * @returns Its bytes. Dispose of it to have objects read again.
 * @throws {WireError} `invalidArgument` for another wire, and where somebody
 * else reads its bytes.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, untagged } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl({ untagged: true }) });
 * const far = makeWire(there, { dialect: cmucl({ untagged: true }) });
 * await near.opened;
 * using writer = untagged(near);
 * writer.outputNumber(-2);
 * writer.outputString("caf\u00e9");
 * await far.opened;
 * using reader = untagged(far);
 * if (await reader.getNumber() !== -2) throw new Error();
 * if (await reader.getString() !== "caf\u00e9") throw new Error();
 * near.abort();
 * await Promise.all([near.closed, far.closed]);
 * ```
 */
export function untagged(wire: { readonly session: Session }): Untagged {
  return new Untagged(lispSession(wire));
}

/**
 * The machinery of a wire that speaks this dialect.
 *
 * @param wire Any wire.
 * @returns Its session.
 * @throws {WireError} `invalidArgument` for a wire of another dialect.
 */
export function lispSession(wire: { readonly session: Session }): CmuclSession {
  const { session } = Object(wire);
  if (session instanceof CmuclSession) return session;
  throw new WireError(
    "invalidArgument",
    `That wire does not speak CMUCL's protocol. ${
      otherVersion(session) ?? "Make it with { dialect: cmucl() }."
    }`,
  );
}

function check(value: number, least: number, most: number, what: string): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new WireError(
    "invalidArgument",
    `${what} is an integer from ${least} to ${most}, not ${shown(value)}.`,
  );
}

function tooMuch(
  count: number,
  most: number,
  what: string,
  limit: string,
): WireError {
  return new WireError(
    "limit",
    `At most ${most} ${what} are read here (limit "${limit}"), and ${count} were announced.`,
  );
}
