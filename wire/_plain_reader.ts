/**
 * Reads calls and answers that hold plain values only, and hands their parts
 * to whoever serves or made the calls, without a message being made of them.
 * What is not plain is left to `_message_reader.ts`, which would read the same.
 *
 * @module
 */

import type { ByteReader } from "./bytes.ts";
import { PLAIN_ARGUMENTS } from "./_layout.ts";
import { KIND } from "./messages.ts";
import type { ReceiveTables } from "./tables.ts";
import type { ValueReader } from "./values.ts";

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
   * Reads a message, where it is plain.
   *
   * @param receiver Takes it.
   * @returns False where it is not: then nothing of it is read.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  read(receiver: PlainReceiver): boolean {
    const reader = this.#reader;
    const { buffer, position: start, end } = reader;
    const size = end - start;
    const kind = buffer[start]!;
    reader.position = start + 1;
    if (kind === KIND.send) {
      const name = this.#named();
      const args = name === undefined ? undefined : this.#list();
      if (args !== undefined) {
        receiver.send(name!, args, size);
        return true;
      }
    } else if (kind === KIND.call) {
      const id = reader.varint();
      const name = this.#named();
      const args = name === undefined ? undefined : this.#list();
      if (args !== undefined) {
        receiver.call(id, name!, args, size);
        return true;
      }
    } else if (kind === KIND.return) {
      const id = reader.varint();
      const values = this.#values.readPlain(1);
      if (values !== undefined) {
        reader.finish();
        receiver.returned(id, values[0]);
        return true;
      }
    }
    reader.position = start;
    return false;
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
