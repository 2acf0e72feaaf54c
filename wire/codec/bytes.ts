/**
 * Paired writer and reader of the untyped ground of the protocol: bytes,
 * numbers, variable-length integers and UTF-8 over one buffer.
 *
 * @module
 */

import { newBuffer, NO_BYTES } from "../base/collections.ts";
import { malformed, rawBytes, WireError } from "../base/errors.ts";
import { compiled } from "./_objects.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** What that puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";

/** Up to this many UTF-16 units a loop beats TextEncoder. */
const SHORT_TEXT = 64;
/** From here on the worst case of three bytes a unit is too much to reserve. */
const LONG_TEXT = 16 * 1024;

/** A writer's first buffer, and what a trimmed one may keep. */
const LEAST_BYTES = 256;
const KEPT_BYTES = 64 * 1024;
const EMPTY_VIEW = new DataView(NO_BYTES.buffer);

/** How many bytes an unsigned integer takes as a varint. */
export function varintSize(value: number): number {
  return Math.ceil((32 - Math.clz32(value | 1)) / 7);
}

/** Bytes that stay where they are, and where in the output they belong. */
export interface External {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** How many there were as they were counted. */
  readonly count: number;
  /** They go in front of what stands at this position of the writer. */
  readonly position: number;
}

/** Who is told when something takes more memory than before. */
export interface GrowthListener {
  /** It does. */
  onGrown?(): void;
}

/** Writes into a buffer that grows by doubling. */
export class ByteWriter {
  /** The buffer; replaced when it grows. Bytes up to `position` are valid. */
  buffer: Uint8Array<ArrayBuffer>;
  /** A view of the same buffer. */
  view: DataView<ArrayBuffer>;
  /** Where the next byte goes. */
  position = 0;
  /** The buffer does not grow beyond this many bytes. */
  bound = Infinity;
  /** How many bytes that leaves for one message, for what an error says. */
  most = Infinity;
  /** Byte arrays at least as large as this are not copied into the buffer. */
  externalFrom = Infinity;
  /**
   * Where something ends that may be gone on with, as long as nothing has been
   * written behind it; −1 when it is no longer here.
   */
  mark = -1;
  /** Those that were not. Who sets `externalFrom` takes them from here. */
  externals: External[] = [];

  /** The buffer that {@linkcode flip} goes on in, with its view. */
  #otherBuffer: Uint8Array<ArrayBuffer>;
  #otherView: DataView<ArrayBuffer>;

  readonly #listener: GrowthListener | undefined;

  /**
   * Makes an empty writer.
   *
   * @param listener Told when its buffer has grown.
   */
  constructor(listener?: GrowthListener) {
    this.#listener = listener;
    this.buffer = this.#otherBuffer = NO_BYTES;
    this.view = this.#otherView = EMPTY_VIEW;
  }

  /**
   * Hands out what was written, and goes on in another buffer. What was handed
   * out stays as it is until the next flip, or until {@linkcode takeBack}.
   */
  flip(): Uint8Array<ArrayBuffer> {
    const written = this.written();
    this.#swap();
    this.clear();
    return written;
  }

  /** How many bytes its buffers have. */
  get room(): number {
    return this.buffer.length + this.#otherBuffer.length;
  }

  /** Forgets what was written. */
  clear(): void {
    this.position = 0;
    this.mark = -1;
  }

  /** Forgets what was written, and releases the memory of it. */
  discard(): void {
    this.clear();
    this.buffer = NO_BYTES;
    this.view = EMPTY_VIEW;
  }

  /**
   * Goes on in the buffer that was handed out last, now that nobody reads it
   * any more, so that a quiet writer needs only one.
   */
  takeBack(): void {
    if (this.position === 0) this.#swap();
  }

