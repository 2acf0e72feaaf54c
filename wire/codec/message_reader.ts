/**
 * Reads the bodies of messages; `_message_writer.ts` is its mirror.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import { limitRange } from "../base/limits.ts";
import type { ByteReader } from "./bytes.ts";
import {
  CHANNELS,
  FLAG,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type Metadata,
  METADATA_ENTRIES,
  METADATA_UNITS,
  metadataLimit,
  notAWire,
  type OverLimit,
  type PeerLimits,
  PLAIN_ARGUMENTS,
  TARGET,
  type Target,
} from "./messages.ts";
import type { ReceiveTables } from "./tables.ts";
import type { ValueReader } from "./value_reader.ts";
import { WEIGHT } from "./value_kinds.ts";

/** What a hello fills in. */
const NO_LIMITS = Object.freeze(
  Object.fromEntries(HELLO_LIMITS.map((name) => [name, 0])),
) as PeerLimits;

/** Reads messages that stand by themselves, without their frames. */
export class MessageReader {
  readonly #reader: ByteReader;
  readonly #tables: ReceiveTables;
  readonly #values: ValueReader;
  readonly #mostOfItem: number;

  /**
   * @param reader Where the bytes come from.
   * @param tables The names that the peer defined.
   * @param values Reads the values.
   * @param mostOfItem How many bytes an item of a stream may have.
   */
  constructor(
    reader: ByteReader,
    tables: ReceiveTables,
    values: ValueReader,
    mostOfItem: number,
  ) {
    this.#reader = reader;
    this.#tables = tables;
    this.#values = values;
    this.#mostOfItem = mostOfItem;
  }

