/**
 * The calling side: numbers calls, remembers who waits for which answer, and
 * settles each call exactly once.
 *
 * @module
 */

import {
  type CallMaker,
  CallPromise,
  CallStreams,
  type Following,
  LaterResult,
  PendingCall,
  ProgressTeller,
  promised,
  rejected,
  streamsCancelled,
  streamsTooLong,
  suppressLeakWarning,
} from "./pending_call.ts";
import {
  type CallOptions,
  deadlineToTell,
  dueAt,
  readOptions,
  timeLeft,
} from "./context.ts";
import {
  carriesStream,
  endStreams,
  type Exported,
  NotReady,
  type ReceivedAttachments,
  REFERENCE,
  type StreamsOfCall,
} from "../codec/passing.ts";
import {
  type Clock,
  type Patience,
  TokenBucket,
  whenGivenUp,
} from "../base/clock.ts";
import { type CallFate, isA, malformed, WireError } from "../base/errors.ts";
import {
  entered,
  exited,
  failLater,
  type Report,
  reportUnawaited,
  unawaited,
} from "../base/report.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { MessageExtras } from "../codec/message_receiver.ts";
import {
  CallMessage,
  MESSAGE_OVERHEAD,
  type Target,
} from "../codec/messages.ts";
import type { Lifetime } from "../base/lifetime.ts";
import { remoteError } from "./thrown.ts";
import type { SendQueue } from "../flow/windows.ts";

/** What calls are made with. */
export interface CallsOptions {
  /** Where calls and cancels go. */
  readonly output: MessageOutput;
  /** For deadlines. */
  readonly clock: Clock;
  /** Says why no call may be made. */
  readonly lifetime: Lifetime;
  /** Told what calls fail with that nobody awaits. */
  readonly onError: Report;
  /** Whether to record where each call is made. */
  readonly recordCallSites: boolean;
  /** Whether calls may be of results that are not there yet. */
  readonly pipelines: boolean;
  /** Told whose streams are just announced; a dialect may have none. */
  readonly streams?: { call: Pick<StreamsOfCall, "add"> | undefined };
  /** Called when no call is pending any more, or one is abandoned. */
  onIdle(): void;
}

/** The calls of one wire, in the direction towards the peer. */
export class Calls implements CallMaker {
  /** How many calls were made. */
  made = 0;
  /** How many of them have no answer yet. */
  pending = 0;
  /** Told what calls fail with that nobody awaits. */
  readonly report: Report;

  readonly #options: CallsOptions;
  // What every call needs is at hand.
  readonly #output: MessageOutput;
  readonly #sendQueue: SendQueue;
  readonly #lifetime: Lifetime;
  /** Calls whose results the call needs that is just being encoded. */
  #bases: PendingCall[] | undefined;
  /** Its arguments. */
  #encoding: unknown[] | undefined;
  #slots: (PendingCall | undefined)[] = [];
  #free: number[] = [];
  /** Calls whose results the peer no longer keeps, and which may be pending. */
  #gone: WeakSet<PendingCall> | undefined;
  // How many cancels the peer takes: none before its hello.
  #cancels: TokenBucket | undefined;
  #cancelsAtOnce = 0;
  #cancelsPerSecond = 0;

  /**
   * @param options What calls are made with.
   * @param sendQueue Where they wait their turn.
   */
  constructor(options: CallsOptions, sendQueue: SendQueue) {
    this.#options = options;
    this.#output = options.output;
    this.#sendQueue = sendQueue;
    this.#lifetime = options.lifetime;
    this.report = options.onError;
  }

  /** How many calls have no answer yet that somebody still waits for. */
  get wanted(): number {
    let count = 0;
    for (const call of this.#slots) {
      if (call !== undefined && !call.settled) count++;
    }
    return count;
  }

  /** Sets how many cancels the peer takes. */
  allowCancels(atOnce: number, perSecond: number): void {
    this.#cancels = undefined;
    this.#cancelsAtOnce = atOnce;
    this.#cancelsPerSecond = perSecond;
  }

