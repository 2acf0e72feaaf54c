/** The watch over a wire: what it takes for death, and when it looks. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  type WireLimits,
} from "../../wire/mod.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { Lifetime } from "../../wire/base/lifetime.ts";
import { WireError } from "../../wire/base/errors.ts";
import {
  Keepalive,
  Pings,
  type WatchedOutput,
} from "../../wire/session/handshake.ts";
import type { Message } from "../../wire/codec/messages.ts";
import type { Ticket } from "../../wire/flow/output.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** A transport as over a network, whose writes can be held up. */
function held(transport: Transport) {
  let gate: Promise<void> | undefined;
  let open = () => {};
  return {
    hold() {
      ({ promise: gate, resolve: open } = Promise.withResolvers<void>());
    },
    open() {
      gate = undefined;
      open();
    },
    transport: {
      address: transport.address,
      read: () => transport.read(),
      async write(bytes: Uint8Array<ArrayBuffer>) {
        await gate;
        return await transport.write(bytes);
      },
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    } as Transport,
  };
}

/** An open wire whose writes can be held up, and the one at its other end. */
async function pair(limits: Partial<WireLimits> = {}) {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const { transport, ...hands } = held(here);
  const near: Wire = makeWire(transport, { onError() {}, clock, limits });
  const far: Wire = makeWire(there, { onError() {} });
  far.serve({ echo: (x: unknown) => x, note() {} });
  await Promise.all([near.opened, far.opened]);
  await settle();
  return {
    clock,
    near,
    far,
    ...hands,
    async [Symbol.asyncDispose]() {
      hands.open();
      near.abort();
      far.abort();
      await settle();
      // Whoever closes gracefully waits for a second at most.
      await clock.advance(2_000);
      await Promise.all([near.closed, far.closed]);
      assertEquals(clock.timers, 0);
    },
  };
}

const MANY = new Uint8Array(40_000);

test("output over sendEnd that does not move for a second ends the wire", async () => {
  const limits = { sendEnd: 20_000, sendPause: 1_000_000, stall: 10_000 };
  await using it = await pair(limits);
  it.hold();
  it.near.remote.note(MANY);
  await settle();
  await it.clock.advance(900);
  assertEquals(it.near.ended, undefined);
  // It looks four times while a full stall goes by.
  await it.clock.advance(2_600);
  assertEquals(it.near.ended?.code, "stalled");
});

test("output up to sendEnd may stand still until stall", async () => {
  const limits = { sendEnd: 200_000, sendPause: 1_000_000, stall: 10_000 };
  await using it = await pair(limits);
  it.hold();
  it.near.remote.note(MANY);
  await settle();
  await it.clock.advance(9_900);
  assertEquals(it.near.ended, undefined);
  await it.clock.advance(2_600);
  assertEquals(it.near.ended?.code, "stalled");
});

test("a short stall is seen soon, however patient the other limits are", async () => {
  const hour = 3_600_000;
  await using it = await pair({
    sendEnd: 20_000,
    sendPause: 1_000_000,
    stall: hour,
    keepaliveIdle: hour,
    keepaliveDeath: hour,
    frameProgress: hour,
  });
  it.hold();
  it.near.remote.note(MANY);
  await settle();
  await it.clock.advance(5_000);
  assertEquals(it.near.ended?.code, "stalled");
});

test("output over sendEnd that moves, however slowly, ends nothing", async () => {
  // It takes longer than keepalive has: the ping stands behind it.
  const limits = { sendEnd: 20_000, sendPause: 1_000_000, stall: 10_000 };
  const [here, there] = memoryTransports();
  const clock = new FakeClock();
  let go = () => {};
  const near: Wire = makeWire({
    address: here.address,
    read: () => here.read(),
    async write(bytes: Uint8Array<ArrayBuffer>) {
      await new Promise<void>((resolve) => go = resolve);
      return await here.write(bytes.slice(0, 500));
    },
    closeWrite: () => here.closeWrite(),
    close: () => here.close(),
  }, { clock, limits, onError() {} });
  const far = makeWire(there, { functions: { note() {} } });
  for (let turn = 0; turn < 3; turn++) {
    go();
    await settle();
  }
  await near.opened;
  near.remote.note(MANY);
  for (let turn = 0; near.stats().outputWaiting > 0; turn++) {
    assert(turn < 200);
    await clock.advance(900);
    assertEquals(near.ended, undefined, `turn ${turn}`);
    go();
    await settle();
  }
  near.abort();
  for (let turn = 0; turn < 3; turn++) {
    go();
    await clock.advance(1_000);
  }
  await Promise.all([near.closed, far.closed]);
});

