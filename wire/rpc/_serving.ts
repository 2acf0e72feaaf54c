/**
 * Functions that are served: which one a call names, how it runs, and how what
 * comes of it is sent.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { Refusal, shortText, WireError } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Report } from "../base/report.ts";
import { isA, laterOf, settled, wordsOf } from "../base/shown.ts";
import type { CallExtras } from "../codec/message_receiver.ts";
import { ReturnMessage } from "../codec/messages.ts";
import { endStreams, type Method, methodOf } from "../codec/passing.ts";
import { NoRoom } from "../flow/byte_output.ts";
import type { MessageOutput } from "../flow/output.ts";
import {
  asWireError,
  gone,
  noSuchFunction,
  troubleOf,
} from "./_served_calls.ts";
import { CallContext, ownSeveral, severalOf, Values } from "./context.ts";
import { type CallKind, type Middleware, serveThrough } from "./middleware.ts";
import { referentOf } from "./remote_object.ts";
import {
  FailedResult,
  HeldFunctions,
  type Results,
  type SharedObjects,
} from "./results.ts";
import { LIST_FUNCTIONS, listFunctions, servedEntries } from "./served.ts";
import { sendThrown } from "./thrown.ts";

/** What functions are run with. */
export interface ServedFunctionsOptions {
  /** What functions get as `this.wire`. */
  readonly wire: object;
  /** For deadlines. */
  readonly clock: Clock;
  /** What they are served through; the first is the outermost. */
  readonly serveThrough: readonly Middleware[];
  /** Whether to list what is served for a peer that asks. */
  readonly introspection: boolean;
  /** Told what has no other place to go. */
  readonly onError: Report;
}

/** The functions of one wire. */
export class ServedFunctions {
  readonly #options: ServedFunctionsOptions;
  readonly #wire: object;
  readonly #clock: Clock;
  /** Undefined where there is none, which costs nothing then. */
  readonly #middleware: readonly Middleware[] | undefined;
  readonly #functions = new Map<string, Method>();

  /** @param options What they are run with. */
  constructor(options: ServedFunctionsOptions) {
    const { serveThrough, wire, clock } = options;
    this.#options = options;
    this.#wire = wire;
    this.#clock = clock;
    this.#middleware = serveThrough.length > 0 ? serveThrough : undefined;
  }

  /** Adds functions to what is served. */
  add(functions: object): void {
    for (const [name, served] of servedEntries(functions)) {
      this.#functions.set(name, served);
    }
  }

  /** The function of a name: one that was served, or the wire's own. */
  find(name: string): Method | undefined {
    return this.#functions.get(name) ?? this.#ownFunction(name);
  }

  /** The same, where nothing but the function itself is to run. */
  plain(name: string): Method | undefined {
    return this.#middleware === undefined
      ? this.#functions.get(name)
      : undefined;
  }

  #ownFunction(name: string): Method | undefined {
    const { introspection } = this.#options;
    if (name !== LIST_FUNCTIONS || !introspection) return undefined;
    return () => listFunctions(this.#functions);
  }

  /** Finds the function of a name, and the object whose it is. */
  method(name: string, receiver: unknown): [Method, object | undefined] {
    if (receiver === undefined) {
      const served = this.find(name);
      if (served === undefined) throw noSuchFunction(name);
      return [served, undefined];
    }
    if (receiver instanceof HeldFunctions) {
      const held = receiver.find(name);
      return [held, held];
    }
    const object = receiver as object;
    const caller = referentOf(object)?.caller;
    if (caller === undefined) return [methodOf(object, name), object];
    return [(...args) => caller.call(name, args, false), object];
  }

