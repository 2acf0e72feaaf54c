/**
 * The consuming end of a stream: holds what came and was not taken, and gives
 * credit for what was.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import { quiet } from "../base/report.ts";
import { isHeavy, type Memory } from "../base/limits.ts";
import { type Keeper, Kept, KeptBytes } from "../codec/single_value.ts";
import type {
  BoundStream,
  ReceivedAttachments,
  StreamsOfCall,
} from "../codec/passing.ts";
import { Queue } from "../base/collections.ts";
import type { RemoteStream } from "../rpc/remote_types.ts";
import { refusal } from "../rpc/thrown.ts";

/** What a sink works with. */
export interface SinkOptions {
  /** How many bytes the producer may send at first. */
  readonly first: number;
  /** How many bytes may be on their way at most. */
  readonly most: number;
  /** Takes from what is left for windows to grow: as much as there is. */
  readonly grow: (wanted: number) => number;
  /** Gives the producer credit. */
  readonly credit: (id: number, amount: number) => void;
  /** Tells the producer that no more is wanted. */
  readonly cancel: (id: number, reason: unknown) => void;
  /** Called once nobody reads any more of it. */
  readonly onRead?: (sink: Sink) => void;
  /** Accounts for what waits to be taken, beyond its bytes. */
  readonly memory?: Memory | undefined;
}

/** What came, and what it takes in memory beyond its cost. */
export interface Item {
  readonly value: unknown;
  readonly attachments?: ReceivedAttachments | undefined;
  readonly cost: number;
  readonly excess: number;
}

interface PendingRead {
  resolve: (step: IteratorResult<unknown, undefined>) => void;
  reject: (error: unknown) => void;
  promise?: Promise<unknown>;
}

/** Why a stream failed, and the attachments of that. */
export interface Failure {
  readonly error: unknown;
  readonly attachments?: ReceivedAttachments | undefined;
  /** What the reason takes in memory. */
  readonly weight?: number;
  /** Whether what came before it and was not taken is discarded. */
  readonly isSudden?: boolean;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One stream that comes. */
export class Sink implements BoundStream {
  /** Its number in the peer's direction of the wire. */
  readonly id: number;
  /** Where it came, for warnings. */
  place = "a message";
  /** How much its window has grown. */
  grown = 0;
  /** Whether somebody takes it: it can be taken once. */
  isTaken = false;
  /** The call that ends it, if one of this side does. */
  call: StreamsOfCall | undefined;

  readonly #options: SinkOptions;
  readonly #items = new Queue<Item>();
  readonly #reads = new Queue<PendingRead>();
  /** What the producer may still send. */
  #left: number;
  /** What was taken and the producer has no credit for yet. */
  #owed = 0;
  #isCancelled = false;
  #isOver = false;
  /** Why it failed, until somebody has heard. */
  #failure: Failure | undefined;
  #over: PromiseWithResolvers<void> | undefined;
  /** Where items are kept that take much more memory than their bytes. */
  #bytes: KeptBytes | undefined;

  /**
   * @param id Its number.
   * @param options What to work with.
   */
  constructor(id: number, options: SinkOptions) {
    this.id = id;
    this.#options = options;
    this.#left = options.first;
  }

  /** Whether nothing more is wanted, or comes. */
  get isDone(): boolean {
    return this.#isCancelled || this.#isOver;
  }

