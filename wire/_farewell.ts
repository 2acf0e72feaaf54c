/**
 * The last moments of a connection: what is under way may leave, for a short
 * time, and the peer may hear it before the connection is closed.
 *
 * @module
 */

import type { ByteOutput } from "./_byte_output.ts";
import { afterPatience, type Clock } from "./clock.ts";
import { callHook } from "./_report.ts";
import type { Transport } from "./transport.ts";

/** Longest time to take leave of a peer, in milliseconds. */
const FAREWELL = 1_000;

/** What has to come to an end. */
export interface FarewellOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly output: Pick<ByteOutput, "flush" | "stop">;
  /** Resolves when the reader has come to the end of the stream. */
  readonly readerDone: Promise<void>;
  /** Whether what waits may still leave. */
  readonly polite: boolean;
  /** Told what the transport's `close()` throws, or rejects with. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Ends a connection.
 *
 * @param options What has to come to an end.
 * @returns A promise that resolves when it has.
 */
export async function farewell(options: FarewellOptions): Promise<void> {
  const { transport, clock, output, readerDone, polite, onFault } = options;
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    callHook(() => transport.close(), onFault);
  };
  if (polite) await beforeLate(clock, finish(options), close);
  output.stop();
  close();
  // A transport whose reads never settle is not to keep the wire from ending.
  await beforeLate(clock, readerDone, () => {});
}

/** Waits, but not for long. */
async function beforeLate(
  clock: Clock,
  done: Promise<void>,
  isLate: () => void,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const stopTimer = afterPatience(clock, FAREWELL, () => {
    isLate();
    late.resolve();
  });
  await Promise.race([late.promise, done]);
  stopTimer();
}

async function finish(options: FarewellOptions): Promise<void> {
  const { transport, output, readerDone } = options;
  try {
    await output.flush();
    await transport.closeWrite();
    await readerDone;
  } catch {
    // The connection is gone already.
  }
}
