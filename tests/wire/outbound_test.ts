/** What leaves one way: what its sender is told of its fate. */

import { assert, assertEquals } from "@std/assert";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { countedSignal } from "./_listeners.ts";
import { slow } from "./_slow.ts";
import { anyPair } from "./_pair.ts";

/** Kinds of output that have no answer. */
const KINDS: Record<string, (wire: Wire, bytes: Uint8Array) => Promise<void>> =
  {
    "a one-way call": (wire, bytes) => wire.remote.note(bytes),
    "a one-way call with a deadline": (wire, bytes) =>
      wire.with({ deadline: 1_000_000 }).remote.note(bytes),
    "a message": (wire, bytes) => wire.outputObject(bytes),
  };

for (const [what, send] of Object.entries(KINDS)) {
  test(`${what} of which a part has left may have come`, async () => {
    const [here, there] = memoryTransports();
    const near: Wire = makeWire(slow(here, 1_000), { onError() {} });
    const far = makeWire(there, { onError() {}, functions: { note() {} } });
    await near.opened;
    const before = near.stats().bytesSent;
    const half = fate(send(near, new Uint8Array(900_000)));
    // These are behind it: nothing of them has left.
    const behind = fate(send(near, new Uint8Array(900_000)));
    const small = fate(send(near, new Uint8Array(10)));
    while (near.stats().bytesSent < before + 1_000) await undefined;
    near.abort();
    assertEquals(await half, "aborted maybeExecuted");
    assertEquals(await behind, "aborted notSent");
    assertEquals(await small, "aborted notSent");
    await Promise.all([near.closed, far.closed]);
  });

  test(`${what} that waits for the peer's window is not sent`, async () => {
    const [near, far] = anyPair({ onError() {} }, {
      onError() {},
      limits: { window: 1 },
      functions: { note: () => new Promise(() => {}) },
    });
    await near.opened;
    await send(near, new Uint8Array(10));
    const waits = [1, 2].map(() => fate(send(near, new Uint8Array(10))));
    await settle();
    near.abort();
    assertEquals(await Promise.all(waits), Array(2).fill("aborted notSent"));
    assertEquals(await fate(send(near, new Uint8Array(10))), "aborted notSent");
    await Promise.all([near.closed, far.closed]);
  });

  test(`${what} that waits for the handshake is not sent`, async () => {
    const [near, far] = anyPair({ onError() {} }, {
      onError() {},
      confirm: () => false,
    });
    const waits = fate(send(near, new Uint8Array(10)));
    assertEquals(await waits, "refused notSent");
    await Promise.all([near.closed, far.closed]);
  });
}

test("a one-way call is given up while it waits, and not when it has left", async () => {
  const clock = new FakeClock();
  const heard: number[] = [];
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({ clock, onError() {} }, {
    limits: { window: 1 },
    functions: {
      note(n: number) {
        heard.push(n);
        return new Promise<void>((resolve) => gates.push(resolve));
      },
    },
  });
  await near.opened;
  const { controller, signal } = countedSignal();
  const first = fate(near.with({ signal }).remote.note(0));
  const second = fate(near.with({ signal }).remote.note(1));
  const third = fate(near.with({ deadline: 10 }).remote.note(2));
  const fourth = fate(near.remote.note(3));
  controller.abort();
  assertEquals(await first, "value undefined");
  assertEquals(await second, "cancelled notSent");
  await clock.advance(10);
  assertEquals(await third, "deadline notSent");
  gates[0]!();
  assertEquals(await fourth, "value undefined");
  await settle();
  assertEquals(heard, [0, 3]);
  assert(near.ended === undefined);
  near.abort();
  await Promise.all([near.closed, far.closed]);
  assertEquals(clock.timers, 0);
});

for (
  const [what, way] of [["a one-way call", "remote"], [
    "a call",
    "remoteValue",
  ]] as const
) {
  test(`who waits for output behind ${what} learns when that is given up`, async () => {
    const clock = new FakeClock();
    const [near, far] = anyPair({ clock, onError() {} }, {
      limits: { window: 1, calls: 1 },
      functions: { never: () => new Promise(() => {}) },
    });
    await near.opened;
    fate(near[way].never());
    const late = fate(near.with({ deadline: 10 })[way].never());
    let isForced = false;
    const forced = near.forceOutput().then(() => isForced = true);
    await settle();
    assertEquals(isForced, false);
    await clock.advance(10);
    assertEquals(await late, "deadline notSent");
    assertEquals(isForced, true);
    await forced;
    near.abort();
    await Promise.all([near.closed, far.closed]);
  });
}
