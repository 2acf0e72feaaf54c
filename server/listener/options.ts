/**
 * What a listener allows, and every bound of it.
 *
 * @module
 */

import { unknownName } from "../../wire/base/checks.ts";
import { WireError } from "../../wire/base/errors.ts";
import { shown } from "../../wire/base/shown.ts";

/**
 * What evaluated code may do beyond computing, as Deno's permissions: `true`
 * allows everything of a kind, a list allows what it names.
 */
export interface ListenerPermissions {
  /** Reading files. */
  read?: boolean | string[] | undefined;
  /** Writing files. */
  write?: boolean | string[] | undefined;
  /** The network. */
  net?: boolean | string[] | undefined;
  /** Variables of the environment. */
  env?: boolean | string[] | undefined;
  /** Information about the system. */
  sys?: boolean | string[] | undefined;
  /**
   * Running programs. Whoever may run any program may do anything that the
   * server's user may.
   */
  run?: boolean | string[] | undefined;
  /** Native libraries. As with `run`, this means anything. */
  ffi?: boolean | string[] | undefined;
  /**
   * Modules from the network. They are kept in the server's own Deno cache,
   * to which the Cache API can write then.
   */
  import?: boolean | string[] | undefined;
}

/**
 * The bounds that keep one session from harming another, or the server. Sizes
 * are in bytes, times in milliseconds.
 */
export interface ListenerLimits {
  /** How many sessions there may be at a time. @default {16} */
  sessions: number;
  /** How many connections may not have shown who they are. @default {16} */
  strangers: number;
  /** How long a stranger may take. @default {60000} */
  introduction: number;
  /** How much a stranger may send. @default {16384} */
  introductionBytes: number;
  /** How many wrong credentials an address has at once. @default {5} */
  attempts: number;
  /** After how long an address has one more of these. @default {10000} */
  attemptEvery: number;
  /** The longest line of input. @default {65536} */
  line: number;
  /** The longest input of several lines. @default {262144} */
  input: number;
  /** How much input may wait for its turn. @default {262144} */
  ahead: number;
  /** How long the process of a session may take to start. @default {30000} */
  start: number;
  /** How long one evaluation may take. @default {10000} */
  evaluation: number;
  /** The memory of a session's process, all in all. @default {268435456} */
  memory: number;
  /** How long output may wait for a client that takes none. @default {10000} */
  stall: number;
  /** How long a client may send nothing. @default {3600000} */
  idle: number;
  /**
   * How long a session works off what it was sent, after its client has
   * closed its side.
   *
   * @default {2000}
   */
  afterEnd: number;
}

/** The bounds that hold where nothing else is said. */
export const DEFAULT_LISTENER_LIMITS: Readonly<ListenerLimits> = Object.freeze({
  sessions: 16,
  strangers: 16,
  introduction: 60_000,
  introductionBytes: 16 * 1024,
  attempts: 5,
  attemptEvery: 10_000,
  line: 64 * 1024,
  input: 256 * 1024,
  ahead: 256 * 1024,
  start: 30_000,
  evaluation: 10_000,
  memory: 256 * 1024 * 1024,
  stall: 10_000,
  idle: 3_600_000,
  afterEnd: 2_000,
});

/** What a listener allows. Everything has a default. */
export interface ListenerOptions {
  /**
   * The secret that a client has to send; at least 16 characters. What is there
   * and undefined, as a variable that is not set, is refused.
   */
  requireCredential?: string;
  /** What evaluated code may do. @default {{}, which is nothing} */
  permissions?: ListenerPermissions | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<ListenerLimits> | undefined;
  /**
   * The Deno executable that sessions run in.
   *
   * @default {the one that runs this program}
   */
  deno?: string | undefined;
}

/** The largest limit: what a 32-bit timer can wait. */
const LARGEST = 2 ** 31 - 1;
/** An empty session takes about 60 MiB. */
const LEAST_MEMORY = 128 * 1024 * 1024;

/**
 * Completes and checks a partial set of limits.
 *
 * @param limits The limits that differ from the default.
 * @returns All limits.
 * @throws {WireError} `invalidArgument`, naming the limit.
 */
export function resolveListenerLimits(
  limits: Partial<ListenerLimits> = {},
): Readonly<ListenerLimits> {
  if (typeof limits !== "object" || limits === null) {
    throw new WireError(
      "invalidArgument",
      `The option "listener.limits" is an object, such as { sessions: 1 }, and not ${
        shown(limits)
      }.`,
    );
  }
  const resolved: ListenerLimits = { ...DEFAULT_LISTENER_LIMITS };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LISTENER_LIMITS, name)) {
      const known = Object.keys(DEFAULT_LISTENER_LIMITS);
      throw unknownName("limit", name, known, " of a listener");
    }
    if (value === undefined) continue;
    const least = name === "memory" ? LEAST_MEMORY : 1;
    if (!Number.isInteger(value) || value < least || value > LARGEST) {
      throw new WireError(
        "invalidArgument",
        `The limit "${name}" must be an integer from ${least} to ${LARGEST}, not ${
          shown(value)
        }.`,
      );
    }
    resolved[name as keyof ListenerLimits] = value;
  }
  return resolved;
}
