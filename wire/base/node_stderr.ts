/**
 * Reports on the error output of a Deno process, which never wait for whoever
 * reads it: a write to a pipe that nobody reads stops a whole process.
 *
 * @module
 */

import { printBy } from "./report.ts";

/** So many bytes may wait; what is beyond them is counted, and not printed. */
const MOST_WAITING = 64 * 1024;

const encoder = new TextEncoder();
const { error: original } = console;
/** A program may have its own from the beginning, or have it later. */
const isOriginal = original.name === "error" &&
  /\[native code\]/.test(Function.prototype.toString.call(original));
const waiting: Uint8Array[] = [];
let count = 0;

const isTerminal = Deno.stderr.isTerminal();
/**
 * `deno test` reads what a test prints, and fails a test that ends before all
 * is written. In other programs its function is a stub of this name.
 */
const isTest = !/^(noopTest)?$/.test(Deno.test?.name ?? "");

/** Whether reports go to the console: a terminal's, or one that is replaced. */
function hasConsole(): boolean {
  return !isOriginal || console.error !== original || isTerminal || isTest ||
    // What is logged is exported.
    Symbol.for("opentelemetry.js.api.1") in globalThis;
}

printBy((text) => {
  if (hasConsole()) {
    console.error(text);
    return true;
  }
  const bytes = encoder.encode(`${text}\n`);
  if (count + bytes.length > MOST_WAITING) return false;
  waiting.push(bytes);
  count += bytes.length;
  if (count === bytes.length) void drain();
  return true;
});

async function drain(): Promise<void> {
  while (waiting.length > 0) {
    const bytes = waiting.shift()!;
    try {
      for (let at = 0; at < bytes.length;) {
        at += await Deno.stderr.write(bytes.subarray(at));
      }
    } catch {
      // There is nobody to read it.
    }
    count -= bytes.length;
  }
}