  /** Runs what a call is of, with what it is to have as `this`. */
  run(
    served: Method,
    object: object | undefined,
    context: CallContext,
    args: unknown[],
    extras: CallExtras | undefined,
    kind: CallKind,
  ): unknown {
    // A function that is called by reference has no object.
    const self = object === undefined || object === served ? context : object;
    // No function is made for a call without middleware.
    return this.#middleware === undefined
      ? Reflect.apply(served, self, args)
      : this.#runThrough(
        this.#middleware,
        context,
        { kind, args, object },
        extras,
        served,
        self,
      );
  }

  async #runThrough(
    middleware: readonly Middleware[],
    context: CallContext,
    call: Parameters<typeof serveThrough>[2],
    extras: CallExtras | undefined,
    method: Method,
    self: object,
  ): Promise<unknown> {
    let hasRun = false;
    try {
      const served = serveThrough(
        middleware,
        context,
        call,
        (args) => {
          hasRun = true;
          return Reflect.apply(method, self, args);
        },
        this.#options.onError,
      );
      const later = laterOf(served);
      return later === undefined ? served : await settled(later);
    } finally {
      // The attachments were for the function.
      if (!hasRun) extras?.attachments?.drop();
    }
  }

  /** What a function is told of its call. */
  context(name: string, extras: CallExtras | undefined): CallContext {
    if (extras === undefined) {
      return new CallContext(this.#wire, name, this.#clock, 0);
    }
    const { deadline = 0, metadata } = extras;
    return new CallContext(this.#wire, name, this.#clock, deadline, metadata);
  }
}

/** What answers have to do with objects that are passed by reference. */
export interface AnsweringObjects extends SharedObjects {
  /** Called when streams of an answer are wanted no more. */
  context: CallContext | undefined;
}

/** What answers are sent with. */
export interface AnswersOptions {
  readonly output: MessageOutput;
  /** Tells whether answers are still wanted. */
  readonly lifetime: Lifetime;
  /** Keeps results that calls of the peer may need; a dialect may have none. */
  readonly results: Results | undefined;
  readonly objects: AnsweringObjects | undefined;
  /** Told what has no other place to go. */
  readonly onError: Report;
}

/** Answers calls. */
export class Answers {
  readonly #output: MessageOutput;
  readonly #lifetime: Lifetime;
  readonly #results: Results | undefined;
  readonly #objects: AnsweringObjects | undefined;
  readonly #onError: Report;

  /** @param options What they are sent with. */
  constructor(options: AnswersOptions) {
    this.#output = options.output;
    this.#lifetime = options.lifetime;
    this.#results = options.results;
    this.#objects = options.objects;
    this.#onError = options.onError;
  }

  /** Sends an answer; returns how many bytes it has, or would have had. */
  return(
    id: number,
    wantsValues: boolean,
    context: CallContext,
    result: unknown,
  ): number {
    if (this.#lifetime.reason !== undefined) {
      endStreams(result, gone());
      return 0;
    }
    if (!wantsValues) {
      const size = this.#output.plain?.sendPlainAnswer(id, result) ?? 0;
      if (size > 0) {
        this.#results?.settle(id, result);
        return size;
      }
    }
    const list = ownSeveral(result);
    const value = list === undefined ? result : list[0];
    if (list !== undefined && !wantsValues && list.length > 1) {
      endStreams(
        list.slice(1),
        new WireError("cancelled", "One value is wanted."),
      );
    }
    const objects = this.#objects;
    if (objects !== undefined) objects.context = context;
    let size = 0;
    try {
      size = this.#output.send(
        wantsValues
          ? { kind: "returnValues", id, values: list ?? [result] }
          : new ReturnMessage(id, value),
      );
    } catch (error) {
      // Those of another copy are looked for only here, where it costs nothing.
      const other = list === undefined ? severalOf(result) : undefined;
      if (other !== undefined) {
        return this.return(id, wantsValues, context, new Values(other));
      }
      endStreams(result, error);
      const { code, message } = asWireError(error);
      this.fail(
        id,
        code,
        `The value of "${context.functionName}" could not be sent back: ${message}`,
      );
      return error instanceof NoRoom ? error.size : 0;
    } finally {
      if (objects !== undefined) objects.context = undefined;
    }
    this.#results?.settle(id, value);
    return size;
  }

  /** Answers a call with what its function threw. */
  throw(id: number, thrown: unknown): void {
    if (this.#lifetime.reason !== undefined) return;
    if (isA(thrown, Refusal)) {
      const trouble = troubleOf(thrown);
      if (trouble !== undefined) this.#onError(trouble, "a contract's schema");
      const { code, message } = wordsOf(thrown);
      return this.fail(id, code, message);
    }
    this.#results?.settle(id, new FailedResult(thrown));
    sendThrown(
      thrown,
      this.#output.encoder,
      (thrown) => this.#output.send({ kind: "throw", id, thrown }),
      () =>
        this.fail(
          id,
          "unsupportedValue",
          "The function threw a value that cannot be read.",
        ),
    );
  }

  /** Answers a call that the wire itself refuses. */
  fail(id: number, code: string, message: string): void {
    const refusal = new WireError(shortText(code), shortText(message));
    this.#results?.settle(id, new FailedResult(undefined, refusal));
    this.#output.send({
      kind: "fail",
      id,
      code: refusal.code,
      message: refusal.message,
    });
  }

  /** Answers a call that could not begin. */
  refuse(id: number, error: unknown): void {
    if (this.#lifetime.reason !== undefined) return;
    const failed = isA(error, FailedResult) ? error : undefined;
    if (failed !== undefined && failed.refusal === undefined) {
      return this.throw(id, failed.thrown);
    }
    const { code, message } = asWireError(failed?.refusal ?? error);
    this.fail(id, code, message);
  }
}
