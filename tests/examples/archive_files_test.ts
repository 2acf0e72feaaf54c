import { assertEquals, assertRejects } from "@std/assert";
import { PART } from "../../examples/archive/archive.ts";
import { plain } from "../../examples/_text.ts";
import { atOnce } from "../../examples/archive/at_once.ts";
import { findFiles, partsOf } from "../../examples/archive/files.ts";
import { bytesText } from "../../examples/archive/report.ts";
import { test } from "../_test.ts";
import { withFolder } from "./_run.ts";

async function git(folder: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...args],
    clearEnv: true, // inside a hook, it would tell git another repository
    env: { PATH: Deno.env.get("PATH") ?? "" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

test("findFiles() finds what git tracks, and walks where it tracks nothing", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/node_modules`);
    await Deno.mkdir(`${folder}/inner`);
    for (const path of ["a b", "inner/é", "node_modules/c", "gone"]) {
      await Deno.writeTextFile(`${folder}/${path}`, path);
    }
    await Deno.symlink(`${folder}/a b`, `${folder}/link`);
    const found = async () =>
      (await findFiles(folder)).map(({ path }) => path).sort();
    assertEquals(await found(), ["a b", "gone", "inner/é"]);
    await git(folder, "init", "-q");
    assertEquals(await found(), ["a b", "gone", "inner/é"]);
    await git(folder, "add", "inner/é", "node_modules/c", "link", "gone");
    await Deno.remove(`${folder}/gone`);
    assertEquals(await found(), ["inner/é", "node_modules/c"]);
  }));

test("partsOf() reads a file in parts", () =>
  withFolder(async (folder) => {
    const sizes: [size: number, parts: number[]][] = [
      [0, []],
      [1, [1]],
      [PART - 1, [PART - 1]],
      [PART, [PART]],
      [PART + 1, [PART, 1]],
      [2 * PART, [PART, PART]],
    ];
    for (const [size, parts] of sizes) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
      await Deno.writeFile(`${folder}/file`, bytes);
      const read = await Array.fromAsync(partsOf(`${folder}/file`));
      assertEquals(read.map((part) => part.length), parts);
      const joined = new Uint8Array(await new Blob(read as BlobPart[]).bytes());
      assertEquals(joined, bytes);
    }
  }));

test("atOnce() works on several items, and on no more than it may", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await atOnce(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done.push(item);
  });
  assertEquals(most, 3);
  assertEquals(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
});

test("atOnce() begins nothing after a failure", async () => {
  const begun: number[] = [];
  await assertRejects(
    () =>
      atOnce(2, [1, 2, 3, 4, 5], async (item) => {
        begun.push(item);
        await Promise.resolve();
        if (item === 1) throw new Error("no");
        await Promise.resolve();
      }),
    Error,
    "no",
  );
  assertEquals(begun, [1, 2]);
});

test("bytesText() reads well", () => {
  assertEquals(
    [0, 999, 1_000, 1_234_567, 5e9].map(bytesText),
    ["0 B", "999 B", "1.000 kB", "1.235 MB", "5.000 GB"],
  );
});

test("plain() takes the control out of a text", () => {
  assertEquals(plain("a\x1b[2J\r\nb\x9b日"), "a [2J  b 日");
});
