/**
 * Rejections that nobody handles: what would end a process.
 *
 * @module
 */

/** Lets all that is under way come to its end. */
export function macrotask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

/**
 * Does something, and waits a little.
 *
 * @param work What to do.
 * @returns What nobody handled meanwhile, rejections and errors.
 */
export async function unhandledIn(
  work: () => unknown,
): Promise<unknown[]> {
  const found: unknown[] = [];
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    found.push(event.reason);
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    found.push(event.error);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  try {
    await work();
    for (let turn = 0; turn < 5; turn++) await macrotask();
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  }
  return found;
}
