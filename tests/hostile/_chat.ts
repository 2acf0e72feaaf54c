/**
 * What a victim does with streams of lines: it gives lines back, and does what
 * some of them say, as programs do.
 *
 * @module
 */

import type { LineStream } from "../../mod.ts";

const LINE = "x".repeat(999);

let held = Promise.withResolvers<void>();

/** Functions that hold still go on. */
export function release(): void {
  held.resolve();
  held = Promise.withResolvers<void>();
}

/** Gives lines back, and does what a line says of which it knows the words. */
export async function chat(stream: LineStream): Promise<void> {
  for await (const line of stream) {
    const [word = "", said = ""] = line.split(" ");
    const deed = DEEDS[word];
    if (deed === undefined) await stream.writeLine(line);
    else if (await deed(stream, said) === "over") return;
  }
}

const DEEDS: Record<
  string,
  (stream: LineStream, said: string) => Promise<unknown>
> = {
  /** Reads nothing. */
  hold: () => held.promise,
  /** Writes so many lines of 1,000 bytes, and waits for no room. */
  print(stream, said) {
    for (let n = 0; n < Number(said); n++) stream.writeLine(LINE);
    return Promise.resolve();
  },
  /** Is over. */
  leave: () => Promise.resolve("over"),
  /** Fails with what was said. */
  fail(_stream, said) {
    throw new RangeError(said);
  },
};
