/**
 * What a listener allows: every bound of it, who may reach it, and the command
 * that starts a session.
 *
 * @module
 */

import {
  type Demanded,
  mayBeOptions,
  unknownName,
} from "../../wire/base/checks.ts";
import { isLoopback } from "../../wire/transport/transport.ts";
import { shown, WireError } from "../../wire/base/errors.ts";

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
  /** How many connections may not have shown who they are. @default {64} */
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
  /**
   * How much time of processors a session's process may use besides its
   * evaluations, for what they leave running. Each evaluation has two
   * processors while it is under way, and a twentieth of one is always free.
   *
   * @default {20000, or twice `evaluation` where only that is given}
   */
  processor: number;
  /** The memory of a session's process, all in all. @default {268435456} */
  memory: number;
  /** How long output may wait for a client that takes none. @default {10000} */
  stall: number;
  /** How long a client may send nothing. @default {3600000} */
  idle: number;
  /**
   * How long a session that has sent no input yet keeps its place when another
   * client finds none. @default {10000}
   */
  yieldAfter: number;
  /**
   * How long a session works off what it was sent, after its client has
   * closed its side.
   *
   * @default {2000}
   */
  afterEnd: number;
}

/**
 * The bounds that hold where nothing else is said.
 *
 * @example Half as many sessions
 * ```ts
 * import { DEFAULT_LISTENER_LIMITS, startUpServer } from "@remote/wire";
 *
 * const sessions = DEFAULT_LISTENER_LIMITS.sessions / 2;
 * const listener = { limits: { sessions } };
 * await using server = startUpServer({ service: 0, listener });
 * if (server.port === 0) throw new Error();
 * ```
 */
export const DEFAULT_LISTENER_LIMITS: Readonly<ListenerLimits> = Object.freeze({
  sessions: 16,
  strangers: 64,
  introduction: 60_000,
  introductionBytes: 16 * 1024,
  attempts: 5,
  attemptEvery: 10_000,
  line: 64 * 1024,
  input: 256 * 1024,
  ahead: 256 * 1024,
  start: 30_000,
  evaluation: 10_000,
  processor: 20_000,
  memory: 256 * 1024 * 1024,
  stall: 10_000,
  idle: 3_600_000,
  yieldAfter: 10_000,
  afterEnd: 2_000,
});

/**
 * What a listener allows. Everything has a default.
 *
 * @example
 * ```ts
 * import { type ListenerOptions, startUpServer } from "@remote/wire";
 *
 * const listener: ListenerOptions = {
 *   requireCredential: "a secret of 16 characters",
 *   permissions: { read: ["/var/log"] },
 *   limits: { evaluation: 2_000 },
 * };
 * await using server = startUpServer({ service: 0, listener });
 * if (server.port === 0) throw new Error();
 * ```
 */
