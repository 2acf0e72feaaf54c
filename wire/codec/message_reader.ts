/**
 * Reads the bodies of messages, and hands them to their receiver;
 * `message_writer.ts` is its mirror.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import { malformed, WireError } from "../base/errors.ts";
import {
  DEFAULT_LIMITS,
  lightWeight,
  limitRange,
  type Memory,
  type WireLimits,
} from "../base/limits.ts";
import type { ByteReader, ByteSource } from "./bytes.ts";
import { Assembly } from "./frames.ts";
import type {
  CallExtras,
  MessageExtras,
  MessageReceiver,
} from "./message_receiver.ts";
import {
  CHANNELS,
  FLAG,
  type Hello,
  HELLO_LIMITS,
  HELLO_LIMITS_LEAST,
  KIND,
  kindText,
  MAGIC,
  MESSAGE_OVERHEAD,
  type MessageCode,
  type Metadata,
  METADATA_ENTRIES,
  METADATA_UNITS,
  metadataLimit,
  notAWire,
  type PeerLimits,
  PLAIN_ARGUMENTS,
  STRINGS,
  TARGET,
  type Target,
} from "./messages.ts";
import type { ReceivedAttachments } from "./passing.ts";
import type { ReceiveTables } from "./tables.ts";
import { MOST_SECTION } from "./value_writer.ts";
import {
  type BoundsSource,
  checkFits,
  type ValueReader,
  type WeightBounds,
} from "./value_reader.ts";
import { WEIGHT } from "./value_kinds.ts";

/** How many times the memory of its bytes the values of a message may take. */
const MOST_TIMES = 16;
/** And how much more, besides what each value may. */
const MOST_MORE = 4 * 1024 * 1024;

/** What a hello fills in. */
const UNTOLD_LIMITS = Object.freeze(
  Object.fromEntries(HELLO_LIMITS.map((name) => [name, DEFAULT_LIMITS[name]])),
) as PeerLimits;

/** The codes of errors that fail one message alone. */
const ALONE: ReadonlySet<string> = new Set(["limit", "unsupportedValue"]);

/** The messages about streams. */
type StreamCode = typeof KIND[
  | "streamValue"
  | "streamBytes"
  | "streamEnd"
  | "streamError"
  | "streamCancel"
  | "streamCredit"
  | "streamFail"
];

/** The messages about the wire itself, and about references. */
type ControlCode = Exclude<
  MessageCode,
  | StreamCode
  | typeof KIND["call" | "send" | "message"]
  | typeof KIND["return" | "returnValues" | "throw"]
>;

/** One-way calls in a row that are not all read. */
interface Row {
  readonly name: string;
  readonly count: number;
}

/** Bytes of a stream that are not all there. */
interface StreamPart {
  readonly id: number;
  /** Where they are put together; undefined where the message fails. */
  readonly bytes: Assembly | undefined;
  /** Whether that is memory of their own. */
  readonly isOwn: boolean;
}

/**
 * Reads messages, without their frames. A message is read whole before the
 * receiver gets it.
 */
export class MessageReader implements BoundsSource {
  /** How many messages were read. */
  messages = 0;
  /** How many bytes the last one had. */
  size = 0;
  /** What its values take in memory, about; 0 for one that fails by itself. */
  weight = 0;
  /** Where in the reader's buffer it begins. */
  start = 0;
  /** Whether what came first began as a hello does. */
  isHailed = false;
  /** What the values of messages have room in. */
  readonly #memory: Memory | undefined;

  readonly #reader: ByteReader;
  readonly #tables: ReceiveTables;
  readonly #values: ValueReader;
  readonly #mostOfItem: number;
  readonly #mostInRow: number;
  /** Why the message that is being read fails by itself. */
  #failure: WireError | undefined;
  /** What the message is that is being read. */
  #kind: MessageCode = KIND.call;
  #row: Row | undefined;
  /** Bytes of a stream that came in part. */
  #part: StreamPart | undefined;

