/**
 * Types that are made of themselves, and code that does not know its types yet.
 */

import { assertEquals } from "@std/assert";
import { type Received, type Wire, wirePair } from "../../mod.ts";
import { test } from "../_test.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Tree {
  readonly label: string;
  left?: Tree;
  right?: Tree;
  all: Tree[];
  byName: Map<string, Tree>;
}

type Lisp = string | [Lisp, ...Lisp[]];
type Sum = number | readonly [op: "+", left: Sum, right: Sum];

/** Functions that get, and give, one another. */
interface Visitor {
  visit(tree: Tree, next: Visitor): Visitor;
}

interface Shapes {
  json(x: Json): Json;
  tree(x: Tree): Tree;
  lisp(x: Lisp): Lisp;
  sum(x: Sum): Sum;
  visit(x: Visitor): number;
}

test("recursive types are sent and arrive as what they are", async () => {
  const [near, far] = wirePair<Shapes>();
  far.serve({
    json: (x) => x,
    tree: (x) => ({ ...x, left: x }),
    lisp: (x) => ["quote", x],
    sum: (x) => ["+", x, 1],
    visit: () => 1,
  });
  const f = near.remoteValue;
  const json: Json = await f.json({ a: [1, { b: null }] });
  const leaf: Tree = { label: "leaf", all: [], byName: new Map() };
  const tree: Tree = await f.tree(leaf);
  const lisp: Lisp = await f.lisp(["a", ["b"]]);
  const sum: Sum = await f.sum(["+", 1, ["+", 2, 3]]);
  assertEquals(
    [json, tree.left?.label, lisp, sum],
    [
      { a: [1, { b: null }] },
      "leaf",
      ["quote", ["a", ["b"]]],
      ["+", ["+", 1, ["+", 2, 3]], 1],
    ],
  );
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: a Date is no JSON
    f.json({ a: [new Date()] });
    // @ts-expect-error: a property is missing, three objects deep
    f.tree({ ...leaf, left: { ...leaf, right: { label: "", all: [] } } });
    // @ts-expect-error: an empty list
    f.lisp(["a", []]);
    // @ts-expect-error: another operator
    f.sum(["+", 1, ["-", 2, 3]]);
    // @ts-expect-error: the functions of a Visitor come by reference
    const visitor: Visitor = {} as Received<Visitor>;
    return visitor;
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});

interface Store<T> {
  put(item: T, more: { item: T; times: number }): number;
  all(): T[];
  keepalive(on: (item: T) => void): void;
}

/** Code that does not know what is stored. */
async function fill<T>(wire: Wire<Store<T>>, item: T): Promise<T[]> {
  await wire.remote.put(item, { item, times: 1 });
  await wire.remoteValue.put(item, { item, times: 2 });
  await wire.remoteValue.keepalive((_item) => {});
  const items: T[] = await wire.remoteValue.all();
  return items;
}

function keep<T>(wire: Wire<object, Store<T>>, first: T): void {
  const kept = [first];
  wire.serve({
    put: (_item, { times }) => times,
    all: () => kept,
    keepalive: (on) => on[Symbol.dispose](),
  });
}

test("generic functions use wires whose types they do not know", async () => {
  const [near, far] = wirePair<Store<Date>>();
  keep(far, new Date(1));
  const kept: Date[] = await fill(near, new Date(2));
  assertEquals(kept, [new Date(1)]);
  await Promise.all([near.close(), far.close()]);
});
