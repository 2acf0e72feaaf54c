/**
 * Every snippet of TypeScript in the documentation passes the type check and
 * runs, as it stands. `_context.ts` has what they take for granted.
 */

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";
import { assemble, snippets } from "./_assemble.ts";
import { CONTEXT } from "./_context.ts";
import { type Page, readPages, ROOT } from "./_pages.ts";

/** How long the snippets of a page may run, in milliseconds. */
const PATIENCE = 900_000;

/** A module that was made of a snippet. */
interface Module {
  /** The page and the line of the snippet. */
  readonly place: string;
  readonly url: string;
  readonly isRun: boolean;
}

/** The specifiers that users write, and the file that each leads to. */
const ENTRIES = new Map(
  Object.entries(config.exports).flatMap(([path, file]) => {
    const name = config.name + path.slice(1);
    const { href } = new URL(file, ROOT);
    return [[name, href], [`jsr:${name}`, href]];
  }),
);

/** Runs a subcommand of Deno. */
async function deno(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1", LISTENER_CREDENTIAL: "only for the documents" },
    stdin: "null",
    signal: AbortSignal.timeout(PATIENCE),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The names that each entry exports, by the specifiers of the entry. */
async function exportedNames(): Promise<Map<string, Set<string>>> {
  const { stdout, stderr } = await deno(
    ...["doc", "--json", "--no-config", ...new Set(ENTRIES.values())],
  );
  assert(stdout !== "", stderr);
  const { nodes } = JSON.parse(stdout) as {
    nodes: Record<string, { symbols: { name: string }[] }>;
  };
  return new Map([...ENTRIES].map(([specifier, url]) => [
    specifier,
    new Set(nodes[url]?.symbols.map(({ name }) => name)),
  ]));
}

/** Makes the modules of pages in a folder. */
async function makeModules(
  pages: Page[],
  folder: string,
): Promise<Map<Page, Module[]>> {
  const exported = await exportedNames();
  const modules = new Map<Page, Module[]>();
  for (const page of pages) {
    const context = CONTEXT[page.path] ?? {};
    const made: Module[] = [];
    await Deno.mkdir(`${folder}/${page.path}`, { recursive: true });
    for (const block of snippets(page)) {
      // A snippet that begins with the name of a file is that file.
      const name = /^\/\/ (\w+\.ts)$/m.exec(block.text)?.[1];
      const path = `${folder}/${page.path}/${name ?? `${block.line}.ts`}`;
      await Deno.writeTextFile(path, assemble(block, context, exported));
      const isRun = !Object.keys(context.notRun ?? {})
        .some((part) => block.text.includes(part));
      const place = `${page.path}:${block.line}`;
      made.push({ place, url: new URL(`file://${path}`).href, isRun });
    }
    if (made.length > 0) modules.set(page, made);
  }
  return modules;
}

/** The options by which snippets find this module, without JSR. */
async function options(folder: string): Promise<string[]> {
  const path = `${folder}/import_map.json`;
  const imports = Object.fromEntries(ENTRIES);
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  const { pathname } = new URL("deno.json", ROOT);
  return [`--config=${decodeURIComponent(pathname)}`, `--import-map=${path}`];
}

test("snippets of the documentation pass the type check, and run", () =>
  withFolder(async (folder) => {
    const modules = await makeModules(await readPages(), folder);
    const all = [...modules.values()].flat();
    assert(all.length > 20);
    const named = (text: string) =>
      all.reduce((text, { url, place }) => text.replaceAll(url, place), text);
    const flags = await options(folder);
    const checked = await deno(
      ...["check", "--quiet", ...flags, ...all.map(({ url }) => url)],
    );
    assert(checked.code === 0, named(checked.stderr));
    const runner = new URL("_runner.ts", import.meta.url).href;
    const patience = new URL("../_patience.ts", import.meta.url).href;
    await Promise.all([...modules.values()].map(async (page) => {
      const run = page.filter(({ isRun }) => isRun);
      const { stdout, stderr, code } = await deno(
        ...["run", "-A", "--no-check", "--quiet", `--preload=${patience}`],
        ...[...flags, runner, ...run.map(({ url }) => url)],
      );
      const ran = run.filter(({ url }) => stdout.includes(`ran ${url}\n`));
      const failed = run[ran.length];
      assert(
        failed === undefined && stderr === "" && code === 0,
        `${failed?.place ?? page[0]?.place}: ${named(stderr)}`,
      );
    }));
  }));

test("no snippet of the documentation is skipped", async () => {
  const pages = await readPages();
  const passedOver = pages.flatMap((page) =>
    page.blocks.filter(({ info }) => info.includes("ignore"))
      .map(({ line }) => `${page.path}:${line}`)
  );
  assertEquals(passedOver, []);
  // What the table names is there.
  for (
    const [path, { headings = {}, notRun = {} }] of Object.entries(CONTEXT)
  ) {
    const blocks = snippets(pages.find((page) => page.path === path)!);
    for (const heading of Object.keys(headings)) {
      assert(blocks.some((block) => block.heading === heading), heading);
    }
    for (const part of Object.keys(notRun)) {
      assert(blocks.some(({ text }) => text.includes(part)), part);
    }
  }
});
