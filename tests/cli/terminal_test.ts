/** The command line on a terminal. */

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
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

/** The command line, as a terminal runs it. */
function command(...args: string[]): string[] {
  return [Deno.execPath(), ...runArgs(["-A", CLI, ...args])];
}

/** What a shell runs: the command line, with its output elsewhere. */
function quietly(...args: string[]): string[] {
  return ["sh", "-c", 'exec "$@" > /dev/null', "sh", ...command(...args)];
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

testOnTerminal(
  "cli.ts top shows all on a terminal that nobody has told its size",
  async () => {
    await using server = createRequestServer(0, {
      functions: { serverStats: () => server.stats() },
    });
    const address = `127.0.0.1:${server.port}`;
    const { code, text } = await onTerminal(
      command("top", "--repeat=1", address),
    );
    assertEquals(code, 0);
    assert(text.includes(`${address}   up`) && text.includes("trouble  none"));
  },
);

testOnTerminal(
  "cli.ts asks for a secret that --ask-credential is to show",
  async () => {
    await using server = createRequestServer(0, {
      functions: { add: (a: number, b: number) => a + b },
      requireCredential: "open sesame",
      onError() {},
    });
    const call = command(
      ...[
        "call",
        "--ask-credential",
        `127.0.0.1:${server.port}`,
        "add",
        "40",
        "2",
      ],
    );
    const at = "Secret to show:";
    const typed = (secret: string) =>
      // What is typed before the prompt is ready, the terminal shows.
      onTerminal(call, {}, [
        { at, text: secret.slice(0, 1) },
        { at: "*", text: secret.slice(1) },
      ]);
    const right = await typed("open sesame\n");
    assertEquals(right.code, 0);
    assertMatch(right.text, /42\r\n$/);
    assertNotMatch(right.text, /sesame/);
    const ended = await typed("open\x04 sesame\x04\n");
    assertEquals(ended.code, 0);
    const wrong = await typed("open barley\n");
    assertEquals(wrong.code, 1);
    assertMatch(wrong.text, /refused: /);
    const mended = await typed("opem\x7fn \bé\x7f sesame\n");
    assertEquals(mended.code, 0, mended.text);
    const none = await onTerminal(call, {}, [{ at, text: "\n" }]);
    assertEquals(none.code, 2);
    assertMatch(none.text, /No secret was typed\. See --help\./);
  },
);

testOnTerminal(
  "cli.ts leaves the terminal as it was where Ctrl-C is the answer to --ask-credential",
  async () => {
    const shell = 'trap : INT; "$@"; echo "code $?"; stty -a';
    const ping = command("ping", "--ask-credential", "127.0.0.1:1");
    const { text } = await onTerminal(["sh", "-c", shell, "sh", ...ping], {}, [
      { at: "Secret to show:", text: "s" },
      { at: "*", text: "\x03" },
    ]);
    assertMatch(text, /code 130\r\n/);
    assertMatch(text, / icanon\b[^]* echo\b/);
  },
);
