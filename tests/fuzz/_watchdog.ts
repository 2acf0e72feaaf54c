/**
 * Notices an execution that never ends, from another thread: a loop without an
 * end lets nothing else of its own thread run.
 *
 * @module
 */

import { LARGEST } from "./_mutate.ts";
import type { Bytes } from "./_target.ts";

/**
 * How long one execution may take, in milliseconds: in which the process works,
 * and, where it only waits, by the clock on the wall.
 */
const PATIENCE = 20_000;
const LONGEST_WAIT = 10 * PATIENCE;

/** The thread: it looks whether the count has changed. */
const PROGRAM = `
import process from "node:process";
const worked = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
onmessage = ({ data: { shared, patience, longestWait, file, pid } }) => {
  const [count, length] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
  let last = -1, cpu = 0, wall = 0;
  setInterval(() => {
    const now = Atomics.load(count, 0);
    if (now !== last) {
      [last, cpu, wall] = [now, worked(), performance.now()];
      return;
    }
    if (worked() - cpu < patience && performance.now() - wall < longestWait) return;
    const input = new Uint8Array(shared, 8, length[0]).slice();
    Deno.writeFileSync(file, input);
    console.error("An execution never ends. Its input is in " + file);
    Deno.kill(pid, "SIGKILL");
  }, patience / 4);
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
      longestWait: LONGEST_WAIT,
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
