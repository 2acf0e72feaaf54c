/**
 * The promise of a value that one wire or another brings.
 *
 * @module
 */

import { CallPromise, LaterResult } from "./_call_promise.ts";
import { knowsWhoAsks, leave, unawaited } from "./_left_alone.ts";
import type { Caller } from "./remote.ts";
import { REFERENCE } from "./remote_types.ts";
import type { Report } from "./_report.ts";

/** The promise of a call's value, on which calls can be made at once. */
export class KeptPromise extends CallPromise {
  readonly #moves: (error: unknown) => boolean;
  readonly #report: Report;

  /**
   * @param way The promise of the wire that has the call.
   * @param failed Answers what becomes of the call when that fails.
   * @param moves Whether what failed with an error was never sent, and can be
   * made anew: so are calls on a result, once that is there.
   * @param report Told what the call fails with where nobody awaits it.
   * @param name The function's name.
   */
  constructor(
    way: Promise<unknown>,
    failed: (error: unknown) => Promise<unknown>,
    moves: (error: unknown) => boolean,
    report: Report,
    name: string,
  ) {
    let settle!: (value: unknown) => void;
    super((resolve) => settle = resolve);
    this.#moves = moves;
    this.#report = report;
    const known = way instanceof CallPromise ? way[REFERENCE] : undefined;
    const later = new LaterResult(report);
    this[REFERENCE] = known ?? later;
    const arrived = known === undefined
      ? (value: unknown) => settle(later.keep(value))
      : settle;
    way.then(arrived, (error) => {
      this[REFERENCE] = later;
      settle(
        failed(error).then(later.keep, (error) => {
          leave(this, error, report, unawaited(name));
          throw error;
        }),
      );
    });
  }

  /** Calls functions of the result. */
  protected override caller(): Caller {
    const caller = super.caller();
    const moves = this.#moves;
    const report = this.#report;
    return {
      call: (...call) => {
        const failed = (error: unknown) =>
          moves(error) ? caller.call(...call) : Promise.reject(error);
        return new KeptPromise(
          caller.call(...call),
          failed,
          moves,
          report,
          call[0],
        );
      },
      send: (...call) => caller.send(...call),
    };
  }
}

knowsWhoAsks(KeptPromise);
