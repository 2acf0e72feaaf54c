/**
 * Recordings of what passed between clients and a server: a file of lines of
 * JSON, which `docs/tap.md` describes.
 *
 * @module
 */

import { MessageTap } from "../wire/codec/mod.ts";

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
/** So many bytes wait for the file before who records waits. */
const MOST_WAITING = 1024 * 1024;
/** A hello is not looked for in more bytes. */
const LONGEST_HELLO = 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Writes a recording. */
export class Recorder {
  readonly #file: Deno.FsFile;
  readonly #began: number;
  readonly #onFailed: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  /** The first bytes of each direction, until its hello is whole. */
  readonly #first = new Map<string, Uint8Array>();
  #waiting: string[] = [];
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
   * Records bytes. Secrets that are shown in a hello are recorded as stars.
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
    const before = this.#first.get(key);
    if (before === undefined) {
      this.#bytes(wire, from, chunk, time);
    } else {
      const all = new Uint8Array(before.length + chunk.length);
      all.set(before);
      all.set(chunk, before.length);
      const safe = withoutSecret(all);
      if (safe === undefined) {
        this.#first.set(key, all);
      } else {
        this.#first.delete(key);
        this.#bytes(wire, from, safe, time);
      }
    }
    return this.#count > MOST_WAITING ? this.#writing : undefined;
  }

  /** Records that a wire began. */
  open(wire: number, peer: string, time: number): void {
    this.#first.set(`${wire} client`, NO_BYTES);
    this.#first.set(`${wire} server`, NO_BYTES);
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

  /** What was held back for a hello is none. */
  #flush(wire: number, from: From, time: number): void {
    const key = `${wire} ${from}`;
    const held = this.#first.get(key);
    this.#first.delete(key);
    if (held !== undefined && held.length > 0) {
      this.#bytes(wire, from, held, time);
    }
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
        const bytes = this.#encoder.encode(this.#waiting.splice(0).join(""));
        for (let at = 0; at < bytes.length;) {
          at += await this.#file.write(bytes.subarray(at));
        }
        this.#count -= bytes.length;
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
 * hello is not whole.
 */
export function withoutSecret(bytes: Uint8Array): Uint8Array | undefined {
  const isHello = HELLO_BEGINS.every((byte, index) =>
    byte === undefined || index >= bytes.length || bytes[index] === byte
  );
  if (!isHello || bytes.length > LONGEST_HELLO) return bytes;
  if (bytes.length < HELLO_BEGINS.length) return undefined;
  const { byteOffset, buffer } = bytes;
  const length = 4 + new DataView(buffer, byteOffset).getUint32(0);
  if (length > LONGEST_HELLO) return bytes;
  if (bytes.length < length) return undefined;
  const secret = secretOf(bytes.subarray(0, length));
  if (secret === undefined || secret === "") return bytes;
  const word = new TextEncoder().encode(secret);
  const safe = bytes.slice();
  const hello = safe.subarray(0, length);
  const stars = "*".repeat(word.length);
  // It stands near the end, and may stand elsewhere by chance.
  for (let at = length - word.length; at >= HELLO_BEGINS.length; at--) {
    if (!word.every((byte, index) => hello[at + index] === byte)) continue;
    hello.fill(0x2a, at, at + word.length);
    if (secretOf(hello) === stars) return safe;
    hello.set(word, at);
  }
  throw new Error("The secret of a hello could not be left out.");
}

/** How a frame begins that is a hello: its length, its kind, "WIRE". */
const HELLO_BEGINS = [0, undefined, undefined, undefined, 1, 87, 73, 82, 69];

/** The secret that a frame shows; undefined where it is no hello. */
function secretOf(frame: Uint8Array): string | undefined {
  try {
    const [hello] = new MessageTap({ frame: 16 * 1024 * 1024 }).read(frame);
    return hello?.kind === "hello" ? hello.fields.credential : undefined;
  } catch {
    return undefined;
  }
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
      `${path} is a recording of version ${heading.version}, and this program reads version ${VERSION}.`,
    );
  }
  return {
    heading: heading as unknown as Heading,
    entries: entriesOf(path, lines),
  };
}

async function* entriesOf(
  path: string,
  lines: AsyncIterable<string>,
): AsyncGenerator<Entry> {
  let number = 1;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    yield entryOf(path, number, parsed(path, number, line));
  }
}

function entryOf(
  path: string,
  number: number,
  entry: Record<string, unknown>,
): Entry {
  const { time, wire, event, from, bytes, peer } = entry;
  const isFrom = from === "client" || from === "server";
  const isPlaced = typeof time === "number" && Number.isInteger(wire);
  if (isPlaced && isFrom && typeof bytes === "string") {
    try {
      const decoded = Uint8Array.fromBase64(bytes);
      return { time, wire: wire as number, from, bytes: decoded };
    } catch {
      // Said below.
    }
  }
  const isEvent = event === "open" && typeof peer === "string" ||
    event === "end" && isFrom || event === "close";
  if (isPlaced && isEvent) return entry as Entry;
  throw new BadRecording(
    `Line ${number} of ${path} is no entry of a recording, which has time, wire, and from with bytes or an event.`,
  );
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
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw new BadRecording(
      `${path} cannot be read: ${(error as Error).message}.`,
    );
  }
  let begun: string[] = [];
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
  const last = begun.join("");
  if (last !== "") yield last;
}
