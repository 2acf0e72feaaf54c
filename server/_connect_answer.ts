/**
 * What `onConnect` answers, read so that a slip of the keys lets nobody in.
 *
 * @module
 */

import { otherVersion } from "../wire/base/brand.ts";
import { checkOptionKeys } from "../wire/base/checks.ts";
import { WireError } from "../wire/base/errors.ts";
import { Values } from "../wire/rpc/context.ts";

/**
 * What `onConnect` answers: whether to accept, or that and what to call when
 * the connection ends, as an object or, as in the seed, as two
 * {@linkcode values}. Only `true`, as it is or as `accept`, lets a client in.
 * Whatever is not of these forms refuses it, and is told to `onError`.
 */
export type ConnectAnswer =
  | boolean
  | {
    /** Whether to accept. */
    accept: boolean;
    /** Called once, with the reason, when the connection has ended. */
    onDeath?: ((reason: WireError) => void) | null | undefined;
  }
  | Values<readonly [accept: boolean]>
  | Values<
    readonly [
      accept: boolean,
      onDeath: ((reason: WireError) => void) | null | undefined,
    ]
  >;

/** Called once, with the reason, when a connection has ended. */
type OnDeath = (reason: WireError) => void;

/** An answer that was understood. */
export interface Decision {
  readonly accept: boolean;
  readonly onDeath: OnDeath | undefined;
}

const KEYS = { accept: true, onDeath: true } as const;
const FORMS =
  "Answer true, { accept: true, onDeath }, values(true, onDeath), or false.";

/**
 * Reads an answer. Each part is looked at once.
 *
 * @param answer What `onConnect` returned, or its promise gave.
 * @returns What it says.
 * @throws {WireError} `invalidArgument` for anything else.
 */
export function readAnswer(answer: unknown): Decision {
  if (typeof answer === "boolean") {
    return { accept: answer, onDeath: undefined };
  }
  const { accept, onDeath } = parts(answer);
  if (typeof accept !== "boolean") {
    throw unclear(`with "accept" being ${kindOf(accept)}`);
  }
  if (onDeath === null || onDeath === undefined) {
    return { accept, onDeath: undefined };
  }
  if (typeof onDeath === "function") {
    return { accept, onDeath: onDeath as OnDeath };
  }
  throw unclear(`with "onDeath" being ${kindOf(onDeath)}`);
}

/** The two parts, whatever they are. */
function parts(answer: unknown): { accept?: unknown; onDeath?: unknown } {
  if (answer instanceof Values) {
    const { list } = answer;
    if (!Array.isArray(list) || list.length < 1 || list.length > 2) {
      throw unclear(`with ${list?.length} values`);
    }
    return { accept: list[0], onDeath: list[1] };
  }
  if (
    typeof answer !== "object" || answer === null || Array.isArray(answer)
  ) {
    throw unclear(`with ${kindOf(answer)}`);
  }
  const problem = otherVersion(answer, "Values");
  if (problem !== undefined) throw new WireError("invalidArgument", problem);
  checkOptionKeys(answer, KEYS, "onConnect's answer");
  return answer;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

function unclear(what: string): WireError {
  return new WireError(
    "invalidArgument",
    `onConnect answered ${what}. ${FORMS} The client was refused.`,
  );
}
