/**
 * What every user of a wire needs: `mod.ts` exports it, and `wire/mod.ts` does,
 * in addition to what those need who build upon wires.
 *
 * @module
 */

import type { AnyFunctions } from "./rpc/remote_types.ts";
import { mistaken } from "./base/checks.ts";
import {
  formatAddress as addressText,
  memoryTransports,
  type WireAddress,
} from "./transport/transport.ts";
import { makeWire, type Wire, type WireOptions } from "./wire.ts";

export {
  hostInteger,
  hostName,
  type WireAddress,
} from "./transport/transport.ts";
export {
  type AnyErrorCode,
  type CallFate,
  Refusal,
  RemoteError,
  WireError,
  type WireErrorCode,
  type WireErrorOptions,
} from "./base/errors.ts";
export { DEFAULT_LIMITS, type WireLimits } from "./base/limits.ts";
export { Values, values } from "./rpc/context.ts";
export type { Metadata } from "./codec/messages.ts";
export type { TappedMessage } from "./codec/wire_tap.ts";
export { decodeValue, encodeValue } from "./codec/codec.ts";
export {
  type AnyValueType,
  type Declared,
  type ValueType,
  valueType,
} from "./codec/value_types.ts";
export {
  CallContext,
  type CallOptions,
  type CallProgress,
  type IdentityOf,
  type OnceKey,
  type WireCallOptions,
} from "./rpc/context.ts";
export type { Demanded } from "./base/checks.ts";
export type { Peer } from "./session/handshake.ts";
export type { FunctionInfo } from "./rpc/served.ts";
export type { ServesOnce } from "./rpc/incoming_calls.ts";
export type {
  CallChanges,
  CallKind,
  Middleware,
  MiddlewareCall,
} from "./rpc/middleware.ts";
export {
  isRemoteObject,
  makeRemoteObject,
  remoteObjectEq,
  remoteObjectLocal,
  type RemoteObjectOptions,
  remoteObjectValue,
} from "./rpc/remote.ts";
export type {
  AnyFunctions,
  NotSendable,
  Received,
  Reference,
  RemoteFunction,
  RemoteObject,
  RemotePromise,
  Remotes,
  RemoteSend,
  RemoteStream,
  RemoteValue,
  RemoteValues,
  Sendable,
  ServedFunctions,
} from "./rpc/remote_types.ts";
export type { FlowBytes, FlowStats, WireStats } from "./session/dialect.ts";
export {
  type ByteDuplex,
  memoryTransports,
  type PeerCertificate,
  type SocketLike,
  socketTransport,
  streamTransport,
  type Transport,
} from "./transport/transport.ts";
export { type Authenticate, makeWire, Wire, type WireOptions } from "./wire.ts";

/**
 * How an address reads in a message or a log.
 *
 * @param address The address.
 * @returns For instance `"127.0.0.1:7000"`, `"[::1]:7000"` or a path.
 * @throws {WireError} `invalidArgument` for what is no address.
 *
 * @example
 * ```ts
 * import { formatAddress } from "@remote/wire/wire";
 *
 * const text = formatAddress({ transport: "tcp", hostname: "::1", port: 7000 });
 * if (text !== "[::1]:7000") throw new Error(text);
 * ```
 */
export function formatAddress(address: WireAddress): string {
  const { transport, hostname = "", path = "" } = Object(address);
  const texts: unknown[] = [transport, hostname, path];
  if (texts.every((text) => typeof text === "string")) {
    return addressText(address);
  }
  throw mistaken(
    'formatAddress() takes an address, such as { transport: "tcp", hostname: "192.0.2.1", port: 443 }',
    address,
  );
}

/**
 * Makes two wires that are joined in memory. They run the whole protocol, need
 * no permission, and are what tests of functions to be served want.
 *
 * Type parameters are those of the first end, in the order that they have
 * everywhere: `wirePair<Calculator>()` gives a first end that calls a
 * calculator, and a second end that serves it.
 *
 * @typeParam Remote The interface that the first end calls, and the second one
 * serves.
 * @typeParam Local The interface that the first end serves, and the second one
 * calls.
 * @param first Options of the first end.
 * @param second Options of the second end.
 * @returns The two ends.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * near.serve({ name: () => "near" });
 * far.serve({ name: () => "far" });
 * if (await near.remoteValue.name() !== "far") throw new Error();
 * if (await far.remoteValue.name() !== "near") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function wirePair<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  first?: WireOptions<Remote, Local> | null,
  second?: WireOptions<Local, Remote> | null,
): [Wire<Remote, Local>, Wire<Local, Remote>] {
  const [near, far] = memoryTransports();
  const one = makeWire<Remote, Local>(near, first);
  try {
    return [one, makeWire<Local, Remote>(far, second)];
  } catch (error) {
    // The other end's options were wrong: nobody gets this one.
    one.abort(error);
    far.close();
    throw error;
  }
}
