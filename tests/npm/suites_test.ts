/**
 * The tests of this repository in Node and Bun: over each transport, of servers
 * and of clients. Those of wires take minutes: they run in the oldest Node, and
 * only with REMOTE_WIRE_PEERS=required. `runtimes.ts` runs all in each.
 */

import { assert, assertEquals } from "@std/assert";
import * as esbuild from "npm:esbuild@^0.25";
import { isRequired, project, runtimes } from "./_project.ts";
import {
  bundleTests,
  isKnown,
  outcomesIn,
  PACKAGES,
  portable,
  SUITES,
} from "./_suite.ts";

const found = await runtimes();

Deno.test({
  name: "the tests that use nothing of Deno pass in Node and Bun",
  ignore: found.length === 0,
  // esbuild's own process outlives a build.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const folder = await project(...PACKAGES);
    try {
      const paths = await portable();
      const few = paths.filter((path) => !SUITES["wires"]!.test(path));
      assert(few.length > 5 && paths.length > 80, String(paths.length));
      const files = [await bundleTests(few, folder)];
      if (isRequired) files.unshift(await bundleTests(paths, folder));
      const [first, ...others] = found;
      // Two at a time: the first has as much to do as all others together.
      const lanes = isRequired ? [[first!], others] : [found];
      await Promise.all(lanes.map(async (lane, at) => {
        for (const runtime of lane) {
          await t.step({
            name: runtime.name,
            sanitizeOps: false,
            sanitizeResources: false,
            sanitizeExit: false,
            async fn() {
              const failed = (await outcomesIn(runtime, files[at]!))
                .filter(({ error }) => error !== undefined)
                .filter((outcome) => !isKnown(outcome, runtime));
              assertEquals(failed, []);
            },
          });
        }
      }));
    } finally {
      await esbuild.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("docs/runtimes.md has a row for each runtime", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/runtimes.md", import.meta.url),
  );
  for (const name of ["Node 20", "Node 22", "Node 24", "Bun"]) {
    const row = page.split("\n").find((line) => line.startsWith(`| ${name} `));
    assert(row !== undefined && /[1-9]\d* passed/.test(row), name);
  }
});
