import { assertEquals, assertMatch } from "@std/assert";
import { afterPatience } from "../../wire/clock.ts";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
} from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** A transport as over a network, whose reads can be held back. */
function held(transport: Transport) {
  let gate = Promise.resolve();
  let open = () => {};
  return {
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
      write: (bytes: Uint8Array<ArrayBuffer>) => transport.write(bytes),
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    } as Transport,
  };
}

/** Two wires, of which the near one has a clock in the test's hands. */
async function pair(): Promise<{
  clock: FakeClock;
  near: Wire;
  far: Wire;
  hold(): void;
  open(): void;
}> {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const { transport, hold, open } = held(here);
  const near = makeWire(transport, { clock });
  const far = makeWire(there, { onError() {} });
  far.serve({ echo: (x: unknown) => x });
  await Promise.all([near.opened, far.opened]);
  await settle();
  return { clock, near, far, hold, open };
}

async function end(...wires: Wire[]): Promise<void> {
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map((wire) => wire.closed));
}

test("a process that computes for long takes no peer for dead", async () => {
  for (const seconds of [30, 45, 60, 600, 86_400]) {
    const { clock, near, far, hold, open } = await pair();
    // Computing: timers come first, then what has been there for long.
    hold();
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
  const { clock, near, far, hold, open } = await pair();
  const large = "x".repeat(300_000);
  // The first piece has come, and the rest is there to be read.
  const call = near.remoteValue.echo(large);
  hold();
  clock.standStill(100_000);
  await clock.advance(0);
  assertEquals(near.ended, undefined);
  open();
  assertEquals(await call, large);
  await end(near, far);
});

for (const dialect of [undefined, cmucl()]) {
  const name = dialect?.name ?? "native";
  test(`output that waited while a process computed is no stall (${name})`, async () => {
    const clock = new FakeClock();
    const written = Promise.withResolvers<number>();
    const [here, there] = memoryTransports();
    let isHeld = false;
    const near = makeWire({
      address: here.address,
      read: () => here.read(),
      write: (bytes) => isHeld ? written.promise : here.write(bytes),
      closeWrite: () => here.closeWrite(),
      close: () => here.close(),
    }, { clock, dialect, onError() {} });
    const reading = (async () => {
      while (await there.read() !== null);
    })();
    await settle();
    isHeld = true;
    near.outputObject("out").catch(() => {});
    await settle();
    clock.standStill(9_000);
    await clock.advance(0);
    assertEquals(near.ended, undefined);
    clock.standStill(9_000);
    await clock.advance(0);
    assertEquals(near.ended, undefined);
    // Time in which it looked counts as ever.
    await clock.advance(12_500);
    const { code } = await near.closed;
    // Without a peer's hello, that may be what is missed first.
    assertMatch(code, /^(stalled|timeout)$/);
    there.close();
    await reading;
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
