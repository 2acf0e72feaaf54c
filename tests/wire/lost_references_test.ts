/** What the garbage collector finds of references that nobody released. */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { runGcProgram } from "./_gc_program.ts";

test("references and streams that are lost are released, with a warning", async () => {
  const { lines, told } = await runGcProgram("lost_references.ts");
  assertEquals(lines.sort(), [
    'a reference: WireError: A reference that came as the result of "open" was never disposed of; the garbage collector found it. Take it with "using", or call its [Symbol.dispose]().',
    'a stream: WireError: A stream that came as the result of "endless" was never read to its end. Read it in a loop, or cancel() it.',
    "exported: 1",
    "finally: true",
    "kept: 2",
  ], told);
});
