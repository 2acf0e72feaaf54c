/**
 * The way out of a wire that speaks CMUCL's protocol: the messages of a wire
 * become Lisp's function calls. What has no like there does not travel.
 *
 * @module
 */

import { ByteOutput, type OutputListener } from "../flow/byte_output.ts";
import type { Clock } from "../base/clock.ts";
import type { EncoderLimits } from "../codec/codec.ts";
import { errorMessage, isA, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import type { Message } from "../codec/messages.ts";
import type { Body, MessageOutput, Ticket } from "../flow/output.ts";
import type { Transport } from "../transport/transport.ts";
import { callName, type Count } from "./opcodes.ts";
import type { RemoteObject, RemoteObjects } from "./remote_objects.ts";
import type { LispSymbol } from "./symbols.ts";
import { LispWriter } from "./writer.ts";

/** A call whose answer the peer owes. */
export interface Asked {
  /** Its id among this wire's calls. */
  readonly id: number;
  /** How many values were asked for. */
  readonly count: Count;
  /** Whether the caller gets a list of values. */
  readonly wantsValues: boolean;
}

/** An answer to a call of the peer. */
export type Answer = Extract<
  Message,
  { kind: "return" | "returnValues" | "throw" | "fail" }
>;

/** What a peer gets to see. */
type Outgoing = Extract<Message, { kind: "call" | "send" | "message" }>;

/** A call that is encoded and waits. */
interface CallBody extends Body {
  readonly remoteId?: number;
  readonly asked?: Asked;
}

/** How the next call is made where that is not by its message alone. */
export interface CallMode {
  /** How many values to ask for. */
  readonly count?: Count;
  /** Ask for nothing: an object that is data comes back by itself. */
  readonly isPing?: boolean;
}

/** What an output of Lisp's function calls works with. */
export interface LispOutputOptions extends OutputListener {
  /** Numbers for calls. */
  readonly objects: RemoteObjects;
  /** Reads names of functions. */
  readonly readName: (name: string) => LispSymbol;
  /** Gets the answers to the peer's calls; returns how many bytes they took. */
  readonly onAnswer: (answer: Answer) => number;
  /** Called when something that came was dealt with. */
  readonly onCredit: () => void;
}

/** Encodes, collects and writes. */
export class LispOutput extends ByteOutput implements MessageOutput {
  /** The limits of what is sent. */
  readonly encoder: { limits: EncoderLimits };
  /** Objects so far. */
  messages = 0;
  /** How the next call is made. */
  mode: CallMode = {};

  readonly #options: LispOutputOptions;
  readonly #lisp: LispWriter;
  readonly #asked = new Map<number, Asked>();
  #isWriting = false;

  /**
   * @param transport Where the bytes go.
   * @param clock Tells when there was progress.
   * @param limits What is sent keeps to them.
   * @param options What it works with.
   */
  constructor(
    transport: Transport,
    clock: Clock,
    limits: Readonly<WireLimits>,
    options: LispOutputOptions,
  ) {
    super(transport, clock, limits, options);
    this.#options = options;
    this.encoder = { limits };
    this.#lisp = new LispWriter(this.writer, limits);
  }

  /** Sends a message; see `Output.send`. */
  send(message: Message, ticket: Ticket = { position: Infinity }): number {
    switch (message.kind) {
      case "return":
      case "returnValues":
      case "throw":
      case "fail":
        return this.#options.onAnswer(message);
      case "credit":
        this.#options.onCredit();
        return 0;
      case "call":
      case "send":
      case "message": {
        const position = this.base + this.writer.position;
        const [size, remoteId, asked] = this.#message(message);
        if (asked !== undefined) this.#asked.set(remoteId, asked);
        ticket.position = position;
        return size;
      }
      // The protocol has no word for these, and nothing that needs one.
      case "hello":
      case "accept":
      case "cancel":
      case "ping":
      case "pong":
      case "close":
      case "finish":
      case "abort":
      case "release":
      case "forget":
      case "streamValue":
      case "streamBytes":
      case "streamEnd":
      case "streamError":
      case "streamCancel":
      case "streamCredit":
      case "streamFail":
        return 0;
      default:
        return message satisfies never;
    }
  }

  /** Encodes a message that has to wait: it must not rely on its turn. */
  encode(message: Message): Body {
    const { writer } = this;
    const start = writer.position;
    this.#lisp.saves = false;
    try {
      // Nothing else waits.
      const [size, remoteId, asked] = this.#message(message as Outgoing);
      const bytes = writer.written(start).slice();
      writer.position = start;
      this.messages--;
      const body: CallBody = asked === undefined
        ? { size, bytes }
        : { size, bytes, remoteId, asked };
      return body;
    } finally {
      this.#lisp.saves = true;
    }
  }

  /** Sends a body that {@linkcode encode} made. */
  sendBody(body: CallBody, ticket: Ticket): void {
    const { remoteId, asked } = body;
    if (asked !== undefined) this.#asked.set(remoteId!, asked);
    ticket.position = this.base + this.writer.position;
    this.messages++;
    this.writer.bytes(body.bytes);
    this.schedule();
  }

  /**
   * Writes something whole, or nothing of it.
   *
   * @param write Writes it.
   * @returns How many bytes it has.
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  write(write: (lisp: LispWriter) => void): number {
    const { writer } = this;
    const most = this.encoder.limits.message;
    if (this.#isWriting) {
      throw new WireError(
        "invalidArgument",
        "A value is just being sent, and a getter of it used the wire. Send plain data.",
      );
    }
    this.#isWriting = true;
    writer.bound = writer.position + most;
    writer.most = most;
    try {
      const size = this.#lisp.whole(() => {
        const start = writer.position;
        write(this.#lisp);
        if (writer.position - start > most) throw tooLarge(most);
      });
      this.messages++;
      this.schedule();
      return size;
    } catch (error) {
      throw isA(error, WireError) ? error : unreadable(error);
    } finally {
      this.#isWriting = false;
      writer.bound = Infinity;
    }
  }

  /** The same for an answer, which fails where too much waits. */
  answer(write: (lisp: LispWriter) => void): number {
    return this.write((lisp) => {
      const start = this.writer.position;
      write(lisp);
      this.findRoom(start, this.writer.position - start);
    });
  }

  /** The call whose answer came; it is forgotten. */
  answered(remote: RemoteObject): Asked | undefined {
    if (!this.#options.objects.isLocal(remote)) return undefined;
    const asked = this.#asked.get(remote.id);
    this.#asked.delete(remote.id);
    return asked;
  }

  #message(
    message: Outgoing,
  ): [size: number, remoteId: number, asked: Asked | undefined] {
    if (message.kind === "message") {
      return [this.write((lisp) => lisp.value(message.value)), 0, undefined];
    }
    if (message.kind === "send") {
      const fn = this.#options.readName(message.name);
      return [this.write((lisp) => lisp.call(fn, message.args)), 0, undefined];
    }
    const { mode } = this;
    const { objects, readName } = this.#options;
    const count = mode.count ?? (message.wantsValues ? "N" : 1);
    const remoteId = objects.nextId((id) => this.#asked.has(id));
    const size = this.write((lisp) => {
      lisp.call(callName(count), [objects.reference(remoteId)]);
      if (mode.isPing) lisp.value(0);
      else lisp.call(readName(message.name), message.args);
    });
    const { id, wantsValues } = message;
    return [size, remoteId, { id, count, wantsValues }];
  }
}

function unreadable(error: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `A value could not be read: ${errorMessage(error)}`,
    { cause: error },
  );
}

function tooLarge(most: number): WireError {
  return new WireError(
    "limit",
    `An object may have ${most} bytes (limit "message"), and this one has more. Send it in parts, or raise that limit.`,
  );
}
