/**
 * The serving side: finds the function that a call names, runs it, and sends
 * what comes of it. A call reaches only what was served, by its own name.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { abortContext, CallContext } from "./context.ts";
import { errorMessage, malformed, shortText, WireError } from "./errors.ts";
import type { WireLimits } from "./limits.ts";
import type { Message, OverLimit } from "./messages.ts";
import type { MessageOutput } from "./output.ts";
import { LazyMap } from "./_lazy_map.ts";
import { Queue } from "./_queue.ts";
import { TokenBucket } from "./_token_bucket.ts";
import { Values } from "./multiple_values.ts";
import type { Window } from "./_window.ts";

type Call = Extract<Message, { kind: "call" }>;
type Send = Extract<Message, { kind: "send" }>;
/** Any function: what was served is called with whatever arguments came. */
type Served = (this: unknown, ...args: unknown[]) => unknown;

/** A call that came, and what it counts for. */
interface Arrived {
  readonly call: Call | OverLimit;
  readonly cost: number;
}

/** A call that is being served. */
interface Running {
  readonly id: number;
  /** What the call counts for. */
  readonly cost: number;
  readonly wantsValues: boolean;
  readonly context: CallContext;
  stopTimer: (() => void) | undefined;
}

/** Runs what the peer calls. */
export class Handlers {
  /** How many calls came. */
  served = 0;
  /** Called when nothing runs or waits any more. */
  onIdle: () => void = () => {};

  readonly #wire: object;
  readonly #output: MessageOutput;
  readonly #clock: Clock;
  readonly #limits: WireLimits;
  readonly #window: Window;
  readonly #onError: (error: unknown, where: string) => void;
  readonly #functions = new Map<string, Served>();
  #cancels: TokenBucket | undefined;
  /** Asynchronous calls with an answer, by id. */
  readonly #calls = new LazyMap<number, Running>();
  /** Asynchronous one-way calls. */
  readonly #sends = new LazyMap<Running, Running>();
  /** Calls that came while the output had no room. */
  readonly #parkedCalls = new LazyMap<number, Arrived>();
  /** What calls that wait for their answer count for. */
  #held = 0;
  /** One-way calls that came while too many were running. */
  readonly #parkedSends = new Queue<{ send: Send; cost: number }>();
  #ended = false;

  /**
   * @param wire What functions get as `this.wire`.
   * @param output Where answers go.
   * @param clock For deadlines.
   * @param limits This side's limits.
   * @param window Accounts for one-way calls.
   * @param onError Told what has no other place to go.
   */
  constructor(
    wire: object,
    output: MessageOutput,
    clock: Clock,
    limits: WireLimits,
    window: Window,
    onError: (error: unknown, where: string) => void,
  ) {
    this.#wire = wire;
    this.#output = output;
    this.#clock = clock;
    this.#limits = limits;
    this.#window = window;
    this.#onError = onError;
  }

  /** How many calls run or wait to. */
  get running(): number {
    return this.#calls.size + this.#sends.size + this.#parkedCalls.size +
      this.#parkedSends.size;
  }

  /** Adds functions to what is served. */
  serve(functions: object): void {
    const entries = Object.entries(functions);
    for (const [name, served] of entries) {
      if (typeof served !== "function") {
        throw new WireError(
          "invalidArgument",
          `serve() takes an object of functions, and its "${name}" is no function.`,
        );
      }
    }
    if (entries.length === 0 && !isPlain(functions)) {
      throw new WireError(
        "invalidArgument",
        "serve() takes an object whose own properties are functions; the methods of a class are inherited. List them: { add: (a, b) => calculator.add(a, b) }.",
      );
    }
    for (const [name, served] of entries) this.#functions.set(name, served);
  }

