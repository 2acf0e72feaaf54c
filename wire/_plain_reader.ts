/**
 * Reads calls and answers that hold plain values only, and hands their parts
 * to whoever serves or made the calls, without a message being made of them.
 * What is not plain is left to `_message_reader.ts`, which would read the same.
 *
 * @module
 */

import { malformed } from "./errors.ts";
import type { ByteReader } from "./bytes.ts";
import { PLAIN_ARGUMENTS } from "./_layout.ts";
import { KIND } from "./messages.ts";
import type { ReceiveTables } from "./tables.ts";
import type { ValueReader } from "./_value_reader.ts";

/** Takes plain calls and answers, of so many bytes each. */
export interface PlainReceiver {
  /** Whether nothing more is wanted. */
  readonly isOver: boolean;
  /** A call for one value. */
  call(id: number, name: string, args: unknown[], size: number): void;
  /** A one-way call. */
  send(name: string, args: unknown[], size: number): void;
  /** An answer with one value. */
  returned(id: number, value: unknown): void;
}

/** Reads plain messages. */
export class PlainReader {
  readonly #reader: ByteReader;
  readonly #tables: ReceiveTables;
  readonly #values: ValueReader;
  readonly #most: number;

  /**
   * @param reader Where the bytes come from.
   * @param tables The names that the peer defined.
   * @param values Reads the values.
   * @param mostValues How many values this side takes in a message.
   */
  constructor(
    reader: ByteReader,
    tables: ReceiveTables,
    values: ValueReader,
    mostValues: number,
  ) {
    this.#reader = reader;
    this.#tables = tables;
    this.#values = values;
    this.#most = Math.min(PLAIN_ARGUMENTS, mostValues);
  }

  /**
   * Reads a call or an answer, where it is plain.
   *
   * @param receiver Takes it.
   * @returns False where it is not: then nothing of it is read.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  read(receiver: PlainReceiver): boolean {
    const reader = this.#reader;
    const { buffer, position: start, end } = reader;
    const kind = buffer[start]!;
    if (kind !== KIND.call && kind !== KIND.return) return false;
    reader.position = start + 1;
    const id = reader.varint();
    if (kind === KIND.return) {
      const values = this.#values.readPlain(1);
      if (values !== undefined) {
        reader.finish();
        receiver.returned(id, values[0]);
        return true;
      }
    } else {
      const name = this.#named();
      const args = name === undefined ? undefined : this.#list();
      if (args !== undefined) {
        receiver.call(id, name!, args, end - start);
        return true;
      }
    }
    reader.position = start;
    return false;
  }

  /**
   * Reads one-way calls in a row.
   *
   * @param receiver Takes them, until it is over.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  readRun(receiver: PlainReceiver): void {
    const reader = this.#reader;
    let start = reader.position;
    reader.position = start + 1;
    const name = this.#tables.name(reader.varint() - 1);
    const count = reader.byte();
    if (count === 0 || count > this.#most) {
      throw malformed(
        `One-way calls in a row have 1 to ${this.#most} arguments each, not ${count}.`,
      );
    }
    do {
      const args = this.#values.readPlain(count);
      if (args === undefined) {
        throw malformed(
          "A one-way call in a row has all its arguments, and none but plain values.",
        );
      }
      receiver.send(name, args, reader.position - start);
      start = reader.position;
    } while (start < reader.end && !receiver.isOver);
  }

  /** No flags, and a name in the table: that name. */
  #named(): string | undefined {
    const reader = this.#reader;
    const { buffer, position, end } = reader;
    if (end - position < 3 || buffer[position] !== 0) return undefined;
    reader.position = position + 1;
    const index = reader.varint();
    return index === 0 ? undefined : this.#tables.name(index - 1);
  }

  /** All arguments; undefined where one is not plain. */
  #list(): unknown[] | undefined {
    const reader = this.#reader;
    const count = reader.byte();
    if (count > this.#most) return undefined;
    const args = this.#values.readPlain(count);
    if (args !== undefined) reader.finish();
    return args;
  }
}
