/**
 * A peer that says whatever bytes a test wants, and hears what comes.
 *
 * @module
 */

import { ByteWriter } from "../wire/codec/bytes.ts";
import { Encoder } from "../wire/codec/codec.ts";
import { DEFAULT_LIMITS, resolveLimits } from "../wire/base/limits.ts";
import {
  HELLO_LIMITS,
  type Message,
  type PeerLimits,
} from "../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../wire/codec/message_collector.ts";
import {
  memoryTransports,
  type Transport,
} from "../wire/transport/transport.ts";
import { makeWire, Wire, type WireOptions } from "../wire/wire.ts";
import { RAW } from "./_raw_values.ts";

export { Raw } from "./_raw_values.ts";

/** The limits that a peer tells of itself. */
export function peerLimits(changes: Partial<PeerLimits> = {}): PeerLimits {
  const limits = HELLO_LIMITS.map((name) => [name, DEFAULT_LIMITS[name]]);
  return { ...Object.fromEntries(limits) as PeerLimits, ...changes };
}

/** A well-formed hello. */
export function hello(changes: Partial<PeerLimits> = {}): Message {
  return {
    kind: "hello",
    version: 1,
    features: 0,
    limits: peerLimits(changes),
    credential: "",
    contract: "",
  };
}

/** A call for one value. */
export function call(id: number, name = "echo", ...args: unknown[]): Message {
  return { kind: "call", id, name, args, deadline: 0, wantsValues: false };
}

/** A one-way call. */
export function send(name: string, ...args: unknown[]): Message {
  return { kind: "send", name, args, deadline: 0 };
}

/** Messages as framed bytes, with the definitions that they need. */
export function framed(...messages: Message[]): Uint8Array<ArrayBuffer> {
  const encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });
  return framedBy(encoder, ...messages);
}

/** The same by an encoder that goes on from one call to the next. */
export function framedBy(
  encoder: Encoder,
  ...messages: Message[]
): Uint8Array<ArrayBuffer> {
  const { writer } = encoder;
  writer.position = 0;
  for (const message of messages) {
    const start = writer.position;
    encoder.encode(message);
    if (encoder.tables.hasFresh) encoder.define(start);
  }
  return writer.written().slice();
}

/** One frame with that body. */
export function frame(...body: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** A test's end of a connection to a real wire. */
export class RawEnd {
  readonly #transport: Transport;
  readonly #decoder = new CollectingDecoder(resolveLimits(), {
    importer: RAW,
  });
  readonly #encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });
  #heard: (Message | OverLimit)[] = [];
  /** How many of them were taken. */
  #taken = 0;
  #reading: Promise<void> | undefined;
  #closed = false;
  /** How many bytes were said. */
  said = 0;

  /** @param transport The connection. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether the stream of the wire has ended. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Says bytes; resolves when they are under way, or the wire is gone. */
  async say(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) {
        const count = await this.#transport.write(bytes.subarray(sent));
        sent += count;
        this.said += count;
      }
    } catch {
      // The wire has ended.
    }
  }

  /** Says messages. */
  async tell(...messages: Message[]): Promise<void> {
    await this.say(this.frames(...messages));
  }

  /** Messages as framed bytes, with the definitions that they need here. */
  frames(...messages: Message[]): Uint8Array<ArrayBuffer> {
    return framedBy(this.#encoder, ...messages);
  }

  /** The next message of some kinds, or undefined at the end of the stream. */
  async hear<K extends Message["kind"]>(
    ...kinds: K[]
  ): Promise<Extract<Message, { kind: K }> | undefined> {
    for (;;) {
      const message = await this.#next();
      if (message === undefined) return undefined;
      if ((kinds as string[]).includes(message.kind)) {
        return message as Extract<Message, { kind: K }>;
      }
    }
  }

  async #next(): Promise<Message | OverLimit | undefined> {
    while (this.#taken === this.#heard.length) {
      this.#heard = [];
      this.#taken = 0;
      if (this.#closed) return undefined;
      await this.read();
    }
    return this.#heard[this.#taken++];
  }

  /** Reads once; what came is heard later. One read is shared by all. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #read(): Promise<void> {
    const chunk = await this.#transport.read().catch(() => null);
    if (chunk === null) {
      this.#closed = true;
      return;
    }
    this.#decoder.feed(chunk);
    let message;
    while ((message = this.#decoder.next()) !== undefined) {
      this.#heard.push(message);
      // As a real peer does: there is nothing left to say.
      if (message.kind === "abort") await this.end();
    }
  }

  /** Hears the wire out, and tells why it aborted. */
  async hearAbort(): Promise<Extract<Message, { kind: "abort" }> | undefined> {
    const abort = await this.hear("abort");
    await this.hearOut();
    return abort;
  }

  /** Hears the wire out to the end of its stream. */
  async hearOut(): Promise<void> {
    while (!this.#closed) await this.#next();
  }

  /** Ends this side's direction. */
  async end(): Promise<void> {
    await this.#transport.closeWrite().catch(() => {});
  }

  /** Closes the connection. */
  close(): void {
    this.#transport.close();
  }
}

/** The test's end of a connection in memory, and the wire at the other end. */
export class RawPeer extends RawEnd {
  /** The wire at the other end. */
  readonly wire: Wire;

  /**
   * @param options What the wire is made with.
   * @param side What a server has beside them.
   */
  constructor(
    options: WireOptions = {},
    side?: ConstructorParameters<typeof Wire>[2],
  ) {
    const [here, there] = memoryTransports();
    super(here);
    const all = { onError() {}, ...options };
    this.wire = side === undefined
      ? makeWire(there, all)
      : new Wire(there, all, side);
  }

  /** Says hello and accepts; resolves when the wire is open. */
  async open(changes: Partial<PeerLimits> = {}): Promise<void> {
    await this.tell(hello(changes), { kind: "accept" });
    await this.hear("accept");
    await this.wire.opened;
  }

  /** Closes the connection, and waits until the wire is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.wire.closed;
  }
}
