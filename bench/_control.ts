/**
 * What every peer process does for the one that started it: it tells its
 * ports, tells its memory when asked, and ends when its standard input does.
 *
 * @module
 */

/**
 * Tells the ports, then obeys until there is nobody to obey.
 *
 * @param ports Where this process listens, on 127.0.0.1.
 */
export async function obey(ports: object): Promise<void> {
  console.log(JSON.stringify(ports));
  for await (const _ of Deno.stdin.readable) {
    // There is one question only.
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 100));
    collectGarbage();
    console.log(JSON.stringify(Deno.memoryUsage()));
  }
  Deno.exit();
}

/** Collects all garbage: `--v8-flags=--expose-gc` makes that possible. */
function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Run with --v8-flags=--expose-gc.");
  for (let time = 0; time < 3; time++) gc();
}
