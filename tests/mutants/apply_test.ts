/**
 * The planted bugs still apply. `deno task mutants` tries whether the tests
 * catch them.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { MUTANTS } from "./_all.ts";
import { planted } from "./_mutant.ts";

const ROOT = new URL("../../", import.meta.url);
/** Each of these folders has some. */
const FOLDERS = [
  ...["base", "cmucl", "codec", "contract", "flow", "light", "lines", "native"],
  ...["objects", "reconnect", "rpc", "session", "streams"],
  ...["transport", "types"],
].map((name) => `wire/${name}`).concat("server", "client", "cli");
const LEAST = 130;

test("each planted bug applies, and has tests", async () => {
  for (const mutant of MUTANTS) {
    const { file, name, tests } = mutant;
    const text = await Deno.readTextFile(new URL(file, ROOT));
    assert(planted(text, mutant) !== text, `"${name}" changes something`);
    for (const path of tests) {
      const { isFile } = await Deno.stat(new URL(`tests/${path}`, ROOT));
      assert(isFile, path);
    }
  }
});

test("planted bugs are many, each of its own name, in all folders", () => {
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  assert(MUTANTS.length >= LEAST, `${MUTANTS.length} bugs`);
  const without = FOLDERS.filter((folder) =>
    !MUTANTS.some(({ file }) => file.startsWith(`${folder}/`))
  );
  assertEquals(without, []);
});
