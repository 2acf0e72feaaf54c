/**
 * The words of the project: comments, messages, names of tests and documents
 * say what a thing does in the words of the field.
 */

import { assertEquals } from "@std/assert";
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url);

/** Where words are looked at. */
const PLACES = [
  ...["wire", "host", "node", "server", "client", "transports", "cli"],
  ...["tests", "bench", "examples", ".ci"],
  ...["docs", "mod.ts", "cli.ts"],
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"],
];

/** Words that only this project would understand, and those to use. */
const PRIVATE: readonly (readonly [RegExp, string])[] = [
  [/\bgather(s|ed|ing)?\b/i, "collect, string section"],
  [/\bturnstiles?\b/i, "send queue"],
  [
    /\b(give|gives|given|giving|gave) ((it|them|each|everything|an? \w+) )?back\b/i,
    "release, dispose, free",
  ],
  [/\b(take|takes|took|taking) leave\b/i, "close gracefully, drain"],
  [/\bfarewells?\b/i, "drain, graceful close"],
  [/\bfor nobody\b/i, "discarded, abandoned"],
  [/\b(bury|buries|buried)\b/i, "mark as closed"],
  [/\b(misfits?|manieth)\b/i, "mismatch, number"],
  [/\bexcuse[sd]?\b/i, "suppress"],
  [/\b(come|comes|came|coming) home\b/i, "return to its owner"],
  [/\b(makers?|takers?)\b/i, "decoder, encoder, reader"],
  [/\bto the ground\b/i, "at every depth"],
  [
    /\b(about to|wait to) leave\b(?! (it|them|the|a|an|no|room|out)\b)/i,
    "be sent",
  ],
  [/\bleaves? (at once|by itself|in one write)\b/i, "is sent"],
  [/\b(had|has|have) left (whole|or|without)\b/i, "was sent"],
  [/\balong\b/i, "with; attachments"],
  [/\bmanners?\b/i, "way, mode"],
  [/\bpass(es|ed|ing)? over\b/i, "skip, ignore, send over"],
  [/\bthe marks (are|say|about)\b/i, "targets"],
];

/** Comments, and then strings, of a program. */
const PROSE =
  /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

/** What is for people to read in a file; lines stay where they are. */
function proseOf(path: string, text: string): string {
  if (path.endsWith(".md")) return text;
  let prose = "";
  let end = 0;
  for (const { 0: part, index } of text.matchAll(PROSE)) {
    prose += text.slice(end, index).replaceAll(/[^\n]+/g, " ") + part;
    end = index + part.length;
  }
  return prose;
}

async function* filesIn(path: string): AsyncIterable<string> {
  const url = new URL(path, ROOT);
  if ((await Deno.stat(url)).isFile) {
    if (/\.(ts|md)$/.test(path)) yield path;
    return;
  }
  for await (const { name } of Deno.readDir(url)) {
    if (name !== "node_modules") yield* filesIn(`${path}/${name}`);
  }
}

/** Places in a text that have a private word. */
function found(path: string, text: string): string[] {
  const lines = proseOf(path, text).split("\n");
  return lines.flatMap((line, index) =>
    PRIVATE.flatMap(([word, instead]) => {
      const [match] = line.match(word) ?? [];
      return match === undefined ? [] : [
        `${path}:${index + 1}: "${match}"; say: ${instead}`,
      ];
    })
  );
}

test("found() finds private words in comments, strings and documents", () => {
  const text = [
    "const gathered = 1; // what is gathered",
    "/** Given\n * back. */",
    'fail("it is given back");',
  ].join("\n");
  assertEquals(found("a.ts", text).length, 2);
  assertEquals(found("a.md", "The peer takes leave.").length, 1);
  assertEquals(found("a.ts", "takers.push(1); may.leave();"), []);
});

test("no comment, message or document has a private word", async () => {
  const places: string[] = [];
  let files = 0;
  for (const place of PLACES) {
    for await (const path of filesIn(place)) {
      files++;
      if (path === "tests/words_test.ts") continue;
      places.push(
        ...found(path, await Deno.readTextFile(new URL(path, ROOT))),
      );
    }
  }
  assertEquals(places, []);
  assertEquals(files > 400, true);
});
