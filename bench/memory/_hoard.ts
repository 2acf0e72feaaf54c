/**
 * A peer that has a server hold as much as all windows of a wire let it, and
 * takes nothing and finishes nothing.
 *
 * @module
 */

import { listOf, type ValueKind, varint } from "./_values.ts";

/** What of a wire is filled. */
export const PLACES = [
  "messages",
  "one-way calls",
  "streams",
  "calls",
  "pieces",
  "answers",
] as const;

/** One of them. */
export type Place = typeof PLACES[number];

/** The default limits, by which this peer keeps. */
const FRAME = 65_536;
const MESSAGE = 4_194_304;
const WINDOW = 4_194_304;
const STREAMS = 100;
const STREAM_WINDOW = 262_144;
const FIRST_CREDIT = 20_971;
const PIECES = 8;
/** Of answers to so many calls a quarter is what may wait for a peer. */
const ANSWERS = 4_096;
const COST = 64;

/** Begins each wire: a hello with the default limits. */
export const HELLO: readonly number[] = [
  ...[0x01, 0x57, 0x49, 0x52, 0x45, 1, 0, 14, 0x80, 0x80, 1, 0x80, 0x80, 4],
  ...[0x80, 0x80, 0x80, 2, 0x40, 0x80, 0x80, 0x10, 0x80, 0x40, 0xe8, 7],
  ...[0x80, 0x80, 0x80, 2, 8, 0xe8, 7, 0x21, 0x64, 0x80, 0x80, 0x10, 0x90],
  ...[0x4e, 0, 0],
];
const KIND = { accept: 2, define: 3, piece: 5, pong: 0x21, abort: 0x32 };

/** Lists that were made: a crowd sends the same ones. */
const lists = new Map<string, Uint8Array>();
const wholes = new Map<Uint8Array, Uint8Array>();

/** See {@linkcode listOf}. */
function listIn(kind: ValueKind, most: number): Uint8Array {
  const key = `${kind.name} ${most}`;
  const list = lists.get(key) ?? listOf(kind, most);
  lists.set(key, list);
  return list;
}

/** A list, and zeros behind it, almost as large as a message may be. */
function padded(list: Uint8Array): Uint8Array {
  let whole = wholes.get(list);
  if (whole !== undefined) return whole;
  whole = new Uint8Array(MESSAGE - 32);
  whole.set(list);
  wholes.set(list, whole);
  return whole;
}

/** What a hoard has come to. */
export interface Hoarded {
  /** How many bytes were sent. */
  readonly sent: number;
  /** Whether the wire, or the whole process, has ended. */
  readonly hasEnded: boolean;
}

