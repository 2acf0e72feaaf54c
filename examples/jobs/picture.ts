/**
 * The queue and its workers, as they are just now.
 *
 * @module
 */

import { plain } from "../_text.ts";
import type { JobQueue } from "./job_queue.ts";

const WIDTH = 24;
/** How often it is drawn anew, in milliseconds. */
const EVERY = 100;

/**
 * Draws a queue.
 *
 * @param queue The queue.
 * @returns A line for the queue, and one for each worker.
 */
export function picture(queue: JobQueue): string[] {
  const { waiting, done, again, workers } = queue;
  return [
    `${waiting} wait, ${done} done, ${again} begun again`,
    ...[...workers].map(({ name, job, part, done }) => {
      const full = job === undefined ? 0 : Math.round(part * WIDTH);
      const bar = "█".repeat(full) + "░".repeat(WIDTH - full);
      return `${plain(name).padEnd(12)} ${bar} ${job ?? "idle"}, ${done} done`;
    }),
  ];
}

/** A picture at the end of the terminal, with the events above. */
export class LivePicture implements Disposable {
  readonly #isTerminal = Deno.stdout.isTerminal();
  readonly #draw: () => string[];
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #lines = 0;

  /** @param draw Gives its lines; a terminal is wide enough for each. */
  constructor(draw: () => string[]) {
    this.#draw = draw;
    if (!this.#isTerminal) return;
    this.#timer = setInterval(() => this.#show(), EVERY);
  }

  /** Prints an event. */
  tell(text: string): void {
    this.#clear();
    console.log(plain(text));
    if (this.#isTerminal) this.#show();
  }

  /** Leaves the last picture. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isTerminal) this.#show();
    else console.log(this.#draw().join("\n"));
  }

  #show(): void {
    this.#clear();
    const lines = this.#draw();
    console.log(lines.join("\n"));
    this.#lines = lines.length;
  }

  #clear(): void {
    if (this.#lines === 0) return;
    write(`\x1b[${this.#lines}A\x1b[J`);
    this.#lines = 0;
  }
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
