/**
 * What calls and messages cost, counted: writes, bytes on the wire, copies of
 * bytes, new memory. Counts are the same on any machine, so that these tests
 * fail for a change that makes the wire dearer, and for nothing else.
 */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  memoryTransports,
  type RemoteStream,
  type Transport,
  type Wire,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { byteCosts } from "./_counting.ts";
import { meteredPair } from "./_metered.ts";

const MANY = 256;
const FUNCTIONS = {
  add: (a: number, b: number) => a + b,
  note: () => {},
  size: (bytes: Uint8Array) => bytes.length,
};

/** So many, all begun in the same tick. */
function many(
  begin: (n: number) => Promise<unknown>,
  length = MANY,
): Promise<unknown[]> {
  return Promise.all(Array.from({ length }, (_, n) => begin(n)));
}

test("256 calls are sent in one write, and their answers in one", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  await many((n) => near.wire.remoteValue.add(n, 1));
  for (const { meter } of [near, far]) {
    assertEquals([meter.writes, meter.reads], [1, 1]);
  }
  await Promise.all([near.wire.close(), far.wire.close()]);
});

test("256 calls each way take two writes and two reads of each end", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  await Promise.all([
    many((n) => near.wire.remoteValue.add(n, 1)),
    many((n) => far.wire.remoteValue.add(n, 1)),
  ]);
  for (const { meter } of [near, far]) {
    assertEquals([meter.writes, meter.reads], [2, 2]);
  }
  await Promise.all([near.wire.close(), far.wire.close()]);
});

test("256 one-way calls and 256 messages are sent in one write", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  await many((n) => near.wire.remote.note(n));
  await near.wire.forceOutput();
  assertEquals(near.meter.writes, 1);
  await many((n) => near.wire.outputObject(n));
  await near.wire.forceOutput();
  assertEquals([near.meter.writes, far.meter.reads], [2, 2]);
  assertEquals(far.meter.writes, 0);
  await Promise.all([near.wire.close(), far.wire.close()]);
});

test("a call whose name is known takes 11 bytes, its answer 7", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  assertEquals(await near.wire.remoteValue.add(20, 2), 22);
  assert(near.meter.bytesWritten <= 11, `${near.meter.bytesWritten} there`);
  assert(far.meter.bytesWritten <= 7, `${far.meter.bytesWritten} back`);
  await Promise.all([near.wire.close(), far.wire.close()]);
});

/** Copies and new bytes for each byte of an argument, at most. */
const BYTES: readonly [size: number, copied: number, allocated: number][] = [
  [1_000, 2, 1],
  [60_000, 2, 1],
  [1024 * 1024, 2.01, 1.01],
  [3 * 1024 * 1024, 2.1, 1.1],
];

for (const [size, copied, allocated] of BYTES) {
  test(`an argument of ${size} bytes is copied ${copied} times`, async () => {
    const [near, far] = await meteredPair(FUNCTIONS);
    const bytes = new Uint8Array(size);
    const call = () => near.wire.remoteValue.size(bytes);
    // The first two leave buffers behind that the next ones use in turn.
    await call();
    await call();
    const costs = await byteCosts(call);
    // Everything that is copied is seen: once here, once there.
    assert(costs.copied >= size, `${costs.copied} of ${size} bytes copied`);
    assert(costs.copied <= size * copied, `${costs.copied} copied`);
    assert(costs.allocated <= size * allocated, `${costs.allocated} allocated`);
    await Promise.all([near.wire.close(), far.wire.close()]);
  });
}

