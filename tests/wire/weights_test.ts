/** What values are said to take in memory, beside what they take. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { runGcProgram } from "./_gc_program.ts";

/** What the engine does on its own, for each value of four thousand. */
const NOISE = 32;

test("what values are said to weigh is what they take, or rather more", async () => {
  const { lines, told } = await runGcProgram("weights.ts");
  assertEquals(lines.length, 36, told);
  for (const line of lines) {
    const [kind, taken, weight] = JSON.parse(line) as [string, number, number];
    const both = `${kind}: ${taken} bytes taken, said to be ${weight}`;
    assert(weight + NOISE >= taken * 0.85, both);
    // Buffers have parts outside the heap, and errors take time besides.
    assert(weight <= taken * 2.5 + 300, both);
  }
});
