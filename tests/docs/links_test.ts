/**
 * Links in the documentation lead somewhere.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { type Page, parsePage, readPages, ROOT } from "./_pages.ts";

/** What is wrong with the links of pages: a line for each. */
async function deadLinks(pages: Page[]): Promise<string[]> {
  const byUrl = new Map(pages.map((page) => [url(page), page]));
  const dead: string[] = [];
  for (const page of pages) {
    for (const { target, line } of page.links) {
      // What is elsewhere cannot be looked at here.
      if (/^[a-z]+:/.test(target)) continue;
      const place = new URL(target, url(page));
      const anchor = decodeURIComponent(place.hash.slice(1));
      place.hash = "";
      if (!await exists(place)) {
        dead.push(`${page.path}:${line}: there is no ${target}`);
      } else if (
        anchor !== "" && byUrl.get(place.href)?.anchors.has(anchor) !== true
      ) {
        dead.push(`${page.path}:${line}: there is no heading for ${target}`);
      }
    }
  }
  return dead;
}

function url(page: Page): string {
  return new URL(page.path, ROOT).href;
}

async function exists(place: URL): Promise<boolean> {
  try {
    await Deno.stat(place);
    return true;
  } catch {
    return false;
  }
}

test("links in the documentation lead to files and headings that there are", async () => {
  const pages = await readPages();
  assert(pages.some(({ links }) => links.length > 10));
  assertEquals(await deadLinks(pages), []);
});

test("a link to a file or a heading that there is not is found", async () => {
  const text = [
    "# A page, of one's own",
    "[good](calls.md) [good](#a-page-of-ones-own) [elsewhere](https://deno.com)",
    "[no file](cals.md) `[no link](x)`",
    "[no heading](#a-page)",
    "```md",
    "[in code](y)",
    "```",
  ].join("\n");
  assertEquals(await deadLinks([parsePage("docs/calls.md", text)]), [
    "docs/calls.md:3: there is no cals.md",
    "docs/calls.md:4: there is no heading for #a-page",
  ]);
});
