/**
 * The programs of a session's process, as text. So they need no file, no cache
 * and no network where the session runs, wherever this module came from.
 *
 * @module
 */

import {
  compile,
  stripTypes,
  syntaxProblem,
  tidyStack,
} from "./inside/compile.ts";
import { Evaluator, evaluator, SeveralValues } from "./inside/evaluator.ts";
import { importDeclaration, withoutModuleSyntax } from "./inside/modules.ts";
import {
  assignment,
  declaredNames,
  isExpression,
  toDeclarators,
  toScript,
  toStatements,
} from "./inside/script.ts";
import { type ExitCodes, supervise } from "./inside/supervisor.ts";
import { tokenize, Tokenizer } from "./inside/tokens.ts";

/** How a session's process ends. */
export const EXIT_CODES: ExitCodes = {
  left: 80,
  memory: 81,
  broken: 82,
  processor: 83,
};

/**
 * The program of the main thread.
 *
 * @returns A URL for `deno run`.
 */
export function supervisorUrl(): string {
  const program = `(${supervise})(${JSON.stringify(EXIT_CODES)})`;
  return `data:application/javascript,${encodeURIComponent(program)}`;
}

/**
 * The program of the Worker.
 *
 * @param longest The longest input, in characters.
 * @returns Its text.
 */
export function evaluatorProgram(longest: number): string {
  const parts = [
    Tokenizer,
    tokenize,
    importDeclaration,
    withoutModuleSyntax,
    toStatements,
    toDeclarators,
    assignment,
    declaredNames,
    isExpression,
    toScript,
    stripTypes,
    compile,
    syntaxProblem,
    tidyStack,
    SeveralValues,
    Evaluator,
  ];
  return `${parts.join("\n")}\n(${evaluator})(${longest});\n`;
}
