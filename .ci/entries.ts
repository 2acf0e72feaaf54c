/**
 * What each entry point loads at run time, as the table of
 * docs/architecture.md says. Imports of types do not count, nor what is
 * imported by `import()` when it is needed.
 *
 *     deno run -A .ci/entries.ts            prints it; --list has the modules
 *     deno run -A .ci/entries.ts --write    corrects the table
 */

import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url).href;

/** What an entry point loads. */
export interface Load {
  /** Its name in deno.json. */
  readonly entry: string;
  /** The paths of the modules. */
  readonly modules: readonly string[];
  /** The size of their text, in KiB. */
  readonly kib: number;
}

interface Described {
  readonly specifier: string;
  readonly size?: number;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** What one module loads, itself included. */
async function loadOf(entry: string, path: string): Promise<Load> {
  const url = new URL(path, ROOT).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", url],
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: Described[];
  };
  const known = new Map(modules.map((each) => [each.specifier, each]));
  const found = new Set<string>();
  let bytes = 0;
  const visit = (specifier: string): void => {
    const module = known.get(specifier);
    if (module === undefined || found.has(specifier)) return;
    // What the runtime has is there anyway.
    if (specifier.startsWith("node:")) return;
    found.add(specifier);
    bytes += module.size ?? 0;
    for (const { code, isDynamic } of module.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) visit(code.specifier);
    }
  };
  visit(url);
  return {
    entry,
    modules: [...found].map((each) => each.replace(ROOT, "")).sort(),
    kib: Math.round(bytes / 1024),
  };
}

/** What each entry point of the core loads. */
export async function loads(): Promise<Load[]> {
  const core = Object.entries(config.exports)
    .filter(([entry]) => entry !== "./cli");
  return await Promise.all(core.map(([entry, path]) => loadOf(entry, path)));
}

/** Puts the figures into the table of docs/architecture.md. */
async function correct(found: readonly Load[]): Promise<void> {
  const page = new URL("docs/architecture.md", ROOT);
  let text = await Deno.readTextFile(page);
  for (const { entry, modules, kib } of found) {
    text = text.replace(
      new RegExp(`(\\| \`${entry}\` .*\\|) *\\d+ *\\| *\\d+ *\\|`),
      (_, row) => `${row} ${modules.length} | ${kib} |`,
    );
  }
  await Deno.writeTextFile(page, text);
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", page.pathname],
  }).output();
}

if (import.meta.main) {
  const found = await loads();
  for (const { entry, modules, kib } of found) {
    console.log(`${entry}: ${modules.length} modules, ${kib} KiB`);
    if (Deno.args.includes("--list")) console.log(modules.join("\n"));
  }
  if (Deno.args.includes("--write")) await correct(found);
}
