/**
 * Sessions over NATS: what is published, in which order, and when the other end
 * is taken for gone. NATS delivers a message once or never, and tells nobody of
 * those that it drops: so each of them has a number.
 *
 * @module
 */

import { NO_BYTES } from "../wire/base/collections.ts";
import { errorMessage, shown, WireError } from "../wire/base/errors.ts";
import { type Channel, MessageTransport } from "./_message_transport.ts";

/** What a wire uses of a message that came from NATS. */
export interface NatsMessageLike {
  /** Its bytes. */
  readonly data: Uint8Array;
  /** Where to answer to. */
  readonly reply?: string | undefined;
  /** Its headers, of which a wire looks at the status. */
  readonly headers?: { readonly code: number } | undefined;
}

/** What a wire uses of a subscription. */
export interface NatsSubscriptionLike {
  /** Resolves at its end, with an error where NATS has refused it. */
  readonly closed: Promise<void | Error>;
  /** Ends it at once. */
  unsubscribe(): void;
  /** Ends it once what was sent already has come. */
  drain(): Promise<void>;
}

/**
 * What a wire uses of a connection to NATS. That of `@nats-io/transport-node`
 * has it, in Deno, Node and Bun, and so has that of `@nats-io/nats-core` over a
 * WebSocket.
 */
export interface NatsConnectionLike {
  /** What the NATS server told of itself. */
  readonly info?:
    | { readonly max_payload: number; readonly tls_required?: boolean }
    | undefined;
  /** Publishes a message. */
  publish(
    subject: string,
    payload?: Uint8Array | string,
    options?: { reply?: string },
  ): void;
  /** Subscribes to a subject. */
  subscribe(
    subject: string,
    options: {
      queue?: string;
      callback: (error: Error | null, message: NatsMessageLike) => void;
    },
  ): NatsSubscriptionLike;
  /** Resolves when the NATS server has got all that was published. */
  flush(): Promise<void>;
  /** Tells of reconnects and errors. */
  status(): AsyncIterable<{ readonly type: string }>;
  /** Whether it was closed for good. */
  isClosed(): boolean;
  /** Its NATS server, as `"127.0.0.1:4222"`. */
  getServer(): string;
}

/** What stands in front of every subject; its number is that of this format. */
export const ROOT = "remote-wire.v1";

/** Kinds of messages. */
const KIND = {
  open: 0,
  accept: 1,
  data: 2,
  tell: 3,
  probe: 4,
  close: 5,
  away: 6,
};
/** In front of each message: its kind, and its number in four bytes. */
const HEAD = 5;
/** The status of a message to a subject that nobody has subscribed to. */
const NO_RESPONDERS = 503;
/** The least that a message has to hold for wires to be of use. */
const LEAST_PAYLOAD = 1_024;
/** Published and not yet taken by the NATS server, in bytes, by all sessions. */
const MOST_UNTAKEN = 4 * 1024 * 1024;
/** After so much of it the NATS server is asked whether it has all. */
const ASK_AT = MOST_UNTAKEN / 4;
/** The longest interval of the platform. */
const LONGEST = 2 ** 31 - 1;

/** 128 bits that nobody can guess, as a part of a subject. */
export function token(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** Whether a text may be a subject to publish to. */
export function isSubject(text: string | undefined): text is string {
  return text !== undefined && text.length <= 256 &&
    /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text);
}

/** Tells a client that the server stops, and that it may ask another one. */
export const AWAY: Uint8Array = Uint8Array.of(KIND.away, 0, 0, 0, 0);
/** Asks for a server. */
const OPENING = Uint8Array.of(KIND.open, 0, 0, 0, 0);

/** Ends a subscription, unless its connection has ended, and it with that. */
export function unsubscribe(subscription: NatsSubscriptionLike): void {
  try {
    subscription.unsubscribe();
  } catch {
    // The connection was closed.
  }
}

/** A message that asks a server for a session. */
export function isOpening(data: Uint8Array): boolean {
  return data.length === HEAD &&
    data.every((byte, at) => byte === OPENING[at]);
}

/** One connection to NATS, and the sessions over it. */
export class NatsLink {
  static readonly #known = new WeakMap<NatsConnectionLike, NatsLink>();

