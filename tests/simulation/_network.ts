/**
 * A virtual network: connections whose bytes are chopped, delayed, held up and
 * cut off as a plan says.
 *
 * @module
 */

import type { Transport, WireAddress } from "../../wire/transport/transport.ts";
import type { Random } from "./_random.ts";
import type { World } from "./_world.ts";

/** What a connection is like. Times are in virtual milliseconds. */
export interface LinkPlan {
  /** The longest time that a chunk is under way. */
  latency: number;
  /** Into how many bytes a chunk is chopped at most; 0 for not at all. */
  chop: number;
  /** How many bytes are under way at most, in each direction. */
  capacity: number;
  /** Whether writes take only some of what they are given. */
  isShort: boolean;
  /** Whether chunks that arrive at one moment are there at once. */
  isBunched?: boolean | undefined;
  /** Holds everything up once, or one direction: what that end writes. */
  stall?: { at: number; time: number; of?: 0 | 1 | undefined } | undefined;
  /**
   * Cuts the connection once so many bytes have been written to it; `of` has
   * one direction end, while the other one goes on.
   */
  cut?: { bytes: number; isReset: boolean; of?: 0 | 1 | undefined } | undefined;
}

/** A write is chopped into so many chunks at most, about. */
const MOST_CHUNKS = 64;

const ADDRESS: WireAddress = { transport: "streams" };
/**
 * A write goes on once this part of the capacity is free. As a kernel does, this
 * keeps a slow reader from being written to byte by byte.
 */
const PARTS = 8;
/** What a chunk is overwritten with once it may no longer be read. */
const SPOILT = 0xee;

/** One direction of a connection. */
class Pipe {
  readonly #world: World;
  readonly #random: Random;
  readonly #plan: LinkPlan;
  readonly #stall: LinkPlan["stall"];
  readonly #arrived: Uint8Array<ArrayBuffer>[] = [];
  #lent: Uint8Array | undefined;
  #reader: PromiseWithResolvers<Uint8Array | null> | undefined;
  #writer: (() => void) | undefined;
  /** Bytes that were written and not read. */
  #held = 0;
  /** When the last chunk arrives: none overtakes another. */
  #lastAt = 0;
  #isEnded = false;
  #hasEnd = false;
  #error: Error | undefined;
  /** So many bytes have to be free for a write to go on. */
  readonly #least: number;

  /** @param from Which end writes to it. */
  constructor(world: World, random: Random, plan: LinkPlan, from: 0 | 1) {
    this.#world = world;
    this.#random = random;
    this.#plan = plan;
    this.#least = Math.ceil(plan.capacity / PARTS);
    const of = plan.stall?.of;
    this.#stall = of === undefined || of === from ? plan.stall : undefined;
  }

  read(): Promise<Uint8Array | null> {
    // Whoever still looks at the last chunk is to see that it is gone.
    this.#lent?.fill(SPOILT);
    this.#lent = undefined;
    this.#reader = Promise.withResolvers();
    const { promise } = this.#reader;
    this.#feed();
    return promise;
  }

  /** How many more bytes may be on the way. */
  get #room(): number {
    return this.#plan.capacity - this.#held;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    // No more than that is taken of it.
    const before = bytes.slice(0, this.#plan.capacity);
    while (this.#room < this.#least && this.#error === undefined) {
      await new Promise<void>((resolve) => this.#writer = resolve);
    }
    if (this.#error !== undefined) throw this.#error;
    if (this.#hasEnd) throw new Error("a write came behind the end");
    let count = Math.min(this.#room, bytes.length);
    if (this.#plan.isShort) count = this.#random.int(1, count);
    this.#held += count;
    const delay = this.#random.int(0, this.#plan.latency);
    if (this.#random.chance(0.5)) await this.#world.sleep(delay);
    if (this.#error !== undefined) throw this.#error;
    for (let at = 0; at < count; at++) {
      if (before[at] !== bytes[at]) {
        throw new Error("bytes were changed while they were being written");
      }
    }
    this.#send(before.subarray(0, count));
    return count;
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    const { chop } = this.#plan;
    const most = chop === 0
      ? bytes.length
      : Math.max(chop, Math.ceil(bytes.length / MOST_CHUNKS));
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + this.#random.int(1, most));
      const chunk = bytes.slice(at, end);
      this.#later(() => {
        this.#arrived.push(chunk);
        this.#feed();
      });
      at = end;
    }
  }

  /** Does something when what was sent before has arrived, or later. */
  #later(arrive: () => void): void {
    const { latency } = this.#plan;
    const stall = this.#stall;
    const now = this.#world.now();
    let at = Math.max(this.#lastAt, now + this.#random.int(0, latency));
    if (stall !== undefined && at >= stall.at && at < stall.at + stall.time) {
      at = stall.at + stall.time;
    }
    this.#lastAt = at;
    this.#world.after(at - now, arrive, this.#plan.isBunched);
  }

  end(): void {
    if (this.#hasEnd) return;
    this.#hasEnd = true;
    this.#later(() => {
      this.#isEnded = true;
      this.#feed();
    });
  }

  /** The connection is gone: reads and writes fail, or reads end. */
  break(error: Error): void {
    this.#error ??= error;
    this.#writer?.();
    this.#feed();
  }

  #feed(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const chunk = this.#error === undefined ? this.#arrived.shift() : undefined;
    if (chunk === undefined && this.#error === undefined && !this.#isEnded) {
      return;
    }
    this.#reader = undefined;
    if (chunk !== undefined) {
      this.#held -= chunk.length;
      this.#lent = chunk;
      const writer = this.#writer;
      this.#writer = undefined;
      writer?.();
      reader.resolve(chunk);
    } else if (this.#error !== undefined) reader.reject(this.#error);
    else reader.resolve(null);
  }
}

/** A connection, whose two ends are transports. */
export class Connection {
  /** The two ends. */
  readonly ends: readonly [Transport, Transport];
  readonly #pipes: readonly [Pipe, Pipe];
  readonly #plan: LinkPlan;
  #written = 0;

  /**
   * @param world The time.
   * @param random The chance.
   * @param plan What it is like.
   */
  constructor(world: World, random: Random, plan: LinkPlan) {
    this.#plan = plan;
    const there = new Pipe(world, random, plan, 0);
    const back = new Pipe(world, random, plan, 1);
    this.#pipes = [there, back];
    this.ends = [this.#end(back, there), this.#end(there, back)];
  }

  /** Cuts it, as when a machine or a cable is gone. */
  cut(isReset: boolean, of?: 0 | 1): void {
    for (const [from, pipe] of this.#pipes.entries()) {
      if (of !== undefined && of !== from) continue;
      if (isReset) pipe.break(new Error("connection reset by the plan"));
      else pipe.end();
    }
  }

  #end(incoming: Pipe, outgoing: Pipe): Transport {
    let isClosed = false;
    return {
      address: ADDRESS,
      read: () => incoming.read(),
      write: async (bytes) => {
        const count = await outgoing.write(bytes);
        this.#count(count);
        return count;
      },
      closeWrite: () => {
        outgoing.end();
        return Promise.resolve();
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        outgoing.end();
        incoming.break(new Error("closed by this side"));
      },
    };
  }

  #count(bytes: number): void {
    const { cut } = this.#plan;
    const before = this.#written;
    this.#written += bytes;
    if (cut !== undefined && before < cut.bytes && this.#written >= cut.bytes) {
      this.cut(cut.isReset, cut.of);
    }
  }
}
