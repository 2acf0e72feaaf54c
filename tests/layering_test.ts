/**
 * The rules of the house, which speak of folders: a new file needs no entry.
 */

import { assert, assertEquals } from "@std/assert";
import { drawRooms } from "../.ci/draw_rooms.ts";
import config from "../deno.json" with { type: "json" };
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url).href;

/**
 * The rooms of `wire/`, from the ground up: each imports from itself and from
 * those in front of it. "wire.ts" stands for `wire.ts` and `exports.ts`.
 */
const ROOMS = [
  "base",
  "codec",
  "types",
  "transport",
  "lines",
  "flow",
  "rpc",
  "once",
  "streams",
  "objects",
  "contract",
  "session",
  "light",
  "cmucl",
  "native",
  "wire.ts",
  "reconnect",
  "broadcast",
  "testing",
];

/** Rooms beside each other: neither knows the other. */
const SIBLINGS: readonly (readonly [string, string])[] = [
  ["cmucl", "native"],
  ["light", "native"],
  ["server", "client"],
  ["transports", "server"],
  ["transports", "client"],
];

/** One module and what it imports, as paths from the root. */
interface Module {
  readonly path: string;
  /** As they are written. */
  readonly specifiers: readonly string[];
  /** Paths of the files of this project; types count as well. */
  readonly imports: readonly string[];
  /** Of these, what is loaded together with it at run time. */
  readonly loads: readonly string[];
}

/** What `deno info --json` tells of a module. */
interface Described {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** All modules that some entry points reach. */
async function reached(...entries: string[]): Promise<Module[]> {
  const found = new Map<string, Module>();
  for (const entry of entries) {
    for (const module of await reachedFrom(entry)) {
      found.set(module.path, module);
    }
  }
  return [...found.values()];
}

/** What was found out of entry points, which stay as they are. */
const known = new Map<string, Promise<Module[]>>();

function reachedFrom(entry: string): Promise<Module[]> {
  const found = known.get(entry) ?? askFrom(entry);
  known.set(entry, found);
  return found;
}

async function askFrom(entry: string): Promise<Module[]> {
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", new URL(entry, ROOT).href],
  }).output();
  assertEquals(code, 0);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: Described[];
  };
  return modules.filter(({ specifier }) => specifier.startsWith(ROOT))
    .map(({ specifier, dependencies = [] }) => {
      const own = (targets: readonly (string | undefined)[]) =>
        targets.filter((target) => target !== undefined)
          .filter((target) => target.startsWith(ROOT))
          .map((target) => target.slice(ROOT.length));
      return {
        path: specifier.slice(ROOT.length),
        specifiers: dependencies.map(({ specifier }) => specifier),
        imports: own(
          dependencies.map(({ code, type }) => (code ?? type)?.specifier),
        ),
        loads: own(
          dependencies.filter(({ isDynamic }) => !isDynamic)
            .map(({ code }) => code?.specifier),
        ),
      };
    });
}

/** The room of a file of `wire/`, or its top-level folder. */
function roomOf(path: string): string {
  const [top = "", second = "", third] = path.split("/");
  if (top !== "wire") return top;
  if (third !== undefined) return second;
  return second === "mod.ts" ? "mod.ts" : "wire.ts";
}

/** The entry points of the core, and of what needs the web platform only. */
const CORE = Object.values(config.exports).filter((path) =>
  path !== "./cli.ts"
);
const WEB = CORE.filter((path) => path.startsWith("./wire/"));

test("the rooms of wire/ import from those below them only", async () => {
  const files = (await reached(...CORE))
    .filter(({ path }) => path.startsWith("wire/"));
  assert(files.length > 40);
  for (const { path, imports } of files) {
    const room = roomOf(path);
    if (room === "mod.ts") continue;
    const height = ROOMS.indexOf(room);
    assert(height >= 0, `${path} is in no room that the list names`);
    for (const target of imports) {
      assert(target.startsWith("wire/"), `${path} imports ${target}`);
      const below = ROOMS.indexOf(roomOf(target));
      assert(
        below >= 0 && below <= height,
        `${path} imports ${target}, which is not below it`,
      );
    }
  }
});

