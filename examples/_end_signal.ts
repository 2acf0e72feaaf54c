/**
 * How a process is asked to end.
 *
 * @module
 */

import { errorText } from "./_text.ts";

/**
 * Runs a program until it is done, or asked to end. What it fails with until
 * then is printed, and is an exit code of 1.
 *
 * @param name What the program calls itself.
 * @param program Gets a signal that aborts when it is asked to end.
 */
export async function untilAsked(
  name: string,
  program: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const signal = endSignal();
  try {
    await program(signal);
  } catch (error) {
    if (signal.aborted) return;
    console.error(`${name}: ${errorText(error)}`);
    Deno.exitCode = 1;
  }
}

/**
 * Listens for what asks the process to end: Ctrl-C, or SIGTERM. Asked again,
 * the process ends at once.
 *
 * @returns A signal that aborts when it is asked.
 */
export function endSignal(): AbortSignal {
  const controller = new AbortController();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const end = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, end);
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, end);
  return controller.signal;
}
