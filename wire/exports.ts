/**
 * What every user of a wire needs: `mod.ts` exports it, and `wire/mod.ts` does,
 * in addition to what those need who build upon wires.
 *
 * @module
 */

export {
  formatAddress,
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
export { decodeValue, encodeValue } from "./codec/single_value.ts";
export {
  type AnyValueType,
  type Declared,
  type ValueType,
  valueType,
} from "./codec/value_types.ts";
export { wirePair } from "./pair.ts";
export {
  CallContext,
  type CallOptions,
  type IdentityOf,
} from "./rpc/context.ts";
export type { Demanded } from "./base/checks.ts";
export type { Peer } from "./session/handshake.ts";
export type { FunctionInfo } from "./rpc/served.ts";
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
} from "./rpc/remote_object.ts";
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
