/**
 * All catalogues: whatever the tests of this folder run.
 *
 * @module
 */

import type { Catalogue } from "./_attack.ts";

const FOLDER = new URL("./", import.meta.url);

/** Finds the catalogues that the tests of this folder run. */
export async function allCatalogues(): Promise<Catalogue[]> {
  const found = new Set<Catalogue>();
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (!name.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    const [, list = "", file = ""] =
      /import \{ ([A-Z_, ]+) \} from "(\.\/_\w+\.ts)"/.exec(text) ?? [];
    if (!text.includes("testAttacks(")) continue;
    const module = await import(new URL(file, FOLDER).href);
    for (const each of list.split(", ")) found.add(module[each]);
  }
  return [...found].sort((one, other) => one.kind < other.kind ? -1 : 1);
}
