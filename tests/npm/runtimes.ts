/**
 * Runs all tests that use nothing of Deno in Node and Bun, and writes what
 * became of them into the table of docs/runtimes.md.
 *
 *     REMOTE_WIRE_PEERS=required deno task run -A tests/npm/runtimes.ts
 *     REMOTE_WIRE_PEERS=required deno task run -A tests/npm/runtimes.ts "Node 24"
 *
 * @module
 */

import * as esbuild from "npm:esbuild@^0.25";
import { project, runtimes } from "./_project.ts";
import {
  bundleTests,
  isKnown,
  outcomesIn,
  PACKAGES,
  portable,
  SUITES,
} from "./_suite.ts";

const PAGE = new URL("../../docs/runtimes.md", import.meta.url);

const folder = await project(...PACKAGES);
const file = await bundleTests(await portable(), folder);
await esbuild.stop();
let page = await Deno.readTextFile(PAGE);
for (const runtime of await runtimes()) {
  if (Deno.args.length > 0 && !Deno.args.includes(runtime.name)) continue;
  const outcomes = await outcomesIn(runtime, file);
  for (const outcome of outcomes) {
    if (outcome.error === undefined) continue;
    const note = isKnown(outcome, runtime) ? " (known)" : `\n${outcome.error}`;
    console.log(`${runtime.name}: ${outcome.file}: ${outcome.name}${note}`);
  }
  const cells = Object.values(SUITES).map((suite) => {
    const own = outcomes.filter(({ file }) => suite.test(file));
    const failed = own.filter(({ error }) => error !== undefined).length;
    return `${own.length - failed} passed, ${failed} failed`;
  });
  const row = `| ${runtime.name} | ${cells.join(" | ")} |`;
  console.log(row);
  page = page.replace(new RegExp(`^\\| ${runtime.name} .*$`, "m"), row);
}
await Deno.writeTextFile(PAGE, page);
await new Deno.Command(Deno.execPath(), {
  args: ["fmt", "--quiet", PAGE.pathname],
}).output();
await Deno.remove(folder, { recursive: true });
