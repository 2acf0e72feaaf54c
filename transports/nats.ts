/**
 * Wires over NATS: servers that share a name stand behind it as one, and a
 * client's wire goes to one of them, by a connection to NATS that you bring.
 *
 * @example Both ends over one connection, for once
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import {
 *   connectNats,
 *   type NatsConnectionLike,
 *   serveNats,
 * } from "@remote/wire/nats";
 *
 * // const nats = await connect({ servers: "127.0.0.1:4222" });
 * export async function example(nats: NatsConnectionLike) {
 *   await using server = createRequestServer(null, {
 *     functions: { add: (a: number, b: number) => a + b },
 *   });
 *   await using _service = await serveNats(server, nats, "calculator");
 *   await using wire = await connectNats(nats, "calculator");
 *   return await wire.remoteValue.add(40, 2);
 * }
 * ```
 *
 * @module
 */

import {
  checkFunctions,
  checkOptionKeys,
  joined,
} from "../wire/base/checks.ts";
import { checkTime } from "../wire/base/clock.ts";
import { errorMessage, shown, WireError } from "../wire/base/errors.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import {
  checkClear,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import type { Wire } from "../wire/wire.ts";
import { CONNECT_KEYS, type Connecting, connectOver } from "./_connecting.ts";
import {
  AWAY,
  dialNats,
  isOpening,
  isSubject,
  type NatsConnectionLike,
  NatsLink,
  type NatsMessageLike,
  NatsSession,
  type NatsSubscriptionLike,
  ROOT,
  token,
  troubleWith,
  unsubscribe,
} from "./_nats_session.ts";

export type { Connecting } from "./_connecting.ts";
export type {
  NatsConnectionLike,
  NatsMessageLike,
  NatsSubscriptionLike,
} from "./_nats_session.ts";

/** The queue group of the servers of a name. */
const QUEUE = "remote-wire";
/** How long the other end may be silent before it is looked for. */
const PROBE = 400;
/** The names of services, as NATS has them. */
const NAME = /^[\w-]{1,100}$/;
/** How NATS wants versions to be. */
const VERSION = /^\d+\.\d+\.\d+([-+][\w.+-]+)?$/;

/** What both ends may be told. Everything has a default. */
export interface NatsOptions {
  /**
   * How long the other end may be silent before it is looked for, in
   * milliseconds. A peer that is gone is noticed within twice this time. An idle
   * wire costs one small message each time; `Infinity` leaves it to the wire's
   * own `keepalive`.
   *
   * @default {400}
   */
  probe?: number | undefined;
  /**
   * What the inboxes of clients begin with. A connection that was made with an
   * `inboxPrefix` of its own, because its account allows no other, gives the
   * same here. A server publishes to no inbox that begins otherwise.
   *
   * @default {"_INBOX"}
   */
  inboxPrefix?: string | undefined;
}

/** What a connection over NATS is made with. Everything has a default. */
export interface ConnectNatsOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> extends Connecting<Remote, Local>, NatsOptions {}

const CONNECT_OPTIONS: Readonly<Record<keyof ConnectNatsOptions, true>> =
  /* @__PURE__ */ joined(CONNECT_KEYS, {
    probe: true,
    inboxPrefix: true,
  });

/**
 * Connects to one of the servers that share a name. The wire stays with that
 * server; it ends when the server is gone, which NATS tells in under a second,
 * and when the connection to NATS is lost, even if that comes back. The
 * connection stays yours, and may have any number of wires.
 *
 * @typeParam Remote The interface that the servers serve.
 * @typeParam Local The interface of `options.functions`.
 * @param connection A connection to NATS, such as that of
 * `@nats-io/transport-node`.
 * @param name The name of the servers.
 * @param options Time limits, and what this side serves.
 * @returns A promise of the wire, once a server has accepted it. What
 * `keepConnected` is given may be a function that returns this.
 * @throws {WireError} As a rejection that names the address: `invalidArgument`;
 * `connectionRefused` where there is no such server; `connectFailed` while the
 * NATS server is away; `permissionDenied` where NATS does not allow a subject;
 * `timeout`, `cancelled`, and what `connectToRemoteServer` rejects with once
 * there is a connection.
 *
 * @example With `keepConnected`, across restarts of servers and of NATS
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { connectNats, type NatsConnectionLike } from "@remote/wire/nats";
 *
 * export function calculator(nats: NatsConnectionLike) {
 *   return keepConnected(() => connectNats(nats, "calculator"));
 * }
 * ```
 */
export async function connectNats<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  connection: NatsConnectionLike,
  name: string,
  options?: ConnectNatsOptions<Remote, Local> | null,
): Promise<Wire<Remote, Local>> {
  options ??= {};
  checkOptionKeys(options, CONNECT_OPTIONS, "connectNats()");
  const { probe, inboxPrefix, ...rest } = options;
  const common = checkCommon(connection, name, { probe, inboxPrefix });
  const server = connection.getServer();
  return await connectOver<Remote, Local>(
    `nats://${server}/${name}`,
    rest,
    () => {
      checkWay(connection, server, rest);
      return dialNats(connection, name, common);
    },
  );
}

