/**
 * What is measured: a workload is one file in `workloads/`, what carries it
 * out is one file in `contestants/`. Every contestant runs every workload, in
 * alternating rounds, beside a raw connection that moves the same bytes.
 *
 * @module
 */

import type { RawConnection, Traffic } from "./_raw.ts";

/** A connection of a contestant: what workloads ask of it. */
export interface Client {
  /** Calls of the peer's functions, each answered with one value. */
  readonly calls: {
    /** The sum of two numbers. */
    add(a: number, b: number): Promise<number>;
    /** How many bytes the peer got. */
    size(chunk: Uint8Array): Promise<number>;
    /** The same value, from the peer. */
    echo(value: unknown): Promise<unknown>;
  };
  /** Calls the peer's sum one way; resolves when the next may follow. */
  send(a: number, b: number): Promise<void>;
  /** Sends a message that has no answer; resolves when the next may follow. */
  message(value: unknown): Promise<void>;
  /** Resolves when the peer has taken all messages. */
  messagesTaken(): Promise<void>;
  /**
   * Streams chunks to the peer, which reads their bytes.
   *
   * @param chunks The chunks.
   * @param hasBuffer Whether it reads into a buffer of its own.
   * @returns How many bytes it got.
   */
  stream(
    chunks: AsyncIterable<Uint8Array>,
    hasBuffer: boolean,
  ): Promise<number>;
  /** All bytes that have been moved; NaN where they are not counted. */
  traffic(): Traffic;
  /** Closes, and waits until that is done. */
  close(): Promise<void>;
}

/** Something that can carry out the workloads. */
export interface Contestant {
  /** Its name in the table. */
  readonly name: string;
  /** The names of the workloads it takes part in; all where it is left out. */
  readonly workloads?: readonly string[];
  /** Serves, in a process of its own; left out where `server.ts` does it. */
  serve?(): Promise<number>;
  /** Connects to the port on which it is served. */
  connect(port: number): Promise<Client>;
}

/** What a round gave. */
export interface Round {
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** How many operations were carried out. */
  readonly operations: number;
  /** The times of the single operations in milliseconds, where they are kept. */
  readonly times?: Float64Array | undefined;
}

/** A number that is made of a round. */
export interface Metric {
  /** What it counts. */
  readonly unit: string;
  /** Whether more of it is better. */
  readonly higherIsBetter: boolean;
  /** How many digits to show behind the point. */
  readonly digits: number;
  /** Computes it. */
  of(round: Round): number;
}

/** Something to measure. */
export interface Workload {
  /** Its name on the command line. */
  readonly name: string;
  /** What it does, for the table. */
  readonly title: string;
  /** What is shown of it. */
  readonly metrics: readonly Metric[];
  /** How many operations the first warm-up has; found out from there. */
  readonly firstCount: number;
  /** A round has a multiple of this many operations. @default {1} */
  readonly step?: number;
  /** How many connections it needs. @default {1} */
  readonly connections?: number;
  /** Whether all processes have to share a core. @default {false} */
  readonly oneCore?: boolean;
  /** How many operations a request of the raw loop stands for. @default {1} */
  readonly perRequest?: number;
  /**
   * Whether to compare also with a raw loop that keeps each request in memory
   * of its own, as a wire has to. @default {false}
   */
  readonly isKept?: boolean;
  /** The read buffers of the raw loop, in bytes. @default {65536} */
  readonly readBuffer?: number;
  /**
   * Carries out operations over wires, or over what else is compared.
   *
   * @param clients As many as `connections` says.
   * @param operations How many operations.
   * @returns The time of each operation in milliseconds, if that is wanted.
   */
  run(
    clients: readonly [Client, ...Client[]],
    operations: number,
  ): Promise<Float64Array | void>;
  /** Moves the same bytes over raw connections. */
  raw(
    connections: readonly [RawConnection, ...RawConnection[]],
    operations: number,
  ): Promise<Float64Array | void>;
  /** The same with a write for each operation, where `raw` has fewer. */
  rawSingly?(connection: RawConnection, operations: number): Promise<void>;
}

/** Calls a second. */
export const CALLS_PER_SECOND: Metric = {
  unit: "calls/s",
  higherIsBetter: true,
  digits: 0,
  of: (round) => round.operations / round.seconds,
};

/** The median of the times of the single operations, in microseconds. */
export const MEDIAN_TIME: Metric = {
  unit: "µs (p50)",
  higherIsBetter: false,
  digits: 1,
  of: ({ times = new Float64Array() }) =>
    times.toSorted()[times.length >> 1]! * 1_000,
};

/**
 * Megabytes (10^6 bytes) a second.
 *
 * @param bytes How many bytes an operation moves.
 * @returns The metric.
 */
export function megabytesPerSecond(bytes: number): Metric {
  return {
    unit: "MB/s",
    higherIsBetter: true,
    digits: 0,
    of: (round) => round.operations * bytes / 1e6 / round.seconds,
  };
}
