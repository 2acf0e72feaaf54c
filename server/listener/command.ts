/**
 * The command that starts a session's process, with no permission but those
 * that were granted.
 *
 * @module
 */

import { unknownName } from "../../wire/base/checks.ts";
import { WireError } from "../../wire/base/errors.ts";
import type { ListenerOptions, ListenerPermissions } from "./options.ts";

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
 * `invalidArgument` for a permission that does not exist.
 */
export function sessionCommand(options: ListenerOptions): SessionCommand {
  const permissions = options.permissions ?? {};
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
  return { deno: executable(options.deno), permissions };
}

function executable(given: string | undefined): string {
  const choices = given === undefined ? [Deno.execPath(), "deno"] : [given];
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
