import { assertEquals, assertRejects } from "@std/assert";
import { MOST_MATCHES, PAGE, PART } from "../../examples/archive/archive.ts";
import { sha256 } from "../../examples/archive/digest.ts";
import { search } from "../../examples/archive/search.ts";
import { Store } from "../../examples/archive/store.ts";
import { test } from "../_test.ts";
import { withFolder } from "./_run.ts";

const NEVER = new AbortController().signal;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A path's contents, entered in one part. */
async function enter(store: Store, path: string, text: string): Promise<void> {
  await store.enter(path, [await store.put(bytes(text))]);
}

test("Store keeps the same bytes once", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const digests = await Promise.all(
      ["a", "b", "a", "a"].map((text) => store.put(bytes(text))),
    );
    assertEquals(digests, ["a", "b", "a", "a"].map((t) => sha256(bytes(t))));
    assertEquals([...Deno.readDirSync(`${folder}/objects`)].length, 2);
    assertEquals(await store.get(digests[1]!), bytes("b"));
    assertEquals(await store.has(sha256(bytes("c"))), false);
  }));

test("Store.enter() tells the digest and the size of the whole", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const parts = [await store.put(bytes("ab")), await store.put(bytes("c"))];
    const entry = { path: "x", digest: sha256(bytes("abc")), size: 3 };
    assertEquals(await store.enter("x", parts), entry);
    assertEquals(store.list(0), [entry]);
    assertEquals(store.parts("x"), parts);
  }));

/** What a peer may send that has no such types. */
// deno-lint-ignore no-explicit-any -- the wrong types are what is tested
const WRONG: [what: string, call: (store: any) => unknown, error: string][] = [
  ["put(text)", (s) => s.put("text"), "TypeError"],
  ["put(array)", (s) => s.put([1, 2]), "TypeError"],
  ["put(2 bytes each)", (s) => s.put(new Uint16Array(1)), "TypeError"],
  ["put(too much)", (s) => s.put(new Uint8Array(PART + 1)), "RangeError"],
  ["get(unknown)", (s) => s.get(sha256(bytes("?"))), "RangeError"],
  ["parts(unknown)", (s) => s.parts("nowhere"), "RangeError"],
  ["enter(unknown)", (s) => s.enter("a", [sha256(bytes("?"))]), "RangeError"],
  ["enter(no path)", (s) => s.enter("", []), "TypeError"],
  ["enter(long path)", (s) => s.enter("a".repeat(1_025), []), "TypeError"],
  ["enter(number)", (s) => s.enter(1, []), "TypeError"],
  ["enter(no parts)", (s) => s.enter("a", "ab"), "TypeError"],
  ["enter(holes)", (s) => s.enter("a", new Array(1)), "TypeError"],
  ["enter(too many)", (s) => s.enter("a", Array(10_001).fill("")), "TypeError"],
  ["list(negative)", (s) => s.list(-1), "TypeError"],
  ["list(fraction)", (s) => s.list(0.5), "TypeError"],
  ["list(text)", (s) => s.list("0"), "TypeError"],
  ["search(number)", (s) => search(s, 1 as never, "", NEVER), "TypeError"],
  ["search(long)", (s) => search(s, "a".repeat(1_001), "", NEVER), "TypeError"],
  ["search(flag g)", (s) => search(s, "a", "g", NEVER), "TypeError"],
  ["search(flags ii)", (s) => search(s, "a", "ii", NEVER), "SyntaxError"],
  ["search(invalid)", (s) => search(s, "(", "", NEVER), "SyntaxError"],
];

for (const [what, call, name] of WRONG) {
  test(`Store refuses ${what}`, () =>
    withFolder(async (folder) => {
      const store = await Store.open(folder);
      const error = await assertRejects(async () => await call(store), Error);
      assertEquals((error as Error).name, name);
      assertEquals(store.files.size, 0);
      assertEquals([...Deno.readDirSync(`${folder}/objects`)], []);
    }));
}

test("Store takes nothing but a digest for the name of an object", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const digest = sha256(bytes("a"));
    const wrong: unknown[] = [
      "",
      "..",
      "../index.jsonl",
      `../objects/${digest}`,
      `${digest}/`,
      `${digest}\n`,
      digest.toUpperCase(),
      digest.slice(1),
      `${digest}0`,
      [digest],
      { toString: () => digest },
      null,
      undefined,
    ];
    for (const name of wrong as string[]) {
      for (const call of [() => store.get(name), () => store.has(name)]) {
        await assertRejects(call, TypeError, "A digest is");
      }
      await assertRejects(() => store.enter("a", [name]), TypeError);
    }
  }));

