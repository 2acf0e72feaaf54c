/**
 * The command `lisp`: has a CMU Common Lisp evaluate a form.
 *
 * @module
 */

import { connectToRemoteServer, WireError } from "../mod.ts";
import { cmucl, form, listOf } from "../wire/cmucl/mod.ts";
import { endpoint } from "./_addresses.ts";
import { readInput } from "./_arguments.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import { printLine } from "./_output.ts";
import { asJson, harmless } from "./_text.ts";

/** Its options. */
export const LISP_OPTIONS: readonly Option[] = [
  "deadline",
  "timeout",
  "json",
];

/** What the command does, and its options. */
export const LISP_USAGE = `usage: deno run -A cli.ts lisp [OPTION…] ADDRESS FORM

Has a CMU Common Lisp that runs a request server evaluate a form, or several,
and prints each value on a line, as the Lisp prints it. A FORM that is - is what
the standard input holds.

ADDRESS is HOST:PORT, or :PORT of this machine.

examples:
  lisp localhost:8000 '(+ 40 2)'
  lisp localhost:8000 - < program.lisp

options:
  --deadline MS          how long it may take
  --json                 print the values as one list of texts
  --timeout MS           how long connecting may take

The exit code is 0 when all went well, 1 when the form signalled an error or the
connection failed, 2 for a command line that makes no sense, and 130 after
Ctrl-C.`;

/** Prints the values of a form. */
export async function lisp(line: CommandLine): Promise<void> {
  const target = endpoint(line.word("ADDRESS")!, "Where to connect to");
  const word = line.word("FORM")!;
  line.end();
  line.only("lisp", LISP_OPTIONS);
  if (target.kind !== "tcp") {
    throw new UsageError("A CMUCL listens at HOST:PORT.");
  }
  const deadline = line.time("deadline");
  const timeout = line.time("timeout");
  const text = word === "-" ? await readInput("FORM") : word;
  const { hostname, port } = target;
  const wire = await connectToRemoteServer(hostname, port, {
    dialect: cmucl(),
    timeout,
    onError: () => {},
  });
  try {
    const program = form("cl:read-from-string", evaluation(text));
    const answer = await wire.call("cl:eval", [program], false, { deadline });
    const [isDone, ...texts] = listOf(answer).map(String);
    if (isDone !== "1") throw new Error(texts.join(": "));
    if (line.has("json")) return await printLine(asJson(texts));
    for (const each of texts) await printLine(harmless(each));
  } catch (error) {
    if (error instanceof WireError) wire.abort();
    throw isStrange(error)
      ? new WireError(
        error.code,
        `${error.message} What listens there may be no CMUCL: servers of this module are called by "call".`,
        { cause: error },
      )
      : error;
  } finally {
    await wire.close();
  }
}

/** Whether an error is one of a peer that speaks something else. */
function isStrange(error: unknown): error is WireError {
  return error instanceof WireError &&
    (error.code === "connectionLost" || error.code === "malformed");
}

/**
 * A program that answers 1 and the values of forms as texts, or 0 and what was
 * signalled: values that cannot travel, and errors, are texts then, too.
 */
function evaluation(forms: string): string {
  // A comment at its end must not take the parenthesis.
  const text = `(progn ${forms}\n)`.replaceAll(/["\\]/g, "\\$&");
  return `(handler-case
  (cons 1 (mapcar (function prin1-to-string)
    (multiple-value-list (eval (read-from-string "${text}")))))
  (error (condition)
    (list 0 (prin1-to-string (type-of condition))
      (princ-to-string condition))))`;
}
