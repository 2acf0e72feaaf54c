/**
 * How a process is asked to end.
 *
 * @module
 */

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
