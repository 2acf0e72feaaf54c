/**
 * The children of `child.ts`: the argument says "wire" or "raw".
 *
 * @module
 */

import { stdioWire } from "../../transports/child.ts";
import { FUNCTIONS } from "./_compare.ts";
import { Answers } from "./_exchange.ts";

/** Answers what comes over standard input. */
async function answer(): Promise<void> {
  const answers = new Answers((bytes) => {
    for (let at = 0; at < bytes.length;) {
      at += Deno.stdout.writeSync(bytes.subarray(at));
    }
  });
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return;
    answers.take(buffer.subarray(0, count));
  }
}

if (Deno.args[0] === "wire") {
  stdioWire({ functions: { ...FUNCTIONS, pid: () => Deno.pid } });
} else {
  await answer();
}
