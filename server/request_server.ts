/**
 * Request servers, after CMUCL's WIRE package: they accept connections and
 * make a wire of each.
 *
 * @module
 */

import {
  type ByteDuplex,
  checkClear,
  checkPort,
  formatAddress,
  socketTransport,
  type Transport,
  transportOf,
  type WireAddress,
} from "../wire/transport/transport.ts";
import {
  checkDemand,
  checkFlags,
  checkGate,
  checkHooks,
  checkSignal,
  type Demanded,
  hookAndOptions,
  type HookForms,
} from "../wire/base/checks.ts";
import { afterLimit, checkTime, systemClock } from "../wire/base/clock.ts";
import {
  errorMessage,
  isThenable,
  shown,
  WireError,
} from "../wire/base/errors.ts";
import {
  Account,
  resolveLimits,
  SharedMemory,
  type WireLimits,
} from "../wire/base/limits.ts";
import {
  DEBUG_VARIABLE,
  type Host,
  type HostConn,
  type HostListener,
  printToStderr,
  troubleOf,
} from "../host/host.ts";
import { callHook, type Report, reporter } from "../wire/base/report.ts";
import type { AnyValueType } from "../wire/codec/value_types.ts";
import type { TappedMessage } from "../wire/codec/wire_tap.ts";
import type { Contract } from "../wire/contract/contract.ts";
import type { ServesOnce } from "../wire/rpc/incoming_calls.ts";
import { type Middleware, telemetryTrouble } from "../wire/rpc/middleware.ts";
import type {
  AnyFunctions,
  ServedFunctions,
} from "../wire/rpc/remote_types.ts";
import type { Dialect } from "../wire/session/dialect.ts";
import { type Authenticate, checkServing, Wire } from "../wire/wire.ts";
import { denoHost } from "../host/deno_host.ts";
import {
  Acceptor,
  checkTarget,
  isTls,
  listen,
  listenerAddress,
  type ListenTarget,
  NoListener,
  peerAddress,
  replaceCertificate,
  type ServerTls,
  TlsLoader,
} from "./_listen.ts";
import {
  AddressLists,
  type AddressOptions,
  Adopted,
  Arrival,
  auditor,
  type ConnectAnswer,
  Guesses,
  networkOf,
  type OnAudit,
  readAnswer,
  Seats,
  ServerCounts,
  type ServerStats,
  sharing,
  type Shortage,
} from "./_admission.ts";
import {
  Newcomers,
  type Passing,
  QuotaKeeper,
  type Quotas,
} from "./_newcomers.ts";

/**
 * Called for each connection whose peer said hello.
 *
 * @typeParam Remote The interface that clients serve.
 * @typeParam Identity What `authenticate` answers of a client.
 * @param wire The new wire. It can serve and call already; the peer's calls
 * arrive when it has been accepted.
 * @param address Where the peer is.
 *
 * @example One client, and no more
 * ```ts
 * import {
 *   connectToRemoteServer,
 *   createRequestServer,
 *   type OnConnect,
 *   WireError,
 * } from "@remote/wire";
 *
 * const onConnect: OnConnect = (wire, address) => {
 *   wire.serve({ from: () => address.transport });
 *   return wire.stats().callsServed === 0 && server.wires.size === 0;
 * };
 * await using server = createRequestServer(0, onConnect);
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port);
 * if (await wire.remoteValue.from() !== "tcp") throw new Error();
 * const error = await connectToRemoteServer("127.0.0.1", server.port)
 *   .catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "refused") throw error;
 * ```
 */
export type OnConnect<
  Remote extends object = AnyFunctions,
  Identity = unknown,
> = (
  wire: Wire<Remote, AnyFunctions, Identity>,
  address: WireAddress,
) => ConnectAnswer | PromiseLike<ConnectAnswer>;

/**
 * What a request server is made with. Everything has a default.
 *
 * @typeParam Remote The interface that clients serve.
 * @typeParam Local The interface that the server serves on every wire.
 * @typeParam Identity What `authenticate` answers of a client.
 *
 * @example
 * ```ts
 * import {
 *   connectToRemoteServer,
 *   createRequestServer,
 *   type RequestServerOptions,
 * } from "@remote/wire";
 *
 * const options: RequestServerOptions = {
 *   functions: { add: (a: number, b: number) => a + b },
 *   requireCredential: "a long secret",
 *   limits: { calls: 10 },
 * };
 * await using server = createRequestServer(0, options);
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port, {
 *   credential: "a long secret",
 * });
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * ```
 */
export interface RequestServerOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
  Identity = unknown,
