/**
 * The tests of this repository for other runtimes: those that use nothing of
 * Deno, in one file, in which the entry point for Node stands in the place of
 * Deno's.
 *
 * @module
 */

import { build, type Plugin } from "npm:esbuild@^0.25";
import { BUILD } from "../../.ci/npm.ts";
import { run, type Runtime } from "./_project.ts";
import type { Outcome } from "./_runner.ts";

const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** What is imported from elsewhere, by the names that npm has. */
const ALIASES: Readonly<Record<string, string>> = {
  "@std/assert": "deno-std/assert/mod.js",
};

/** What to install beside the package, for the tests. */
export const PACKAGES = [
  "deno-std@1.4.0",
  "fast-check@^4.3.0",
  "ws@^8.18.0",
  "@nats-io/kv@^3.4.0",
  "@nats-io/transport-node@^3.4.0",
];

/** The kinds of tests. */
export const SUITES: Readonly<Record<string, RegExp>> = {
  "over each transport": /^tests\/\w+_test\.ts$/,
  "transports": /^tests\/transports\//,
  "wires": /^tests\/wire\//,
  "servers and clients": /^tests\/(server|client)\//,
};

/** Tests that need Deno, or V8, without naming it. */
const ELSEWHERE =
  /^tests\/_test\.ts$|interrupted_test|\/(hostile|fuzz|simulation|examples|cli|docs|npm|types|listener)\//;

/** Node 20 lacks it, and tests use it. What they test is left as it is. */
const FROM_ASYNC =
  "const fromAsync = async (from) => { const all = []; for await (const one of from) all.push(one); return all; };";

/** Files that use Deno only where it is. */
const GUARDED = /\/(_transports|transports\/_(web|beside))\.ts$/;

/** Programs that tests start, each put into a file of its own. */
const PROGRAMS = ["_child", "_parent", "_thread"]
  .map((name) => `tests/transports/${name}.ts`);

/** A program without its comments. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}

/** All files that a test takes from `tests/` and `bench/`. */
async function ownFiles(path: string, found: Set<string>): Promise<void> {
  if (found.has(path) || path.endsWith("/tests/_test.ts")) return;
  found.add(path);
  const text = codeOf(await Deno.readTextFile(path));
  for (const [, target] of text.matchAll(/(?:from|import) *\(?"(\.[^"]+)"/g)) {
    const url = decodeURIComponent(new URL(target!, `file://${path}`).pathname);
    const isOwn = ["tests/", "bench/"].some((folder) =>
      url.startsWith(ROOT + folder)
    );
    if (isOwn && url.endsWith(".ts")) {
      await ownFiles(url, found);
    }
  }
}

/** The paths, from the root, of the tests that use nothing of Deno. */
export async function portable(): Promise<string[]> {
  const all: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await walk(path);
      else if (name.endsWith("_test.ts") && !ELSEWHERE.test(path)) {
        all.push(path);
      }
    }
  };
  await walk("tests");
  const fit: string[] = [];
  for (const path of all.sort()) {
    const files = new Set<string>();
    await ownFiles(ROOT + path, files);
    const texts = await Promise.all(
      [...files].filter((file) => !GUARDED.test(file)).map(async (file) =>
        codeOf(await Deno.readTextFile(file))
      ),
    );
    if (
      !texts.some((text) =>
        /\bDeno\b|\.ci\/|"npm:|\.json"|new Worker\(/.test(text)
      )
    ) {
      fit.push(path);
    }
  }
  return fit;
}

/** Has tests import what stands for Deno's entry point, and for its tests. */
function elsewhere(): Plugin {
  return {
    name: "elsewhere",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\/mod\.ts$/ }, ({ path, resolveDir, importer }) => {
        const target = new URL(path, `file://${resolveDir}/`).pathname;
        const isTest = importer.startsWith(`${ROOT}tests/`);
        return isTest && target === `${ROOT}mod.ts`
          ? { path: `${ROOT}node/mod.ts` }
          : undefined;
      });
      onResolve({ filter: /\/_test\.ts$/ }, () => ({
        path: `${ROOT}tests/npm/_runner.ts`,
      }));
      onLoad({ filter: /\/tests\/.*\.ts$/ }, async ({ path }) => ({
        loader: "ts",
        contents: FROM_ASYNC + (await Deno.readTextFile(path))
          .replaceAll("import.meta.url", JSON.stringify(`file://${path}`))
          .replaceAll("Array.fromAsync(", "fromAsync("),
      }));
      onLoad({ filter: /\/assert\/equal\.js$/ }, async ({ path }) => ({
        contents: (await Deno.readTextFile(path))
          .replace(/(\S+)\.union\((.*)\);/, "new Set([...$1, ...$2]);")
          // Both are of one size.
          .replace(
            "a.symmetricDifference(b).size === 0",
            "aKeys.every((key) => b.has(key))",
          ),
      }));
    },
  };
}

/** Puts the tests into one file, with a name of its own. */
export async function bundleTests(
  paths: readonly string[],
  folder: string,
): Promise<string> {
  const outfile = `${folder}/tests_${paths.length}.mjs`;
  const runner = `${ROOT}tests/npm/_runner.ts`;
  await build({
    ...BUILD,
    entryPoints: PROGRAMS.map((path) => ROOT + path),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
  });
  await build({
    ...BUILD,
    platform: "node",
    external: ["node:*", "ws", "@nats-io/*"],
    stdin: {
      contents: [
        `import { begin, run } from ${JSON.stringify(runner)};`,
        ...paths.flatMap((path) => [
          `begin(${JSON.stringify(path)});`,
          `await import(${JSON.stringify(ROOT + path)});`,
        ]),
        "await run();",
      ].join("\n"),
      resolveDir: ROOT,
      loader: "ts",
    },
    plugins: [elsewhere()],
    alias: ALIASES,
    nodePaths: [`${folder}/node_modules`],
    outfile,
    sourcemap: true,
  });
  return outfile;
}

/**
 * Tests that are known to fail in a runtime, by the beginnings of their names.
 * JavaScriptCore's stacks do not have who awaits, nor who called last. Bun's TLS
 * ends no direction alone, and takes whatever is written.
 */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "Bun": [
    "what a function throws arrives",
    "Wire reports an abort as an error of its own",
    "KeptConnection puts the caller into the stacks of its errors",
    "a light wire puts the caller into the stacks of its errors",
    "RemoteError carries the remote stack only where it is sent",
    "recordCallSites shows where a call was made, awaited or not",
    "node:tls: the end of one direction leaves the other",
    "node:tls: close() settles what is under way",
    "node:tls: who does not read slows who writes",
  ],
};

/** Whether a test is known to fail in a runtime. */
export function isKnown({ name }: Outcome, runtime: Runtime): boolean {
  return knownIn(runtime).some((known) => name.startsWith(known));
}

function knownIn({ name }: Runtime): readonly string[] {
  return KNOWN[name] ?? [];
}

/** Runs a file of tests in a runtime; what became of each of them. */
export async function outcomesIn(
  runtime: Runtime,
  file: string,
): Promise<Outcome[]> {
  const { name, command } = runtime;
  const known = JSON.stringify(knownIn(runtime));
  const { out, err, code } = await run([...command, file, known]);
  const outcomes = out.split("\n").filter((line) => line.startsWith("@"))
    .map((line) => JSON.parse(line.slice(1)) as Outcome);
  if (code === 0 && outcomes.length > 0) return outcomes;
  const last = outcomes.at(-1)?.name ?? "none";
  throw new Error(`${name} ended with ${code} after the test ${last}: ${err}`);
}