  /**
   * @param reader Where the bytes come from.
   * @param tables The names that the peer defined.
   * @param values Reads the values.
   * @param limits This side's limits.
   * @param memory What the values of messages have room in.
   */
  constructor(
    reader: ByteReader,
    tables: ReceiveTables,
    values: ValueReader,
    { streamWindow, values: most }: Pick<WireLimits, "streamWindow" | "values">,
    memory: Memory | undefined,
  ) {
    this.#memory = memory;
    this.#reader = reader;
    this.#tables = tables;
    this.#values = values;
    this.#mostOfItem = streamWindow;
    this.#mostInRow = Math.min(PLAIN_ARGUMENTS, most);
  }

  /**
   * Reads a message.
   *
   * @param size How many bytes it has.
   * @param receiver Gets it.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  read(size: number, receiver: MessageReceiver): void {
    this.messages++;
    this.size = size;
    const reader = this.#reader;
    this.start = reader.position;
    const first = reader.byte();
    if (first === KIND.call) return this.#call(receiver, true);
    if (first === KIND.return) return this.#return(receiver, true);
    const kind = (first & ~STRINGS) as MessageCode;
    this.#begin(
      kind,
      first < STRINGS ? undefined : reader.textAtEnd(MOST_SECTION),
    );
    switch (kind) {
      case KIND.call:
        return this.#call(receiver, false);
      case KIND.return:
        return this.#return(receiver, false);
      case KIND.send:
        return this.#send(receiver);
      case KIND.message: {
        const value = this.#value();
        return receiver.message(value, size, this.#end());
      }
      case KIND.returnValues: {
        const id = reader.varint();
        const values = this.#list();
        return receiver.returnValues(id, values, this.#end());
      }
      case KIND.throw: {
        const id = reader.varint();
        const thrown = this.#value();
        return receiver.throw(id, thrown, this.#end());
      }
      case KIND.streamValue:
      case KIND.streamBytes:
      case KIND.streamEnd:
      case KIND.streamError:
      case KIND.streamCancel:
      case KIND.streamCredit:
      case KIND.streamFail:
        return this.#stream(kind, receiver);
      default:
        return this.#control(kind, receiver);
    }
  }

  /** What bytes of a stream take in memory that came in part. */
  get partial(): number {
    const { isOwn = false, bytes } = this.#part ?? {};
    return isOwn ? bytes?.bytes.length ?? 0 : 0;
  }

  /**
   * Reads the beginning of bytes of a stream that came in part. They are put
   * together where they are to be in the end.
   *
   * @param size How many bytes the message has.
   * @param rest How many of them are to come.
   * @param receiver Tells where they go.
   */
  beginBytes(size: number, rest: number, receiver: MessageReceiver): void {
    this.size = size;
    const reader = this.#reader;
    reader.byte();
    this.#begin(KIND.streamBytes, undefined);
    const id = reader.varint();
    const count = reader.remaining + rest;
    let bytes: Assembly | undefined;
    let room: Uint8Array<ArrayBuffer> | undefined;
    try {
      room = this.#roomFor(receiver, id, count);
      bytes = new Assembly(count, room?.subarray(0, count));
    } catch (error) {
      this.#fail(error);
    }
    bytes?.append(reader);
    this.#part = { id, bytes, isOwn: room === undefined };
  }

