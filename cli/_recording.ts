/**
 * Recordings of what passed between clients and a server: a file of lines of
 * JSON, which `docs/tap.md` describes.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "../wire/codec/bytes.ts";
import { MessageTap } from "../wire/codec/mod.ts";
import { beginsAsHello, HELLO_BEGINS } from "../wire/codec/wire_tap.ts";

/** Who sent something. */
export type From = "client" | "server";

/** A line of a recording. */
export type Entry =
  & {
    /** Milliseconds since the recording began. */
    readonly time: number;
    /** The number of the wire, from 1. */
    readonly wire: number;
  }
  & (
    | { readonly event: "open"; readonly peer: string }
    | { readonly event: "end"; readonly from: From }
    | { readonly event: "close"; readonly why?: string | undefined }
    | {
      /** A hello that may show a secret, with what came behind it. */
      readonly event: "leftOut";
      readonly from: From;
      /** How many bytes. */
      readonly count: number;
    }
    | { readonly from: From; readonly bytes: Uint8Array }
  );

/** The first line of a recording. */
export interface Heading {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  /** When it began, as ISO 8601 has it. */
  readonly began: string;
  /** Where the server was. */
  readonly target: string;
}

const FORMAT = "remote-wire-recording";
const VERSION = 1;
/** So many UTF-16 units wait for the file before who records waits. */
const MOST_WAITING = 1024 * 1024;
/** A frame that is a hello, and has more bytes, is left out. */
const LONGEST_HELLO = 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Writes a recording. */
export class Recorder {
  readonly #file: Deno.FsFile;
  readonly #began: number;
  readonly #onFailed: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  /** The first bytes of each direction, until its hello is whole. */
  readonly #first = new Map<string, ByteWriter>();
  /** How many bytes are left out of directions whose secret is not found. */
  readonly #leftOut = new Map<string, number>();
  #waiting: string[] = [];
  /** How many UTF-16 units wait, or are being written. */
  #count = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;

  /**
   * Begins a file, which only its owner may read.
   *
   * @param path Where.
   * @param target Where the server is.
   * @param began When, in milliseconds since 1970.
   * @param onFailed Told once when it cannot be written, as to a full disk.
   */
  constructor(
    path: string,
    target: string,
    began: number,
    onFailed: (error: unknown) => void = () => {},
  ) {
    this.#onFailed = onFailed;
    this.#file = Deno.openSync(path, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
    // As precise as its first line tells it.
    this.#began = Math.floor(began);
    const heading: Heading = {
      format: FORMAT,
      version: VERSION,
      began: new Date(began).toISOString(),
      target,
    };
    this.#line(heading);
  }

  /**
   * Records bytes. Secrets that are shown in a hello are recorded as stars; a
   * hello in which they are not found is left out, and what is behind it.
   *
   * @returns A promise when so much waits that the sender has to.
   */
  bytes(
    wire: number,
    from: From,
    chunk: Uint8Array,
    time: number,
  ): Promise<void> | undefined {
    const key = `${wire} ${from}`;
    const first = this.#first.get(key);
    const leftOut = this.#leftOut.get(key);
    if (leftOut !== undefined) {
      this.#leftOut.set(key, leftOut + chunk.length);
    } else if (first === undefined) {
      this.#bytes(wire, from, chunk, time);
    } else {
      first.bytes(chunk);
      const all = first.written();
      const safe = withoutSecret(all);
      if (safe !== undefined) {
        this.#first.delete(key);
        if (safe.length > 0) this.#bytes(wire, from, safe, time);
        else this.#leftOut.set(key, all.length);
      }
    }
    return this.#count > MOST_WAITING ? this.#writing : undefined;
  }

  /** Records that a wire began. */
  open(wire: number, peer: string, time: number): void {
    this.#first.set(`${wire} client`, new ByteWriter());
    this.#first.set(`${wire} server`, new ByteWriter());
    this.#line({ time: this.#since(time), wire, event: "open", peer });
  }

  /** Records that one side has ended its direction. */
  end(wire: number, from: From, time: number): void {
    this.#flush(wire, from, time);
    this.#line({ time: this.#since(time), wire, event: "end", from });
  }

