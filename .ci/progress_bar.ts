/**
 * Stands in for `@std/cli/unstable-progress-bar` where the standard library
 * comes from npm, whose copy lacks it: as much of it as the examples use.
 *
 * @module
 */

/** What the formatter gets. */
export interface ProgressBarFormatter {
  /** The bar: filled on the left, empty on the right. */
  progressBar: string;
  /** How much is done. */
  value: number;
  /** How much there is to do. */
  max: number;
}

/** What a progress bar is made with. */
export interface ProgressBarOptions {
  /** How much is done already. @default {0} */
  value?: number;
  /** How much there is to do. */
  max: number;
  /** How long the bar is, in characters. @default {50} */
  barLength?: number;
  /** Makes the text to show. */
  formatter?: (state: ProgressBarFormatter) => string;
  /** Milliseconds from one drawing to the next. @default {1000} */
  interval?: number;
  /** Whether nothing is left of it in the end. @default {false} */
  clear?: boolean;
}

/** Draws itself on standard error again and again, until it is stopped. */
export class ProgressBar {
  /** How much is done. */
  value: number;
  /** How much there is to do. */
  max: number;
  readonly #options: ProgressBarOptions;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Begins to draw. */
  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.value = options.value ?? 0;
    this.max = options.max;
    this.#timer = setInterval(() => this.#draw(), options.interval ?? 1_000);
    this.#draw();
  }

  /** Draws for the last time, or removes what was drawn. */
  stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#options.clear) this.#write("");
    else this.#draw("\n");
    return Promise.resolve();
  }

  #draw(end = ""): void {
    const { barLength = 50, formatter } = this.#options;
    const { value, max } = this;
    const filled = Math.floor(Math.min(value / max, 1) * barLength);
    const progressBar = "#".repeat(filled).padEnd(barLength, "-");
    const text = formatter?.({ progressBar, value, max }) ?? progressBar;
    this.#write(text, end);
  }

  #write(text: string, end = ""): void {
    // Back to the line's beginning; the text; erase what is left of the line.
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${text}\x1b[K${end}`));
  }
}
