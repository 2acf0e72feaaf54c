/** The page about security says what the attacks show, and no more. */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LISTENER_LIMITS } from "../../server/listener/options.ts";
import { DEFAULT_LIMITS } from "../../wire/mod.ts";
import { LINE_STREAM_DEFAULTS } from "../../wire/lines/line_stream.ts";
import { test } from "../_test.ts";
import { allCatalogues } from "./_catalogues.ts";

const page = await Deno.readTextFile(
  new URL("../../docs/security.md", import.meta.url),
);
/** What is about attacks: what it says of options has tables of its own. */
const attacks = page.slice(page.indexOf("\n## Request servers and wires\n"));

/** What stands in the rows of its tables. */
const ROWS = attacks.split("\n")
  .filter((line) => /^\| (?!attacks |---)/.test(line))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

/** All limits, by the names that they have on the page. */
const DEFAULTS: Record<string, number> = {
  ...DEFAULT_LIMITS,
  ...LINE_STREAM_DEFAULTS,
  ...Object.fromEntries(
    Object.entries(DEFAULT_LISTENER_LIMITS)
      .map(([name, value]) => [`listener.${name}`, value]),
  ),
};

test("docs/security.md has a row for each catalogue of attacks, and no other", async () => {
  const kinds = (await allCatalogues()).map(({ kind }) => kind);
  assert(kinds.length > 15, `${kinds}`);
  assertEquals(ROWS.map(([kind]) => kind).sort(), kinds.sort());
});

test("docs/security.md tells the limits as they are", () => {
  for (const [kind, , limits = ""] of ROWS) {
    const told = [...limits.matchAll(/`([\w.]+)` ([\d,]+)/g)];
    assert(told.length > 0 || /^none: /.test(limits), kind);
    for (const [, name = "", value = ""] of told) {
      assertEquals(
        Number(value.replaceAll(",", "")),
        DEFAULTS[name],
        `${name}, for ${kind}`,
      );
    }
  }
});
