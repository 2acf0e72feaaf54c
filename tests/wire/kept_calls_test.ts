import { assert, assertEquals, assertRejects } from "@std/assert";
import type { WireError, WireOptions } from "../../wire/mod.ts";
import type { KeepConnectedOptions } from "../../wire/reconnect/keep_connected.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, lost, nobody, Place } from "./_keeping.ts";

/** A place whose first attempts fail. */
function down(keep: KeepConnectedOptions = {}, failures = 1): Place {
  return new Place(keep, {
    answer: (attempt) => attempt <= failures ? nobody() : undefined,
  });
}

/** A place that is connected. */
async function up(
  keep: KeepConnectedOptions = {},
  limits: { calls?: number; window?: number } = {},
): Promise<Place> {
  const place = new Place(keep, { far: { limits } });
  await place.kept.opened;
  await settle();
  return place;
}

test("KeptConnection lets calls and messages wait, and leave in order", async () => {
  await using place = down();
  const { kept } = place;
  const made = [
    kept.remoteValue.add(1, 1),
    kept.remote.note("a"),
    kept.outputObject("b"),
    kept.remoteValues.both(1, 2),
    kept.send("note", ["c"]),
    kept.call("add", [2, 2]),
  ];
  assertEquals(kept.stats().waiting, 6);
  await place.advance(50);
  made.push(kept.call("add", [3, 3]));
  assertEquals(await Promise.all(made), [
    2,
    undefined,
    undefined,
    [1, 2],
    undefined,
    4,
    6,
  ]);
  await settle();
  const isMessage = (line: string) => line.startsWith("message");
  assertEquals(place.heard.filter((line) => !isMessage(line)), [
    "add(1,1)",
    "note(a)",
    "note(c)",
    "add(2,2)",
    "add(3,3)",
  ]);
  assertEquals(place.heard.filter(isMessage), ["message b"]);
  assertEquals(kept.stats().moved, 0);
});

test("KeptConnection bounds what waits", async () => {
  await using place = down({ waiting: 2 });
  const { kept } = place;
  const first = kept.remoteValue.add(1, 1);
  const second = kept.remoteValue.add(2, 2);
  const error = await assertRejects(() =>
    kept.remoteValue.add(3, 3)
  ) as WireError;
  assertEquals([error.code, error.sent], ["limit", "notSent"]);
  assert(error.message.includes("2 calls do"));
  await place.advance(50);
  assertEquals(await Promise.all([first, second]), [2, 4]);
});

test("KeptConnection ends a waiting call at its deadline or signal", async () => {
  await using place = down({}, Infinity);
  const { kept } = place;
  const controller = new AbortController();
  const { signal } = controller;
  const late = assertRejects(() => kept.with({ deadline: 70 }).remoteValue.f());
  const cancelled = assertRejects(() => kept.with({ signal }).remoteValue.g());
  const fates = Promise.all([
    fate(kept.with({ deadline: 0 }).remoteValue.f()),
    fate(kept.with({ deadline: NaN }).remoteValue.f()),
    fate(kept.with({ signal: AbortSignal.abort() }).remoteValue.f()),
  ]);
  assertEquals(await fates, [
    "deadline notSent",
    "invalidArgument undefined",
    "cancelled notSent",
  ]);
  await place.advance(70);
  const error = await late as WireError;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  assertEquals((error.cause as WireError).code, "connectionRefused");
  controller.abort("over");
  const other = await cancelled as WireError;
  assertEquals([other.code, other.sent, other.cause], [
    "cancelled",
    "notSent",
    "over",
  ]);
  assertEquals(kept.stats().waiting, 0);
});

test("KeptConnection keeps a call's remaining deadline", async () => {
  await using place = down();
  const { kept } = place;
  const signal = new AbortController().signal;
  const left = kept.with({ deadline: 60_000, signal }).remoteValue.timeLeft();
  const none = kept.remoteValue.timeLeft();
  await place.advance(50);
  // The wire's own clock goes on while it waits there.
  const told = await left as number;
  assert(told <= 59_950 && told > 30_000, String(told));
  assertEquals(await none, -1);
});

test("KeptConnection moves calls that were never sent, in order", async () => {
  await using place = await up({}, { calls: 1 });
  const { kept } = place;
  const running = fate(kept.remoteValue.never("a"));
  await settle();
  const calls = Array.from(
    { length: 5 },
    (_, i) => fate(kept.remoteValue.add(i, 0)),
  );
  kept.wire!.abort(lost());
  const after = fate(kept.remoteValue.add(5, 0));
  assertEquals(await running, "connectionLost maybeExecuted");
  await place.advance(50);
  assertEquals(
    await Promise.all([...calls, after]),
    ["value 0", "value 1", "value 2", "value 3", "value 4", "value 5"],
  );
  assertEquals(place.heard, [
    "never(a)",
    ...[0, 1, 2, 3, 4, 5].map((i) => `add(${i},0)`),
  ]);
  const { moved, repeated } = kept.stats();
  assertEquals([moved, repeated], [5, 0]);
});