  /**
   * Reads a message.
   *
   * @param kind Its first byte, which was read already.
   * @param size How many bytes it has.
   * @throws {WireError} `malformed`.
   */
  read(kind: number, size: number): Message | OverLimit {
    const reader = this.#reader;
    switch (kind) {
      case KIND.call: {
        const id = reader.varint();
        return this.#call("call", id);
      }
      case KIND.return: {
        const id = reader.varint();
        const start = reader.position;
        try {
          return { kind: "return", id, value: this.#values.read() };
        } catch (error) {
          return this.#overLimit("return", id, "", error, start);
        }
      }
      case KIND.send:
        return this.#call("send", 0);
      case KIND.message: {
        const start = reader.position;
        try {
          return { kind: "message", value: this.#values.read() };
        } catch (error) {
          return this.#overLimit("message", 0, "", error, start);
        }
      }
      case KIND.returnValues: {
        const id = reader.varint();
        const start = reader.position;
        try {
          return { kind: "returnValues", id, values: this.#list() };
        } catch (error) {
          return this.#overLimit("returnValues", id, "", error, start, true);
        }
      }
      case KIND.throw: {
        const id = reader.varint();
        const start = reader.position;
        try {
          return { kind: "throw", id, thrown: this.#values.read() };
        } catch (error) {
          return this.#overLimit("throw", id, "", error, start);
        }
      }
      case KIND.fail: {
        const id = reader.varint();
        const code = reader.text();
        return { kind: "fail", id, code, message: reader.text() };
      }
      case KIND.cancel:
        return { kind: "cancel", id: reader.varint() };
      case KIND.credit: {
        const channel = CHANNELS[reader.byte()];
        if (channel === undefined) throw malformed("There is no such channel.");
        return { kind: "credit", channel, amount: reader.varint() };
      }
      case KIND.ping:
        return { kind: "ping", token: reader.uint32() };
      case KIND.pong:
        return { kind: "pong", token: reader.uint32() };
      case KIND.hello:
        return this.#hello();
      case KIND.accept:
        return { kind: "accept" };
      case KIND.close:
        return { kind: "close" };
      case KIND.finish:
        return { kind: "finish" };
      case KIND.abort: {
        const code = reader.text();
        return { kind: "abort", code, message: reader.text() };
      }
      case KIND.release: {
        const slot = reader.varint();
        const nonce = reader.uint32();
        return { kind: "release", slot, nonce, count: reader.varint() };
      }
      case KIND.forget: {
        const slot = reader.varint();
        return { kind: "forget", slot, nonce: reader.uint32() };
      }
      default:
        return this.#stream(kind, size);
    }
  }

  #stream(kind: number, size: number): Message | OverLimit {
    const reader = this.#reader;
    if (kind < KIND.streamValue || kind > KIND.streamFail) {
      throw malformed(
        `There is no kind of message with the code 0x${kind.toString(16)}.`,
      );
    }
    const id = reader.varint();
    const start = reader.position;
    switch (kind) {
      case KIND.streamValue:
        try {
          this.#checkItem(size);
          return { kind: "streamValue", id, value: this.#values.read() };
        } catch (error) {
          return this.#overLimit("streamValue", id, "", error, start);
        }
      case KIND.streamBytes:
        return this.#bytes(id, size);
      case KIND.streamEnd:
        return { kind: "streamEnd", id };
      case KIND.streamError:
        try {
          return { kind: "streamError", id, thrown: this.#values.read() };
        } catch (error) {
          return this.#overLimit("streamError", id, "", error, start);
        }
      case KIND.streamFail: {
        const code = reader.text();
        return { kind: "streamFail", id, code, message: reader.text() };
      }
      case KIND.streamCancel:
        try {
          return { kind: "streamCancel", id, reason: this.#values.read() };
        } catch (error) {
          return this.#overLimit("streamCancel", id, "", error, start);
        }
      default:
        return { kind: "streamCredit", id, amount: reader.varint() };
    }
  }

  #bytes(id: number, size: number): Message | OverLimit {
    const reader = this.#reader;
    try {
      this.#checkItem(size);
      this.#values.weigh(WEIGHT.view + size);
    } catch (error) {
      return this.#tooMuch("streamValue", id, "", error);
    }
    return { kind: "streamBytes", id, bytes: reader.bytes(reader.remaining) };
  }

  /** Refuses an item of a stream that is larger than this side takes. */
  #checkItem(size: number): void {
    if (size <= this.#mostOfItem) return;
    throw new WireError(
      "limit",
      `An item of a stream may have ${this.#mostOfItem} bytes here (limit "streamWindow"), and one came with ${size}.`,
    );
  }

  #call(kind: "call" | "send", id: number): Message | OverLimit {
    const reader = this.#reader;
    const flags = reader.byte();
    if (flags > 15 || (kind === "send" && flags & FLAG.wantsValues)) {
      throw malformed(`A ${kind} has no flags ${flags}.`);
    }
    const target = flags & FLAG.hasTarget ? this.#target() : undefined;
    if (kind === "send" && target !== undefined && "result" in target) {
      throw malformed("A one-way call is not of a result.");
    }
    const index = reader.varint();
    const name = index === 0 ? reader.text() : this.#tables.name(index - 1);
    const deadline = flags & FLAG.hasDeadline ? reader.varint() : 0;
    const metadata = flags & FLAG.hasMetadata ? this.#metadata() : undefined;
    let args: unknown[];
    const start = reader.position;
    try {
      if (metadata !== undefined) {
        const entries = Object.keys(metadata).length;
        this.#values.weigh(WEIGHT.metadata * entries);
      }
      args = this.#list();
    } catch (error) {
      return this.#overLimit(kind, id, name, error, start, true);
    }
    return kind === "send"
      ? { kind, name, args, deadline, target, metadata }
      : {
        kind,
        id,
        wantsValues: (flags & FLAG.wantsValues) !== 0,
        name,
        args,
        deadline,
        target,
        metadata,
      };
  }

  #target(): Target {
    const reader = this.#reader;
    const kind = reader.byte();
    if (kind === TARGET.result) return { result: reader.varint() };
    if (kind !== TARGET.object) throw malformed(`There is no target ${kind}.`);
    return { slot: reader.varint(), nonce: reader.uint32() };
  }

  #metadata(): Metadata {
    const reader = this.#reader;
    const count = reader.varint();
    const metadata: Record<string, string> = Object.create(null);
    let units = 0;
    for (let index = 0; index < count; index++) {
      const key = reader.text();
      if (key in metadata) throw malformed("Metadata has a key only once.");
      const value = metadata[key] = reader.text();
      units += key.length + value.length;
      if (index >= METADATA_ENTRIES || units > METADATA_UNITS) {
        throw malformed(metadataLimit(count, units));
      }
    }
    return metadata;
  }

  #list(): unknown[] {
    const reader = this.#reader;
    const count = reader.varint();
    if (count > reader.remaining) {
      throw malformed(
        `${count} values cannot fit into the ${reader.remaining} bytes that are left.`,
      );
    }
    const values = this.#values;
    values.hold(count);
    values.weigh(WEIGHT.members + WEIGHT.place * count);
    // Most lists are short, and an array that grows takes room for 16.
    if (count === 0) return [];
    if (count === 1) return [values.read()];
    if (count === 2) return [values.read(), values.read()];
    const list: unknown[] = new Array(count);
    for (let index = 0; index < count; index++) list[index] = values.read();
    return list;
  }

  #hello(): Message {
    const reader = this.#reader;
    for (let at = 0; at < MAGIC.length; at++) {
      if (reader.byte() !== MAGIC.charCodeAt(at)) throw notAWire();
    }
    const version = reader.byte();
    const features = reader.varint();
    const count = reader.varint();
    const limits: PeerLimits = { ...NO_LIMITS };
    for (let index = 0; index < count; index++) {
      const limit = reader.varint();
      const name = HELLO_LIMITS[index];
      if (name === undefined) continue;
      const { least, most } = limitRange(name);
      if (limit < least || limit > most) {
        throw malformed(
          `The limit "${name}" of a hello is from ${least} to ${most}, not ${limit}.`,
        );
      }
      limits[name] = limit;
    }
    if (count < HELLO_LIMITS.length) {
      throw malformed(
        `A hello has ${HELLO_LIMITS.length} limits or more, not ${count}.`,
      );
    }
    const credential = reader.text();
    const contract = reader.text();
    // What a later version adds stands behind that, and is passed over.
    reader.take(reader.remaining);
    return {
      kind: "hello",
      version,
      features,
      limits,
      credential,
      contract,
    };
  }

