/**
 * What a run knows for sure: which calls ran, what was claimed of them, and
 * which producers have begun and ended.
 *
 * @module
 */

/** Everything that is counted in one run. */
export class Ledger {
  /** What was found wrong. */
  readonly faults: string[] = [];
  readonly #runs = new Map<number, number>();
  readonly #notSent = new Set<number>();
  readonly #succeeded = new Set<number>();
  readonly #repeatable = new Set<number>();
  /** Producers that have begun, less those that have ended. */
  producers = 0;

  /** A served function runs. */
  ran(serial: number): void {
    this.#runs.set(serial, (this.#runs.get(serial) ?? 0) + 1);
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
    if (this.producers !== 0) {
      this.fault(`${this.producers} producers of streams never ended`);
    }
  }
}
