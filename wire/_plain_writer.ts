/**
 * Calls and answers that hold plain values only, which most do: each is
 * written in one go, with its frame. What is not plain is left to
 * `_message_writer.ts`, which would write the same bytes; `_plain_reader.ts`
 * is this one's mirror.
 *
 * @module
 */

import type { ByteWriter } from "./bytes.ts";
import { FRAME_HEADER } from "./frames.ts";
import { FLAG, PLAIN_ARGUMENTS } from "./_layout.ts";
import { KIND } from "./messages.ts";
import type { SendTables } from "./tables.ts";
import type { ValueWriter } from "./values.ts";

/** Room for a message: its header, its frame's, and its values. */
const ROOM = 32 + PLAIN_ARGUMENTS * 32;

/** Writes plain messages, as frames. */
export class PlainWriter {
  readonly #writer: ByteWriter;
  readonly #tables: SendTables;
  readonly #values: ValueWriter;
  /** How many values the peer takes in a message. */
  mostValues = 0;

  /**
   * @param writer Where the frames go.
   * @param tables The names that the peer knows.
   * @param values Writes the values.
   */
  constructor(writer: ByteWriter, tables: SendTables, values: ValueWriter) {
    this.#writer = writer;
    this.#tables = tables;
    this.#values = values;
  }

  /**
   * Writes a call for an answer.
   *
   * @returns How many bytes its body has; 0 where it is not plain, and then
   * nothing is written.
   */
  call(
    id: number,
    wantsValues: boolean,
    name: string,
    args: readonly unknown[],
  ): number {
    const writer = this.#writer;
    const start = this.#begin(KIND.call);
    writer.varint(id);
    writer.byte(wantsValues ? FLAG.wantsValues : 0);
    return this.#finish(start, this.#named(name, args));
  }

  /** Writes a one-way call; see {@linkcode call}. */
  send(name: string, args: readonly unknown[]): number {
    const start = this.#begin(KIND.send);
    this.#writer.byte(0);
    return this.#finish(start, this.#named(name, args));
  }

  /** Writes an answer with one value; see {@linkcode call}. */
  return(id: number, value: unknown): number {
    const start = this.#begin(KIND.return);
    this.#writer.varint(id);
    return this.#finish(start, this.#values.writePlain(value));
  }

  /** Makes room for all of it, and leaves some for the frame's length. */
  #begin(kind: number): number {
    const writer = this.#writer;
    const start = writer.position;
    writer.reserve(ROOM);
    writer.buffer[start + FRAME_HEADER] = kind;
    writer.position = start + FRAME_HEADER + 1;
    return start;
  }

  /** Writes what is called; false where that is not plain. */
  #named(name: string, args: readonly unknown[]): boolean {
    const count = args.length;
    const index = this.#tables.known(name);
    if (index < 0 || count > PLAIN_ARGUMENTS || count > this.mostValues) {
      return false;
    }
    const writer = this.#writer;
    writer.varint(index + 1);
    writer.byte(count);
    for (let at = 0; at < count; at++) {
      if (!this.#values.writePlain(args[at])) return false;
    }
    return true;
  }

  #finish(start: number, isPlain: boolean): number {
    const writer = this.#writer;
    if (!isPlain) {
      writer.position = start;
      return 0;
    }
    const size = writer.position - start - FRAME_HEADER;
    writer.view.setUint32(start, size);
    return size;
  }
}