test("KeptConnection moves more calls than may wait, once they are taken", async () => {
  await using place = await up({ waiting: 1 }, { calls: 1 });
  const { kept } = place;
  const calls = [1, 2, 3].map((i) => fate(kept.remoteValue.add(i, 0)));
  kept.wire!.abort(lost());
  await settle();
  assertEquals(kept.stats().waiting, 3);
  assertEquals(await fate(kept.remoteValue.add(4, 0)), "limit notSent");
  await place.advance(50);
  assertEquals(await Promise.all(calls), ["value 1", "value 2", "value 3"]);
});

test("KeptConnection moves a call that comes while its wire is closed", async () => {
  await using place = await up();
  const { kept } = place;
  const before = fate(kept.remoteValue.wait());
  const closing = kept.wire!.close();
  const moved = [1, 2].map((n) => fate(kept.remoteValue.add(n, 0)));
  await settle();
  assertEquals([kept.wire?.ended, kept.stats().moved], [undefined, 2]);
  const after = fate(kept.remoteValue.add(3, 0));
  place.gate.resolve();
  await closing;
  await place.advance(50);
  assertEquals(await Promise.all([before, ...moved, after]), [
    "value undefined",
    "value 1",
    "value 2",
    "value 3",
  ]);
  assertEquals(place.heard, ["add(1,0)", "add(2,0)", "add(3,0)"]);
  assertEquals(kept.stats().moved, 2);
});

test("KeptConnection never repeats what may have run", async () => {
  await using place = await up();
  const { kept } = place;
  const call = fate(kept.remoteValue.never("a"));
  await settle();
  await place.die();
  assertEquals(await call, "connectionLost maybeExecuted");
  await place.advance(50);
  assertEquals(place.heard, ["never(a)"]);
});

test("KeptConnection repeats what is marked as idempotent", async () => {
  const errors: unknown[] = [];
  const broken = () => {
    throw new Error("undecided");
  };
  const cases: [
    KeepConnectedOptions["idempotent"],
    mark: boolean | undefined,
    repeats: boolean,
  ][] = [
    [["never"], undefined, true],
    [["other"], undefined, false],
    [(name) => name === "never", undefined, true],
    [undefined, true, true],
    [["never"], false, false],
    [broken, undefined, false],
  ];
  for (const [idempotent, mark, repeats] of cases) {
    await using place = await up({
      idempotent,
      onError: (error) => errors.push(error),
    });
    const { kept } = place;
    const call = fate(kept.with({ idempotent: mark }).remoteValue.never("a"));
    await settle();
    await place.die();
    await place.advance(50);
    assertEquals(place.heard.length, repeats ? 2 : 1);
    assertEquals(kept.stats().repeated, repeats ? 1 : 0);
    kept.abort();
    assertEquals(
      await call,
      `${repeats ? "aborted" : "connectionLost"} maybeExecuted`,
    );
  }
  assertEquals(errors.map(String), ["Error: undecided"]);
});

test("KeptConnection repeats a call only so often", async () => {
  await using place = await up({ idempotent: ["never"], repeats: 2 });
  const call = fate(place.kept.remoteValue.never("a"));
  for (let lifetime = 0; lifetime < 3; lifetime++) {
    await settle();
    await place.die();
    await place.advance(1_000);
  }
  assertEquals(await call, "connectionLost maybeExecuted");
  assertEquals(place.heard.length, 3);
});

test("KeptConnection knows that a repeated call may have run", async () => {
  /** Ways to fail a call that waits to be repeated. */
  const ends: [string, (place: Place, stop: AbortController) => void][] = [
    ["deadline", (place) => void place.clock.advance(60)],
    ["cancelled", (_place, stop) => stop.abort()],
    ["closed", (place) => void place.kept.close()],
  ];
  for (const [code, end] of ends) {
    await using place = await up({ idempotent: ["never"], random: () => 0.99 });
    const stop = new AbortController();
    const call = place.kept.with({ deadline: 60, signal: stop.signal })
      .remoteValue.never("a");
    const error = assertRejects(() => call);
    await settle();
    await place.die();
    end(place, stop);
    const { code: actual, sent, message } = await error as WireError;
    assertEquals([actual, sent], [code, "maybeExecuted"]);
    assert(!message.includes("not sent"), message);
  }
});

/** Ways for a call to fail before a second wire has sent it. */
const UNSENT: [string, (place: Place, stop: AbortController) => unknown][] = [
  ["cancelled", (_place, stop) => stop.abort()],
  ["aborted", (place) => place.kept.abort()],
  ["connectionLost", (place) => place.die()],
];

