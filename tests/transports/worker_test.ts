import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  createRequestServer,
  makeWire,
  type Wire,
  type WireError,
  wirePair,
} from "../../mod.ts";
import {
  type Connecting,
  connectWorker,
  parentWire,
  portTransport,
  portWire,
  transfer,
} from "../../transports/worker.ts";
import { test } from "../_test.ts";

/** A busy machine takes its time to start one. */
const TIMEOUT = 300_000;

function workerOf(how: string): Worker {
  return new Worker(new URL("_worker.ts", import.meta.url), {
    type: "module",
    name: how,
  });
}

/** Connects to a Worker, and ends it afterwards. */
async function withWorker(
  how: string,
  use: (wire: Wire, worker: Worker) => Promise<void>,
  options: Connecting = {},
): Promise<void> {
  const worker = workerOf(how);
  try {
    const wire = await connectWorker(worker, {
      timeout: TIMEOUT,
      onError() {},
      ...options,
    });
    await use(wire, worker);
    wire.abort();
    await wire.closed;
  } finally {
    worker.terminate();
  }
}

for (const how of ["prompt", "late"]) {
  test(`connectWorker() and parentWire() make a wire: ${how}`, () =>
    withWorker(how, async (wire) => {
      assertEquals(await wire.remoteValue.double(21), 42);
      assertEquals(await wire.remoteValue.ask(), "the parent");
      let sum = 0;
      for await (const n of await wire.remoteValue.numbers(100)) sum += n;
      assertEquals(sum, 4_950);
      assertEquals(wire.address, { transport: "port" });
      await wire.close();
      assertEquals((await wire.closed).code, "closed");
    }, { functions: { name: () => "the parent" } }));
}

test("connectWorker() finds a Worker that waits already", async () => {
  const worker = workerOf("prompt");
  await new Promise((resolve) => worker.addEventListener("message", resolve));
  const wire = await connectWorker(worker, { timeout: TIMEOUT });
  assertEquals(await wire.remoteValue.double(1), 2);
  await wire.close();
  worker.terminate();
});

test("connectWorker() refuses a Worker that has a wire, until that is closed", async () => {
  const worker = workerOf("again");
  const connecting = connectWorker(worker, { timeout: TIMEOUT });
  const refused = async () => {
    const error = await assertRejects(() =>
      connectWorker(worker, { timeout: TIMEOUT })
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, /this one has one/);
  };
  await refused();
  const wire = await connecting;
  await refused();
  assertEquals(await wire.remoteValue.double(1), 2);
  await wire.close();
  const next = await connectWorker(worker, { timeout: TIMEOUT });
  assertEquals(await next.remoteValue.double(2), 4);
  await next.close();
  worker.terminate();
});

test("a Worker whose connection failed may be connected to again", async () => {
  const worker = workerOf("silent");
  for (let n = 0; n < 2; n++) {
    const error = await assertRejects(() =>
      connectWorker(worker, { timeout: 20 })
    ) as WireError;
    assertEquals(error.code, "timeout");
  }
  worker.terminate();
});

test("a program's own messages to and from a Worker go on", async () => {
  const worker = workerOf("prompt");
  const seen: unknown[] = [];
  const wire = await connectWorker(worker, { timeout: TIMEOUT });
  worker.addEventListener("message", ({ data }) => void seen.push(data));
  worker.postMessage("not for the wire");
  assertEquals(await wire.remoteValue.double(1), 2);
  assertEquals(seen, []);
  await wire.close();
  worker.terminate();
});

/** What ends a Worker, and what is said of it. */
const ENDS: Record<string, [(wire: Wire, worker: Worker) => void, RegExp]> = {
  "terminate()": [(_, worker) => worker.terminate(), /The Worker ended/],
  "terminate() while it is busy": [
    (wire, worker) => {
      wire.remote.busy();
      setTimeout(() => worker.terminate(), 20);
    },
    /The Worker ended/,
  ],
  "close()": [(wire) => wire.remote.close(), /The Worker ended/],
  "an error": [
    (wire) => wire.remote.fail(),
    /The Worker ended: .*out of order/,
  ],
};

for (const [what, [end, text]] of Object.entries(ENDS)) {
  test(`a wire ends with its Worker: ${what}`, () =>
    withWorker("prompt", async (wire, worker) => {
      const call = wire.remoteValue.busyNot().catch((e: WireError) => e.code);
      assertEquals(await call, "noSuchFunction");
      end(wire, worker);
      const { code, message } = await wire.closed;
      assertEquals(code, "connectionLost");
      assertMatch(message, text);
    }));
}

test("a wire that its Worker aborts says why", () =>
  withWorker("prompt", async (wire) => {
    wire.remote.abort();
    const { code, message } = await wire.closed;
    assertEquals(code, "peerAborted");
    assertMatch(message, /enough/);
  }));

const FAILURES: Record<string, [string, Connecting, string, RegExp]> = {
  "that throws at its start": [
    "throws",
    {},
    "connectionLost",
    /the Worker: The Worker ended: .*no worker today/,
  ],
  "that never answers": ["silent", { timeout: 50 }, "timeout", /50 ms/],
  "that refuses": ["refuses", {}, "refused", /Cannot connect to the Worker/],
};

