/**
 * The codec that both ends share: messages to framed bytes and back.
 *
 * Bytes flow chunk → frames → messages on one side and message → frame →
 * buffer on the other, both synchronously. `docs/protocol.md` tells the bytes.
 *
 * @module
 */

import { ByteReader, type ByteWriter } from "./bytes.ts";
import { errorMessage, malformed, WireError } from "./errors.ts";
import { FRAME_HEADER, FrameDecoder } from "./frames.ts";
import { limitRange, type WireLimits } from "./limits.ts";
import {
  type CallFields,
  type Channel,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type Metadata,
  METADATA_ENTRIES,
  METADATA_UNITS,
  type OverLimit,
  type PeerLimits,
  type Target,
} from "./messages.ts";
import {
  type Arrived,
  type Exporter,
  type Importer,
  type Leaving,
  NotReady,
} from "./_passing.ts";
import { Pieces } from "./_pieces.ts";
import { ReceiveTables, SendTables, writeEntry } from "./tables.ts";
import { ValueReader, ValueWriter } from "./values.ts";

const CHANNELS: readonly Channel[] = ["messages", "sends"];
/** What may come between the peer's hello and this side's acceptance. */
const EARLY: ReadonlySet<number> = new Set([
  KIND.accept,
  KIND.define,
  KIND.reset,
  KIND.return,
  KIND.returnValues,
  KIND.throw,
  KIND.fail,
  KIND.credit,
  KIND.ping,
  KIND.pong,
  KIND.release,
  KIND.forget,
  KIND.streamValue,
  KIND.streamBytes,
  KIND.streamEnd,
  KIND.streamError,
  KIND.streamCancel,
  KIND.streamCredit,
]);
const WANTS_VALUES = 1;
const HAS_DEADLINE = 2;
const HAS_TARGET = 4;
const HAS_METADATA = 8;
/** How a target begins. */
const TARGET = { object: 0, result: 1 } as const;

/** What an encoder needs to know of its peer. */
export type EncoderLimits = Pick<
  WireLimits,
  "frame" | "message" | "nesting" | "values" | "bigint"
>;

/** Messages to framed bytes, into one writer. */
export class Encoder {
  /** Where the frames go. */
  readonly writer: ByteWriter;
  /** The key sets and names that the peer knows. */
  readonly tables: SendTables = new SendTables();
  readonly #values: ValueWriter;
  #limits: EncoderLimits;
  #busy = false;
  /** What travels along with the message that was encoded last. */
  leaving: Leaving | undefined;

  /**
   * @param writer Where the frames go.
   * @param limits The peer's limits, or a guess until it tells them.
   */
  constructor(writer: ByteWriter, limits: EncoderLimits) {
    this.writer = writer;
    this.#limits = limits;
    this.#values = new ValueWriter(writer, this.tables, limits);
  }

  /** The peer's limits. */
  get limits(): EncoderLimits {
    return this.#limits;
  }

  set limits(limits: EncoderLimits) {
    this.#limits = limits;
    this.#values.limits = limits;
    this.tables.entryLimit = limits.frame;
  }

  /** Says how things travel that are not copied. */
  set exporter(exporter: Exporter) {
    this.#values.exporter = exporter;
  }

  /** Whether thrown errors take their stacks along. */
  set sendStacks(sendStacks: boolean) {
    this.#values.sendStacks = sendStacks;
  }

