/**
 * The libraries that wires are compared with, as npm packages of exact
 * versions. They are imported by specifiers that are computed, so that types
 * are checked and wires measured where there is no npm.
 *
 * @module
 */

/** The packages, with the versions that are measured. */
export const PACKAGES = {
  "birpc": "npm:birpc@4.2.0",
  "capnweb": "npm:capnweb@0.12.0",
  "grpc-js": "npm:@grpc/grpc-js@1.14.7",
  "socket.io": "npm:socket.io@4.8.4",
  "socket.io-client": "npm:socket.io-client@4.8.4",
  "vscode-jsonrpc": "npm:vscode-jsonrpc@10.0.0/node",
  "ws": "npm:ws@8.23.0",
} as const;

/**
 * Imports a package.
 *
 * @param name Which.
 * @returns Its module: what is used of it, the caller has to declare.
 */
export async function load<T>(name: keyof typeof PACKAGES): Promise<T> {
  return await import(PACKAGES[name]) as T;
}

/** What is used of msgpackr. */
export interface Msgpackr {
  /** Encodes. */
  readonly Packr: new (options: object) => {
    pack(value: unknown): Uint8Array<ArrayBuffer>;
    unpack(bytes: Uint8Array): unknown;
  };
  /** Decodes. */
  readonly Unpackr: new (options: object) => {
    unpack(bytes: Uint8Array): unknown;
  };
}

const MSGPACKR = new URL("./msgpackr/", import.meta.url);

/**
 * Imports msgpackr from `msgpackr/node_modules`, where {@linkcode install} has
 * put it: Deno resolves all optional dependencies of a package, and those of
 * msgpackr, native helpers for every system, are not in every registry.
 *
 * @returns Its module.
 */
export async function loadMsgpackr(): Promise<Msgpackr> {
  await install();
  const { href } = new URL("node_modules/msgpackr/index.js", MSGPACKR);
  return await import(href) as Msgpackr;
}

/**
 * Installs msgpackr unless it is there. There is no lock file: npm's would name
 * the optional dependencies, and without them there is nothing but msgpackr.
 */
async function install(): Promise<void> {
  try {
    await Deno.stat(new URL("node_modules/msgpackr/index.js", MSGPACKR));
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.error("… npm install --omit=optional in bench/msgpackr");
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--omit=optional",
      "--ignore-scripts",
      "--no-package-lock",
    ],
    cwd: MSGPACKR,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
