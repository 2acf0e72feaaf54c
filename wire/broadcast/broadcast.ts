/**
 * One-way calls to many wires at once: to all clients of a server, or to a
 * group that wires join and leave.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 * import { broadcast } from "@remote/wire/broadcast";
 *
 * await using server = createRequestServer<{ say(text: string): void }>(0);
 * const heard = Promise.withResolvers<string>();
 * await using _wire = await connectToRemoteServer("127.0.0.1", server.port, {
 *   functions: { say: heard.resolve },
 * });
 * broadcast(server.wires).remote.say("hello, all");
 * if (await heard.promise !== "hello, all") throw new Error();
 * ```
 *
 * @module
 */

import { isA, kindOf, shown, WireError } from "../base/errors.ts";
import {
  failed,
  overheard,
  owned,
  OwnPromise,
  REPORT,
  type Report,
  reportToConsole,
  unsent,
} from "../base/report.ts";
import { ownArguments } from "../base/checks.ts";
import { carriesStream } from "../codec/passing.ts";
import { SharedArguments } from "../codec/value_writer.ts";
import { type CallOptions, checkCallOptions } from "../rpc/context.ts";
import { DONE } from "../rpc/messaging.ts";
import { type Caller, remotes } from "../rpc/remote.ts";
import type { AnyFunctions, Remotes, RemoteSend } from "../rpc/remote_types.ts";
import { Wire } from "../wire.ts";

/** What a broadcast needs of a wire; a kept connection has it, too. */
export interface BroadcastMember {
  /** The reason of death; undefined while it lives. */
  readonly ended: unknown;
  /** Calls one way. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void>;
}

/** The wires that a broadcast reaches, as typed as their peers are. */
export type BroadcastMembers<Remote extends object> =
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  Iterable<Wire<Remote, any, any> | BroadcastMember>;

/**
 * One-way calls to many wires, made by {@linkcode broadcast}.
 *
 * @typeParam Remote The interface that their peers serve.
 */
export interface Broadcast<Remote extends object = AnyFunctions> {
  /**
   * The peers' functions, called one way on each wire. The promise resolves
   * when every wire has taken the call, or has failed. It need not be awaited.
   * What goes wrong for one wire is told to `onError` of that
   * wire, and keeps no other from its call. It rejects when the arguments can
   * be sent to nobody.
   */
  readonly remote: RemoteSend<Remote>;
  /**
   * The same with a signal, a deadline or metadata for each call. Each call
   * tells `onProgress` of itself.
   *
   * @throws {WireError} `invalidArgument` for an option that there is not.
   */
  with(options: CallOptions): Pick<Remotes<Remote>, "remote">;
  /**
   * Calls a function by its name, one way on each wire.
   *
   * @param name The function's name; in a namespace, its path.
   * @param args Its arguments.
   * @param options The call's signal, deadline and metadata.
   */
  send(name: string, args?: unknown[], options?: CallOptions): Promise<void>;
}

/**
 * Calls functions of many peers, one way. The arguments are turned into bytes
 * once, where they are data: not for wires with `valueTypes` or `sendStacks`,
 * and not where references or more than 32 KiB are among them.
 *
 * A slow wire holds up nobody: its calls wait in its own output, up to its
 * limit `sendMost`, and fail there alone. Wires that have ended are skipped.
 *
 * @typeParam Remote The interface that the peers serve.
 * @param wires The wires, looked at anew with each call: an array, a set, a
 * group, or `server.wires`.
 * @returns What calls.
 * @throws {WireError} `invalidArgument` for what cannot be iterated over.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire";
 * import { broadcast } from "@remote/wire/broadcast";
 *
 * interface Board {
 *   show(row: { name: string; points: number }): void;
 * }
 * const shown: string[] = [];
 * const pairs = ["a", "b"].map((board) => {
 *   const [near, far] = wirePair<Board>();
 *   far.serve({ show: ({ name }) => void shown.push(`${board}: ${name}`) });
 *   return near;
 * });
 * await broadcast(pairs).remote.show({ name: "Ada", points: 3 });
 * await Promise.all(pairs.map((near) => near.close()));
 * if (shown.join() !== "a: Ada,b: Ada") throw new Error();
 * ```
 */
export function broadcast<Remote extends object = AnyFunctions>(
  wires: BroadcastMembers<Remote>,
): Broadcast<Remote> {
  if (typeof wires?.[Symbol.iterator] === "function") {
    return new ToMany<Remote>(wires);
  }
  throw new WireError(
    "invalidArgument",
    `A broadcast goes to wires, as in broadcast(server.wires) or broadcast([one, another]), and not to ${
      kindOf(wires)
    }.`,
  );
}

class ToMany<Remote extends object> implements Broadcast<Remote> {
  readonly #wires: BroadcastMembers<Remote>;
  readonly #caller: Caller;
  #remote: RemoteSend<Remote> | undefined;

