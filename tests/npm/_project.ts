/**
 * An empty project into which the package is installed from its tarball, and
 * the runtimes that are there to run programs in it.
 *
 * @module
 */

import { buildPackage, pack } from "../../.ci/npm.ts";

/** A runtime that is not Deno. */
export interface Runtime {
  /** Its name. */
  readonly name: string;
  /** The command that runs a file in it. */
  readonly command: readonly string[];
}

/** Those that the package is for, from npm. */
const RUNTIMES: readonly Runtime[] = [
  ...["20", "22", "24"].map((version) => ({
    name: `Node ${version}`,
    command: ["npx", "-y", `node@${version}`, "--enable-source-maps"],
  })),
  { name: "Bun", command: ["npx", "-y", "bun@1"] },
];

/** How long a program may run, in milliseconds: only one that hangs does. */
const MOST = 1_200_000;

/** Whether all of them have to be there. */
export const isRequired = Deno.env.get("REMOTE_WIRE_PEERS") === "required";

/** What a program printed. */
export interface Printed {
  /** Its standard output. */
  readonly out: string;
  /** Its error output. */
  readonly err: string;
  /** Its exit code. */
  readonly code: number;
}

/**
 * Runs a command to its end.
 *
 * @param command The program and its arguments.
 * @param cwd Where.
 * @returns What it printed; code 127 where there is no such program.
 */
export async function run(
  command: readonly string[],
  cwd?: string,
): Promise<Printed> {
  const [program = "", ...args] = command;
  const decoder = new TextDecoder();
  try {
    const { stdout, stderr, code } = await new Deno.Command(program, {
      args,
      ...(cwd === undefined ? {} : { cwd }),
      env: { NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(MOST),
    }).output();
    return { out: decoder.decode(stdout), err: decoder.decode(stderr), code };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { out: "", err: `there is no ${program}`, code: 127 };
  }
}

/**
 * The runtimes that are there. Without `REMOTE_WIRE_PEERS=required` none is
 * fetched, so that is the machine's own Node, if it is new enough.
 */
export async function runtimes(): Promise<readonly Runtime[]> {
  if (isRequired) return RUNTIMES;
  const { out, code } = await run(["node", "--version"]);
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(out) ?? [];
  const isNew = Number(major) > 20 ||
    Number(major) === 20 && Number(minor) >= 16;
  if (code === 0 && isNew && (await run(["npm", "--version"])).code === 0) {
    const command = ["node", "--enable-source-maps"];
    return [{ name: `Node ${major}`, command }];
  }
  console.warn("SKIPPED for want of Node 20.16 with npm: tests of the package");
  return [];
}

/**
 * Builds the package, and installs it.
 *
 * @param packages What else to install.
 * @returns The folder of the project; the caller removes it.
 */
export async function project(...packages: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "wire-npm-" });
  await buildPackage(`${folder}/built`);
  const tarball = await pack(`${folder}/built`);
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ name: "project", private: true, type: "module" }),
  );
  const { code, err } = await run(
    ["npm", "install", "--no-audit", "--no-fund", tarball, ...packages],
    folder,
  );
  if (code !== 0) throw new Error(`npm install failed: ${err}`);
  return folder;
}
