/**
 * The process that is attacked: servers of all kinds, and clients of hostile
 * ones. What it is asked for comes over a wire on its standard input and
 * output; it must print nothing, and must not end.
 *
 * @module
 */

import "../_patience.ts";
import {
  type AnyErrorCode,
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  openTcpStream,
  startUpServer,
  type Wire,
  WireError,
  type WireLimits,
} from "../../mod.ts";
import { streamTransport } from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { openSockets } from "../_descriptors.ts";
import { countTimers } from "../_live_timers.ts";
import { takeTime } from "../_time_travel.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";
import { chat, release } from "./_chat.ts";
import { PROGRAM } from "./_program.ts";

/** What a victim is made with. */
export interface VictimOptions {
  /** Which servers it has. */
  readonly doors: readonly Door[];
  /** Limits that differ from the default; most victims have none. */
  readonly limits: Partial<WireLimits>;
  /** The credential that its servers ask for; none if empty. */
  readonly credential: string;
  /** Whether it leaves errors to be printed; else it counts them. */
  readonly prints: boolean;
  /** A folder for its Unix socket. */
  readonly folder: string;
}

/** A server of a victim's, or a kind of client. */
export type Door =
  | "tcp"
  | "tls"
  | "unix"
  | "cmucl"
  | "lines"
  | "lines tls"
  | "listener";

/** How one of its wires has ended. */
export interface Ending {
  /** The door that it came through. */
  readonly door: Door;
  readonly code: AnyErrorCode;
  readonly message: string;
}

/** What is held just now. */
export interface State {
  /** Wires that its servers have accepted. */
  readonly wires: number;
  /** Sockets and pipes, where that can be told. */
  readonly descriptors: number;
  readonly timers: number;
  /** Bytes of the heap and beside it; of garbage, too, unless it is gone. */
  readonly memory: number;
  /** Bytes of the process, those that no heap counts included. */
  readonly resident: number;
  /** How many errors went to `onError`. */
  readonly errors: number;
}

/** How a connection to a hostile server went. */
export interface Dialled {
  /** Whether there was a wire. */
  readonly isOpen: boolean;
  readonly code: AnyErrorCode;
  readonly message: string;
}

/** What a test asks of its victim. */
export interface Control {
  ports(): Record<string, number>;
  state(collects: boolean): State;
  /** Lets time pass for it, so many milliseconds. */
  advance(time: number): Promise<void>;
  /** How its servers' wires have ended, since it was asked last. */
  deaths(): Ending[];
  /** Connects to a hostile server; resolves when that is over. */
  dial(door: Door, port: number, path: string): Promise<Dialled>;
  /** Aborts the wires that hold what nobody deals with. */
  abortFull(): void;
  /** Functions of lines that hold still go on. */
  release(): void;
  /** The same with a stream of lines, whose lines it takes. */
  read(door: Door, port: number): Promise<Dialled>;
}

declare const gc: () => void;

const options = JSON.parse(Deno.args[0]!) as VictimOptions;
const time = takeTime();
const timers = countTimers();
const { limits } = options;
const deaths: Ending[] = [];
let errors = 0;
const onError = options.prints ? undefined : () => void errors++;

const SERVERS: Record<
  Door,
  () => { port: number; wires?: ReadonlySet<Wire> }
> = {
  tcp: () => serve("tcp", {}),
  tls: () => serve("tls", { tls: SERVER_TLS }),
  unix: () => serve("unix", { path: `${options.folder}/wire.sock` }),
  cmucl: () => serve("cmucl", { dialect: cmucl() }),
  lines: () => startUpServer({ service: 0, function: chat, onError }),
  "lines tls": () =>
    startUpServer({ service: 0, function: chat, tls: SERVER_TLS, onError }),
  listener: () =>
    startUpServer({
      service: 0,
      listener: { requireCredential: options.credential },
      onError,
    }),
};

function serve(
  door: Door,
  more: NonNullable<Parameters<typeof createRequestServer>[2]>,
) {
  const { credential } = options;
  return createRequestServer(0, () => ({
    accept: true,
    onDeath: ({ code, message }) => deaths.push({ door, code, message }),
  }), {
    functions: PROGRAM,
    limits,
    onError,
    ...(credential === "" ? {} : { requireCredential: credential }),
    ...more,
  });
}

const servers = new Map(
  options.doors.map((door) => [door, SERVERS[door]()]),
);

async function dial(
  door: Door,
  port: number,
  path: string,
): Promise<Dialled> {
  let wire: Wire;
  const over = Promise.withResolvers<WireError>();
  try {
    wire = await connectToRemoteServer("127.0.0.1", port, over.resolve, {
      functions: PROGRAM,
      limits,
      onError,
      ...(door === "tls" ? { tls: CLIENT_TLS } : {}),
      ...(door === "unix" ? { path } : {}),
      ...(door === "cmucl" ? { dialect: cmucl() } : {}),
    });
  } catch (error) {
    return { isOpen: false, ...told(error) };
  }
  const reason = await over.promise;
  await wire.closed;
  return { isOpen: true, ...told(reason) };
}

async function read(door: Door, port: number): Promise<Dialled> {
  const tls = door === "lines tls" ? CLIENT_TLS : undefined;
  let isOpen = false;
  try {
    await using stream = await openTcpStream("127.0.0.1", port, { tls });
    isOpen = true;
    for await (const _line of stream);
    return { isOpen, code: "closed", message: "" };
  } catch (error) {
    return { isOpen, ...told(error) };
  }
}

function told(error: unknown): { code: AnyErrorCode; message: string } {
  if (!(error instanceof WireError)) {
    return { code: "no WireError", message: String(error) };
  }
  return { code: error.code, message: error.message };
}

function memory(collects: boolean): number {
  if (collects) gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

const control: Control = {
  ports: () =>
    Object.fromEntries([...servers].map(([door, { port }]) => [door, port])),
  state: (collects) => ({
    wires: [...servers.values()]
      .reduce((sum, { wires }) => sum + (wires?.size ?? 0), 0),
    descriptors: openSockets(),
    timers: timers.count,
    memory: memory(collects),
    resident: Deno.memoryUsage().rss,
    errors,
  }),
  advance: (delay) => time.advance(delay),
  deaths: () => deaths.splice(0),
  abortFull() {
    for (const { wires = [] } of servers.values()) {
      for (const wire of wires) {
        const { inbox, callsRunning } = wire.stats();
        if (inbox > 0 || callsRunning > 0) wire.abort();
      }
    }
  },
  release,
  dial,
  read,
};

const { readable } = Deno.stdin;
const { writable } = Deno.stdout;
makeWire(streamTransport({ readable, writable }), {
  functions: control,
  onDeath: () => Deno.exit(0),
});
