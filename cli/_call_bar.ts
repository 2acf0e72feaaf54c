/**
 * A bar that shows how far a large call is, on a terminal.
 *
 * @module
 */

import type { ProgressBar } from "@std/cli/unstable-progress-bar";
import type { CallProgress } from "../mod.ts";
import type { CommandLine } from "./_command_line.ts";
import { bytesText } from "./_text.ts";

/** A call that has been answered after so many milliseconds shows no bar. */
const SOON = 500;

/** What each part of a call is called. */
const LABELS: Readonly<Record<CallProgress["of"], string>> = {
  arguments: "sending",
  result: "receiving",
  streamsSent: "sending",
  streamsReceived: "receiving",
};

/** Shows how far one call is. */
export class CallBar {
  readonly #Bar: typeof ProgressBar;
  readonly #began = performance.now();
  #label = "";
  #bar: ProgressBar | undefined;
  #isOver = false;

  private constructor(Bar: typeof ProgressBar) {
    this.#Bar = Bar;
  }

  /**
   * Makes a bar where somebody looks, and no program reads.
   *
   * @param line The command line.
   * @returns The bar; undefined where there is to be none.
   */
  static async of(line: CommandLine): Promise<CallBar | undefined> {
    if (line.has("json") || !Deno.stderr.isTerminal()) return undefined;
    const { ProgressBar } = await import("@std/cli/unstable-progress-bar");
    return new CallBar(ProgressBar);
  }

  /** Shows how far the call is. */
  readonly onProgress = ({ of, bytes, total }: CallProgress): void => {
    if (this.#isOver || performance.now() - this.#began < SOON) return;
    this.#label = LABELS[of];
    // The bar of something without a total stays empty, and is left out.
    const max = total ?? Infinity;
    this.#bar ??= new this.#Bar({
      value: bytes,
      max,
      barLength: 30,
      clear: true,
      formatter: ({ progressBar, value, max }) =>
        max === Infinity
          ? `${this.#label} ${bytesText(value)}`
          : `${this.#label} [${progressBar}] ${bytesText(value)} of ${
            bytesText(max)
          }`,
    });
    this.#bar.max = max;
    this.#bar.value = bytes;
  };

  /** Removes it: something else is going to be printed. */
  async end(): Promise<void> {
    this.#isOver = true;
    const bar = this.#bar;
    this.#bar = undefined;
    await bar?.stop();
  }
}
