/**
 * A wire between two processes: typed messages, calls of each other's
 * functions, and the servers and clients that make the connection.
 *
 * One process makes a request server, which makes a wire of each connection;
 * the other connects and gets the same wire. Names and semantics are those of
 * CMUCL's REMOTE and WIRE packages.
 *
 * Begin with {@linkcode createRequestServer}, {@linkcode connectToRemoteServer}
 * and the {@linkcode Wire} that both give. {@linkcode makeRemoteObject} passes
 * objects by reference, {@linkcode contract} adds schemas,
 * {@linkcode keepConnected} connects again, and {@linkcode startUpServer}
 * serves lines of text.
 *
 * @example A server and a client
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 *
 * const server = createRequestServer(0, (wire) => {
 *   wire.serve<Calculator>({ add: (a, b) => a + b });
 *   return true;
 * });
 *
 * const wire = await connectToRemoteServer<Calculator>(
 *   "localhost",
 *   server.port,
 * );
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await server.shutdown();
 * ```
 *
 * @module
 */

export {
  type AllValues,
  type AnyContract,
  type AnyErrorCode,
  type AnyFunction,
  type AnyFunctions,
  type Arguments,
  type ArgumentsOf,
  type BackoffOptions,
  type ByteDuplex,
  type CallChanges,
  CallContext,
  type CalledFunctions,
  type Caller,
  type CallFate,
  type CallKind,
  type CallOptions,
  checkPort,
  type Clock,
  type Connect,
  type ConnectedInfo,
  Contract,
  contract,
  type ContractDefinition,
  type ContractIssue,
  type ContractTypes,
  DeclaredError,
  type DeclaredErrors,
  decodeValue,
  DEFAULT_LIMITS,
  type DefinitionPart,
  type DescribedContract,
  type Dialect,
  encodeValue,
  findService,
  type FirstValue,
  type FlowBytes,
  type FlowStats,
  formatAddress,
  FrameDecoder,
  type FunctionDefinition,
  type FunctionDescription,
  type FunctionInfo,
  type FunctionNames,
  type Functions,
  hostInteger,
  hostName,
  type Implementation,
  isRemoteObject,
  type JsonSchemaSource,
  keepConnected,
  type KeepConnectedOptions,
  type KeptCallOptions,
  KeptConnection,
  type KeptStats,
  LINE_STREAM_DEFAULTS,
  LineStream,
  type LineStreamOptions,
  LIST_FUNCTIONS,
  type LocalName,
  type LostInfo,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Metadata,
  type Middleware,
  type MiddlewareCall,
  type NotSendable,
  type Omissible,
  type PlainFunctions,
  type PlainValue,
  type Received,
  type ReceivedList,
  type ReceivedMember,
  REFERENCE,
  type Reference,
  Refusal,
  remoteCaller,
  RemoteError,
  type RemoteErrorInit,
  type RemoteFunction,
  type RemoteNames,
  type RemoteObject,
  remoteObjectEq,
  remoteObjectLocal,
  type RemoteObjectOptions,
  remoteObjectValue,
  type RemotePromise,
  type Remotes,
  type RemoteSend,
  type RemoteStream,
  type RemoteValue,
  type RemoteValues,
  resolveLimits,
  resolveLineStreamOptions,
  type ResultNotSendable,
  type ResultOf,
  type ResultRemotes,
  type ResultsOf,
  type SchemaInput,
  type SchemaInputs,
  type SchemaIssue,
  type SchemaOutput,
  type SchemaOutputs,
  type SchemaResult,
  type SchemaTypes,
  type Sendable,
  type ServableFunctions,
  type ServedFunctions,
  type ServiceFile,
  servicePort,
  type Session,
  type SessionEnd,
  type SessionOptions,
  type SocketLike,
  socketTransport,
  type StandardSchema,
  type StandardSchemaProperties,
  streamTransport,
  systemClock,
  type Transport,
  Values,
  values,
  Wire,
  type WireAddress,
  WireError,
  type WireErrorCode,
  type WireErrorOptions,
  type WireLimits,
  type WireOptions,
  wirePair,
  type WireStats,
} from "./wire/mod.ts";
export {
  type Announce,
  type ConnectAnswer,
  createRequestServer,
  DEFAULT_LISTENER_LIMITS,
  destroyRequestServer,
  type ListenerLimits,
  type ListenerOptions,
  type ListenerPermissions,
  type OnConnect,
  RequestServer,
  type RequestServerOptions,
  type ServerProcess,
  type ServerTls,
  startUpServer,
  type StartUpServerOptions,
  type StreamFunction,
  StreamServer,
  type StreamServerInit,
} from "./server/mod.ts";
export {
  type ClientTls,
  type ConnectOptions,
  connectToRemoteServer,
  type HostEntry,
  lookupHostEntry,
  type LookupOptions,
  openTcpStream,
  type OpenTcpStreamOptions,
} from "./client/mod.ts";
