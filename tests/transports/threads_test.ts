import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Worker as Thread } from "node:worker_threads";
import type { Wire, WireError } from "../../mod.ts";
import { type Connecting, connectWorker } from "../../transports/worker.ts";
import { test } from "../_test.ts";
import { beside, isDeno } from "./_beside.ts";

/** A busy machine takes its time to start one. */
const TIMEOUT = 300_000;

function threadOf(how: string): Thread {
  return new Thread(beside("_thread"), { workerData: how });
}

/** Connects to a thread, and ends it afterwards. */
async function withThread(
  how: string,
  use: (wire: Wire, thread: Thread) => Promise<void>,
  options: Connecting = {},
): Promise<void> {
  const thread = threadOf(how);
  const exited = new Promise((resolve) => thread.once("exit", resolve));
  try {
    const wire = await connectWorker(thread, {
      timeout: TIMEOUT,
      onError() {},
      ...options,
    });
    await use(wire, thread);
    wire.abort();
    await wire.closed;
  } finally {
    await thread.terminate();
    await exited;
  }
}

for (const how of ["prompt", "late"]) {
  test(`connectWorker() takes a thread of node:worker_threads: ${how}`, () =>
    withThread(how, async (wire) => {
      assertEquals(await wire.remoteValue.double(21), 42);
      assertEquals(await wire.remoteValue.ask(), "the parent");
      const bytes = new Uint8Array(100_000).fill(3);
      assertEquals(await wire.remoteValue.back(bytes), bytes);
      assertEquals(wire.address, { transport: "port" });
      await wire.close();
      assertEquals((await wire.closed).code, "closed");
    }, { functions: { name: () => "the parent" } }));
}

test("a thread ends by itself once its wire has", async () => {
  const thread = threadOf("prompt");
  const exited = new Promise((resolve) => thread.once("exit", resolve));
  const wire = await connectWorker(thread, { timeout: TIMEOUT });
  assertEquals(await wire.remoteValue.double(4), 8);
  await wire.close();
  if (isDeno) await thread.terminate();
  await exited;
});

/** What ends a thread, and what is said of it. */
const ENDS: Record<string, [(wire: Wire, thread: Thread) => void, RegExp]> = {
  "terminate()": [(_, thread) => void thread.terminate(), /The Worker ended/],
  "terminate() while it is busy": [
    (wire, thread) => {
      wire.remote.busy();
      setTimeout(() => thread.terminate(), 20);
    },
    /The Worker ended/,
  ],
  "process.exit()": [(wire) => wire.remote.exit(3), /exited with code 3/],
  "an error": [
    (wire) => wire.remote.fail(),
    /The Worker ended: .*out of order/,
  ],
};

for (const [what, [end, text]] of Object.entries(ENDS)) {
  test(`a wire ends with its thread: ${what}`, () =>
    withThread("prompt", async (wire, thread) => {
      assertEquals(await wire.remoteValue.double(1), 2);
      end(wire, thread);
      const { code, message } = await wire.closed;
      assertEquals(code, "connectionLost");
      assertMatch(message, text);
    }));
}

const FAILURES: Record<string, [string, Connecting, string, RegExp]> = {
  "that throws at its start": [
    "throws",
    {},
    "connectionLost",
    /the Worker: The Worker ended: .*no thread today/,
  ],
  "that never answers": ["silent", { timeout: 50 }, "timeout", /50 ms/],
};

for (const [what, [how, options, code, text]] of Object.entries(FAILURES)) {
  test(`connectWorker() names a thread ${what}`, async () => {
    const thread = threadOf(how);
    const exited = new Promise((resolve) => thread.once("exit", resolve));
    const error = await assertRejects(() =>
      connectWorker(thread, options)
    ) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
    await thread.terminate();
    await exited;
  });
}
