/**
 * A place to connect to, for tests of kept connections: each connection is a
 * pair in memory, and all of it is in the test's hands.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  memoryTransports,
  values,
  type Wire,
  WireError,
  type WireOptions,
} from "../../wire/mod.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
  type KeptConnection,
} from "../../wire/reconnect/keep_connected.ts";
import { makeWire } from "../../wire/wire.ts";
import { FakeClock, settle } from "../_fake_clock.ts";

/** What a place is made with. */
export interface PlaceOptions {
  /** Options of the far end of each wire. */
  far?: WireOptions;
  /** Decides on each attempt: an error is what it fails with. */
  answer?: (attempt: number) => Error | undefined;
}

/** A place, and a connection that is kept to it. */
export class Place implements AsyncDisposable {
  /** The clock of the kept connection, not of its wires. */
  readonly clock = new FakeClock();
  /** The far ends of all connections. */
  readonly far: Wire[] = [];
  /** What was called and sent, in order: `add(1,2)`. */
  readonly heard: string[] = [];
  /** What the connection told of itself. */
  readonly told: string[] = [];
  /** What the function `wait` waits for. */
  readonly gate = Promise.withResolvers<void>();
  /** The kept connection. */
  readonly kept: KeptConnection;
  /** What each attempt was told to be. */
  readonly attempts: number[] = [];

  readonly #options: PlaceOptions;

  /**
   * @param keep Options of the kept connection.
   * @param options Those of the place.
   */
  constructor(keep: KeepConnectedOptions = {}, options: PlaceOptions = {}) {
    this.#options = options;
    this.kept = keepConnected((_signal, attempt) => this.connect(attempt), {
      clock: this.clock,
      random: () => 0.5,
      onConnected: (_wire, { connection, attempt, waiting }) =>
        this.told.push(`connected ${connection}/${attempt} (${waiting})`),
      onLost: ({ code }, { wasConnected, failures, next, waiting }) =>
        this.told.push(
          `${
            wasConnected ? "lost" : "failed"
          } ${code}: ${failures}, ${next} (${waiting})`,
        ),
      ...keep,
    });
  }

  /** Makes a connection. */
  connect(attempt: number): Promise<Wire> {
    this.attempts.push(attempt);
    const error = this.#options.answer?.(this.attempts.length);
    if (error !== undefined) return Promise.reject(error);
    const [here, there] = memoryTransports();
    const far = makeWire(there, { onError() {}, ...this.#options.far });
    this.#serve(far);
    this.far.push(far);
    return Promise.resolve(makeWire(here));
  }

  /** Turns the hands, once all has been done that needs no time. */
  async advance(milliseconds: number): Promise<void> {
    await settle();
    await this.clock.advance(milliseconds);
  }

  #serve(far: Wire): void {
    const hear = (name: string, ...args: unknown[]) =>
      this.heard.push(`${name}(${args})`);
    far.serve({
      add(a: number, b: number) {
        hear("add", a, b);
        return a + b;
      },
      note: (text: string) => void hear("note", text),
      both: (...args: unknown[]) => values(...args),
      never(name: string) {
        hear("never", name);
        return new Promise(() => {});
      },
      wait: () => this.gate.promise,
      timeLeft(this: { deadline?: number }) {
        return Math.ceil(this.deadline ?? -1);
      },
    });
    (async () => {
      for await (const message of far) this.heard.push(`message ${message}`);
    })().catch(() => {});
  }

  /** The present wire's death, as if its process had died. */
  async die(): Promise<void> {
    this.kept.wire!.abort(lost());
    await settle();
  }

  /** Ends all, and looks for what was left behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kept.abort();
    await Promise.all([this.kept.closed, ...this.far.map((far) => far.closed)]);
    assertEquals(this.clock.timers, 0);
  }
}

/** The error of a connection that was lost. */
export function lost(): WireError {
  return new WireError("connectionLost", "A cable was pulled.");
}

/** Nobody listens. */
export function nobody(): WireError {
  return new WireError("connectionRefused", "Nobody listens.");
}

/** How a promise failed: `code sent`, as soon as it has. */
export function fate(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `value ${value}`,
    (error) => `${error.code} ${error.sent}`,
  );
}
