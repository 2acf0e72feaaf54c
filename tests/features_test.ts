/**
 * docs/features.md names tests, and they are there.
 */

import { assert, assertEquals } from "@std/assert";
import { denoRun } from "../examples/archive/deno.ts";
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url);

/**
 * Prints the names that test files define, ignored ones included, without
 * running any test. Deno.test() and all that hangs on it take a name, or an
 * object that has one, first.
 */
const COLLECTOR = `
let names;
const collect = (test) => {
  const name = typeof test === "string" ? test : test?.name;
  if (name !== undefined) names.push(name);
};
Deno.test = new Proxy(collect, { get: () => collect });
const all = {};
for (const file of JSON.parse(Deno.args[0])) {
  names = all[file] = [];
  await import(new URL(file, ${JSON.stringify(ROOT.href)}).href);
}
console.log(JSON.stringify(all));
`;

/** A row of a table: what it is about, a test, and the file it is in. */
async function rows(): Promise<string[][]> {
  const page = await Deno.readTextFile(new URL("docs/features.md", ROOT));
  return page.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([first = "", , third]) => !/^-+$/.test(first) && third !== "in");
}

/** The names of the tests in files, as `deno test` would list them. */
async function testNames(
  files: string[],
): Promise<Record<string, string[]>> {
  const collector = `data:text/javascript,${encodeURIComponent(COLLECTOR)}`;
  const { code, stdout, stderr } = await denoRun(
    ["-A", "--no-check", collector, JSON.stringify(files)],
    // Names are the same without the other runtimes, which nobody fetches then.
    { stdin: "null", env: { REMOTE_WIRE_PEERS: "" } },
  ).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  // Test files may print, too, while they are loaded.
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return JSON.parse(lines.at(-1) ?? "");
}

/** What a name on the page stands for; "…" is any text. */
function pattern(name: string): RegExp {
  const parts = name.split("…").map((part) =>
    part.replaceAll(/[^\w\s]/g, "\\$&")
  );
  return new RegExp(`^${parts.join(".+")}$`);
}

test("docs/features.md names tests that there are", async () => {
  const features = await rows();
  assert(features.length > 80);
  for (const row of features) assertEquals(row.length, 3, row.join(" | "));
  const names = await testNames([...new Set(features.map((row) => row[2]!))]);
  const missing = features.filter(([, name = "", file = ""]) =>
    !names[file]?.some((candidate) => pattern(name).test(candidate))
  );
  assertEquals(missing, []);
});
