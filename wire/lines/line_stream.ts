/**
 * A stream of lines over a connection: what the clients of `openTcpStream` and
 * the functions of `startUpServer` work with.
 *
 * @module
 */

import {
  checkHook,
  checkOptionKeys,
  checkText,
  mistaken,
} from "../base/checks.ts";
import { afterPatience, Breaks, systemClock } from "../base/clock.ts";
import { errorMessage, shown, WireError } from "../base/errors.ts";
import {
  checkPort,
  checkWritten,
  ChunkCheck,
  formatAddress,
  isTransport,
  type Transport,
  type WireAddress,
} from "../transport/transport.ts";

/**
 * The bounds of a line stream, in bytes and milliseconds.
 *
 * @example
 * ```ts
 * import { LineStream, WireError } from "@remote/wire";
 * import { memoryTransports } from "@remote/wire/wire";
 *
 * const [one, other] = memoryTransports();
 * const near = new LineStream(one, { maxLineLength: 10 });
 * const far = new LineStream(other);
 * far.writeLine("Hello, hello, hello.");
 * const error = await near.readLine().catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "limit") throw error;
 * near.abort();
 * far.abort();
 * ```
 */
export interface LineStreamOptions {
  /** The longest line, in bytes without its end. @default {65536} */
  maxLineLength?: number | undefined;
  /** Waiting output at which `writeLine` waits, in bytes. @default {65536} */
  outputPause?: number | undefined;
  /**
   * Waiting output at which writing fails, in bytes, for writers that do not
   * wait.
   *
   * @default {1048576}
   */
  maxOutput?: number | undefined;
  /**
   * How long closing waits for the peer to take the output, in milliseconds.
   *
   * @default {10000}
   */
  closeTimeout?: number | undefined;
}

/**
 * The bounds that hold where nothing else is said.
 *
 * @example
 * ```ts
 * import { LINE_STREAM_DEFAULTS, LineStream } from "@remote/wire/lines";
 * import { memoryTransports } from "@remote/wire/wire";
 *
 * const maxLineLength = 4 * LINE_STREAM_DEFAULTS.maxLineLength;
 * const [one, other] = memoryTransports();
 * const near = new LineStream(one);
 * const far = new LineStream(other, { maxLineLength });
 * near.writeLine("x".repeat(maxLineLength));
 * if ((await far.readLine())?.length !== maxLineLength) throw new Error();
 * near.abort();
 * far.abort();
 * ```
 */
export const LINE_STREAM_DEFAULTS: Readonly<
  Record<keyof LineStreamOptions, number>
> = Object.freeze({
  maxLineLength: 64 * 1024,
  outputPause: 64 * 1024,
  maxOutput: 1024 * 1024,
  closeTimeout: 10_000,
});

const OPTION_KEYS: Readonly<Record<keyof LineStreamOptions, true>> = {
  maxLineLength: true,
  outputPause: true,
  maxOutput: true,
  closeTimeout: true,
};

const READ_LINE_KEYS = { maxLength: true } as const;

/** The largest value of an option: what a 32-bit timer can wait. */
const LARGEST = 2 ** 31 - 1;

/**
 * Lines in and out, in UTF-8. `\n` and `\r\n` both end a line that comes;
 * lines that go end in `\n`.
 *
 * What is written is sent by itself at the end of the tick. A promise that
 * writing returns need not be awaited: it resolves when there is room for
 * more, and one that rejects unseen does no harm.
 *
 * @example Two ends in memory
 * ```ts
 * import { LineStream } from "@remote/wire/lines";
 * import { memoryTransports } from "@remote/wire/wire";
 *
 * const [one, other] = memoryTransports();
 * const near = new LineStream(one);
 * const far = new LineStream(other);
 * near.writeLine("Hello self.");
 * if (await far.readLine() !== "Hello self.") throw new Error();
 * near.close();
 * if (await far.readLine() !== null) throw new Error();
 * await far.close();
 * await near.closed;
 * ```
 */
