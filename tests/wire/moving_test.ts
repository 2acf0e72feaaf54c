/**
 * A server closes the wire of a kept connection: what is under way finishes
 * there, and what comes next goes to another wire.
 */

import { assert, assertEquals } from "@std/assert";
import { wirePair } from "../../wire/mod.ts";
import type { KeepConnectedOptions } from "../../wire/reconnect/keep_connected.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, lost, nobody, Place } from "./_keeping.ts";

/** A place whose first server closes its wire while a call is under way. */
async function moving(
  keep: KeepConnectedOptions = {},
  answer?: (attempt: number) => Error | undefined,
) {
  const moves: boolean[] = [];
  const place = new Place(
    { onLost: (_reason, { isMoving }) => moves.push(isMoving), ...keep },
    answer && { answer },
  );
  const { kept } = place;
  await settle();
  await place.advance(10_000);
  const under = fate(kept.remoteValue.wait());
  await settle();
  const closing = place.far[0]!.close();
  await settle();
  return { place, kept, under, closing, moves };
}

test("KeptConnection moves at once when its server closes, and calls under way finish", async () => {
  const { place, kept, under, closing, moves } = await moving();
  await using _ = place;
  assertEquals([kept.state, kept.wire], ["waiting", undefined]);
  const next = fate(kept.remoteValue.add(1, 2));
  assertEquals(kept.stats().waiting, 1);
  // A healthy wire is followed by the next without a wait.
  await place.advance(0);
  assertEquals(await next, "value 3");
  assertEquals([kept.state, moves], ["connected", [true]]);
  assertEquals(place.far.map(({ ended }) => ended), [undefined, undefined]);
  place.gate.resolve();
  assertEquals(await under, "value undefined");
  await closing;
  assertEquals(place.far[0]!.ended?.code, "closed");
  assertEquals([kept.state, moves], ["connected", [true]]);
  assertEquals(kept.stats(), {
    attempts: 2,
    connections: 2,
    moved: 0,
    repeated: 0,
    waiting: 0,
  });
});

test("KeptConnection.close() while it moves lets calls under way finish", async () => {
  for (const isDown of [false, true]) {
    const { place, kept, under } = await moving(
      {},
      (attempt) => isDown && attempt > 1 ? nobody() : undefined,
    );
    await using _ = place;
    await place.advance(0);
    const closing = kept.close();
    await settle();
    place.gate.resolve();
    assertEquals(await under, "value undefined");
    await closing;
    assertEquals(place.far.map(({ ended }) => ended?.code).filter(Boolean), [
      "closed",
      ...isDown ? [] : ["closed"],
    ]);
  }
});

test("KeptConnection.close() from onLost spares the wire that is being closed", async () => {
  await using place: Place = new Place({
    onLost: () => void place.kept.close(),
  });
  const { kept } = place;
  await settle();
  const under = fate(kept.remoteValue.wait());
  await settle();
  place.far[0]!.close();
  await settle();
  assertEquals(kept.state, "closed");
  place.gate.resolve();
  assertEquals(await under, "value undefined");
  assertEquals((await kept.closed).code, "closed");
  assertEquals(place.attempts.length, 1);
});

test("KeptConnection.abort() while it moves ends the wire that is being closed", async () => {
  const { place, kept, under } = await moving();
  await using _ = place;
  await place.advance(0);
  kept.abort(lost());
  assertEquals(await under, "connectionLost maybeExecuted");
  await kept.closed;
  assert(place.far.every(({ ended }) => ended !== undefined));
});

test("KeptConnection repeats what the wire loses that is being closed", async () => {
  const { place, kept, moves } = await moving({ idempotent: ["wait"] });
  await using _ = place;
  await place.advance(0);
  place.far[0]!.abort(lost());
  await settle();
  assertEquals(kept.stats().repeated, 1);
  assertEquals([kept.state, moves], ["connected", [true]]);
  place.gate.resolve();
});

test("KeptConnection goes on over a wire that is closed as soon as it stands", async () => {
  await using place: Place = new Place({
    onConnected: (_wire, { connection }) =>
      connection === 1 ? place.far[0]!.close() : undefined,
  });
  const sum = fate(place.kept.remoteValue.add(1, 2));
  await place.advance(100);
  assertEquals(await sum, "value 3");
});

test("KeptConnection asks a server that closes each wire no faster", async () => {
  await using place = new Place({ onConnected() {} });
  const { kept } = place;
  for (let turn = 0; turn < 40; turn++) {
    await place.advance(10);
    place.far.at(-1)?.close();
    await settle();
  }
  // After 50, 100 and 200 ms: each was closed before it was healthy.
  assertEquals(kept.stats().connections, 4);
});

test("Wire.onClosing() tells that the peer closes, once, and late, too", async () => {
  const told: string[] = [];
  const [near, far] = wirePair({}, {
    onError: (error, where) => told.push(`${where}: ${error}`),
  });
  const done = Promise.withResolvers<void>();
  near.serve({ wait: () => done.promise });
  far.onClosing(() => told.push("first"));
  far.onClosing(() => {
    throw new Error("planned");
  });
  near.onClosing(() => told.push("its own end"));
  await Promise.all([near.opened, far.opened]);
  const call = fate(far.remoteValue.wait!());
  await settle();
  const closing = near.close();
  await settle();
  assertEquals(told, ["first", "onClosing: Error: planned"]);
  far.onClosing(() => told.push("late"));
  assertEquals(told.at(-1), "late");
  // Until nothing is under way, this side may still call.
  const another = fate(far.remoteValue.wait!());
  done.resolve();
  assertEquals(await Promise.all([call, another]), [
    "value undefined",
    "value undefined",
  ]);
  await closing;
  await far.closed;
  far.onClosing(() => told.push("too late"));
  assertEquals(told.length, 3);
});

test("Wire.onClosing() is not called where a wire is cut, or this side closes", async () => {
  const told: string[] = [];
  const [near, far] = wirePair();
  far.onClosing(() => told.push("cut"));
  await far.opened;
  near.abort();
  await far.closed;
  const [here, there] = wirePair();
  here.onClosing(() => told.push("closed here"));
  await Promise.all([here.close(), there.closed]);
  assertEquals(told, []);
});
