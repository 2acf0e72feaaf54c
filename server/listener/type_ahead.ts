/**
 * The input of a session, read ahead of its use: so the end of the client, and
 * its wish to interrupt, are noticed while something is evaluated.
 *
 * @module
 */

import type { LineStream } from "../../wire/lines/line_stream.ts";
import type { ListenerLimits } from "./options.ts";

/** Lines that wait for their turn. */
export class TypeAhead {
  /** Resolves when nothing more comes: with why, unless the client ended. */
  readonly ended: Promise<{ error?: unknown }>;

  readonly #stream: LineStream;
  readonly #limits: Pick<ListenerLimits, "line" | "ahead">;
  readonly #onLine: (line: string) => boolean;
  #lines: string[] = [];
  #length = 0;
  #isOver = false;
  #drop = false;
  #changed = Promise.withResolvers<void>();

  /**
   * @param stream Where lines come from.
   * @param limits How long they may be, and how many may wait.
   * @param onLine Sees each line when it comes; true if it has dealt with it.
   */
  constructor(
    stream: LineStream,
    limits: Pick<ListenerLimits, "line" | "ahead">,
    onLine: (line: string) => boolean,
  ) {
    this.#stream = stream;
    this.#limits = limits;
    this.#onLine = onLine;
    this.ended = this.#read();
  }

  /** Whether lines wait. */
  get hasLines(): boolean {
    return this.#lines.length > 0;
  }

  /** Resolves when lines wait, or none will come any more. */
  async ready(): Promise<void> {
    while (!this.hasLines && !this.#isOver) await this.#changed.promise;
  }

  /** The next line; undefined when none waits. */
  shift(): string | undefined {
    const line = this.#lines.shift();
    if (line === undefined) return undefined;
    this.#length -= cost(line);
    this.#change();
    return line;
  }

  /** Reads on, but drops what comes. */
  discard(): void {
    this.#drop = true;
    this.#lines = [];
    this.#length = 0;
    this.#change();
  }

  async #read(): Promise<{ error?: unknown }> {
    const maxLength = this.#limits.line;
    try {
      for (;;) {
        const line = await this.#stream.readLine({ maxLength });
        if (line === null) return {};
        if (this.#drop || this.#onLine(line)) continue;
        this.#lines.push(line);
        this.#length += cost(line);
        this.#change();
        while (this.#length > this.#limits.ahead) await this.#changed.promise;
      }
    } catch (error) {
      return { error };
    } finally {
      this.#isOver = true;
      this.#change();
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What a waiting line counts; the empty ones take memory too. */
function cost(line: string): number {
  return line.length + 32;
}