test("time in which this process was busy counts once, until there is progress", async () => {
  const limits = { stall: 10_000, sendPause: 1_000_000 };
  await using it = await pair(limits);
  // Busy while a write is under way, which then makes progress.
  it.hold();
  it.near.remote.note(1);
  await settle();
  it.clock.standStill(9_000);
  await it.clock.advance(0);
  it.open();
  await settle();
  assertEquals(it.near.ended, undefined);
  // What was left out for it does not count for the next.
  it.hold();
  it.near.remote.note(1);
  await settle();
  await it.clock.advance(15_000);
  assertEquals(it.near.ended?.code, "stalled");
});

test("a peer is pinged once after its silence, and again after the next", async () => {
  const [here, there] = memoryTransports();
  const clock = new FakeClock();
  const near: Wire = makeWire({ ...here, local: false } as Transport, {
    clock,
    onError() {},
  });
  const far = makeWire(there);
  await Promise.all([near.opened, far.opened]);
  await settle();
  const before = near.stats().messagesSent;
  await clock.advance(29_000);
  assertEquals(near.stats().messagesSent, before);
  for (let round = 1; round <= 4; round++) {
    // It answers, and is silent once more.
    await clock.advance(33_000);
    assertEquals(near.stats().messagesSent, before + round);
  }
  assertEquals(near.ended, undefined);
  near.abort();
  await clock.advance(2_000);
  await Promise.all([near.closed, far.closed]);
  assertEquals(clock.timers, 0);
});

test("nobody looks any more at a wire that has ended", async () => {
  for (const how of ["aborted", "closed", "gone"]) {
    const [here, there] = memoryTransports();
    const clock = new FakeClock();
    const near: Wire = makeWire({ ...here, local: false } as Transport, {
      clock,
      onError() {},
    });
    const far = makeWire(there, { onError() {} });
    await Promise.all([near.opened, far.opened]);
    assertEquals(clock.timers, 1);
    if (how === "aborted") near.abort();
    else if (how === "closed") await near.close();
    else there.close();
    await Promise.all([near.closed, far.closed]);
    await settle();
    assertEquals(clock.timers, 0, how);
  }
});

test("a peer that has not accepted is not pinged", async () => {
  const [here, there] = memoryTransports();
  const clock = new FakeClock();
  const limits = { keepaliveIdle: 100, keepaliveDeath: 100, hello: 60_000 };
  const near: Wire = makeWire({ ...here, local: false } as Transport, {
    clock,
    limits,
    onError() {},
  });
  // It reads on, and says nothing.
  const hearing = (async () => {
    while (await there.read() !== null);
  })();
  await clock.advance(50_000);
  assertEquals([near.ended, near.stats().messagesSent], [undefined, 1]);
  near.abort();
  await clock.advance(2_000);
  await near.closed;
  there.close();
  await hearing;
  assertEquals(clock.timers, 0);
});

/** A watch over an output that a test makes up. */
function watched(
  limits: Partial<WireLimits>,
  output: { waiting?: number; collected?: number; frame?: number } = {},
) {
  const clock = new FakeClock();
  const lifetime = new Lifetime(() => {});
  const ends: string[] = [];
  const tickets: Ticket[] = [];
  const of = {
    encoder: { limits: { frame: output.frame ?? 1_024 } },
    busy: true,
    waiting: output.waiting ?? 0,
    collected: output.collected ?? 0,
    progressAt: 0,
    taken: 0,
    send: (_: Message, ticket: Ticket) => tickets.push(ticket),
    trim() {},
  };
  const decoder = { unfinished: false };
  const keepalive = new Keepalive({
    clock,
    limits: resolveLimits(limits),
    lifetime,
    output: of as unknown as WatchedOutput,
    handshake: { accepted: true },
    decoder,
    turn: { isPaused: false },
    end: ({ code }, tell) => {
      ends.push(`${code} ${tell}`);
      lifetime.end(new WireError(code, "The end."));
      keepalive.end();
    },
  });
  keepalive.start();
  return { clock, output: of, decoder, keepalive, ends, tickets };
}

