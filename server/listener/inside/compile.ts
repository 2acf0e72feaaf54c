/**
 * From TypeScript to JavaScript, and from what Deno says of a mistake to what
 * its author can use.
 *
 * @module
 */

import { withoutModuleSyntax } from "./modules.ts";

/**
 * Lets Deno itself strip the types: as a module it loads what is wrapped in a
 * function, and a function can be printed.
 *
 * @param text Statements, in TypeScript.
 * @returns The same in JavaScript, each on a line of its own.
 */
export async function stripTypes(text: string): Promise<string> {
  const source = `export async function input() {\n${text}\n}`;
  const type = "application/typescript";
  const url = URL.createObjectURL(new Blob([source], { type }));
  try {
    const { input } = await import(url);
    const printed = String(input);
    return printed.slice(printed.indexOf("{") + 1, printed.lastIndexOf("}"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Makes JavaScript of an input.
 *
 * @param text The input. What may be an object, rather than a block, is one.
 * @returns Its statements.
 */
export async function compile(text: string): Promise<string> {
  if (text.trimStart().startsWith("{")) {
    try {
      return await stripTypes(`(${text}\n)`);
    } catch {
      // It is a block.
    }
  }
  return await stripTypes(withoutModuleSyntax(text));
}

/**
 * Deno's message about a mistake, without what was put around the input.
 *
 * @param error What {@linkcode compile} threw.
 * @returns The message, and the line of the input that it is about.
 */
export function syntaxProblem(error: unknown): { text: string; line: number } {
  const message = error instanceof Error ? error.message : String(error);
  const line = Number(/blob:\S*:(\d+):\d+/.exec(message)?.[1] ?? 0) - 1;
  const text = message
    .replace(/\n\s*at blob:[^\n]*/g, "")
    .replace(/^( *)(\d+) \|/gm, (_, space, n) => `${space}${n - 1} |`);
  return { text, line };
}

/**
 * Takes the frames out of an error's stack that are not the input's.
 *
 * @param error What was thrown.
 */
export function tidyStack(error: unknown): void {
  try {
    if (!(error instanceof Error) || typeof error.stack !== "string") return;
    error.stack = error.stack.split("\n")
      .filter((line) =>
        !/^ {4}at .*(?:blob:|ext:|eval \(<anonymous>\))/.test(line)
      )
      .map((line) => line.replace(/(input-\d+), <anonymous>:\d+:\d+/, "$1"))
      .map((line) => line.replace(/at (?:async )?eval \((.*)\)$/, "at $1"))
      .join("\n");
  } catch {
    // Its stack cannot be read, or changed.
  }
}