  readonly #connection: NatsConnectionLike;
  readonly #sessions = new Set<NatsSession>();
  /** Why nothing can be sent now. */
  #trouble: string | undefined;
  /** Published, and perhaps not yet taken by the NATS server. */
  #untaken = 0;
  #isAsking = false;
  /** Changes with each end of the connection. */
  #era = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(connection: NatsConnectionLike) {
    this.#connection = connection;
    this.#watch();
  }

  /** That of a connection. */
  static of(connection: NatsConnectionLike): NatsLink {
    const known = NatsLink.#known.get(connection);
    if (known !== undefined) return known;
    const link = new NatsLink(connection);
    NatsLink.#known.set(connection, link);
    return link;
  }

  /** How much a message may hold beyond its head. */
  get largest(): number {
    const most = this.#connection.info?.max_payload ?? LEAST_PAYLOAD;
    if (most >= LEAST_PAYLOAD) return most - HEAD;
    throw new WireError(
      "invalidArgument",
      `The NATS server takes messages of ${most} bytes (its max_payload). Wires need ${LEAST_PAYLOAD} or more.`,
    );
  }

  /** @throws {WireError} `connectFailed` while there is no NATS server. */
  checkUp(): void {
    const trouble = this.#connection.isClosed() ? CLOSED : this.#trouble;
    if (trouble !== undefined) throw this.#isDown(trouble);
  }

  #isDown(trouble: string, cause?: unknown): WireError {
    const server = this.#connection.getServer();
    return new WireError(
      "connectFailed",
      `Cannot speak over NATS at ${server}: ${trouble}`,
      { cause },
    );
  }

  /**
   * A session begins; its subscription is the result.
   *
   * @throws {WireError} `connectFailed` where its owner closes the connection.
   */
  enter(session: NatsSession, subject: string): NatsSubscriptionLike {
    let subscription: NatsSubscriptionLike;
    try {
      subscription = this.#connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) session.failed(troubleWith(error));
          else session.received(message);
        },
      });
    } catch (error) {
      throw this.#isDown(errorMessage(error), error);
    }
    this.#sessions.add(session);
    return subscription;
  }

  /** A session has ended. */
  leave(session: NatsSession): void {
    this.#sessions.delete(session);
  }

  /** Publishes; throws where the connection was closed. */
  publish(subject: string, message: Uint8Array, reply: string): void {
    this.#connection.publish(subject, message, { reply });
    this.#untaken += message.length;
    if (this.#untaken >= ASK_AT) this.#ask();
  }

  /** Whether another message may be published now, and who is to be told. */
  hasRoom(again: () => void): boolean {
    if (this.#untaken < MOST_UNTAKEN) return true;
    this.#waiting.add(again);
    return false;
  }

  /** Asks the NATS server whether it has taken what was published. */
  #ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const era = this.#era;
    const asked = this.#untaken;
    const answered = () => {
      if (era !== this.#era) return;
      this.#isAsking = false;
      this.#untaken -= asked;
      this.#wake();
      if (this.#untaken >= ASK_AT) this.#ask();
    };
    this.#connection.flush().then(answered, answered);
  }

  /** Those that wait go on in the order in which they came. */
  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const again of waiting) again();
  }

  async #watch(): Promise<void> {
    try {
      for await (const event of this.#connection.status()) {
        if (event.type === "disconnect") this.#lost(LOST);
        else if (event.type === "reconnect") this.#trouble = undefined;
        else if (event.type === "error") this.#refused(event);
      }
    } catch {
      // What it failed with is its owner's.
    }
    this.#lost(CLOSED);
  }

  /** What was published may be lost, and what comes next, too. */
  #lost(trouble: string): void {
    this.#trouble = trouble;
    this.#era++;
    this.#isAsking = false;
    this.#untaken = 0;
    const error = new WireError("connectionLost", trouble);
    for (const session of [...this.#sessions]) session.failed(error);
    this.#wake();
  }

  /** NATS has refused something, a session's perhaps. */
  #refused(event: object): void {
    const { error } = event as { error?: Error & { subject?: string } };
    if (error?.subject === undefined) return;
    for (const session of this.#sessions) {
      if (session.uses(error.subject)) session.failed(troubleWith(error));
    }
  }
}

