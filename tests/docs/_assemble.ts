/**
 * Makes a module of a snippet: what the snippet takes for granted, then the
 * snippet as it stands.
 *
 * @module
 */

import type { Block, Page } from "./_pages.ts";

/** Code by the name that it defines. */
export type Definitions = Readonly<Record<string, string>>;

/** What the snippets of a page take for granted. */
export interface PageContext {
  /** Where names come from that are used without an import: specifiers. */
  readonly from?: readonly string[];
  /**
   * Definitions for the whole page. Those that a snippet uses and does not
   * make itself stand in front of it, and so do those that they use.
   */
  readonly page?: Definitions;
  /** Definitions for what stands under a heading; they come first. */
  readonly headings?: Readonly<Record<string, Definitions>>;
  /** Snippets that are checked and not run: a part of the text, and why. */
  readonly notRun?: Readonly<Record<string, string>>;
}

/** Whether a name may stand for itself in a text, and not for a property. */
function mentions(text: string, name: string): boolean {
  if (!/^\w+$/.test(name)) return text.includes(name);
  return new RegExp(`(?:^|[^\\w$.]|\\.\\.\\.)${name}(?![\\w$])`, "m")
    .test(text);
}

/** Whether a text defines a name at its top level. */
function defines(text: string, name: string): boolean {
  if (!/^\w+$/.test(name)) return false;
  const kind =
    "(?:const|let|using|(?:async )?function\\*?|class|interface|type)";
  const named = new RegExp(`^(?:export |await )*${kind} ${name}\\b`, "m");
  const patterns = [
    ...text.matchAll(/^(?:const|let) ([{[][^=]*[\]}]) =/gm),
    ...text.matchAll(/^import ([^;]*?) from /gm),
  ];
  return named.test(text) ||
    patterns.some(([, pattern]) => mentions(pattern!, name));
}

/** A statement and, in the comment behind it, what it gives. */
const RESULT =
  /^( *)(await .+); \/\/ (-?\d+n?|"[^"]*"|\[[^\]]*\])(?:[,:].*)?$/gm;

/**
 * Makes a module of a snippet.
 *
 * @param block The snippet.
 * @param context What it takes for granted.
 * @param exported The names that there are to import, by specifier.
 * @returns The module's text. It checks the results that the snippet's comments
 * tell: `await f(); // 42`.
 */
export function assemble(
  block: Block,
  { from = [], page = {}, headings = {} }: PageContext,
  exported: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  const available = Object.entries({ ...headings[block.heading], ...page })
    .map(([name, code]) =>
      [name, headings[block.heading]?.[name] ?? code] as const
    )
    .filter(([name]) => !defines(block.text, name));
  const needed = new Set<string>();
  let text = block.text;
  for (let before = -1; before < needed.size;) {
    before = needed.size;
    for (const [name, code] of available) {
      if (mentions(text, name)) needed.add(code);
    }
    text = [...needed, block.text].join("\n");
  }
  const lines = [
    `import { deepStrictEqual as same } from "node:assert/strict";`,
  ];
  const imported = new Set<string>();
  for (const specifier of from) {
    for (const name of exported.get(specifier) ?? []) {
      if (imported.has(name) || !mentions(text, name)) continue;
      if (defines(text, name)) continue;
      imported.add(name);
      lines.push(`import { ${name} } from "${specifier}";`);
    }
  }
  for (const [, code] of available) {
    if (needed.delete(code)) lines.push(code);
  }
  lines.push(block.text.replaceAll(RESULT, "$1same($2, $3);"));
  return [...lines, "void same;", "export {};", ""].join("\n");
}

/**
 * The snippets of a page in TypeScript.
 *
 * @param page The page.
 * @returns Its snippets.
 */
export function snippets({ blocks }: Page): Block[] {
  return blocks.filter(({ info }) => /^(ts|typescript|js)\b/.test(info));
}
