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
  "nats": "npm:@nats-io/transport-node@3.4.0",
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

/** What is used of cbor-x. */
export interface CborX {
  /** Encodes and decodes. */
  readonly Encoder: new (options: object) => {
    encode(value: unknown): Uint8Array<ArrayBuffer>;
    decode(bytes: Uint8Array): unknown;
  };
}

/**
 * Imports msgpackr; see {@linkcode loadInstalled}.
 *
 * @returns Its module.
 */
export async function loadMsgpackr(): Promise<Msgpackr> {
  return await loadInstalled("msgpackr") as Msgpackr;
}

/**
 * Imports cbor-x; see {@linkcode loadInstalled}.
 *
 * @returns Its module.
 */
export async function loadCborX(): Promise<CborX> {
  return await loadInstalled("cbor-x") as CborX;
}

/**
 * Imports a package from the `node_modules` of the folder of its name, where
 * {@linkcode install} has put it: Deno resolves all optional dependencies of a
 * package, and those of these, native helpers for every system, are not in
 * every registry.
 */
async function loadInstalled(name: "msgpackr" | "cbor-x"): Promise<unknown> {
  const folder = new URL(`./${name}/`, import.meta.url);
  const module = new URL(`node_modules/${name}/index.js`, folder);
  await install(folder, module);
  return await import(module.href);
}

/**
 * Installs a package unless it is there. There is no lock file: npm's would
 * name the optional dependencies, and without them there is nothing but the
 * package.
 */
async function install(folder: URL, module: URL): Promise<void> {
  try {
    await Deno.stat(module);
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.error(`… npm install --omit=optional in ${folder.pathname}`);
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--omit=optional",
      "--ignore-scripts",
      "--no-package-lock",
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
