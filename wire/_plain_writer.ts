/**
 * Calls and answers that hold plain values only, which most do: each is
 * written in one go, with its frame. What is not plain is left to
 * `_message_writer.ts`; `_plain_reader.ts` is this one's mirror.
 *
 * @module
 */

import type { ByteWriter } from "./bytes.ts";
import { FRAME_HEADER } from "./frames.ts";
import { FLAG, PLAIN_ARGUMENTS, RUN_BYTES } from "./_layout.ts";
import { KIND } from "./messages.ts";
import type { SendTables } from "./tables.ts";
import type { ValueWriter } from "./values.ts";

/** Room for the headers of a message and its frame. */
const HEADERS = 32;
/** Room for a plain value. */
const VALUE = 32;
/** Room for any plain message. */
const ROOM = HEADERS + PLAIN_ARGUMENTS * VALUE;

/** Writes plain messages, as frames. */
export class PlainWriter {
  readonly #writer: ByteWriter;
  readonly #tables: SendTables;
  readonly #values: ValueWriter;
  /** How many values the peer takes in a call. */
  #mostValues = 0;
  /** From this size on, nothing is added to a run of one-way calls. */
  #mostBytes = 0;

  // The run of one-way calls that ends where the writer's mark is.
  #runStart = 0;
  #runName = "";
  #runCount = 0;

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

  /** Sets what the peer takes. */
  limit(frame: number, values: number): void {
    this.#mostValues = values;
    this.#mostBytes = Math.min(frame, RUN_BYTES) - ROOM;
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
    const count = args.length;
    const index = this.#indexOf(name, count);
    if (index < 0) return 0;
    const writer = this.#writer;
    const start = this.#begin(KIND.call, count);
    writer.varint(id);
    writer.byte(wantsValues ? FLAG.wantsValues : 0);
    writer.varint(index + 1);
    writer.byte(count);
    return this.#all(args, start) ? this.#end(start) : 0;
  }

  /**
   * Adds a one-way call to the ones before, if they are of the same function,
   * and nothing was written behind them.
   *
   * @returns How many bytes it has; 0 if it is not added.
   */
  add(name: string, args: readonly unknown[]): number {
    const writer = this.#writer;
    const start = writer.position;
    if (
      writer.mark !== start || name !== this.#runName ||
      args.length !== this.#runCount
    ) return 0;
    writer.reserve(args.length * VALUE);
    if (!this.#all(args, start)) return 0;
    this.#goOn();
    return writer.position - start;
  }

  /** Writes a one-way call, the first of a row; see {@linkcode call}. */
  send(name: string, args: readonly unknown[]): number {
    const count = args.length;
    const writer = this.#writer;
    // How many calls there are shows in how many arguments there are.
    const index = count === 0 ? -1 : this.#indexOf(name, count);
    if (index < 0) return 0;
    const start = this.#begin(KIND.sends, count);
    writer.varint(index + 1);
    writer.byte(count);
    if (!this.#all(args, start)) return 0;
    this.#runStart = start;
    this.#runName = name;
    this.#runCount = count;
    return this.#goOn();
  }

  /** Writes an answer with one value; see {@linkcode call}. */
  return(id: number, value: unknown): number {
    const start = this.#begin(KIND.return, 1);
    this.#writer.varint(id);
    if (this.#values.writePlain(value)) return this.#end(start);
    this.#writer.position = start;
    return 0;
  }

  /** The place of a name in the table, if a call of it may be plain. */
  #indexOf(name: string, count: number): number {
    return count > PLAIN_ARGUMENTS || count > this.#mostValues
      ? -1
      : this.#tables.known(name);
  }

  /** Makes room for all of it, and leaves some for the frame's length. */
  #begin(kind: number, count: number): number {
    const writer = this.#writer;
    const start = writer.position;
    writer.reserve(HEADERS + count * VALUE);
    writer.buffer[start + FRAME_HEADER] = kind;
    writer.position = start + FRAME_HEADER + 1;
    return start;
  }

  /** Writes all arguments; none, and nothing since `start`, if one is not plain. */
  #all(args: readonly unknown[], start: number): boolean {
    if (this.#values.writeAllPlain(args)) return true;
    this.#writer.position = start;
    return false;
  }

  /** Says how long the frame is; returns how long its body is. */
  #end(start: number): number {
    const writer = this.#writer;
    const size = writer.position - start - FRAME_HEADER;
    writer.view.setUint32(start, size);
    return size;
  }

  /** The same for a run, which the next call may be added to. */
  #goOn(): number {
    const writer = this.#writer;
    const size = this.#end(this.#runStart);
    writer.mark = size > this.#mostBytes ? -1 : writer.position;
    return size;
  }
}