for (const [code, fail] of UNSENT) {
  test(`KeptConnection knows that what another wire never sent may have run (${code})`, async () => {
    const far: WireOptions = {};
    const place = new Place(
      { idempotent: ["never"], repeats: 1 },
      { far },
    );
    await settle();
    const { kept } = place;
    const stop = new AbortController();
    const caller = kept.with({ signal: stop.signal }).remoteValue;
    const first = fate(kept.remoteValue.never("first"));
    const ran = fate(caller.never("ran"));
    await settle();
    assertEquals(place.heard, ["never(first)", "never(ran)"]);
    // The next wire serves one at a time: the second waits for its turn.
    far.limits = { calls: 1 };
    await place.die();
    const waited = fate(caller.never("waited"));
    await place.advance(10_000);
    assertEquals(place.heard, [
      "never(first)",
      "never(ran)",
      "never(first)",
    ]);
    await fail(place, stop);
    if (code === "connectionLost") {
      // What never left goes on to a third wire, and what has run with it.
      await place.advance(20_000);
      kept.abort();
      assertEquals(await ran, "aborted maybeExecuted");
      assertEquals(await waited, "aborted notSent");
    } else {
      assertEquals(await ran, `${code} maybeExecuted`);
      assertEquals(await waited, `${code} notSent`);
    }
    kept.abort();
    assertEquals((await first).split(" ")[1], "maybeExecuted");
    await place[Symbol.asyncDispose]();
  });
}

test("KeptConnection passes on what is no wire's failure", async () => {
  await using place = await up({ idempotent: () => true });
  const { kept } = place;
  const controller = new AbortController();
  const cancelled = fate(
    kept.with({ signal: controller.signal }).remoteValue.never("a"),
  );
  controller.abort();
  assertEquals(await cancelled, "cancelled maybeExecuted");
  const late = fate(kept.with({ deadline: 1 }).remoteValue.never("b"));
  assertEquals(await late, "deadline maybeExecuted");
  assertEquals(
    await fate(kept.remoteValue.add(Symbol("no"))),
    "unsupportedValue undefined",
  );
  assertEquals(
    await fate(kept.remoteValue.nothing()),
    "noSuchFunction undefined",
  );
  const { moved, repeated } = kept.stats();
  assertEquals([moved, repeated], [0, 0]);
});

test("KeptConnection fails a waiting call whose values cannot be sent", async () => {
  await using place = down();
  const { kept } = place;
  const fates = Promise.all([
    fate(kept.remoteValue.add(Symbol("no"))),
    fate(kept.outputObject(Symbol("no") as unknown)),
    fate(kept.remoteValue.add(1, 2)),
  ]);
  await place.advance(50);
  assertEquals(await fates, [
    "unsupportedValue undefined",
    "unsupportedValue undefined",
    "value 3",
  ]);
});

test("KeptConnection moves one-way calls and messages that waited", async () => {
  await using place = await up({}, { window: 100 });
  const { kept } = place;
  // The first fills the window; the second waits behind it.
  const sent = [
    kept.remote.note("a".repeat(200)),
    kept.remote.note("b"),
    kept.outputObject("c".repeat(200)),
    kept.outputObject("d"),
  ];
  kept.wire!.abort(lost());
  assertEquals(kept.stats().moved, 0);
  await place.advance(50);
  await Promise.all(sent);
  await settle();
  assertEquals(place.heard.toSorted(), ["message d", "note(b)"]);
  assertEquals(kept.stats().moved, 2);
});

test("KeptConnection leaves no one-way call unhandled when it ends", async () => {
  for (const dies of [true, false]) {
    await using place = await up({}, { window: 100 });
    const { kept } = place;
    kept.remote.note("a".repeat(200));
    kept.remote.note("waits at the wire");
    kept.outputObject("a".repeat(200));
    kept.outputObject("waits at the wire");
    if (dies) await place.die();
    kept.remote.note("waits for a wire, or at it");
    kept.outputObject("waits for a wire, or at it");
    kept.abort();
    kept.remote.note("too late");
    kept.outputObject("too late");
    // An unhandled rejection would fail the test in the next turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
});

test("KeptConnection takes its listeners off every signal", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  type Args = Parameters<typeof addEventListener>;
  signal.addEventListener = (...args: Args) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Args) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  await using place = down({ signal });
  const { kept } = place;
  const sum = kept.with({ signal }).remoteValue.add(1, 2);
  assertEquals(listeners.size, 2);
  await place.advance(50);
  assertEquals([await sum, listeners.size], [3, 1]);
  await kept.close();
  assertEquals(listeners.size, 0);
});

test("KeptConnection puts the caller into the stacks of its errors", async () => {
  await using place = down({ attempts: 2 });
  const { kept } = place;
  async function callsNothing(): Promise<void> {
    await kept.remoteValue.nothing();
  }
  async function callsTooLong(): Promise<void> {
    await kept.with({ deadline: 10 }).remoteValue.nothing();
  }
  const waited = assertRejects(callsTooLong) as Promise<Error>;
  await place.advance(50);
  const served = assertRejects(callsNothing) as Promise<Error>;
  assert((await waited).stack!.includes("callsTooLong"));
  assert((await served).stack!.includes("callsNothing"));
});

test("a call with a stream is not sent over another wire", async () => {
  await using it = new Place();
  await it.advance(0);
  const stream = new ReadableStream({ pull() {} });
  const call = it.kept.remoteValue.note!(stream as unknown as string);
  const told = fate(call);
  await it.die();
  assertEquals(await told, "connectionLost notSent");
  assertEquals(it.kept.stats().moved, 0);
});
