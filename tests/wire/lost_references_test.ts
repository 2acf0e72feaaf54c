/** What the garbage collector finds of references that nobody gave back. */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";

test("references and streams that are lost are given back, with a warning", async () => {
  const program = new URL("programs/lost_references.ts", import.meta.url);
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
  const lines = decoder.decode(stdout).trim().split("\n").sort();
  assertEquals(lines, [
    'a reference: WireError: A reference that came as the result of "open" was never given back; the garbage collector found it. Take it with "using", or call its [Symbol.dispose]().',
    'a stream: WireError: A stream that came as the result of "endless" was never taken to its end. Take it by a loop, or cancel() it.',
    "exported: 1",
    "finally: true",
    "kept: 2",
  ], decoder.decode(stderr));
});
