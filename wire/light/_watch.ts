/**
 * The watch over a light wire: whether its peer lives, takes what is sent, and
 * finishes what it began.
 *
 * @module
 */

import { afterLimit, BUSY, type Clock } from "../base/clock.ts";
import { WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import type { LightOutput } from "./_output.ts";

/** However patient the limits are, it looks after so many milliseconds. */
const LONGEST_INTERVAL = 2_500;

/** What is watched, and who is told. */
interface LightWatchOptions {
  readonly clock: Clock;
  readonly limits: Readonly<WireLimits>;
  readonly output: LightOutput;
  /** Whether a frame or a message was begun and not finished. */
  readonly reader: { readonly unfinished: boolean };
  /** Whether the peer has accepted this side, and may be pinged. */
  readonly handshake: { readonly accepted: boolean };
  /** Ends the wire, with the reason, and says whether to tell the peer. */
  readonly end: (reason: WireError, tell: boolean) => void;
}

/** One timer, which looks at everything. */
export class LightWatch {
  readonly #options: LightWatchOptions;
  readonly #interval: number;
  #receivedAt: number;
  /** When the peer was pinged, if that was after its last byte. */
  #pingedAt = Infinity;
  #stopTimer = (): void => {};

  /** @param options What to watch. */
  constructor(options: LightWatchOptions) {
    this.#options = options;
    this.#receivedAt = options.clock.now();
    const { stall, keepaliveIdle, keepaliveDeath, frameProgress } =
      options.limits;
    const least = Math.min(
      stall,
      keepaliveIdle,
      keepaliveDeath,
      frameProgress,
    );
    this.#interval = Math.min(LONGEST_INTERVAL, Math.ceil(least / 4));
  }

  /** Begins to look. */
  start(): void {
    const { clock } = this.#options;
    const due = clock.now() + this.#interval;
    this.#stopTimer = afterLimit(clock, this.#interval, () => {
      this.start();
      this.#look(clock.now(), due);
    });
  }

  /** Bytes came. */
  received(): void {
    this.#receivedAt = this.#options.clock.now();
    this.#pingedAt = Infinity;
  }

  /** The wire ended. */
  end(): void {
    this.#stopTimer();
  }

  #look(now: number, due: number): void {
    const { limits, output, reader, handshake, end } = this.#options;
    const busy = now - due;
    if (busy > Math.min(BUSY, this.#interval)) {
      // This side was busy, or its tab asleep: that is not the peer's fault.
      this.#receivedAt += busy;
      this.#pingedAt += busy;
      output.progressAt += busy;
      return;
    }
    const silence = now - this.#receivedAt;
    if (output.busy && now - output.progressAt > limits.stall) {
      const text =
        `The peer takes nothing: ${output.waiting} bytes wait for it.`;
      end(new WireError("stalled", text), false);
    } else if (reader.unfinished && silence > limits.frameProgress) {
      const text =
        `A message was begun and not finished within ${limits.frameProgress} ms.`;
      end(new WireError("stalled", text), true);
    } else if (now - this.#pingedAt > limits.keepaliveDeath) {
      const text = `The peer was silent for ${
        Math.round(silence)
      } ms, and did not answer a ping.`;
      end(new WireError("keepalive", text), false);
    } else if (
      handshake.accepted && silence > limits.keepaliveIdle &&
      this.#pingedAt === Infinity
    ) {
      this.#pingedAt = now;
      output.send({ kind: "ping", token: 0 });
    }
  }
}