for (const [what, [how, options, code, text]] of Object.entries(FAILURES)) {
  test(`connectWorker() names a Worker ${what}`, async () => {
    const worker = workerOf(how);
    const error = await assertRejects(() =>
      connectWorker(worker, options)
    ) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
    worker.terminate();
  });
}

test("connectWorker() refuses what is no Worker, parentWire() what is none itself", async () => {
  const error = await assertRejects(() =>
    connectWorker({} as Worker)
  ) as WireError;
  assertMatch(error.message, /takes a Worker/);
  const outside = assertThrows(() => parentWire()) as WireError;
  assertMatch(outside.message, /this is none/);
});

test("transfer() has bytes transferred, and come back", () =>
  withWorker("prompt", async (wire) => {
    const bytes = new Uint8Array(3_000_000).fill(7);
    const size = wire.remoteValue.size(transfer(bytes));
    assertEquals(bytes.length, 0);
    assertEquals(await size, 3_000_000);
    const other = new Uint8Array(9).fill(3);
    const back = await wire.remoteValue.back(other);
    assertEquals(back, new Uint8Array(9).fill(3));
    assertEquals(other.length, 9);
    for (
      const value of [
        new Float64Array(4),
        new DataView(new ArrayBuffer(8)),
        new ArrayBuffer(5),
      ]
    ) {
      const name = value.constructor.name;
      assertEquals(await wire.remoteValue.kind(transfer(value)), name);
      const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
      assertEquals(buffer.byteLength, 0);
    }
  }));

test("what is marked to be transferred is copied by other wires", async () => {
  const [near, far] = wirePair();
  far.serve({ sum: (bytes: Uint8Array) => bytes.reduce((a, b) => a + b) });
  const bytes = transfer(new Uint8Array([1, 2, 3]));
  assertEquals(await near.remoteValue.sum(bytes), 6);
  assertEquals(bytes.length, 3);
  await Promise.all([near.close(), far.close()]);
});

test("bytes are transferred once", () =>
  withWorker("prompt", async (wire) => {
    const bytes = new Uint8Array(9);
    assertEquals(await wire.remoteValue.size(transfer(bytes)), 9);
    for (const gone of [bytes, bytes.buffer]) {
      const error = assertThrows(() => transfer(gone)) as WireError;
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, /transferred already/);
    }
    const error = await assertRejects(() =>
      wire.remoteValue.size(bytes)
    ) as WireError;
    assertMatch(error.message, /each can be transferred once/);
    assertEquals(await wire.remoteValue.double(1), 2);
  }));

test("transfer() refuses what cannot be transferred", () => {
  for (const value of ["text", {}, new Uint8Array(new SharedArrayBuffer(8))]) {
    const error = assertThrows(() =>
      transfer(value as Uint8Array)
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});

test("portWire() makes wires of any two ports; many transfers in a row", async () => {
  const { port1, port2 } = new MessageChannel();
  const near = portWire(port1);
  const far = portWire(port2, {
    functions: {
      all: (list: readonly Uint8Array[]) => list.map(({ length }) => length),
    },
  });
  for (let round = 1; round <= 20; round++) {
    const list = Array.from(
      { length: 20 },
      (_, n) => transfer(new Uint8Array(n * round)),
    );
    assertEquals(
      await near.remoteValue.all(list),
      Array.from({ length: 20 }, (_, n) => n * round),
    );
    assert(list.every(({ length }) => length === 0));
  }
  await Promise.all([near.close(), far.close()]);
});

for (
  const what of [[1, /no bytes/], ["one", new Uint8Array(1)], [1, {
    length: 3,
  }]]
) {
  test(`portWire() ends where its peer hands over ${typeof what[0]}, ${what[1]}`, async () => {
    const { port1, port2 } = new MessageChannel();
    const wire = portWire(port1, { onError() {} });
    port2.postMessage(what);
    const { code, message } = await wire.closed;
    assertEquals(code, "malformed");
    assertMatch(message, /hand over buffers/);
    port2.close();
  });
}

test("portWire() lets go of what was handed over for messages that never come", async () => {
  const { port1, port2 } = new MessageChannel();
  const near = portWire(port1);
  const far = portWire(port2, {
    functions: { size: (bytes: Uint8Array) => bytes.length },
  });
  const size = (...args: unknown[]) => near.call("size", args);
  for (let n = 0; n < 10_100; n++) {
    // It is handed over, and then the call cannot be sent.
    size(transfer(new Uint8Array(9)), Symbol("no")).catch(() => {});
  }
  assertEquals(await size(transfer(new Uint8Array(9))), 9);
  await Promise.all([near.close(), far.close()]);
});

test("a server adopts a port", async () => {
  await using server = createRequestServer(null, {
    functions: { double: (n: number) => n * 2 },
  });
  const { port1, port2 } = new MessageChannel();
  server.adopt(portTransport(port2));
  await using wire = makeWire(portTransport(port1));
  assertEquals(await wire.remoteValue.double(4), 8);
});
