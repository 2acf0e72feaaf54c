/**
 * One wire over memory, whose peer is a fuzzer: whatever it was told, it ends
 * when its peer has gone, and leaves nothing behind.
 *
 * @module
 */

import { WireError } from "../../wire/base/errors.ts";
import {
  memoryTransports,
  type Transport,
} from "../../wire/transport/transport.ts";
import { makeWire, type Wire, type WireOptions } from "../../wire/wire.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { type Bytes, checkHeld, Fault, kindOf } from "./_target.ts";

/**
 * How long a graceful close takes with a peer that has gone, in virtual time.
 */
const LEAVE = 2_000;
/** How long what this side serves goes on at most. In milliseconds, both. */
const AFTERMATH = 120_000;
/** What a wire says by itself, and of errors that a peer has it tell. */
const SAID_ANYWAY = 64 * 1024;

/** How much of a stack tells who made an error. */
const STACK = 4;
/** How errors are called that no program is to make. */
const SLIP = /^(Type|Range|Reference|Syntax|Internal)Error$/;

/** An error may be of this module's own making: only its stack tells. */
class Doubt extends Error {
  override readonly name = "Doubt";
}

/**
 * Executes an input on a harness: without stacks, for each costs as much as
 * many messages, and again with them where one is needed.
 */
export async function inHarness(run: () => Promise<string>): Promise<string> {
  const limit = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = 0;
    return await run();
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    Error.stackTraceLimit = STACK;
    return await run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What the functions that a fuzzer's wire serves throw. */
export class Planned extends Error {
  override readonly name = "Planned";
}

/** A wire, its peer's end, and its time. */
export class Harness {
  readonly clock = new FakeClock();
  readonly wire: Wire;
  readonly #transport: Transport;
  readonly #hear: (chunk: Uint8Array) => void;
  #writing: Promise<unknown> = Promise.resolve();
  #said = 0;
  #open = new Set<string>();
  #isReading = false;
  /** How many timers are this side's program's. */
  #sleeping = 0;
  #fault: unknown;
  #isGone = false;

  /**
   * @param options What the wire is made with.
   * @param hear Gets what the wire says.
   * @param reads Whether the peer reads.
   */
  constructor(
    options: WireOptions,
    hear: (chunk: Uint8Array) => void,
    reads: boolean,
  ) {
    const [here, there] = memoryTransports();
    this.#transport = here;
    this.#hear = hear;
    this.wire = makeWire(there, {
      clock: this.clock,
      onError: (error) => this.#check(error),
      ...options,
    });
    if (reads) this.read();
  }

  /** Has the peer say bytes, behind what it says already. */
  say(bytes: Bytes): void {
    if (bytes.length === 0) return;
    this.#said += bytes.length;
    this.#writing = this.#writing.then(() => this.#write(bytes));
  }

  async #write(bytes: Bytes): Promise<void> {
    if (this.#isGone) return;
    try {
      await this.#transport.write(bytes);
    } catch {
      this.#isGone = true;
    }
  }

  /** How many bytes both sides have said. */
  get said(): number {
    return this.#said;
  }

  /** Counts what this side's own program says. */
  count(bytes: number): void {
    this.#said += bytes;
  }

  /** Has the peer read what comes from now on. */
  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let chunk; (chunk = await this.#transport.read()) !== null;) {
      try {
        this.#hear(chunk);
      } catch (error) {
        this.#fault ??= error;
      }
    }
  }

  /** A promise that has to settle before the end is over. */
  expect(what: string, promise: Promise<unknown>): void {
    const name = `${what} ${this.#open.size}`;
    this.#open.add(name);
    const settled = (error?: unknown) => {
      this.#open.delete(name);
      this.#check(error);
    };
    promise.then(() => settled(), settled);
  }

  /** Resolves in virtual time. */
  sleep(delay: number): Promise<void> {
    this.#sleeping++;
    return new Promise((resolve) =>
      this.clock.after(delay, () => {
        this.#sleeping--;
        resolve();
      })
    );
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    await settle();
    const { outputWaiting } = this.wire.stats();
    checkHeld(outputWaiting, this.#said + SAID_ANYWAY, "output");
  }

  /**
   * Has the peer go, and checks what is left.
   *
   * @returns How the wire ended.
   */
  async finish(): Promise<string> {
    await this.settle();
    await this.#transport.closeWrite();
    this.read();
    await this.settle();
    await this.clock.advance(LEAVE);
    const { wire } = this;
    // A wire that reads nothing, because much waits, goes on for a while.
    if (wire.ended !== undefined) this.#checkTimers();
    await this.clock.advance(AFTERMATH);
    const reason = wire.ended;
    if (reason === undefined) throw new Fault("the wire has not ended");
    let isBuried = false;
    wire.closed.then(() => isBuried = true);
    await settle();
    this.#transport.close();
    if (!isBuried) throw new Fault("the wire is not closed");
    if (this.#open.size > 0) {
      throw new Fault(`never settled: ${[...this.#open].join()}`);
    }
    const { callsPending, callsRunning, streamsReceiving, streamsSending } =
      wire.stats();
    const left = [callsPending, callsRunning, streamsReceiving, streamsSending];
    if (left.some((count) => count !== 0)) {
      throw new Fault(`calls or streams are left: ${left}`);
    }
    this.#checkTimers();
    this.#check(reason);
    if (this.#fault !== undefined) throw this.#fault;
    return kindOf(reason);
  }

  /** The wire's own timers are gone with it. */
  #checkTimers(): void {
    const left = this.clock.timers - this.#sleeping;
    if (left > 0) throw new Fault(`${left} timers are left`);
  }

  /** Errors of this module's own making are its faults. */
  #check(error: unknown): void {
    for (
      let one = error;
      one instanceof Error && !(one instanceof Planned);
      one = one.cause
    ) {
      if (one instanceof WireError || !SLIP.test(one.name)) continue;
      if (Error.stackTraceLimit < STACK) this.#fault ??= new Doubt();
      else if (!isDecoded(one)) this.#fault ??= new Fault(`${one.stack}`);
    }
  }
}

/** Whether an error is data that came over the wire. */
function isDecoded(error: Error): boolean {
  return !/\/wire\/\w/.test(error.stack ?? "") ||
    /_error_values\.ts/.test(error.stack ?? "");
}