/** Refuses to show a secret to whoever listens on the way to NATS. */
function checkWay(
  { info }: NatsConnectionLike,
  server: string,
  options: Parameters<typeof checkClear>[0],
): void {
  if (info?.tls_required === true) return;
  const hostname = server.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const address: WireAddress = { transport: "tcp", hostname, port: 4222 };
  checkClear(options, address, "Connect to NATS by TLS");
}

/** The options that both ends share, checked. */
interface Checked {
  readonly probe: number;
  readonly inboxPrefix: string;
}

/** What a wire calls of a connection. */
const METHODS = [
  ...["publish", "subscribe", "flush", "status", "isClosed", "getServer"],
] as const;

function checkCommon(
  connection: NatsConnectionLike,
  name: string,
  { probe = PROBE, inboxPrefix = "_INBOX" }: NatsOptions,
): Checked {
  const parts = Object(connection) as Record<string, unknown>;
  const missing = METHODS.find((each) => typeof parts[each] !== "function");
  if (missing !== undefined) {
    throw new WireError(
      "invalidArgument",
      `A connection to NATS is what connect() of @nats-io/transport-node resolves to, and not ${
        shown(connection)
      }: it has no ${missing}().`,
    );
  }
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new WireError(
      "invalidArgument",
      `The name of servers at NATS has letters, digits, "_" and "-", up to 100 of them, and is not ${
        shown(name)
      }.`,
    );
  }
  checkTime(probe, "probe");
  if (typeof inboxPrefix !== "string" || !isSubject(inboxPrefix)) {
    throw new WireError(
      "invalidArgument",
      `The option "inboxPrefix" is the beginning of a subject, such as "_INBOX", and not ${
        shown(inboxPrefix)
      }.`,
    );
  }
  return { probe, inboxPrefix };
}

/** What takes connections; a request server does. */
export interface NatsAdopter {
  /** Takes one. */
  adopt(connection: Transport, address?: WireAddress): void;
  /** Resolves when it takes no more. */
  readonly stopped?: Promise<void> | undefined;
}

/** How a server is known at NATS. Everything has a default. */
export interface ServeNatsOptions extends NatsOptions {
  /**
   * The version of the service, as the tools of NATS show it.
   *
   * @default {"0.0.0"}
   */
  version?: string | undefined;
  /**
   * What the service is, as the tools of NATS show it.
   *
   * @default {""}
   */
  description?: string | undefined;
}

const SERVE_OPTIONS: Readonly<Record<keyof ServeNatsOptions, true>> = {
  probe: true,
  inboxPrefix: true,
  version: true,
  description: true,
};

/** A server's place behind its name. */
export interface NatsService extends AsyncDisposable {
  /** The name, which servers share. */
  readonly name: string;
  /** What tells this server from the others of the name. */
  readonly id: string;
  /** The subject at which it is asked for sessions. */
  readonly subject: string;
  /**
   * Takes no more wires, and is listed no more; those that there are stay.
   * Whoever asks meanwhile is sent to another server of the name.
   *
   * @returns A promise that resolves when NATS sends nobody here any more.
   */
  stop(): Promise<void>;
}

/**
 * Has a request server take wires over NATS, under a name. Servers with the same
 * name share the work: NATS sends each client to one of them. They answer NATS's
 * service protocol, too, so that its tools list them.
 *
 * It ends by `stop()`, and when the server is destroyed or shut down. The
 * connection stays yours, and may have any number of services and wires.
 *
 * @param server The server, such as `createRequestServer(null, …)`.
 * @param connection A connection to NATS, such as that of
 * `@nats-io/transport-node`.
 * @param name The name: letters, digits, `_` and `-`.
 * @param options How it is known.
 * @returns A promise of its place behind the name, once NATS sends clients.
 * @throws {WireError} As a rejection: `invalidArgument`, `permissionDenied`
 * where NATS does not allow the subject, `connectFailed` while the NATS server
 * is away.
 *
 * @example
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { type NatsConnectionLike, serveNats } from "@remote/wire/nats";
 *
 * export async function serve(nats: NatsConnectionLike) {
 *   const server = createRequestServer(null, {
 *     functions: { add: (a: number, b: number) => a + b },
 *   });
 *   await serveNats(server, nats, "calculator", { version: "1.2.0" });
 *   return server;
 * }
 * ```
 */
export async function serveNats(
  server: NatsAdopter,
  connection: NatsConnectionLike,
  name: string,
  options: ServeNatsOptions = {},
): Promise<NatsService> {
  checkOptionKeys(options, SERVE_OPTIONS, "serveNats()");
  checkFunctions(
    server,
    ["adopt"],
    "serveNats() takes a request server, such as createRequestServer(null)",
  );
  const common = checkCommon(connection, name, options);
  const { version = "0.0.0", description = "" } = options;
  if (typeof version !== "string" || !VERSION.test(version)) {
    throw new WireError(
      "invalidArgument",
      `The option "version" is a version such as "1.2.0", and not ${
        shown(version)
      }.`,
    );
  }
  const service = new Service(server, connection, {
    ...common,
    name,
    version,
    description: String(description),
  });
  await service.begin();
  server.stopped?.then(() => service.stop());
  return service;
}

