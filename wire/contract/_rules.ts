/**
 * What a contract does for the wires that are given it.
 *
 * @module
 */

import type { Report } from "../base/report.ts";
import type { Caller } from "../rpc/remote.ts";
import type { ContractRules } from "../rpc/served.ts";
import type { Signatures } from "./_signature.ts";
import { CheckedCaller } from "./checked_caller.ts";
import { guarded, implemented } from "./guard.ts";
import { checkTold, contractSummary } from "./summary.ts";

/** The rules of one contract. */
export class Rules implements ContractRules {
  /** Its functions by name. */
  readonly signatures: Signatures;
  readonly #contract: object;

  /**
   * @param contract The contract, which its errors name as theirs.
   * @param signatures Its functions by name.
   */
  constructor(contract: object, signatures: Signatures) {
    this.#contract = contract;
    this.signatures = signatures;
  }

  implemented(functions: object): object {
    return implemented(functions, this.signatures);
  }

  guarded(functions: object): object {
    return guarded(functions, this.signatures);
  }

  summary(helloFrame: number, credential: string): string {
    return contractSummary(this.signatures, helloFrame, credential);
  }

  checkPeer(told: string): void {
    checkTold(told, this.signatures);
  }

  caller(caller: Caller, report: Report): Caller {
    return new CheckedCaller(caller, this.#contract, this.signatures, report);
  }
}
