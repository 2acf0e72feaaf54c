/**
 * Fuzzes what a listener reads: lines, the first one of them, the type-ahead
 * behind them, the answers of a session's process, and TypeScript.
 *
 * @module
 */

import { WireError } from "../../wire/base/errors.ts";
import { LineBuffer } from "../../wire/lines/line_stream.ts";
import { LineStream } from "../../wire/lines/line_stream.ts";
import type { Transport } from "../../wire/transport/transport.ts";
import { AnswerSplitter } from "../../server/listener/answers.ts";
import { withoutModuleSyntax } from "../../server/listener/inside/modules.ts";
import { tokenize } from "../../server/listener/inside/tokens.ts";
import {
  looksLikeHttp,
  parseName,
} from "../../server/listener/introduction.ts";
import { TypeAhead } from "../../server/listener/type_ahead.ts";
import { LINE_WORDS } from "./_lines_words.ts";
import { mutateHead } from "./_mutate.ts";
import { mutateText } from "./_mutate_text.ts";
import {
  about,
  type Bytes,
  checkHeld,
  chunks,
  Fault,
  inRoom,
  kindOf,
  type Target,
} from "./_target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A connection that brings chunks, and then ends. */
function bringing(parts: Iterator<Bytes>): Transport {
  return {
    address: { transport: "memory" },
    read() {
      const { value, done } = parts.next();
      return Promise.resolve(done === true ? null : value);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

/** The lines of a text, as plain reading finds them. */
function plainLines(bytes: Bytes): Bytes[] {
  const lines: Bytes[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    const hasReturn = newline > at && bytes[newline - 1] === 13;
    lines.push(bytes.slice(at, hasReturn ? end - 1 : end));
    at = end + 1;
  }
  return lines;
}

/** `LineBuffer` gives the lines that plain reading finds. */
function buffered(bytes: Bytes, cut: number): string {
  const expected = plainLines(bytes);
  const buffer = new LineBuffer();
  let count = 0;
  const take = (line: Uint8Array) => {
    const want = expected[count++];
    if (want !== undefined && want.join() === line.join()) return;
    throw new Fault(`line ${count} is ${line}, not ${want}`);
  };
  for (const chunk of chunks(bytes, cut || 1)) {
    buffer.append(chunk);
    for (let line; (line = buffer.takeLine()) !== undefined;) take(line);
  }
  if (buffer.length > 0) take(buffer.takeRest());
  if (count !== expected.length) throw new Fault(`${count} lines came`);
  return `${about(count)} lines`;
}

/** The name in a first line is one that can be printed. */
function introduced(text: string): string {
  const [line = ""] = text.split("\n", 1);
  const name = parseName(line);
  const isRequest = looksLikeHttp(line.trim());
  if (name === undefined) return isRequest ? "a request" : "no name";
  const isFit = !isRequest && name.isWellFormed() && name.length <= 64 &&
    name.trim() !== "" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);
  if (!isFit) throw new Fault(`${JSON.stringify(name)} is no name`);
  return "a name";
}

/** Answers are found the same however they are cut, and nothing is lost. */
function split(bytes: Bytes, cut: number): string {
  const found = (cut: number) => {
    const splitter = new AnswerSplitter();
    let text = "";
    const show = (piece: Uint8Array | string) =>
      text += typeof piece === "string" ? ` [${piece}]` : piece.toHex();
    for (const chunk of chunks(bytes, cut)) splitter.take(chunk).forEach(show);
    show(splitter.finish());
    return text;
  };
  const [whole, inParts] = [found(0), found(cut || 1)];
  if (whole !== inParts) throw new Fault(`${inParts} came, not ${whole}`);
  return `${about(whole.split("[").length - 1)} answers`;
}

/** Tokens stand one behind the other, and what they become is no larger. */
function source(text: string): string {
  const { tokens, isOpen, stray } = tokenize(text);
  let at = 0;
  for (const { start, end, text: token } of tokens) {
    if (start < at || end <= start || text.slice(start, end) !== token) {
      throw new Fault(`a token stands at ${start} to ${end}, behind ${at}`);
    }
    at = end;
  }
  checkHeld(withoutModuleSyntax(text).length, text.length, "a module's text");
  return `${about(tokens.length)} ${isOpen} ${stray}`;
}

/** `LineStream` and `TypeAhead` give those lines, or say which is bad. */
async function streamed(
  bytes: Bytes,
  cut: number,
  isAhead: boolean,
): Promise<string> {
  const longest = isAhead ? 100 : 40;
  const parts = chunks(bytes, cut)[Symbol.iterator]();
  const stream = new LineStream(bringing(parts), { maxLineLength: longest });
  const came: string[] = [];
  let error: unknown;
  if (isAhead) {
    const limits = { line: longest, ahead: 80 };
    const input = new TypeAhead(stream, limits, (line) => line === ":drop");
    for (await input.ready(); input.hasLines; await input.ready()) {
      came.push(input.shift()!);
    }
    ({ error } = await input.ended);
  } else {
    try {
      for await (const line of stream) came.push(line);
    } catch (caught) {
      error = caught;
    }
  }
  stream.abort();
  checkLines(bytes, longest, came, error, isAhead);
  return `${about(came.length)} ${error && kindOf(error as WireError)}`;
}

function checkLines(
  bytes: Bytes,
  longest: number,
  came: readonly string[],
  error: unknown,
  isAhead: boolean,
): void {
  const expected: string[] = [];
  let bad: string | undefined;
  for (const line of plainLines(bytes)) {
    if (line.length > longest) bad = "limit";
    else {
      try {
        const text = strict.decode(line);
        if (!isAhead || text !== ":drop") expected.push(text);
        continue;
      } catch {
        bad = "malformed";
      }
    }
    break;
  }
  const isFit = error === undefined
    ? bad === undefined
    : error instanceof WireError && error.code === bad;
  if (isFit && came.join("\n") === expected.join("\n")) return;
  throw new Fault(`${came.length} lines came, then ${error}, not ${bad}`);
}

/** The first byte chooses who reads the text; the second how it is cut. */
export const lines: Target = {
  name: "lines",

  mutate(input, random, other) {
    if (random.chance(0.1)) return mutateHead(input, random, 2);
    return mutateText(input, random, other, 2, LINE_WORDS);
  },

  run(input, isCounted) {
    const [mode = 0, cut = 0] = input;
    const bytes = input.slice(2);
    const text = decoder.decode(bytes);
    const how = mode & 7;
    if (how === 1 || how === 2) return streamed(bytes, cut, how === 2);
    return inRoom(bytes.length, isCounted, () => {
      if (how === 3) return buffered(bytes, cut);
      if (how === 4) return introduced(text);
      if (how === 5) return split(encoder.encode(text), cut);
      return source(text);
    });
  },
};