> extends AddressOptions {
  /**
   * The name or address to listen on.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /**
   * The path of a Unix socket to listen on; the port is not looked at then, and
   * `hostname`, `reusePort` and `tls`, which are for a port, are refused.
   */
  path?: string | undefined;
  /**
   * Whether other processes of the same user may listen on the port as well,
   * with this option too. The operating system gives each new connection to one
   * of them. Linux only, and in Deno only with the flag `--unstable-net`; it is
   * refused elsewhere, and where there is no port.
   *
   * @default {false}
   */
  reusePort?: boolean | undefined;
  /**
   * Certificate and key, both PEM: the server speaks TLS then. With `clientCa`,
   * clients have to show a certificate, too.
   */
  tls?: ServerTls | undefined;
  /** Functions to serve on every wire. */
  functions?:
    | ServedFunctions<Local, Wire<AnyFunctions, AnyFunctions, Identity>>
    | undefined;
  /**
   * The contract that this side keeps on every wire: clients are told, and
   * functions of its that are served are put behind it.
   */
  // deno-lint-ignore no-explicit-any -- the client's view of it is not needed
  serves?: Contract<any, any, Local> | undefined;
  /** The contract that clients are to keep, where the server calls them. */
  // deno-lint-ignore no-explicit-any -- the client's own view is not needed
  expects?: Contract<Remote, any, any> | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<WireLimits> | undefined;
  /**
   * The secret that a client has to show, or several: any of them will do, so
   * that they can be changed one at a time. What is there and undefined, as a
   * variable that is not set, is refused: leave the option out to let
   * everybody in.
   */
  requireCredential?: Demanded;
  /**
   * Says who a client is, in the place of `requireCredential`: gets its
   * address, its certificate and the secret that it shows; answers its
   * identity, or a promise of it, which the wire, the context of a served
   * function and middleware then have as `identity`. Undefined, null and false
   * refuse the client, as does a `Refusal`, thrown or answered, whose text the
   * client gets. What it throws besides is told to `onError`, not to the
   * client. It has as long as `limits.hello`, and what fails counts as a wrong
   * credential does. What is there and undefined is refused.
   */
  authenticate?: Authenticate<Identity>;
  /**
   * What each identity may use, over all of its wires: the same for everybody,
   * or what this answers for one. Where it throws, the client is refused.
   */
  quotas?: Quotas | ((identity: Identity) => Quotas) | undefined;
  /**
   * Told of every connection, and of every call beyond its quotas, that is
   * refused, with the reason.
   */
  onAudit?: OnAudit | undefined;
  /**
   * The secret that the server shows to clients which have shown theirs, for
   * clients that require one. It is refused where neither `requireCredential`
   * nor `authenticate` is given: a secret that everybody is shown is none.
   */
  credential?: string | undefined;
  /**
   * Whether `credential` may be shown over TCP without TLS, beyond this
   * machine, where whoever is on the way can read it.
   *
   * @default {false}
   */
  insecure?: boolean | undefined;
  /**
   * Types of values that are declared, in addition to those that all wires
   * know. Give clients the same: `valueType()` makes them.
   *
   * @default {[]}
   */
  valueTypes?: readonly AnyValueType[] | undefined;
  /** Whether errors take their stacks to the client. @default {false} */
  sendStacks?: boolean | undefined;
  /**
   * The protocol to speak.
   *
   * @default {this module's own}
   */
  dialect?: Dialect | undefined;
  /**
   * What every call of a client is served through; the first is the
   * outermost.
   *
   * @default {[]}
   */
  serveThrough?:
    | readonly Middleware<Wire<AnyFunctions, AnyFunctions, Identity>>[]
    | undefined;
  /**
   * What every call of a client's functions goes through.
   *
   * @default {[]}
   */
  callThrough?:
    | readonly Middleware<Wire<AnyFunctions, AnyFunctions, Identity>>[]
    | undefined;
  /**
   * Whether clients may ask what is served.
   *
   * @default {true}
   */
  introspection?: boolean | undefined;
  /**
   * Whether calls make spans and metrics where OpenTelemetry is on. If it
   * throws, `onError` is told once, and calls go on without it.
   *
   * @default {true}
   */
  telemetry?: boolean | undefined;
  /**
   * Whether `stats()` tells of each function: how often it was called, failed,
   * and how long it took. Each call then costs about half a microsecond more.
   *
   * @default {false}
   */
  measure?: boolean | undefined;
  /**
   * Told of each message of each wire, sent and received. What it throws is
   * told to `onError`. Without it nothing is looked at, and it costs nothing;
   * with it every message is decoded once more.
   */
  tap?:
    | ((
      message: TappedMessage,
      wire: Wire<AnyFunctions, AnyFunctions, Identity>,
    ) => void)
    | undefined;
  /**
   * Called with each new wire and its peer's address; answers whether to accept
   * it, and what to call at the connection's death. Null accepts all. What is
   * there and undefined is refused: leave the option out to let everybody in.
   */
  onConnect?: OnConnect<Remote, Identity> | null;
  /**
   * What remembers calls of clients that are to run once, and what came of
   * them. `onceInMemory()` and `onceInKv()` of `./once` make it. Without, such
   * calls fail, and nothing runs.
   */
  once?: ServesOnce | undefined;
  /**
   * How old a wire gets at most, in milliseconds: then it is closed, which lets
   * calls under way finish that take no longer than the limit `close`. Each has
   * its own age, drawn evenly between half of this and all of it. Clients of `keepConnected` go to another server then, or
   * to this one again; so those of a name with several servers spread over
   * one that was added.
   *
   * @default {Infinity}
   */
  maxWireAge?: number | undefined;
  /** Shuts the server down, gracefully. */
  signal?: AbortSignal | undefined;
  /** Called when the server listens, with its address. */
  onListen?: ((address: WireAddress) => void) | undefined;
  /**
   * Told of errors that have no other place to go.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
}

/** The names of the options, for finding those that are misspelt. */
const OPTION_KEYS: Readonly<Record<keyof RequestServerOptions, true>> = {
  hostname: true,
  path: true,
  reusePort: true,
  tls: true,
  functions: true,
  serves: true,
  expects: true,
  limits: true,
  requireCredential: true,
  authenticate: true,
  quotas: true,
  onAudit: true,
  allow: true,
  deny: true,
  credential: true,
  insecure: true,
  sendStacks: true,
  valueTypes: true,
  dialect: true,
  serveThrough: true,
  callThrough: true,
  introspection: true,
  telemetry: true,
  measure: true,
  tap: true,
  onConnect: true,
  once: true,
  maxWireAge: true,
  signal: true,
  onListen: true,
  onError: true,
};

const FORMS: HookForms = {
  what: "createRequestServer()",
  hook: "onConnect",
  known: OPTION_KEYS,
};

/** How many clients of a network are told at a time why they have to go. */
const CLOSING = 64;
/** The same of all. */
const MOST_CLOSING = 16 * CLOSING;
/** How long one waits, for the others' news to be read, in milliseconds. */
const READING = 20;
/** The share of the limit `hello` that a silent one has while others wait. */
const PATIENCE = 1 / 4;

/**
 * A server that makes wires. {@linkcode createRequestServer} makes one.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * await using server = createRequestServer(0, {
 *   functions: { add: (a: number, b: number) => a + b },
 * });
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * if (server.wires.size !== 1) throw new Error();
 * ```
 */
export class RequestServer implements AsyncDisposable {
  // Over 15 fields: each of its parts is one, and each place of connections.
  readonly #options: RequestServerOptions;
  readonly #limits: Readonly<WireLimits>;
  /** What the wires hold together. */
  readonly #memory: SharedMemory;
  readonly #onConnect: OnConnect | undefined;
  /** What its wires print of their messages. */
  readonly #debug: string | undefined;
  readonly #report: Report;
  /** Told what OpenTelemetry throws; reports the first of all wires. */
  readonly #trouble: (error: unknown) => void;
  /** The wires that were accepted. */
  readonly #wires = new Set<Wire>();
  /** Those that were not yet: their peers said no hello, or are decided on. */
  readonly #handshake = new Map<Wire, Transport>();
  /** Those of them whose peers said no hello: they take nobody's seat. */
  readonly #newcomers: Newcomers<Wire>;
  /** The wires that were accepted, and those that are decided on. */
  readonly #seats: Seats<Wire>;
  /** Those that were not accepted, and whose peers are told why. */
  readonly #leaving: Seats<Wire>;
  /** Who shows wrong credentials, where there is one. */
  readonly #guesses: Guesses | undefined;
  readonly #addresses: AddressLists;
  readonly #quotas: QuotaKeeper | undefined;
  readonly #audit: ReturnType<typeof auditor>;
  readonly #counts: ServerCounts;
  readonly #share = sharing();
  readonly #finished = Promise.withResolvers<void>();
  /** Undefined where the server does not listen. */
  readonly #listener: HostListener | undefined;
  readonly #tls: TlsLoader | undefined;
  readonly #acceptor: Acceptor;
  readonly #address: WireAddress;
  #destroyed = false;
  #accepting = true;
  #turnedAway = 0;

  /**
   * Use {@linkcode createRequestServer}.
   *
   * @param port The port; null is none.
   * @param first What differs from the default, or `onConnect`.
   * @param second What differs from the default, in addition to `onConnect`.
   * @param host The runtime, where that is not Deno.
   */
  constructor(
    port: number | null,
    first?: RequestServerOptions | OnConnect | null,
    second?: RequestServerOptions | null,
    host: Host = denoHost("createRequestServer()"),
  ) {
    printToStderr();
    const { hook, options } = hookAndOptions<OnConnect, RequestServerOptions>(
      first,
      second,
      FORMS,
    );
    if (hook === undefined) checkGate(options, "onConnect");
    checkOptions(options);
    this.#addresses = new AddressLists(options, options.path);
    this.#options = options;
    this.#onConnect = hook;
    this.#debug = host.variable(DEBUG_VARIABLE);
    this.#limits = resolveLimits(options.limits);
    this.#memory = this.#makeMemory();
    const { tls, signal } = options;
    this.#quotas = this.#makeQuotas();
    const listener = listenerOf(host, port, options);
    // Whatever goes wrong from here on, the address is free again.
    using unlessMade = new DisposableStack();
    unlessMade.defer(() => listener?.close());
    this.#listener = listener;
    this.#address = listener === undefined
      ? { transport: "none" }
      : listenerAddress(listener, tls !== undefined);
    this.#report = this.#reporter();
    this.#trouble = telemetryTrouble(this.#report);
    this.#counts = new ServerCounts(systemClock, options.measure ?? false);
    const audit = auditor(options.onAudit, this.#report);
    this.#audit = (event) => {
      this.#counts.refused(event.refused, event.reason);
      audit(event);
    };
    this.#tls = tls === undefined ? undefined : new TlsLoader(host, tls);
    this.#newcomers = this.#makeNewcomers();
    this.#seats = this.#makeSeats();
    this.#leaving = new Seats({
      most: MOST_CLOSING,
      perNetwork: CLOSING,
      yieldAfter: Infinity,
      activity: () => 0,
      end: (wire) => wire.abort(),
    });
    this.#acceptor = new Acceptor({
      host,
      listener: listener ?? new NoListener(),
      ready: this.#tls?.ready,
      onConnection: (conn) => this.#connected(conn),
      count: () => this.#connections + this.#newcomers.waiting,
      shed: (count, isUrgent) =>
        this.#seats.shed(count - this.#newcomers.shed(count, isUrgent)),
      onError: (error) => this.#report(error, "accepting connections"),
    });
    this.#guesses = this.#makeGuesses();
    this.#acceptor.done.then(() => {
      this.#accepting = false;
      this.#checkFinished();
    });
    if (signal !== undefined) this.#shutDownAt(signal);
    if (options.onListen !== undefined) this.#tell(options.onListen);
    unlessMade.move();
  }

  /** Tells where it listens. */
  #tell(onListen: (address: WireAddress) => void): void {
    callHook(
      () => onListen(this.#address),
      (error) => this.#report(error, "onListen"),
    );
  }

  /**
   * Where the server listens; the port is the real one. A server that does not
   * listen has `{ transport: "none" }`.
   */
  get address(): WireAddress {
    return this.#address;
  }

  /** The port that it listens on; 0 where there is none. */
  get port(): number {
    return "port" in this.#address ? this.#address.port : 0;
  }

  /** The wires that were accepted and have not ended. */
  get wires(): ReadonlySet<Wire> {
    return this.#wires;
  }

  /** Resolves when the server listens; it does as soon as it is made. */
  get ready(): Promise<void> {
    return Promise.resolve();
  }

  /** Resolves when the server no longer listens and its last wire has ended. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /**
   * Resolves when the server takes no further connection, after `destroy()` or
   * `shutdown()`; its wires may live on.
   */
  get stopped(): Promise<void> {
    return this.#acceptor.done;
  }

  /** How many connections were turned away because there was no room. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /**
   * What the server has counted: sums over its wires, refusals by reason, limits
   * that were reached, and, with the option `measure`, what each function did.
   */
  stats(): ServerStats {
    return this.#counts.stats(this.#wires, this.#handshake.size);
  }

  /** Listening keeps the process alive; so it is at first. */
  ref(): void {
    this.#listener?.ref();
  }

  /** Listening does not keep the process alive; open wires still do. */
  unref(): void {
    this.#listener?.unref();
  }

  /**
   * Takes a connection that the server did not accept itself: from here on it
   * is like those that it did. The same limits, credentials and `onConnect`
   * decide on it; it is among `wires` then, and `shutdown()` closes it. A server
   * that was destroyed closes it at once.
   *
   * @param connection The connection. It belongs to the server from now on.
   * @param address Where the peer is, where the connection itself does not tell.
   * Peers without a host count as one address; see `wiresPerAddress`. Where
   * there is `allow` or `deny`, who has no IP address may not come in.
   * @throws {WireError} `invalidArgument` for what is no connection, or no
   * address.
   *
   * @example A server in one process with its client
   * ```ts
   * import {
   *   createRequestServer,
   *   makeWire,
   *   memoryTransports,
   * } from "@remote/wire";
   *
   * await using server = createRequestServer(null, {
   *   functions: { add: (a: number, b: number) => a + b },
   * });
   * const [here, there] = memoryTransports();
   * server.adopt(there);
   * await using wire = makeWire(here);
   * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
   * ```
   */
  adopt(connection: Transport | ByteDuplex, address?: WireAddress): void {
    const transport = transportOf(connection);
    const where = address === undefined ? transport.address : address;
    if (!isAddress(where)) {
      throw new WireError(
        "invalidArgument",
        `An address is { transport: "tcp", hostname, port }, for example, and not ${
          shown(where)
        }.`,
      );
    }
    if (this.#destroyed) {
      return callHook(
        () => transport.close(),
        (error) => this.#report(error, "closing the connection"),
      );
    }
    this.#enter(new Adopted(transport, where));
  }

  /**
   * Ends listening, at once: further connection attempts fail, existing wires
   * stay alive. {@linkcode destroyRequestServer} is the seed's name for it.
   *
   * @returns A promise that resolves when the address is free again. Nobody has
   * to wait for it; it never rejects.
   */
  destroy(): Promise<void> {
    if (!this.#destroyed) {
      this.#destroyed = true;
      this.#newcomers.close();
      this.#acceptor.close();
    }
    return this.#acceptor.done;
  }

  /**
   * Ends gracefully: no further connection is accepted, and every wire is
   * closed, which lets calls under way finish.
   *
   * @returns A promise that resolves when all is done.
   */
  async shutdown(): Promise<void> {
    this.destroy();
    for (const wire of this.#handshake.keys()) {
      wire.abort(shuttingDown());
    }
    await Promise.all([...this.#wires].map((wire) => wire.close()));
    await this.finished;
  }

  /** Shuts down, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /**
   * Replaces the certificate: connections that come from now on get the new
   * one. Those that are open live on.
   *
   * @param tls The new certificate and key, PEM. The authorities of clients
   * stay, unless there are new ones, too.
   * @throws {WireError} `invalidArgument` or `tlsFailed` for what is no
   * certificate with its key, and where the server does not speak TLS. The
   * server keeps the one that it has then.
   *
   * @example A certificate that is renewed while the server runs
   * ```ts
   * import type { RequestServer } from "@remote/wire";
   *
   * export function renewOnHangUp(server: RequestServer, folder: string) {
   *   const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
   *   Deno.addSignalListener("SIGHUP", () => {
   *     server.replaceCertificate({
   *       cert: read("server.pem"),
   *       key: read("server.key"),
   *     });
   *   });
   * }
   * ```
   */
  replaceCertificate(tls: ServerTls): void {
    replaceCertificate(this.#tls, tls, "The request server");
  }

  #makeMemory(): SharedMemory {
    const { serverMemory, serverTotal, wires } = this.#limits;
    const account = new Account(
      serverTotal,
      systemClock,
      () => {
        this.#counts.reached("serverTotal");
        this.#acceptor.note("heavy", (count) =>
          new WireError(
            "busy",
            `The server ended ${
              count === 1
                ? "the wire that held most memory"
                : `${count} wires that held most memory`
            }, because all together held ${serverTotal} bytes (its limit "serverTotal").`,
          ));
      },
    );
    return new SharedMemory(serverMemory, wires, account);
  }

  #makeQuotas(): QuotaKeeper | undefined {
    const { quotas, authenticate } = this.#options;
    return quotas === undefined ? undefined : new QuotaKeeper({
      quotas,
      hasIdentities: authenticate !== undefined,
      clock: systemClock,
      onRefused: ({ address, identity }, reason, functionName) =>
        this.#audit({
          refused: "call",
          reason,
          address,
          identity,
          functionName,
        }),
    });
  }

  #makeGuesses(): Guesses | undefined {
    const { requireCredential, authenticate } = this.#options;
    if (requireCredential === undefined && authenticate === undefined) {
      return undefined;
    }
    return new Guesses(
      this.#limits,
      (...told) => this.#acceptor.note(...told),
      authenticate === undefined ? undefined : "it did not show who it is",
    );
  }

  #makeSeats(): Seats<Wire> {
    const { wires, wiresPerAddress, yieldAfter } = this.#limits;
    return new Seats({
      most: wires,
      perNetwork: wiresPerAddress,
      yieldAfter,
      activity: activityOf,
      end: (wire, idle) => this.#endIdle(wire, idle),
    });
  }

  #makeNewcomers(): Newcomers<Wire> {
    const { wiresBeforeHello, handshakesPerAddress, hello } = this.#limits;
    return new Newcomers({
      most: wiresBeforeHello,
      perNetwork: handshakesPerAddress,
      patience: hello * PATIENCE,
      longestWait: hello,
      readsAhead: true,
      mayBegin: (network) => this.#leaving.shortage(network) === undefined,
      begin: (arrival) => this.#begin(arrival),
      hasSpoken: (wire) => this.#hasSpoken(wire),
      end: (wire) => this.#endSilent(wire),
      turnAway: (arrival) => this.#turnAwayUnheard(arrival),
    });
  }

  /** How many connections there are that wires were made of. */
  get #connections(): number {
    return this.#wires.size + this.#handshake.size + this.#leaving.size;
  }

  /** A connection came. */
  #connected(conn: HostConn): void {
    if (this.#destroyed) return conn.close();
    conn.setNoDelay?.(true);
    const { path } = this.#options;
    const address = peerAddress(conn, path, this.#tls !== undefined);
    this.#enter(new Arrival(conn, address, networkOf(address)));
  }

  #enter(arrival: Arrival): void {
    const { network, address } = arrival;
    const refusal = this.#addresses.refusal(address);
    if (refusal !== undefined) {
      arrival.close();
      return this.#audit({ refused: "connection", reason: refusal, address });
    }
    // Whoever guesses by the thousand is not even told so.
    const isShut = this.#guesses?.isShut(network) === true &&
      this.#leaving.shortage(network) !== undefined;
    if (!isShut) return this.#newcomers.enter(arrival);
    arrival.close();
    const reason = this.#guesses!.turnedAway(arrival);
    this.#audit({ refused: "connection", reason, address });
  }

  /** Makes a wire; undefined where that went wrong. */
  #begin(arrival: Arrival): Wire | undefined {
    try {
      const transport = this.#transport(arrival);
      const wire = this.#makeWire(transport, arrival);
      this.#handshake.set(wire, transport);
      this.#follow(wire, arrival.network);
      return wire;
    } catch (error) {
      arrival.close();
      this.#acceptor.lost(error);
      return undefined;
    }
  }

  /** Whether anything has come of a hello, or of a handshake before it. */
  #hasSpoken(wire: Wire): boolean {
    const transport = this.#handshake.get(wire);
    return isTls(transport)
      ? transport.hasBegun
      : wire.stats().bytesReceived > 0;
  }

  /** Sees to it that a wire is forgotten when it has ended. */
  #follow(wire: Wire, network: string): void {
    wire.onDeath((reason) => {
      this.#newcomers.left(wire);
      this.#seats.leave(wire);
      this.#quotas?.leave(wire);
      if (!this.#handshake.delete(wire)) return;
      this.#leaving.take(wire, network);
      if (OWN_END.has(reason.code)) return;
      const { address, identity } = wire;
      this.#audit({ refused: "connection", reason, address, identity });
    });
    wire.closed.then((reason) => {
      if (this.#wires.delete(wire)) this.#counts.ended(wire, reason);
      if (this.#leaving.leave(wire)) this.#newcomers.advance();
      this.#checkFinished();
    });
  }

  #makeWire(transport: Transport, arrival: Arrival): Wire {
    const { network } = arrival;
    const { functions, credential, sendStacks, dialect, serves, expects } =
      this.#options;
    const { requireCredential, authenticate, insecure } = this.#options;
    const { callThrough, introspection, telemetry, valueTypes, once, tap } =
      this.#options;
    const passing = this.#quotas?.passing();
    return new Wire(transport, {
      limits: this.#limits,
      functions,
      serves,
      expects,
      sendStacks,
      valueTypes,
      dialect,
      serveThrough: this.#serveThrough(),
      callThrough,
      introspection,
      telemetry,
      tap,
      once,
      onError: this.#options.onError,
      credential,
      insecure,
      ...(requireCredential === undefined ? {} : { requireCredential }),
      ...(authenticate === undefined ? {} : { authenticate }),
      confirm: (wire) => {
        if (passing !== undefined) this.#applyQuotas(wire, network, passing);
        return this.#confirm(wire, network);
      },
    }, {
      // A secret that every stranger is shown is none; and what comes after the
      // client's hello goes out with this side's own. Where a connection was
      // adopted, the other end may be a server, too.
      peerFirst: credential !== undefined || !(arrival instanceof Adopted),
      gate: this.#guesses?.gateOf(arrival),
      sharedMemory: this.#memory,
      quota: passing,
      debug: this.#debug,
      measure: this.#counts.measure,
      share: this.#share,
      trouble: this.#trouble,
    });
  }

  /** A client without quotas of its own is refused: this throws. */
  #applyQuotas(wire: Wire, network: string, passing: Passing): void {
    try {
      this.#quotas!.enter(wire, network, passing);
    } catch (error) {
      // It is decided on, and no newcomer any more.
      this.#newcomers.left(wire);
      throw error;
    }
  }

  #serveThrough(): readonly Middleware<Wire>[] | undefined {
    const { serveThrough } = this.#options;
    const quotas = this.#quotas;
    return quotas === undefined
      ? serveThrough
      : [quotas.admit, ...serveThrough ?? [], quotas.measure];
  }

  #transport(arrival: Arrival): Transport {
    if (arrival instanceof Adopted) return arrival.transport;
    const { address, socket } = arrival;
    if (this.#tls === undefined) return socketTransport(socket, address);
    const tls = this.#tls.server;
    const transport = tls.transport(socket, address);
    transport.secured.catch((error) => {
      // Whoever closed it knows.
      if (troubleOf(error) === "BadResource") return;
      const reason = tls.trouble(1, error);
      this.#audit({ refused: "connection", reason, address });
      this.#acceptor.note(
        `TLS ${errorMessage(error)}`,
        (count) => tls.trouble(count, error),
      );
    });
    return transport;
  }

  /** There is no room for a connection: its peer is told so. */
  #turnAway(wire: Wire, why: string, told: string): void {
    wire.abort(new WireError("busy", why));
    this.#noteTurnedAway(told);
  }

  #noteTurnedAway(told: string): void {
    this.#turnedAway++;
    this.#acceptor.note(told, (count) =>
      new WireError(
        "busy",
        `The server turned ${
          count === 1 ? "a connection" : `${count} connections`
        } away. ${told}.`,
      ));
  }

  #turnAwayForRoom(wire: Wire, shortage: Shortage | undefined): void {
    const isAll = shortage !== "network";
    const limit = isAll ? "wires" : "wiresPerAddress";
    this.#counts.reached(limit);
    this.#turnAway(
      wire,
      `the server has ${this.#limits[limit]} wires${
        isAll ? "" : " of your address"
      } (its limit "${limit}"). Try again later.`,
      `It has as many wires${
        isAll ? "" : " of one address"
      } as it may (its limit "${limit}")`,
    );
  }

  /** Others wait, and this one does not say hello. */
  #endSilent(wire: Wire): void {
    this.#counts.reached("wiresBeforeHello");
    const transport = this.#handshake.get(wire);
    // Nothing can be told before TLS stands; and not to everybody at a time.
    const isDeaf = isTls(transport) && !transport.isSecure;
    const isCrowded = this.#leaving.shortage(networkOf(wire.address)) !==
      undefined;
    this.#turnAway(wire, UNHEARD, this.#saidNothing);
    if (isDeaf || isCrowded) transport?.close();
  }

  /** It has waited for too long, or too many do. */
  #turnAwayUnheard(arrival: Arrival): void {
    this.#counts.reached("wiresBeforeHello");
    const isDeaf = this.#tls !== undefined && !(arrival instanceof Adopted) ||
      this.#leaving.shortage(arrival.network) !== undefined;
    if (isDeaf) {
      arrival.close();
      const { address } = arrival;
      const reason = new WireError("busy", UNHEARD);
      this.#audit({ refused: "connection", reason, address });
      return this.#noteTurnedAway(this.#saidNothing);
    }
    const wire = this.#begin(arrival);
    if (wire !== undefined) this.#turnAway(wire, UNHEARD, this.#saidNothing);
  }

  get #saidNothing(): string {
    const { wiresBeforeHello, handshakesPerAddress } = this.#limits;
    return `They said no hello while others waited; it holds ${wiresBeforeHello} such connections (its limit "wiresBeforeHello"), ${handshakesPerAddress} of one address ("handshakesPerAddress"), and fewer when it runs out of file descriptors`;
  }

  /** Others wait for a seat, and this one does nothing with its own. */
  #endIdle(wire: Wire, idle: number): void {
    const { yieldAfter } = this.#limits;
    this.#counts.reached("yieldAfter");
    wire.abort(
      new WireError(
        "busy",
        `this wire did nothing for ${
          Math.round(idle / 1000)
        } s, and others wait for its place. Connect again when there is something to do.`,
      ),
    );
    this.#acceptor.note("idle", (count) =>
      new WireError(
        "busy",
        `The server ended ${
          count === 1 ? "a wire that had" : `${count} wires that had each`
        } done nothing for ${yieldAfter} ms, because newcomers found no place (its limits "wires", "wiresPerAddress" and "yieldAfter").`,
      ));
  }

  #confirm(wire: Wire, network: string): boolean | Promise<boolean> {
    this.#newcomers.left(wire);
    if (this.#destroyed) {
      wire.abort(shuttingDown());
      return false;
    }
    if (this.#seats.shortage(network) !== undefined) {
      return this.#findSeat(wire, network);
    }
    this.#seats.take(wire, network);
    return this.#decide(wire);
  }

  /** Somebody else may have to go. */
  async #findSeat(wire: Wire, network: string): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, READING));
    if (wire.ended !== undefined) return false;
    if (!this.#seats.makeRoom(network)) {
      this.#turnAwayForRoom(wire, this.#seats.shortage(network));
      return false;
    }
    this.#seats.take(wire, network);
    return await this.#decide(wire);
  }

  #decide(wire: Wire): boolean | Promise<boolean> {
    const failed = (error: unknown) => {
      this.#report(error, "onConnect");
      return false;
    };
    const answered = (answer: unknown) => this.#answered(wire, answer);
    try {
      const answer = this.#onConnect === undefined
        ? true
        : this.#onConnect(wire, wire.address);
      return isThenable(answer)
        ? Promise.resolve(answer).then(answered).catch(failed)
        : answered(answer);
    } catch (error) {
      return failed(error);
    }
  }

  #answered(wire: Wire, answer: unknown): boolean {
    const { accept, onDeath } = readAnswer(answer);
    if (!accept) return false;
    if (onDeath !== undefined) wire.onDeath(onDeath);
    // It may have ended in the meantime.
    if (wire.ended !== undefined) return true;
    this.#handshake.delete(wire);
    this.#wires.add(wire);
    this.#counts.accepted();
    // From then on it counts what it does.
    wire.opened.then(() => this.#seats.refresh(wire), () => {});
    const { maxWireAge } = this.#options;
    if (maxWireAge !== undefined) {
      const age = maxWireAge * (1 + Math.random()) / 2;
      wire.onDeath(afterLimit(systemClock, age, () => wire.close()));
    }
    return true;
  }

  #shutDownAt(signal: AbortSignal): void {
    const onAbort = () => void this.shutdown();
    if (signal.aborted) queueMicrotask(onAbort);
    else signal.addEventListener("abort", onAbort, { once: true });
    this.finished.then(() => signal.removeEventListener("abort", onAbort));
  }

  #reporter(): Report {
    const { onError } = this.#options;
    const report = reporter(onError);
    if (onError !== undefined) return report;
    // The console does not tell servers apart.
    return (error, where) =>
      report(error, `${where} at ${formatAddress(this.address)}`);
  }

  #checkFinished(): void {
    if (this.#destroyed && !this.#accepting && this.#connections === 0) {
      this.#finished.resolve();
    }
  }
}