export class LineStream implements AsyncIterable<string>, AsyncDisposable {
  // Over 15 fields: both directions of a stream, and how each of them ends.
  /** Where the peer is. */
  readonly address: WireAddress;
  /** Resolves when the stream was closed or aborted on this side. */
  readonly closed: Promise<void>;

  readonly #transport: Transport;
  readonly #options: Readonly<Record<keyof LineStreamOptions, number>>;
  readonly #chunks = new ChunkCheck();
  readonly #input = new LineBuffer();
  readonly #breaks: Breaks | undefined;
  readonly #output: LineOutput;
  readonly #ended = Promise.withResolvers<void>();
  readonly #decoder = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });
  readonly #encoder = new TextEncoder();
  #lineNumber = 0;
  #inputEnded = false;
  #inputError: WireError | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #end: { reason: unknown } | undefined;
  #closing: Promise<void> | undefined;
  #closingWrite: Promise<void> | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  /**
   * Makes a stream over a connection; `socketTransport()` makes one of a
   * socket.
   *
   * @param transport The connection, which belongs to the stream from now on.
   * @param options What differs from {@linkcode LINE_STREAM_DEFAULTS}.
   * @throws {WireError} `invalidArgument` for what is no transport, and for an
   * option out of range.
   */
  constructor(transport: Transport, options?: LineStreamOptions | null) {
    if (!isTransport(transport)) {
      throw new WireError(
        "invalidArgument",
        `A LineStream is made over a transport, such as socketTransport(conn, address), and not over ${
          shown(transport)
        }.`,
      );
    }
    this.#transport = transport;
    this.address = transport.address;
    if (transport.local !== true) this.#breaks = new Breaks(systemClock);
    this.#options = resolveLineStreamOptions(options);
    const { outputPause, maxOutput } = this.#options;
    this.#output = new LineOutput(transport, outputPause, maxOutput);
    this.closed = this.#ended.promise;
  }