  /**
   * Keeps a `limit` error for the message it belongs to; throws all others.
   *
   * @param start Where the values of the message begin.
   * @param isList Whether a count stands before them.
   */
  #overLimit(
    of: OverLimit["of"],
    id: number,
    name: string,
    error: unknown,
    start: number,
    isList = false,
  ): OverLimit {
    const message = this.#tooMuch(of, id, name, error);
    // What came along behind that place has to be given back as well.
    this.#reader.position = start;
    this.#values.passOver(isList ? this.#reader.varint() : 1);
    return message;
  }

  #tooMuch(
    of: OverLimit["of"],
    id: number,
    name: string,
    error: unknown,
  ): OverLimit {
    if (!(error instanceof WireError) || error.code !== "limit") throw error;
    return { kind: "overLimit", of, id, name, error };
  }
}

// Reads calls and answers that hold plain values only, and hands their parts
// to whoever serves or made the calls, without a message being made of them.
// What is not plain is left to `_message_reader.ts`, which would read the same.

/** Takes plain calls and answers, of so many bytes each. */
export interface PlainReceiver {
  /** Whether nothing more is wanted. */
  readonly isOver: boolean;
  /** A call for one value. */
  call(id: number, name: string, args: unknown[], size: number): void;
  /** A one-way call. */
  send(name: string, args: unknown[], size: number): void;
  /** An answer with one value. */
  returned(id: number, value: unknown): void;
}

/** Reads plain messages. */
export class PlainReader {
  readonly #reader: ByteReader;
  readonly #tables: ReceiveTables;
  readonly #values: ValueReader;
  readonly #most: number;

  /**
   * @param reader Where the bytes come from.
   * @param tables The names that the peer defined.
   * @param values Reads the values.
   * @param mostValues How many values this side takes in a message.
   */
  constructor(
    reader: ByteReader,
    tables: ReceiveTables,
    values: ValueReader,
    mostValues: number,
  ) {
    this.#reader = reader;
    this.#tables = tables;
    this.#values = values;
    this.#most = Math.min(PLAIN_ARGUMENTS, mostValues);
  }

  /**
   * Reads a call or an answer, where it is plain.
   *
   * @param receiver Takes it.
   * @returns False where it is not: then nothing of it is read.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  read(receiver: PlainReceiver): boolean {
    const reader = this.#reader;
    const { buffer, position: start, end } = reader;
    const kind = buffer[start]!;
    if (kind !== KIND.call && kind !== KIND.return) return false;
    reader.position = start + 1;
    const id = reader.varint();
    if (kind === KIND.return) {
      const values = this.#values.readPlain(1);
      if (values !== undefined) {
        reader.finish();
        receiver.returned(id, values[0]);
        return true;
      }
    } else {
      const name = this.#named();
      const args = name === undefined ? undefined : this.#list();
      if (args !== undefined) {
        receiver.call(id, name!, args, end - start);
        return true;
      }
    }
    reader.position = start;
    return false;
  }

  /**
   * Reads one-way calls in a row.
   *
   * @param receiver Takes them, until it is over.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  readRun(receiver: PlainReceiver): void {
    const reader = this.#reader;
    let start = reader.position;
    reader.position = start + 1;
    const name = this.#tables.name(reader.varint() - 1);
    const count = reader.byte();
    if (count === 0 || count > this.#most) {
      throw malformed(
        `One-way calls in a row have 1 to ${this.#most} arguments each, not ${count}.`,
      );
    }
    do {
      const args = this.#values.readPlain(count);
      if (args === undefined) {
        throw malformed(
          "A one-way call in a row has all its arguments, and none but plain values.",
        );
      }
      receiver.send(name, args, reader.position - start);
      start = reader.position;
    } while (start < reader.end && !receiver.isOver);
  }

  /** No flags, and a name in the table: that name. */
  #named(): string | undefined {
    const reader = this.#reader;
    const { buffer, position, end } = reader;
    if (end - position < 3 || buffer[position] !== 0) return undefined;
    reader.position = position + 1;
    const index = reader.varint();
    return index === 0 ? undefined : this.#tables.name(index - 1);
  }

  /** All arguments; undefined where one is not plain. */
  #list(): unknown[] | undefined {
    const reader = this.#reader;
    const count = reader.byte();
    if (count > this.#most) return undefined;
    const args = this.#values.readPlain(count);
    if (args !== undefined) reader.finish();
    return args;
  }
}