/** How a wire ends that nobody has refused. */
const OWN_END: ReadonlySet<string> = new Set([
  "aborted",
  "closed",
  "connectionLost",
  "peerAborted",
]);
const UNHEARD = "no hello came in time, and others wait. Try again later.";

/**
 * What tells whether a wire has done anything: how much was said, but for signs
 * of life. While a call or a stream is under way, or the server has a function
 * or an object of the client, it is not idle.
 */
function activityOf(wire: Wire): number | undefined {
  const stats = wire.stats();
  const waits = stats.callsPending + stats.callsRunning +
    stats.streamsReceiving + stats.streamsSending + stats.objectsImported;
  return waits > 0
    ? undefined
    : stats.messagesReceived + stats.messagesSent - stats.signsOfLife;
}

/** Checks what a server is made with, before there is anything of it. */
function checkOptions(options: RequestServerOptions): void {
  checkSignal(options.signal);
  checkServing(options);
  checkDemand(options);
  checkFlags(options, ["measure"]);
  checkHooks(options, ["onListen", "onError", "onAudit", "tap"]);
  const { maxWireAge = Infinity } = options;
  checkTime(maxWireAge, 'The option "maxWireAge"');
}

/** Whether something is an address; a host, if it has one, is a text. */
function isAddress(address: unknown): boolean {
  if (typeof address !== "object" || address === null) return false;
  const { transport, hostname } = address as Record<string, unknown>;
  return typeof transport === "string" &&
    (!("hostname" in address) || typeof hostname === "string");
}

