/**
 * The calls that a light wire serves: what came is bounded, each function is
 * applied at once where there is room for its answer, and each call is answered.
 *
 * @module
 */

import { afterTime, type Clock } from "../base/clock.ts";
import { Queue } from "../base/collections.ts";
import {
  errorMessage,
  isA,
  laterOf,
  malformed,
  Refusal,
  settled,
  shortText,
  shown,
  WireError,
  wordsOf,
} from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Memory, WireLimits } from "../base/limits.ts";
import type { Report } from "../base/report.ts";
import { KIND } from "../codec/messages.ts";
import type { Method } from "../codec/passing.ts";
import {
  notLight,
  resultGone,
  type SmallWriter,
} from "../codec/small_values.ts";
import { ReceiveWindow } from "../flow/windows.ts";
import {
  abortContext,
  abortReason,
  CallContext,
  isLate,
  severalOf,
  tooLate,
} from "../rpc/context.ts";
import { flattened } from "../rpc/served.ts";
import { plainError } from "../rpc/thrown.ts";
import type { LightOutput } from "./_output.ts";
import type { CameCall } from "./_reader.ts";

/** A call that came and is not over. */
interface Running extends Pick<CameCall, "cost" | "excess"> {
  readonly context: CallContext;
  stopTimer: (() => void) | undefined;
}

/**
 * The functions of an object that is to be served, by their paths.
 *
 * @throws {WireError} `invalidArgument` for what is no function, and no plain
 * object of functions.
 */
export function lightEntries(functions: object): Map<string, Method> {
  const isObject = typeof functions === "object" && functions !== null &&
    !Array.isArray(functions);
  const found = isObject
    ? flattened(functions)
    : new Map([["functions", undefined]]);
  for (const [name, served] of found) {
    if (typeof served === "function") continue;
    throw new WireError(
      "invalidArgument",
      `The option "functions" is an object of functions, or of such objects; "${name}" is neither.`,
    );
  }
  return found as Map<string, Method>;
}

/** What calls are served with. */
interface LightServingOptions {
  /** What served functions get as `this.wire`. */
  readonly wire: object;
  readonly output: LightOutput;
  readonly clock: Clock;
  readonly limits: Readonly<WireLimits>;
  readonly memory: Memory;
  readonly lifetime: Lifetime;
  readonly onError: Report;
  /** Called when nothing runs any more. */
  readonly onIdle: () => void;
}

/** Serves calls, one way and for answers. */
export class LightServing {
  readonly #options: LightServingOptions;
  readonly #functions = new Map<string, Method>();
  readonly #window: ReceiveWindow;
  readonly #messages: ReceiveWindow;
  /** Calls that have no answer yet: those that run, and those that wait. */
  readonly #running = new Map<number, Running>();
  readonly #parked = new Map<number, CameCall>();
  #bytes = 0;
  /** One-way calls that run, and those that wait. */
  readonly #sends = new Set<Running>();
  #parkedSends = new Queue<CameCall>();
  /** How many calls came, less those that the peer cancelled. */
  #cancellable = 0;

  /** @param options What calls are served with. */
  constructor(options: LightServingOptions) {
    this.#options = options;
    this.#window = new ReceiveWindow("sends", options);
    this.#messages = new ReceiveWindow("messages", options);
  }

  /** How many calls run, or wait to. */
  get running(): number {
    return this.#running.size + this.#parked.size + this.#sends.size +
      this.#parkedSends.size;
  }

  /** Adds functions to what is served. */
  serve(functions: object): void {
    for (const [name, served] of lightEntries(functions)) {
      this.#functions.set(name, served);
    }
  }