  /**
   * Reads more of them.
   *
   * @param rest How many are still to come.
   * @param receiver Gets them when all are there.
   * @returns Whether they are.
   */
  goOnWithBytes(rest: number, receiver: MessageReceiver): boolean {
    const { id, bytes } = this.#part!;
    bytes?.append(this.#reader);
    if (rest > 0) return false;
    this.#part = undefined;
    this.messages++;
    const whole = bytes?.bytes ?? NO_BYTES;
    receiver.streamBytes(id, whole, this.size, this.#end());
    return true;
  }

  #control(kind: ControlCode, receiver: MessageReceiver): void {
    const reader = this.#reader;
    switch (kind) {
      case KIND.fail: {
        const id = reader.varint();
        const [code, message] = this.#words();
        return receiver.fail(id, code, message);
      }
      case KIND.cancel:
        return receiver.cancel(this.#last(reader.varint()));
      case KIND.credit: {
        const channel = CHANNELS[reader.byte()];
        if (channel === undefined) throw malformed("There is no such channel.");
        return receiver.credit(channel, this.#last(reader.varint()));
      }
      case KIND.ping:
        return receiver.ping(this.#last(reader.uint32()));
      case KIND.pong:
        return receiver.pong(this.#last(reader.uint32()));
      case KIND.hello:
        return receiver.hello(
          this.#last(readHello(reader, () => this.isHailed = true)),
        );
      case KIND.accept:
        this.#end();
        return receiver.accept();
      case KIND.close:
        this.#end();
        return receiver.close();
      case KIND.finish:
        this.#end();
        return receiver.finish();
      case KIND.abort: {
        const [code, message] = this.#words();
        return receiver.abort(code, message);
      }
      case KIND.release: {
        const slot = reader.varint();
        const nonce = reader.uint32();
        return receiver.release(slot, nonce, this.#last(reader.varint()));
      }
      case KIND.forget: {
        const slot = reader.varint();
        return receiver.forget(slot, this.#last(reader.uint32()));
      }
      default:
        kind satisfies never;
        throw this.#noSuchKind();
    }
  }

  #noSuchKind(): WireError {
    const code = this.#reader.buffer[this.start]!;
    const known = Object.values(KIND).some((each) =>
      each === (code & ~STRINGS)
    );
    return malformed(
      known
        ? `A frame of the kind ${
          kindText(code)
        } came in pieces or with a string section, and must have neither.`
        : `There is no kind of message with the code ${kindText(code)}.`,
    );
  }

  #stream(kind: StreamCode, receiver: MessageReceiver): void {
    const reader = this.#reader;
    const { size } = this;
    const id = reader.varint();
    switch (kind) {
      case KIND.streamValue: {
        const value = this.#value(this.#mostOfItem);
        return receiver.streamValue(id, value, size, this.#end());
      }
      case KIND.streamBytes: {
        const bytes = this.#bytes(receiver, id);
        return receiver.streamBytes(id, bytes, size, this.#end());
      }
      case KIND.streamEnd:
        this.#end();
        return receiver.streamEnd(id);
      case KIND.streamError: {
        const thrown = this.#value();
        return receiver.streamError(id, thrown, this.#end());
      }
      case KIND.streamFail: {
        const [code, message] = this.#words();
        return receiver.streamFail(id, code, message);
      }
      case KIND.streamCancel: {
        const reason = this.#value();
        return receiver.streamCancel(id, reason, this.#end());
      }
      case KIND.streamCredit:
        return receiver.streamCredit(id, this.#last(reader.varint()));
      default:
        kind satisfies never;
    }
  }

  /**
   * Reads a call.
   *
   * @param mayBePlain Whether its values may be plain: then they are read as
   * such first, which needs no accounts. Otherwise it is begun already.
   */
  #call(receiver: MessageReceiver, mayBePlain: boolean): void {
    const id = this.#reader.varint();
    const flags = this.#reader.byte();
    // A call of what was served, that says nothing of itself: most are.
    const fields = flags === 0 ? undefined : this.#fields("call", flags);
    const name = this.#name();
    if (mayBePlain) {
      const plain = flags === 0 ? this.#plainList() : undefined;
      if (plain !== undefined) return receiver.call(id, name, plain, this.size);
      this.#begin(KIND.call, undefined);
    }
    const more = flags === 0 ? undefined : this.#more(flags);
    const args = this.#list();
    const extras = this.#end(true);
    receiver.call(
      id,
      name,
      args,
      this.size,
      flags === 0 ? extras : { ...fields, ...more, ...extras },
    );
  }

  /** Reads an answer with one value; see {@linkcode #call}. */
  #return(receiver: MessageReceiver, mayBePlain: boolean): void {
    const id = this.#reader.varint();
    if (mayBePlain) {
      const plain = this.#plain(1);
      if (plain !== undefined) return receiver.return(id, plain[0]);
      this.#begin(KIND.return, undefined);
    }
    const value = this.#value();
    receiver.return(id, value, this.#end());
  }

  #send(receiver: MessageReceiver): void {
    const flags = this.#reader.byte();
    const fields = flags === 0 ? undefined : this.#fields("send", flags);
    const name = this.#name();
    const more = flags === 0 ? undefined : this.#more(flags);
    const args = this.#list();
    const extras = this.#end();
    receiver.send(
      name,
      args,
      this.size,
      flags === 0 ? extras : { ...fields, ...more, ...extras },
    );
  }

  /**
   * Reads one-way calls in a row: each has plain arguments, and nothing else.
   *
   * @param receiver Gets them; where it pauses, {@linkcode goOn} reads on.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  readRow(receiver: MessageReceiver): void {
    const reader = this.#reader;
    const start = reader.position;
    reader.position = start + 1;
    const index = reader.varint();
    if (index === 0) {
      throw malformed(
        "A batch of one-way calls has a name that was defined: its index and 1, and not 0.",
      );
    }
    const name = this.#tables.name(index - 1);
    const count = reader.byte();
    if (count === 0 || count > this.#mostInRow) {
      throw malformed(
        `One-way calls in a row have 1 to ${this.#mostInRow} arguments each, not ${count}.`,
      );
    }
    this.#calls(name, count, start, receiver);
  }

  /** Whether one-way calls in a row are not all read. */
  get isInRow(): boolean {
    return this.#row !== undefined;
  }

  /** Reads on where the receiver has paused. */
  goOn(receiver: MessageReceiver): void {
    const { name, count } = this.#row!;
    this.#row = undefined;
    this.#calls(name, count, this.#reader.position, receiver);
  }

  #calls(
    name: string,
    count: number,
    first: number,
    receiver: MessageReceiver,
  ): void {
    const reader = this.#reader;
    const values = this.#values;
    this.weight = 0;
    for (let start = first; start === first || start < reader.end;) {
      const args = values.readPlain(count);
      if (args === undefined) {
        throw malformed(
          "A one-way call in a row has all its arguments, and none but plain values.",
        );
      }
      this.messages++;
      const size = this.size = reader.position - start;
      start = reader.position;
      receiver.send(name, args, size);
      if (start < reader.end && receiver.isPaused) {
        this.#row = { name, count };
        return;
      }
    }
  }

  /** What stands in front of a call's name. */
  #fields(kind: "call" | "send", flags: number): CallExtras {
    if (flags > 15 || (kind === "send" && flags & FLAG.wantsValues)) {
      throw malformed(`A ${kind} has no flags ${flags}.`);
    }
    const target = flags & FLAG.hasTarget
      ? readTarget(this.#reader)
      : undefined;
    if (kind === "send" && target !== undefined && "result" in target) {
      throw malformed("A one-way call is not of a result.");
    }
    return { wantsValues: (flags & FLAG.wantsValues) !== 0, target };
  }

  #name(): string {
    const index = this.#reader.varint();
    return index === 0 ? this.#reader.text() : this.#tables.name(index - 1);
  }

  /** What stands behind it. */
  #more(flags: number): CallExtras {
    const deadline = flags & FLAG.hasDeadline ? this.#reader.varint() : 0;
    if ((flags & FLAG.hasMetadata) === 0) return { deadline };
    const metadata = readMetadata(this.#reader);
    try {
      this.#values.weigh(WEIGHT.metadata * Object.keys(metadata).length);
    } catch (error) {
      this.#fail(error);
    }
    return { deadline, metadata };
  }

  /** What follows is read in full, and weighed. */
  #begin(kind: MessageCode, section: string | undefined): void {
    this.#failure = undefined;
    this.weight = 0;
    this.#kind = kind;
    // No window counts the reason of a stream that failed.
    const cost = kind === KIND.streamError ? 0 : this.size + MESSAGE_OVERHEAD;
    this.#values.begin(section, lightWeight(cost), this);
  }

  /** What the values of the message that is read may weigh. */
  weightBounds(): WeightBounds {
    const { size } = this;
    const memory = this.#memory;
    const most = mostWeight(size);
    const bounds = { most, room: Infinity, roomAlong: Infinity };
    if (memory === undefined) return bounds;
    switch (this.#kind) {
      case KIND.call:
      case KIND.send:
        bounds.room = memory.room(size + MESSAGE_OVERHEAD);
        break;
      case KIND.message:
      case KIND.streamValue:
      case KIND.streamBytes:
        // By itself it can be kept as its bytes.
        bounds.roomAlong = memory.room(size + MESSAGE_OVERHEAD);
        if (!this.#tables.canLend) bounds.room = bounds.roomAlong;
        break;
      case KIND.streamError:
        // No window counts it.
        bounds.room = memory.room(0) - size;
        break;
      default:
        // Whoever waits for it gets it at once.
    }
    return bounds;
  }

  /**
   * The arguments of a call, the last of a message, where they are few and
   * plain: they have no attachments, and weigh nothing.
   *
   * @returns Undefined where they are not; then nothing of them is read.
   */
  #plainList(): unknown[] | undefined {
    const reader = this.#reader;
    const start = reader.position;
    const count = reader.byte();
    const list = count <= this.#mostInRow ? this.#plain(count) : undefined;
    if (list === undefined) reader.position = start;
    return list;
  }

  /** So many plain values, the last of a message. */
  #plain(count: number): unknown[] | undefined {
    const reader = this.#reader;
    const start = reader.position;
    const values = this.#values.readPlain(count);
    if (values === undefined) {
      reader.position = start;
      return undefined;
    }
    reader.finish();
    this.weight = 0;
    return values;
  }

  /** A value, the last of a message; undefined where the message fails. */
  #value(mostBytes = Infinity): unknown {
    const start = this.#reader.position;
    try {
      if (this.size > mostBytes) throw itemTooLarge(this.size, mostBytes);
      return this.#values.read();
    } catch (error) {
      this.#fail(error);
      // Attachments behind that place have to be released as well.
      this.#reader.position = start;
      this.#values.skipValues(1);
      return undefined;
    }
  }

  /** Values behind their count, the last of a message. */
  #list(): unknown[] {
    const reader = this.#reader;
    const start = reader.position;
    const count = reader.varint();
    checkFits(count, reader);
    try {
      return this.#values.readList(count);
    } catch (error) {
      this.#fail(error);
      reader.position = start;
      this.#values.skipValues(reader.varint());
      return [];
    }
  }

  /** All bytes that are left. */
  #bytes(receiver: MessageReceiver, id: number): Uint8Array {
    const reader = this.#reader;
    const count = reader.remaining;
    try {
      const room = this.#roomFor(receiver, id, count);
      return room === undefined
        ? reader.bytes(count)
        : reader.into(room, count);
    } catch (error) {
      this.#fail(error);
      return NO_BYTES;
    }
  }

  /**
   * Where bytes of a stream go; undefined where that is new memory.
   *
   * @throws {WireError} `limit` for more than this side takes.
   */
  #roomFor(
    receiver: MessageReceiver,
    id: number,
    count: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (this.size > this.#mostOfItem) {
      throw itemTooLarge(this.size, this.#mostOfItem);
    }
    this.#values.weigh(WEIGHT.view + this.size);
    return receiver.streamRoom?.(id, count);
  }

  /** A code and a text, the last of a message. */
  #words(): [code: string, message: string] {
    const code = this.#reader.text();
    const message = this.#reader.text();
    this.#end();
    return [code, message];
  }