export interface ListenerOptions {
  /**
   * The secret that a client has to send, or several, of which any will do; at
   * least 16 characters each. What is there and undefined, as a variable that is
   * not set, is refused.
   */
  requireCredential?: Demanded;
  /** What evaluated code may do. @default {{}, which is nothing} */
  permissions?: ListenerPermissions | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<ListenerLimits> | undefined;
  /**
   * The Deno executable that sessions run in.
   *
   * @default {the one that runs this program; or `deno`, where this program is
   * an executable of its own, which `deno compile` made}
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
  if (
    typeof limits !== "object" || limits === null ||
    !mayBeOptions(limits, { ...DEFAULT_LISTENER_LIMITS })
  ) {
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
  if (limits.evaluation !== undefined && limits.processor === undefined) {
    resolved.processor = Math.min(2 * resolved.evaluation, LARGEST);
  }
  return resolved;
}

// Who may reach a listener: whoever does can make it compute.

/** The shortest credential. */
const SHORTEST = 16;

/**
 * Refuses a listener that strangers could reach.
 *
 * @param options What the listener allows.
 * @param hostname Where it would listen, or does.
 * @param isTls Whether it speaks TLS.
 * @throws {WireError} `invalidArgument` when the address is not a loopback
 * one, and credential or TLS is missing; or when the credential is short.
 */
export function checkSafety(
  options: Pick<ListenerOptions, "requireCredential">,
  hostname: string,
  isTls: boolean,
): void {
  const { requireCredential = [] } = options;
  const secrets = [requireCredential].flat();
  if (secrets.some((each) => each.length < SHORTEST)) {
    throw new WireError(
      "invalidArgument",
      `The listener's credential must have at least ${SHORTEST} characters.`,
    );
  }
  if (secrets.some((each) => /[\r\n]/.test(each))) {
    throw new WireError(
      "invalidArgument",
      "The listener's credential must be a single line.",
    );
  }
  const isSecret = secrets.length > 0;
  if (isLoopback(hostname) || (isSecret && isTls)) return;
  const missing = [
    ...(isSecret ? [] : ["a credential"]),
    ...(isTls ? [] : ["TLS"]),
  ].join(" and ");
  const are = !isSecret && !isTls ? "are" : "is";
  throw new WireError(
    "invalidArgument",
    `The listener evaluates what it is sent, so it serves ${hostname}, which is beyond this machine, only with a credential and TLS; ${missing} ${are} missing. Give listener.requireCredential and tls, or leave address out.`,
  );
}

// The command that starts a session's process, with no permission but those
// that were granted.

/** How sessions are started. */
export interface SessionCommand {
  /** The Deno executable. */
  readonly deno: string;
  /** What evaluated code may do. */
  readonly permissions: ListenerPermissions;
}

const KINDS = [
  "read",
  "write",
  "net",
  "env",
  "sys",
  "run",
  "ffi",
  "import",
] as const;

/**
 * Checks that sessions can be started.
 *
 * @param options What the listener allows.
 * @returns How to start them.
 * @throws {WireError} `permissionDenied` when this program may not run Deno,
 * `invalidArgument` for a permission that does not exist, and for what names no
 * executable.
 */
export function sessionCommand(options: ListenerOptions): SessionCommand {
  const { deno, permissions = {} } = options;
  const isObject = typeof permissions === "object" && permissions !== null &&
    !Array.isArray(permissions);
  if (!isObject) {
    throw new WireError(
      "invalidArgument",
      `listener.permissions is an object, such as { read: ["/var/log"] }, and not ${
        shown(permissions)
      }.`,
    );
  }
  if (deno !== undefined && (typeof deno !== "string" || deno === "")) {
    throw new WireError(
      "invalidArgument",
      `listener.deno is the path of a Deno executable, and not ${shown(deno)}.`,
    );
  }
  for (const [kind, value] of Object.entries(permissions)) {
    const isKnown = (KINDS as readonly string[]).includes(kind);
    const isFit = value === undefined || typeof value === "boolean" ||
      Array.isArray(value) &&
        value.every((one) => typeof one === "string" && /^[^,\s]+$/.test(one));
    if (!isKnown) {
      throw unknownName("permission", kind, KINDS, " of listener.permissions");
    }
    if (isFit) continue;
    throw new WireError(
      "invalidArgument",
      `listener.permissions allows ${
        KINDS.join(", ")
      }, each true, false or a list of names without commas and spaces; "${kind}" is not so.`,
    );
  }
  return { deno: executable(deno), permissions };
}

function executable(given: string | undefined): string {
  // A program that "deno compile" made runs nothing but itself.
  const own = Deno.build.standalone ? [] : [Deno.execPath()];
  const choices = given === undefined ? [...own, "deno"] : [given];
  for (const command of choices) {
    const { state } = Deno.permissions.querySync({ name: "run", command });
    if (state === "granted") return command;
  }
  throw new WireError(
    "permissionDenied",
    `The listener runs each session in a Deno process of its own. Allow it with --allow-run=${
      choices[0]
    }.`,
  );
}

/**
 * The command itself.
 *
 * @internal
 *
 * @param command How sessions are started.
 * @param memory How much memory the process may take, in bytes.
 * @param program The URL of what it runs.
 * @returns The command, ready to spawn.
 */
export function commandOf(
  { deno, permissions }: SessionCommand,
  memory: number,
  program: string,
): Deno.Command {
  const mayImport = isGranted(permissions.import);
  const megabytes = Math.ceil(memory / 2 ** 20);
  return new Deno.Command(deno, {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-config",
      "--no-lock",
      ...(mayImport ? [] : ["--no-remote", "--no-npm"]),
      `--v8-flags=--max-old-space-size=${megabytes}`,
      ...KINDS.flatMap((kind) => flag(kind, permissions[kind])),
      program,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // What the process cannot see, it cannot tell.
    clearEnv: Deno.build.os !== "windows" && !isGranted(permissions.env) &&
      !mayImport,
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      ...(mayImport ? {} : { DENO_DIR: nowhere() }),
    },
  });
}

/**
 * A place where nothing can be written: the Cache API needs no permission, and
 * keeps what it is given below DENO_DIR.
 */
function nowhere(): string {
  return Deno.build.os === "windows" ? "NUL\\none" : "/dev/null/none";
}

function isGranted(permission: boolean | string[] | undefined): boolean {
  return Array.isArray(permission)
    ? permission.length > 0
    : permission === true;
}

function flag(
  kind: typeof KINDS[number],
  permission: boolean | string[] | undefined,
): string[] {
  if (!isGranted(permission)) return [];
  return [
    Array.isArray(permission)
      ? `--allow-${kind}=${permission.join(",")}`
      : `--allow-${kind}`,
  ];
}