  /** Records that a wire has ended. */
  over(wire: number, why: string | undefined, time: number): void {
    this.#flush(wire, "client", time);
    this.#flush(wire, "server", time);
    this.#line({ time: this.#since(time), wire, event: "close", why });
  }

  /** Ends the file, once all is written. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#file.close();
  }

  /** A direction is over: tells what was held back. */
  #flush(wire: number, from: From, time: number): void {
    const key = `${wire} ${from}`;
    const held = this.#first.get(key)?.written() ?? NO_BYTES;
    let count = this.#leftOut.get(key) ?? 0;
    this.#first.delete(key);
    this.#leftOut.delete(key);
    // Fewer bytes than tell a hello hold no secret.
    if (beginsAsHello(held)) count = held.length;
    else if (held.length > 0) this.#bytes(wire, from, held, time);
    if (count === 0) return;
    const since = this.#since(time);
    this.#line({ time: since, wire, event: "leftOut", from, count });
  }

  #bytes(wire: number, from: From, chunk: Uint8Array, time: number): void {
    const bytes = chunk.toBase64();
    this.#line({ time: this.#since(time), wire, from, bytes });
  }

  #since(time: number): number {
    return Math.round((time - this.#began) * 1_000) / 1_000;
  }

  #line(line: object): void {
    if (this.#isBroken) return;
    const text = `${JSON.stringify(line)}\n`;
    this.#waiting.push(text);
    this.#count += text.length;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      // What comes in this turn is written together.
      await undefined;
      while (this.#waiting.length > 0) {
        const text = this.#waiting.splice(0).join("");
        const bytes = this.#encoder.encode(text);
        for (let at = 0; at < bytes.length;) {
          at += await this.#file.write(bytes.subarray(at));
        }
        this.#count -= text.length;
      }
    } catch (error) {
      this.#isBroken = true;
      this.#waiting = [];
      this.#onFailed(error);
    }
    this.#writing = undefined;
  }
}

/**
 * The first bytes of a direction, without the secret that a hello shows.
 *
 * @param bytes The first bytes.
 * @returns The same, with stars in the place of a secret; undefined while the
 * hello is not whole; none for a hello that is too long, or cannot be read.
 */
export function withoutSecret(bytes: Uint8Array): Uint8Array | undefined {
  const isHello = beginsAsHello(bytes);
  if (isHello === undefined) return undefined;
  if (!isHello) return bytes;
  const { byteOffset, buffer } = bytes;
  const length = 4 + new DataView(buffer, byteOffset).getUint32(0);
  if (length > LONGEST_HELLO) return NO_BYTES;
  if (bytes.length < length) return undefined;
  const safe = bytes.slice();
  const hello = safe.subarray(0, length);
  try {
    const [start, end] = placeOfSecret(hello);
    hello.fill(STAR, start, end);
    // Who reads it otherwise is not to find a secret either.
    return credentialOf(hello) === "*".repeat(end - start) ? safe : NO_BYTES;
  } catch {
    return NO_BYTES;
  }
}

const STAR = "*".charCodeAt(0);

/** Where the secret of a hello begins and ends. */
function placeOfSecret(hello: Uint8Array): [start: number, end: number] {
  const reader = new ByteReader();
  const version = HELLO_BEGINS.length;
  reader.turnTo(hello, version + 1, hello.length);
  reader.varint(); // What it is capable of.
  for (let limits = reader.varint(); limits > 0; limits--) reader.varint();
  const length = reader.varint();
  const start = reader.take(length);
  return [start, start + length];
}

/** The credential of a hello, as whoever looks at the wire reads it. */
function credentialOf(frame: Uint8Array): string | undefined {
  const [hello] = new MessageTap({ frame: LONGEST_HELLO }).read(frame);
  return hello?.kind === "hello" ? hello.fields.credential : undefined;
}

/** A recording that cannot be read. */
export class BadRecording extends Error {
  /** Tells it apart from others in JSON. */
  readonly code = "badRecording";
}

/**
 * Reads a recording.
 *
 * @param path Where it is.
 * @returns What its first line says, and the others one after the other.
 * @throws {BadRecording} For what is none.
 */
