/** What `docs/protocol.md` says, held against the code. */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LIMITS, limitRange } from "../../wire/base/limits.ts";
import { HELLO_LIMITS, KIND } from "../../wire/codec/messages.ts";
import { fromHex, toHex, VECTORS } from "../_vectors.ts";
import { test } from "../_test.ts";
import { concat } from "./_codec.ts";
import { framesOf, playSession, type Write } from "./_session.ts";

const PAGE = Deno.readTextFileSync(
  new URL("../../docs/protocol.md", import.meta.url),
);

/** The part of the page under a heading. */
function section(heading: string): string {
  const [, text] = PAGE.split(`\n## ${heading}\n`);
  assert(text !== undefined, `The page has no "${heading}".`);
  return text!.split("\n## ")[0]!;
}

/** The cells of a section's table rows, without what formats them. */
function rows(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("| "))
    .map((line) =>
      line.split("|").slice(1, -1).map((cell) =>
        cell.replaceAll("`", "").trim()
      )
    );
}

/** The session on the page: `C` or `S`, bytes, two spaces, and words. */
function sessionOnPage(): Write[] {
  const [, block] = section("A whole session").split("```text\n");
  return block!.split("```")[0]!.split("\n\n").map((paragraph) => {
    const lines = paragraph.split("\n").filter((line) => line !== "");
    const hex = lines.map((line) => line.slice(2).split("  ")[0]);
    const side = lines[0]!.startsWith("C") ? "client" : "server";
    return { side, bytes: fromHex(hex.join(" ")) };
  });
}

function texts(writes: readonly Write[]): string[] {
  return writes.map(({ side, bytes }) => `${side} ${toHex(bytes)}`);
}

test("playSession() writes what the page says", async () => {
  assertEquals(texts(await playSession()), texts(sessionOnPage()));
});

test("playSession() writes what the golden vector has", async () => {
  const writes = await playSession();
  for (const side of ["client", "server"] as const) {
    const bytes = concat(
      writes.filter((write) => write.side === side).map(({ bytes }) => bytes),
    );
    assertEquals(
      framesOf(bytes).map(toHex),
      VECTORS.session[side].map((frame) => toHex(fromHex(frame))),
    );
  }
});

test("the parts of the vectors' messages are those that the page names", () => {
  const [, table] = section("Golden vectors").split(
    "\nA message is an object ",
  );
  const named = new Set(
    [...table!.matchAll(/`([A-Za-z]+)`/g)].map(([_, name]) => name!),
  );
  const parts = VECTORS.streams.flatMap(({ messages }) => messages)
    .flatMap((message) => Object.entries(message as Record<string, unknown>))
    .flatMap(([part, value]) =>
      part === "target" ? [part, ...Object.keys(value as object)] : [part]
    );
  assert(parts.length > 100);
  assertEquals([...new Set(parts)].filter((part) => !named.has(part)), []);
});

test("KIND is the table of the page", () => {
  const codes = rows(section("Kinds")).slice(2)
    .map(([code, kind]) => [kind!, parseInt(code!, 16)] as const);
  assertEquals(codes, Object.entries(KIND));
});

test("DEFAULT_LIMITS of a hello are the table of the page", () => {
  const number = (text: string) =>
    text.startsWith("2^")
      ? 2 ** Number(text.slice(2, 4)) - (text.includes("−") ? 1 : 0)
      : Number(text.replaceAll(",", ""));
  const limits = rows(section("Handshake"))
    .filter(([index]) => Number(index) > 0)
    .map(([_, name, preset, least, most]) => [
      name,
      number(preset!),
      number(least!),
      number(most!),
    ]);
  assertEquals(
    limits,
    HELLO_LIMITS.map((name) => [
      name,
      DEFAULT_LIMITS[name],
      ...Object.values(limitRange(name)),
    ]),
  );
});
