/**
 * Where JSR does not answer: what needs the standard library says what to do,
 * and that works.
 */

import { assertEquals, assertMatch } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { type Ended, withFolder } from "./examples/_run.ts";
import { test } from "./_test.ts";

const ROOT = `${import.meta.dirname}/..`;

/** Programs that load the standard library, and arguments that end them. */
const PROGRAMS: [program: string, ...args: string[]][] = [
  ["cli.ts", "--help"],
  ["examples/archive/client.ts", "--help"],
  ["examples/archive/demo.ts"],
  ["examples/archive/server.ts", "--help"],
  ["examples/chat/client.ts", "--help"],
  ["examples/chat/server.ts", "--help"],
  ["examples/streams.ts"],
  ["examples/tail/client.ts", "--help"],
  ["examples/tail/server.ts", "--help"],
  ["examples/tail/writer.ts", "--help"],
];

async function deno(
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

test("without JSR, programs name the command that works, in one line", () =>
  withFolder(async (folder) => {
    for (const [program, ...args] of PROGRAMS) {
      const { code, stdout, stderr } = await deno(
        ["run", "--quiet", "--allow-net", program, ...args],
        ROOT,
        // Nobody listens there, and nothing is in the cache.
        { JSR_URL: "http://127.0.0.1:1/", DENO_DIR: folder },
      );
      assertEquals([code, stdout], [1, ""], program);
      assertMatch(stderr, /^[^\n]*@std\/[^\n]*"deno task run[^\n]*\n$/);
    }
  }));

test("deno task run passes arguments and exit code on, from any folder", async () => {
  const task = (cwd: string, ...args: string[]) =>
    deno(["task", "--quiet", "run", ...args], cwd, {});
  const cli = await task(ROOT, "-A", "cli.ts", "--version");
  assertEquals(cli.stdout, `@remote/wire ${config.version}\n`);
  const wrong = await task(
    `${ROOT}/examples`,
    "-A",
    "../cli.ts",
    "call",
    ":1",
    "f",
    `{"it's": $HOME`,
  );
  assertEquals([wrong.code, wrong.stdout], [2, ""], wrong.stderr);
  assertMatch(wrong.stderr, /^Argument 1 of f .*: \{"it's": \$HOME \(/);
});
