/**
 * Tables that are full are emptied at both ends, and nothing that one of them
 * remembers of before is taken for something of after.
 */

import { assert, assertEquals } from "@std/assert";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { TABLE_ENTRIES } from "../../wire/codec/tables.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { slow } from "./_slow.ts";
import { anyPair } from "./_pair.ts";

/** An object with a key set of its own. */
function made(n: number): Record<string, number> {
  return { [`key ${n}`]: n, other: n };
}

const FUNCTIONS = { echo: (x: unknown) => x, note() {} };

async function end(...wires: Wire[]): Promise<void> {
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map((wire) => wire.closed));
}

/** Sends as many new key sets as a table holds; the next message renews it. */
async function fill(wire: Wire, from: number): Promise<void> {
  const objects = Array.from(
    { length: TABLE_ENTRIES + 1 },
    (_, n) => made(from + n),
  );
  assertEquals(await wire.remoteValue.echo(objects), objects);
}

test("what was used last before a renewal is defined anew after it", async () => {
  const [near, far] = anyPair({}, { functions: FUNCTIONS });
  await near.opened;
  const known = { name: "Grace", born: 1906 };
  for (let round = 0; round < 5; round++) {
    const from = round * 2_000;
    // The same name, and the same key set, are the last ones and the next.
    await fill(near, from);
    assertEquals(await near.remoteValue.echo(made(from)), made(from));
    assertEquals(await near.remoteValue.echo(known), known);
    const row = [known, known, made(from), known];
    assertEquals(await near.remoteValue.echo(row), row);
    await fill(near, from + 1_000);
    assertEquals(await near.remoteValue.echo(row), row);
    near.remote.note(1);
    near.remote.note(2);
    await fill(near, from + 500);
    near.remote.note(3);
    assertEquals(await near.remoteValue.echo(4), 4);
  }
  await end(near, far);
});

test("the key set that came last, and is expected next, is defined anew", async () => {
  const known = { name: "Grace", born: 1906 };
  const other = { name: "Ada", born: 1815, died: 1852 };
  for (
    const last of [[known], [known, known], [known, other], [other, known]]
  ) {
    for (const first of [known, other]) {
      const [near, far] = anyPair({}, { functions: FUNCTIONS });
      await near.opened;
      const objects = Array.from(
        { length: TABLE_ENTRIES },
        (_, n) => made(n),
      );
      const full = [known, other, known, other, ...objects, ...last];
      assertEquals(await near.remoteValue.echo(full), full);
      for (let time = 0; time < 3; time++) {
        const row = [first, first];
        assertEquals(await near.remoteValue.echo(first), first);
        assertEquals(await near.remoteValue.echo(row), row);
      }
      assertEquals([near.ended, far.ended], [undefined, undefined]);
      await end(near, far);
    }
  }
});

test("each kind of message may be the one that finds the tables full", async () => {
  const kinds: Record<string, (wire: Wire) => Promise<unknown>> = {
    "a plain call": (wire) => wire.remoteValue.echo(1),
    "a call": (wire) => wire.remoteValue.echo([made(1)]),
    "a plain one-way call": (wire) => wire.remote.note(1),
    "a one-way call": (wire) => wire.remote.note(made(2)),
    "a row": async (wire) => {
      for (let n = 0; n < 5; n++) wire.remote.note(n);
      await wire.ping();
    },
    "a message": (wire) => wire.outputObject(made(3)),
    "a large call": (wire) =>
      wire.remoteValue.echo([made(4), "x".repeat(99_000), made(5)]),
    "many texts": (wire) =>
      wire.remoteValue.echo(
        Array.from({ length: 30 }, (_, n) => ({ t: `text ${n}` })),
      ),
    "a ping": (wire) => wire.ping(),
  };
  for (const [what, send] of Object.entries(kinds)) {
    for (const next of ["a plain call", "a row", "a large call"]) {
      const sendNext = kinds[next]!;
      const [near, far] = anyPair({}, { functions: FUNCTIONS });
      await near.opened;
      await near.remoteValue.echo(made(3));
      await fill(near, 0);
      await send(near);
      await sendNext(near);
      await send(near);
      const last = [made(0), made(1_023), made(3)];
      assertEquals(await near.remoteValue.echo(last), last, `${what}, ${next}`);
      assertEquals([near.ended, far.ended], [undefined, undefined]);
      await end(near, far);
    }
  }
});

