import { assertEquals } from "@std/assert";
import { AnswerSplitter } from "../../../server/listener/answers.ts";
import { test } from "../../_test.ts";

/** What chunks are split into: answers in brackets. */
function split(chunks: Uint8Array[]): string {
  const splitter = new AnswerSplitter();
  const decoder = new TextDecoder();
  let result = "";
  for (const chunk of chunks) {
    for (const piece of splitter.take(chunk)) {
      result += typeof piece === "string"
        ? `[${piece}]`
        : decoder.decode(piece, { stream: true });
    }
    chunk.fill(0);
  }
  return result + decoder.decode(splitter.finish());
}

const TEXTS: [string, string][] = [
  ["hello\n\x1edone\nworld", "hello\n[done]world"],
  ["\x1emore\n\x1epong\n", "[more][pong]"],
  ["no newline\x1edone\n", "no newline[done]"],
  ["\x1eelse\n\x1edone\n", "\x1eelse\n[done]"],
  ["\x1e\x1edone\n\x1e", "\x1e[done]\x1e"],
  ["\x1edone", "\x1edone"],
  ["\x1eDONE\n\x1e\n", "\x1eDONE\n\x1e\n"],
  ["Ä€😀\x1edone\nÄ", "Ä€😀[done]Ä"],
];

for (const [text, expected] of TEXTS) {
  test(`AnswerSplitter takes ${JSON.stringify(text)} apart, however it comes`, () => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(split([bytes.slice()]), expected);
    assertEquals(
      split([...bytes].map((byte) => Uint8Array.of(byte))),
      expected,
    );
    for (let at = 1; at < bytes.length; at++) {
      assertEquals(split([bytes.slice(0, at), bytes.slice(at)]), expected);
    }
  });
}
