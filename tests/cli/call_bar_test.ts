/** The bar that shows how far a large call is. */

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import { runArgs } from "../../examples/archive/deno.ts";
import { hasTerminal, onTerminal } from "../_terminal.ts";
import { test } from "../_test.ts";
import { CLI, cli } from "./_cli.ts";

const testOnTerminal = hasTerminal ? test : Deno.test.ignore;

/** Bytes that take a while: longer than a call without a bar. */
async function* bytes() {
  for (let n = 0; n < 15; n++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield new Uint8Array(100_000);
  }
}

/** What a shell runs: the command line, with its output elsewhere. */
function quietly(...args: string[]): string[] {
  const command = [Deno.execPath(), ...runArgs(["-A", CLI, ...args])];
  return ["sh", "-c", 'exec "$@" > /dev/null', "sh", ...command];
}

testOnTerminal(
  "cli.ts call shows on a terminal how far it is, and removes that",
  async () => {
    await using server = createRequestServer(0, { functions: { bytes } });
    const address = `127.0.0.1:${server.port}`;
    const shown = await onTerminal(quietly("call", address, "bytes"));
    assertEquals(shown.code, 0);
    // deno-lint-ignore no-control-regex -- that is looked for
    assertMatch(shown.text, /\r(\x1b\[K)?receiving [\d.]+ [KM]iB/);
    // deno-lint-ignore no-control-regex -- that is looked for
    assertMatch(shown.text, /^[^\n]*\r\x1b\[K$/);
    const json = await onTerminal(quietly("call", "--json", address, "bytes"));
    assertEquals(json, { code: 0, text: "" });
    const piped = await cli(["call", address, "bytes"]);
    assertEquals([piped.code, piped.stderr], [0, ""]);
    assertNotMatch(piped.stdout, /receiving/);
  },
);