test("tables are full of text, too, again and again, and stay in step", async () => {
  const [near, far] = anyPair({}, { functions: FUNCTIONS });
  await near.opened;
  for (let n = 0; n < 1_200; n++) {
    // About 600 units each: a few hundred of these are all that there is.
    const key = `${n} `.padEnd(200, "k");
    const value = { [`${key}a`]: n, [`${key}b`]: n, [`${key}c`]: n };
    assertEquals(await near.remoteValue.echo(value), value);
  }
  // And after all that they still spare what was sent once already.
  const costs: number[] = [];
  const key = "k".repeat(200);
  for (let time = 0; time < 4; time++) {
    const { bytesSent } = near.stats();
    await near.remoteValue.echo({ [key]: time });
    costs.push(near.stats().bytesSent - bytesSent);
  }
  assert(costs.at(-1)! < 100, `${costs}`);
  assertEquals([near.ended, far.ended], [undefined, undefined]);
  await end(near, far);
});

test("names fill the tables as well", async () => {
  const [near, far] = anyPair({ onError() {} }, { functions: FUNCTIONS });
  await near.opened;
  for (let n = 0; n < 2 * TABLE_ENTRIES + 50; n++) {
    const failed = near.call(`function ${n}`, [n]);
    assertEquals(await fate(failed), "noSuchFunction undefined");
    if (n % 100 === 0) assertEquals(await near.remoteValue.echo(n), n);
  }
  assertEquals(far.ended, undefined);
  await end(near, far);
});

test("tables are not renewed under a large message that is on its way", async () => {
  const [here, there] = memoryTransports();
  const near: Wire = makeWire(slow(here, 20_000), { onError() {} });
  const far = makeWire(there, { functions: FUNCTIONS, onError() {} });
  await near.opened;
  const large = [made(7), "x".repeat(400_000), made(8)];
  const answer = near.remoteValue.echo(large);
  const { bytesSent } = near.stats();
  while (near.stats().bytesSent < bytesSent + 2_000) await undefined;
  // One frame that fills the tables, and one that would renew them.
  near.remote.note(Array.from({ length: TABLE_ENTRIES }, (_, n) => made(n)));
  near.remote.note([made(5_000), made(5_001)]);
  near.remote.note(made(5_002));
  assertEquals(await answer, large);
  assertEquals(await near.remoteValue.echo(made(9)), made(9));
  assertEquals([near.ended, far.ended], [undefined, undefined]);
  await end(near, far);
});

test("tables are not renewed under a message that waits", async () => {
  const gate = Promise.withResolvers<void>();
  const kept: unknown[] = [];
  const [near, far] = anyPair({}, {
    limits: { window: 2_000 },
    functions: {
      ...FUNCTIONS,
      wait: () => gate.promise,
      keep: (x: unknown) => void kept.push(x),
    },
  });
  await near.opened;
  const waiting = [made(7), "x", made(8)];
  // Encoded, and held up by the window for one-way calls.
  await near.remote.wait("x".repeat(2_000));
  const left = near.remote.keep(waiting);
  for (
    const value of [
      Array.from({ length: TABLE_ENTRIES }, (_, n) => made(n)),
      [made(5_000), made(5_001)],
      made(5_002),
    ]
  ) {
    const sent = near.outputObject(value);
    assertEquals(await far.getObject(), value);
    await sent;
    // Its credit is there.
    await near.ping();
  }
  assertEquals(kept, []);
  gate.resolve();
  await left;
  assertEquals(await near.remoteValue.echo(made(9)), made(9));
  assertEquals(kept, [waiting]);
  assertEquals([near.ended, far.ended], [undefined, undefined]);
  await end(near, far);
});
