/**
 * What a program decides on a peer, read so that a slip refuses.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import type { Report } from "./_report.ts";
import { kindOf } from "./_shown.ts";
import { isThenable } from "./_thenable.ts";

/**
 * Asks a program whether a peer is welcome. Only `true`, or something to wait
 * for that gives `true`, lets in. Whatever else comes is reported.
 *
 * @param confirm Asks; without it everybody is welcome.
 * @param report Told what `confirm` throws, and of answers that are none.
 * @returns Whether the peer is welcome. It never throws or rejects.
 */
export function decide(
  confirm: (() => unknown) | undefined,
  report: Report,
): boolean | Promise<boolean> {
  if (confirm === undefined) return true;
  const failed = (error: unknown) => {
    report(error, "confirm");
    return false;
  };
  const read = (answer: unknown) => {
    if (typeof answer === "boolean") return answer;
    return failed(
      new WireError(
        "invalidArgument",
        `confirm must answer true or false, and it answered ${
          kindOf(answer)
        }. The peer was refused.`,
      ),
    );
  };
  try {
    const answer = confirm();
    return isThenable(answer)
      ? Promise.resolve(answer).then(read, failed)
      : read(answer);
  } catch (error) {
    return failed(error);
  }
}
