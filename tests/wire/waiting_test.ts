/**
 * What waits does nothing: no part of a wire asks again and again whether it
 * may go on. A loop that did would keep this thread from noticing, so that the
 * wire is in a Worker.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";

/** What the Worker tells. */
interface Told {
  readonly asked: number;
  readonly taken: number;
  readonly outputWaiting: number;
  readonly callsWaiting: number;
  readonly streamsSending: number;
}

/**
 * So long nothing takes, on however slow a machine, but what never ends: the
 * types of the Worker are checked first.
 */
const FOREVER = 600_000;

test("what waits for the peer does nothing meanwhile", async () => {
  const program = new URL("./programs/waiting.ts", import.meta.url);
  const worker = new Worker(program, { type: "module" });
  const told = Promise.withResolvers<Told>();
  worker.onmessage = ({ data }) => told.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    told.reject(new Error(event.message));
  };
  // No timer of tests: those are made longer.
  const forever = AbortSignal.timeout(FOREVER);
  forever.onabort = () => told.reject(new Error("The Worker is busy."));
  try {
    const { asked, taken, ...waiting } = await told.promise;
    assertEquals(waiting.streamsSending, 4);
    assertEquals(waiting.callsWaiting, 10);
    assert(waiting.outputWaiting >= 4_000);
    assertEquals({ asked, taken }, { asked: 0, taken: 0 });
  } finally {
    forever.onabort = null;
    worker.terminate();
  }
});
