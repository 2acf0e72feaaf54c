/**
 * What wires print of their messages, as the environment says.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { patientRun } from "../examples/_run.ts";
import { test } from "../_test.ts";

const PROGRAM = `${import.meta.dirname}/_debugged.ts`;

/** The lines that the program prints as an error. */
async function printed(
  debug: string,
  ...permissions: string[]
): Promise<string[]> {
  const { stderr, stdout, code } = await patientRun(
    ["--no-prompt", "--allow-net", ...permissions, PROGRAM],
    { stdin: "null", env: { NO_COLOR: "1", REMOTE_WIRE_DEBUG: debug } },
  ).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals([code, stdout.length], [0, 0], text);
  return text.split("\n").filter((line) => line !== "")
    .map((line) => line.replaceAll(/127\.0\.0\.1:\d+/g, "PEER"));
}

test("REMOTE_WIRE_DEBUG=calls prints calls and their answers", async () => {
  const lines = await printed("calls", "--allow-env=REMOTE_WIRE_DEBUG");
  const some = lines.map((line) => line.replace(/[\d.]+ ms/, "T"));
  assertEquals(
    some.sort(),
    [
      "→ PEER call #0 add(40, 2) [7 B]",
      "→ PEER return #0 add = 42 (T) [3 B]",
      "← PEER call #0 add(40, 2) [7 B]",
      "← PEER return #0 add = 42 (T) [3 B]",
    ].sort(),
  );
});

test("REMOTE_WIRE_DEBUG=calls,frames prints every message, harmless and short", async () => {
  const lines = await printed("calls,frames", "--allow-env");
  for (const kind of ["hello", "accept", "call", "message", "close"]) {
    for (const arrow of ["→", "←"]) {
      assert(lines.some((line) => line.startsWith(`${arrow} PEER ${kind}`)));
    }
  }
  const message = lines.find((line) => line.includes("PEER message "))!;
  assertMatch(message, /message "a\\u001b\[2J\\nb/);
  assert(message.length < 500 && message.includes("…"));
});

test("REMOTE_WIRE_DEBUG is not asked for where it may not be read", async () => {
  assertEquals(await printed("frames"), []);
});

test("REMOTE_WIRE_DEBUG tells which words there are", async () => {
  const [line = ""] = await printed("call", "--allow-env");
  assertMatch(line, /REMOTE_WIRE_DEBUG is calls, frames or both.*not "call"\./);
});
