/**
 * Reports on the error output of a process, which never wait for whoever
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

/** The error output of the runtime; undefined in a browser. */
const stderr = typeof Deno === "object"
  ? {
    isTerminal: Deno.stderr.isTerminal(),
    /**
     * `deno test` reads what a test prints, and fails a test that ends before
     * all is written. In other programs its function is a stub of this name.
     */
    isTest: !/^(noopTest)?$/.test(Deno.test?.name ?? ""),
    write: (bytes: Uint8Array) => Deno.stderr.write(bytes),
  }
  : nodeStderr();

/** That of Node, whose own stream waits for who reads a pipe. */
function nodeStderr() {
  const { process } = globalThis as { process?: NodeJS.Process };
  const fs = process?.getBuiltinModule?.("node:fs");
  if (fs === undefined) return undefined;
  return {
    isTerminal: process?.stderr.isTTY === true,
    isTest: false,
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve, reject) =>
        fs.write(2, bytes, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        })
      ),
  };
}

/** Whether reports go to the console: a terminal's, or one that is replaced. */
function hasConsole(): boolean {
  return !isOriginal || console.error !== original || stderr!.isTerminal ||
    stderr!.isTest ||
    // What is logged is exported.
    Symbol.for("opentelemetry.js.api.1") in globalThis;
}

/**
 * Has reports printed so, from now on. Servers and clients do that; an import
 * alone does nothing, so that a bundler may leave this out.
 */
export function printToStderr(): void {
  if (stderr !== undefined) printBy(print);
}

function print(text: string): boolean {
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
}

async function drain(): Promise<void> {
  while (waiting.length > 0) {
    const bytes = waiting.shift()!;
    try {
      for (let at = 0; at < bytes.length;) {
        at += await stderr!.write(bytes.subarray(at));
      }
    } catch {
      // There is nobody to read it.
    }
    count -= bytes.length;
  }
}