const LOST =
  "The connection to the NATS server was lost. What was under way may be lost, too: a wire does not outlive that; keepConnected() makes another.";
const CLOSED = "The connection to NATS was closed.";

/** What NATS has refused, or why a connection failed. */
export function troubleWith(error: Error): WireError {
  const isForbidden = /permission/i.test(`${error.name} ${error.message}`);
  return new WireError(
    isForbidden ? "permissionDenied" : "connectionLost",
    isForbidden
      ? `NATS does not allow what a wire needs: ${
        errorMessage(error)
      }. See which subjects the account has to have, in docs/nats.md.`
      : `NATS ended the subscription of a wire: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** What a session is made with. */
export interface NatsSessionOptions {
  readonly link: NatsLink;
  /** The name of the service. */
  readonly name: string;
  /** Where this end is reached. */
  readonly own: string;
  /** Where the other end is; a client learns it. */
  readonly peer?: string;
  /** How long the other end may be silent before it is looked for. */
  readonly probe: number;
}

/** One end of a session. */
export class NatsSession {
  /** What a wire is made of. */
  readonly transport: MessageTransport;

  readonly #link: NatsLink;
  readonly #name: string;
  readonly #own: string;
  #peer: string | undefined;
  readonly #subscription: NatsSubscriptionLike;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  /** The numbers of the next message, in either direction. */
  #nextSent: number;
  #nextCame: number;
  /** Since the last look: whether anything came, and was sent. */
  #hasHeard = false;
  #hasSent = false;
  /** Whether a message was sent after which nothing proves that it arrived. */
  #isUnproven = false;
  #isClosed = false;

  /** @param options Where both ends are. */
  constructor(options: NatsSessionOptions) {
    const { link, name, own, peer, probe } = options;
    this.#link = link;
    this.#name = name;
    this.#own = own;
    this.#peer = peer;
    const channel: Channel = {
      send: (bytes) => this.#send(KIND.data, bytes),
      tell: (units) => this.#send(KIND.tell, inFourBytes(units)),
      close: () => this.#close(),
      hasRoom: (again) => link.hasRoom(again),
    };
    this.transport = new MessageTransport({
      address: { transport: "nats", name },
      channel,
      isOpen: peer !== undefined,
      largest: link.largest,
    });
    this.#subscription = link.enter(this, own);
    this.#subscription.closed.then(
      (error) =>
        this.failed(
          error ? troubleWith(error) : new WireError("connectionLost", CLOSED),
        ),
      () => {},
    );
    if (probe <= LONGEST) {
      this.#timer = setInterval(() => this.#look(), probe);
    }
    // The first message of either end has the number 0.
    const isServer = peer !== undefined;
    this.#nextSent = isServer ? 0 : 1;
    this.#nextCame = isServer ? 1 : 0;
    if (isServer) this.#send(KIND.accept);
  }

  /** Asks for a server. */
  open(): void {
    this.#publish(`${ROOT}.${this.#name}`, OPENING);
  }

  /** Whether a subject is that of one of the ends. */
  uses(subject: string): boolean {
    return subject === this.#own || subject === this.#peer ||
      this.#peer === undefined && subject === `${ROOT}.${this.#name}`;
  }

  /** The other end cannot be reached, or breaks the rules. */
  failed(error: WireError): void {
    if (!this.#isClosed) this.transport.failed(error);
  }

  /** A message came. */
  received({ data, reply, headers }: NatsMessageLike): void {
    if (this.#isClosed) return;
    if (headers?.code === NO_RESPONDERS && data.length === 0) {
      return this.failed(this.#nobody());
    }
    if (this.#peer === undefined) this.#accepted(data, reply);
    // Who does not know where both ends are is a stranger.
    else if (reply === this.#peer) this.#take(data);
  }

  /** A server has taken the session. */
  #accepted(data: Uint8Array, reply: string | undefined): void {
    if (data[0] === KIND.away) return this.open();
    const isOurs = data.length === HEAD && data[0] === KIND.accept &&
      isSubject(reply) && reply.startsWith(`${ROOT}.${this.#name}.`);
    if (!isOurs) return;
    this.#peer = reply;
    this.#take(data);
    this.transport.opened();
  }

  #take(data: Uint8Array): void {
    const [kind] = data;
    if (kind === undefined || data.length < HEAD) {
      return this.failed(
        malformed(`a message of ${data.length} bytes, without a number`),
      );
    }
    const number = fourBytes(data, 1);
    if (number !== this.#nextCame) {
      return this.failed(
        new WireError(
          "connectionLost",
          `Messages between both ends were lost, doubled or reordered on their way through NATS: number ${number} came in the place of ${this.#nextCame}.`,
        ),
      );
    }
    this.#nextCame = number + 1 >>> 0;
    this.#hasHeard = true;
    switch (kind) {
      case KIND.data:
        return this.transport.received(behindHead(data));
      case KIND.tell:
        if (data.length !== HEAD + 4) break;
        return this.transport.told(fourBytes(data, HEAD));
      case KIND.close:
        return this.transport.over();
      case KIND.accept:
      case KIND.probe:
        if (data.length === HEAD) return;
    }
    this.failed(
      malformed(`a message of kind ${kind} and ${data.length} bytes`),
    );
  }

  /**
   * Has the other end been silent, it is looked for: NATS tells at once if it is
   * gone. And a message behind the last one shows whether that has arrived.
   */
  #look(): void {
    const isSilent = !this.#hasHeard || this.#isUnproven && !this.#hasSent;
    if (isSilent && this.#peer !== undefined) {
      this.#send(KIND.probe);
      this.#isUnproven = false;
    }
    this.#hasHeard = this.#hasSent = false;
  }

  #send(kind: number, bytes: Uint8Array = NO_BYTES): void {
    if (this.#peer === undefined) return;
    this.#publish(this.#peer, this.#message(kind, bytes));
    this.#hasSent = true;
    this.#isUnproven = true;
  }

  #publish(subject: string, message: Uint8Array): void {
    try {
      this.#link.publish(subject, message, this.#own);
    } catch (error) {
      this.failed(
        new WireError(
          "connectionLost",
          `NATS takes no more messages: ${errorMessage(error)}`,
          { cause: error },
        ),
      );
    }
  }

  /** A copy with its number in front: the connection sends it later. */
  #message(kind: number, bytes: Uint8Array = NO_BYTES): Uint8Array {
    const message = new Uint8Array(HEAD + bytes.length);
    const number = this.#nextSent;
    message[0] = kind;
    for (let at = 1; at < HEAD; at++) message[at] = number >>> 32 - 8 * at;
    message.set(bytes, HEAD);
    this.#nextSent = this.#nextSent + 1 >>> 0;
    return message;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#send(KIND.close);
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#link.leave(this);
    unsubscribe(this.#subscription);
  }

  #nobody(): WireError {
    return this.#peer === undefined
      ? new WireError(
        "connectionRefused",
        `no server with the name ${
          shown(this.#name)
        } is at this NATS: nobody has subscribed to ${ROOT}.${this.#name}. Check the name and the account, and that a server runs which has called serveNats().`,
      )
      : new WireError(
        "connectionLost",
        "The other end is gone: NATS says that nobody listens there any more (no responders).",
      );
  }
}

/** The transport of a client; no server has accepted it yet. */
export function dialNats(
  connection: NatsConnectionLike,
  name: string,
  { probe, inboxPrefix }: { probe: number; inboxPrefix: string },
): MessageTransport {
  const link = NatsLink.of(connection);
  link.checkUp();
  const own = `${inboxPrefix}.${token()}`;
  const session = new NatsSession({ link, name, own, probe });
  session.open();
  return session.transport;
}

/** Its bytes as such: those of a `Buffer` of Node have a `slice()` of its own. */
function behindHead({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset + HEAD, length - HEAD);
}

function inFourBytes(number: number): Uint8Array {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

function fourBytes(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
}

function malformed(what: string): WireError {
  return new WireError(
    "malformed",
    `The other end sent ${what} over NATS, which no wire does.`,
  );
}
