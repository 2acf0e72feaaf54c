/**
 * The peer process of the benchmarks. It serves wires on one port and raw
 * byte counting on another, and loads none of the libraries that wires are
 * compared with.
 *
 * @module
 */

import {
  type CallContext,
  createRequestServer,
  type RemoteStream,
  type Wire,
  type WireLimits,
} from "../mod.ts";
import { obey } from "./_control.ts";

/** What the peer serves on its wires. */
export interface BenchFunctions {
  /** The sum of two numbers. */
  add(a: number, b: number): number;
  /** How many bytes came. */
  size(chunk: Uint8Array): number;
  /** What came. */
  echo(value: unknown): unknown;
  /** Reads bytes to their end, and tells how many came. */
  drain(chunks: AsyncIterable<Uint8Array>, hasBuffer: boolean): Promise<number>;
  /** Begins to take typed messages off this wire. */
  take(): void;
  /** Answers when that many typed messages were taken off this wire. */
  taken(count: number): Promise<void>;
}

/** The ports of the peer, each on 127.0.0.1. */
export interface Ports {
  /** Counts bytes: see {@linkcode serveRaw}. */
  readonly raw: number;
  /** Makes wires that serve {@linkcode BenchFunctions}. */
  readonly wire: number;
  /** The same, under {@linkcode LARGE}. */
  readonly large: number;
}

/** Limits for messages that are larger than wires take by default. */
export const LARGE: Partial<WireLimits> = {
  message: 128 * 1024 * 1024,
  window: 256 * 1024 * 1024,
};

/** Takes the typed messages of a wire. */
class Taker {
  #taken = 0;
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  /** Takes them, until the wire ends. */
  async takeFrom(wire: Wire): Promise<void> {
    for await (const _message of wire) {
      this.#taken++;
      while (this.#taken >= (this.#waiting[0]?.count ?? Infinity)) {
        this.#waiting.shift()!.resolve();
      }
    }
  }

  /** Resolves when that many have come. */
  async reach(count: number): Promise<void> {
    if (this.#taken >= count) return;
    await new Promise<void>((resolve) =>
      this.#waiting.push({ count, resolve })
    );
  }
}

const takers = new WeakMap<Wire, Taker>();

/** What all wires serve. */
const FUNCTIONS: BenchFunctions = {
  add: (a, b) => a + b,
  size: (chunk) => chunk.length,
  echo: (value) => value,
  drain: (chunks, hasBuffer) => {
    const { bytes } = chunks as RemoteStream<Uint8Array>;
    return hasBuffer ? drainIntoBuffer(bytes) : drainChunks(bytes);
  },
  take(this: CallContext<Wire>): void {
    const taker = new Taker();
    takers.set(this.wire, taker);
    // The client has gone: the wire's end says so too.
    taker.takeFrom(this.wire).catch(() => {});
  },
  async taken(this: CallContext<Wire>, count: number): Promise<void> {
    await takers.get(this.wire)!.reach(count);
  },
};

async function drainIntoBuffer(bytes: ReadableStream): Promise<number> {
  const reader = bytes.getReader({ mode: "byob" });
  let buffer = new Uint8Array(64 * 1024);
  for (let count = 0;;) {
    const { done, value } = await reader.read(buffer);
    if (done) return count;
    count += value.length;
    buffer = new Uint8Array(value.buffer);
  }
}

async function drainChunks(bytes: ReadableStream<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const chunk of bytes) count += chunk.length;
  return count;
}

/** Serves a wire. */
function serveWire(wire: Wire): boolean {
  wire.serve(FUNCTIONS);
  return true;
}

/**
 * Counts bytes. A connection begins with four 32-bit big-endian integers: the
 * sizes of a request, of its answer, and of the read buffer, and whether each
 * request is kept. After that, every so many bytes that come are answered with
 * so many bytes, whatever they are. What one read makes due is sent in one write.
 *
 * What is kept goes into new memory, as it has to wherever somebody gets it.
 *
 * @param conn The connection, closed at the end.
 */
async function serveRaw(conn: Deno.TcpConn): Promise<void> {
  using _closes = conn;
  conn.setNoDelay(true);
  const start = new Uint8Array(16);
  for (let held = 0; held < start.length;) {
    const count = await conn.read(start.subarray(held));
    if (count === null) return;
    held += count;
  }
  const header = new DataView(start.buffer);
  const buffer = new Uint8Array(header.getUint32(8));
  const request = header.getUint32(0);
  const answer = header.getUint32(4);
  const kept = header.getUint32(12) === 0 ? undefined : new Kept(request);
  let answers = new Uint8Array(answer);
  let unanswered = 0;
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    kept?.take(buffer.subarray(0, count));
    unanswered += count;
    const due = Math.floor(unanswered / request);
    if (due === 0) continue;
    unanswered -= due * request;
    const length = due * answer;
    if (length > answers.length) answers = new Uint8Array(length * 2);
    for (let from = 0; from < length;) {
      from += await conn.write(answers.subarray(from, length));
    }
  }
}

/** Requests, each put together in memory of its own. */
class Kept {
  readonly #size: number;
  #request = new Uint8Array(0);
  #at = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes the bytes that came next. */
  take(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      if (this.#at === this.#request.length) {
        this.#request = new Uint8Array(this.#size);
        this.#at = 0;
      }
      const room = this.#request.length - this.#at;
      const part = bytes.subarray(from, from + room);
      this.#request.set(part, this.#at);
      this.#at += part.length;
      from += part.length;
    }
  }
}

async function acceptRaw(listener: Deno.TcpListener): Promise<void> {
  for await (const conn of listener) {
    serveRaw(conn).catch(() => {}); // The client has gone.
  }
}

function listenWires(limits: Partial<WireLimits>): number {
  return createRequestServer(0, serveWire, {
    limits: {
      wires: 10_000,
      wiresBeforeHello: 10_000,
      handshakesPerAddress: 10_000,
      ...limits,
    },
  }).port;
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  acceptRaw(listener);
  const ports: Ports = {
    raw: listener.addr.port,
    wire: listenWires({}),
    large: listenWires(LARGE),
  };
  await obey(ports);
}
