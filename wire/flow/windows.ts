/**
 * Windows, at both ends. Send queues let messages out as far as the peer's
 * windows have room; what waits is encoded already, so that changing a value
 * after passing it changes nothing. Receive windows check that the peer keeps
 * to this side's, and give it credit for what was dealt with; in the inbox
 * typed messages wait.
 *
 * @module
 */

import { type Keeper, Kept, KeptBytes } from "../codec/codec.ts";
import { tooLarge } from "../codec/value_writer.ts";
import {
  type Channel,
  type Message,
  MESSAGE_OVERHEAD,
} from "../codec/messages.ts";
import type { Body, MessageOutput, Sender, Ticket } from "./output.ts";
import { Queue } from "../base/collections.ts";
import { malformed, type WireError } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import {
  failed,
  OwnPromise,
  type Report,
  reportUnawaited,
} from "../base/report.ts";
import { isHeavy, type Memory, type WireLimits } from "../base/limits.ts";

// Where messages wait their turn: for the peer's window, for its number of
// calls at a time, and for room in the output. What waits is encoded already,
// so that changing a value after passing it changes nothing.

/** A message that waits. */
export interface QueuedMessage {
  body: Body;
  readonly ticket: Ticket;
  /** True when nothing is to be sent any more. */
  dropped: boolean;
  /**
   * What stands at another queue behind all that has to be sent before it;
   * undefined where nothing has, or that was sent.
   */
  held: QueuedMessage | undefined;
}

/** Lets messages of one kind out, in order, as fast as the peer allows. */
export class SendQueue implements Sender {
  /** The peer's window, in bytes; nothing is sent while it is 0. */
  window = 0;
  /** How many may be under way at once. */
  most = Infinity;
  /** What waits at that one when a message comes here is sent before it. */
  before: SendQueue | undefined;
  /** How many messages wait. */
  waiting = 0;
  /** How many bytes are under way, as the peer counts them. */
  bytes = 0;

  readonly #output: MessageOutput;
  readonly #listener: { onIdle(): void } | undefined;
  readonly #keepsOrder: boolean;
  readonly #queue = new Queue<QueuedMessage>();
  #count = 0;
  /** A large message is being sent, and nothing may overtake it. */
  #held = false;
  /** How many of the queue were given up. */
  #gone = 0;

  /**
   * @param output Where messages go.
   * @param keepsOrder Whether nothing may overtake a large message.
   * @param listener Told when nothing waits any more; undefined where nobody
   * has to know.
   */
  constructor(
    output: MessageOutput,
    keepsOrder: boolean,
    listener: { onIdle(): void } | undefined,
  ) {
    this.#output = output;
    this.#listener = listener;
    this.#keepsOrder = keepsOrder;
  }

  /** Whether the peer's window has room. */
  get hasWindow(): boolean {
    return this.bytes < this.window;
  }

