/**
 * What a wire asks of a protocol: the seam between the {@linkcode Wire} that
 * its users see and the bytes behind it.
 *
 * @module
 */

import type { Transport, WireAddress } from "../transport/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { WireError } from "../base/errors.ts";
import type { MemoryPool, PassingQuota, WireLimits } from "../base/limits.ts";
import type { MessageDecoder } from "../codec/message_tap.ts";
import type { ValueTypes } from "../codec/value_types.ts";
import type { Middleware } from "../rpc/middleware.ts";
import type { Caller } from "../rpc/remote.ts";
import type { ServesOnce } from "../rpc/incoming_calls.ts";

/** How many bytes of each kind of message; each counts 64 more than it has. */
export interface FlowBytes {
  /** Of calls for an answer, until they are answered. */
  readonly calls: number;
  /** Of one-way calls, until they are done and the peer knows. */
  readonly sends: number;
  /** Of typed messages, until they are taken and the peer knows. */
  readonly messages: number;
}

/** Flow control of a wire, as it is now. */
export interface FlowStats {
  /** What this side has sent, as it counts against the peer's windows. */
  readonly sent: FlowBytes;
  /** What the peer has sent, as it counts against this side's windows. */
  readonly received: FlowBytes;
  /** What is left, in bytes, for the windows of the peer's streams to grow. */
  readonly streamSpare: number;
}

/**
 * Counts of a wire: those that begin with "Now" tell how it is now, the others
 * add up.
 *
 * @example
 * ```ts
 * import { wirePair, type WireStats } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ add: (a: number, b: number) => a + b });
 * const before: WireStats = near.stats();
 * await near.remoteValue.add(40, 2);
 * const after = near.stats();
 * if (after.callsMade - before.callsMade !== 1) throw new Error();
 * if (after.callsPending !== 0 || far.stats().callsServed !== 1) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface WireStats {
  /** Bytes that came. */
  readonly bytesReceived: number;
  /** Bytes handed to the operating system. */
  readonly bytesSent: number;
  /** Chunks in which bytes came. */
  readonly reads: number;
  /** Writes of collected output. */
  readonly writes: number;
  /** Messages of all kinds that came. */
  readonly messagesReceived: number;
  /** Messages of all kinds that were sent. */
  readonly messagesSent: number;
  /** Pings, and answers to them, among the messages of both directions. */
  readonly signsOfLife: number;
  /** Calls made for an answer. */
  readonly callsMade: number;
  /** Calls of the peer that were begun, one-way calls included. */
  readonly callsServed: number;
  /** Now: calls made that have no answer. */
  readonly callsPending: number;
  /** Now: those of them that wait their turn on this side. */
  readonly callsWaiting: number;
  /** Now: calls of the peer that run or wait to. */
  readonly callsRunning: number;
  /** Now: objects of this side that the peer holds. */
  readonly objectsExported: number;
  /** Now: objects of the peer that this side holds. */
  readonly objectsImported: number;
  /** Now: streams of the peer that are open. */
  readonly streamsReceiving: number;
  /** Now: streams of this side that are open. */
  readonly streamsSending: number;
  /** Now: typed messages that wait to be taken. */
  readonly inbox: number;
  /**
   * Now: bytes of memory that what came and is not dealt with takes, about,
   * beyond those that count against windows.
   */
  readonly memoryHeld: number;
  /** Now: bytes of output that wait. */
  readonly outputWaiting: number;
  /** Now: what counts against the windows of both sides. */
  readonly flow: FlowStats;
}

/** The end of a session, as a wire passes it on. */
export interface SessionEnd {
  /** The reason; undefined while the session lives. */
  readonly reason: WireError | undefined;
  /** Aborts with the reason. */
  readonly signal: AbortSignal;
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<WireError>;
  /** Has a function called once, with the reason. */
  listen(listener: (reason: WireError) => void): void;
  /**
   * Has a function called once, when the peer closes gracefully. A protocol
   * whose peers do not say so has none.
   */
  listenClosing?(listener: () => void): void;
}

/** A connection that speaks a protocol. The methods are those of a wire. */
export interface Session extends Caller {
  /** Where the peer is. */
  readonly address: WireAddress;
  /** Resolves when both ends have accepted each other. */
  readonly opened: Promise<void>;
  /** The end. */
  readonly lifetime: SessionEnd;
  /** Serves functions: the own enumerable properties of an object. */
  serve(functions: object): void;
  /** Sends a typed message. */
  outputObject(value: unknown): Promise<void>;
  /** Takes the next typed message. */
  getObject(): Promise<unknown>;
  /** Resolves when all output so far was handed over. */
  forceOutput(): Promise<void>;
  /** Asks for a sign of life; resolves with milliseconds. */
  ping(): Promise<number>;
  /** Keeps the peer from reaching an object that it has a reference to. */
  forgetRemoteTranslation(value: object): void;
  /** Closes gracefully. */
  close(): Promise<void>;
  /** Ends at once; says whether to tell the peer. */
  end(reason: WireError, tell: boolean): void;
  /** Counts. */
  stats(): WireStats;
}