/** What listens; undefined where the server is not to. */
function listenerOf(
  host: Host,
  port: number | null,
  options: RequestServerOptions,
): HostListener | undefined {
  const [others, why] = port === null
    ? [
      ["hostname", "path", "reusePort", "tls", "onListen"] as const,
      "a server that listens, and the port null says that this one does not",
    ]
    : [
      options.path === undefined
        ? []
        : ["hostname", "reusePort", "tls"] as const,
      'a port, and "path" says that the server listens on a Unix socket',
    ];
  for (const name of others) {
    const value = options[name];
    if (value === undefined || name === "reusePort" && !value) continue;
    throw new WireError(
      "invalidArgument",
      `The option "${name}" is for ${why}. Leave one of them out.`,
    );
  }
  if (port === null) return undefined;
  const target = checkTarget(targetOf(port, options));
  checkClear(options, toAddress(target));
  return listen(host, target, "The request server");
}

/** Where the options say to listen. */
function targetOf(
  port: number,
  { path, hostname = "127.0.0.1", tls, reusePort }: RequestServerOptions,
): ListenTarget {
  if (path !== undefined) return { path };
  return { hostname, port: checkPort(port), tls, reusePort };
}

/** The same, as secrets go there. */
function toAddress(target: ListenTarget): WireAddress {
  return "path" in target
    ? { transport: "unix", path: target.path }
    : { ...target, transport: target.tls === undefined ? "tcp" : "tls" };
}

