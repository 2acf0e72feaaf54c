/**
 * The planted bugs still apply. `deno task mutants` tries whether the tests
 * catch them.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { MUTANTS } from "./_all.ts";
import { planted } from "./_mutant.ts";

const ROOT = new URL("../../", import.meta.url);
/** Each of the folders has some. */
const FOLDERS = ["server", "client", "cli"];
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

test("planted bugs are many, each of its own name, in all folders", async () => {
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  assert(MUTANTS.length >= LEAST, `${MUTANTS.length} bugs`);
  const folders = [...FOLDERS];
  for await (
    const { name, isDirectory } of Deno.readDir(new URL("wire", ROOT))
  ) {
    if (isDirectory) folders.push(`wire/${name}`);
  }
  const without = folders.filter((folder) =>
    !MUTANTS.some(({ file }) => file.startsWith(`${folder}/`))
  );
  assertEquals(without, []);
});
