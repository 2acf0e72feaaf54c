/**
 * What stands in the place of `tests/_test.ts` in other runtimes: tests run one
 * after the other, and each tells what became of it in a line of JSON.
 *
 * @module
 */

import process from "node:process";
import "../_patience.ts";

/** What became of a test. */
export interface Outcome {
  /** Its file, from the root of the repository. */
  readonly file: string;
  /** Its name. */
  readonly name: string;
  /** What it failed with; undefined where it passed. */
  readonly error?: string | undefined;
  /** How long it took, in milliseconds. */
  readonly took: number;
}

/** How long a test may take, in seconds: only one that hangs takes as long. */
const MOST = 240;

/** The same of one that is known to fail. */
const MOST_KNOWN = 5;

/** The beginnings of the names of tests that are known to fail here. */
const known: readonly string[] = JSON.parse(process.argv[2] ?? "[]");

const tests: { file: string; name: string; fn: () => unknown }[] = [];
let file = "";

/** The tests that follow are of this file. */
export function begin(path: string): void {
  file = path;
}

/** Defines a test. */
export function test(name: string, fn: () => void | Promise<void>): void {
  tests.push({ file, name, fn });
}

/** Runs them all. */
export async function run(): Promise<void> {
  let stray: unknown;
  listenForStray((error) => stray ??= error);
  for (const { file, name, fn } of tests) {
    stray = undefined;
    const since = performance.now();
    let error: unknown;
    let timer: ReturnType<typeof setInterval> | undefined;
    const isKnown = known.some((beginning) => name.startsWith(beginning));
    try {
      await Promise.race([
        fn(),
        new Promise((_, reject) => {
          let seconds = 0;
          timer = setInterval(() => {
            if (++seconds === (isKnown ? MOST_KNOWN : MOST)) {
              reject(new Error("it hangs"));
            }
          }, 1_000);
        }),
      ]);
      error = stray;
    } catch (thrown) {
      error = thrown ?? "nothing";
    }
    clearInterval(timer);
    const took = Math.round(performance.now() - since);
    const outcome: Outcome = error === undefined ? { file, name, took } : {
      file,
      name,
      took,
      error: error instanceof Error
        ? `${error.message}\n${error.stack}`
        : String(error),
    };
    process.stdout.write(`\n@${JSON.stringify(outcome)}\n`);
  }
  process.exit();
}

/** Tells of errors that nobody handles, and tests may by the events of Deno. */
function listenForStray(tell: (error: unknown) => void): void {
  const events = new EventTarget();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  Object.assign(globalThis, {
    addEventListener: addEventListener.bind(events),
    removeEventListener: removeEventListener.bind(events),
  });
  const pass = (type: string, error: unknown) => {
    const event = new Event(type, { cancelable: true });
    Object.assign(event, { reason: error, error });
    if (events.dispatchEvent(event)) tell(error);
  };
  process.on("uncaughtException", (error) => pass("error", error));
  process.on(
    "unhandledRejection",
    (error) => pass("unhandledrejection", error),
  );
}
