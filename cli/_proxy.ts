/**
 * A proxy of bytes: accepts connections, opens one to the target for each, and
 * passes on what comes, both ways, as fast as either end takes it.
 *
 * @module
 */

import { denoHost } from "../host/deno_host.ts";
import { openConnection } from "../client/connect.ts";
import { type ClientTls, formatAddress, WireError } from "../mod.ts";
import { systemClock } from "../wire/base/clock.ts";
import { Attempt } from "../wire/base/lifetime.ts";
import {
  socketTransport,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import {
  WEBSOCKET_PROTOCOL,
  webSocketTransport,
} from "../transports/websocket.ts";
import { type Endpoint, endpointText } from "./_addresses.ts";
import type { From } from "./_recording.ts";

/** Told of what passes. None of it may throw. */
export interface Witness {
  /** A client has come. */
  opened(wire: number, peer: string): void;
  /**
   * Bytes pass; they stay as they are until this returns.
   *
   * @returns A promise where whoever sent them has to wait.
   */
  passed(wire: number, from: From, bytes: Uint8Array): Promise<void> | void;
  /** One side has ended its direction. */
  ended(wire: number, from: From): void;
  /** A wire has ended; `why` tells of trouble. */
  closed(wire: number, why: string | undefined): void;
}

/** Where a proxy is, and what it connects to. */
export interface ProxyOptions {
  readonly listen: Endpoint;
  readonly target: Endpoint;
  /** Certificate and key, PEM, where clients are to speak TLS. */
  readonly own: { readonly cert: string; readonly key: string } | undefined;
  /** Set where the target speaks TLS. */
  readonly tls: ClientTls | undefined;
  /** How long connecting may take, in milliseconds. */
  readonly timeout: number;
  readonly witness: Witness;
}

/** So many wires are open at a time; others wait to be accepted. */
const MOST_WIRES = 1_000;

/** A proxy that listens. */
export class ByteProxy {
  /** Where it listens, as a word of the command line. */
  readonly address: string;
  readonly #options: ProxyOptions;
  readonly #open = new Set<Transport>();
  readonly #wires = new Set<Promise<void>>();
  readonly #close: () => void;
  #wire = 0;
  #isClosed = false;

  /**
   * Begins to listen.
   *
   * @param options Where, and what it connects to.
   * @throws {WireError} `addressInUse`, `permissionDenied` or `connectFailed`.
   */
  constructor(options: ProxyOptions) {
    this.#options = options;
    const { listen } = options;
    try {
      const [address, close] = listen.kind === "websocket"
        ? this.#serveWeb(listen.url)
        : this.#listen(listen);
      this.address = address;
      this.#close = close;
    } catch (error) {
      throw listenError(error, listen);
    }
  }

  /** Ends it at once, with all wires. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#close();
    for (const transport of this.#open) transport.close();
    await Promise.all(this.#wires);
  }

  #listen(
    listen: Exclude<Endpoint, { kind: "websocket" }>,
  ): [string, () => void] {
    const { own } = this.#options;
    if (listen.kind === "unix") {
      const { path } = listen;
      const umask = Deno.umask(0o177);
      let listener: Deno.Listener;
      try {
        listener = Deno.listen({ transport: "unix", path });
      } finally {
        Deno.umask(umask);
      }
      void this.#accept(listener, { transport: "unix", path });
      return [endpointText(listen), () => {
        listener.close();
        removeSocket(path);
      }];
    }
    const { hostname, port } = listen;
    const listener = own === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, ...own });
    const { addr } = listener;
    void this.#accept(listener, undefined);
    return [
      endpointText({ ...listen, port: (addr as Deno.NetAddr).port }),
      () => listener.close(),
    ];
  }

  async #accept(
    listener: Deno.Listener | Deno.TlsListener,
    address: WireAddress | undefined,
  ): Promise<void> {
    const isTls = this.#options.own !== undefined;
    while (!this.#isClosed) {
      if (this.#wires.size >= MOST_WIRES) {
        await Promise.race(this.#wires);
        continue;
      }
      try {
        const conn = await listener.accept();
        (conn as Partial<Deno.TcpConn>).setNoDelay?.(true);
        const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
        const transport = isTls ? "tls" : "tcp";
        this.#begin(
          socketTransport(conn, address ?? { transport, hostname, port }),
        );
      } catch (error) {
        if (this.#isClosed) return;
        // Out of descriptors, say: the next one may come later.
        if (error instanceof Deno.errors.BadResource) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  #serveWeb(url: URL): [string, () => void] {
    const { own } = this.#options;
    const isTls = url.protocol === "wss:";
    const server = Deno.serve(
      {
        hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port === "" ? isTls ? 443 : 80 : Number(url.port),
        onListen() {},
        onError: () => new Response(null, { status: 500 }),
        ...own,
      },
      (request, { remoteAddr }) => {
        if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
          return new Response("This address speaks WebSocket.", {
            status: 426,
            headers: { upgrade: "websocket", connection: "Upgrade" },
          });
        }
        if (this.#wires.size >= MOST_WIRES) {
          return new Response("Too many wires.", { status: 503 });
        }
        const asked = request.headers.get("sec-websocket-protocol") ?? "";
        const isOurs = asked.split(",").some((name) =>
          name.trim() === WEBSOCKET_PROTOCOL
        );
        const { socket, response } = Deno.upgradeWebSocket(
          request,
          isOurs ? { protocol: WEBSOCKET_PROTOCOL } : {},
        );
        const { hostname, port } = remoteAddr as Deno.NetAddr;
        this.#begin(
          webSocketTransport(socket, {
            transport: "websocket",
            hostname,
            port,
          }),
        );
        return response;
      },
    );
    const actual = new URL(url);
    actual.port = String((server.addr as Deno.NetAddr).port);
    return [actual.href, () => void server.shutdown()];
  }

  /** A client has come. */
  #begin(client: Transport): void {
    const wire = ++this.#wire;
    const running = this.#run(wire, client);
    this.#wires.add(running);
    running.finally(() => this.#wires.delete(running));
  }

  /** One wire, from its beginning to its end; it never throws. */
  async #run(wire: number, client: Transport): Promise<void> {
    const { witness } = this.#options;
    this.#open.add(client);
    witness.opened(wire, formatAddress(client.address));
    let why: string | undefined;
    let server: Transport | undefined;
    try {
      server = await this.#connect();
      this.#open.add(server);
      if (this.#isClosed) throw new Error("The proxy was ended.");
      const both = await Promise.allSettled([
        this.#pass(wire, "client", client, server),
        this.#pass(wire, "server", server, client),
      ]);
      for (const one of both) if (one.status === "rejected") throw one.reason;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    for (const end of [client, server]) {
      if (end === undefined) continue;
      end.close();
      this.#open.delete(end);
    }
    witness.closed(wire, this.#isClosed ? "The proxy was ended." : why);
  }

  /** Passes on what comes from one side, to its end. */
  async #pass(
    wire: number,
    from: From,
    source: Transport,
    sink: Transport,
  ): Promise<void> {
    const { witness } = this.#options;
    try {
      for (;;) {
        const chunk = await source.read(true) as
          | Uint8Array<ArrayBuffer>
          | null;
        if (chunk === null) break;
        // While the system takes it, there is time to look at it.
        const writing = written(sink, chunk);
        const mustWait = witness.passed(wire, from, chunk);
        await writing;
        if (mustWait !== undefined) await mustWait;
      }
      witness.ended(wire, from);
      await sink.closeWrite();
    } catch (error) {
      // The other direction is over as well.
      source.close();
      sink.close();
      throw error;
    }
  }

  /** Connects to the target. */
  async #connect(): Promise<Transport> {
    const { target, tls, timeout } = this.#options;
    if (target.kind === "websocket") return dialWeb(target.url, timeout);
    const address: WireAddress = target.kind === "unix"
      ? { transport: "unix", path: target.path }
      : {
        transport: tls === undefined ? "tcp" : "tls",
        hostname: target.hostname,
        port: target.port,
      };
    using attempt = new Attempt(formatAddress(address), {
      timeout,
      signal: undefined,
    });
    return await openConnection({
      host: denoHost("tap"),
      address,
      tls,
      attempt,
    });
  }
}

/** Writes all of a chunk. */
async function written(
  sink: Transport,
  chunk: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    at += await sink.write(at === 0 ? chunk : chunk.subarray(at));
  }
}

