/**
 * An empty project into which packages are installed, and the runtimes that are
 * there to run programs in it.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { buildPackage, pack } from "../../.ci/npm.ts";

/** A runtime that is not Deno. */
export interface Runtime {
  /** Its name. */
  readonly name: string;
  /** The command that runs a file in it. */
  readonly command: readonly string[];
}

/** Those that the package is for, what npm calls each, and its options. */
const RUNTIMES: readonly (readonly [
  name: string,
  wanted: string,
  ...options: string[],
])[] = [
  ["Node 20", "node@20", "--enable-source-maps"],
  ["Node 22", "node@22", "--enable-source-maps"],
  ["Node 24", "node@24", "--enable-source-maps"],
  ["Bun", "bun@1"],
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
  if (isRequired) return await allFetched();
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
 * Has npm bring all of them, and asks where they are: npm itself takes a second
 * each time. Two tests that ask at a time take turns.
 */
async function allFetched(): Promise<readonly Runtime[]> {
  using turn = await Deno.open(`${tmpdir()}/wire-npm.lock`, {
    create: true,
    write: true,
  });
  await turn.lock(true);
  const all: Runtime[] = [];
  for (const [name, wanted, ...options] of RUNTIMES) {
    const { out, err, code } = await run(
      ["npx", "-y", wanted, "-p", "process.execPath"],
    );
    if (code !== 0) throw new Error(`npx ${wanted} failed: ${err}`);
    all.push({ name, command: [out.trim(), ...options] });
  }
  return all;
}

/**
 * Builds the package, and packs it.
 *
 * @param folder Where.
 * @returns The path of the tarball, which npm installs.
 */
export async function packed(folder: string): Promise<string> {
  await buildPackage(folder);
  return await pack(folder);
}

/**
 * Makes an empty project, and installs packages into it.
 *
 * @param packages What to install.
 * @returns The folder of the project; the caller removes it.
 */
export async function project(...packages: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "wire-npm-" });
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ name: "project", private: true, type: "module" }),
  );
  const { code, err } = await run(
    ["npm", "install", "--no-audit", "--no-fund", ...packages],
    folder,
  );
  if (code !== 0) throw new Error(`npm install failed: ${err}`);
  return folder;
}
