/**
 * What is served: wires that serve the same share what they know of it.
 */

import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { contract, type StandardSchema } from "../../wire/contract/contract.ts";
import { wirePair } from "../../wire/exports.ts";
import { servedEntries } from "../../wire/rpc/served.ts";
import { test } from "../_test.ts";

const add = (a: number, b: number) => a + b;
const get = (id: number) => `user ${id}`;

test("servedEntries() gives one map for the same functions, whoever serves them", () => {
  const functions = { add, users: { get } };
  const entries = servedEntries(functions);
  assertEquals([...entries], [["add", add], ["users.get", get]]);
  assertStrictEquals(servedEntries(functions), entries);
  assertStrictEquals(servedEntries({ add, users: { get } }), entries);
});

test("servedEntries() gives another map where a name, a function or a number of them differs", () => {
  const functions: Record<string, unknown> = { add, users: { get } };
  const entries = servedEntries(functions);
  for (
    const other of [
      { add },
      { add, users: { get }, more: add },
      { add, users: { find: get } },
      { add, users: { get: (id: number) => `user ${id}` } },
      { users: { get } },
      {},
    ]
  ) {
    assertNotStrictEquals(servedEntries(other), entries);
  }
  // What is changed after it was served is as it is then.
  functions.users = { get: add };
  assertEquals([...servedEntries(functions)], [
    ["add", add],
    ["users.get", add],
  ]);
  assertEquals([...entries], [["add", add], ["users.get", get]]);
});

test("a wire that serves more than another does not add it there", async () => {
  const functions = { add };
  const pairs = [wirePair(), wirePair()] as const;
  for (const [, far] of pairs) far.serve(functions);
  pairs[0][1].serve({ get });
  const names = await Promise.all(
    pairs.map(async ([near]) =>
      (await near.listFunctions()).map(({ name }) => name)
    ),
  );
  assertEquals(names, [["add", "get"], ["add"]]);
  for (const [near] of pairs) await near.close();
});

test("implement() puts a function behind its signature once, for all wires", () => {
  const number: StandardSchema<number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => ({ value: value as number }),
    },
  };
  const numbers = contract({
    add: { args: [number, number], result: number },
    sum: { args: [number, number], result: number },
  });
  const first = numbers.implement({ add, sum: add });
  const second = numbers.implement({ add, sum: add });
  assertStrictEquals(first.add, second.add);
  assertStrictEquals(first.sum, second.sum);
  // Each name has a signature of its own.
  assertNotStrictEquals(first.add, first.sum);
  assertStrictEquals(servedEntries(first), servedEntries(second));
});