  /** What was read is the last of a message. */
  #last<T>(part: T): T {
    this.#end();
    return part;
  }

  /**
   * Keeps an error for the message it belongs to, if that fails alone: one that
   * is over a limit, or has a value of no type that is declared here. Throws
   * all others.
   */
  #fail(error: unknown): void {
    if (!(error instanceof WireError) || !ALONE.has(error.code)) throw error;
    this.#failure = error;
  }

  /**
   * A message is read to its end: nothing of it is left for the next one.
   *
   * @param takesResults Whether results of calls may be among its values.
   * @returns What it has besides; mostly nothing.
   * @throws {WireError} `malformed` where more came.
   */
  #end(takesResults = false): MessageExtras | undefined {
    const values = this.#values;
    const failure = this.#failure;
    if (failure === undefined) {
      this.#reader.finish();
      values.end();
      this.weight = values.weight;
    }
    values.clear();
    const attachments = values.importer.take();
    if (attachments !== undefined) {
      return extrasOf(attachments, failure, takesResults);
    }
    return failure === undefined ? undefined : { failure };
  }
}

/** What the values of a message of so many bytes may weigh, by themselves. */
export function mostWeight(size: number): number {
  return MOST_TIMES * size + MOST_MORE;
}

/** Reads what a call is of. */
export function readTarget(reader: ByteSource): Target {
  const kind = reader.byte();
  if (kind === TARGET.result) return { result: reader.varint() };
  if (kind !== TARGET.object) throw malformed(`There is no target ${kind}.`);
  return { slot: reader.varint(), nonce: reader.uint32() };
}

