/**
 * Programs on a terminal, which Python makes.
 *
 * @module
 */

import { mayTestWith } from "./_programs.ts";

/** Whether there can be a terminal here. */
export const hasTerminal: boolean = Deno.build.os !== "windows" &&
  await mayTestWith("python3", ["-c", "import pty"]);

/** Runs a command on a terminal, and ends as it does. */
const ON_TERMINAL = `
import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))
`;

/** What a program has printed on its terminal, and how it ended. */
export interface Shown {
  readonly code: number;
  readonly text: string;
}

/**
 * Runs a program on a terminal, to its end.
 *
 * @param command The program and its arguments.
 * @param env What differs in its environment.
 * @param typing What to type, each once the terminal shows a text.
 * @returns What the terminal was given.
 */
export async function onTerminal(
  command: string[],
  env: Record<string, string> = {},
  typing: readonly { at: string; text: string }[] = [],
): Promise<Shown> {
  const child = new Deno.Command("python3", {
    args: ["-c", ON_TERMINAL, ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env,
  }).spawn();
  const keys = child.stdin.getWriter();
  let text = "";
  const waiting = [...typing];
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const [next] = waiting;
    if (next === undefined || !text.includes(next.at)) continue;
    waiting.shift();
    await keys.write(new TextEncoder().encode(next.text));
  }
  const { code } = await child.status;
  await keys.close().catch(() => {});
  return { code, text };
}
