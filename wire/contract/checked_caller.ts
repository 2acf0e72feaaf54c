/**
 * Calls whose answers are checked with the contract that the peer is expected
 * to keep.
 *
 * @module
 */

import type { CallOptions } from "../rpc/context.ts";
import { endStreams } from "../codec/passing.ts";
import { DeclaredError } from "./declared_error.ts";
import { errorMessage, RemoteError, WireError } from "../base/errors.ts";
import type { Caller } from "../rpc/remote.ts";
import { REFERENCE } from "../rpc/remote_types.ts";
import { unawaited } from "../base/left_alone.ts";
import type { Report } from "../base/report.ts";
import { type CallPromise, promised } from "../rpc/pending_call.ts";
import type { Signature, Signatures } from "./_signature.ts";
import { type Checked, checkValues, issuesText } from "./standard_schema.ts";

/** A caller in front of another, which checks what that brings. */
export class CheckedCaller implements Caller {
  readonly #caller: Caller;
  readonly #contract: object;
  readonly #signatures: Signatures;
  readonly #report: Report;

  /**
   * @param caller Carries the calls out.
   * @param contract What the peer is expected to keep.
   * @param signatures Its functions.
   * @param report Told what calls fail with that nobody awaits.
   */
  constructor(
    caller: Caller,
    contract: object,
    signatures: Signatures,
    report: Report,
  ) {
    this.#caller = caller;
    this.#contract = contract;
    this.#signatures = signatures;
    this.#report = report;
  }

  /**
   * Calls for an answer, and checks it. What is called on the answer before it
   * has come does not wait for the check.
   */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    const answer = this.#caller.call(name, args, wantsValues, options);
    const signature = this.#signatures.get(name);
    if (signature === undefined) return answer;
    const checked = promised(
      answer.then(
        (value) => checkAnswer(signature, value, wantsValues),
        (error) => this.#checkError(signature, error),
      ),
      this.#report,
      unawaited(name),
    );
    checked[REFERENCE] = (answer as Partial<CallPromise>)[REFERENCE];
    return checked;
  }

  /** Calls one way: there is nothing to check. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    return this.#caller.send(name, args, options);
  }

  async #checkError(signature: Signature, error: unknown): Promise<never> {
    if (!(error instanceof RemoteError)) throw error;
    const schema = signature.errors.get(error.name);
    if (schema === undefined) throw error;
    if (schema === null) {
      throw new DeclaredError(error, undefined, this.#contract);
    }
    const checked = await checkValues([schema], [error.data ?? {}]);
    if (checked.issues.length === 0) {
      throw new DeclaredError(error, checked.values[0], this.#contract);
    }
    throw new WireError(
      "invalidResult",
      `"${signature.name}" threw the error "${error.name}", whose data do not keep the contract: ${
        issuesText("error", checked.issues)
      }${because(checked)}.`,
      { cause: error },
    );
  }
}

/** The value, or the list of values, that the schemas made; or a promise. */
function checkAnswer(
  signature: Signature,
  answer: unknown,
  wantsValues: boolean,
): unknown {
  const { results: schemas, name } = signature;
  if (schemas === undefined) return answer;
  const values = wantsValues ? answer as unknown[] : [answer];
  const asked = wantsValues ? schemas : schemas.slice(0, 1);
  const invalid = (message: string, cause?: unknown) => {
    const error = new WireError("invalidResult", message, { cause });
    // Nobody gets it.
    endStreams(answer, error);
    return error;
  };
  if (wantsValues && values.length > schemas.length) {
    throw invalid(
      `"${name}" gave ${values.length} values, and its contract has ${schemas.length}.`,
    );
  }
  const accepted = (checked: Checked) => {
    const { values, issues } = checked;
    if (issues.length === 0) return wantsValues ? values : values[0];
    throw invalid(
      `What "${name}" gave does not keep its contract: ${
        issuesText("result", issues)
      }${because(checked)}.`,
      issues,
    );
  };
  const checked = checkValues(asked, values);
  return checked instanceof Promise
    ? checked.then(accepted)
    : accepted(checked);
}

/** What a schema threw; it is this side's own. */
function because({ trouble }: Checked): string {
  return trouble === undefined ? "" : `, for ${errorMessage(trouble)}`;
}
