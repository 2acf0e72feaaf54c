/**
 * Looking at what one end of a wire sends, for tools: what it says is read, and
 * nothing is made of it.
 *
 * @module
 */

import { resolveLimits, type WireLimits } from "../base/limits.ts";
import { CollectingDecoder } from "./message_collector.ts";
import { type Importer, NO_IMPORTER } from "./passing.ts";

/** What stands in a message for what is no data. */
export interface SeenReference {
  /**
   * What it is: an object or a function of the sender, an object of the
   * receiver that comes home, a stream, or the result of a call.
   */
  readonly reference: "object" | "function" | "own" | "stream" | "result";
  /** The number by which the wire knows it. */
  readonly id: number;
}

/** One message, as it was seen. */
export interface SeenMessage {
  /**
   * Its kind: `"call"`, `"return"` and so on, as the protocol names them; or
   * `"overLimit"`, where its values are over a limit.
   */
  readonly kind: string;
  /**
   * What it holds, by the names of the protocol: `id`, `name`, `args`, `value`
   * and so on. What is no data in it is a {@linkcode SeenReference}.
   */
  readonly fields: Readonly<Record<string, unknown>>;
  /** How many bytes it has, without what divides frames. */
  readonly bytes: number;
}

/**
 * Reads the messages that one end of a wire sends, from its first byte on: for
 * tools that record a connection, or show what travels. It never answers, and
 * runs nothing of what came. Definitions of names are read and not told.
 *
 * @example What a client says first
 * ```ts
 * import { MessageTap } from "@remote/wire/codec";
 * import { makeWire, memoryTransports } from "@remote/wire/wire";
 *
 * const [client, server] = memoryTransports();
 * const wire = makeWire(client);
 * const tap = new MessageTap();
 * const [hello] = tap.read(await server.read() ?? new Uint8Array());
 * if (hello?.kind !== "hello" || hello.fields.version !== 1) throw new Error();
 * server.close();
 * await wire.closed;
 * ```
 */
export class MessageTap {
  readonly #decoder: CollectingDecoder;

  /**
   * Makes one that has seen nothing.
   *
   * @param limits What is taken, where that differs from the default.
   * @throws {WireError} `invalidArgument` for a limit that there is not.
   */
  constructor(limits?: Partial<WireLimits>) {
    this.#decoder = new CollectingDecoder(resolveLimits(limits), {
      importer: SHOWING,
    });
  }

  /** Whether a message was begun, and its end has not come. */
  get unfinished(): boolean {
    return this.#decoder.unfinished;
  }

  /**
   * Reads the next bytes.
   *
   * @param chunk The bytes, divided anyhow.
   * @returns The messages that they complete.
   * @throws {WireError} `malformed` for what breaks the protocol.
   */
  read(chunk: Uint8Array): SeenMessage[] {
    const decoder = this.#decoder;
    decoder.feed(chunk);
    const seen: SeenMessage[] = [];
    for (let message; (message = decoder.next()) !== undefined;) {
      const { kind, ...fields } = message;
      seen.push({ kind, fields, bytes: decoder.size });
    }
    return seen;
  }
}

function seen(
  reference: SeenReference["reference"],
  id: number,
): SeenReference {
  return { reference, id };
}

/** Shows what would be made of references, and makes nothing. */
const SHOWING: Importer = {
  ...NO_IMPORTER,
  object: (slot, _nonce, isFunction) =>
    seen(isFunction ? "function" : "object", slot),
  own: (slot) => seen("own", slot),
  stream: (id) => seen("stream", id),
  result: (id) => seen("result", id),
};