  /**
   * Reads a line. Several reads at a time are served in their order.
   *
   * @param options May lower, or raise, the longest line for this one.
   * @returns The line without its end; null at the end of the stream, and
   * after `close()`. A last line that lacks its end counts as one.
   * @throws {WireError} As a rejection: `limit` for a line that is too long,
   * `malformed` for one that is not UTF-8, `connectionLost`; after the first
   * of these the stream gives no further line. `invalidArgument` for a length
   * that is no integer from 1 to 2,147,483,647.
   */
  readLine(
    options?: { maxLength?: number | undefined } | null,
  ): Promise<string | null> {
    options ??= {};
    return this.#inTurn(() => {
      checkOptionKeys(options, READ_LINE_KEYS, "readLine()");
      const { maxLength = this.#options.maxLineLength } = options;
      return this.#readLine(checkNumber("maxLength", maxLength));
    });
  }

  /**
   * The lines that come, until the end of the stream.
   *
   * @returns An iterator; leaving it early leaves the stream open.
   */
  async *lines(): AsyncIterableIterator<string> {
    for (;;) {
      const line = await this.readLine();
      if (line === null) return;
      yield line;
    }
  }

  /** The same as {@linkcode LineStream.lines}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<string> {
    return this.lines();
  }

  /**
   * Reads bytes: those that wait, or else those that come next.
   *
   * @returns The bytes; null at the end of the stream.
   * @throws {WireError} As a rejection: `connectionLost`.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#inTurn(async () => {
      if (this.#input.length === 0) await this.#fill();
      return this.#input.length === 0 ? null : this.#input.takeRest();
    });
  }

  /**
   * Writes text, or bytes, as they are.
   *
   * @param data The text or the bytes.
   * @returns A promise that resolves when there is room for more.
   * @throws {WireError} As a rejection: `unsupportedValue` for text with a
   * lone surrogate, `invalidArgument` for what is neither text nor bytes,
   * `stalled`, `connectionLost`, `closed`.
   */
  write(data: string | Uint8Array): Promise<void> {
    const written = this.#write(data);
    written.catch(ignore);
    return written;
  }

  /**
   * Writes a line, and its end. See {@linkcode LineStream.write}.
   *
   * @param line The line.
   * @returns A promise that resolves when there is room for more.
   * @throws {WireError} As a rejection: what `write()` rejects with, and
   * `invalidArgument` for what is no text.
   */
  writeLine(line: string): Promise<void> {
    if (typeof line === "string") return this.write(line + "\n");
    const refused = Promise.reject(mistaken("A line is a text", line));
    refused.catch(ignore);
    return refused;
  }

  /**
   * Sends all output so far.
   *
   * @returns A promise that resolves when the operating system has it.
   */
  forceOutput(): Promise<void> {
    const flushed = this.#output.flush();
    flushed.catch(ignore);
    return flushed;
  }

  /**
   * What comes, as bytes. Lines and bytes may be read in turns; cancelling
   * leaves the stream open.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= new ReadableStream({
      pull: async (controller) => {
        const bytes = await this.read();
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Takes bytes. Closing it ends this side's direction, as `closeWrite()`
   * does; aborting it aborts the stream.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (bytes) => {
        await this.write(bytes);
        await this.forceOutput();
      },
      close: () => this.closeWrite(),
      abort: (reason) => this.abort(reason),
    });
  }

  /**
   * Sends all output, then tells the peer that no more comes. Reading goes on.
   *
   * @returns A promise that resolves when the peer was told.
   */
  closeWrite(): Promise<void> {
    if (this.#closingWrite !== undefined) return this.#closingWrite;
    const ended = this.#output.flush().then(() => this.#transport.closeWrite());
    ended.catch(ignore);
    this.#closingWrite = ended;
    return ended;
  }

  /**
   * Sends all output, then closes. A read under way ends with null. Closing
   * twice does no harm.
   *
   * @returns A promise that resolves when the stream is closed; it never
   * rejects.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /**
   * Closes at once and drops what waits.
   *
   * @param reason What reads and writes under way fail with.
   */
  abort(reason?: unknown): void {
    this.#finish(
      reason ?? new WireError("aborted", "The stream was aborted."),
    );
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    if (this.#end !== undefined) return;
    const { closeTimeout } = this.#options;
    const stopTimer = afterPatience(
      systemClock,
      closeTimeout,
      () => this.abort(),
    );
    try {
      await Promise.race([this.closeWrite(), this.closed]);
    } catch {
      // There is nobody left to send it to.
    } finally {
      stopTimer();
    }
    this.#finish(undefined);
  }

  #finish(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { reason };
    this.#output.fail(
      reason ?? new WireError("closed", "The stream is closed."),
    );
    // It may be a program's, and fail at once or later: then it is closed, too.
    new Promise<void>((resolve) => resolve(this.#transport.close()))
      .catch(ignore);
    this.#ended.resolve();
  }

  #write(data: string | Uint8Array): Promise<void> {
    if (this.#closingWrite !== undefined || this.#end !== undefined) {
      return Promise.reject(
        this.#end?.reason ?? new WireError("closed", "The stream is closed."),
      );
    }
    if (data instanceof Uint8Array) {
      // A copy also of a Buffer, whose slice() is none.
      return this.#output.write(new Uint8Array(data));
    }
    if (typeof data !== "string") return Promise.reject(unwritable(data));
    if (!data.isWellFormed()) {
      return Promise.reject(
        new WireError(
          "unsupportedValue",
          "Text with a lone surrogate cannot be written in UTF-8. Use toWellFormed() on it.",
        ),
      );
    }
    return this.#output.write(this.#encoder.encode(data));
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(read);
    this.#turn = result.catch(ignore);
    return result;
  }

  async #readLine(maxLength: number): Promise<string | null> {
    for (;;) {
      this.#checkInput();
      if (this.#end !== undefined) return null;
      const line = this.#input.takeLine();
      if (line !== undefined) {
        const text = this.#decode(line, maxLength);
        if (this.#breaks?.isDue) await this.#breaks.rest();
        return text;
      }
      // One byte more may be the \r that belongs to the line's end.
      if (this.#input.length > maxLength + 1) throw this.#tooLong(maxLength);
      if (await this.#fill()) continue;
      if (this.#input.length === 0) return null;
      return this.#decode(this.#input.takeRest(), maxLength);
    }
  }

  #decode(line: Uint8Array, maxLength: number): string {
    this.#lineNumber++;
    if (line.length > maxLength) throw this.#tooLong(maxLength);
    try {
      return this.#decoder.decode(line);
    } catch (error) {
      throw this.#spoiled(
        "malformed",
        `Line ${this.#lineNumber} is not UTF-8.`,
        error,
      );
    }
  }

  #tooLong(maxLength: number): WireError {
    return this.#spoiled(
      "limit",
      `Line ${this.#lineNumber} is longer than ${maxLength} bytes.`,
    );
  }

  /** No line can be read after a bad one: where the next begins is not sure. */
  #spoiled(
    code: "malformed" | "limit" | "connectionLost",
    message: string,
    cause?: unknown,
  ): WireError {
    const text = `Reading from ${formatAddress(this.address)}: ${message}`;
    return this.#inputError = new WireError(code, text, { cause });
  }

  #checkInput(): void {
    if (this.#end?.reason !== undefined) throw this.#end.reason;
    if (this.#inputError !== undefined) throw this.#inputError;
  }

  /** Reads once; false at the end of the stream. */
  async #fill(): Promise<boolean> {
    this.#checkInput();
    if (this.#end !== undefined || this.#inputEnded) return false;
    try {
      const chunk = this.#chunks.check(await this.#transport.read());
      if (this.#end === undefined && chunk !== null) {
        this.#input.append(chunk);
        return true;
      }
      this.#inputEnded = true;
    } catch (error) {
      if (this.#end === undefined) {
        if (error instanceof WireError) throw this.#inputError = error;
        throw this.#spoiled(
          "connectionLost",
          "The connection was lost.",
          error,
        );
      }
    }
    this.#checkInput();
    return false;
  }
}

