import { assert, assertEquals } from "@std/assert";
import { type Wire, WireError, wirePair } from "../../wire/mod.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
} from "../../wire/reconnect/keep_connected.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, nobody, Place } from "./_keeping.ts";

/** Ways to stop a kept connection in each of its states. */
const STATES: [string, KeepConnectedOptions, (() => Error) | undefined][] = [
  ["connecting", { onConnected: () => new Promise(() => {}) }, undefined],
  ["connected", {}, undefined],
  ["waiting", {}, nobody],
];

for (const [state, options, answer] of STATES) {
  test(`KeptConnection.close() ends all while ${state}`, async () => {
    await using place = new Place(options, answer && { answer });
    const { kept } = place;
    await settle();
    assertEquals(kept.state, state);
    const under = state === "connected"
      ? fate(kept.remoteValue.add(1, 2))
      : undefined;
    const waiting = state === "connected"
      ? undefined
      : fate(kept.remoteValue.add(1, 2));
    const closing = kept.close();
    assertEquals(kept.state, "closed");
    assertEquals(await fate(kept.remoteValue.add(1, 2)), "closed notSent");
    await Promise.all([closing, kept.close()]);
    assertEquals([await under, await waiting], [
      state === "connected" ? "value 3" : undefined,
      state === "connected" ? undefined : "closed notSent",
    ]);
    assertEquals([kept.ended?.code, place.clock.timers], ["closed", 0]);
    await place.advance(60_000);
    assertEquals(place.attempts.length, 1);
    await kept.close();
  });

  test(`KeptConnection.abort() ends all while ${state}`, async () => {
    await using place = new Place(options, answer && { answer });
    const { kept } = place;
    await settle();
    const call = fate(kept.remoteValue.never("x"));
    await settle();
    kept.abort("enough");
    assertEquals(
      kept.ended?.message,
      "The kept connection was aborted: enough",
    );
    assertEquals(
      await call,
      state === "connected" ? "aborted maybeExecuted" : "aborted notSent",
    );
    await kept.closed;
    assertEquals(place.clock.timers, 0);
  });
}

test("KeptConnection.close() before anything began connects to nothing", async () => {
  await using place = new Place();
  await place.kept.close();
  assertEquals(place.attempts, []);
});

test("keepConnected() gives up a connect that is slow, and ends its wire", async () => {
  const clock = new FakeClock();
  const made = Promise.withResolvers<Wire>();
  const signals: AbortSignal[] = [];
  const kept = keepConnected((signal) => {
    signals.push(signal);
    return made.promise;
  }, { clock });
  await settle();
  const closing = kept.close();
  assert(signals[0]!.aborted);
  let isClosed = false;
  closing.then(() => isClosed = true);
  await settle();
  await clock.advance(999);
  assertEquals(isClosed, false);
  await clock.advance(1);
  await closing;
  const [near, far] = wirePair();
  made.resolve(near);
  assertEquals((await near.closed).code, "aborted");
  await far.closed;
  assertEquals(clock.timers, 0);
});

test("keepConnected() takes a signal that aborts it", async () => {
  const controller = new AbortController();
  await using place = new Place({ signal: controller.signal });
  await settle();
  controller.abort(new Error("over"));
  assertEquals((await place.kept.closed).code, "aborted");
  await using late = new Place({ signal: controller.signal });
  assertEquals(late.kept.ended?.code, "aborted");
  await settle();
  assertEquals(late.attempts, []);
});

test("keepConnected() is not closed where the signal's wire was", async () => {
  const [other] = wirePair();
  await using place = new Place({ signal: other.signal });
  await settle();
  await other.close();
  const reason = await place.kept.closed;
  assertEquals([reason.code, reason.cause], ["aborted", other.ended]);
  assertEquals(
    reason.message,
    "The kept connection was aborted: The wire was closed.",
  );
  await using late = new Place({ signal: other.signal });
  assertEquals(late.kept.ended?.code, "aborted");
  // Any other error is the reason as it is.
  const refused = new WireError("refused", "It is not wanted.");
  await using third = new Place();
  third.kept.abort(refused);
  assertEquals(await third.kept.closed, refused);
});

test("keepConnected() may be closed by its own callbacks", async () => {
  await using place: Place = new Place({
    onLost: () => void place.kept.close(),
  }, { answer: nobody });
  assertEquals((await place.kept.closed).code, "closed");
  await using other: Place = new Place({
    onConnected: () => void other.kept.close(),
  });
  assertEquals((await other.kept.closed).code, "closed");
  assertEquals((await other.far[0]!.closed).code, "peerAborted");
});

test("KeptConnection leaves no wire behind, whenever it ends", async () => {
  for (const end of ["close", "abort"] as const) {
    for (let turns = 0; turns < 60; turns++) {
      await using place = new Place({ onConnected: settle });
      const call = fate(place.kept.remoteValue.add(1, 2));
      for (let turn = 0; turn < turns; turn++) await undefined;
      place.kept[end]();
      await place.kept.closed;
      const ended = await call;
      assert(["closed notSent", "aborted notSent"].includes(ended), ended);
    }
  }
});