  get #isOpen(): boolean {
    return this.hasWindow && this.#count < this.most &&
      !this.#held && this.#output.hasRoom;
  }

  /** Whether a message need not wait, but may be sent at once. */
  get isClear(): boolean {
    return this.#queue.size === 0 && this.#isOpen &&
      (this.before === undefined || this.before.#queue.size === 0);
  }

  /** A message of so many bytes was sent without waiting. */
  entered(size: number): void {
    this.#count++;
    this.bytes += size + MESSAGE_OVERHEAD;
  }

  /**
   * Sends a message now, or when its turn comes.
   *
   * @param message The message.
   * @param ticket Learns when it is sent, and at which offset.
   * @returns What waits, or undefined when it went to the output at once.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is sent.
   */
  enqueue(message: Message, ticket: Ticket): QueuedMessage | undefined {
    if (this.isClear) {
      const size = this.#output.send(message, ticket, this);
      this.#enter(size, ticket);
      return undefined;
    }
    const output = this.#output;
    const { backlog } = output;
    backlog.admit(0, output.waiting);
    const body = output.encode(message);
    try {
      backlog.admit(body.size, output.waiting);
    } catch (error) {
      body.attachments?.undo();
      throw error;
    }
    backlog.add(body.size);
    const waiting: QueuedMessage = {
      body,
      ticket,
      dropped: false,
      held: undefined,
    };
    this.#queue.push(waiting);
    this.waiting++;
    const before = this.before;
    if (before !== undefined && before.#queue.size > 0) {
      waiting.held = before.#mark(() => {
        waiting.held = undefined;
        this.drain();
      });
    }
    return waiting;
  }

  /** Resolves when all that waits by now was sent, or never will be. */
  whenSettled(): Promise<void> {
    if (this.#queue.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#mark(resolve));
  }

  /** Has a function called when all that waits by now was sent. */
  #mark(callback: () => void): QueuedMessage {
    const mark: QueuedMessage = {
      body: NOTHING,
      ticket: { position: 0, onSettled: callback },
      dropped: true,
      held: undefined,
    };
    this.#queue.push(mark);
    return mark;
  }

  /** Gives up a message that waits. */
  withdraw(waiting: QueuedMessage): void {
    if (waiting.dropped) return;
    waiting.dropped = true;
    waiting.body.attachments?.undo();
    this.#dequeued(waiting.body);
    waiting.body = NOTHING;
    if (waiting.held !== undefined) this.before!.#letGo(waiting.held);
    this.#letGo(waiting);
    // Who waits behind it goes on, but not while a message is written: one of
    // its getters may have given this one up.
    if (this.#queue.peek() === waiting) queueMicrotask(() => this.drain());
  }

  /** Nobody is to learn of one any more. */
  #letGo(waiting: QueuedMessage): void {
    waiting.ticket.onSettled = undefined;
    const most = Math.max(MOST_GONE, this.#queue.size / 2);
    if (++this.#gone > most) this.#sweep();
  }

  /** Where one in front waits long, those given up behind it would pile up. */
  #sweep(): void {
    const queue = this.#queue;
    // The first may be on its way out at the moment.
    queue.push(queue.shift()!);
    for (let count = queue.size - 1; count > 0; count--) {
      const next = queue.shift()!;
      if (!isGone(next)) queue.push(next);
    }
    this.#gone = isGone(queue.peek()!) ? 1 : 0;
  }

  /** One waits no longer. */
  #dequeued(body: Body): void {
    this.waiting--;
    this.#output.backlog.remove(body.size);
  }

  /** Says that messages of that cost are no longer under way. */
  settled(count: number, cost: number): void {
    this.#count -= count;
    this.bytes -= cost;
    if (this.#queue.size > 0) this.drain();
  }

  /** Sends what may be sent by now. */
  drain(): void {
    const queue = this.#queue;
    if (queue.size === 0) return;
    do {
      const waiting = queue.peek()!;
      let failure: Error | undefined;
      if (!waiting.dropped) {
        if (waiting.held !== undefined || !this.#isOpen) return;
        this.#dequeued(waiting.body);
        waiting.dropped = true;
        failure = this.#sendNext(waiting);
      } else if (isGone(waiting)) {
        this.#gone--;
      }
      queue.shift();
      const { ticket } = waiting;
      // A large message is sent piece by piece, and tells its ticket itself.
      if (ticket.position !== Infinity || failure !== undefined) {
        ticket.onSettled?.(failure);
      }
    } while (queue.size > 0);
    this.#listener?.onIdle();
  }

  /**
   * Lets one out, unless its deadline has passed, or the peer has told a
   * smaller limit since.
   */
  #sendNext({ body, ticket }: QueuedMessage): Error | undefined {
    const most = this.#output.encoder.limits.message;
    const failure = body.size > most
      ? tooLarge(body.size, most)
      : body.deadline?.update(body) ?? body.attachments?.admit();
    if (failure !== undefined) {
      body.attachments?.undo();
      return failure;
    }
    this.#output.sendBody(body, ticket, this);
    this.#enter(body.size, ticket);
    return undefined;
  }

  /** Forgets all that waits. */
  clear(failure: Error): void {
    this.#gone = 0;
    for (let next; (next = this.#queue.shift()) !== undefined;) {
      if (!next.dropped) this.#dequeued(next.body);
      next.body.attachments?.undo();
      next.ticket.onSettled?.(failure);
    }
  }

  #enter(size: number, ticket: Ticket): void {
    this.entered(size);
    // A ticket without a position is a large message that was not sent yet.
    if (this.#keepsOrder && ticket.position === Infinity) this.#held = true;
  }

  /** A large message was sent. */
  largeSent(): void {
    this.#held = false;
    this.drain();
  }
}

const NOTHING: Body = { size: 0, bytes: new Uint8Array(0) };
/** So many messages that were given up may stand in a queue. */
const MOST_GONE = 64;

/** Whether a message was given up, and nobody is to learn of it. */
function isGone({ dropped, body, ticket }: QueuedMessage): boolean {
  return dropped && body === NOTHING && ticket.onSettled === undefined;
}

// The receiving end of flow control: windows, which check that the peer keeps
// to them and give it credit for what was dealt with; and the inbox, where
// typed messages wait.

/** How a window is told of. */
export interface WindowOptions {
  /** How many bytes a window has. */
  readonly limits: Pick<WireLimits, "window">;
  /** Where credit goes. */
  readonly output: Pick<MessageOutput, "send">;
  /** Tells whether credit is still given. */
  readonly lifetime: Lifetime;
}

/** Accounts for what one channel holds of the peer's. */
export class ReceiveWindow {
  readonly #channel: Channel;
  readonly #options: WindowOptions;
  readonly #size: number;
  /** How many bytes are held. */
  held = 0;
  #credit = 0;

  /**
   * @param channel The channel.
   * @param options How it is told of.
   */
  constructor(channel: Channel, options: WindowOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#size = options.limits.window;
  }

  /** How many bytes count against the window: held, or not yet told. */
  get used(): number {
    return this.held + this.#credit;
  }

  /**
   * Something came.
   *
   * @param cost What it counts for, in bytes.
   * @throws {WireError} `malformed` when the window was full.
   */
  received(cost: number): void {
    if (this.held + this.#credit >= this.#size) {
      throw malformed(
        `The peer sent ${this.#channel} beyond its window of ${this.#size} bytes.`,
      );
    }
    this.held += cost;
  }

  /** Something was dealt with; the peer learns of it by and by. */
  consumed(cost: number): void {
    this.held -= cost;
    this.#credit += cost;
    // Told in quarters, so that the peer need never wait for the telling.
    if (this.#credit * 4 < this.#size) return;
    const { lifetime, output } = this.#options;
    if (lifetime.reason !== undefined) return;
    const amount = this.#credit;
    this.#credit = 0;
    output.send({ kind: "credit", channel: this.#channel, amount });
  }
}

// Typed messages that came and wait to be taken.

interface Taker {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  promise: OwnPromise<unknown> | undefined;
}

/** What came: a message, or why one is missing. */
class ReceivedMessage {
  constructor(
    readonly value: unknown,
    readonly error: Error | undefined,
    readonly cost: number,
    readonly excess: number,
  ) {}
}

/** Who has to do with typed messages. */
export interface InboxOptions {
  /** Tells whether any more will come. */
  readonly lifetime: Lifetime;
  /** Accounts for what they take beyond their bytes. */
  readonly memory?: Memory | undefined;
  /** Told why a message is missing, where nobody awaits it. */
  readonly onError: Report;
}

/** Hands messages to those who wait for them, in order, each once. */
export class Inbox {
  /** How many messages came. */
  received = 0;

  readonly #window: ReceiveWindow;
  readonly #options: InboxOptions;
  /** Where those are kept that take much more memory than their bytes. */
  #bytes: KeptBytes | undefined;
  /** Why the last message that waits is missing, if one is. */
  #missing: Error | undefined;
  readonly #received = new Queue<ReceivedMessage>();
  readonly #takers = new Queue<Taker>();

  /**
   * @param window Accounts for messages that wait.
   * @param options Who has to do with them.
   */
  constructor(window: ReceiveWindow, options: InboxOptions) {
    this.#window = window;
    this.#options = options;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#received.size;
  }

  /**
   * A message came, or one that is over a limit.
   *
   * @param value The message.
   * @param error Why it is missing.
   * @param cost What it counts for.
   * @param excess What it takes in memory beyond that.
   * @param keeper Keeps it as its bytes; undefined where that cannot be done.
   */
  put(
    value: unknown,
    error: Error | undefined,
    cost: number,
    excess = 0,
    keeper?: Keeper,
  ): void {
    this.received++;
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#received.push(this.#waiting(value, error, cost, excess, keeper));
      return;
    }
    this.#window.consumed(cost);
    if (error === undefined) taker.resolve(value);
    else this.#fail(taker, error, this.#options.onError);
  }

  /** What waits to be taken, in as little memory as is easy. */
  #waiting(
    value: unknown,
    error: Error | undefined,
    cost: number,
    excess: number,
    keeper: Keeper | undefined,
  ): ReceivedMessage {
    if (error !== undefined) {
      // One error does for all that are missing for the same reason.
      if (this.#missing?.message !== error.message) this.#missing = error;
      return new ReceivedMessage(undefined, this.#missing, cost, 0);
    }
    if (keeper !== undefined && isHeavy(excess, cost)) {
      const kept = keeper.keep(this.#bytes ??= new KeptBytes());
      return new ReceivedMessage(kept, undefined, cost, 0);
    }
    this.#options.memory?.hold(excess);
    return new ReceivedMessage(value, undefined, cost, excess);
  }

  /**
   * Takes the next message, or waits for it.
   *
   * @returns A promise of it; rejected with the wire's end when none will come.
   */
  take(): Promise<unknown> {
    const { lifetime, memory, onError } = this.#options;
    const received = this.#received.shift();
    if (received !== undefined) {
      const { value, error, cost, excess } = received;
      this.#window.consumed(cost);
      memory?.give(excess);
      if (error !== undefined) return failed(error, onError, WHERE);
      return Promise.resolve(value instanceof Kept ? value.take() : value);
    }
    const { reason } = lifetime;
    if (reason !== undefined) return failed(reason, undefined, WHERE);
    let taker!: Taker;
    const promise = new OwnPromise<unknown>((resolve, reject) =>
      taker = { resolve, reject, promise: undefined }
    );
    taker.promise = promise;
    this.#takers.push(taker);
    return promise;
  }

  /** The wire ended: what came can still be taken. */
  end(reason: WireError): void {
    for (let taker; (taker = this.#takers.shift()) !== undefined;) {
      // The end of the wire is no news.
      this.#fail(taker, reason, undefined);
    }
  }

  #fail(
    { promise, reject }: Taker,
    error: unknown,
    report: Report | undefined,
  ): void {
    reject(error);
    reportUnawaited(promise!, error, report, WHERE);
  }
}

/** What failed when a message is missing. */
const WHERE = "a message that was to be taken, and that nobody awaits";