/**
 * Completes and checks the options of a line stream.
 *
 * @param options What differs from {@linkcode LINE_STREAM_DEFAULTS}.
 * @returns All options.
 * @throws {WireError} `invalidArgument` for an option that is unknown, or out of
 * range.
 */
export function resolveLineStreamOptions(
  options?: LineStreamOptions | null,
): Record<keyof LineStreamOptions, number> {
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "a line stream");
  const resolved = { ...LINE_STREAM_DEFAULTS };
  for (const key of Object.keys(LINE_STREAM_DEFAULTS)) {
    const name = key as keyof LineStreamOptions;
    const value = options[name];
    if (value === undefined) continue;
    resolved[name] = checkNumber(name, value);
  }
  return resolved;
}

function checkNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= LARGEST) return value;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" must be an integer from 1 to ${LARGEST}, not ${
      shown(value)
    }.`,
  );
}

function unwritable(data: unknown): WireError {
  return new WireError(
    "invalidArgument",
    `A stream of lines writes text, or bytes in a Uint8Array, and not ${
      shown(data)
    }.`,
  );
}

function ignore(): void {}

// The writing half of a line stream: text is collected until the end of the
// tick, and counted until it was handed over.

/** Somebody who waits until this many bytes were handed over. */
interface Waiter {
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Collects, counts and writes. */
export class LineOutput {
  readonly #transport: Pick<Transport, "write">;
  readonly #pause: number;
  readonly #most: number;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #queued = 0;
  #handed = 0;
  #waiters: Waiter[] = [];
  #running = false;
  #failure: { error: unknown } | undefined;

  /**
   * @param transport Where the bytes go.
   * @param pause Above so many waiting bytes a write makes its caller wait.
   * @param most Above so many waiting bytes a further write fails.
   */
  constructor(
    transport: Pick<Transport, "write">,
    pause: number,
    most: number,
  ) {
    this.#transport = transport;
    this.#pause = pause;
    this.#most = most;
  }

  /** How many bytes wait, or are being taken. */
  get waiting(): number {
    return this.#queued - this.#handed;
  }

  /**
   * Puts bytes behind what waits. They must stay as they are.
   *
   * @returns A promise that resolves when there is room for more.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#failure !== undefined) return this.#rejected();
    if (this.waiting > this.#most) {
      this.fail(
        new WireError(
          "stalled",
          `The peer does not take the output: more than ${this.#most} bytes wait. Await writeLine(), which waits for it.`,
        ),
      );
      return this.#rejected();
    }
    if (bytes.length > 0) {
      this.#chunks.push(bytes);
      this.#queued += bytes.length;
      this.#schedule();
    }
    return this.#until(this.#queued - this.#pause);
  }

  /** Resolves when all output so far was taken. */
  flush(): Promise<void> {
    return this.#failure === undefined
      ? this.#until(this.#queued)
      : this.#rejected();
  }

  /** Drops what waits; everybody who waits, and every later write, fails. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#chunks = [];
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
  }

  #until(position: number): Promise<void> {
    if (this.#handed >= position) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until: position, resolve, reject });
    });
  }

  #rejected(): Promise<never> {
    return Promise.reject(this.#failure?.error);
  }

  #schedule(): void {
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#chunks.length > 0) {
        let bytes = joined(this.#chunks);
        this.#chunks = [];
        while (bytes.length > 0 && this.#failure === undefined) {
          const { length } = bytes;
          const count = checkWritten(
            await this.#transport.write(bytes),
            bytes,
            length,
          );
          bytes = bytes.subarray(count);
          this.#handed += count;
          this.#wake();
        }
      }
    } catch (error) {
      this.fail(
        error instanceof WireError
          ? error
          : new WireError("connectionLost", "The connection was lost.", {
            cause: error,
          }),
      );
    } finally {
      this.#running = false;
    }
  }

  #wake(): void {
    const ready = this.#waiters.filter((one) => one.until <= this.#handed);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((one) => one.until > this.#handed);
    for (const waiter of ready) waiter.resolve();
  }
}

function joined(
  chunks: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0]!;
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}

// Bytes that came and were not taken yet, and the lines in them.

const NEWLINE = 10;
const RETURN = 13;

/** Collects chunks and gives out lines; linear however finely bytes come. */
export class LineBuffer {
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Up to here there is no end of a line. */
  #searched = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds bytes; they are copied. */
  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      this.#makeRoom(chunk.length);
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * Takes a line whose end has come.
   *
   * @returns Its bytes without `\n` or `\r\n`, which stay as they are until
   * the next call; undefined when no line is whole.
   */
  takeLine(): Uint8Array | undefined {
    const at = this.#bytes.subarray(0, this.#end)
      .indexOf(NEWLINE, this.#searched);
    if (at < 0) {
      this.#searched = this.#end;
      return undefined;
    }
    const hasReturn = at > this.#start && this.#bytes[at - 1] === RETURN;
    const line = this.#bytes.subarray(this.#start, hasReturn ? at - 1 : at);
    this.#start = this.#searched = at + 1;
    return line;
  }

  /** Takes all that waits, whole lines or not. */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = this.#bytes.slice(this.#start, this.#end);
    this.#bytes = new Uint8Array(0);
    this.#start = this.#end = this.#searched = 0;
    return rest;
  }