test("rooms beside each other do not know each other", async () => {
  for (const { path, imports } of await reached(...CORE)) {
    for (const [one, other] of SIBLINGS) {
      for (const [from, to] of [[one, other], [other, one]]) {
        const wrong = roomOf(path) === from &&
          imports.find((target) => roomOf(target) === to);
        assert(!wrong, `${path} imports ${wrong}`);
      }
    }
  }
});

test("what a runtime has to have knows nobody who asks for it", async () => {
  for (const { path, imports } of await reached(...CORE)) {
    if (!path.startsWith("host/")) continue;
    const wrong = imports.filter((target) =>
      !/^(host|wire\/(base|transport))\//.test(target)
    );
    assertEquals(wrong, [], path);
  }
});

test("only what exports all loads contracts that no program passes in", async () => {
  const loaders = (await reached(...CORE))
    .filter(({ path }) => roomOf(path) !== "contract")
    .filter(({ loads }) => loads.some((to) => roomOf(to) === "contract"))
    .map(({ path }) => path);
  assertEquals(loaders, ["mod.ts", "node/mod.ts"]);
});

test("no imports run in a circle", async () => {
  const modules = new Map(
    (await reached(...CORE, "cli.ts")).map((file) => [file.path, file]),
  );
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): void => {
    assert(!above.includes(path), [...above, path].join(" → "));
    if (done.has(path)) return;
    for (const target of modules.get(path)?.imports ?? []) {
      visit(target, [...above, path]);
    }
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
});

test("a file with _ in front stays within its folder", async () => {
  for (const { path, imports } of await reached(...CORE, "cli.ts")) {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    for (const target of imports) {
      const [, home = "", name = ""] = /^(.*\/)?([^/]+)$/.exec(target) ?? [];
      // The command line's folder serves the one file that is named after it.
      const isFree = path === "cli.ts" && home === "cli/";
      assert(
        !name.startsWith("_") || home === folder || isFree ||
          folder.startsWith(home),
        `${path} imports ${target}, which is private to ${home}`,
      );
    }
  }
});

test("the core has relative imports only; cli.ts has @std/cli and @std/streams besides", async () => {
  for (const { path, specifiers } of await reached(...CORE, "cli.ts")) {
    for (const specifier of specifiers) {
      const isOwn = /^\.\.?\//.test(specifier) ||
        (specifier.startsWith("node:") && isNodeFile(path)) ||
        (/^cli[./]/.test(path) && /^@std\/(cli|streams)\//.test(specifier));
      assert(isOwn, `${path} imports ${specifier}`);
    }
  }
});

/** Files that use Node's modules say so in their names. */
function isNodeFile(path: string): boolean {
  return /\/node_\w+\.ts$/.test(path);
}

test("wire/ uses the web platform only", async () => {
  const files = await reached(...WEB);
  assert(files.length > 40);
  for (const { path } of files) {
    assert(!isNodeFile(path), `an entry of wire/ reaches ${path}`);
    const source = await Deno.readTextFile(new URL(path, ROOT));
    const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assert(!/\bDeno\b/.test(code), `${path} uses Deno`);
  }
});

test("docs/architecture.md names every room", async () => {
  const page = await Deno.readTextFile(new URL("docs/architecture.md", ROOT));
  for (const room of ROOMS.filter((room) => !room.endsWith(".ts"))) {
    assert(page.includes(`${room}/`), `wire/${room}/`);
  }
});

test("docs/rooms.svg shows the imports as they are", async () => {
  const drawn = await Deno.readTextFile(new URL("docs/rooms.svg", ROOT));
  const command = "deno run -A .ci/draw_rooms.ts";
  assert(drawn === await drawRooms(), `Draw it again: ${command}`);
});
