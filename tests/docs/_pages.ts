/**
 * The pages of the documentation, and what stands on them.
 *
 * @module
 */

/** The folder of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** A fenced block of code. */
export interface Block {
  /** Its language, and whatever stands behind it. */
  readonly info: string;
  /** What stands in it, without the fences. */
  readonly text: string;
  /** The line of the page on which its text begins, from 1. */
  readonly line: number;
  /** The heading that it stands under. */
  readonly heading: string;
}

/** A link to another place. */
export interface NativeSession {
  /** Where it leads to. */
  readonly target: string;
  /** The line of the page, from 1. */
  readonly line: number;
}

/** A page. */
export interface Page {
  /** Its path in the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly links: readonly NativeSession[];
  /** The anchors of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
}

const FENCE = /^```(.*)$/;
const HEADING = /^#{1,6} (.+)$/;
const LINK = /\]\(([^)\s]+)\)/g;

/** The anchor that GitHub makes of a heading. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

/**
 * Reads a page.
 *
 * @param path Its path in the repository.
 * @param text What stands on it.
 * @returns The page.
 */
export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: NativeSession[] = [];
  const anchors = new Set<string>();
  const lines = text.split("\n");
  let heading = "";
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i]!;
    const info = FENCE.exec(line)?.[1];
    if (info !== undefined) {
      const end = lines.indexOf("```", i + 1);
      if (end < 0) throw new Error(`${path}:${i + 1}: this block has no end`);
      const text = lines.slice(i + 1, end).join("\n");
      blocks.push({ info, text, line: i + 2, heading });
      i = end;
      continue;
    }
    const title = HEADING.exec(line)?.[1];
    if (title !== undefined) {
      heading = title.replaceAll("`", "");
      const name = anchor(heading);
      let unique = name;
      for (let n = 1; anchors.has(unique); n += 1) unique = `${name}-${n}`;
      anchors.add(unique);
    }
    // What stands between backticks is code, not a link.
    for (const [, target] of line.replaceAll(/`[^`]*`/g, "`").matchAll(LINK)) {
      links.push({ target: target!, line: i + 1 });
    }
  }
  return { path, text, blocks, links, anchors };
}

/** Folders with nothing to read in them. */
const PASSED_OVER = new Set(["node_modules", "coverage", "npm"]);

async function* markdown(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.name.startsWith(".") || PASSED_OVER.has(entry.name)) continue;
    if (entry.isDirectory) yield* markdown(`${path}/`);
    else if (entry.name.endsWith(".md")) yield path;
  }
}

/**
 * Reads all pages of the repository.
 *
 * @returns The pages, by path.
 */
export async function readPages(): Promise<Page[]> {
  const pages: Page[] = [];
  for (const path of (await Array.fromAsync(markdown(""))).sort()) {
    pages.push(parsePage(path, await Deno.readTextFile(new URL(path, ROOT))));
  }
  return pages;
}