/** Reads of so many bytes at most; the first of what was written, of others. */
function cutReads(
  transport: Transport,
  most: number,
  first = most,
): Transport {
  let rest: Uint8Array | null = new Uint8Array();
  return {
    address: transport.address,
    local: true,
    async read() {
      let count = most;
      if (rest?.length === 0) {
        rest = await transport.read();
        count = first;
      }
      const chunk = rest?.subarray(0, count) ?? null;
      rest = rest?.subarray(count) ?? null;
      return chunk;
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

for (
  const [size, most, first] of [
    [1024 * 1024, 65_536, 40],
    [1024 * 1024, 65_536, 30_000],
    [1024 * 1024, 65_536, 60_000],
    [1024 * 1024, 16_384, 16_384],
    [2_000_000, 65_536, 30_000],
    [3_000_000, 30_000, 30_000],
  ] as const
) {
  test(`an argument of ${size} bytes, which come in chunks of ${first} and ${most}, is put together once`, async () => {
    const [here, there] = memoryTransports();
    const near = makeWire<{ size(bytes: Uint8Array): number }>(here);
    const far = makeWire(cutReads(there, most, first));
    far.serve(FUNCTIONS);
    const bytes = new Uint8Array(size);
    const call = () => near.remoteValue.size(bytes);
    await call();
    await call();
    const { copied, allocated } = await byteCosts(call);
    assert(copied <= size * 2.15, `${copied} copied`);
    assert(allocated <= size * 1.15, `${allocated} allocated`);
    await Promise.all([near.close(), far.close()]);
  });
}

/** Counts what reading a stream of 64 chunks costs, when it is under way. */
async function streamCosts(hasBuffer: boolean, most: number) {
  const CHUNK = 64 * 1024;
  const [here, there] = memoryTransports();
  const near = makeWire<{ read(): Promise<RemoteStream<Uint8Array>> }>(
    cutReads(here, most),
  );
  const far = makeWire(there);
  far.serve({
    async *read() {
      const chunk = new Uint8Array(CHUNK);
      for (let n = 0; n < 100; n++) yield chunk;
    },
  });
  const { bytes } = await near.remoteValue.read();
  const byob = hasBuffer ? bytes.getReader({ mode: "byob" }) : undefined;
  const reader = hasBuffer ? undefined : bytes.getReader();
  let buffer = new Uint8Array(CHUNK);
  const read = async (count: number) => {
    for (let came = 0; came < count;) {
      const { value } = await (byob?.read(buffer) ?? reader!.read());
      came += value!.length;
      if (hasBuffer) buffer = new Uint8Array(value!.buffer);
    }
  };
  // Meanwhile the window grows, and so do buffers.
  await read(32 * CHUNK);
  const { writes } = far.stats();
  const { copied, allocated } = await byteCosts(() => read(64 * CHUNK));
  const written = far.stats().writes - writes;
  await (byob ?? reader!).cancel();
  await Promise.all([near.close(), far.close()]);
  const count = 64 * CHUNK;
  return { copied: copied / count, allocated: allocated / count, written };
}

for (const most of [Infinity, 20_000]) {
  test(`bytes of a stream that come in chunks of ${most} are copied twice`, async () => {
    const buffered = await streamCosts(true, most);
    assert(buffered.copied <= 2.05, `${buffered.copied} times`);
    assert(buffered.allocated <= 0.05, `${buffered.allocated} times`);
    assert(buffered.written <= 70, `${buffered.written} writes`);
    const { copied, allocated, written } = await streamCosts(false, most);
    assert(copied >= 1.9 && copied <= 2.05, `${copied} times`);
    assert(allocated >= 0.9 && allocated <= 1.05, `${allocated} times`);
    assert(written <= 70, `${written} writes`);
  });
}

test("four large calls at a time take no new buffers", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  const bytes = new Uint8Array(1024 * 1024);
  const four = () => many(() => near.wire.remoteValue.size(bytes), 4);
  await four();
  await four();
  const { allocated } = await byteCosts(four);
  // Each arrives in memory of its own, and nothing else is new.
  assert(allocated >= 4 * bytes.length, `${allocated} allocated`);
  assert(allocated <= 4.1 * bytes.length, `${allocated} allocated`);
  await Promise.all([near.wire.close(), far.wire.close()]);
});

test("256 small calls copy no bytes and take no new buffers", async () => {
  const [near, far] = await meteredPair(FUNCTIONS);
  const calls = () => many((n) => near.wire.remoteValue.add(n, 1));
  await calls();
  await calls();
  assertEquals(await byteCosts(calls), { copied: 0, allocated: 0 });
  await Promise.all([near.wire.close(), far.wire.close()]);
});

test("calls, and pairs of wires, take little of the heap, both ends together", async () => {
  const program = new URL("./_allocations.ts", import.meta.url).href;
  const flags = "--expose-gc,--no-opt,--no-maglev,--no-sparkplug," +
    "--min-semi-space-size=64,--max-semi-space-size=64";
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--no-check",
      `--v8-flags=${flags}`,
      program,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const { call, send, pair } = JSON.parse(new TextDecoder().decode(stdout));
  assert(call > 500 && call <= 1_060, `${call} bytes for a call`);
  assert(send > 64 && send <= 200, `${send} bytes for a one-way call`);
  const { kept, taken } = pair;
  assert(kept > 10_000 && kept <= 17_300, `${kept} bytes that a pair keeps`);
  assert(taken > kept && taken <= 50_000, `${taken} bytes for a pair`);
});

test("a new pair of wires and its first call take four small buffers", async () => {
  let ends: Wire[] = [];
  const costs = await byteCosts(async () => {
    const [near, far] = ends = wirePair();
    far.serve(FUNCTIONS);
    assertEquals(await near.call("add", [20, 2]), 22);
  });
  // Each end has one to write from while the other is being read.
  assert(costs.allocated <= 4 * 256 + 32, `${costs.allocated} bytes`);
  await Promise.all(ends.map((wire) => wire.close()));
});

test("wires share the timers of their time limits", async () => {
  const { timeout } = AbortSignal;
  let timers = 0;
  AbortSignal.timeout = (milliseconds) => {
    timers++;
    return timeout.call(AbortSignal, milliseconds);
  };
  try {
    // Those of earlier tests are not shared any more.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = performance.now();
    const wires = Array.from({ length: 50 }, () => wirePair()).flat();
    await Promise.all(wires.map((wire) => wire.opened));
    await Promise.all(wires.map((wire) => wire.close()));
    // Wires that come one after the other share them, too.
    for (let round = 0; round < 50; round++) {
      const [near, far] = wirePair();
      await near.opened;
      await Promise.all([near.close(), far.close()]);
    }
    // One is for those who come within 25 ms.
    const most = 1 + (performance.now() - began) / 25;
    assert(timers >= 1 && timers <= most, `${timers} timers for 200 wires`);
  } finally {
    AbortSignal.timeout = timeout;
  }
});

test("with() makes no proxies", async () => {
  const { Proxy } = globalThis;
  const [near, far] = wirePair();
  let made = 0;
  globalThis.Proxy = new Proxy(Proxy, {
    construct(target, [object, handler]) {
      made++;
      return new target(object, handler);
    },
  });
  try {
    new globalThis.Proxy({}, {});
    for (let round = 0; round < 10; round++) {
      const { remote, remoteValue } = near.with({ deadline: 1_000 });
      assert(typeof remote.note === "function");
      assert(typeof remoteValue.add === "function");
    }
  } finally {
    globalThis.Proxy = Proxy;
  }
  // The one above shows that they are counted.
  assertEquals(made, 1);
  await Promise.all([near.close(), far.close()]);
});

test("connecting and a first call take two writes of each side", async () => {
  const served = Promise.withResolvers<Wire>();
  await using server = createRequestServer(0, (wire) => {
    served.resolve(wire);
    return true;
  }, { functions: FUNCTIONS });
  await using wire = await connectToRemoteServer("127.0.0.1", server.port);
  assertEquals(await wire.call("add", [20, 2]), 22);
  // A hello, then accept with the call; and a hello with accept, then a return.
  const ends = [wire, await served.promise];
  assertEquals(ends.map((end) => end.stats().writes), [2, 2]);
});
