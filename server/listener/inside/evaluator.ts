/**
 * What a session's Worker does: it evaluates inputs, prints their values, and
 * keeps their variables.
 *
 * @module
 */

import { withoutModuleSyntax } from "./modules.ts";
import { toScript } from "./script.ts";
import { tokenize } from "./tokens.ts";

/** What comes from the server. */
export type Request =
  | { readonly line: string }
  | { readonly cancel: true }
  | { readonly ping: true };

/** What goes to the server: an input is evaluated, or not whole yet. */
export type Answer = "done" | "more" | "pong";

/** The scope of a Worker, as far as it is needed here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(message: string): void;
  close(): void;
  addEventListener(
    type: "error" | "unhandledrejection",
    listener: (event: Event & { error?: unknown; reason?: unknown }) => void,
  ): void;
}

/**
 * Sets a Worker up to evaluate.
 *
 * @param longest The longest input of several lines, in characters.
 */
export function evaluator(longest: number): void {
  const scope = globalThis as unknown as WorkerScope & Record<string, unknown>;
  const { log } = console;
  const { inspect } = Deno;
  const stdout = Deno.stdout;
  const runScript = eval;
  const encoder = new TextEncoder();
  let pending = "";
  let count = 0;

  class Values {
    constructor(readonly items: readonly unknown[]) {}
  }
  const show = (value: unknown): void =>
    log(inspect(value, { depth: 6, colors: false, strAbbreviateSize: 1e5 }));
  /** Frames of the listener itself, and places in Deno, tell little. */
  const tidy = (error: unknown): void => {
    if (!(error instanceof Error) || typeof error.stack !== "string") return;
    error.stack = error.stack.split("\n")
      .filter((line) =>
        !/^ {4}at .*(?:blob:|ext:|eval \(<anonymous>\))/.test(line)
      )
      .map((line) => line.replace(/(input-\d+), <anonymous>:\d+:\d+/, "$1"))
      .map((line) => line.replace(/at (?:async )?eval \((.*)\)$/, "at $1"))
      .join("\n");
  };
  const complain = (error: unknown, where = ""): void => {
    try {
      tidy(error);
    } catch {
      // Its stack cannot be changed.
    }
    log(`Uncaught${where} ${inspect(error, { colors: false })}`);
  };
  const answer = (word: Answer): void => {
    let bytes = encoder.encode(`\x1e${word}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(stdout.writeSync(bytes));
  };
  const remember = (value: unknown): void => {
    if (value === undefined) return;
    scope.__ = scope._;
    scope._ = value;
  };
  const declare = (names: string[]): void => {
    for (const name of names) {
      if (!(name in scope)) continue;
      const own = Object.getOwnPropertyDescriptor(scope, name);
      if (own?.writable || own?.configurable === false) continue;
      // An accessor, or something that cannot be assigned: it is replaced.
      Object.defineProperty(scope, name, {
        value: undefined,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  };

  /** Lets Deno itself strip the types. */
  const compile = async (text: string): Promise<string> => {
    const source = `export async function input() {\n${text}\n}`;
    const url = URL.createObjectURL(
      new Blob([source], { type: "application/typescript" }),
    );
    try {
      const module = await import(url);
      const printed = String(module.input);
      return printed.slice(printed.indexOf("{") + 1, printed.lastIndexOf("}"));
    } finally {
      URL.revokeObjectURL(url);
    }
  };
  const compileInput = async (text: string): Promise<string> => {
    if (text.trimStart().startsWith("{")) {
      // What may be an object is one.
      try {
        return await compile(`(${text}\n)`);
      } catch {
        // It is a block.
      }
    }
    return await compile(withoutModuleSyntax(text));
  };
  /** Deno's message, without what the listener put around the input. */
  const syntaxProblem = (error: unknown): { text: string; line: number } => {
    const message = error instanceof Error ? error.message : String(error);
    const line = Number(/blob:[^\s]*:(\d+):\d+/.exec(message)?.[1] ?? 0) - 1;
    const text = message
      .replace(/\n\s*at blob:[^\n]*/g, "")
      .replace(/^( *)(\d+) \|/gm, (_, space, n) => `${space}${n - 1} |`);
    return { text, line };
  };
  const evaluate = async (script: string): Promise<void> => {
    const name = `input-${++count}`;
    try {
      const run = runScript(
        `(async (__give, __declare) => {\n${script}\n})\n//# sourceURL=${name}`,
      );
      let result: unknown;
      await run((value: unknown) => result = value, declare);
      if (result instanceof Values) {
        for (const item of result.items) show(item);
        remember(result.items[0]);
      } else {
        show(result);
        remember(result);
      }
    } catch (error) {
      scope._error = error;
      complain(error);
    }
  };

  const take = async (line: string): Promise<Answer> => {
    pending += pending === "" ? line : "\n" + line;
    if (pending.length > longest) {
      pending = "";
      log(`Uncaught RangeError: an input has more than ${longest} characters`);
      return "done";
    }
    const { tokens, isOpen, stray } = tokenize(pending);
    if (tokens.length === 0 && !isOpen) {
      pending = "";
      return "done";
    }
    if (isOpen && stray === undefined) return "more";
    const lines = pending.split("\n").length;
    const text = pending;
    try {
      const script = await compileInput(text);
      const isHeader = tokenize(script).tokens.length === 0 &&
        /^(?:async\s+)?function\b/.test(text.trimStart());
      if (isHeader) return "more";
      pending = "";
      await evaluate(toScript(script, "__give", "__declare"));
    } catch (error) {
      const problem = syntaxProblem(error);
      // A mistake behind the last line means that something is missing.
      if (stray === undefined && problem.line > lines) return "more";
      pending = "";
      log(
        stray === undefined
          ? `Uncaught ${problem.text}`
          : `Uncaught SyntaxError: nothing is open that ${stray} closes`,
      );
    }
    return "done";
  };

  const leave = (): void => {
    scope.postMessage("exit");
    // The supervisor ends the process; until then, nothing goes on here.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  Object.assign(scope, { _: undefined, __: undefined, close: leave });
  scope.values = (...items: unknown[]) => new Values(items);
  Object.defineProperty(Deno, "exit", { value: leave });
  console.error = console.warn = log;
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    complain(event.error, " in the background:");
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    complain(event.reason, " in the background:");
  });
  scope.onmessage = async ({ data }) => {
    if ("cancel" in data) pending = "";
    answer("line" in data ? await take(data.line) : "pong");
  };
  answer("done");
}
