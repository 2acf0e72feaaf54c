/** What a wire keeps of what was given back: nothing. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";

/** How many bytes of heap are no growth: less than ten for each call. */
const NOISE = 1_000_000;

test("100,000 call-backs and 10,000 streams leave nothing on the heap", async () => {
  const program = new URL("programs/flat_heap.ts", import.meta.url);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-config",
      "--v8-flags=--expose-gc",
      program.pathname,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const grown = Object.fromEntries(
    decoder.decode(stdout).trim().split("\n").map((line) => line.split(" ")),
  );
  const told = decoder.decode(stderr);
  assertEquals(Object.keys(grown), ["calls", "streams", "left"], told);
  assertEquals(grown.left, "0");
  assert(Number(grown.calls) < NOISE, `calls: ${grown.calls}`);
  assert(Number(grown.streams) < NOISE, `streams: ${grown.streams}`);
});
