/**
 * Looks, now and then, whether a peer is alive and makes progress; and pings.
 *
 * @module
 */

import { afterLimit, BUSY, type Clock } from "../base/clock.ts";
import { LazyMap } from "../base/collections.ts";
import { WireError } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { WireLimits } from "../base/limits.ts";
import { type ByteOutput, SMALL_ANSWER } from "../flow/byte_output.ts";
import type { MessageOutput, Ticket } from "../flow/output.ts";

/** Output over `sendEnd` may wait for so many milliseconds. */
const SHORT_STALL = 1_000;
/** However patient the limits are, that is seen after so many more. */
const LONGEST_INTERVAL = 2_500;

/** So many pings are answered while output over `sendEnd` does not move. */
const PONGS = 100;

/** What tells of an output whether it makes progress. */
export type WatchedOutput =
  & Pick<
    ByteOutput,
    "busy" | "collected" | "progressAt" | "taken" | "trim" | "waiting"
  >
  & Pick<MessageOutput, "encoder" | "send">;

/** What is watched, and who is told. */
export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly lifetime: Lifetime;
  readonly limits: Readonly<WireLimits>;
  readonly output: WatchedOutput;
  /** Whether the peer has accepted this side, and may be pinged. */
  readonly handshake: { readonly accepted: boolean };
  /** Whether a message was begun and not finished. */
  readonly decoder: { readonly unfinished: boolean };
  /** Whether what came waits until others have had their turn. */
  readonly turn: { readonly isPaused: boolean };
  /** Ends the wire, with the reason, and says whether to tell the peer. */
  readonly end: (reason: WireError, tell: boolean) => void;
}

/**
 * The watch over one wire: one timer, which looks at everything.
 *
 * A look that is late shows that this process was busy, and has not read what
 * came meanwhile. That time does not count against the peer.
 */
export class Keepalive {
  /** How many pings it has sent. */
  pings = 0;

  readonly #options: KeepaliveOptions;
  readonly #interval: number;
  /** How late a look may be; what is more was spent busy. */
  readonly #lateness: number;
  #receivedAt: number;
  /** When the peer was pinged, if that was after its last byte. */
  #pingedAt: number | undefined;
  /** Where that ping stands in the output. */
  #ping: Ticket = { position: Infinity };
  /** When the next look is due. */
  #dueAt = 0;
  /**
   * When the output last made progress, and how long this side was busy since.
   */
  #progressAt = 0;
  #busySince = 0;
  #stopTimer: (() => void) | undefined;

  /** @param options What to watch. */
  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.#receivedAt = options.clock.now();
    const { stall, keepaliveIdle, keepaliveDeath, frameProgress } =
      options.limits;
    const shortest = Math.min(
      stall,
      keepaliveIdle,
      keepaliveDeath,
      frameProgress,
    );
    this.#interval = Math.min(LONGEST_INTERVAL, Math.ceil(shortest / 4));
    this.#lateness = Math.min(BUSY, this.#interval);
  }

  /** Begins to look. */
  start(): void {
    const { clock } = this.#options;
    this.#dueAt = clock.now() + this.#interval;
    this.#stopTimer = afterLimit(clock, this.#interval, this.#lookAgain);
  }

  /** Bytes came. */
  received(now: number = this.#options.clock.now()): void {
    this.#receivedAt = now;
    this.#pingedAt = undefined;
  }

  /** The wire ended. */
  end(): void {
    this.#stopTimer?.();
  }

  readonly #lookAgain = (): void => {
    this.#look();
    if (this.#options.lifetime.reason === undefined) this.start();
  };

  #look(): void {
    const { clock, limits, output, decoder, handshake, turn, end } =
      this.#options;
    const now = clock.now();
    // There is more, which is not read yet.
    if (turn.isPaused) this.received(now);
    const wasBusy = this.#forgive(now);
    const silence = now - this.#receivedAt;
    const stalled = output.busy ? now - output.progressAt - this.#busySince : 0;
    const isFull = output.waiting > limits.sendEnd;
    // What came while this side was busy is read first.
    const times = wasBusy ? 2 : 1;
    if (stalled > times * (isFull ? SHORT_STALL : limits.stall)) {
      end(stalledBy(output.waiting, stalled), false);
    } else if (output.collected > this.#flood()) {
      end(floodedBy(output.collected), false);
    } else if (decoder.unfinished && silence > times * limits.frameProgress) {
      end(unfinishedFor(limits.frameProgress), true);
    } else if (handshake.accepted && silence > limits.keepaliveIdle) {
      this.#ask(now, silence, times * limits.keepaliveDeath);
    }
    if (silence > limits.stall) output.trim();
  }

  /**
   * More than that may not wait: neither calls nor answers come to so much,
   * but what the peer brings forth, and hardly takes. Small answers, and a
   * frame of each kind, always find room.
   */
  #flood(): number {
    const { limits, output } = this.#options;
    const { sendMost, sendEnd, calls } = limits;
    const always = calls * SMALL_ANSWER + 4 * output.encoder.limits.frame;
    return Math.max(sendMost + sendEnd, always);
  }

  /**
   * Leaves out the time in which this side was busy.
   *
   * @returns Whether it was.
   */
  #forgive(now: number): boolean {
    const { progressAt } = this.#options.output;
    if (progressAt !== this.#progressAt) this.#busySince = 0;
    this.#progressAt = progressAt;
    const busy = now - this.#dueAt;
    if (busy <= this.#lateness) return false;
    this.#receivedAt = Math.min(now, this.#receivedAt + busy);
    if (this.#pingedAt !== undefined) {
      this.#pingedAt = Math.min(now, this.#pingedAt + busy);
    }
    this.#busySince += busy;
    return true;
  }

  /** Pings a peer that is silent, once; and ends the wire in the end. */
  #ask(now: number, silence: number, patience: number): void {
    const { output, end } = this.#options;
    if (this.#pingedAt === undefined) {
      this.#pingedAt = now;
      this.pings++;
      this.#ping = { position: Infinity };
      output.send({ kind: "ping", token: 0 }, this.#ping);
    } else if (output.taken <= this.#ping.position) {
      // The peer takes what stands before it, or `stall` ends the wire.
      this.#pingedAt = now;
    } else if (now - this.#pingedAt > patience) {
      end(
        new WireError(
          "keepalive",
          `The peer was silent for ${
            Math.round(silence)
          } ms, and did not answer a ping.`,
        ),
        false,
      );
    }
  }
}