  #swap(): void {
    const { buffer, view } = this;
    this.buffer = this.#otherBuffer;
    this.view = this.#otherView;
    this.#otherBuffer = buffer;
    this.#otherView = view;
  }

  /** Releases the memory of an empty writer's buffers, where it is much. */
  trim(): void {
    if (this.position > 0) return;
    if (this.room <= KEPT_BYTES) return;
    this.buffer = this.#otherBuffer = NO_BYTES;
    this.view = this.#otherView = EMPTY_VIEW;
  }

  /** What was written is in the buffer: unless somebody took that away. */
  #checkKept(): void {
    if (this.position === 0 || this.buffer.length > 0) return;
    throw new WireError(
      "invalidArgument",
      "The transport of the wire is at fault: it transferred the bytes that it was given, once its write() had settled. Have it send a copy: bytes.slice().",
    );
  }

  /** Makes room for that many more bytes. */
  reserve(count: number): void {
    const needed = this.position + count;
    if (needed > this.buffer.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    this.#checkKept();
    if (needed > this.bound) {
      throw new WireError(
        "limit",
        `The peer takes messages of up to ${this.most} bytes (its limit "message", or "streamWindow" for an item of a stream), and this one has more. Send it in parts, or raise that limit.`,
      );
    }
    const grown = newBuffer(
      Math.max(needed, this.buffer.length * 2, LEAST_BYTES),
    );
    if (this.position > 0) grown.set(this.buffer.subarray(0, this.position));
    this.buffer = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset);
    this.#listener?.onGrown?.();
  }

  /** What was written so far, as a view: valid until the next write. */
  written(from = 0): Uint8Array<ArrayBuffer> {
    this.#checkKept();
    return this.buffer.subarray(from, this.position);
  }

  /** One byte. */
  byte(value: number): void {
    if (this.position === this.buffer.length) this.#grow(this.position + 1);
    this.buffer[this.position++] = value;
  }

  /** A 16-bit big-endian integer, signed or not. */
  uint16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.position, value);
    this.position += 2;
  }

  /** A 32-bit big-endian integer, signed or not. */
  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.position, value);
    this.position += 4;
  }

  /** A tag, then a byte. */
  tagged8(tag: number, value: number): void {
    this.reserve(2);
    const position = this.position;
    this.buffer[position] = tag;
    this.buffer[position + 1] = value;
    this.position = position + 2;
  }

  /** A tag, then a 16-bit big-endian integer, signed or not. */
  tagged16(tag: number, value: number): void {
    this.reserve(3);
    const position = this.position;
    this.buffer[position] = tag;
    this.view.setUint16(position + 1, value);
    this.position = position + 3;
  }

  /** A tag, then a 32-bit big-endian integer, signed or not. */
  tagged32(tag: number, value: number): void {
    this.reserve(5);
    const position = this.position;
    this.buffer[position] = tag;
    this.view.setUint32(position + 1, value);
    this.position = position + 5;
  }

  /** A tag, then a 48-bit big-endian unsigned integer. */
  tagged48(tag: number, value: number): void {
    this.reserve(7);
    const position = this.position;
    this.buffer[position] = tag;
    this.view.setUint16(position + 1, value / 0x1_0000_0000);
    this.view.setUint32(position + 3, value);
    this.position = position + 7;
  }

  /** A tag, then an IEEE 754 single, big-endian. */
  taggedFloat32(tag: number, value: number): void {
    this.reserve(5);
    const position = this.position;
    this.buffer[position] = tag;
    this.view.setFloat32(position + 1, value);
    this.position = position + 5;
  }

  /** A tag, then an IEEE 754 double, big-endian. */
  taggedFloat64(tag: number, value: number): void {
    this.reserve(9);
    const position = this.position;
    this.buffer[position] = tag;
    this.view.setFloat64(position + 1, value);
    this.position = position + 9;
  }

  /** An unsigned integer below 2^32, seven bits a byte, lowest first. */
  varint(value: number): void {
    this.reserve(5);
    const buffer = this.buffer;
    let position = this.position;
    while (value >= 0x80) {
      buffer[position++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    buffer[position++] = value;
    this.position = position;
  }

  /**
   * Bytes of a value, which may stay where they are.
   *
   * @param bytes The bytes.
   * @param count How many there are.
   */
  valueBytes(bytes: Uint8Array, count: number): void {
    if (count >= this.externalFrom) {
      const { position } = this;
      this.externals.push({ bytes: rawBytes(bytes), count, position });
      return;
    }
    this.reserve(count);
    this.buffer.set(bytes, this.position);
    this.position += count;
  }

  /** Bytes as they are. */
  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** A varint that counts bytes, then a string as that many bytes of UTF-8. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.shortAscii(0, text)) return;
    const count = this.textBehind(text, varintSize);
    this.varint(count);
    this.position += count;
  }

  /**
   * A string as UTF-8, with room in front of it for what tells its length: that
   * is to be written next.
   *
   * @param sizeOf How many bytes this takes for so many of UTF-8.
   * @returns How many bytes of UTF-8 there are.
   */
  textBehind(text: string, sizeOf: (count: number) => number): number {
    // Room for any count: when it is written at last, the buffer must not grow,
    // for what stands behind it would be left behind.
    this.reserve(6);
    const start = this.position;
    // By its first character, it need not be moved in most cases.
    const units = text.charCodeAt(0) > 0x7ff ? 3 : 1;
    const guess = sizeOf(text.length * units);
    const from = this.position += guess;
    const count = this.utf8(text);
    const size = sizeOf(count);
    if (size !== guess) {
      this.reserve(Math.max(0, size - guess));
      this.buffer.copyWithin(start + size, from, from + count);
    }
    this.position = start;
    return count;
  }

  /**
   * A short ASCII string in one go: a byte that is `tag` plus its length, then
   * its bytes.
   *
   * @returns False, with nothing written, when a unit is not ASCII.
   */
  shortAscii(tag: number, text: string): boolean {
    const length = text.length;
    this.reserve(length + 1);
    const buffer = this.buffer;
    const start = this.position;
    let at = start + 1;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return false;
      buffer[at++] = unit;
    }
    buffer[start] = tag + length;
    this.position = at;
    return true;
  }

  /**
   * The same for a string of up to 31 units, ASCII or not: where it takes more
   * than 31 bytes, a byte that is `longTag` and their count are in front of them.
   *
   * @returns Whether it is ASCII.
   */
  shortText(tag: number, longTag: number, text: string): boolean {
    const { length } = text;
    // Its first character tells in most cases how much is in front of it.
    let size = length > 10 && text.charCodeAt(0) > 0x7ff ? 2 : 1;
    const count = this.#put(text, size);
    if (count < 32 !== (size === 1)) this.#put(text, size = 3 - size);
    this.reserve(size + count);
    const { buffer, position } = this;
    buffer[position] = size === 1 ? tag + count : longTag;
    if (size === 2) buffer[position + 1] = count;
    this.position = position + size + count;
    return count === length;
  }

  /**
   * A string as UTF-8, without its length.
   *
   * @returns How many bytes were written.
   * @throws {WireError} `unsupportedValue` for a string with a lone surrogate.
   */
  utf8(text: string): number {
    const { length } = text;
    if (length <= SHORT_TEXT) return this.#shortUtf8(text);
    const start = this.position;
    let rest = text;
    // For a long text there is room for ASCII at first, then for what is left.
    let room = length > LONG_TEXT ? length : length * 3;
    for (;;) {
      const most = this.bound - this.position;
      // Each unit takes a byte at least.
      this.reserve(Math.max(rest.length, Math.min(room, most)));
      const { read, written } = encoder.encodeInto(
        rest,
        this.buffer.subarray(this.position),
      );
      this.position += written;
      if (read === rest.length) break;
      rest = rest.slice(read);
      room = rest.length * 3;
      // There is all the room that there may be, and it is not enough.
      if (read === 0) this.reserve(4);
    }
    const written = this.position - start;
    if (written !== length && !text.isWellFormed()) throw illFormed();
    return written;
  }

  /** The same for a short string. */
  #shortUtf8(text: string): number {
    const count = this.#put(text, 0);
    this.reserve(count);
    this.position += count;
    return count;
  }

  /**
   * Puts a short string as UTF-8 behind room for so many bytes, two at most.
   * Near the bound there may be no place for all of it: who counts it as written
   * has to reserve that, which throws then.
   *
   * @returns How many bytes of UTF-8 there are.
   */
  #put(text: string, front: number): number {
    const { length } = text;
    const most = length * 3 + 2;
    if (this.position + most > this.buffer.length) {
      // Each unit takes a byte at least.
      const left = this.bound - this.position;
      this.reserve(Math.max(front + length, Math.min(most, left)));
    }
    const { buffer } = this;
    const start = this.position + front;
    let at = start;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit < 0x80) {
        buffer[at++] = unit;
        continue;
      }
      if (unit < 0x800) {
        buffer[at++] = 0xc0 | unit >> 6;
      } else if (unit < 0xd800 || unit > 0xdfff) {
        buffer[at++] = 0xe0 | unit >> 12;
        buffer[at++] = 0x80 | unit >> 6 & 0x3f;
      } else {
        const point = text.codePointAt(index++)!;
        if (point < 0x10000) throw illFormed();
        buffer[at++] = 0xf0 | point >> 18;
        buffer[at++] = 0x80 | point >> 12 & 0x3f;
        buffer[at++] = 0x80 | point >> 6 & 0x3f;
        buffer[at++] = 0x80 | point & 0x3f;
        continue;
      }
      buffer[at++] = 0x80 | unit & 0x3f;
    }
    return at - start;
  }
}

