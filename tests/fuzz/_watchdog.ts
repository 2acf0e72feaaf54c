/**
 * Notices an execution that never ends, from another thread: a loop without an
 * end lets nothing else of its own thread run.
 *
 * @module
 */

import { LARGEST } from "./_mutate.ts";
import type { Bytes } from "./_target.ts";

/** How long one execution may take, in milliseconds. */
const PATIENCE = 20_000;

/** The thread: it looks whether the count has changed. */
const PROGRAM = `
onmessage = ({ data: { shared, patience, file, pid } }) => {
  const [count, length] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
  let last = -1;
  setInterval(() => {
    const now = Atomics.load(count, 0);
    if (now !== last) return last = now;
    const input = new Uint8Array(shared, 8, length[0]).slice();
    Deno.writeFileSync(file, input);
    console.error("An execution never ends. Its input is in " + file);
    Deno.kill(pid, "SIGKILL");
  }, patience);
};
`;

/** Watches the executions of this process. */
export class Watchdog implements Disposable {
  readonly #shared = new SharedArrayBuffer(8 + LARGEST);
  readonly #count = new Int32Array(this.#shared, 0, 1);
  readonly #length = new Int32Array(this.#shared, 4, 1);
  readonly #input = new Uint8Array(this.#shared, 8);
  readonly #worker: Worker;
  readonly #url: string;

  /** @param file Where to write an input whose execution never ends. */
  constructor(file: string) {
    const type = "text/javascript";
    this.#url = URL.createObjectURL(new Blob([PROGRAM], { type }));
    this.#worker = new Worker(this.#url, { type: "module" });
    this.#worker.postMessage({
      shared: this.#shared,
      patience: PATIENCE,
      file,
      pid: Deno.pid,
    });
  }

  /** Another execution begins. */
  readonly onInput = (input: Bytes): void => {
    this.#input.set(input.subarray(0, LARGEST));
    this.#length[0] = Math.min(LARGEST, input.length);
    Atomics.add(this.#count, 0, 1);
  };

  [Symbol.dispose](): void {
    this.#worker.terminate();
    URL.revokeObjectURL(this.#url);
  }
}
