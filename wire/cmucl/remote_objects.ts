/**
 * Remote objects as CMUCL has them: a host, a process and a number stand for
 * an object that stays where it is.
 *
 * @module
 */

import {
  isA,
  otherVersion,
  setBrand,
  shown,
  WireError,
} from "../base/errors.ts";

const LARGEST_ID = 0x7fffffff;

/**
 * A reference to an object of this process or of another.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, RemoteObject } from "@remote/wire/cmucl";
 *
 * const lisp = cmucl();
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: lisp });
 * const counter = { count: 0 };
 * far.serve({
 *   counter: () => lisp.makeRemoteObject(counter),
 *   increment: (counted: RemoteObject) =>
 *     ++(lisp.remoteObjectValue(counted) as typeof counter).count,
 * });
 * const remote = await near.remoteValue.counter();
 * if (!(remote instanceof RemoteObject)) throw new Error();
 * if (await near.remoteValue.increment(remote) !== 1) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class RemoteObject {
  /** The host of the process that has the object, 32 bits without sign. */
  readonly host: number;
  /** That process, 32 bits with sign. */
  readonly pid: number;
  /** The object's number there, 32 bits with sign. */
  readonly id: number;

  /**
   * Made by `makeRemoteObject`, and for what comes.
   *
   * @param host The host.
   * @param pid The process.
   * @param id The object's number there.
   */
  constructor(host: number, pid: number, id: number) {
    this.host = host;
    this.pid = pid;
    this.id = id;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "LispRemoteObject");
}

/**
 * Whether two references are to the same object of the same process.
 *
 * @param one A remote object.
 * @param other Another.
 * @returns True if so.
 * @throws {WireError} `invalidArgument` for what is no remote object.
 *
 * @example
 * ```ts
 * import { cmucl, remoteObjectEq } from "@remote/wire/cmucl";
 *
 * const lisp = cmucl();
 * const [one, other] = [{}, {}];
 * const first = lisp.makeRemoteObject(one);
 * if (!remoteObjectEq(first, lisp.makeRemoteObject(one))) throw new Error();
 * if (remoteObjectEq(first, lisp.makeRemoteObject(other))) throw new Error();
 * ```
 */
export function remoteObjectEq(
  one: RemoteObject,
  other: RemoteObject,
): boolean {
  checkRemote(one);
  checkRemote(other);
  return one.host === other.host && one.pid === other.pid &&
    one.id === other.id;
}

/**
 * Checks a reference.
 *
 * @param remote What a program passed.
 * @throws {WireError} `invalidArgument` for what is no remote object of Lisp.
 */
export function checkRemote(remote: unknown): void {
  if (isA(remote, RemoteObject)) return;
  throw new WireError(
    "invalidArgument",
    `A remote object of Lisp is what makeRemoteObject() of the dialect makes, or what a Lisp sent, and not ${
      shown(remote)
    }. ${otherVersion(remote) ?? ""}`.trimEnd(),
  );
}

/** The objects of this process that have a number. */
export class RemoteObjects {
  /** What this process calls its host. */
  readonly host: number;
  /** What this process calls itself. */
  readonly pid: number;

  readonly #ids = new Map<unknown, number>();
  readonly #values = new Map<number, unknown>();
  #next = 0;

  /**
   * @param host What to call the host.
   * @param pid What to call the process.
   */
  constructor(host: number, pid: number) {
    this.host = host;
    this.pid = pid;
  }

  /** A number that no object has, and no call that is pending. */
  nextId(isTaken: (id: number) => boolean = () => false): number {
    let id: number;
    do {
      id = this.#next;
      this.#next = id === LARGEST_ID ? 0 : id + 1;
    } while (this.#values.has(id) || isTaken(id));
    return id;
  }

  /** A reference to a thing of this process that has a number already. */
  reference(id: number): RemoteObject {
    return new RemoteObject(this.host, this.pid, id);
  }

  /** A reference to an object; always the same for the same object. */
  make(value: unknown): RemoteObject {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.nextId();
      this.#ids.set(value, id);
      this.#values.set(id, value);
    }
    return this.reference(id);
  }

  /** Whether a reference is to an object of this process. */
  isLocal(remote: RemoteObject): boolean {
    return remote.host === this.host && remote.pid === this.pid;
  }

  /** The object that a reference is to. */
  value(remote: RemoteObject): unknown {
    if (!this.isLocal(remote)) {
      throw new WireError(
        "invalidArgument",
        "The object of that reference lives in another process. Call a function there with the reference as an argument.",
      );
    }
    if (!this.#values.has(remote.id)) {
      throw new WireError(
        "invalidArgument",
        `There is no object ${remote.id}: forgetRemoteTranslation() was called on it, or the reference was made up.`,
      );
    }
    return this.#values.get(remote.id);
  }

  /** Forgets the number of an object; references to it are void from now on. */
  forget(value: unknown): void {
    const id = this.#ids.get(value);
    if (id === undefined) return;
    this.#ids.delete(value);
    this.#values.delete(id);
  }
}