function stalledBy(waiting: number, milliseconds: number): WireError {
  return new WireError(
    "stalled",
    `The peer takes nothing: ${waiting} bytes have waited for ${
      Math.round(milliseconds)
    } ms.`,
  );
}

function floodedBy(waiting: number): WireError {
  return new WireError(
    "stalled",
    `The peer has this side say more than it takes: ${waiting} bytes wait.`,
  );
}

function unfinishedFor(milliseconds: number): WireError {
  return new WireError(
    "stalled",
    `A message was begun and not finished within ${milliseconds} ms.`,
  );
}

// Signs of life that the program asks for, and those that the peer gets.

/** The pings of one wire, in both directions. */
export class Pings {
  readonly #output: WatchedOutput;
  readonly #clock: Clock;
  readonly #sendEnd: number;
  readonly #asked = new LazyMap<number, () => void>();
  /** How many pings, and answers to them, came or left. */
  signs = 0;
  #token = 0;
  /** Pings answered since the output last had room or made progress. */
  #pongs = 0;
  #pongedAt = 0;

  /**
   * @param output Where pings and answers go.
   * @param clock Measures the round trip.
   * @param sendEnd The limit of that name.
   */
  constructor(
    output: WatchedOutput,
    clock: Clock,
    sendEnd: number,
  ) {
    this.#output = output;
    this.#clock = clock;
    this.#sendEnd = sendEnd;
  }

  /** Asks the peer; resolves with milliseconds, or when the wire has ended. */
  async ask(): Promise<number> {
    const begun = this.#clock.now();
    await new Promise<void>((resolve) => {
      const token = this.#token = (this.#token + 1) >>> 0;
      this.#asked.set(token, resolve);
      this.signs++;
      this.#output.send({ kind: "ping", token });
    });
    return this.#clock.now() - begun;
  }

  /** The peer has answered. */
  answered(token: number): void {
    this.signs++;
    const resolve = this.#asked.get(token);
    this.#asked.delete(token);
    resolve?.();
  }

  /**
   * Answers the peer, unless it goes on asking and takes nothing.
   *
   * @throws {WireError} `stalled`.
   */
  answer(token: number): void {
    const output = this.#output;
    const { progressAt } = output;
    const isFull = output.waiting > this.#sendEnd;
    if (!isFull || progressAt !== this.#pongedAt) this.#pongs = 0;
    this.#pongedAt = progressAt;
    if (++this.#pongs > PONGS && isFull) {
      throw new WireError(
        "stalled",
        `The peer sends pings, and does not take what waits for it: ${output.waiting} bytes.`,
      );
    }
    this.signs += 2;
    output.send({ kind: "pong", token });
  }

  /** The wire has ended. */
  end(): void {
    for (const resolve of this.#asked.values()) resolve();
    this.#asked.clear();
  }
}
