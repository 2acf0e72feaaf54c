/**
 * The table of the kinds of values: the type checker asks for a sample of each
 * kind here, and so finds out that a new one is known everywhere.
 */

import { assert, assertEquals } from "@std/assert";
import type { Received, RemoteFunction, Sendable } from "../../mod.ts";
import { decodeValue, encodeValue, wirePair } from "../../mod.ts";
import type { NotSendable } from "../../wire/mod.ts";
import {
  holderOf,
  type HolderTypes,
  leafOf,
  type LeafTypes,
  ownMembers,
  partsOf,
  refill,
  type ValueKind,
  valueKind,
} from "../../wire/codec/value_kinds.ts";
import { sendable } from "../../wire/rpc/thrown.ts";
import { carriesStream } from "../../wire/codec/passing.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import { test } from "../_test.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function holds<T extends true>(): T | void {}

/** A leaf of each kind. */
const LEAVES: { readonly [K in keyof LeafTypes]: () => LeafTypes[K] } = {
  buffer: () => new Uint8Array([1, 2]).buffer,
  view: () => new Uint16Array([1, 2]),
  date: () => new Date(5),
  url: () => new URL("http://localhost/"),
};

/** A holder of each kind, with a value inside. */
const HOLDERS: {
  readonly [K in keyof HolderTypes]: (inside: unknown) => HolderTypes[K];
} = {
  list: (inside) => [1, inside],
  record: (inside) => ({ inside }),
  map: (inside) => new Map([["key", inside]]),
  set: (inside) => new Set([inside]),
  error(inside) {
    const error = new Error("no", { cause: inside });
    error.stack = "Error: no"; // as it arrives
    return error;
  },
};

test("valueKind() knows every kind, and encodeValue() writes it", () => {
  const samples = Object.entries({ ...LEAVES, ...HOLDERS });
  for (const [kind, sample] of samples as [ValueKind, typeof HOLDERS.list][]) {
    const value = sample("inside");
    assertEquals(valueKind(value), kind);
    const came = decodeValue(encodeValue(value)) as object;
    assertEquals(came, value);
    assertEquals(valueKind(came), kind);
    const isLeaf = Object.hasOwn(LEAVES, kind);
    assertEquals(leafOf(kind) !== undefined, isLeaf);
    assertEquals(holderOf(kind) !== undefined, !isLeaf);
  }
  class Other {}
  assertEquals(valueKind(new Other()), undefined);
});

test("whatever goes through values finds what is in a holder of each kind", () => {
  for (const [kind, make] of Object.entries(HOLDERS)) {
    const inside = { deep: 1 };
    const holder = make(inside);
    assert([...partsOf(holder, ownMembers)].includes(inside), kind);
    const parts = [...partsOf(holder, ownMembers)]
      .map((part) => part === inside ? "another" : part);
    refill(holder, parts);
    assertEquals(holder, make("another"), kind);
    assert(carriesStream(make(new ReadableStream())), kind);
    assert(!carriesStream(make(inside)), kind);
    // What cannot be sent is left out; the rest of the holder is there.
    const copy = sendable(make(/x/), DEFAULT_LIMITS, false) as object;
    assertEquals(valueKind(copy), kind as ValueKind);
    const [note] = [...partsOf(copy, ownMembers)]
      .filter((part) => String(part).startsWith("[not sent"));
    assertEquals(note, "[not sent: an instance of RegExp]", kind);
  }
});

test("results inside a holder of each kind are awaited", async () => {
  const [near, far] = wirePair();
  far.serve({ later: () => Promise.resolve("late"), same: (x: unknown) => x });
  for (const [kind, make] of Object.entries(HOLDERS)) {
    // Promises are refused where one might stand twice.
    if (kind === "set") continue;
    const came = await near.remoteValue.same(make(near.remoteValue.later()));
    assertEquals(came, make("late"), kind);
  }
  await Promise.all([near.close(), far.close()]);
});

/** How a function inside each kind of holder arrives. */
interface Arrived {
  list: RemoteFunction<() => 1>[];
  record: { f: RemoteFunction<() => 1> };
  map: Map<string, RemoteFunction<() => 1>>;
  set: Set<RemoteFunction<() => 1>>;
  // What is behind an error has no type.
  error: Error;
}

interface Inside {
  list: readonly (() => 1)[];
  record: { f: () => 1 };
  map: ReadonlyMap<string, () => 1>;
  set: ReadonlySet<() => 1>;
  error: Error;
}

test("Received and Sendable know every kind", () => {
  holds<Same<keyof Inside, keyof HolderTypes>>();
  holds<Same<{ [K in keyof Inside]: Received<Inside[K]> }, Arrived>>();
  holds<Same<{ [K in keyof LeafTypes]: Received<LeafTypes[K]> }, LeafTypes>>();
  holds<Same<{ [K in keyof LeafTypes]: Sendable<LeafTypes[K]> }, LeafTypes>>();
  type Sent = { [K in keyof Inside]: Sendable<Inside[K]> }[keyof Inside];
  holds<Same<Extract<Sent, NotSendable<string>>, never>>();
  assertEquals(holds.length, 0);
});
