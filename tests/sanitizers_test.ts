/**
 * What all tests rely on: a test that leaves something behind fails, and a
 * failure names the place of the test that failed.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "./_test.ts";

const TEST = new URL("_test.ts", import.meta.url).href;

/** Tests that fail, each with its line, and why. */
const FAILING: [string, RegExp][] = [
  [`test("throws", () => { throw new Error("thrown"); });`, /Error: thrown/],
  [`test("leaves a timer", () => { setTimeout(() => {}, 1e6); });`, /timer/],
  [
    `test("leaves a file", () => { Deno.openSync(${
      JSON.stringify(import.meta.filename)
    }); });`,
    /file/,
  ],
  [`test("exits", () => { Deno.exit(0); });`, /exit/],
];

test("test() names the place of what fails, and lets nothing be left", async () => {
  const folder = await Deno.makeTempDir();
  const program = `import { test } from ${JSON.stringify(TEST)};\n` +
    FAILING.map(([line]) => line).join("\n");
  await Deno.writeTextFile(`${folder}/failing_test.ts`, program);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-config", "--no-check", "-A", "failing_test.ts"],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const report = new TextDecoder().decode(stdout);
  assertEquals(code, 1);
  // A section for each failure, which begins with its name and its place.
  const sections = report.split(/^(?=.+ => \.\/failing_test\.ts:)/m).slice(1);
  for (const [index, [line, reason]] of FAILING.entries()) {
    const [, name] = /"([^"]+)"/.exec(line)!;
    const section = sections[index] ?? report;
    const place = `${name} => ./failing_test.ts:${index + 2}:`;
    assert(section.startsWith(place) && reason.test(section), section);
  }
  assert(report.includes(`${FAILING.length} failed`), report);
  await Deno.remove(folder, { recursive: true });
});