  /** Whether the peer takes one more cancel now. */
  #mayCancel(): boolean {
    this.#cancels ??= new TokenBucket(
      this.#options.clock,
      this.#cancelsAtOnce,
      this.#cancelsPerSecond,
    );
    return this.#cancels.take();
  }

  /**
   * Calls a function of the peer.
   *
   * @param name Its name.
   * @param args Its arguments.
   * @param wantsValues Whether all its values are wanted, or the first.
   * @param options The call's signal, deadline and metadata.
   * @param target What it is of; nothing where it is of what was served.
   * @param following What it needs of other calls.
   * @returns A promise of the value, or of the list of values.
   */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
    target?: Target,
    following?: Following,
  ): CallPromise {
    const tooDeep = entered(name);
    if (tooDeep !== undefined) {
      return rejected(tooDeep, this.report, unawaited(name));
    }
    try {
      return this.#make(name, args, wantsValues, options, target, following);
    } finally {
      exited();
    }
  }

  #make(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    target: Target | undefined,
    following: Following | undefined,
  ): CallPromise {
    try {
      if (options !== undefined) options = readOptions(name, options);
      // It may have waited for a result until the wire ended.
      const refusal = this.#lifetime.refusal(name);
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      return this.#refuse(name, args, error);
    }
    this.made++;
    const id = this.#free.pop() ?? this.#slots.push(undefined) - 1;
    const site = this.#options.recordCallSites ? new Error() : undefined;
    const pending = new PendingCall(this, id, name, wantsValues, site);
    pending.order = this.made;
    const promise = pending.promise = new CallPromise((resolve) =>
      pending.resolve = resolve
    );
    // Before it is sent: Deno runs other microtasks within a program's first
    // setTimeout, and the peer's timer must not be older than this side's.
    if (options !== undefined) {
      this.#prepare(pending, options);
    }
    let bases: PendingCall[] | undefined;
    try {
      bases = this.#send(pending, args, options, target);
    } catch (error) {
      this.#free.push(id);
      pending.cleanup?.();
      pending.cleanup = undefined;
      if (!(error instanceof NotReady)) return this.#refuse(name, args, error);
      const again = following?.again ??
        this.#caller(name, args, wantsValues, options, target);
      return this.#makeLater(name, args, error.result, again, options);
    }
    if (this.#lifetime.reason !== undefined) {
      // A getter among the arguments ended the wire.
      pending.cleanup?.();
      const error = this.#lifetime.refusal(name);
      return rejected(error, this.report, unawaited(name));
    }
    this.#slots[id] = pending;
    this.pending++;
    if (pending.settled) this.#takeBack(pending);
    if (bases !== undefined || following !== undefined) {
      const again = following?.again ??
        this.#caller(name, args, wantsValues, options, target);
      this.#follow(pending, bases, following?.bases, again);
    }
    if (!wantsValues) promise[REFERENCE] = pending;
    return promise;
  }

  /** A call is made once the results are there that it needs. */
  #makeLater(
    name: string,
    args: unknown[],
    result: Promise<unknown>,
    again: () => Promise<unknown>,
    options: CallOptions | undefined,
  ): CallPromise {
    result.catch((error) => endStreams(args, error));
    return promised(
      this.#await(name, args, result, again, options),
      this.report,
      unawaited(name),
    );
  }

  /** A call fails at once, and nothing of it is sent. */
  #refuse(name: string, args: unknown[], error: unknown): CallPromise {
    endStreams(args, error);
    const report = this.#output.backlog.reportOf(error, this.report);
    return rejected(error, report, unawaited(name));
  }

  /** Makes a call later, within what is left of its deadline then. */
  #caller(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    target: Target | undefined,
  ): () => Promise<unknown> {
    const { clock } = this.#options;
    const due = dueAt(options, clock);
    return () =>
      this.call(
        name,
        args,
        wantsValues,
        timeLeft(options, due, clock),
        target,
      );
  }

  /** Makes a call when a result is there, as long as its caller waits. */
  #await(
    name: string,
    args: unknown[],
    result: Promise<unknown>,
    again: () => Promise<unknown>,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    let sent: CallFate = "notSent";
    let isGivenUp = false;
    const made = result.then(() => {
      if (isGivenUp) return;
      sent = "maybeExecuted";
      return again();
    });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const giveUp = (error: WireError) => {
      isGivenUp = true;
      if (sent === "notSent") endStreams(args, error);
      reject(error);
    };
    const stop = whenGivenUp(
      this.#options.clock,
      options ?? {},
      (deadline) =>
        giveUp(
          new WireError(
            "deadline",
            `The call of "${name}" was not answered within ${
              Math.ceil(deadline)
            } ms, its deadline. It waited for the result of another call.`,
            { sent },
          ),
        ),
      (cause) =>
        giveUp(
          new WireError(
            "cancelled",
            `The call of "${name}" was cancelled by its caller's signal.`,
            { cause, sent },
          ),
        ),
    );
    made.then(resolve, reject).then(stop);
    return promise;
  }

  #send(
    pending: PendingCall,
    args: unknown[],
    options: CallOptions | undefined,
    target: Target | undefined,
  ): PendingCall[] | undefined {
    const sendQueue = this.#sendQueue;
    const { id, wantsValues, name } = pending;
    const { plain } = this.#output;
    if (
      options === undefined && target === undefined && plain !== undefined &&
      sendQueue.isClear
    ) {
      const size = plain.sendPlainCall(id, wantsValues, name, args, pending);
      if (size > 0) {
        sendQueue.entered(size);
        pending.cost = size + MESSAGE_OVERHEAD;
        return undefined;
      }
    }
    const before = sendQueue.bytes;
    // A getter among the arguments may call, too.
    const outerBases = this.#bases;
    const outerArgs = this.#encoding;
    let bases: PendingCall[] | undefined;
    this.#bases = undefined;
    this.#encoding = args;
    // They may be made when they are first asked for.
    const streams = pending.cleanup === undefined
      ? undefined
      : this.#options.streams;
    const outerCall = streams?.call;
    if (streams !== undefined) streams.call = pending;
    try {
      pending.waiting = sendQueue.enqueue(
        new CallMessage(
          id,
          wantsValues,
          name,
          args,
          deadlineToTell(options?.deadline),
          target,
          options?.metadata,
        ),
        pending,
      );
    } finally {
      bases = this.#bases;
      this.#bases = outerBases;
      this.#encoding = outerArgs;
      if (streams !== undefined) streams.call = outerCall;
    }
    if (pending.waiting === undefined) {
      pending.cost = sendQueue.bytes - before;
    }
    if (pending.position !== Infinity) return bases;
    pending.onSettled = (failure) => {
      pending.onSettled = undefined;
      // It cannot be sent after all; the send queue counts it no more.
      if (failure === undefined || pending.settled) return;
      this.#fail(pending, () => failure);
      this.#release(pending, false);
      const isLimit = isA(failure, WireError) && failure.code === "limit";
      this.#dropFollowers(pending, isLimit ? "limit" : "cancelled");
    };
    return bases;
  }

  /** Keeps the ids of calls whose results another one needs. */
  #follow(
    pending: PendingCall,
    bases: PendingCall[] = [],
    others: PendingCall[] = [],
    again: () => Promise<unknown>,
  ): void {
    const all = [...bases, ...others];
    for (const base of all) base.followers++;
    pending.follows = { bases: all, again };
  }

  /** Whether a call may be made that needs the result of another. */
  canFollow(base: PendingCall): boolean {
    if (!this.#options.pipelines || base.settled) return false;
    if (this.#slots[base.id] !== base || this.#gone?.has(base)) return false;
    const { waiting, onSettled } = base;
    // What is large may be overtaken by what is small, until it was sent.
    return onSettled === undefined || waiting !== undefined &&
        !waiting.dropped &&
        waiting.body.size <= this.#output.encoder.limits.frame;
  }

  /**
   * Says how the promise of a call's value travels as an argument.
   *
   * @param promise The promise.
   * @returns How.
   * @throws {NotReady} When it has to be waited for.
   * @throws {WireError} `unsupportedValue` where only values can be.
   */
  exportResult(promise: CallPromise): Exported {
    const base = promise[REFERENCE];
    if (base?.hasValue) {
      return { as: "value", value: base.value };
    }
    if (this.#encoding === undefined) {
      throw new WireError(
        "unsupportedValue",
        "A result that is not there yet can be an argument of a call for an answer. Await it first.",
      );
    }
    promise.catch(nothing);
    if (base !== undefined) base.isUsed = true;
    if (!(base instanceof PendingCall && base.calls === this)) {
      throw notReady(promise);
    }
    // Made anew, the call would send its streams a second time.
    if (!this.canFollow(base) || carriesStream(this.#encoding)) {
      throw notReady(promise);
    }
    (this.#bases ??= []).push(base);
    return { as: "result", id: base.id };
  }

  /** Sets up what may end a call, and what tells how far it is. */
  #prepare(
    pending: PendingCall,
    options: CallOptions,
  ): void {
    const { onProgress } = options;
    if (onProgress !== undefined) {
      pending.progress = new ProgressTeller(onProgress, this.report);
      // There is nothing to stop; but its streams are told of.
      pending.cleanup = nothing;
    }
    if (options.deadline === undefined && options.signal === undefined) return;
    this.#guard(pending, options);
    if (options.streams === "free") {
      pending.streams = new CallStreams(true, pending.progress);
    }
  }

  /** Sets up what may end a call before its answer. */
  #guard(pending: PendingCall, patience: Patience): void {
    const { name } = pending;
    pending.cleanup = whenGivenUp(
      this.#options.clock,
      patience,
      (deadline) =>
        pending.settled
          ? pending.streams?.end(streamsTooLong(name, deadline))
          : this.#giveUp(
            pending,
            "deadline",
            `The call of "${name}" was not answered within ${
              Math.ceil(deadline)
            } ms, its deadline.`,
          ),
      (reason) =>
        pending.settled
          ? pending.streams?.end(streamsCancelled(name, reason))
          : this.#giveUp(
            pending,
            "cancelled",
            `The call of "${name}" was cancelled by its caller's signal.`,
            reason,
          ),
    );
  }

  /** The caller no longer waits; the peer is told, if it knows of the call. */
  #giveUp(
    pending: PendingCall,
    code: "deadline" | "cancelled",
    message: string,
    cause?: unknown,
  ): void {
    // It may be given up by a getter among its arguments: then it is sent.
    const isMade = this.#slots[pending.id] === pending;
    // What is in the output already is sent, handed over or not.
    const sent = isMade && pending.position === Infinity
      ? "notSent"
      : "maybeExecuted";
    // Whatever streams come to it are late.
    const streams = pending.streams ??= new CallStreams();
    streams.end(new WireError(code, message, { cause }));
    this.#fail(pending, () => new WireError(code, message, { cause, sent }));
    if (!isMade) return;
    try {
      this.#takeBack(pending);
    } catch {
      // A getter of what is just being sent has aborted its signal.
      queueMicrotask(() => {
        if (this.#slots[pending.id] === pending) this.#takeBack(pending);
      });
    }
    this.#options.onIdle();
  }

  /** A call is settled: what may end it stays for streams that are open. */
  #unguard(pending: PendingCall, attachments?: ReceivedAttachments): void {
    const { cleanup } = pending;
    if (cleanup === undefined) return;
    attachments?.bind(pending);
    if (pending.streams === undefined) cleanup();
    else pending.streams.settled(cleanup);
  }

  /** A call is abandoned: it is not sent, or the peer is told. */
  #takeBack(pending: PendingCall): void {
    const { waiting } = pending;
    if (waiting !== undefined && !waiting.dropped) {
      this.#sendQueue.withdraw(waiting);
      this.#release(pending, false);
      this.#dropFollowers(pending, "cancelled");
    } else if (this.#output.abandon?.(pending)) {
      this.#release(pending, true);
    } else if (this.#mayCancel()) {
      this.#output.send({ kind: "cancel", id: pending.id });
    }
  }

  /**
   * A call will never be sent. Those that need its result wait behind it, and
   * would find the result of the one that had its id before.
   */
  #dropFollowers(base: PendingCall, code: "cancelled" | "limit"): void {
    if (base.followers === 0) return;
    for (const pending of [...this.#slots]) {
      if (!pending?.follows?.bases.includes(base)) continue;
      this.#fail(pending, () =>
        new WireError(
          code,
          `The call of "${pending.name}" was not sent: it needs the result of "${base.name}", which was not sent either.`,
          { sent: "notSent" },
        ));
      this.#takeBack(pending);
    }
  }

  /** A piece of an answer came. */
  answerPart(id: number, bytes: number, size: number): void {
    this.#slots[id]?.progress?.tell("result", bytes, size);
  }

  /** An answer with one value came. */
  returned(id: number, value: unknown, extras?: MessageExtras): void {
    if (extras?.failure !== undefined) {
      return this.unreadable(id, extras.failure);
    }
    this.#succeed(this.#answered(id, false), value, extras?.attachments);
  }

  /** An answer with all values came. */
  returnedValues(
    id: number,
    values: unknown[],
    extras?: MessageExtras,
  ): void {
    if (extras?.failure !== undefined) {
      return this.unreadable(id, extras.failure);
    }
    this.#succeed(this.#answered(id, true), values, extras?.attachments);
  }

  /** What the remote function threw came. */
  threw(id: number, thrown: unknown, extras?: MessageExtras): void {
    if (extras?.failure !== undefined) {
      return this.unreadable(id, extras.failure);
    }
    const attachments = extras?.attachments;
    const pending = this.#answered(id);
    if (pending.settled) attachments?.drop();
    else attachments?.label(`what "${pending.name}" threw`);
    this.#fail(pending, () => remoteError(pending.name, thrown), attachments);
  }

  /** The peer could not, or would not, carry out a call. */
  failed(id: number, code: string, message: string): void {
    const pending = this.#answered(id);
    const { follows } = pending;
    if (code === "resultGone" && follows !== undefined && !pending.settled) {
      pending.settled = true;
      this.#unguard(pending);
      // Its answer may be large, and still be on its way behind this one.
      this.#gone ??= new WeakSet();
      for (const base of follows.bases) this.#gone.add(base);
      return pending.resolve(
        follows.again().then((value) => {
          pending.hasValue = true;
          return pending.value = value;
        }, (error) => {
          this.#reportUnawaited(pending, error);
          throw error;
        }),
      );
    }
    this.#fail(pending, () => new WireError(code, message));
  }

  /** An answer came that is an error of the protocol's own. */
  refused(id: number, makeError: (name: string) => Error): void {
    const pending = this.#answered(id);
    this.#fail(pending, () => makeError(pending.name));
  }

  /** An answer came that is over a limit of this side, or cannot be taken. */
  unreadable(id: number, error: WireError): void {
    const pending = this.#answered(id);
    const { code } = error;
    this.#fail(pending, () =>
      new WireError(
        code,
        `The answer of "${pending.name}" ${
          code === "limit" ? "is over a limit" : "cannot be taken"
        }. ${error.message}`,
        { cause: error },
      ));
  }

  /** The wire ended: every call fails with its reason. */
  failAll(reason: WireError): void {
    // Another wire may get them, in the order in which they were made.
    const all = this.#slots.filter((pending) => pending !== undefined);
    for (const pending of all.sort((a, b) => a.order - b.order)) {
      const sent = this.#fate(pending);
      this.#fail(pending, () =>
        new WireError(
          reason.code,
          `The wire ended before "${pending.name}" was answered (${
            sent === "notSent" ? "it was not sent" : "it may have been executed"
          }): ${reason.message}`,
          { cause: reason, sent },
        ));
    }
    this.#slots = [];
    this.#free = [];
    this.pending = 0;
  }

  #fate(pending: PendingCall): CallFate {
    return this.#output.wasHanded(pending) ? "maybeExecuted" : "notSent";
  }

  #answered(id: number, hasValues?: boolean): PendingCall {
    const pending = this.#slots[id];
    if (pending === undefined || pending.position === Infinity) {
      throw malformed(`An answer came to the call ${id}, and there is none.`);
    }
    if (hasValues !== undefined && hasValues !== pending.wantsValues) {
      throw malformed(
        `The answer to the call ${id} has ${
          hasValues ? "a list of values" : "one value"
        }, and the other was asked for.`,
      );
    }
    this.#release(pending, true);
    return pending;
  }

  /** Frees the id of a call that the peer will not mention again. */
  #release(pending: PendingCall, left: boolean): void {
    this.#slots[pending.id] = undefined;
    pending.isOver = true;
    if (pending.followers === 0) this.#free.push(pending.id);
    if (pending.follows !== undefined) this.#unfollow(pending.follows);
    this.pending--;
    if (left) {
      const { waiting } = pending;
      this.#sendQueue.settled(
        1,
        // What it said of its deadline may have become shorter meanwhile.
        waiting === undefined
          ? pending.cost
          : waiting.body.size + MESSAGE_OVERHEAD,
      );
    }
    // Others may be pending that nobody waits for.
    if (this.pending === 0 || this.#lifetime.isDraining) this.#options.onIdle();
  }

  #unfollow({ bases }: Following): void {
    for (const base of bases) {
      if (--base.followers === 0 && base.isOver) this.#free.push(base.id);
    }
  }

  #succeed(
    pending: PendingCall,
    value: unknown,
    attachments: ReceivedAttachments | undefined,
  ): void {
    if (pending.settled) return attachments?.drop();
    attachments?.label(`the result of "${pending.name}"`);
    if (pending.isUsed) suppressLeakWarning(value);
    pending.settled = pending.hasValue = true;
    pending.value = value;
    this.#unguard(pending, attachments);
    pending.resolve(value);
  }

  #fail(
    pending: PendingCall,
    error: () => Error,
    attachments?: ReceivedAttachments,
  ): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.progress?.end();
    this.#unguard(pending, attachments);
    const failing = failLater(
      error,
      pending.site,
      (error) => this.#reportUnawaited(pending, error),
    );
    pending.resolve(failing);
  }

  /** A call fails, whose promise may have been left alone. */
  #reportUnawaited({ promise, name }: PendingCall, error: unknown): void {
    if (promise === undefined) return;
    reportUnawaited(promise, error, this.report, unawaited(name));
  }
}

/** Has a result waited for, which its promise then knows. */
function notReady(promise: CallPromise): NotReady {
  const later = new LaterResult(promise[REFERENCE]?.report);
  return new NotReady(promise.then((value) => {
    promise[REFERENCE] = later;
    return later.keep(value);
  }));
}

function nothing(): undefined {}