/**
 * Makes this process accept connections.
 *
 * As in CMUCL: "sets up the current Lisp to accept connections on the given
 * port", and signals an error at once if the port is unavailable. Wires are
 * made as connections come; `onConnect` confirms them.
 *
 * @typeParam Remote The interface that clients serve, for calls of the server.
 * @typeParam Local The interface that the server serves: its `functions`.
 * @typeParam Identity What `authenticate` answers of a client.
 * @param port A port, 0 to 65535; 0 takes a free one, which `port` and `address`
 * tell. Null does not listen: the server has what it is given by `adopt()`.
 * @param options Where to listen, what to serve, whom to accept, and limits;
 * or, as in CMUCL, `onConnect` itself. Null is neither, and accepts all.
 * @returns The server.
 * @throws {WireError} `invalidArgument`, `addressInUse`, `addressUnavailable`,
 * `permissionDenied` or `tlsFailed`.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * const server = createRequestServer(0, (wire, address) => {
 *   wire.serve({ add: (a: number, b: number) => a + b });
 *   return { accept: true, onDeath: (reason) => void [address, reason.code] };
 * });
 * const wire = await connectToRemoteServer("localhost", server.port);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await server.shutdown();
 * ```
 */
export function createRequestServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
  Identity = unknown,
>(
  port: number | null,
  options?:
    | RequestServerOptions<Remote, Local, Identity>
    | OnConnect<Remote, Identity>
    | null,
): RequestServer;
/**
 * Makes this process accept connections, with `onConnect` in its place in
 * CMUCL and options behind it.
 *
 * @typeParam Remote The interface that clients serve, for calls of the server.
 * @typeParam Local The interface that the server serves: its `functions`.
 * @typeParam Identity What `authenticate` answers of a client.
 * @param port A port, 0 to 65535; 0 takes a free one, and null does not listen.
 * @param onConnect Called with each new wire and its peer's address; answers
 * whether to accept, and what to call at the connection's death. Null accepts
 * all.
 * @param options Where to listen, what to serve, and limits.
 * @returns The server.
 * @throws {WireError} As in the other form; and `invalidArgument` where
 * `onConnect` is among the options, too.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * const functions = { add: (a: number, b: number) => a + b };
 * const onConnect = () => true;
 * await using server = createRequestServer(0, onConnect, { functions });
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * ```
 */
