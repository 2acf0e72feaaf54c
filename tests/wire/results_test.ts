/** Results of calls that were served, and copies of them. */

import { assertEquals, assertThrows } from "@std/assert";
import { encodeValue, WireError } from "../../wire/mod.ts";
import { Memory } from "../../wire/base/limits.ts";
import type { AwaitedResult, Borrower } from "../../wire/codec/passing.ts";
import { Results } from "../../wire/rpc/results.ts";
import { test } from "../_test.ts";

const VALUE = { text: "x".repeat(100), list: Array(500).fill(new Date(0)) };

/** Results of which copies of so many values may be held. */
function resultsFor(copies: number) {
  const memory = new Memory(1_000_000);
  const window = encodeValue(VALUE).length * copies;
  const results = new Results({
    limits: { calls: 10, window, message: 0 },
    objects: { isExported: () => false },
    memory,
  }, { isInChunk: true });
  results.settle(0, VALUE);
  const borrow = (borrower: Borrower) =>
    assertEquals(results.argument(0, false, borrower), VALUE);
  const refuse = () => {
    const error = assertThrows(() => borrow(newBorrower()), WireError);
    assertEquals(error.code, "resultGone");
  };
  return { memory, results, borrow, refuse };
}

function newBorrower(): Borrower {
  return { copied: 0, excess: 0, isOver: false };
}

test("Results.argument() copies as much as may be held", () => {
  const { memory, results, borrow, refuse } = resultsFor(2);
  const [one, other] = [newBorrower(), newBorrower()];
  borrow(one);
  borrow(other);
  refuse();
  results.releaseBorrowed(one);
  borrow(newBorrower());
  refuse();
  assertEquals(memory.held > 0, true);
});

test("Results.releaseBorrowed() releases a copy once", () => {
  const { memory, results, borrow, refuse } = resultsFor(1);
  const one = newBorrower();
  borrow(one);
  results.releaseBorrowed(one);
  results.releaseBorrowed(one);
  assertEquals(memory.held, 0);
  borrow(newBorrower());
  refuse();
});

test("Results.settle() declares at once that a result is there", () => {
  const { results } = resultsFor(1);
  const told: string[] = [];
  const awaited = results.target(1, true) as AwaitedResult;
  awaited.ready.listen(() => told.push("before"));
  results.settle(1, () => {});
  awaited.ready.listen(() => told.push("after"));
  assertEquals(told, ["before", "after"]);
});
