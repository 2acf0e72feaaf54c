/**
 * Large messages and small ones take turns, large ones with each other too,
 * and one that is given up leaves nothing at the other end.
 */

import { assert, assertEquals } from "@std/assert";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { countedSignal } from "./_listeners.ts";
import { slow } from "./_slow.ts";

const FUNCTIONS = {
  echo: (x: unknown) => x,
  size: (x: Uint8Array) => x.length,
  note() {},
};

/** Two ends whose writes take a while each. */
function pair(limits = {}, most = Infinity): [Wire, Wire] {
  const [here, there] = memoryTransports();
  const options = { limits, functions: FUNCTIONS, onError() {} };
  return [makeWire(slow(here, most), options), makeWire(there, options)];
}

async function end(...wires: Wire[]): Promise<void> {
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map((wire) => wire.closed));
}

/** Sends small calls all the time, so that output always waits. */
function busy(wire: Wire, chains: number): { stop(): number } {
  let made = 0;
  let isOver = false;
  for (let chain = 0; chain < chains; chain++) {
    (async () => {
      while (!isOver) {
        await wire.remote.note("x", made++);
        // One or two a write, whichever write it is.
        for (let turn = 0; turn < 30; turn++) await undefined;
      }
    })().catch(() => {});
  }
  return {
    stop() {
      isOver = true;
      return made;
    },
  };
}

test("a large message comes through between small ones without end", async () => {
  const [near, far] = pair();
  await near.opened;
  const small = busy(near, 4);
  await settle();
  const { writes } = near.stats();
  assertEquals(await near.remoteValue.size(new Uint8Array(3e6)), 3_000_000);
  // Twelve writes of it, and as many of small ones in between.
  const made = near.stats().writes - writes;
  small.stop();
  assert(made < 60, `${made} writes`);
  await end(near, far);
});

test("small messages come through between large ones without end", async () => {
  const [near, far] = pair();
  await near.opened;
  let isOver = false;
  const large = [1, 2, 3].map(async () => {
    for (let n = 0; n < 50 && !isOver; n++) {
      await near.remoteValue.size(new Uint8Array(2e6));
    }
  });
  await settle();
  const { writes } = near.stats();
  for (let n = 0; n < 5; n++) assertEquals(await near.remoteValue.echo(n), n);
  const made = near.stats().writes - writes;
  isOver = true;
  // One of small ones, one of large ones, until each answer is there.
  assert(made < 50, `${made} writes`);
  await Promise.all(large);
  await end(near, far);
});

test("a large message does not wait for the whole of a larger one", async () => {
  const [near, far] = pair({ message: 64 * 1024 * 1024 });
  await near.opened;
  const order: string[] = [];
  const all = [
    near.remoteValue.size(new Uint8Array(16e6)).then(() => order.push("16")),
    near.remoteValue.size(new Uint8Array(6e6)).then(() => order.push("6")),
    near.remoteValue.size(new Uint8Array(2e6)).then(() => order.push("2")),
  ];
  await Promise.all(all);
  assertEquals(order, ["2", "6", "16"]);
  await end(near, far);
});

test("no more large messages are under way than the peer takes", async () => {
  const [near, far] = pair({ pieces: 2, frame: 1_024 });
  await near.opened;
  const sizes = Array.from({ length: 9 }, (_, n) => 1.2e6 + n);
  const all = sizes.map((size) => near.remoteValue.size(new Uint8Array(size)));
  assertEquals(await Promise.all(all), sizes);
  assertEquals(far.ended, undefined);
  await end(near, far);
});

test("large messages given up half way make room for others", async () => {
  const [near, far] = pair({ pieces: 2, frame: 1_024, message: 8e6 });
  await near.opened;
  for (let round = 0; round < 3; round++) {
    const { controller, signal } = countedSignal();
    const large = [1, 2, 3].map(() =>
      fate(near.with({ signal }).remoteValue.size(new Uint8Array(6e6)))
    );
    const { bytesSent } = near.stats();
    while (near.stats().bytesSent < bytesSent + 1.5e6) await undefined;
    controller.abort();
    for (const one of large) {
      assertEquals((await one).split(" ")[0], "cancelled");
    }
    // The peer would end the wire at a third message that is not whole.
    const next = [2e6, 2.1e6, 2.2e6];
    assertEquals(
      await Promise.all(
        next.map((size) => near.remoteValue.size(new Uint8Array(size))),
      ),
      next,
    );
    await near.forceOutput();
    const { outputWaiting, callsPending } = near.stats();
    assertEquals([outputWaiting, callsPending], [0, 0]);
  }
  assertEquals(far.ended, undefined);
  await end(near, far);
});

test("the attachments of a message given up half way are released", async () => {
  const [near, far] = pair({ frame: 1_024 });
  await near.opened;
  const { controller, signal } = countedSignal();
  const large = fate(
    near.with({ signal }).remoteValue.echo(new Uint8Array(3e6), () => {}),
  );
  assertEquals(near.stats().objectsExported, 1);
  const { bytesSent } = near.stats();
  while (near.stats().bytesSent < bytesSent + 1e4) await undefined;
  controller.abort();
  await large;
  assertEquals(near.stats().objectsExported, 0);
  assertEquals(await near.remoteValue.echo(1), 1);
  await end(near, far);
});

test("what waits behind a message given up half way leaves", async () => {
  const [near, far] = pair({ frame: 1_024 }, 2_000);
  await Promise.all([near.opened, far.opened]);
  far.serve({ give: () => () => {} });
  // A reference is released behind all that was sent before.
  const given = await near.remoteValue.give() as Disposable;
  const { controller, signal } = countedSignal();
  const large = fate(
    near.with({ signal }).remoteValue.size(new Uint8Array(3e6)),
  );
  assertEquals(far.stats().objectsExported, 1);
  given[Symbol.dispose]();
  const { bytesSent } = near.stats();
  while (near.stats().bytesSent < bytesSent + 1e4) await undefined;
  controller.abort();
  await large;
  assertEquals(await near.remoteValue.echo(1), 1);
  await settle();
  await near.remoteValue.echo(2);
  assertEquals(far.stats().objectsExported, 0);
  await end(near, far);
});