export async function readRecording(
  path: string,
): Promise<{ heading: Heading; entries: AsyncGenerator<Entry> }> {
  const lines = linesOf(path);
  const { value: first } = await lines.next();
  const heading = parsed(path, 1, first ?? "");
  if (heading.format !== FORMAT) {
    await lines.return(undefined);
    throw new BadRecording(
      `${path} is no recording: its first line is not {"format":"${FORMAT}", …}.`,
    );
  }
  if (heading.version !== VERSION) {
    await lines.return(undefined);
    throw new BadRecording(
      `${path} is a recording of version ${
        JSON.stringify(heading.version)
      }, and this program reads version ${VERSION}.`,
    );
  }
  const { began, target } = heading;
  const since = typeof began === "string" ? Date.parse(began) : NaN;
  if (Number.isNaN(since) || typeof target !== "string") {
    await lines.return(undefined);
    throw new BadRecording(
      `The first line of ${path} has no "began" that is a date of ISO 8601, or no "target" that is a text.`,
    );
  }
  return {
    heading: heading as unknown as Heading,
    entries: entriesOf(path, lines, since),
  };
}

async function* entriesOf(
  path: string,
  lines: AsyncIterable<string>,
  began: number,
): AsyncGenerator<Entry> {
  const open = new Set<number>();
  let number = 1;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    const entry = entryOf(path, number, parsed(path, number, line), began);
    const { wire } = entry;
    const event = "event" in entry ? entry.event : undefined;
    if ((event === "open") === open.has(wire)) {
      throw new BadRecording(
        event === "open"
          ? `Line ${number} of ${path} opens the wire ${wire}, which is open already: each wire has a number of its own.`
          : `Line ${number} of ${path} is of the wire ${wire}, which no line has opened, or one has closed.`,
      );
    }
    if (event === "open") open.add(wire);
    if (event === "close") open.delete(wire);
    yield entry;
  }
}

function entryOf(
  path: string,
  number: number,
  entry: Record<string, unknown>,
  began: number,
): Entry {
  const { time, wire, event, from, bytes, peer, count, why } = entry;
  const isFrom = from === "client" || from === "server";
  const isPlaced = typeof time === "number" && isDate(began + time) &&
    isCount(wire);
  if (isPlaced && isFrom && typeof bytes === "string") {
    try {
      const decoded = Uint8Array.fromBase64(bytes);
      return { time, wire, from, bytes: decoded };
    } catch {
      // Said below.
    }
  }
  const isEvent = event === "open" && typeof peer === "string" ||
    event === "end" && isFrom ||
    event === "leftOut" && isFrom && isCount(count) ||
    event === "close" && (why === undefined || typeof why === "string");
  if (isPlaced && isEvent) return entry as Entry;
  throw new BadRecording(
    `Line ${number} of ${path} is no entry of a recording, which has time (milliseconds), wire (a number from 1), and from with bytes or an event with what belongs to it.`,
  );
}

/** Whether a number of milliseconds since 1970 is a date. */
function isDate(time: number): boolean {
  return !Number.isNaN(new Date(time).getTime());
}

/** Whether something is a whole number from 1. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 1;
}

function parsed(
  path: string,
  number: number,
  line: string,
): Record<string, unknown> {
  try {
    const value = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new BadRecording(
    `Line ${number} of ${path} is no object of JSON, as the lines of a recording are.`,
  );
}

/** The lines of a file. */
async function* linesOf(path: string): AsyncGenerator<string, void, void> {
  let begun: string[] = [];
  try {
    const file = await Deno.open(path);
    for await (
      const text of file.readable.pipeThrough(new TextDecoderStream())
    ) {
      const [first = "", ...lines] = text.split("\n");
      begun.push(first);
      for (const line of lines) {
        yield begun.join("");
        begun = [line];
      }
    }
  } catch (error) {
    // A directory can be opened, and not read.
    throw new BadRecording(
      `${path} cannot be read: ${(error as Error).message}.`,
    );
  }
  const last = begun.join("");
  if (last !== "") yield last;
}
