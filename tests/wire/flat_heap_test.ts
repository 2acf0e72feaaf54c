/** What a wire keeps of what was released: nothing. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { runGcProgram } from "./_gc_program.ts";

/** How many bytes of heap are no growth: less than ten for each call. */
const NOISE = 1_000_000;

test("100,000 call-backs and 10,000 streams leave nothing on the heap", async () => {
  const { lines, told } = await runGcProgram("flat_heap.ts");
  const grown = Object.fromEntries(lines.map((line) => line.split(" ")));
  assertEquals(Object.keys(grown), ["calls", "streams", "left"], told);
  assertEquals(grown.left, "0");
  assert(Number(grown.calls) < NOISE, `calls: ${grown.calls}`);
  assert(Number(grown.streams) < NOISE, `streams: ${grown.streams}`);
});

test("what is given up, and answers that nobody takes, hold no more than their bytes", async () => {
  const { lines, told } = await runGcProgram("flat_queue.ts");
  const grown = Object.fromEntries(lines.map((line) => line.split(" ")));
  const kinds = ["whole", "light", "whole-behind", "light-behind"];
  assertEquals(Object.keys(grown), [...kinds, "pings"], told);
  for (const kind of kinds) {
    assert(Number(grown[kind]) < 3 * NOISE, `${kind}: ${grown[kind]}`);
  }
  // 100,000 answers of 9 bytes, in a buffer that grows by doubling.
  assert(Number(grown.pings) < 3 * NOISE, `pings: ${grown.pings}`);
});