  /** A typed message came. */
  message(cost: number): void {
    this.#messages.received(cost);
    this.#messages.consumed(cost);
    this.#options.onError(
      notLight("A typed message came, and no call"),
      "a typed message",
    );
  }

  /** A call for an answer came. */
  call(id: number, call: CameCall): void {
    const { calls, window, message } = this.#options.limits;
    this.#cancellable++;
    if (this.#running.size + this.#parked.size >= calls) {
      throw malformed(
        `At most ${calls} calls are served at a time, and one more came.`,
      );
    }
    if (this.#bytes >= window + message) {
      throw malformed(
        `The peer sent calls beyond its window of ${window + message} bytes.`,
      );
    }
    if (this.#running.has(id) || this.#parked.has(id)) {
      throw malformed(`The call ${id} came again before its answer.`);
    }
    this.#addContext(call);
    if (this.#parked.size === 0 && this.#options.output.hasRoom) {
      return this.#begin(id, call);
    }
    this.#parked.set(id, call);
    this.#hold(call);
  }

  /** A one-way call came. */
  send(call: CameCall): void {
    this.#window.received(call.cost);
    this.#addContext(call);
    const { calls } = this.#options.limits;
    if (this.#parkedSends.size === 0 && this.#sends.size < calls) {
      return this.#beginSend(call);
    }
    this.#options.memory.hold(call.excess);
    this.#parkedSends.push(call);
  }

  /** The output has room again: calls that waited for it begin. */
  resume(): void {
    for (const [id, call] of this.#parked) {
      if (!this.#options.output.hasRoom) return;
      this.#parked.delete(id);
      this.#give(call);
      this.#begin(id, call);
    }
    this.#checkIdle();
  }

  #hold({ cost, excess }: Pick<CameCall, "cost" | "excess">): void {
    this.#bytes += cost;
    this.#options.memory.hold(excess);
  }

  #give({ cost, excess }: Pick<CameCall, "cost" | "excess">): void {
    this.#bytes -= cost;
    this.#options.memory.give(excess);
  }

  /** What a call is of, or why there is no such thing. */
  #find({ name, args, target, context }: CameCall): Method {
    if (isA(args, WireError)) throw args;
    if (isLate(context)) throw tooLate();
    if (target !== undefined) {
      throw "result" in target ? resultGone() : new WireError(
        "noSuchObject",
        "A light wire passes no references.",
      );
    }
    const served = this.#functions.get(name);
    if (served !== undefined) return served;
    throw new WireError(
      "noSuchFunction",
      `The peer serves no function ${shown(name)}. Check its name.`,
    );
  }

  /** What its function will be told: its deadline runs from when it came. */
  #addContext(call: CameCall): void {
    const { wire, clock } = this.#options;
    call.context = new CallContext(
      wire,
      call.name,
      clock,
      call.deadline,
      call.metadata,
    );
  }

  /** Notes that a function goes on. */
  #start(
    { cost, excess }: CameCall,
    context: CallContext,
  ): Running {
    const { reason } = this.#options.lifetime;
    const { deadline } = context;
    // The function itself may have ended the wire.
    if (reason !== undefined) abortContext(context, reason);
    const stopTimer = deadline === undefined || reason !== undefined
      ? undefined
      : afterTime(
        this.#options.clock,
        Math.max(1, deadline),
        () => this.#giveUp(running, tooLate()),
      );
    const running: Running = { cost, excess, context, stopTimer };
    return running;
  }

  #begin(id: number, call: CameCall): void {
    let served: Method;
    try {
      served = this.#find(call);
    } catch (error) {
      return this.#fail(id, error as WireError);
    }
    const { wantsValues } = call;
    const context = call.context!;
    let result: unknown;
    let later: PromiseLike<unknown> | undefined;
    try {
      result = Reflect.apply(served, context, call.args as unknown[]);
      later = laterOf(result);
    } catch (error) {
      return this.#throw(id, error);
    }
    if (later === undefined) {
      return this.#return(id, wantsValues, context, result);
    }
    const running = this.#start(call, context);
    this.#running.set(id, running);
    this.#hold(call);
    settled(later).then((value) => {
      if (this.#isOwed(id, running)) {
        this.#return(id, wantsValues, context, value);
      }
      this.#checkIdle();
    }, (error) => {
      if (this.#isOwed(id, running)) {
        const reason = abortReason(context);
        // Whoever throws the signal's reason leaves it to the wire to answer.
        if (reason !== undefined && error === reason) this.#fail(id, reason);
        else this.#throw(id, error);
      }
      this.#checkIdle();
    });
  }

  /** Whether a call still owes its answer; it is forgotten. */
  #isOwed(id: number, running: Running): boolean {
    running.stopTimer?.();
    if (this.#running.get(id) !== running) return false;
    this.#give(running);
    return this.#running.delete(id);
  }

  #beginSend(call: CameCall): void {
    const { onError, memory } = this.#options;
    const where = `one-way call of ${shown(call.name)}`;
    const context = call.context!;
    let later: PromiseLike<unknown> | undefined;
    try {
      const served = this.#find(call);
      later = laterOf(Reflect.apply(served, context, call.args as unknown[]));
    } catch (error) {
      onError(error, where);
    }
    if (later === undefined) return this.#window.consumed(call.cost);
    const running = this.#start(call, context);
    this.#sends.add(running);
    memory.hold(call.excess);
    settled(later)
      .catch((error) => onError(error, where))
      .then(() => this.#sendOver(running));
  }

  /** A one-way call is over, or not waited for. */
  #sendOver(running: Running): void {
    const { limits, memory } = this.#options;
    running.stopTimer?.();
    if (!this.#sends.delete(running)) return;
    this.#window.consumed(running.cost);
    memory.give(running.excess);
    while (this.#sends.size < limits.calls) {
      const next = this.#parkedSends.shift();
      if (next === undefined) break;
      memory.give(next.excess);
      this.#beginSend(next);
    }
    this.#checkIdle();
  }

  /** The caller of a call no longer wants its answer. */
  cancel(id: number): void {
    if (--this.#cancellable < 0) {
      throw malformed("The peer cancelled more calls than it made.");
    }
    const reason = new WireError("cancelled", "The caller cancelled its call.");
    const running = this.#running.get(id);
    if (running !== undefined) return this.#giveUp(running, reason);
    const parked = this.#parked.get(id);
    if (parked === undefined) return;
    this.#parked.delete(id);
    this.#give(parked);
    this.#fail(id, reason);
    this.#checkIdle();
  }

  #giveUp(running: Running, reason: WireError): void {
    abortContext(running.context, reason);
    if (this.#options.lifetime.isClosing) this.forsakeAbandoned();
  }

  /**
   * The wire is being closed: functions whose callers have given up are not
   * waited for.
   */
  forsakeAbandoned(): void {
    for (const [id, running] of [...this.#running]) {
      if (abortReason(running.context) === undefined) continue;
      this.#isOwed(id, running);
      this.#fail(id, new WireError("cancelled", "The caller gave up."));
    }
    for (const running of [...this.#sends]) {
      if (abortReason(running.context) !== undefined) this.#sendOver(running);
    }
    this.#checkIdle();
  }

  /** The wire ended: what runs is told, what waits is dropped. */
  end(reason: WireError): void {
    const running = [...this.#running.values(), ...this.#sends];
    this.#running.clear();
    this.#parked.clear();
    this.#sends.clear();
    this.#parkedSends = new Queue();
    for (const { context, stopTimer } of running) {
      stopTimer?.();
      abortContext(context, reason);
    }
  }

  /** Answers a call with what its function returned. */
  #return(
    id: number,
    wantsValues: boolean,
    { functionName }: CallContext,
    result: unknown,
  ): void {
    const list = severalOf(result);
    try {
      this.#answer((writer) => {
        writer.byte(wantsValues ? KIND.returnValues : KIND.return);
        writer.varint(id);
        if (wantsValues) writer.writeList(list ?? [result]);
        else writer.write(list === undefined ? result : list[0]);
      });
    } catch (error) {
      const { code, message } = error as WireError;
      this.#fail(
        id,
        new WireError(
          code,
          `The value of "${functionName}" could not be sent back: ${message}`,
        ),
      );
    }
  }

  /** Answers a call with what its function threw. */
  #throw(id: number, thrown: unknown): void {
    if (isA(thrown, Refusal)) {
      const { code, message } = wordsOf(thrown);
      return this.#fail(id, new WireError(code, message));
    }
    // What cannot be sent goes without all but its name and its message.
    const attempts = [
      () => thrown,
      () => plainError(thrown),
      () => shortText(errorMessage(thrown)),
    ];
    for (const attempt of attempts) {
      try {
        return this.#answer((writer) => {
          writer.byte(KIND.throw);
          writer.varint(id);
          writer.write(attempt());
        });
      } catch {
        // What is next holds less.
      }
    }
    this.#fail(id, new WireError("limit", "What was thrown found no room."));
  }

  #answer(write: (writer: SmallWriter) => void): void {
    const { output, lifetime } = this.#options;
    if (lifetime.reason === undefined) output.answer(output.encode(write));
  }

  /** Answers a call that could not begin, or has no value to send back. */
  #fail(id: number, { code, message }: WireError): void {
    const { output, lifetime } = this.#options;
    if (lifetime.reason !== undefined) return;
    output.send({
      kind: "fail",
      id,
      code: shortText(code),
      message: shortText(message),
    });
  }

  #checkIdle(): void {
    if (this.running === 0) this.#options.onIdle();
  }
}
