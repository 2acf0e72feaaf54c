/**
 * A whole wire where the engine refuses to make code from strings, as it does
 * on a page whose policy forbids it.
 */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";

const PROGRAM = new URL("./_without_generated_code.ts", import.meta.url).href;

async function run(...flags: string[]): Promise<unknown> {
  // Deno takes the accessor __proto__ away; browsers have it.
  const options = ["--unstable-unsafe-proto", "--no-config", "--no-check"];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...options, ...flags, PROGRAM],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

const all = { echoed: 320, same: 320, harmed: false };

test("a wire works where generated code is forbidden", async () => {
  assertEquals(
    await run("--v8-flags=--disallow-code-generation-from-strings"),
    { codeAllowed: false, ...all },
  );
});

test("a wire does the same where generated code is allowed", async () => {
  assertEquals(await run(), { codeAllowed: true, ...all });
});
