/**
 * The dialect itself: this process, as CMUCLs see it.
 *
 * @module
 */

import { type CallOptions, checkCallOptions } from "../rpc/context.ts";
import type { Dialect, Session, SessionOptions } from "../session/dialect.ts";
import { shown, WireError } from "../base/errors.ts";
import { owned, type Report, unawaited } from "../base/report.ts";
import { checkFlags, checkOptionKeys, ownArguments } from "../base/checks.ts";
import type { WireLimits } from "../base/limits.ts";
import { TAP_LIMITS } from "../codec/message_tap.ts";
import type { Transport } from "../transport/transport.ts";
import { CmuclSession } from "./_session.ts";
import { LispTap } from "./lisp_tap.ts";
import { toCount } from "./opcodes.ts";
import {
  checkRemote,
  type RemoteObject,
  RemoteObjects,
} from "./remote_objects.ts";
import { USER_PACKAGE } from "./symbols.ts";
import { lispSession } from "./untagged.ts";

/**
 * What the dialect is made with. Everything has a default.
 *
 * @example Names of one package, written without it
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl } from "@remote/wire/cmucl";
 *
 * const dialect = cmucl({ packageName: "MY-PACKAGE" });
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "my-package::greet": (name: string) => `Hello ${name}.` });
 * if (await near.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface CmuclOptions {
  /**
   * The package of names without one, when calling and when serving.
   *
   * @default {"COMMON-LISP-USER"}
   */
  packageName?: string | undefined;
  /**
   * Whether wires begin without reading objects: `untagged()` then gets the
   * very first byte.
   *
   * @default {false}
   */
  untagged?: boolean | undefined;
  /**
   * What remote objects call this host, 32 bits without sign, as a number or
   * a bigint.
   *
   * @default {a random number}
   */
  host?: number | bigint | undefined;
  /**
   * What remote objects call this process, 32 bits with sign.
   *
   * @default {a random number}
   */
  pid?: number | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof CmuclOptions, true>> = {
  packageName: true,
  untagged: true,
  host: true,
  pid: true,
};

/**
 * CMUCL's own wire protocol, for the option `dialect`; {@linkcode cmucl} makes
 * it. It keeps the remote objects of this process: wires that are to share
 * them are made with the same one.
 *
 * @example
 * ```ts
 * import { cmucl, type CmuclDialect } from "@remote/wire/cmucl";
 *
 * const lisp: CmuclDialect = cmucl();
 * const shared = { count: 0 };
 * const reference = lisp.makeRemoteObject(shared);
 * if (!lisp.remoteObjectLocal(reference)) throw new Error();
 * if (cmucl().remoteObjectLocal(reference)) throw new Error();
 * ```
 */
export class CmuclDialect implements Dialect {
  /** What messages call it. */
  readonly name = "cmucl";
  /** Lisp has no values of declared types. */
  readonly hasValueTypes = false;
  readonly #objects: RemoteObjects;
  readonly #packageName: string;
  readonly #untagged: boolean;

  /**
   * Use {@linkcode cmucl}.
   *
   * @param options What differs from the default.
   */
  constructor(options: CmuclOptions) {
    checkOptionKeys(options, OPTION_KEYS, "cmucl()");
    checkFlags(options, ["untagged"]);
    const [host, pid] = crypto.getRandomValues(new Uint32Array(2));
    this.#packageName = checkPackage(options.packageName ?? USER_PACKAGE);
    this.#untagged = options.untagged ?? false;
    this.#objects = new RemoteObjects(
      checkBits(options.host ?? host!, 0),
      checkBits(options.pid ?? pid! >>> 1, -0x80000000),
    );
  }

  /**
   * Begins to speak; wires call it.
   *
   * @param wire What served functions get as `this.wire`.
   * @param transport The connection.
   * @param options The wire's options.
   * @returns The session.
   */
  open(wire: object, transport: Transport, options: SessionOptions): Session {
    return new CmuclSession(wire, transport, options, {
      objects: this.#objects,
      packageName: this.#packageName,
      untagged: this.#untagged,
    });
  }

  /**
   * Makes what shows the objects of one direction; wires with the option `tap`
   * call it.
   *
   * @param limits What is taken; left out, more than wires take by default.
   * @returns What decodes it.
   */
  decoder(limits: Partial<WireLimits> = TAP_LIMITS): LispTap {
    return new LispTap(limits);
  }

  /**
   * Makes a reference to an object, to be sent in its place. The object is
   * kept until {@linkcode forgetRemoteTranslation}.
   *
   * @param value Anything.
   * @returns The reference; for the same object always an equal one.
   *
   * @example
   * ```ts
   * import { cmucl } from "@remote/wire/cmucl";
   *
   * const lisp = cmucl();
   * const counter = { count: 0 };
   * const reference = lisp.makeRemoteObject(counter);
   * if (lisp.remoteObjectValue(reference) !== counter) throw new Error();
   * lisp.forgetRemoteTranslation(counter);
   * ```
   */
  makeRemoteObject(value: unknown): RemoteObject {
    return this.#objects.make(value);
  }

  /**
   * Whether a reference is to an object of this process.
   *
   * @param remote The reference.
   * @returns True if so.
   * @throws {WireError} `invalidArgument` for what is no remote object.
   */
  remoteObjectLocal(remote: RemoteObject): boolean {
    checkRemote(remote);
    return this.#objects.isLocal(remote);
  }

  /**
   * The object that a reference is to. A peer may make references up: check
   * what you get before you hand its secrets out.
   *
   * @param remote A reference to an object of this process.
   * @returns The object.
   * @throws {WireError} `invalidArgument` where it lives elsewhere, or was
   * forgotten, and for what is no remote object.
   */
  remoteObjectValue(remote: RemoteObject): unknown {
    checkRemote(remote);
    return this.#objects.value(remote);
  }

  /**
   * Forgets a reference: the object is no longer kept, and the references to
   * it that others hold are void.
   *
   * @param value The object.
   */
  forgetRemoteTranslation(value: unknown): void {
    this.#objects.forget(value);
  }
}