  /**
   * An item came.
   *
   * @param item The item.
   * @param keeper Keeps it as its bytes, where it has no attachments.
   * @throws {WireError} `malformed` when it is beyond the producer's credit.
   */
  put(item: Item, keeper?: Keeper): void {
    const { value, attachments, cost, excess } = item;
    this.spend(cost);
    if (this.isDone) return attachments?.drop();
    attachments?.label(`an item of ${this.place}`);
    if (this.call !== undefined) attachments?.bind(this.call);
    const read = this.#reads.shift();
    if (read !== undefined) {
      read.resolve({ done: false, value });
      return this.#taken(cost);
    }
    if (attachments === undefined && keeper && isHeavy(excess, cost)) {
      const kept = keeper.keep(this.#bytes ??= new KeptBytes());
      return this.#items.push({ value: kept, cost, excess: 0 });
    }
    this.#options.memory?.hold(excess);
    this.#items.push(item);
  }

  /**
   * Takes an item off the producer's credit.
   *
   * @throws {WireError} `malformed` when it is beyond that.
   */
  spend(cost: number): void {
    if (this.#left <= 0) {
      throw malformed("An item of a stream came beyond its credit.");
    }
    this.#left -= cost;
  }

  /** The producer has finished, or failed. */
  end(failure?: Failure): void {
    if (this.isDone) failure?.attachments?.drop();
    else {
      if (failure?.isSudden) this.#drop();
      this.#failure = failure;
      this.#options.memory?.hold(failure?.weight ?? 0);
    }
    this.#isOver = true;
    this.#over?.resolve();
    this.#answerTakers();
    this.#checkEnd();
  }

  /** Ends it at once: what came and was not taken is discarded. */
  abort(reason: WireError): void {
    if (this.#isCancelled) return;
    const wasDone = this.#isOver;
    if (wasDone && this.#isEmpty) return;
    this.#drop();
    this.#failure = { error: reason };
    this.#isCancelled = true;
    if (!wasDone) {
      const { code, message } = reason;
      this.#options.cancel(this.id, refusal(code, message));
    }
    this.#answerTakers();
    this.#leaveCall();
  }

  /** Those who wait for an item get what is left, which is its end. */
  #answerTakers(): void {
    for (let read; (read = this.#reads.shift()) !== undefined;) {
      if (read.promise !== undefined) quiet(read.promise);
      this.take().then(read.resolve, read.reject);
    }
  }

  /** Whether nobody will learn anything more of it than that it is over. */
  get #isEmpty(): boolean {
    return this.#items.size === 0 && this.#failure === undefined;
  }

  /** The call has nothing left to end when all that came was taken. */
  #checkEnd(): void {
    if (this.#isOver && this.#items.size === 0) this.#leaveCall();
  }

  #leaveCall(): void {
    this.#options.onRead?.(this);
    this.call?.remove(this);
  }

  /** What came is released. */
  #drop(): void {
    for (let item; (item = this.#items.shift()) !== undefined;) {
      this.#options.memory?.give(item.excess);
      item.attachments?.drop();
      if (item.value instanceof Kept) item.value.drop();
    }
    this.#failure?.attachments?.drop();
    this.#forgetFailure();
  }

  #forgetFailure(): void {
    this.#options.memory?.give(this.#failure?.weight ?? 0);
    this.#failure = undefined;
  }

  /** Takes the next item, or waits for it. */
  take(): Promise<IteratorResult<unknown, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      const { value, cost, excess } = item;
      this.#options.memory?.give(excess);
      this.#taken(cost);
      this.#checkEnd();
      return Promise.resolve({
        done: false,
        value: value instanceof Kept ? value.take() : value,
      });
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#forgetFailure();
      return quiet(Promise.reject(failure.error));
    }
    if (this.isDone) return Promise.resolve(DONE);
    let read!: PendingRead;
    const promise = new Promise<IteratorResult<unknown, undefined>>((
      resolve,
      reject,
    ) => read = { resolve, reject });
    read.promise = promise;
    this.#reads.push(read);
    return promise;
  }

  /** No more is wanted; resolves when the producer has finished. */
  cancel(reason?: unknown): Promise<void> {
    this.#drop();
    this.#leaveCall();
    if (!this.isDone) {
      this.#isCancelled = true;
      for (let read; (read = this.#reads.shift()) !== undefined;) {
        read.resolve(DONE);
      }
      this.#options.cancel(this.id, reason);
    }
    if (this.#isOver) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  #taken(cost: number): void {
    this.#owed += cost;
    const { first, most, grow, credit, memory } = this.#options;
    const window = first + this.grown;
    if (this.#owed * 2 < window || this.isDone) return;
    const isTight = memory !== undefined && memory.isTight;
    // Where memory is short, what waits is taken before more may come; and who
    // waits for the next item gets it, so that nothing stands still.
    if (isTight && this.#items.size > 0) return;
    let amount = this.#owed;
    this.#owed = 0;
    if (this.#items.size === 0 && window < most && !isTight) {
      // All was taken as it came: more may be on its way.
      const extra = grow(Math.min(window, most - window));
      this.grown += extra;
      amount += extra;
    }
    this.#left += amount;
    credit(this.id, amount);
  }
}

/** What the receiver of a stream gets. */
export class SinkStream implements RemoteStream<unknown> {
  readonly #sink: Sink;

  /** @param sink What is behind it. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get readable(): ReadableStream<unknown> {
    const take = this.#take();
    return new ReadableStream<unknown>({
      pull: async (controller) => {
        const { done, value } = await take();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => this.cancel(reason),
    }, { highWaterMark: 0 });
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#sink.cancel(reason);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined, undefined> {
    const take = this.#take();
    return {
      next: take,
      // The consumer does not wait, whatever the producer still does.
      return: () => {
        this.cancel();
        return Promise.resolve(DONE);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  #take(): () => Promise<IteratorResult<unknown, undefined>> {
    if (this.#sink.isTaken) {
      throw new WireError(
        "invalidArgument",
        "A stream can be read once: by one loop, or by its readable. Use the readable's tee() for two readers.",
      );
    }
    this.#sink.isTaken = true;
    return () => this.#sink.take();
  }
}