  #makeRoom(count: number): void {
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const needed = waiting.length + count;
    // Moving within the same bytes pays only where half of them are free.
    const fits = needed * 2 <= this.#bytes.length;
    const bytes = fits ? this.#bytes : new Uint8Array(needed * 2);
    bytes.set(waiting);
    this.#bytes = bytes;
    this.#searched -= this.#start;
    this.#start = 0;
    this.#end = waiting.length;
  }
}

/** Where an operating system lists its services. */
export interface ServiceFile {
  /** The path of the file, for messages. */
  readonly path: string;
  /** Reads the file whole. May throw. */
  read(): string;
}

/**
 * Finds a TCP service in the text of a services file, such as `/etc/services`.
 *
 * @param text The text of the file.
 * @param name The name, or one of the other names, of the service.
 * @returns Its port; undefined if it is not there.
 * @throws {WireError} `invalidArgument` for what is no text.
 *
 * @example
 * ```ts
 * import { findService } from "@remote/wire/lines";
 *
 * const text = "http  80/tcp  www  # the web\n";
 * if (findService(text, "www") !== 80) throw new Error();
 * if (findService(text, "gopher") !== undefined) throw new Error();
 * ```
 */
export function findService(text: string, name: string): number | undefined {
  checkText(text, "What findService() is given");
  checkText(name, "What findService() is given");
  for (const line of text.split("\n")) {
    const [entry = ""] = line.split("#", 1);
    const [first, at, ...others] = entry.trim().split(/\s+/);
    if (at === undefined || (first !== name && !others.includes(name))) {
      continue;
    }
    const [, port] = at.match(/^(\d{1,5})\/tcp$/i) ?? [];
    if (port !== undefined && Number(port) <= 65535) return Number(port);
  }
  return undefined;
}