  /**
   * Writes one message as a frame, unless it is larger than that: then it has
   * to be cut into pieces, and large byte arrays in it are not copied but are
   * the writer's `externals`. Names and key sets that it is the first to
   * use are not told to the peer yet: see {@linkcode define}.
   *
   * @param message The message.
   * @param most How many bytes its body may have.
   * @returns How many bytes its body has: the last ones of the writer, and its
   * externals. What travels along with it is in `leaving`.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is written.
   */
  encode(message: Message, most: number = this.#limits.message): number {
    this.checkIdle();
    const { writer } = this;
    const start = writer.position;
    const { frame } = this.#limits;
    writer.externalFrom = frame;
    if (writer.externals.length > 0) writer.externals = [];
    writer.bound = start + FRAME_HEADER + most;
    this.#busy = true;
    try {
      writer.reserve(FRAME_HEADER);
      writer.position = start + FRAME_HEADER;
      this.#values.begin();
      this.#body(message);
      let length = writer.position - start - FRAME_HEADER;
      for (const { bytes } of writer.externals) length += bytes.length;
      if (length > most) throw tooLarge(length, most);
      writer.view.setUint32(start, length);
      this.leaving = this.#values.exporter.take();
      return length;
    } catch (error) {
      writer.position = start;
      this.#values.exporter.take()?.undo(error instanceof NotReady);
      throw error instanceof WireError || error instanceof NotReady
        ? error
        : unreadable(error);
    } finally {
      writer.bound = Infinity;
      this.#busy = false;
    }
  }

  /**
   * Refuses to write while a message is being written.
   *
   * @throws {WireError} `invalidArgument`.
   */
  checkIdle(): void {
    if (!this.#busy) return;
    throw new WireError(
      "invalidArgument",
      "A getter of a value that is being sent used the same wire. Read the value first, then send it.",
    );
  }

  /**
   * Tells the peer what it has not been told of the tables, in front of the
   * frames that begin at `start` and need it.
   */
  define(start: number): void {
    const { writer } = this;
    const end = writer.position;
    for (const entry of this.tables.takeFresh()) {
      const frame = writer.position;
      writer.reserve(FRAME_HEADER);
      writer.position += FRAME_HEADER;
      writer.byte(KIND.define);
      writeEntry(writer, entry);
      writer.view.setUint32(frame, writer.position - frame - FRAME_HEADER);
    }
    const definitions = writer.written(end).slice();
    writer.buffer.copyWithin(start + definitions.length, start, end);
    writer.buffer.set(definitions, start);
  }

  /** Empties the tables of both ends. Nothing encoded before may follow. */
  reset(): void {
    this.tables.reset();
    const { writer } = this;
    writer.uint32(1);
    writer.byte(KIND.reset);
  }

  #body(message: Message): void {
    const { writer } = this;
    const { kind } = message;
    if (kind === "send") {
      writer.byte(KIND.send);
      return this.#call(message, false);
    }
    writer.byte(KIND[kind]);
    switch (kind) {
      case "call":
        writer.varint(message.id);
        return this.#call(message, message.wantsValues);
      case "return":
        writer.varint(message.id);
        return this.#values.write(message.value);
      case "message":
        return this.#values.write(message.value);
      case "returnValues":
        writer.varint(message.id);
        return this.#list(message.values);
      case "throw":
        writer.varint(message.id);
        return this.#values.write(message.thrown);
      case "fail":
        writer.varint(message.id);
        writer.text(message.code);
        return writer.text(message.message);
      case "cancel":
        return writer.varint(message.id);
      case "credit":
        writer.byte(CHANNELS.indexOf(message.channel));
        return writer.varint(message.amount);
      case "ping":
      case "pong":
        return writer.uint32(message.token);
      case "abort":
        writer.text(message.code);
        return writer.text(message.message);
      case "hello":
        for (const char of MAGIC) writer.byte(char.charCodeAt(0));
        writer.byte(message.version);
        writer.varint(message.features);
        writer.varint(HELLO_LIMITS.length);
        for (const name of HELLO_LIMITS) writer.varint(message.limits[name]);
        writer.text(message.credential);
        return writer.text(message.contract);
      case "accept":
      case "close":
      case "finish":
        return;
      case "release":
        this.#reference(message);
        return writer.varint(message.count);
      case "forget":
        return this.#reference(message);
      case "streamValue":
        writer.varint(message.id);
        return this.#values.write(message.value);
      case "streamBytes":
        writer.varint(message.id);
        return writer.bytes(message.bytes);
      case "streamEnd":
        return writer.varint(message.id);
      case "streamError":
        writer.varint(message.id);
        return this.#values.write(message.thrown);
      case "streamCancel":
        writer.varint(message.id);
        return this.#values.write(message.reason);
      case "streamCredit":
        writer.varint(message.id);
        return writer.varint(message.amount);
      default:
        message satisfies never;
    }
  }