/** The error for a string that is no text. */
function illFormed(): WireError {
  return new WireError(
    "unsupportedValue",
    "A string to be sent must be well-formed Unicode, and this one has a lone surrogate. Repair it with toWellFormed(), or send its bytes.",
  );
}

/** What is written by, as far as small parts of messages need it. */
export type ByteSink = Pick<ByteWriter, "byte" | "varint" | "valueBytes">;

/** What is read by, as far as small parts of messages need it. */
export type ByteSource = Pick<
  ByteReader,
  | ("buffer" | "remaining" | "byte" | "bytes" | "finish" | "take")
  | ("text" | "uint32" | "varint")
>;

/**
 * Reads from a window of a buffer. Every method throws a `malformed` error
 * where the bytes are short, and none allocates more than the bytes hold.
 */
export class ByteReader {
  /** The buffer. */
  buffer: Uint8Array = NO_BYTES;
  /** A view of the same bytes, and of what may stand behind them. */
  view: DataView = EMPTY_VIEW;
  /** Where the next byte comes from. */
  position = 0;
  /** Where the window ends. */
  end = 0;
  /** Whether values may keep parts of the buffer, because nobody else will. */
  isOwned = false;
  /** A hash of the key that was read last, which anybody can compute. */
  keyHash = 0;

