/**
 * The wire itself, over any connection: what runs wherever the web platform
 * does, without `Deno.*`, permissions or dependencies.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ add: (a: number, b: number) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

export {
  checkPort,
  formatAddress,
  hostInteger,
  hostName,
  type WireAddress,
} from "./base/address.ts";
export type { CallOptions } from "./rpc/context.ts";
export { type Clock, systemClock } from "./base/clock.ts";
export { CallContext } from "./rpc/context.ts";
export {
  type AnyContract,
  Contract,
  contract,
  type Functions,
} from "./contract/contract.ts";
export type {
  CalledFunctions,
  ContractDefinition,
  ContractTypes,
  DeclaredErrors,
  DefinitionPart,
  FunctionDefinition,
  Implementation,
  Omissible,
  PlainFunctions,
  SchemaInputs,
  SchemaOutputs,
  ServableFunctions,
} from "./contract/contract_types.ts";
export { DeclaredError } from "./contract/declared_error.ts";
export type {
  DescribedContract,
  FunctionDescription,
} from "./rpc/introspection.ts";
export {
  type AnyErrorCode,
  type CallFate,
  Refusal,
  RemoteError,
  type RemoteErrorInit,
  WireError,
  type WireErrorCode,
  type WireErrorOptions,
} from "./base/errors.ts";
export type {
  Dialect,
  FlowBytes,
  FlowStats,
  Session,
  SessionEnd,
  SessionOptions,
  WireStats,
} from "./session/dialect.ts";
export type { Metadata } from "./codec/messages.ts";
export type {
  CallChanges,
  CallKind,
  Middleware,
  MiddlewareCall,
} from "./rpc/middleware.ts";
export { type FunctionInfo, LIST_FUNCTIONS } from "./rpc/introspection.ts";
export { FrameDecoder } from "./codec/frames.ts";
export {
  keepConnected,
  KeptConnection,
  type KeptStats,
} from "./reconnect/keep_connected.ts";
export type {
  BackoffOptions,
  Connect,
  ConnectedInfo,
  KeepConnectedOptions,
  KeptCallOptions,
  LostInfo,
} from "./reconnect/keep_options.ts";
export {
  DEFAULT_LIMITS,
  resolveLimits,
  type WireLimits,
} from "./base/limits.ts";
export {
  LINE_STREAM_DEFAULTS,
  LineStream,
  type LineStreamOptions,
  resolveLineStreamOptions,
} from "./lines/line_stream.ts";
export { Values, values } from "./base/multiple_values.ts";
export { wirePair } from "./pair.ts";
export type { Caller } from "./rpc/remote.ts";
export type {
  AllValues,
  Answer,
  AnyFunction,
  AnyFunctions,
  AnyTuple,
  Arguments,
  ArgumentsOf,
  Callable,
  CallBack,
  CallBackResult,
  Checked,
  CheckedList,
  CheckedParts,
  CheckedResult,
  FirstValue,
  Formed,
  FormedMembers,
  FormedProperties,
  FormOf,
  FunctionNames,
  HeadAndRest,
  IsData,
  LocalName,
  NoData,
  NoMap,
  NotSendable,
  Opaque,
  PlainValue,
  Received,
  ReceivedItems,
  ReceivedList,
  ReceivedMember,
  Reference,
  RemoteFunction,
  RemoteNames,
  RemoteObject,
  RemotePromise,
  Remotes,
  RemoteSend,
  RemoteStream,
  RemoteValue,
  RemoteValues,
  ResultNotSendable,
  ResultOf,
  ResultRemotes,
  ResultsOf,
  Sendable,
  SendableList,
  SendFunctions,
  SentArguments,
  SentItems,
  ServedFunctions,
  TypeForm,
  Unsendable,
  ValueFunction,
  ValueFunctions,
  ValuesFunction,
  ValuesFunctions,
  WhyNot,
  WhyPart,
  WhyResult,
} from "./rpc/remote_types.ts";
export { REFERENCE } from "./rpc/remote_types.ts";
export {
  isRemoteObject,
  makeRemoteObject,
  remoteCaller,
  remoteObjectEq,
  remoteObjectLocal,
  type RemoteObjectOptions,
  remoteObjectValue,
} from "./rpc/remote_object.ts";
export {
  findService,
  type ServiceFile,
  servicePort,
} from "./lines/services.ts";
export {
  type ByteDuplex,
  memoryTransports,
  type SocketLike,
  socketTransport,
  streamTransport,
  type Transport,
} from "./transport/transport.ts";
export { decodeValue, encodeValue } from "./codec/single_value.ts";
export type {
  JsonSchemaSource,
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  SchemaTypes,
  StandardSchema,
  StandardSchemaProperties,
} from "./contract/standard_schema.ts";
export type { ContractIssue } from "./contract/standard_schema.ts";
export { makeWire, Wire, type WireOptions } from "./wire.ts";
