/**
 * Streams of lines to TCP servers, after LispWorks' `open-tcp-stream`.
 *
 * @module
 */

import {
  formatAddress,
  hostName,
  type WireAddress,
} from "../wire/transport/transport.ts";
import { checkOptionKeys } from "../wire/base/checks.ts";
import { WireError } from "../wire/base/errors.ts";
import { DEFAULT_LIMITS } from "../wire/base/limits.ts";
import { shown } from "../wire/base/shown.ts";
import type {
  LineStream,
  LineStreamOptions,
} from "../wire/lines/line_stream.ts";
import { Attempt, checkAttempt } from "../wire/base/lifetime.ts";
import { checkTls, openConnection } from "./_open_connection.ts";
import { denoHost } from "../host/deno_host.ts";
import type { Host } from "../host/host.ts";
import type { ClientTls } from "./_tls.ts";

/** What a stream is opened with. Everything has a default. */
export interface OpenTcpStreamOptions extends LineStreamOptions {
  /** Set to speak TLS; an empty object trusts the system's authorities. */
  tls?: ClientTls | undefined;
  /**
   * How long connecting may take, in milliseconds; `Infinity` is for ever.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
  /** Gives up connecting; once the stream is open, aborts it. */
  signal?: AbortSignal | undefined;
  /**
   * What errors call this side.
   *
   * @default {the service, and "client"}
   */
  processName?: string | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof OpenTcpStreamOptions, true>> = {
  maxLineLength: true,
  outputPause: true,
  maxOutput: true,
  closeTimeout: true,
  tls: true,
  timeout: true,
  signal: true,
  processName: true,
};

/**
 * Opens a stream of lines to a TCP server, such as one that `startUpServer`
 * made.
 *
 * @param host A name, an address, or an IPv4 address as a 32-bit unsigned
 * integer such as `0x7f000001` (or a bigint).
 * @param service A port, or the name of a service that the operating system
 * knows, which takes permission to read its services file.
 * @param options Time limit, signal, TLS, and the bounds of the stream.
 * @returns A promise of the stream.
 * @throws {WireError} As a rejection that names host, service and process:
 * `invalidArgument`, `unknownService`, `unknownHost`, `connectionRefused`,
 * `connectFailed`, `permissionDenied`, `tlsFailed`, `timeout` or `cancelled`.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer } from "@remote/wire";
 *
 * await using server = startUpServer({
 *   service: 0,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(`You sent: '${line}'`);
 *   },
 * });
 * await using talk = await openTcpStream("localhost", server.port);
 * talk.writeLine("Hello self.");
 * const answer = await talk.readLine();
 * if (answer !== "You sent: 'Hello self.'") throw new Error();
 * ```
 */
export async function openTcpStream(
  host: string | number | bigint,
  service: number | string,
  options?: OpenTcpStreamOptions | null,
): Promise<LineStream> {
  const runtime = denoHost("openTcpStream()");
  return await openTcpStreamOn(runtime, host, service, options);
}

/** Opens a stream of lines from any runtime. */
export async function openTcpStreamOn(
  runtime: Host,
  host: string | number | bigint,
  service: number | string,
  options?: OpenTcpStreamOptions | null,
): Promise<LineStream> {
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "openTcpStream()");
  const { tls, signal, processName = nameOf(service) } = options;
  if (typeof processName !== "string") {
    throw new WireError(
      "invalidArgument",
      `The option "processName" is a text, not ${shown(processName)}.`,
    );
  }
  const { timeout = DEFAULT_LIMITS.hello } = options;
  const { maxLineLength, outputPause, maxOutput, closeTimeout } = options;
  try {
    checkAttempt({ timeout, signal });
    checkTls(tls);
    const hostname = hostName(host);
    // Whoever wants wires alone does not load streams of lines.
    const [
      { LineStream, resolveLineStreamOptions },
      { localServicePort },
    ] = await Promise.all([
      import("../wire/lines/line_stream.ts"),
      import("../wire/lines/node_services.ts"),
    ]);
    const address: WireAddress = {
      transport: tls === undefined ? "tcp" : "tls",
      hostname,
      port: localServicePort(service),
    };
    const streamOptions = resolveLineStreamOptions({
      maxLineLength,
      outputPause,
      maxOutput,
      closeTimeout,
    });
    using attempt = new Attempt(formatAddress(address), { timeout, signal });
    const stream = new LineStream(
      await openConnection({
        host: runtime,
        address,
        tls,
        signal: attempt.signal,
      }),
      streamOptions,
    );
    if (attempt.signal.aborted) {
      stream.abort();
      throw attempt.signal.reason;
    }
    abortWith(stream, signal);
    return stream;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WireError(
      error.code,
      `Process "${processName}", host ${
        typeof host === "string" ? host : shown(host)
      }, service ${shown(service)}: ${error.message}`,
      { cause: error.cause },
    );
  }
}

/** What this side is called. */
function nameOf(service: unknown): string {
  const isService = typeof service === "string" || Number.isInteger(service);
  return isService ? `${service} client` : "client";
}

/** Aborts a stream when the signal does, for as long as it is open. */
function abortWith(stream: LineStream, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () =>
    stream.abort(
      new WireError("aborted", "The stream was aborted by its signal.", {
        cause: signal.reason,
      }),
    );
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  stream.closed.then(() => signal.removeEventListener("abort", onAbort));
}