export function createRequestServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
  Identity = unknown,
>(
  port: number | null,
  onConnect: OnConnect<Remote, Identity> | null | undefined,
  options:
    | Omit<RequestServerOptions<Remote, Local, Identity>, "onConnect">
    | null
    | undefined,
): RequestServer;
export function createRequestServer(
  port: number | null,
  first?: RequestServerOptions | OnConnect | null,
  second?: Omit<RequestServerOptions, "onConnect"> | null,
): RequestServer {
  return new RequestServer(port, first, second);
}

/** No refusal: a peer may try again, and find the next server. */
function shuttingDown(): WireError {
  return new WireError("aborted", "The server is shutting down.");
}

/**
 * Ends a server: further connection attempts fail, existing wires stay alive,
 * and so do existing connections of a stream server.
 *
 * @param server What {@linkcode createRequestServer} or `startUpServer()`
 * returned.
 * @returns A promise that resolves when the address is free again. Nobody has
 * to wait for it.
 * @throws {WireError} `invalidArgument` for what is no server.
 *
 * @example
 * ```ts
 * import { createRequestServer, destroyRequestServer } from "@remote/wire";
 *
 * const server = createRequestServer(0);
 * await destroyRequestServer(server);
 * const next = createRequestServer(server.port);
 * await destroyRequestServer(next);
 * ```
 */
export function destroyRequestServer(
  server: { destroy(): void | Promise<void> },
): Promise<void> {
  if (
    typeof (server as Partial<typeof server> | null)?.destroy !== "function"
  ) {
    throw new WireError(
      "invalidArgument",
      `destroyRequestServer() takes what createRequestServer() or startUpServer() returned, not ${
        shown(server)
      }.`,
    );
  }
  return Promise.resolve(server.destroy());
}
