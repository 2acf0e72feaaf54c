/**
 * Wires that speak CMUCL's protocol: a pair in memory, and a peer that says
 * whatever bytes a test wants.
 *
 * @module
 */

import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  type WireOptions,
} from "../../../wire/mod.ts";
import { ByteWriter } from "../../../wire/codec/bytes.ts";
import { cmucl, type CmuclDialect } from "../../../wire/cmucl/mod.ts";
import { LispWriter } from "../../../wire/cmucl/writer.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";

/** Two ends of a wire. */
export interface LispPair extends AsyncDisposable {
  near: Wire;
  far: Wire;
}

/** Makes a pair in memory. */
export function lispPair(
  near: WireOptions = {},
  far: WireOptions = {},
): LispPair {
  const [here, there] = memoryTransports();
  const quiet = { onError() {} };
  const one = makeWire(here, { dialect: cmucl(), ...quiet, ...near });
  const other = makeWire(there, { dialect: cmucl(), ...quiet, ...far });
  return {
    near: one,
    far: other,
    async [Symbol.asyncDispose]() {
      one.abort();
      await Promise.all([one.closed, other.closed]);
    },
  };
}

/** Bytes from a hexadecimal text. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const pairs = hex.match(/../g) ?? [];
  return new Uint8Array(pairs.map((pair) => parseInt(pair, 16)));
}

/** A hexadecimal text of bytes. */
export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes that a writer makes. */
export function written(
  write: (lisp: LispWriter) => void,
): Uint8Array<ArrayBuffer> {
  const lisp = new LispWriter(
    new ByteWriter(),
    resolveLimits({ nesting: 1_000 }),
  );
  write(lisp);
  return lisp.bytes.written().slice();
}

/** Joins bytes. */
export function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** The test's end of a connection to a real wire. */
export class RawLisp implements AsyncDisposable {
  /** The wire at the other end. */
  readonly wire: Wire;
  /** What went to its `onError`. */
  readonly errors: string[] = [];
  readonly #transport: Transport;
  #heard: Uint8Array = new Uint8Array(0);
  #ended = false;

  /** @param options What the wire is made with. */
  constructor(options: WireOptions = {}, dialect: CmuclDialect = cmucl()) {
    const [here, there] = memoryTransports();
    this.#transport = here;
    this.wire = makeWire(there, {
      dialect,
      onError: (error, where) =>
        this.errors.push(`${where}: ${(error as Error).message}`),
      ...options,
    });
  }

  /** Says bytes; resolves when the wire has read them, or is gone. */
  async say(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#transport.write(bytes).catch(() => {});
  }

  /** Hears so many bytes, or fewer at the end of the stream. */
  async hear(count: number): Promise<Uint8Array> {
    while (this.#heard.length < count && !this.#ended) {
      const chunk = await this.#transport.read();
      if (chunk === null) this.#ended = true;
      else this.#heard = join(this.#heard, chunk);
    }
    const heard = this.#heard.slice(0, count);
    this.#heard = this.#heard.slice(count);
    return heard;
  }

  /** Hears what comes next. */
  async hearNext(): Promise<Uint8Array> {
    return join(await this.#transport.read() ?? new Uint8Array(0));
  }

  /** Ends this side's direction. */
  end(): Promise<void> {
    return this.#transport.closeWrite();
  }

  /** Closes the connection, and waits until the wire is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
    await this.wire.closed;
  }
}