/** Connects to a WebSocket. */
function dialWeb(url: URL, timeout: number): Promise<Transport> {
  const socket = new WebSocket(url, [WEBSOCKET_PROTOCOL]);
  const { promise, resolve, reject } = Promise.withResolvers<Transport>();
  const { hostname, port, protocol } = url;
  const transport = webSocketTransport(socket, {
    transport: "websocket",
    hostname,
    port: port === "" ? protocol === "wss:" ? 443 : 80 : Number(port),
  });
  const stopTimer = systemClock.after(timeout, () => {
    transport.close();
    reject(
      new WireError(
        "timeout",
        `Connecting to ${url.href} took longer than ${timeout} ms.`,
      ),
    );
  });
  socket.addEventListener("open", () => resolve(transport));
  socket.addEventListener("close", () => {
    reject(
      new WireError(
        "connectFailed",
        `Cannot connect to ${url.href}. Check the address, and that the server runs.`,
      ),
    );
  });
  return promise.finally(stopTimer);
}

/**
 * Why something cannot listen, in words.
 *
 * @param error What was thrown.
 * @param listen Where it was to listen.
 * @returns What to throw in its place.
 */
export function listenError(error: unknown, listen: Endpoint): unknown {
  if (error instanceof WireError || !(error instanceof Error)) return error;
  const where = endpointText(listen);
  const { name, message } = error;
  if (name === "AddrInUse") {
    return new WireError(
      "addressInUse",
      `Cannot listen on ${where}: it is in use. Choose another address, or end what listens there${
        listen.kind === "unix" ? "; if nothing does, remove the file" : ""
      }.`,
      { cause: error },
    );
  }
  const isForbidden = name === "NotCapable" || name === "PermissionDenied";
  return new WireError(
    isForbidden ? "permissionDenied" : "connectFailed",
    `Cannot listen on ${where}: ${message}.`,
    { cause: error },
  );
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody else has removed it.
  }
}