  #reference(
    reference: { readonly slot: number; readonly nonce: number },
  ): void {
    this.writer.varint(reference.slot);
    this.writer.uint32(reference.nonce);
  }

  #call(call: CallFields, wantsValues: boolean): void {
    const { writer } = this;
    const { deadline, target, metadata } = call;
    writer.byte(
      (wantsValues ? WANTS_VALUES : 0) | (deadline > 0 ? HAS_DEADLINE : 0) |
        (target === undefined ? 0 : HAS_TARGET) |
        (metadata === undefined ? 0 : HAS_METADATA),
    );
    if (target !== undefined) this.#target(target);
    const name = this.tables.name(call.name);
    writer.varint(name + 1);
    if (name < 0) writer.text(call.name);
    if (deadline > 0) writer.varint(deadline);
    if (metadata !== undefined) this.#metadata(metadata);
    this.#list(call.args);
  }

  #target(target: Target): void {
    const { writer } = this;
    if ("result" in target) {
      writer.byte(TARGET.result);
      writer.varint(target.result);
    } else {
      writer.byte(TARGET.object);
      this.#reference(target);
    }
  }

  #metadata(metadata: Metadata): void {
    const { writer } = this;
    const entries = Object.entries(metadata);
    let units = 0;
    for (const [key, value] of entries) units += key.length + value.length;
    if (entries.length > METADATA_ENTRIES || units > METADATA_UNITS) {
      throw new WireError("limit", metadataLimit(entries.length, units));
    }
    writer.varint(entries.length);
    for (const [key, value] of entries) {
      writer.text(key);
      writer.text(value);
    }
  }

  #list(values: readonly unknown[]): void {
    const count = values.length;
    this.#values.hold(count);
    this.writer.varint(count);
    for (let index = 0; index < count; index++) {
      this.#values.write(values[index]);
    }
  }
}

/** Framed bytes to messages. */
export class Decoder {
  readonly #frames: FrameDecoder;
  readonly #reader = new ByteReader();
  readonly #tables = new ReceiveTables();
  readonly #values: ValueReader;
  readonly #pieces: Pieces;
  readonly #most: number;
  /** Whether the peer's hello has come. A link sets it to false at first. */
  isGreeted = true;
  /** Whether this side accepts the peer. A link sets it to false at first. */
  isOpen = true;
  /** How many bytes the body of the last message had. */
  size = 0;

  /**
   * @param limits This side's limits.
   * @param frameLimit The largest frame for now.
   */
  constructor(limits: WireLimits, frameLimit: number = limits.frame) {
    this.#frames = new FrameDecoder(frameLimit, KIND.piece);
    this.#values = new ValueReader(this.#reader, this.#tables, limits);
    this.#pieces = new Pieces(limits);
    this.#most = limits.message;
  }

  /** Makes of references and streams what the receiver gets. */
  set importer(importer: Importer) {
    this.#values.importer = importer;
  }

  /** The largest frame that is taken. */
  set frameLimit(limit: number) {
    this.#frames.limit = limit;
  }

  /** Whether a frame or a message was begun and not finished. */
  get unfinished(): boolean {
    return this.#frames.unfinished > 0 || this.#pieces.count > 0;
  }

  /** Whether a message that travels in pieces was begun and not finished. */
  get inPieces(): boolean {
    return this.#pieces.count > 0;
  }

  /** How many names and key sets the peer has defined. */
  get tableSize(): number {
    return this.#tables.size;
  }

  /** Takes the next chunk; all messages of the one before must be taken. */
  feed(chunk: Uint8Array): void {
    this.#frames.feed(chunk);
  }

