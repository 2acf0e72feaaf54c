/**
 * Prints several logs at once.
 *
 * @module
 */

import { plain } from "../_text.ts";

/** Longer lines are printed in parts, in bytes. */
const LONGEST = 1024 * 1024;
const NEWLINE = 0x0a;

/** Prints what comes of one log. */
export interface Printer {
  /**
   * Prints bytes.
   *
   * @returns A promise that resolves when more may come.
   */
  print(bytes: Uint8Array): Promise<void>;
  /** The log goes on elsewhere: a line that was begun will not be finished. */
  cut(): Promise<void>;
}

/**
 * Makes printers for logs: their bytes as they are for one alone, whole lines
 * with the log's name in front for several.
 *
 * @param names The logs.
 * @param output Where to print.
 * @param isTerminal Whether control characters have to be taken out.
 * @returns A printer for each log.
 */
export function makePrinters(
  names: string[],
  output: WritableStream<Uint8Array> = Deno.stdout.writable,
  isTerminal: boolean = Deno.stdout.isTerminal(),
): Map<string, Printer> {
  const writer = output.getWriter();
  const write = (bytes: Uint8Array) => writer.write(bytes);
  return new Map(names.map((name) => {
    if (names.length === 1 && !isTerminal) {
      return [name, { print: write, cut: () => Promise.resolve() }];
    }
    const prefix = names.length === 1 ? "" : `${name}: `;
    return [name, new LinePrinter(prefix, write, isTerminal)];
  }));
}

/** Prints whole lines, each in one piece. */
export class LinePrinter implements Printer {
  readonly #prefix: Uint8Array;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #isTerminal: boolean;
  /** The beginning of a line whose end has not come. */
  #rest: Uint8Array[] = [];
  #size = 0;

  /**
   * @param prefix What to print in front of each line.
   * @param write Prints.
   * @param isTerminal Whether control characters have to be taken out.
   */
  constructor(
    prefix: string,
    write: (bytes: Uint8Array) => Promise<void>,
    isTerminal: boolean,
  ) {
    this.#prefix = new TextEncoder().encode(prefix);
    this.#write = write;
    this.#isTerminal = isTerminal;
  }

  /** Prints the lines that are whole by now. */
  async print(bytes: Uint8Array): Promise<void> {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, from)) >= 0; from = end + 1) {
      this.#keep(bytes.subarray(from, end + 1));
      lines.push(...this.#takeLine());
    }
    this.#keep(bytes.subarray(from));
    if (lines.length > 0) await this.#write(joined(lines));
    if (this.#size > LONGEST) await this.cut();
  }

  /** Prints the line that was begun. */
  async cut(): Promise<void> {
    if (this.#size === 0) return;
    this.#keep(Uint8Array.of(NEWLINE));
    await this.#write(joined(this.#takeLine()));
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#size += bytes.length;
  }

  #takeLine(): Uint8Array[] {
    const parts = this.#rest;
    this.#rest = [];
    this.#size = 0;
    if (!this.#isTerminal) return [this.#prefix, ...parts];
    const line = new TextDecoder().decode(joined(parts).subarray(0, -1));
    return [this.#prefix, new TextEncoder().encode(`${plain(line)}\n`)];
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of parts) size += length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