  /** Serves a call for an answer, or refuses one that is over a limit. */
  call(call: Call | OverLimit, cost: number): void {
    const { calls, window } = this.#limits;
    if (this.#calls.size + this.#parkedCalls.size >= calls) {
      throw malformed(
        `At most ${calls} calls are served at a time, and one more came.`,
      );
    }
    if (this.#held >= window) {
      throw malformed(
        `The peer sent calls beyond its window of ${window} bytes.`,
      );
    }
    if (this.#calls.has(call.id) || this.#parkedCalls.has(call.id)) {
      throw malformed(`The call ${call.id} came again before its answer.`);
    }
    if (this.#parkedCalls.size > 0 || !this.#output.hasRoom) {
      this.#held += cost;
      this.#parkedCalls.set(call.id, { call, cost });
    } else {
      this.#begin(call, cost);
    }
  }

  /** Serves a one-way call. */
  send(send: Send, cost: number): void {
    if (this.#sends.size >= this.#limits.calls || this.#parkedSends.size > 0) {
      this.#parkedSends.push({ send, cost });
    } else {
      this.#send(send, cost);
    }
  }

  /** Reports a one-way call that is over a limit. */
  overLimitSend(message: OverLimit, cost: number): void {
    this.#onError(message.error, `one-way call of "${message.name}"`);
    this.#window.leave(cost);
  }

  /** The caller of a call no longer wants its answer. */
  cancel(id: number): void {
    const { cancels, cancelsPerSecond } = this.#limits;
    this.#cancels ??= new TokenBucket(this.#clock, cancels, cancelsPerSecond);
    if (!this.#cancels.take()) {
      throw malformed(
        `${cancels} cancels may come at once, and ${cancelsPerSecond} a second after that; more came.`,
      );
    }
    const running = this.#calls.get(id);
    if (running !== undefined) {
      abortContext(
        running.context,
        new WireError("cancelled", "The caller cancelled its call."),
      );
      return;
    }
    const parked = this.#parkedCalls.get(id);
    if (parked !== undefined) {
      this.#parkedCalls.delete(id);
      this.#held -= parked.cost;
      this.#fail(id, "cancelled", "The call was cancelled before it began.");
    }
  }