test("Store takes any path for a key, and opens none", () =>
  withFolder(async (folder) => {
    const store = await Store.open(`${folder}/inner`);
    const paths = ["../up", "/etc/passwd", "__proto__", "\0", "a\nb", "C:\\"];
    for (const path of paths) await enter(store, path, path);
    assertEquals(store.list(0).map(({ path }) => path), paths);
    for (const path of paths) {
      assertEquals(await store.get(store.parts(path)[0]!), bytes(path));
    }
    assertEquals([...Deno.readDirSync(folder)].map((e) => e.name), ["inner"]);
    const again = await Store.open(`${folder}/inner`);
    assertEquals(again.list(0), store.list(0));
  }));

test("Store.open() survives an index that a crash cut off", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    await enter(store, "a", "1");
    await enter(store, "b", "2");
    const file = `${folder}/index.jsonl`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.slice(0, -10));
    const second = await Store.open(folder);
    assertEquals(second.list(0).map(({ path }) => path), ["a"]);
    await enter(second, "c", "3");
    const third = await Store.open(folder);
    assertEquals(third.list(0).map(({ path }) => path), ["a", "c"]);
  }));

test("Store.close() waits for what is being written", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const putting = store.put(bytes("late"));
    const entering = store.enter("late", []);
    const refused = assertRejects(() => store.put(1 as never), TypeError);
    await store.close();
    const written = [...Deno.readDirSync(`${folder}/objects`)];
    assertEquals(written.map(({ name }) => name), [sha256(bytes("late"))]);
    assertEquals(
      Deno.readTextFileSync(`${folder}/index.jsonl`).length > 0,
      true,
    );
    await Promise.all([putting, entering, refused]);
  }));

test("Store.list() goes through the files page by page", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const count = PAGE + 2;
    for (let i = 0; i < count; i++) await store.enter(`${i}`, []);
    await store.enter("1", []); // again: it stays in its place
    assertEquals(store.list(0).length, PAGE);
    assertEquals(store.list(PAGE).map(({ path }) => path), ["500", "501"]);
    assertEquals(store.list(count), []);
  }));

test("search() finds lines by path and number", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    await enter(store, "b", "Alpha\r\nbeta\nalphabet");
    await enter(store, "a", "no\nalpha");
    await enter(store, "binary", "alpha\0");
    assertEquals(await search(store, "^alpha", "i", NEVER), {
      matches: [
        { path: "a", line: 2, text: "alpha" },
        { path: "b", line: 1, text: "Alpha" },
        { path: "b", line: 3, text: "alphabet" },
      ],
      searched: 2,
      skipped: 1,
      complete: true,
    });
  }));

test("search() joins a line and a character that two parts share", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const whole = bytes("one 😀 two");
    const parts = [whole.slice(0, 6), whole.slice(6)];
    await store.enter(
      "a",
      await Promise.all(parts.map((part) => store.put(part))),
    );
    const { matches } = await search(store, "^one 😀 two$", "u", NEVER);
    assertEquals(matches.length, 1);
  }));

test("search() bounds what it returns", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    await enter(store, "many", "x\n".repeat(MOST_MATCHES));
    const all = await search(store, "x", "", NEVER);
    assertEquals([all.matches.length, all.complete], [MOST_MATCHES, true]);
    await enter(store, "more", "x");
    const cut = await search(store, "x", "", NEVER);
    assertEquals([cut.matches.length, cut.complete], [MOST_MATCHES, false]);

    await enter(store, "long", `y${"😀".repeat(500)}`);
    const [match] = (await search(store, "y", "", NEVER)).matches;
    assertEquals(match?.text.length, 200);
    assertEquals(match?.text.isWellFormed(), true);
  }));

test("search() leaves out files that are too large", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    const part = await store.put(new Uint8Array(PART).fill(0x78));
    await store.enter("large", Array(17).fill(part));
    const { searched, skipped } = await search(store, "x", "", NEVER);
    assertEquals([searched, skipped], [0, 1]);
  }));

test("search() ends with its caller's signal", () =>
  withFolder(async (folder) => {
    const store = await Store.open(folder);
    await enter(store, "a", "x");
    const reason = new Error("enough");
    const thrown = await assertRejects(
      () => search(store, "x", "", AbortSignal.abort(reason)),
      Error,
    );
    assertEquals(thrown, reason);
  }));
