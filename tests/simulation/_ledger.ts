/**
 * What a run knows for sure: which calls ran, what was claimed of them, and
 * which producers have begun and ended.
 *
 * @module
 */

/** What a call that needs the result of another one is known by. */
export function innerSerial(serial: number): number {
  return serial + 0.5;
}

/** Everything that is counted in one run. */
export class Ledger {
  /** What was found wrong. */
  readonly faults: string[] = [];
  readonly #runs = new Map<number, number>();
  readonly #notSent = new Set<number>();
  readonly #succeeded = new Set<number>();
  readonly #repeatable = new Set<number>();
  readonly #once = new Set<number>();
  /** What was produced of streams of bytes and not taken. */
  readonly #ahead = new Map<number, number>();
  readonly #givenUp = new Map<number, number>();
  readonly #lastTaken = new Map<string, number>();
  /** The numbers of all that came of it. */
  readonly #taken = new Set<number>();
  /** Signals, by whose they are. */
  readonly #signals: [string, { readonly listeners: number }][] = [];
  #sent = 0;
  /** Producers that have begun, less those that have ended. */
  producers = 0;

  /** A served function runs. */
  ran(serial: number): void {
    this.#runs.set(serial, (this.#runs.get(serial) ?? 0) + 1);
  }

  /** A call was given up by its caller, at that time. */
  givenUp(serial: number, now: number): void {
    this.#givenUp.set(serial, now);
  }

  /** When a call was given up, if it was. */
  givenUpAt(serial: number): number | undefined {
    return this.#givenUp.get(serial);
  }

  /** A number that is larger than those of all that was sent before. */
  next(): number {
    return ++this.#sent;
  }

  /** A stream of bytes begins, perhaps once more. */
  streamBegins(serial: number): void {
    this.#ahead.set(serial, 0);
  }

  /** So many bytes of it were produced, or less than none: taken. */
  streamed(serial: number, bytes: number): number {
    const ahead = (this.#ahead.get(serial) ?? 0) + bytes;
    this.#ahead.set(serial, ahead);
    return ahead;
  }

  /** The number of what was sent last. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Something came that has to come in the order in which it was sent.
   *
   * @param channel Where.
   * @param order Its number.
   * @param late What may come late has no larger number.
   */
  taken(channel: string, order: number, late = 0): void {
    const last = this.#lastTaken.get(channel) ?? 0;
    if (order <= last && order > late) {
      this.fault(`${channel}: ${order} came after ${last}`);
    }
    if (this.#taken.has(order)) this.fault(`${channel}: ${order} came again`);
    this.#taken.add(order);
    this.#lastTaken.set(channel, Math.max(order, last));
  }

  /** It was said that a call was never sent. */
  claimNotSent(serial: number): void {
    this.#notSent.add(serial);
  }

  /** A call was answered. */
  succeeded(serial: number): void {
    this.#succeeded.add(serial);
  }

  /** A call may run more than once. */
  repeatable(serial: number): void {
    this.#repeatable.add(serial);
  }

  /** A call is repeated, and is not to run again: it outlives its wire. */
  runsOnce(serial: number): void {
    this.#once.add(serial);
  }

  /** Whether a call outlives its wire. */
  isOnce(serial: number): boolean {
    return this.#once.has(serial);
  }

  /** What listens to a signal is to be gone in the end. */
  listening(whose: string, signal: { readonly listeners: number }): void {
    this.#signals.push([whose, signal]);
  }

  /** Something is wrong. */
  fault(text: string): void {
    if (this.faults.length < 20) this.faults.push(text);
  }

  /** Compares what was claimed with what was done. */
  check(): void {
    for (const serial of this.#notSent) {
      const runs = this.#runs.get(serial) ?? 0;
      if (runs > 0) {
        this.fault(`call ${serial} was "notSent", and ran ${runs} times`);
      }
    }
    for (const serial of this.#succeeded) {
      if (!this.#runs.has(serial)) {
        this.fault(`call ${serial} was answered, and never ran`);
      }
    }
    for (const [serial, runs] of this.#runs) {
      if (runs > 1 && !this.#repeatable.has(serial)) {
        this.fault(`call ${serial} ran ${runs} times`);
      }
    }
    for (const [whose, { listeners }] of this.#signals) {
      if (listeners > 0) {
        this.fault(`${listeners} listeners are left on the signal of ${whose}`);
      }
    }
    if (this.producers !== 0) {
      this.fault(`${this.producers} producers of streams never ended`);
    }
  }
}