  /** The output has room again: calls that waited for it begin. */
  resume(): void {
    for (const [id, { call, cost }] of this.#parkedCalls) {
      if (!this.#output.hasRoom || this.#ended) break;
      this.#parkedCalls.delete(id);
      this.#held -= cost;
      this.#begin(call, cost);
    }
    this.#checkIdle();
  }

  /** The wire ended: what runs is told, what waits is dropped. */
  end(reason: WireError): void {
    this.#ended = true;
    const running = [...this.#calls.values(), ...this.#sends.values()];
    this.#calls.clear();
    this.#sends.clear();
    this.#parkedCalls.clear();
    while (this.#parkedSends.shift() !== undefined);
    for (const { context, stopTimer } of running) {
      stopTimer?.();
      abortContext(context, reason);
    }
  }

  #begin(call: Call | OverLimit, cost: number): void {
    if (call.kind === "call") return this.#call(call, cost);
    this.#fail(call.id, "limit", errorMessage(call.error));
  }

  #call(call: Call, cost: number): void {
    this.served++;
    const { id, name, wantsValues } = call;
    const served = this.#functions.get(name);
    if (served === undefined) return this.#noSuchFunction(id, name);
    const context = this.#context(call);
    let result: unknown;
    try {
      result = Reflect.apply(served, context, call.args);
    } catch (error) {
      return this.#throw(id, error);
    }
    if (!isThenable(result)) {
      return this.#return(id, name, wantsValues, result);
    }
    const running: Running = {
      id,
      cost,
      wantsValues,
      context,
      stopTimer: this.#startTimer(context, call.deadline),
    };
    this.#calls.set(id, running);
    this.#held += cost;
    Promise.resolve(result).then(
      (value) => {
        if (this.#settled(running)) this.#return(id, name, wantsValues, value);
        this.#checkIdle();
      },
      (error) => {
        if (this.#settled(running)) this.#throw(id, error);
        this.#checkIdle();
      },
    );
  }

  #send(send: Send, cost: number): void {
    this.served++;
    const { name } = send;
    const served = this.#functions.get(name);
    const where = `one-way call of "${name}"`;
    let result: unknown;
    const context = this.#context(send);
    try {
      if (served === undefined) throw noSuchFunction(name);
      result = Reflect.apply(served, context, send.args);
    } catch (error) {
      this.#onError(error, where);
    }
    if (!isThenable(result)) return this.#window.leave(cost);
    const running: Running = {
      id: 0,
      cost,
      wantsValues: false,
      context,
      stopTimer: this.#startTimer(context, send.deadline),
    };
    this.#sends.set(running, running);
    Promise.resolve(result)
      .catch((error) => this.#onError(error, where))
      .then(() => this.#sent(running));
  }

  #sent(running: Running): void {
    running.stopTimer?.();
    if (!this.#sends.delete(running)) return;
    this.#window.leave(running.cost);
    while (this.#sends.size < this.#limits.calls) {
      const next = this.#parkedSends.shift();
      if (next === undefined) break;
      this.#send(next.send, next.cost);
    }
    this.#checkIdle();
  }

  #context(call: Call | Send): CallContext {
    const { name, deadline, metadata } = call;
    return new CallContext(this.#wire, name, this.#clock, deadline, metadata);
  }

  #startTimer(
    context: CallContext,
    deadline: number,
  ): (() => void) | undefined {
    if (deadline === 0) return undefined;
    return this.#clock.after(
      Math.min(deadline, 2 ** 31 - 1),
      () =>
        abortContext(
          context,
          new WireError("deadline", "The caller's deadline has passed."),
        ),
    );
  }

  /** Whether an asynchronous call still owes its answer; it is forgotten. */
  #settled(running: Running): boolean {
    running.stopTimer?.();
    this.#held -= running.cost;
    return this.#calls.delete(running.id);
  }

  #return(
    id: number,
    name: string,
    wantsValues: boolean,
    result: unknown,
  ): void {
    if (this.#ended) return;
    const list = result instanceof Values ? result.list : undefined;
    try {
      this.#output.send(
        wantsValues ? { kind: "returnValues", id, values: list ?? [result] } : {
          kind: "return",
          id,
          value: list === undefined ? result : list[0],
        },
      );
    } catch (error) {
      const { code, message } = asWireError(error);
      this.#fail(
        id,
        code,
        `The value of "${name}" could not be sent back: ${message}`,
      );
    }
  }

  #throw(id: number, thrown: unknown): void {
    if (this.#ended) return;
    try {
      this.#output.send({ kind: "throw", id, thrown });
    } catch {
      // What it carries cannot be sent; its name and message can.
      const plain = new Error(shortText(errorMessage(thrown)));
      plain.name = nameOf(thrown);
      this.#output.send({ kind: "throw", id, thrown: plain });
    }
  }

  #noSuchFunction(id: number, name: string): void {
    const { code, message } = noSuchFunction(name);
    this.#fail(id, code, message);
  }

  #fail(id: number, code: string, message: string): void {
    const text = shortText(message);
    this.#output.send({ kind: "fail", id, code, message: text });
  }

  #checkIdle(): void {
    if (this.running === 0 && !this.#ended) this.onIdle();
  }
}

function noSuchFunction(name: string): WireError {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  return new WireError(
    "noSuchFunction",
    `The peer serves no function ${
      JSON.stringify(shown)
    }. Check its name, and that the peer has called serve() by now.`,
  );
}

/** The name of what was thrown, whatever its getters do. */
function nameOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? shortText(String(thrown.name)) : "Error";
  } catch {
    return "Error";
  }
}

function asWireError(error: unknown): { code: string; message: string } {
  return error instanceof WireError
    ? error
    : { code: "unsupportedValue", message: errorMessage(error) };
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