  /** Whether the last short text was not ASCII, as the next may be. */
  #isWide = false;

  /** Turns to another window of the same or another buffer. */
  turnTo(
    buffer: Uint8Array,
    start: number,
    end: number,
    isOwned = false,
  ): void {
    this.isOwned = isOwned;
    if (buffer !== this.buffer) {
      const { view } = this;
      this.buffer = buffer;
      if (
        view.buffer !== buffer.buffer ||
        view.byteOffset !== buffer.byteOffset ||
        view.byteLength < buffer.byteLength
      ) {
        this.view = new DataView(buffer.buffer, buffer.byteOffset);
      }
    }
    this.position = start;
    this.end = end;
  }

  /** Lets go of the buffer, of which all was read. */
  release(): void {
    this.buffer = NO_BYTES;
    this.position = this.end = 0;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** Takes that many bytes and tells where they begin. */
  take(count: number): number {
    const start = this.position;
    if (count > this.end - start) {
      throw malformed(
        `The bytes of a message end too early: ${count} more were announced, ${
          this.end - start
        } are there.`,
      );
    }
    this.position = start + count;
    return start;
  }

  /** One byte. */
  byte(): number {
    const position = this.position;
    if (position >= this.end) this.take(1);
    this.position = position + 1;
    return this.buffer[position]!;
  }

  /** A 16-bit big-endian unsigned integer. */
  uint16(): number {
    return this.view.getUint16(this.take(2));
  }

  /** A 16-bit big-endian signed integer. */
  int16(): number {
    return this.view.getInt16(this.take(2));
  }

  /** A 32-bit big-endian unsigned integer. */
  uint32(): number {
    return this.view.getUint32(this.take(4));
  }

  /** A 48-bit big-endian unsigned integer. */
  uint48(): number {
    const start = this.take(6);
    const { view } = this;
    return view.getUint16(start) * 0x1_0000_0000 + view.getUint32(start + 2);
  }

  /** A 32-bit big-endian signed integer. */
  int32(): number {
    return this.view.getInt32(this.take(4));
  }

  /** An IEEE 754 single, big-endian. */
  float32(): number {
    return this.view.getFloat32(this.take(4));
  }

  /** An IEEE 754 double, big-endian. */
  float64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** An unsigned integer below 2^32, seven bits a byte, lowest first. */
  varint(): number {
    const { buffer, end } = this;
    let position = this.position;
    if (position < end && buffer[position]! < 0x80) {
      this.position = position + 1;
      return buffer[position]!;
    }
    let value = 0;
    for (let shift = 0, scale = 1; shift < 35; shift += 7, scale *= 128) {
      if (position >= end) {
        throw malformed("The bytes of a message end within a varint.");
      }
      const byte = buffer[position++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if ((byte === 0 && shift > 0) || value > 0xffffffff) break;
        this.position = position;
        return value;
      }
    }
    throw malformed(
      "A varint must be below 2^32 and take as few bytes as it can.",
    );
  }

  /** A copy of that many bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const start = this.take(count);
    return new Uint8Array(this.buffer.subarray(start, start + count));
  }

  /** That many bytes, copied to where there is room for them. */
  into(room: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
    const start = this.take(count);
    room.set(this.buffer.subarray(start, start + count));
    return room.subarray(0, count);
  }

  /** Bytes of a value: a copy, unless they are most of a buffer of its own. */
  valueBytes(count: number): Uint8Array {
    if (!this.isOwned || count * 2 < this.buffer.length) {
      return this.bytes(count);
    }
    const start = this.take(count);
    return this.buffer.subarray(start, start + count);
  }

  /** A varint that counts bytes, then a string as that many bytes of UTF-8. */
  text(): string {
    return this.utf8(this.varint());
  }

  /**
   * The same, for the key of an object: one that has come before is no new
   * string. Its hash is in `keyHash`.
   */
  key(): string {
    const count = this.varint();
    const start = this.take(count);
    const { buffer, position } = this;
    const least = count > LONGEST_KEY ? position - LONGEST_KEY : start;
    let hash = count;
    for (let at = least; at < position; at++) {
      hash = Math.imul(hash, 31) + buffer[at]! | 0;
    }
    this.keyHash = hash ^= hash >>> 15;
    const place = hash & KEY_PLACES - 1;
    const isSeen = seenKeys[place] === hash;
    if (isSeen) {
      const known = keys[place];
      if (known !== undefined && isText(known, buffer, start, count)) {
        return known;
      }
    }
    this.position = start;
    const key = this.utf8(count);
    // Most of those that come once do not come again.
    if (!isSeen) seenKeys[place] = hash;
    else if (key.length === count && count <= LONGEST_KEY) keys[place] = key;
    return key;
  }

  /** Takes the key of an object if it is that one, which is short and ASCII. */
  takeKey(key: string): boolean {
    const { buffer, position, end } = this;
    const { length } = key;
    const start = position + 1;
    if (
      start + length > end || buffer[position] !== length ||
      !isText(key, buffer, start, length)
    ) return false;
    this.position = start + length;
    return true;
  }

  /** That many bytes of UTF-8 as a string. */
  utf8(count: number): string {
    const start = this.take(count);
    const { buffer } = this;
    const first = count > 0 ? buffer[start]! : 0;
    if (first < 0x80 && count <= LONGEST_ASCII && !this.#isWide) {
      const text = asciiText(buffer, start, count);
      if (text !== undefined) return text;
    }
    // Text that begins so is likely to have three bytes for most of its units.
    if (count <= (first < 0xe0 ? LONGEST_ASCII : LONGEST_WIDE * 3)) {
      const text = wideText(buffer, start, count);
      if (text !== undefined) {
        this.#isWide = text.length !== count;
        return text;
      }
    }
    // A decoder that does not look for errors takes a quarter of the time.
    const bytes = buffer.subarray(start, start + count);
    const text = decoder.decode(bytes);
    if (text.includes(REPLACEMENT)) checkUtf8(bytes);
    return text;
  }

  /**
   * ASCII from the end of the window, behind which its length stands as a
   * 16-bit integer; the window ends in front of it from now on.
   *
   * @param most How many characters it may have.
   */
  textAtEnd(most: number): string {
    const { position, end } = this;
    const count = end - position < 2 ? 0 : this.view.getUint16(end - 2);
    const start = end - 2 - count;
    if (count === 0 || count > most || start < position) {
      throw malformed(
        `A string section has 1 to ${most} characters, and not ${count} in ${
          end - position
        } bytes.`,
      );
    }
    this.position = start;
    const text = this.utf8(count);
    if (text.length !== count) {
      throw malformed("The string section of a message must be ASCII.");
    }
    this.position = position;
    this.end = start;
    return text;
  }

  /** Refuses bytes that are left over. */
  finish(): void {
    if (this.position !== this.end) {
      throw malformed(
        `A message must end where its frame ends, and ${
          this.end - this.position
        } bytes trail it.`,
      );
    }
  }
}

// Keys that came more than once lately, of all wires: the engine has each name
// of a property but once, and to look a new string up there takes longer than
// to find it here.

const LONGEST_KEY = 32;
/** How many places there are for them: a power of two. */
const KEY_PLACES = 1_024;
/** ASCII keys, each at a place that its hash tells. */
const keys: (string | undefined)[] = [];
/** The hashes of those that came last. */
const seenKeys = /* @__PURE__ */ new Int32Array(KEY_PLACES);

/** Whether bytes are those of an ASCII text. */
function isText(
  text: string,
  bytes: Uint8Array,
  start: number,
  count: number,
): boolean {
  if (text.length !== count) return false;
  for (let index = 0; index < count; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** Looks for errors; made when there may be the first. */
let strictDecoder: TextDecoder | undefined;

/** Refuses what is no UTF-8. */
function checkUtf8(bytes: Uint8Array): void {
  strictDecoder ??= new TextDecoder("utf-8", { fatal: true });
  try {
    strictDecoder.decode(bytes);
  } catch {
    throw malformed("A string must be valid UTF-8, and this one is not.");
  }
}

// Short strings from bytes. One call that makes a whole string beats a
// string put together from parts, and up to some length both beat TextDecoder.
// For each length that comes often there is a function of generated code; it
// depends on nothing but the length.

/** The longest string that is made here. */
export const LONGEST_ASCII = 80;
/** The longest one of which some is no ASCII, in UTF-16 units. */
const LONGEST_WIDE = 96;
/** From so many strings of a length on, generated code makes them. */
const MANY = 8;

/** Makes a string of units; undefined where one is larger than it may be. */
type UnitDecoder = (
  units: Uint8Array | Uint16Array,
  at: number,
) => string | undefined;

/** The decoders of each length: those of ASCII, and those of any units. */
const asciiDecoders = /* @__PURE__ */ unitDecoders(LONGEST_ASCII, 0x7f);
const wideDecoders = /* @__PURE__ */ unitDecoders(LONGEST_WIDE, 0xffff);

function unitDecoders(longest: number, most: number): UnitDecoder[] {
  const decoders: UnitDecoder[] = [];
  for (let count = 0; count <= longest; count++) {
    let uses = 0;
    // Makes strings of a length until there are many of them.
    decoders.push((units, at) => {
      if (++uses === MANY) decoders[count] = unitDecoderOf(count, most);
      return byList(units, at, count, most);
    });
  }
  return decoders;
}

/**
 * ASCII as a string.
 *
 * @param bytes Where it is.
 * @param at Where it begins.
 * @param count How long it is, at most {@linkcode LONGEST_ASCII}.
 * @returns The string; undefined where a byte is not ASCII.
 */
export function asciiText(
  bytes: Uint8Array,
  at: number,
  count: number,
): string | undefined {
  return asciiDecoders[count]!(bytes, at);
}

/**
 * Generates the decoder of strings of one length.
 *
 * @param count The length.
 * @param most What no unit may exceed.
 * @param compile What compiles the text of a function, or throws.
 * @returns The decoder.
 */
export function unitDecoderOf(
  count: number,
  most: number,
  compile: (...parts: string[]) => unknown = compiled,
): UnitDecoder {
  const names = Array.from({ length: count }, (_, index) => `u${index}`);
  const read = names.map((name, index) =>
    `const ${name} = units[at + ${index}];`
  );
  const code = `return (units, at) => {
    ${read.join("\n")}
    return (${names.join(" | ") || 0}) > ${most} ? undefined : make(${names});
  };`;
  try {
    return (compile("make", code) as (make: unknown) => UnitDecoder)(
      String.fromCharCode,
    );
  } catch {
    return (units, at) => byList(units, at, count, most);
  }
}

/** Decodes without generated code. */
function byList(
  units: Uint8Array | Uint16Array,
  at: number,
  count: number,
  most: number,
): string | undefined {
  const list: number[] = [];
  let all = 0;
  for (let index = at; index < at + count; index++) {
    const unit = units[index]!;
    all |= unit;
    list.push(unit);
  }
  return all > most ? undefined : String.fromCharCode(...list);
}

/** The units of a short text. */
const wide = /* @__PURE__ */ new Uint16Array(LONGEST_WIDE);

/**
 * A short text that is no ASCII as a string.
 *
 * @returns Undefined for bytes that may be no UTF-8, or are too many.
 */
function wideText(
  bytes: Uint8Array,
  start: number,
  count: number,
): string | undefined {
  const end = start + count;
  let length = 0;
  let at = start;
  // Behind the end there may be bytes, too: what takes of those is refused.
  while (at < end && length < LONGEST_WIDE) {
    const first = bytes[at++]!;
    if (first < 0x80) {
      wide[length++] = first;
      continue;
    }
    const second = bytes[at++]! ^ 0x80;
    if (first < 0xe0) {
      if (first < 0xc2 || second > 0x3f) return undefined;
      wide[length++] = (first & 0x1f) << 6 | second;
      continue;
    }
    const third = bytes[at++]! ^ 0x80;
    if (first < 0xf0) {
      const unit = (first & 0xf) << 12 | second << 6 | third;
      if ((second | third) > 0x3f || unit < 0x800 || unit >> 11 === 0x1b) {
        return undefined;
      }
      wide[length++] = unit;
      continue;
    }
    const fourth = bytes[at++]! ^ 0x80;
    const point = (first & 0xf) << 18 | second << 12 | third << 6 | fourth;
    if (
      (second | third | fourth) > 0x3f || point < 0x10000 || point > 0x10ffff
    ) return undefined;
    wide[length++] = 0xd7c0 + (point >> 10);
    wide[length++] = 0xdc00 | point & 0x3ff;
  }
  if (at !== end || length > LONGEST_WIDE) return undefined;
  return wideDecoders[length]!(wide, 0);
}
