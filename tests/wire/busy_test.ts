import { assertEquals } from "@std/assert";
import { afterPatience } from "../../wire/base/clock.ts";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  type WireOptions,
} from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { frame } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** A transport as over a network, whose reads can be held back. */
function held(transport: Transport) {
  let gate = Promise.resolve();
  let open = () => {};
  let takes = true;
  return {
    /** Writes are taken no more. */
    holdWrites() {
      takes = false;
    },
    hold() {
      ({ promise: gate, resolve: open } = Promise.withResolvers<void>());
    },
    open: () => open(),
    transport: {
      address: transport.address,
      async read() {
        const chunk = await transport.read();
        await gate;
        return chunk;
      },
      write: (bytes: Uint8Array<ArrayBuffer>) =>
        takes ? transport.write(bytes) : new Promise(() => {}),
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    } as Transport,
  };
}

/** Two wires, of which the near one has a clock in the test's hands. */
async function pair(options: WireOptions = {}) {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const { transport, ...hands } = held(here);
  const near: Wire = makeWire(transport, { onError() {}, ...options, clock });
  const far: Wire = makeWire(there, { onError() {}, ...options });
  far.serve({ echo: (x: unknown) => x });
  await Promise.all([near.opened, far.opened]);
  await settle();
  return { clock, near, far, there, ...hands };
}

async function end(...wires: Wire[]): Promise<void> {
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map((wire) => wire.closed));
}

test("a process that computes for long takes no peer for dead", async () => {
  for (const seconds of [30, 45, 60, 600, 86_400]) {
    const { clock, near, far, hold, open } = await pair();
    // It was pinged, and has answered.
    hold();
    await clock.advance(33_000);
    // Computing: timers come first, then what has been there for long.
    clock.standStill(seconds * 1_000);
    await clock.advance(0);
    open();
    await settle();
    assertEquals(near.ended, undefined, `${seconds} s`);
    assertEquals(await near.remoteValue.echo(1), 1);
    await clock.advance(25_000);
    assertEquals(near.ended, undefined);
    await end(near, far);
  }
});

test("a process that computes again and again takes no peer for dead", async () => {
  const { clock, near, far, hold, open } = await pair();
  for (let time = 0; time < 50; time++) {
    hold();
    await clock.advance(33_000);
    clock.standStill(25_000);
    await clock.advance(0);
    open();
    await clock.advance(10);
    assertEquals(near.ended, undefined, `time ${time}`);
  }
  await end(near, far);
});

test("a process that computes again and again finds that a peer is dead", async () => {
  const { clock, near, far, hold, open } = await pair();
  hold();
  for (let time = 0; time < 60 && near.ended === undefined; time++) {
    clock.standStill(25_000);
    await clock.advance(10);
  }
  assertEquals(near.ended?.code, "keepalive");
  open();
  await end(near, far);
});

test("what a process left half read while it computed is no stall", async () => {
  const { clock, near, far, there } = await pair({
    limits: { keepaliveIdle: 500_000 },
  });
  await far.forceOutput();
  const bytes = frame(0x10, 1);
  await there.write(bytes.slice(0, 4));
  await clock.advance(25_000);
  clock.standStill(100_000);
  await clock.advance(0);
  assertEquals(near.ended, undefined);
  // The rest has been there all the time.
  there.write(bytes.slice(4)).catch(() => {});
  assertEquals(await near.getObject(), 1);
  await end(near, far);
});

for (const dialect of [undefined, cmucl()]) {
  const name = dialect?.name ?? "native";
  test(`output that waited while a process computed is no stall (${name})`, async () => {
    const { clock, near, far, holdWrites } = await pair({ dialect });
    holdWrites();
    near.outputObject("out").catch(() => {});
    await settle();
    for (let time = 0; time < 2; time++) {
      await clock.advance(4_000);
      clock.standStill(60_000);
      await clock.advance(0);
      assertEquals(near.ended, undefined);
    }
    // Time in which it looked counts as ever.
    await clock.advance(12_500);
    assertEquals((await near.closed).code, "stalled");
    await end(near, far);
  });
}

test("a hello that came while a process computed is in time", async () => {
  for (const blocked of [10_000, 12_000, 100_000]) {
    const clock = new FakeClock();
    const [here, there] = memoryTransports();
    const { transport, hold, open } = held(here);
    hold();
    const near = makeWire(transport, { clock });
    const far = makeWire(there);
    await clock.advance(7_600);
    clock.standStill(blocked);
    await clock.advance(0);
    open();
    await Promise.all([near.opened, far.opened]);
    await end(near, far);
  }
});

test("an answer to close() that came while a process computed is in time", async () => {
  const { clock, near, far, hold, open } = await pair();
  hold();
  const closing = near.close();
  await settle();
  await clock.advance(7_600);
  clock.standStill(60_000);
  await clock.advance(0);
  open();
  await closing;
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

test("afterPatience() waits for the whole limit, no longer", async () => {
  for (const limit of [5, 300, 1_000, 4_000, 10_000, 30_001]) {
    const clock = new FakeClock();
    let calls = 0;
    afterPatience(clock, limit, () => calls++);
    await clock.advance(limit - 1);
    assertEquals(calls, 0);
    await clock.advance(1);
    assertEquals(calls, 1);
    const stop = afterPatience(clock, limit, () => calls++);
    await clock.advance(limit / 2);
    stop();
    stop();
    assertEquals(clock.timers, 0);
    afterPatience(clock, Infinity, () => calls++)();
    await clock.advance(1e6);
    assertEquals(calls, 1);
  }
});

test("afterPatience() leaves out time in which the process was busy, within bounds", async () => {
  const clock = new FakeClock();
  let calls = 0;
  afterPatience(clock, 10_000, () => calls++);
  await clock.advance(8_000);
  clock.standStill(50_000);
  await clock.advance(0);
  assertEquals(calls, 0);
  await clock.advance(10_000);
  assertEquals(calls, 1);
  // Busy always, it gives up all the same.
  afterPatience(clock, 10_000, () => calls++);
  let times = 0;
  for (; calls === 1 && times < 100; times++) {
    clock.standStill(50_000);
    await clock.advance(0);
  }
  assertEquals([calls, times <= 20], [2, true]);
});