/**
 * Makes the dialect: `connectToRemoteServer` and `createRequestServer` with it
 * speak with CMU Common Lisp.
 *
 * There is no handshake: a wire is open at once. Neither deadlines nor cancels
 * reach the peer; they end the waiting here. Metadata stay here too.
 *
 * @param options What differs from the default.
 * @returns The dialect.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:+": (a: number, b: number) => a + b });
 * if (await near.remoteValue["CL:+"](40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function cmucl(options?: CmuclOptions | null): CmuclDialect {
  return new CmuclDialect(options ?? {});
}

/**
 * Calls for a known number of values, as CMUCL's `remote-value-bind`: the peer
 * adds `nil` where it has fewer, and leaves out what is more.
 * `wire.remoteValues` gets as many as there are. It goes past the middleware of
 * `callThrough`.
 *
 * @param wire A wire that speaks CMUCL's protocol.
 * @param count How many values.
 * @param name The function's name.
 * @param args Its arguments.
 * @param options The call's signal and deadline.
 * @returns A promise of the values.
 * @throws {WireError} As a rejection: `invalidArgument` for a wire of another
 * protocol and for what is no number of values, no name or no list of
 * arguments; and whatever calls fail with.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports, values } from "@remote/wire";
 * import { cmucl, remoteValueBind } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:floor": (a: number, b: number) => values(a / b | 0, a % b) });
 * const [quotient, rest] = await remoteValueBind(near, 2, "cl:floor", [17, 5]);
 * if (quotient !== 3 || rest !== 2) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function remoteValueBind(
  wire: { readonly session: Session },
  count: number,
  name: string,
  args: unknown[],
  options?: CallOptions,
): Promise<unknown[]> {
  let report: Report | undefined;
  const bound = async () => {
    const session = lispSession(wire);
    report = session.report;
    checkCallOptions(options);
    const own = ownArguments(name, args);
    return await bind(session, count, name, own, options);
  };
  const values = bound();
  return owned(values, report, unawaited(name));
}

async function bind(
  session: CmuclSession,
  count: number,
  name: string,
  args: unknown[],
  options: CallOptions | undefined,
): Promise<unknown[]> {
  if (!Number.isInteger(count) || count < 0) {
    throw new WireError(
      "invalidArgument",
      `${shown(count)} is no number of values.`,
    );
  }
  if (count === 0) {
    await session.send(name, args, options);
    return [];
  }
  const mode = { count: toCount(count) };
  const list = await session.callFor(mode, name, args, true, options);
  return (list as unknown[]).slice(0, count);
}

function checkPackage(name: unknown): string {
  if (typeof name === "string" && name !== "") return name;
  throw new WireError(
    "invalidArgument",
    `The option "packageName" is a package's name, such as "${USER_PACKAGE}", and not ${
      shown(name)
    }.`,
  );
}

function checkBits(value: unknown, least: number): number {
  const most = least + 0xffffffff;
  const bits = typeof value === "bigint" ? Number(value) : value as number;
  if (Number.isInteger(bits) && bits >= least && bits <= most) return bits;
  throw new WireError(
    "invalidArgument",
    `A host or a process has 32 bits, from ${least} to ${most}, and ${
      shown(value)
    } does not.`,
  );
}