/** Reads the metadata of a call. */
export function readMetadata(reader: ByteSource): Metadata {
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

/**
 * Reads a hello, behind its kind.
 *
 * @param reader Where the bytes come from.
 * @param onHailed Called once it has begun as a hello does.
 * @returns What the peer says of itself.
 * @throws {WireError} `notAWire`, or `malformed`.
 */
export function readHello(reader: ByteSource, onHailed: () => void): Hello {
  for (let at = 0; at < MAGIC.length; at++) {
    if (reader.byte() !== MAGIC.charCodeAt(at)) throw notAWire();
  }
  onHailed();
  const version = reader.byte();
  const features = reader.varint();
  const count = reader.varint();
  const limits: PeerLimits = { ...UNTOLD_LIMITS };
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
  if (count < HELLO_LIMITS_LEAST) {
    throw malformed(
      `A hello has ${HELLO_LIMITS_LEAST} limits or more, not ${count}.`,
    );
  }
  const credential = reader.text();
  const contract = reader.text();
  // What a later version adds stands behind that, and is skipped.
  reader.take(reader.remaining);
  return { kind: "hello", version, features, limits, credential, contract };
}

/** What a message with attachments has besides. */
function extrasOf(
  attachments: ReceivedAttachments,
  ownFailure: WireError | undefined,
  takesResults: boolean,
): MessageExtras {
  const failure = ownFailure ?? attachments.failure ??
    (attachments.hasResults && !takesResults
      ? new WireError(
        "resultGone",
        "The result of a call came other than as an argument of a call for an answer.",
      )
      : undefined);
  if (failure === undefined) return { attachments };
  attachments.drop();
  return { failure };
}

/** The error for an item of a stream that is larger than this side takes. */
function itemTooLarge(size: number, most: number): WireError {
  return new WireError(
    "limit",
    `An item of a stream may have ${most} bytes here (limit "streamWindow"), and one came with ${size}.`,
  );
}