/** What a service is made with. */
interface ServiceOptions extends Checked {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** A server behind its name. */
class Service implements NatsService {
  readonly name: string;
  readonly id: string = token();
  readonly subject: string;
  readonly #server: NatsAdopter;
  readonly #connection: NatsConnectionLike;
  readonly #link: NatsLink;
  readonly #options: ServiceOptions;
  readonly #started = new Date().toISOString();
  /** Those of the service protocol. */
  readonly #listed: NatsSubscriptionLike[] = [];
  #asked: NatsSubscriptionLike | undefined;
  #stopping: Promise<void> | undefined;
  #requests = 0;
  #errors = 0;
  #lastError = "";

  constructor(
    server: NatsAdopter,
    connection: NatsConnectionLike,
    options: ServiceOptions,
  ) {
    this.#server = server;
    this.#connection = connection;
    this.#link = NatsLink.of(connection);
    this.#options = options;
    this.name = options.name;
    this.subject = `${ROOT}.${options.name}`;
  }

  /** Resolves when NATS has the subscriptions. */
  async begin(): Promise<void> {
    this.#link.checkUp();
    let refusal: Error | undefined;
    try {
      const asked = this.#asked = this.#connection.subscribe(this.subject, {
        queue: QUEUE,
        callback: (error, message) => {
          if (error === null) this.#open(message);
        },
      });
      this.#list();
      const closed = asked.closed.then((error) => {
        refusal = error ?? undefined;
      });
      await Promise.race([this.#connection.flush(), closed]);
    } catch (error) {
      refusal = error as Error;
    }
    if (refusal === undefined) return;
    // A connection that comes back would have its subscriptions again.
    this.#unlist();
    if (this.#asked !== undefined) unsubscribe(this.#asked);
    const { code, message } = troubleWith(refusal);
    throw new WireError(
      code === "permissionDenied" ? code : "connectFailed",
      `Cannot serve ${this.name} over NATS: ${message}`,
      { cause: refusal },
    );
  }

  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#unlist();
    try {
      await this.#asked?.drain();
    } catch {
      // The connection was closed, and its subscriptions with it.
    }
  }

  /** A client asks for a session. */
  #open(message: NatsMessageLike): void {
    this.#requests++;
    try {
      this.#take(message);
    } catch (error) {
      // Its owner has closed the connection, or drains it.
      this.#refuse(errorMessage(error));
    }
  }

  #take({ data, reply }: NatsMessageLike): void {
    if (!isOpening(data)) {
      return this.#refuse(
        `${data.length} bytes came, which are no request for a wire`,
      );
    }
    const { inboxPrefix, probe } = this.#options;
    // It says where this server is to publish to.
    if (!isSubject(reply) || !reply.startsWith(inboxPrefix)) {
      return this.#refuse(
        `the inbox of a client does not begin with ${inboxPrefix}`,
      );
    }
    if (this.#stopping !== undefined) {
      // It was sent before NATS knew; the next one goes to another.
      return this.#connection.publish(reply, AWAY);
    }
    const own = `${this.subject}.${token()}`;
    const session = new NatsSession({
      link: this.#link,
      name: this.name,
      own,
      peer: reply,
      probe,
    });
    this.#server.adopt(session.transport);
  }

  #refuse(why: string): void {
    this.#errors++;
    this.#lastError = why;
  }

  /** Answers NATS's service protocol. */
  #list(): void {
    const { name, id } = this;
    for (const [verb, answer] of Object.entries(this.#answers())) {
      const root = `$SRV.${verb}`;
      for (
        const subject of [root, `${root}.${name}`, `${root}.${name}.${id}`]
      ) {
        const subscription = this.#connection.subscribe(subject, {
          callback: (error, { reply }) => {
            if (error !== null || !isSubject(reply)) return;
            try {
              this.#connection.publish(reply, JSON.stringify(answer()));
            } catch {
              // Its owner has closed the connection.
            }
          },
        });
        this.#listed.push(subscription);
      }
    }
  }

  #unlist(): void {
    for (const subscription of this.#listed.splice(0)) {
      unsubscribe(subscription);
    }
  }

  #answers(): Record<string, () => object> {
    const { name, id, subject } = this;
    const { version, description } = this.#options;
    const identity = { name, id, version, metadata: {} };
    const endpoint = { name: "wires", subject, queue_group: QUEUE };
    const answer = (verb: string, rest: object) => ({
      type: `io.nats.micro.v1.${verb}_response`,
      ...identity,
      ...rest,
    });
    return {
      PING: () => answer("ping", {}),
      INFO: () =>
        answer("info", {
          description,
          endpoints: [{ ...endpoint, metadata: {} }],
        }),
      STATS: () =>
        answer("stats", {
          started: this.#started,
          endpoints: [{
            ...endpoint,
            num_requests: this.#requests,
            num_errors: this.#errors,
            last_error: this.#lastError,
            processing_time: 0,
            average_processing_time: 0,
          }],
        }),
    };
  }
}
