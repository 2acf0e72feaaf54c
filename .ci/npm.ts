/**
 * Builds the npm package: for each entry point of the core a file of
 * JavaScript, with its source map, and its types.
 *
 *     deno task npm            builds it into npm/, packs it, prints sizes
 *     deno task npm FOLDER     the same in another folder
 */

import * as esbuild from "npm:esbuild@^0.25";
import ts from "npm:typescript@^5.9";
import config from "../deno.json" with { type: "json" };

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);
/** What is left out: the command line needs Deno. */
const LEFT_OUT = ["./cli"];
/** The oldest Node that runs it: it has `process.getBuiltinModule()`. */
const NODE = "20.16";

/** What every build of the sources for Node and browsers has to be told. */
export const BUILD: esbuild.BuildOptions = {
  bundle: true,
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  target: ["es2022", `node${NODE}`],
  // What these lack is compiled, or comes from a file.
  inject: [`${ROOT}.ci/_later_builtins.ts`],
  define: { "Promise.withResolvers": "withResolvers" },
  logLevel: "warning",
};

/** How large a program is that imports something of an entry point. */
export interface Size {
  /** What it imports, as in `wire { makeWire }`. */
  readonly what: string;
  /** Bytes, minified, of all that is loaded at first. */
  readonly minified: number;
  /** The same after gzip, file by file. */
  readonly gzip: number;
}

/** The entry points, by the names of their files. */
function entries(): Map<string, string> {
  return new Map(
    Object.entries(config.exports)
      .filter(([entry]) => !LEFT_OUT.includes(entry))
      .map(([entry, path]) => [entry.replace(/^\.\/?/, "") || "index", path]),
  );
}

/** Builds the package in a folder. */
export async function buildPackage(out: string): Promise<void> {
  await Deno.remove(out, { recursive: true }).catch(() => {});
  await Deno.mkdir(out, { recursive: true });
  await esbuild.build({
    ...BUILD,
    entryPoints: [...entries()].map(([name, path]) => ({
      in: ROOT + path.slice(2),
      out: name,
    })),
    outdir: out,
    splitting: true,
    chunkNames: "parts/[name]-[hash]",
    sourcemap: true,
  });
  writeTypes(out);
  await Deno.copyFile(`${ROOT}.ci/npm_readme.md`, `${out}/README.md`);
  await Deno.copyFile(`${ROOT}LICENSE`, `${out}/LICENSE`);
  // The package has no documents that a link could lead to.
  const changes = await Deno.readTextFile(`${ROOT}CHANGELOG.md`);
  await Deno.writeTextFile(
    `${out}/CHANGELOG.md`,
    changes.replaceAll(/\[([^\]]+)\]\((?!https:)[^)]+\)/g, "$1"),
  );
  await Deno.writeTextFile(
    `${out}/package.json`,
    `${JSON.stringify(manifest(), null, 2)}\n`,
  );
}

/** The types of the sources, file by file, without a check. */
function writeTypes(out: string): void {
  const { errors, options } = ts.convertCompilerOptionsFromJson({
    ...config.compilerOptions,
    declaration: true,
    emitDeclarationOnly: true,
    noCheck: true,
    rewriteRelativeImportExtensions: true,
    stripInternal: true,
    module: "nodenext",
    target: "esnext",
    types: [],
    rootDir: ROOT,
    outDir: `${out}/types`,
  }, ROOT);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const paths = [...entries().values()].map((path) => ROOT + path.slice(2));
  const { emitSkipped } = ts.createProgram(paths, options).emit();
  if (emitSkipped) throw new Error("The types were not written.");
}

/** The package's description of itself. */
function manifest(): object {
  const exports = [...entries()].map(([name, path]) => [
    name === "index" ? "." : `./${name}`,
    {
      types: `./types/${path.slice(2).replace(/ts$/, "d.ts")}`,
      default: `./${name}.js`,
    },
  ]);
  return {
    name: config.name,
    version: config.version,
    description:
      "Two processes, one connection, and each calls the other's functions.",
    license: config.license,
    type: "module",
    sideEffects: false,
    engines: { node: `>=${NODE}` },
    exports: {
      ...Object.fromEntries(exports),
      "./package.json": "./package.json",
    },
  };
}

/** What programs load at first that import something of a built package. */
export async function sizes(folder: string): Promise<Size[]> {
  const found: Size[] = [];
  for (
    const [entry, names] of [
      ["node", "connectToRemoteServer"],
      ["node", "createRequestServer"],
      ["node", "openTcpStream"],
      ["wire", "makeWire"],
      ["websocket", "connectWebSocket"],
      ["light", "connectLight"],
      ["lines", "LineStream"],
      ["codec", "encodeValue"],
    ] as const
  ) {
    const { outputFiles, metafile } = await esbuild.build({
      ...BUILD,
      inject: [],
      stdin: {
        contents: `export { ${names} } from "./${entry}.js";`,
        resolveDir: folder,
      },
      splitting: true,
      minify: true,
      write: false,
      metafile: true,
      outdir: folder,
      logLevel: "error",
    });
    const first = firstLoad(metafile!.outputs);
    const parts = outputFiles!.filter(({ path }) =>
      first.some((name) => path.endsWith(name.replace(/^.*\//, "/")))
    );
    const all = await Promise.all(
      parts.map(async ({ contents }) => [
        contents.length,
        await gzipped(contents),
      ]),
    );
    const [minified = 0, gzip = 0] = all.reduce(([a = 0, b = 0], of) => [
      a + of[0]!,
      b + of[1]!,
    ], []);
    found.push({ what: `${entry} { ${names} }`, minified, gzip });
  }
  return found;
}

/**
 * The files that are loaded at once: the first, and what it imports. What is
 * loaded later by `import()` is an entry point as well.
 */
function firstLoad(outputs: esbuild.Metafile["outputs"]): string[] {
  const [entry] = Object.entries(outputs)
    .find(([, { entryPoint }]) => entryPoint === "<stdin>")!;
  const found = [entry];
  for (const name of found) {
    for (const { path, kind } of outputs[name]!.imports) {
      if (
        kind === "import-statement" && path in outputs && !found.includes(path)
      ) {
        found.push(path);
      }
    }
  }
  return found;
}

async function gzipped(bytes: Uint8Array): Promise<number> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

/** Packs a built package; returns the path of the tarball. */
export async function pack(folder: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("npm", {
    args: ["pack", "--json"],
    cwd: folder,
  }).output();
  const text = new TextDecoder().decode(success ? stdout : stderr);
  if (!success) throw new Error(text);
  const [{ filename }] = JSON.parse(text) as { filename: string }[] as [
    { filename: string },
  ];
  return `${folder}/${filename}`;
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? `${ROOT}npm`;
  await buildPackage(folder);
  console.log(await pack(folder));
  console.table(Object.fromEntries(
    (await sizes(folder)).map(({ what, ...size }) => [what, size]),
  ));
  await esbuild.stop();
}
