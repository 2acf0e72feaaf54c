/**
 * A client of a listener, as a test uses it: it says a line, and gets what is
 * printed until the next prompt.
 *
 * @module
 */

import { openTcpStream } from "../../../client/mod.ts";
import {
  type ListenerOptions,
  startUpServer,
  type StartUpServerOptions,
  type StreamServer,
} from "../../../server/mod.ts";
import type { LineStream } from "../../../wire/lines/mod.ts";

/** A connection to a listener. */
export class Client implements AsyncDisposable {
  readonly stream: LineStream;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: LineStream) {
    this.stream = stream;
  }

  /** Reads until this text has come; or, for null, the stream has ended. */
  async until(end: string | null): Promise<string> {
    for (;;) {
      const at = end === null ? -1 : this.#text.indexOf(end);
      if (at >= 0) {
        const text = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + end!.length);
        return text;
      }
      const bytes = await this.stream.read();
      if (bytes === null) {
        if (end !== null) throw new Error(`No ${end} in: ${this.#text}`);
        return this.#text;
      }
      this.#text += this.#decoder.decode(bytes, { stream: true });
    }
  }

  /** Says a line; gives what is printed before the next prompt. */
  async say(line: string, prompt = "test> "): Promise<string> {
    await this.stream.writeLine(line);
    return await this.until(prompt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.abort();
    await this.stream.closed;
  }
}

/** A listener, and what went wrong in it. */
export interface TestListener extends AsyncDisposable {
  readonly server: StreamServer;
  readonly errors: unknown[];
  /** Resolves with the first of them. */
  readonly failed: Promise<unknown>;
  /** Connects, without saying a word. */
  connect(): Promise<Client>;
  /** Begins a session. */
  session(name?: string): Promise<Client>;
}

/** Starts a listener on a free port. */
export function startListener(
  listener: ListenerOptions = {},
  options: StartUpServerOptions = {},
): TestListener {
  const errors: unknown[] = [];
  const failed = Promise.withResolvers<unknown>();
  const server = startUpServer({
    service: 0,
    listener,
    onError: (error) => {
      errors.push(error);
      failed.resolve(error);
    },
    ...options,
  });
  const connect = async () =>
    new Client(await openTcpStream("127.0.0.1", server.port));
  return {
    server,
    errors,
    failed: failed.promise,
    connect,
    async session(name = "test") {
      const client = await connect();
      await client.until("name> ");
      await client.say(JSON.stringify(name), `${name}> `);
      return client;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