  constructor(wires: BroadcastMembers<Remote>) {
    this.#wires = wires;
    this.#caller = {
      call: nothingIsAnswered,
      send: (name, args, options) => this.send(name, args, options),
    };
  }

  get remote(): RemoteSend<Remote> {
    return this.#remote ??= remotes<Remote>(this.#caller).remote;
  }

  with(options: CallOptions): Pick<Remotes<Remote>, "remote"> {
    checkCallOptions(options);
    const { remote } = remotes<Remote>(this.#caller, options);
    return { remote };
  }

  send(
    name: string,
    args: unknown[] = [],
    options?: CallOptions,
  ): Promise<void> {
    const late: Promise<Unsent | undefined>[] = [];
    let count = 0;
    try {
      const shared = SharedArguments.from(ownArguments(name, args));
      checkCallOptions(options);
      if (carriesStream(shared)) throw oneReader(name);
      // One that is no wire is told of before any other is called.
      const wires = [...this.#wires];
      wires.forEach(checkMember);
      for (const wire of wires) {
        if (wire.ended !== undefined) continue;
        count++;
        const sent = sendOn(wire, name, shared, options);
        if (sent !== DONE) late.push(outcome(sent, wire));
      }
    } catch (error) {
      return failed(error, reportToConsole, unsent(name));
    }
    if (late.length === 0) return DONE;
    return owned(concluded(late, count, name), reportToConsole, unsent(name));
  }
}

/** Calls on one wire: whatever it throws concerns no other. */
function sendOn(
  wire: BroadcastMember,
  name: string,
  shared: unknown[],
  options: CallOptions | undefined,
): Promise<void> {
  const own = Wire.callerOf(wire);
  try {
    const sent: unknown = (own ?? wire).send(name, shared, options);
    if (sent instanceof OwnPromise || own !== undefined) {
      return sent as Promise<void>;
    }
    // A member of somebody else's may answer without a promise, and tells
    // nobody of what goes wrong.
    return owned(Promise.resolve(sent as void), reportOf(wire), unsent(name));
  } catch (error) {
    return failed(error, reportOf(wire), unsent(name));
  }
}

/** Who hears of what goes wrong for a wire. */
function reportOf(wire: object): Report {
  return (wire as { [REPORT]?: Report })[REPORT] ?? reportToConsole;
}

/** Whether it is the arguments that cannot be sent, and no want of room. */
function isUnsendable(error: unknown): boolean {
  return isA(error, WireError) && (error.code === "unsupportedValue" ||
    error.code === "limit" && error.sent === undefined);
}

/** A call that one wire did not take, because of its arguments. */
interface Unsent {
  readonly wire: object;
  readonly error: unknown;
}

/**
 * What becomes of a call on one wire. The wire itself tells what goes wrong,
 * but for what is wrong with the arguments: that may be the broadcast's.
 */
function outcome(
  sent: Promise<void>,
  wire: object,
): Promise<Unsent | undefined> {
  return overheard(sent, (error) => {
    if (!isUnsendable(error)) return undefined;
    sent.catch(() => {});
    return { wire, error };
  });
}

/** Tells the one who hears of what goes wrong for a wire. */
function tell({ wire, error }: Unsent, name: string): void {
  failed(error, reportOf(wire), unsent(name));
}

/** Arguments that nobody takes are the broadcast's fault, and not a wire's. */
async function concluded(
  late: readonly Promise<Unsent | undefined>[],
  count: number,
  name: string,
): Promise<void> {
  const unsent = (await Promise.all(late)).filter((one) => one !== undefined);
  if (unsent.length === count) throw unsent[0]!.error;
  for (const one of unsent) tell(one, name);
}

function checkMember(wire: unknown): asserts wire is BroadcastMember {
  if (typeof (wire as Partial<BroadcastMember> | null)?.send === "function") {
    return;
  }
  throw noMember(wire);
}

function noMember(wire: unknown): WireError {
  return new WireError(
    "invalidArgument",
    `A broadcast goes to wires, and among them is ${shown(wire)}.`,
  );
}

function nothingIsAnswered(): Promise<never> {
  return Promise.reject(
    new WireError("invalidArgument", "Nothing is answered to a broadcast."),
  );
}

function oneReader(name: string): WireError {
  return new WireError(
    "unsupportedValue",
    `A stream among the arguments of "${name}" has one reader, and a broadcast many. Call the function on each wire with a stream of its own, or broadcast the items.`,
  );
}

/** The groups that each wire is in, so that it leaves all of them at once. */
const memberships = new WeakMap<object, Set<WireGroup>>();

/**
 * Wires that are called together: a room of a chat, the readers of a document.
 * One that ends is taken out. A wire
 * keeps its groups alive: `clear()` one that is no longer used.
 *
 * @typeParam Remote The interface that the peers serve.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire";
 * import { WireGroup } from "@remote/wire/broadcast";
 *
 * const [near, far] = wirePair<{ say(text: string): void }>();
 * const heard = Promise.withResolvers<string>();
 * far.serve({ say: heard.resolve });
 *
 * const room = new WireGroup<{ say(text: string): void }>();
 * room.add(near);
 * room.remote.say("hello");
 * if (await heard.promise !== "hello") throw new Error();
 * await near.close();
 * if (room.size !== 0) throw new Error("It has not left.");
 * ```
 */
export class WireGroup<Remote extends object = AnyFunctions> implements
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  Iterable<Wire<Remote, any, any>> {
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  readonly #wires = new Set<Wire<Remote, any, any>>();
  readonly #toAll: Broadcast<Remote> = broadcast<Remote>(this.#wires);

  /** How many wires are in it. */
  get size(): number {
    return this.#wires.size;
  }

  /** The members' functions, called one way: see {@linkcode Broadcast}. */
  get remote(): RemoteSend<Remote> {
    return this.#toAll.remote;
  }

  /** The same with a signal, a deadline or metadata. */
  with(options: CallOptions): Pick<Remotes<Remote>, "remote"> {
    return this.#toAll.with(options);
  }

  /**
   * Lets a wire in; one that has ended, or is in, changes nothing.
   *
   * @param wire The wire.
   * @returns The group.
   * @throws {WireError} `invalidArgument` for what is no wire.
   */
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  add(wire: Wire<Remote, any, any>): this {
    if (!isA(wire, Wire)) throw noMember(wire);
    if (wire.ended !== undefined || this.#wires.has(wire)) return this;
    const group = this as unknown as WireGroup;
    const groups = memberships.get(wire);
    if (groups === undefined) {
      const joined = new Set([group]);
      memberships.set(wire, joined);
      wire.onDeath(() => {
        for (const each of joined) each.delete(wire as unknown as Wire);
      });
    } else {
      groups.add(group);
    }
    this.#wires.add(wire);
    return this;
  }

  /**
   * Takes a wire out.
   *
   * @param wire The wire.
   * @returns Whether it was in.
   */
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  delete(wire: Wire<Remote, any, any>): boolean {
    memberships.get(wire)?.delete(this as unknown as WireGroup);
    return this.#wires.delete(wire);
  }

  /** Whether a wire is in. */
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  has(wire: Wire<Remote, any, any>): boolean {
    return this.#wires.has(wire);
  }

  /** Takes all out. */
  clear(): void {
    for (const wire of [...this.#wires]) this.delete(wire);
  }

  /** The wires, in the order in which they came. */
  // deno-lint-ignore no-explicit-any -- whatever this side serves
  [Symbol.iterator](): IterableIterator<Wire<Remote, any, any>> {
    return this.#wires.values();
  }
}
