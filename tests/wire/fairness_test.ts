/**
 * One wire does not starve the others: the order in which messages of several
 * wires are dealt with, where dealing with them takes time.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  type WireOptions,
} from "../../wire/mod.ts";
import { Turn } from "../../wire/base/clock.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** How long others may have to wait, in milliseconds. */
const SHARE = 0.5;

/** A clock whose loop turns when a test says so. */
class TurningClock extends FakeClock {
  readonly #turned: (() => void)[] = [];

  /** How many wait for the loop. */
  get waiting(): number {
    return this.#turned.length;
  }

  afterTurn(callback: () => void): void {
    this.#turned.push(callback);
  }

  /** Has the loop turn once. */
  async turn(): Promise<void> {
    for (const callback of this.#turned.splice(0)) callback();
    await settle();
  }

  /** Has it turn as often as somebody waits for that. */
  async turnAll(): Promise<number> {
    let turns = 0;
    for (; this.waiting > 0; turns++) await this.turn();
    return turns;
  }
}

/** A transport as that of a peer elsewhere. */
function remote(transport: Transport): Transport {
  return {
    address: transport.address,
    read: () => transport.read(),
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** A server's process: its clock, and what its functions were called with. */
class Process {
  readonly clock = new TurningClock();
  /** Who called, with what, and when. */
  readonly served: { who: string; n: number; at: number }[] = [];
  readonly #wires: Wire[] = [];

  /** One more client: both ends of its wire. */
  async connect(who: string, options: Partial<WireOptions> = {}) {
    const { clock, served } = this;
    const [here, there] = memoryTransports();
    const near = makeWire(here, { onError() {}, ...dialectOf(options) });
    const far = makeWire(remote(there), {
      onError() {},
      clock,
      functions: {
        /** Takes so many microseconds. */
        work(n: number, time: number) {
          served.push({ who, n, at: clock.now() });
          clock.standStill(time / 1_000);
          return n;
        },
      },
      ...options,
    });
    this.#wires.push(near, far);
    await Promise.all([near.opened, far.opened]);
    await settle();
    return { near, far };
  }

  /** Lets time pass and the loop turn until something is settled. */
  async run<T>(until: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => isSettled = true;
    until.then(settled, settled);
    for (let time = 0; time < 100 && !isSettled; time++) {
      await this.clock.turnAll();
      await this.clock.advance(500);
    }
    assert(isSettled);
    return await until;
  }

  /** What one has been served. */
  of(who: string): number[] {
    return this.served.filter((one) => one.who === who).map(({ n }) => n);
  }

  async [Symbol.asyncDispose]() {
    for (const wire of this.#wires) wire.abort();
    await settle();
    await this.clock.turnAll();
    await this.clock.advance(2_000);
    await this.clock.turnAll();
    await Promise.all(this.#wires.map(({ closed }) => closed));
    assertEquals(this.clock.timers, 0);
    assertEquals(this.clock.waiting, 0);
  }
}

function dialectOf({ dialect }: Partial<WireOptions>): Partial<WireOptions> {
  return dialect === undefined ? {} : { dialect };
}

/** Makes calls, all of which are sent at once. */
function flood(wire: Wire, count: number, time: number) {
  return Promise.all(
    Array.from({ length: count }, (_, n) => wire.remoteValue.work!(n, time)),
  );
}

const UP_TO_200 = Array.from({ length: 200 }, (_, n) => n);

for (
  const [name, options] of [
    ["", {}],
    [", in CMUCL's protocol", { dialect: cmucl() }],
  ] as const
) {
  test(`a wire that always has more to do lets another have its turn${name}`, async () => {
    await using process = new Process();
    const { clock } = process;
    const flooding = await process.connect("flood", options);
    const bystander = await process.connect("bystander", options);
    const flooded = flood(flooding.near, 200, 100);
    await settle();
    assert(process.of("flood").length < 30);
    for (let n = 0; n < 10; n++) {
      const asked = clock.now();
      const answer = bystander.near.remoteValue.work!(n, 0);
      await settle();
      assertEquals(await answer, n);
      // It did not have to wait at all: the other one waits.
      assertEquals(process.served.at(-1), { who: "bystander", n, at: asked });
      await clock.turn();
      const worked = clock.now() - asked;
      assert(worked > 0 && worked < SHARE * 2, `${worked} ms`);
    }
    await clock.turnAll();
    assertEquals(await flooded, UP_TO_200);
    assertEquals(process.of("flood"), UP_TO_200);
  });
}

test("a wire that is alone works on for longer", async () => {
  await using process = new Process();
  const { near } = await process.connect("flood");
  const flooded = flood(near, 400, 100);
  await settle();
  const { length } = process.of("flood");
  assert(length > 240 && length < 300, `${length}`);
  assertEquals(await process.clock.turnAll(), 1);
  assertEquals((await flooded).length, 400);
});

test("wires that wait have one turn each, one after the other", async () => {
  await using process = new Process();
  const { clock, served } = process;
  const names = ["a", "b", "c"];
  const wires = [];
  for (const name of names) wires.push(await process.connect(name));
  const all = wires.map(({ near }) => flood(near, 100, 100));
  await settle();
  for (let round = 0; round < 3; round++) {
    const order = [];
    for (let turn = 0; turn < names.length; turn++) {
      const before = served.length;
      await clock.turn();
      const who = new Set(served.slice(before).map(({ who }) => who));
      assertEquals(who.size, 1);
      order.push(...who);
    }
    assertEquals(order.sort(), names);
  }
  await clock.turnAll();
  for (const answers of all) assertEquals((await answers).length, 100);
});

test("a step that takes long is made up for by a pause as long", async () => {
  await using process = new Process();
  const { clock } = process;
  const flooding = await process.connect("flood");
  const { near } = await process.connect("bystander");
  const flooded = flood(flooding.near, 40, 30_000);
  await settle();
  // It learns how long a call takes.
  const first = process.of("flood").length;
  assert(first <= 16, `${first}`);
  await clock.turnAll();
  await clock.advance(30 * first - 1);
  await clock.turnAll();
  assertEquals(process.of("flood").length, first);
  for (let n = 0; n < 5; n++) {
    const before = process.of("flood").length;
    await clock.advance(1);
    await clock.turn();
    const more = process.of("flood").length - before;
    assert(more > 0 && more <= 4, `${more}`);
    near.remoteValue.work!(n, 0).catch(() => {});
    await clock.advance(30 * more - 1);
    await clock.turnAll();
    assertEquals(process.of("flood").length, before + more);
    assertEquals(process.of("bystander").length, n + 1);
  }
  await process.run(flooded);
  assertEquals(process.of("flood").length, 40);
});

test("what comes at leisure is never kept waiting", async () => {
  await using process = new Process();
  const { clock } = process;
  const one = await process.connect("one");
  const other = await process.connect("other");
  for (let n = 0; n < 500; n++) {
    for (const { near } of [one, other]) {
      const answer = near.remoteValue.work!(n, 100);
      await settle();
      assertEquals(await answer, n);
    }
    clock.standStill(3);
  }
  assertEquals(clock.waiting, 0);
});

test("what is not read in a pause stays where it is", async () => {
  await using process = new Process();
  const { near, far } = await process.connect("flood");
  await process.connect("bystander");
  const flooded = flood(near, 100, 1_000);
  await settle();
  assert(process.of("flood").length < 100);
  const before = far.stats().reads;
  const sent = near.remoteValue.work!("text", 0);
  await settle();
  assertEquals(far.stats().reads, before);
  assertEquals(await process.run(sent), "text");
  await flooded;
});

test("a peer whose bytes wait is not taken for dead", async () => {
  await using process = new Process();
  const { clock } = process;
  const limits = { keepaliveIdle: 100, keepaliveDeath: 100 };
  const { near, far } = await process.connect("flood", { limits });
  await process.connect("bystander");
  const flooded = flood(near, 100, 1_000);
  await settle();
  // The loop does not turn: there is much else to do.
  await clock.advance(10_000);
  assertEquals(far.ended, undefined);
  assertEquals((await process.run(flooded)).length, 100);
});

test("a pause ends with the wire", async () => {
  for (const how of ["close", "abort", "peer"] as const) {
    await using process = new Process();
    const { clock } = process;
    const { near, far } = await process.connect("flood");
    await process.connect("bystander");
    const flooded = flood(near, 100, 30_000);
    const settled = Promise.allSettled([flooded]);
    await settle();
    const { length } = process.of("flood");
    assert(length < 100);
    const closing = how === "close" ? far.close() : undefined;
    if (how === "abort") far.abort();
    if (how === "peer") near.abort();
    await settle();
    for (let n = 0; n < 100 && far.ended === undefined; n++) {
      await clock.advance(500);
      await clock.turnAll();
    }
    await clock.advance(3_000);
    await clock.turnAll();
    await closing;
    await far.closed;
    if (how === "close") {
      // What had come was answered first.
      assertEquals(process.of("flood").length, 100);
      assertEquals((await flooded).length, 100);
    }
    if (how === "abort") assertEquals(process.of("flood").length, length);
    near.abort();
    await settled;
  }
});

test("an abort in a pause does not wait for its end", async () => {
  await using process = new Process();
  const { clock } = process;
  const { near, far } = await process.connect("flood");
  await process.connect("bystander");
  const flooded = flood(near, 100, 30_000);
  const settled = Promise.allSettled([flooded]);
  await settle();
  await clock.turnAll();
  far.abort();
  await settle();
  await clock.turnAll();
  await far.closed;
  await settled;
});

/** One whose clock has another, which has just worked. */
function turnBesideAnother(): { clock: TurningClock; turn: Turn } {
  const clock = new TurningClock();
  const turn = new Turn(clock);
  turn.begin(clock.now());
  new Turn(clock).begin(clock.now());
  turn.begin(clock.now());
  return { clock, turn };
}

/** Deals with messages until it looks at the clock; whether it is to pause. */
function untilLook(turn: Turn): boolean {
  for (let message = 0; message < 1_000; message++) {
    if (turn.spend()) return true;
  }
  return false;
}

test("Turn counts what follows from messages before anything else comes", async () => {
  const { clock, turn } = turnBesideAnother();
  clock.standStill(0.3);
  turn.end();
  clock.standStill(0.3);
  assertEquals(turn.begin(clock.now()), true);

  // The same, where the loop turns between the two.
  const other = turnBesideAnother();
  other.clock.standStill(0.3);
  other.turn.end();
  await settle();
  other.clock.standStill(0.3);
  assertEquals(other.turn.begin(other.clock.now()), false);
});

test("Turn notices soon what follows, though it only waited before", async () => {
  const { clock, turn } = turnBesideAnother();
  const wait = (): boolean => {
    turn.end();
    clock.standStill(1);
    return turn.begin(clock.now());
  };
  for (let n = 0; n < 5; n++) {
    turn.end();
    await settle();
    clock.standStill(1);
    assertEquals(turn.begin(clock.now()), false);
  }
  let waits = 1;
  while (!wait() && waits < 100) waits++;
  assert(waits <= 5, `${waits} waits`);
});

test("Turn leaves time for what follows from messages", async () => {
  const { clock, turn } = turnBesideAnother();
  clock.standStill(0.4);
  assertEquals(untilLook(turn), false);
  clock.standStill(0.2);
  assertEquals(untilLook(turn), true);
  const pause = turn.pause();
  assertEquals(turn.isPaused, true);
  // Functions that are asynchronous go on.
  clock.standStill(3);
  await settle();
  await clock.turnAll();
  await pause;
  assertEquals(turn.isPaused, false);
  clock.standStill(0.2);
  assertEquals(untilLook(turn), true);
});

test("Turn of who is in this process is never up", () => {
  const clock = new TurningClock();
  const turn = new Turn(clock, true);
  const other = new Turn(clock);
  for (let n = 0; n < 1_000; n++) {
    other.begin(clock.now());
    assertEquals(turn.begin(clock.now()), false);
    clock.standStill(10);
    assertEquals(turn.spend(), false);
    turn.end();
  }
});
