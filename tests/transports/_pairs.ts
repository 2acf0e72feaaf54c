/**
 * The two ends of connections of all kinds, for the cases of transports.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { WebSocket as Socket, WebSocketServer } from "ws";
import { secureTransport } from "../../client/_tls.ts";
import { denoHost } from "../../host/deno_host.ts";
import type { Host, HostConn, HostListener } from "../../host/host.ts";
import { processes } from "../../host/processes.ts";
import { nodeHost } from "../../node/node_host.ts";
import { TlsServer } from "../../server/_tls.ts";
import {
  type WebSocketLike,
  webSocketTransport,
} from "../../transports/websocket.ts";
import { portTransport } from "../../transports/worker.ts";
import {
  memoryTransports,
  socketTransport,
  streamTransport,
  type Transport,
} from "../../wire/mod.ts";
import { Attempt } from "../../wire/base/lifetime.ts";
import type { Connected } from "../../wire/testing/mod.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";
import { isDeno } from "./_beside.ts";
import { webSocketTransports } from "./_web.ts";

/** The hosts that there are in this runtime. */
const HOSTS: readonly Host[] = isDeno
  ? [denoHost("A test"), nodeHost]
  : [nodeHost];

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
const { signal } = new AbortController();

/** What is left of connections, until it has ended. */
const leftovers = new Set<Promise<unknown>>();

function follow(over: Promise<unknown>): void {
  leftovers.add(over);
  over.then(() => leftovers.delete(over));
}

/** Resolves when nothing is left, as a test has to leave it. */
export async function allOver(): Promise<void> {
  while (leftovers.size > 0) await Promise.all(leftovers);
}

/** Connects to what listens for one connection. */
async function connected(
  listener: HostListener,
  dial: (port: number) => Promise<HostConn>,
): Promise<[HostConn, HostConn]> {
  const port = listener.addr.port ?? 0;
  const ends = await Promise.all([dial(port), listener.accept()]);
  listener.close();
  return ends;
}

function tcpConns(host: Host): Promise<[HostConn, HostConn]> {
  return connected(
    host.listen("127.0.0.1", 0, 8, false),
    (port) => host.connect("127.0.0.1", port, signal),
  );
}

function unixConns(host: Host): Promise<[HostConn, HostConn]> {
  const folder = mkdtempSync(`${tmpdir()}/wire-`);
  const path = `${folder}/wire.sock`;
  return connected(host.listenUnix(path), () => host.connectUnix(path))
    .finally(() => rmSync(folder, { recursive: true, force: true }));
}

/** Two ends over sockets. */
async function socketTransports(
  conns: Promise<[HostConn, HostConn]>,
): Promise<Connected> {
  const [near, far] = await conns;
  return [socketTransport(near, ADDRESS), socketTransport(far, ADDRESS)];
}

/** Two ends that speak TLS over sockets. */
async function tlsTransports(host: Host): Promise<Connected> {
  const [near, far] = await tcpConns(host);
  const there = new TlsServer(SERVER_TLS).transport(far, ADDRESS);
  using attempt = new Attempt("127.0.0.1", {
    timeout: Infinity,
    signal: undefined,
  });
  const here = await secureTransport({
    host,
    address: ADDRESS,
    hostname: "127.0.0.1",
    tls: CLIENT_TLS,
    attempt,
    dial: () => Promise.resolve(near),
  });
  return [here, there];
}

/** Two ends over streams. */
function streamTransports(): Connected {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [
    streamTransport({ readable: back.readable, writable: there.writable }),
    { readable: there.readable, writable: back.writable },
  ];
}

/** Two ends over ports. */
function portTransports(): Connected {
  const { port1, port2 } = new MessageChannel();
  return [portTransport(port1), portTransport(port2)];
}

/** Two ends over a WebSocket of the package ws, which Node's servers take. */
async function wsTransports(): Promise<Connected> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const came = new Promise<WebSocketLike>((resolve) =>
    server.once("connection", resolve)
  );
  const near = new Socket(`ws://127.0.0.1:${port}/`);
  const ends: Transport[] = [];
  for (const socket of [near as WebSocketLike, await came]) {
    ends.push(webSocketTransport(socket, ADDRESS));
  }
  follow(new Promise((resolve) => server.close(resolve)));
  return ends as [Transport, Transport];
}

/** Passes its input on to a port, and its output from there; ends each alone. */
const RELAY = `
import os, socket, sys, threading
far = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def there():
    try:
        while data := os.read(0, 65536): far.sendall(data)
        far.shutdown(socket.SHUT_WR)
    except OSError: os._exit(0)
thread = threading.Thread(target=there)
thread.start()
try:
    while data := far.recv(65536): os.write(1, data)
except OSError: os._exit(0)
os.close(1)
thread.join()`;

/** One end over the pipes of a child, which passes all on to the other one. */
async function pipeTransports(): Promise<Connected> {
  const listener = HOSTS[0]!.listen("127.0.0.1", 0, 8, false);
  const { spawn } = processes("A test");
  const port = String(listener.addr.port);
  const child = await spawn([python, "-S", "-c", RELAY, port], {});
  follow(child.status);
  const conn = await listener.accept();
  listener.close();
  return [child.pipes, socketTransport(conn, ADDRESS)];
}

/** The program itself; what is found by its name may be a script. */
const python = spawnSync("python3", [
  "-c",
  "import sys; print(sys.executable)",
]).stdout?.toString().trim() ?? "";
const hasPython = python !== "";
if (!hasPython) console.warn("SKIPPED for want of python3: pipes of children");

/** By name. */
export const TRANSPORTS: Record<
  string,
  () => Connected | Promise<Connected>
> = {
  memory: memoryTransports,
  streams: streamTransports,
  port: portTransports,
  ...(isDeno ? { websocket: () => webSocketTransports(follow) } : {}),
  "websocket of ws": wsTransports,
  ...(hasPython ? { "pipes of a child": pipeTransports } : {}),
};

for (const host of HOSTS) {
  const by = host === nodeHost ? "node:" : "";
  TRANSPORTS[`${by}tcp`] = () => socketTransports(tcpConns(host));
  TRANSPORTS[`${by}unix`] = () => socketTransports(unixConns(host));
  TRANSPORTS[`${by}tls`] = () => tlsTransports(host);
}