/** Who counts the peers that show a wrong secret. */
export interface CredentialGate {
  /** Why no secret of this peer is looked at now; undefined if one is. */
  refusal(): WireError | undefined;
  /**
   * The peer showed a wrong secret.
   *
   * @param given What it showed.
   */
  failed(given: string): void;
}

/** What a session is made with: a wire's options, completed. */
export interface SessionOptions {
  /** All limits. */
  readonly limits: Readonly<WireLimits>;
  /** Where the time comes from. */
  readonly clock: Clock;
  /** The secret to show; empty for none. */
  readonly credential: string;
  /** The secrets of which the peer has to show one. */
  readonly requireCredential: readonly string[] | undefined;
  /**
   * Says who a peer is, by the secret that it shows, which may be empty. What
   * comes of it is read by the session: it may be a promise, or throw.
   */
  readonly authenticate?: ((shown: string) => unknown) | undefined;
  /** Told who the peer is, before `confirm`. */
  readonly onIdentity: (identity: unknown) => void;
  /** Whether the peer shows its secret before this side shows its own. */
  readonly peerFirst?: boolean | undefined;
  /**
   * What is printed of messages, as the variable REMOTE_WIRE_DEBUG of the
   * environment says.
   */
  readonly debug?: string | undefined;
  /** Counts wrong secrets, where that is done. */
  readonly gate?: CredentialGate | undefined;
  /** What it holds together with others of one server. */
  readonly sharedMemory?: MemoryPool | undefined;
  /** Bounds what passes by reference, where that is done. */
  readonly quota?: PassingQuota | undefined;
  /** What to tell the peer of the contract that is served here. */
  readonly contract: string;
  /**
   * Compares what the peer tells with what is expected of it.
   *
   * @throws {WireError} `contractMismatch` or `malformed`.
   */
  readonly checkContract: (told: string) => void;
  /** Decides on the peer; it never throws or rejects. */
  readonly confirm: () => boolean | Promise<boolean>;
  /** Whether thrown errors are sent with their stacks. */
  readonly sendStacks: boolean;
  /** The types of values that are declared; undefined where none are. */
  readonly valueTypes?: ValueTypes | undefined;
  /** Whether to record where each call is made. */
  readonly recordCallSites: boolean;
  /** Told of errors that have no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
  /** What calls are served through; the first is the outermost. */
  readonly serveThrough: readonly Middleware[];
  /** Puts what measures a function in its place, where that is done. */
  readonly measure?:
    | ((
      name: string,
      served: (this: unknown, ...args: unknown[]) => unknown,
    ) => (this: unknown, ...args: unknown[]) => unknown)
    | undefined;
  /** Gives one map for the same functions, where wires share what they serve. */
  readonly share?:
    | ((
      served: ReadonlyMap<
        string,
        (this: unknown, ...args: unknown[]) => unknown
      >,
    ) => ReadonlyMap<string, (this: unknown, ...args: unknown[]) => unknown>)
    | undefined;
  /** What calls that are made go through, from the first to the last. */
  readonly callThrough: readonly Middleware[];
  /** Whether to list what is served for a peer that asks. */
  readonly introspection: boolean;
  /** What serves calls that run once; undefined where none do. */
  readonly once?: ServesOnce | undefined;
}

/** A protocol that wires can speak. */
export interface Dialect {
  /** What messages call it. */
  readonly name: string;
  /**
   * Whether it has values of declared types. Where it says false, its wires
   * refuse the option `valueTypes`.
   */
  readonly hasValueTypes?: boolean;
  /**
   * Begins to speak.
   *
   * @param wire What served functions get as `this.wire`.
   * @param transport The connection, which the session owns from now on.
   * @param options The wire's options.
   * @returns The session.
   */
  open(wire: object, transport: Transport, options: SessionOptions): Session;
  /**
   * Makes what shows the messages of one direction, for the option `tap`. Where
   * it is left out, the bytes show as they are.
   *
   * @param limits What the wire takes, for what it receives; undefined for what
   * it sends.
   */
  decoder?(limits?: Readonly<WireLimits>): MessageDecoder;
}