/**
 * The port of a service.
 *
 * @param service A port, 0 to 65535, as a number or in digits; or a name.
 * @param file Where names are looked up.
 * @returns The port.
 * @throws {WireError} `invalidArgument` for what is no port and no name, and
 * where there is no file to look a name up in; `unknownService` for a name that is not in the file, or a file that cannot
 * be read.
 *
 * @example
 * ```ts
 * import { servicePort } from "@remote/wire/lines";
 *
 * const file = { path: "/etc/services", read: () => "lispworks 10243/tcp\n" };
 * if (servicePort("lispworks", file) !== 10243) throw new Error();
 * if (servicePort("7000", file) !== 7000) throw new Error();
 * ```
 */
export function servicePort(
  service: number | string,
  file: ServiceFile,
): number {
  if (typeof service === "number") return checkPort(service);
  const isText = typeof service === "string";
  if (isText && /^\d{1,5}$/.test(service)) return checkPort(Number(service));
  if (!isText || !/^[^\s#]+$/.test(service)) {
    throw new WireError(
      "invalidArgument",
      `A service is a port or a name, not ${shown(service)}.`,
    );
  }
  checkHook(Object(file).read, "read() of the services file");
  const cure = "Give the port as a number instead, such as 10243.";
  let text: string;
  try {
    text = file.read();
  } catch (error) {
    throw new WireError(
      "unknownService",
      `The service "${service}" cannot be looked up in ${file.path}: ${
        errorMessage(error)
      }. ${cure}`,
      { cause: error },
    );
  }
  const port = findService(text, service);
  if (port !== undefined) return port;
  throw new WireError(
    "unknownService",
    `The service "${service}" is not among the TCP services in ${file.path}. ${cure}`,
  );
}

/**
 * The port of a service, looked up on this machine where it is a name.
 *
 * @param service A port or a name.
 * @returns The port.
 * @throws {WireError} As `servicePort()` does.
 */
export function localServicePort(service: number | string): number {
  return servicePort(service, serviceFile());
}

/** The services file: its path, and how to read it. */
function serviceFile(): ServiceFile {
  const path = process.platform === "win32"
    ? `${systemRoot()}\\System32\\drivers\\etc\\services`
    : "/etc/services";
  const { readFileSync } = process.getBuiltinModule("node:fs");
  return { path, read: () => readFileSync(path, "utf8") };
}

function systemRoot(): string {
  try {
    return process.env["SystemRoot"] ?? "C:\\Windows";
  } catch {
    // The variable may not be read; this is where Windows mostly is.
    return "C:\\Windows";
  }
}
