/**
 * What a session's Worker does: it evaluates inputs, prints their values, and
 * keeps their variables.
 *
 * @module
 */

import { compile, syntaxProblem, tidyStack } from "./compile.ts";
import { toScript } from "./script.ts";
import { tokenize } from "./tokens.ts";

/** What comes from the server. */
export type Request =
  | { readonly line: string }
  | { readonly cancel: true }
  | { readonly ping: true };

/** What goes to the server: an input is evaluated, or not whole yet. */
export type Answer = "done" | "more" | "pong";

/** The scope of a Worker, with the variables of its inputs. */
export type Scope = Record<string, unknown> & {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(message: string): void;
  addEventListener(
    type: "error" | "unhandledrejection",
    listener: (event: Event & { error?: unknown; reason?: unknown }) => void,
  ): void;
};

/** What `values()` makes. */
export class SeveralValues {
  /** The values. */
  readonly items: readonly unknown[];

  /** @param items The values. */
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** Evaluates the inputs of a session. */
export class Evaluator {
  readonly #scope: Scope;
  readonly #longest: number;
  // What evaluated code changes of these does not reach the evaluator.
  readonly #log = console.log;
  readonly #inspect = Deno.inspect;
  readonly #runScript = eval;
  #pending = "";
  #count = 0;

  /**
   * @param scope Where variables are kept.
   * @param longest The longest input of several lines, in characters.
   */
  constructor(scope: Scope, longest: number) {
    this.#scope = scope;
    this.#longest = longest;
  }

  /** Forgets the lines of an input that is not whole. */
  cancel(): void {
    this.#pending = "";
  }

  /** Takes a line, and evaluates the input when it is whole. */
  async take(line: string): Promise<Answer> {
    const text = this.#pending === "" ? line : `${this.#pending}\n${line}`;
    this.#pending = "";
    if (text.length > this.#longest) {
      const most = this.#longest;
      this.#print(
        `Uncaught RangeError: an input has more than ${most} characters`,
      );
      return "done";
    }
    const { tokens, isOpen, stray } = tokenize(text);
    if (tokens.length === 0 && !isOpen) return "done";
    let script: string | undefined;
    if (stray !== undefined || !isOpen) {
      script = await this.#compile(text, stray);
      if (script === "") return "done";
    }
    if (script === undefined) {
      this.#pending = text;
      return "more";
    }
    await this.#evaluate(script);
    return "done";
  }

  /** Prints what went wrong. */
  complain(error: unknown, where = ""): void {
    tidyStack(error);
    this.#print(`Uncaught${where} ${this.#inspect(error, { colors: false })}`);
  }

  /** A script; undefined if something is missing; empty if it was no good. */
  async #compile(
    text: string,
    stray: string | undefined,
  ): Promise<string | undefined> {
    try {
      const code = await compile(text);
      // Types allow a function to end before its body.
      const isHeader = /^(?:async\s+)?function\b/.test(text.trimStart()) &&
        tokenize(code).tokens.length === 0;
      return isHeader ? undefined : toScript(code, "__give", "__declare");
    } catch (error) {
      const problem = syntaxProblem(error);
      if (stray !== undefined) {
        this.#print(
          `Uncaught SyntaxError: nothing is open that ${stray} closes`,
        );
        return "";
      }
      // A mistake behind the last line means that something is missing.
      if (problem.line > text.split("\n").length) return undefined;
      this.#print(`Uncaught ${problem.text}`);
      return "";
    }
  }

  async #evaluate(script: string): Promise<void> {
    const name = `input-${++this.#count}`;
    const run = this.#runScript;
    try {
      const input = run(
        `(async (__give, __declare) => {\n${script}\n})\n//# sourceURL=${name}`,
      );
      let value: unknown;
      await input(
        (given: unknown) => value = given,
        (names: string[]) => this.#declare(names),
      );
      const values = value instanceof SeveralValues ? value.items : [value];
      for (const one of values) this.#show(one);
      this.#remember(values[0]);
    } catch (error) {
      this.#scope._error = error;
      this.complain(error);
    }
  }

  /** Makes room for names that the global object keeps for itself. */
  #declare(names: readonly string[]): void {
    for (const name of names) {
      if (!(name in this.#scope)) continue;
      const own = Object.getOwnPropertyDescriptor(this.#scope, name);
      if (own?.writable || own?.configurable === false) continue;
      Object.defineProperty(this.#scope, name, {
        value: undefined,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  }

  #remember(value: unknown): void {
    if (value === undefined) return;
    this.#scope.__ = this.#scope._;
    this.#scope._ = value;
  }

  #show(value: unknown): void {
    const options = { depth: 6, colors: false, strAbbreviateSize: 100_000 };
    this.#print(this.#inspect(value, options));
  }

  #print(text: string): void {
    const log = this.#log;
    log("%s", text);
  }
}

/**
 * Sets a Worker up to evaluate.
 *
 * @param longest The longest input of several lines, in characters.
 */
export function evaluator(longest: number): void {
  const scope = globalThis as unknown as Scope;
  const evaluator = new Evaluator(scope, longest);
  const { stdout } = Deno;
  const encoder = new TextEncoder();
  const answer = (word: Answer): void => {
    let bytes = encoder.encode(`\x1e${word}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(stdout.writeSync(bytes));
  };
  const leave = (): void => {
    scope.postMessage("exit");
    // The supervisor ends the process; until then, nothing goes on here.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  const values = (...items: unknown[]) => new SeveralValues(items);
  Object.assign(scope, { _: undefined, __: undefined, values, close: leave });
  Object.defineProperty(Deno, "exit", { value: leave });
  console.error = console.warn = console.log;
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    evaluator.complain(event.error, " in the background:");
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    evaluator.complain(event.reason, " in the background:");
  });
  scope.onmessage = async ({ data }) => {
    if ("cancel" in data) evaluator.cancel();
    answer("line" in data ? await evaluator.take(data.line) : "pong");
  };
  answer("done");
}