/** The peer. */
export class Hoarder implements Disposable {
  readonly #connection: Deno.Conn;
  /** How many bytes it has sent. */
  sent = 0;
  /** Whether the other end has ended the wire, or is gone. */
  hasEnded = false;
  #pongs = 0;
  /** Whether it reads nothing more. */
  #isDeaf = false;
  #accepted = false;
  #wake = () => {};
  #pieces = 0;
  #stream = 0;
  #call = 0;
  /** What its calls count for. */
  #called = 0;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Opens a wire to a server on this machine. */
  static async open(port: number): Promise<Hoarder> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const hoarder = new Hoarder(connection);
    hoarder.#read();
    await hoarder.#frame(HELLO);
    await hoarder.#frame([KIND.accept]);
    await hoarder.#until(() => hoarder.#accepted);
    // The key set of no keys.
    await hoarder.#frame([KIND.define, 1]);
    return hoarder;
  }

  /** Hears what comes: kinds are all that counts. */
  async #read(): Promise<void> {
    const chunk = new Uint8Array(64 * 1024);
    let kept: number[] = [];
    while (!this.#isDeaf) {
      const count = await this.#connection.read(chunk).catch(() => null);
      if (count === null) break;
      kept.push(...chunk.subarray(0, count));
      while (kept.length >= 5) {
        const [a, b, c, d, kind] = kept as [
          number,
          number,
          number,
          number,
          number,
        ];
        const end = 4 + (a << 24 | b << 16 | c << 8 | d);
        if (kept.length < end) break;
        kept = kept.slice(end);
        if (kind === KIND.accept) this.#accepted = true;
        if (kind === KIND.pong) this.#pongs++;
        if (kind === KIND.abort) this.hasEnded = true;
      }
      this.#wake();
    }
    this.hasEnded = !this.#isDeaf;
    this.#wake();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.hasEnded) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async #frame(...parts: (readonly number[] | Uint8Array)[]): Promise<void> {
    if (this.hasEnded) return;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const bytes = new Uint8Array(4 + length);
    new DataView(bytes.buffer).setUint32(0, length);
    let at = 4;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    try {
      for (let from = 0; from < bytes.length;) {
        from += await this.#connection.write(bytes.subarray(from));
      }
      this.sent += bytes.length;
    } catch {
      this.hasEnded = true;
    }
  }

  /** A message, in pieces where it is larger than a frame. */
  async #message(
    head: readonly number[],
    values: Uint8Array,
    isFinished = true,
  ): Promise<void> {
    const size = head.length + values.length;
    if (size <= FRAME && isFinished) return await this.#frame(head, values);
    const number = isFinished ? 100 : this.#pieces++;
    const end = isFinished ? size : size - 1;
    for (let from = 0; from < end;) {
      const header = [KIND.piece, ...varint(number), 0];
      if (from === 0) header.push(...varint(size), ...head);
      // Where the values begin that follow.
      const start = from === 0 ? 0 : from - head.length;
      const count = Math.min(
        FRAME - header.length,
        end - head.length - start,
      );
      await this.#frame(header, values.subarray(start, start + count));
      from = head.length + start + count;
    }
  }

  /** Messages up to a window, and one beyond it. */
  async #fill(
    window: number,
    head: () => readonly number[],
    kind: ValueKind,
  ): Promise<void> {
    const values = listIn(kind, FRAME - 32);
    for (let held = 0; held < window; held += values.length + 32 + COST) {
      await this.#message(head(), values);
    }
  }

  /** Fills one place with values of one kind. */
  async hoard(place: Place, kind: ValueKind): Promise<void> {
    // hold(), in full, with one argument.
    const hold = [0, 4, 0x68, 0x6f, 0x6c, 0x64, 1];
    switch (place) {
      case "messages":
        await this.#fill(WINDOW, () => [0x10], kind);
        break;
      case "calls": {
        const call = () => [0x12, ...varint(this.#call++), 0, ...hold];
        await this.#fill(WINDOW + MESSAGE - this.#called, call, kind);
        break;
      }
      case "one-way calls":
        await this.#fill(WINDOW, () => [0x11, 0, ...hold], kind);
        break;
      case "streams": {
        const ids = Array.from({ length: STREAMS }, () => this.#stream++);
        const all = ids.flatMap((id) => [0xd9, ...varint(id)]);
        const call = [0x12, ...varint(this.#call++), 0, ...hold, 0xd1];
        await this.#frame(call, varint(STREAMS), all);
        this.#called += call.length + 1 + all.length + COST;
        const small = listIn(kind, FIRST_CREDIT - COST - 32);
        const large = listIn(kind, STREAM_WINDOW - 32);
        for (const id of ids) {
          await this.#message([0x50, ...varint(id)], small);
          await this.#message([0x50, ...varint(id)], large);
        }
        break;
      }
      case "pieces": {
        // Most kinds fill less than that with the values there may be.
        const whole = padded(listIn(kind, MESSAGE - 32));
        for (let count = 0; count < PIECES; count++) {
          await this.#message([0x10], whole, false);
        }
        break;
      }
      case "answers": {
        // give(list), which answers with the list.
        const give = [0, 4, 0x67, 0x69, 0x76, 0x65, 1];
        const values = listIn(kind, FRAME - 32);
        this.#isDeaf = true;
        for (let count = 0; count < ANSWERS; count++) {
          const call = [0x12, ...varint(this.#call++), 0, ...give];
          await this.#message(call, values);
        }
        return;
      }
      default:
        place satisfies never;
    }
    const pongs = this.#pongs;
    await this.#frame([0x20, 0, 0, 0, 1]);
    await this.#until(() => this.#pongs > pongs);
  }

  /** Leaves, without a word. */
  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed.
    }
  }
}