test("a peer that has a wire say far more than it takes ends it", async () => {
  const { clock, output, ends } = watched(
    { sendMost: 30_000, sendEnd: 10_000, calls: 30 },
    { collected: 40_000 },
  );
  Object.defineProperty(output, "progressAt", { get: () => clock.now() });
  output.waiting = 10_000_000;
  await clock.advance(5_000);
  assertEquals(ends, []);
  output.collected++;
  await clock.advance(2_500);
  assertEquals(ends, ["stalled false"]);
  assertEquals(clock.timers, 0);
});

test("small answers, and a frame of each kind, flood nothing", async () => {
  const { clock, output, ends } = watched(
    { sendMost: 1, sendEnd: 1, calls: 5 },
    { waiting: 1, collected: 5 * 1_024 + 4 * 2_000, frame: 2_000 },
  );
  Object.defineProperty(output, "progressAt", { get: () => clock.now() });
  await clock.advance(5_000);
  assertEquals(ends, []);
  output.collected++;
  await clock.advance(2_500);
  assertEquals(ends, ["stalled false"]);
});

test("a ping is not waited for as long as it stands in the output", async () => {
  const limits = { keepaliveIdle: 10_000, keepaliveDeath: 10_000 };
  const { clock, output, ends, tickets } = watched(limits);
  output.busy = false;
  await clock.advance(12_500);
  assertEquals(tickets.length, 1);
  tickets[0]!.position = 10;
  output.taken = 10;
  await clock.advance(50_000);
  assertEquals(ends, []);
  output.taken = 11;
  await clock.advance(12_500);
  assertEquals([ends, tickets.length], [["keepalive false"], 1]);
});

test("a late look ends nothing that the next one may find mended", async () => {
  const { clock, ends } = watched({ stall: 10_000 });
  await clock.advance(10_000);
  // More than the limit by now, without the time in which nothing was read.
  clock.standStill(6_500);
  await clock.advance(0);
  assertEquals(ends, []);
  await clock.advance(2_500);
  assertEquals(ends, ["stalled false"]);
});

test("what comes while this side is busy came no later than now", async () => {
  const { clock, output, keepalive, tickets } = watched({
    keepaliveIdle: 30_000,
  });
  output.busy = false;
  await clock.advance(1_000);
  clock.standStill(60_000);
  keepalive.received();
  await clock.advance(0);
  await clock.advance(29_000);
  assertEquals(tickets.length, 0);
  await clock.advance(5_000);
  assertEquals(tickets.length, 1);
});

test("a message that is not finished in time ends the wire", async () => {
  const { clock, output, decoder, ends } = watched({ frameProgress: 10_000 });
  output.busy = false;
  decoder.unfinished = true;
  await clock.advance(10_000);
  assertEquals(ends, []);
  await clock.advance(2_500);
  assertEquals(ends, ["stalled true"]);
});

function pingsOf(output: object, clock: FakeClock, sendEnd: number): Pings {
  return new Pings({
    output: output as WatchedOutput,
    clock,
    limits: { sendEnd },
  });
}

test("pings are answered as long as the peer takes something", () => {
  const { clock, output } = watched({}, { waiting: 100 });
  const pings = pingsOf(output, clock, 99);
  const answer = (count: number) => {
    for (let token = 0; token < count; token++) pings.answer(token);
  };
  for (let round = 1; round <= 3; round++) {
    output.progressAt = round;
    answer(100);
  }
  assertEquals(assertThrows(() => answer(1), WireError).code, "stalled");
});

test("pings that have no answer end with their wire", async () => {
  const { clock, output } = watched({});
  const pings = pingsOf(output, clock, 1);
  const times = Promise.all([pings.ask(), pings.ask()]);
  clock.standStill(7);
  pings.end();
  assertEquals(await times, [7, 7]);
});
