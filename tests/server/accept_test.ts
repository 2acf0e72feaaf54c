import { assert, assertEquals } from "@std/assert";
import { WireError } from "../../mod.ts";
import { denoHost } from "../../host/deno_host.ts";
import { isExhaustion } from "../../host/host.ts";
import { Acceptor, Descriptors, Tally } from "../../server/_listen.ts";
import { test } from "../_test.ts";

/** What accepting may come to: a connection, a failure, or the end. */
type Step = Deno.Conn | Error;

/** A listener that goes through steps, and is closed after them. */
function listenerOf(steps: Step[], onEmpty: () => void): Deno.Listener {
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  return {
    accept: () => {
      const step = steps.shift();
      if (step instanceof Error) return Promise.reject(step);
      if (step !== undefined) return Promise.resolve(step);
      onEmpty();
      return closed.promise;
    },
    close: () => closed.reject(new Deno.errors.BadResource()),
  } as unknown as Deno.Listener;
}

function connection(): Deno.Conn {
  return { close() {} } as Deno.Conn;
}

function gone(): Error {
  return new Deno.errors.NotConnected("Transport endpoint is not connected");
}

function exhausted(code = "EMFILE"): Error {
  return Object.assign(new Error("Too many open files"), { code });
}

/** What became of all steps. */
interface Accepted {
  readonly got: number;
  readonly errors: WireError[];
  readonly shed: number;
  /** How often others had their turn. */
  readonly turns: number;
}

/** Accepts all steps. */
async function accept(steps: Step[]): Promise<Accepted> {
  const errors: WireError[] = [];
  const empty = Promise.withResolvers<void>();
  let got = 0;
  let shed = 0;
  let turns = 0;
  const acceptor = new Acceptor({
    host: denoHost("a test"),
    listener: listenerOf(steps, empty.resolve),
    onConnection: () => void got++,
    count: () => 0,
    shed: () => shed++,
    onError: (error) => errors.push(error),
    afterTurn(callback) {
      turns++;
      queueMicrotask(callback);
    },
  });
  await empty.promise;
  acceptor.close();
  await acceptor.done;
  return { got, errors, shed, turns };
}

/** Accepts all steps, and notes the delays of timers that are set meanwhile. */
async function acceptTimed(
  steps: Step[],
): Promise<Accepted & { readonly waited: number[] }> {
  const waited: number[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((callback: () => void, delay?: number) => {
    waited.push(delay ?? 0);
    return setTimeout(callback, delay);
  }) as typeof setTimeout;
  try {
    return { ...await accept(steps), waited };
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

test("Acceptor goes on at once after connections that were reset", async () => {
  const resets = Array.from({ length: 400 }, gone);
  const { got, errors, shed, turns, waited } = await acceptTimed([
    ...resets,
    connection(),
  ]);
  assertEquals([got, shed], [1, 0]);
  // Others had their turn; nobody waited but for the report's second.
  assertEquals(waited.filter((delay) => delay !== 1_000), []);
  assert(turns > 5);
  assert(errors.every(({ code }) => code === "connectionLost"));
  // One at once, the others as a number, or two where the machine is slow.
  const counts = errors.map(({ message }) => parseInt(message) || 1);
  assertEquals(counts[0], 1);
  assertEquals(counts.reduce((sum, count) => sum + count), 400);
});

for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
  test(`Acceptor makes room and goes on when accepting fails with ${code}`, async () => {
    const { got, errors, shed } = await accept([
      exhausted(code),
      connection(),
    ]);
    assertEquals([got, shed], [1, 1]);
    assertEquals(errors[0]!.code, "limit");
    assert(errors[0]!.message.includes("ulimit -n"));
  });
}

test("Acceptor lets others have their turn between a few connections", async () => {
  const { got, turns } = await accept(Array.from({ length: 40 }, connection));
  assertEquals([got, turns], [40, 10]);
});

test("Acceptor waits for timers between the connections of a flood", async () => {
  const flood = Array.from({ length: 4_000 }, connection);
  const { got, turns, waited } = await acceptTimed(flood);
  const timers = waited.filter((delay) => delay === 0).length;
  assertEquals([got, turns + timers], [4_000, 1_000]);
  // At first they are taken quickly, later few of them a second.
  assert(turns >= 256, `${turns} turns`);
  assert(timers > 0, `${timers} timers`);
});

test("Acceptor survives connections that make trouble", async () => {
  const errors: WireError[] = [];
  const empty = Promise.withResolvers<void>();
  let closed = 0;
  let got = 0;
  const conn = { close: () => void closed++ } as Deno.Conn;
  const acceptor = new Acceptor({
    host: denoHost("a test"),
    listener: listenerOf([conn, conn, conn], empty.resolve),
    onConnection() {
      if (++got === 1) throw gone();
      return got === 2 ? Promise.reject(new Error("odd")) : undefined;
    },
    count: () => 0,
    shed() {},
    onError: (error) => errors.push(error),
  });
  await empty.promise;
  acceptor.close();
  await acceptor.done;
  assertEquals([got, closed, errors.length], [3, 2, 2]);
  assert(errors[1]!.message.includes("odd"));
});

test("isExhaustion() knows what a server has to wait for", () => {
  assertEquals(isExhaustion(exhausted("ENFILE")), true);
  assertEquals(isExhaustion(exhausted("ECONNABORTED")), false);
  assertEquals(isExhaustion(gone()), false);
});

test("Descriptors.take() tells that there are some", () => {
  const descriptors = new Descriptors(denoHost("a test"));
  for (let n = 0; n < 20; n++) assertEquals(descriptors.take(), true);
});

test("Descriptors looks seldom where many are free, and often where few are", () => {
  const asked: number[] = [];
  let free = 1_000;
  const descriptors = new Descriptors({
    canOpen(count) {
      asked.push(count);
      return count <= free;
    },
  });
  for (let n = 0; n < 8 + 8 + 16 + 32 + 64 + 64; n++) {
    assertEquals(descriptors.take(), true);
  }
  assertEquals(asked, [24, 32, 48, 80, 80]);
  // Of few that are free, each connection asks for its own.
  free = 20;
  asked.length = 0;
  assertEquals([descriptors.take(), descriptors.take()], [true, true]);
  assertEquals(asked, [80, 17, 24, 17]);
  free = 16;
  assertEquals(descriptors.take(), false);
  free = 1_000;
  asked.length = 0;
  for (let n = 0; n < 9; n++) assertEquals(descriptors.take(), true);
  assertEquals(asked, [24, 32]);
});

test("Tally tells the first of a kind at once, and the others as a number", () => {
  const told: string[] = [];
  const tally = new Tally((error) => told.push(error.message));
  for (const kind of ["a", "b", "a", "a"]) {
    tally.add(kind, (count) => new WireError("busy", `${count} ${kind}`));
  }
  assertEquals(told, ["1 a", "1 b"]);
  tally.end();
  assertEquals(told, ["1 a", "1 b", "2 a"]);
});