  /**
   * Decodes the next message.
   *
   * @returns The message, or undefined when the next chunk is needed.
   * @throws {WireError} `malformed`: the wire cannot go on.
   */
  next(): Message | OverLimit | undefined {
    const frames = this.#frames;
    const reader = this.#reader;
    while (frames.next()) {
      reader.turnTo(frames.buffer, frames.start, frames.end);
      if (frames.continues) {
        const whole = this.#pieces.goOn(reader);
        if (whole !== undefined) return this.#wholeMessage(whole);
        continue;
      }
      const kind = frames.buffer[frames.start]!;
      if (!this.isOpen) this.#checkEarly(kind);
      switch (kind) {
        case KIND.define:
          reader.byte();
          this.#tables.readEntry(reader);
          reader.finish();
          break;
        case KIND.reset:
          reader.byte();
          reader.finish();
          if (this.#pieces.count > 0) {
            throw malformed("Tables were reset under an unfinished message.");
          }
          this.#tables.reset();
          break;
        case KIND.piece: {
          reader.byte();
          const whole = this.#pieces.take(reader, frames.rest);
          if (whole === undefined) break;
          return this.#wholeMessage(whole);
        }
        default:
          this.size = frames.end - frames.start;
          if (this.size > this.#most) {
            throw malformed(
              `A message may have ${this.#most} bytes, and one has ${this.size}.`,
            );
          }
          return this.#message();
      }
    }
    return undefined;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    this.#frames.finish();
  }

