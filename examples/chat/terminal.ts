/**
 * Lines in and lines out, for a person at a terminal or for a pipe.
 *
 * @module
 */

import { createInterface } from "node:readline";
import process from "node:process";
import { loaded } from "../_std.ts";

const { TextLineStream } = await loaded(
  import("@std/streams/text-line-stream"),
);

/** Where lines come from and go to. */
export interface Terminal {
  /** The lines that are typed, or come through the pipe; until `close()`. */
  readonly lines: AsyncIterable<string>;
  /** Shows a line; what is being typed stays. */
  show(line: string): void;
  /** Takes no more lines. */
  close(): void;
}

/** This process's standard input and output. */
export function openTerminal(): Terminal {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal()
    ? person()
    : pipe();
}

/** A person may be typing while something has to be shown. */
function person(): Terminal {
  const { stdin: input, stdout: output } = process;
  const editor = createInterface({ input, output, prompt: "> " });
  editor.on("SIGINT", () => editor.close());
  let isOpen = true;
  editor.on("close", () => {
    isOpen = false;
    output.write("\n");
  });
  editor.prompt();
  return {
    lines: linesOf(editor),
    show(line) {
      // Over what is being typed, which the prompt then repeats below.
      output.write(`\r\x1b[K${line}\n`);
      if (isOpen) editor.prompt(true);
    },
    close: () => editor.close(),
  };

  async function* linesOf(lines: AsyncIterable<string>) {
    for await (const line of lines) {
      yield line;
      if (isOpen) editor.prompt();
    }
  }
}

function pipe(): Terminal {
  const closing = new AbortController();
  const { signal } = closing;
  const lines: ReadableStream<string> = Deno.stdin.readable
    .pipeThrough(new TextDecoderStream(), { signal })
    .pipeThrough(new TextLineStream());
  return {
    lines: untilAborted(lines, signal),
    show: (line) => console.log(line),
    close: () => closing.abort(),
  };
}

async function* untilAborted(lines: AsyncIterable<string>, end: AbortSignal) {
  try {
    yield* lines;
  } catch (error) {
    if (!end.aborted) throw error;
  }
}
