/**
 * Arguments of calls as words of the command line.
 *
 * @module
 */

import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toBytes } from "@std/streams/to-bytes";
import { toText } from "@std/streams/to-text";
import { type CommandLine, UsageError } from "./_command_line.ts";
import { FormError, fromJson } from "./_json.ts";
import { bytesText } from "./_text.ts";

/** What a usage says of arguments. */
export const ARGUMENTS_USAGE =
  `An ARG is JSON where it reads as JSON: 40, true, null, '{"x": 1}', '[1, 2]'.
Any other is a text, such as hello, unless it begins like JSON, with { [ " - or
a digit: that is refused as a mistake. @FILE is what a file holds, and - what
the standard input holds; both are read in the same way. To send a text that
looks like one of these, write a JSON string, such as '"40"', '"-v"', '"@home"';
or with --text every ARG is a text as it stands, as is what @FILE and - hold.
JSON may have the forms that --json prints, such as {"$Date": "2026-01-01"} or
{"$BigInt": "1"}; {"$Object": {"$Date": 1}} is the object {"$Date": 1}. A whole
number beyond 9007199254740991 either way is a bigint; 1e16 is a number.`;

/** How JSON begins, but for `true`, `false` and `null`. */
const LIKE_JSON = /^\s*[{["\d-]/;
/** So much is read of a file, or of the standard input. */
const MOST = 256 * 1024 * 1024;

/**
 * Takes the arguments, which are all words that are left.
 *
 * @param line The command line.
 * @param name The function's name, for messages.
 * @returns The arguments.
 * @throws {UsageError} For one that makes no sense.
 */
export async function argumentsOf(
  line: CommandLine,
  name: string,
): Promise<unknown[]> {
  const isText = line.has("text");
  const args: unknown[] = [];
  let input: string | undefined;
  for (const [index, word] of line.remainder().entries()) {
    const which = `Argument ${index + 1} of ${name}`;
    let [text, from] = [word, ""];
    if (word === "-") {
      if (input !== undefined) {
        throw new UsageError(`${which} is a second -: there is one input.`);
      }
      [text, from] = [await readInput(which), "the standard input"];
      input = text;
    } else if (/^@./.test(word)) {
      from = word.slice(1);
      text = await readFile(from, which);
    }
    args.push(isText ? text : argument(text, which, from));
  }
  return args;
}

/**
 * An argument: JSON where it is JSON, and a text elsewhere.
 *
 * @param text The argument.
 * @param which Which it is, for the message.
 * @param from What holds it; empty where the word does.
 * @throws {UsageError} For a text that begins like JSON: mostly a mistake.
 */
function argument(text: string, which: string, from: string): unknown {
  try {
    return fromJson(text);
  } catch (error) {
    if (error instanceof FormError) {
      throw new UsageError(
        `${which}: ${error.message}. If it is an object, write {"$Object": {…}} around what it has.`,
      );
    }
    if (!LIKE_JSON.test(text)) return text;
    if (from === "" && text.startsWith("--")) {
      throw new UsageError(
        `${which} looks like an option: ${text}. Options stand before the function's name. If it is a text, write ${
          inShell(JSON.stringify(text))
        }.`,
      );
    }
    const { message } = error as Error;
    throw new UsageError(
      from === ""
        ? `${which} begins like JSON, and is not JSON: ${text} (${message}). If it is a text, write ${
          inShell(JSON.stringify(text))
        }.`
        : `${which} is what ${from} holds. That begins like JSON, and is not JSON (${message}). If it is a text, give --text.`,
    );
  }
}

async function readFile(path: string, which: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const file = await Deno.open(path);
    bytes = await toBytes(limited(file.readable));
  } catch (error) {
    throw new UsageError(
      `${which}: ${path} cannot be read: ${reasonOf(error)}. If ${
        JSON.stringify(`@${path}`)
      } is a text, write ${inShell(JSON.stringify(`@${path}`))}.`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${which}: ${path} is no text in UTF-8.`);
  }
}

/**
 * Reads the standard input.
 *
 * @param which What it is for, for the message.
 */
export async function readInput(which: string): Promise<string> {
  try {
    return await toText(limited(Deno.stdin.readable));
  } catch (error) {
    throw new UsageError(
      `${which}: the standard input cannot be read: ${reasonOf(error)}.`,
    );
  }
}

/** A stream that fails where it has more than is read. */
function limited(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const limit = new LimitedBytesTransformStream(MOST, { error: true });
  return stream.pipeThrough(limit);
}

/** Why something cannot be read. */
function reasonOf(error: unknown): string {
  if (error instanceof RangeError) {
    return `it has more than ${bytesText(MOST)}, and no more is read`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** A text as a shell takes it for one word. */
function inShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