  /** Before the peer is accepted, it may only say hello and answer. */
  #checkEarly(kind: number): void {
    if (kind === KIND.hello || kind === KIND.abort) return;
    if (!this.isGreeted) throw notAWire();
    if (EARLY.has(kind)) return;
    throw malformed(
      `A message of the kind 0x${
        kind.toString(16)
      } came before this side had accepted the peer.`,
    );
  }

  /** A message that came in pieces; nobody else uses its buffer. */
  #wholeMessage(whole: Uint8Array): Message | OverLimit {
    this.#reader.turnTo(whole, 0, whole.length, true);
    this.size = whole.length;
    return this.#message();
  }

  #message(): Message | OverLimit {
    const reader = this.#reader;
    const kind = reader.byte();
    this.#values.begin();
    const message = this.#body(kind);
    if (message.kind !== "overLimit") reader.finish();
    const arrived = this.#values.importer.take();
    return arrived === undefined
      ? message
      : this.#withArrived(message, arrived);
  }

  /** A message with what came along with it, unless it fails by itself. */
  #withArrived(
    message: Message | OverLimit,
    arrived: Arrived,
  ): Message | OverLimit {
    const failure = arrived.failure ??
      (message.kind !== "call" && arrived.hasResults
        ? new WireError(
          "resultGone",
          "The result of a call came other than as an argument of a call for an answer.",
        )
        : undefined);
    if (message.kind !== "overLimit" && failure === undefined) {
      return { ...message, arrived } as Message;
    }
    arrived.drop();
    if (message.kind === "overLimit") return message;
    const { id = 0, name = "" } = message as { id?: number; name?: string };
    const of = message.kind as OverLimit["of"];
    return { kind: "overLimit", of, id, name, error: failure! };
  }

  #body(kind: number): Message | OverLimit {
    const reader = this.#reader;
    switch (kind) {
      case KIND.call: {
        const id = reader.varint();
        return this.#call("call", id);
      }
      case KIND.return: {
        const id = reader.varint();
        try {
          return { kind: "return", id, value: this.#values.read() };
        } catch (error) {
          return overLimit("return", id, "", error);
        }
      }
      case KIND.send:
        return this.#call("send", 0);
      case KIND.message:
        try {
          return { kind: "message", value: this.#values.read() };
        } catch (error) {
          return overLimit("message", 0, "", error);
        }
      case KIND.returnValues: {
        const id = reader.varint();
        try {
          return { kind: "returnValues", id, values: this.#list() };
        } catch (error) {
          return overLimit("returnValues", id, "", error);
        }
      }
      case KIND.throw: {
        const id = reader.varint();
        try {
          return { kind: "throw", id, thrown: this.#values.read() };
        } catch (error) {
          return overLimit("throw", id, "", error);
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
        return this.#stream(kind);
    }
  }

  #stream(kind: number): Message | OverLimit {
    const reader = this.#reader;
    if (kind < KIND.streamValue || kind > KIND.streamCredit) {
      throw malformed(
        `There is no kind of message with the code 0x${kind.toString(16)}.`,
      );
    }
    const id = reader.varint();
    switch (kind) {
      case KIND.streamValue:
        try {
          return { kind: "streamValue", id, value: this.#values.read() };
        } catch (error) {
          return overLimit("streamValue", id, "", error);
        }
      case KIND.streamBytes: {
        const bytes = reader.bytes(reader.remaining);
        return { kind: "streamBytes", id, bytes };
      }
      case KIND.streamEnd:
        return { kind: "streamEnd", id };
      case KIND.streamError:
        try {
          return { kind: "streamError", id, thrown: this.#values.read() };
        } catch (error) {
          return overLimit("streamError", id, "", error);
        }
      case KIND.streamCancel:
        try {
          return { kind: "streamCancel", id, reason: this.#values.read() };
        } catch (error) {
          return overLimit("streamCancel", id, "", error);
        }
      default:
        return { kind: "streamCredit", id, amount: reader.varint() };
    }
  }

  #call(kind: "call" | "send", id: number): Message | OverLimit {
    const reader = this.#reader;
    const flags = reader.byte();
    if (flags > 15 || (kind === "send" && flags & WANTS_VALUES)) {
      throw malformed(`A ${kind} has no flags ${flags}.`);
    }
    const target = flags & HAS_TARGET ? this.#target() : undefined;
    if (kind === "send" && target !== undefined && "result" in target) {
      throw malformed("A one-way call is not of a result.");
    }
    const index = reader.varint();
    const name = index === 0 ? reader.text() : this.#tables.name(index - 1);
    const deadline = flags & HAS_DEADLINE ? reader.varint() : 0;
    const metadata = flags & HAS_METADATA ? this.#metadata() : undefined;
    let args: unknown[];
    try {
      args = this.#list();
    } catch (error) {
      return overLimit(kind, id, name, error);
    }
    return kind === "send"
      ? { kind, name, args, deadline, target, metadata }
      : {
        kind,
        id,
        wantsValues: (flags & WANTS_VALUES) !== 0,
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
        `${count} values cannot stand in the ${reader.remaining} bytes that are left.`,
      );
    }
    const values = this.#values;
    values.hold(count);
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
    for (const char of MAGIC) {
      if (reader.byte() !== char.charCodeAt(0)) throw notAWire();
    }
    const version = reader.byte();
    const features = reader.varint();
    const count = reader.varint();
    const limits: Partial<PeerLimits> = {};
    for (let index = 0; index < count; index++) {
      const limit = reader.varint();
      const name = HELLO_LIMITS[index];
      if (name === undefined) continue;
      const [least, most] = limitRange(name);
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
      limits: limits as PeerLimits,
      credential,
      contract,
    };
  }
}

/** The error for a value whose getters or iterators throw. */
function unreadable(error: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `A value could not be read while it was being sent: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** Keeps a `limit` error for the message it belongs to; throws all others. */
function overLimit(
  of: OverLimit["of"],
  id: number,
  name: string,
  error: unknown,
): OverLimit {
  if (error instanceof WireError && error.code === "limit") {
    return { kind: "overLimit", of, id, name, error };
  }
  throw error;
}

function metadataLimit(entries: number, units: number): string {
  return `The metadata of a call may have ${METADATA_ENTRIES} entries and ${METADATA_UNITS} characters, not ${entries} and ${units}. Pass what is larger as an argument.`;
}

/** The error for a message that the peer does not take. */
export function tooLarge(length: number, most: number): WireError {
  return new WireError(
    "limit",
    `The peer takes messages of up to ${most} bytes (its limit "message"), and this one has ${length}. Send it in parts, or raise that limit.`,
  );
}

/** The error for a first frame that is no hello. */
export function notAWire(): WireError {
  return new WireError(
    "notAWire",
    "The peer did not begin with a wire's hello. Check that its port belongs to a request server, and that both ends use TLS or neither does.",
  );
}
