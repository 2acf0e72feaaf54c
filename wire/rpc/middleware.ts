/**
 * Middleware: what is wrapped around every call that is served, or made.
 *
 * @module
 */

import { checkOptionKeys, ownArguments } from "../base/checks.ts";
import { type Clock, whenGivenUp } from "../base/clock.ts";
import { errorMessage, shortText, shown, WireError } from "../base/errors.ts";
import {
  begun,
  callHook,
  knowsWhoAsks,
  owned,
  type Report,
  reportUnawaited,
  unawaited,
  unsent,
} from "../base/report.ts";
import { type Metadata, metadataFit } from "../codec/messages.ts";
import { endStreams, REFERENCE } from "../codec/passing.ts";
import type { WireAddress } from "../transport/transport.ts";
import {
  type CallContext,
  type CallOptions,
  checkOptions,
  dueAt,
  replaceMetadata,
} from "./context.ts";
import { CallPromise, promised } from "./pending_call.ts";
import type { Caller } from "./remote.ts";

/**
 * How a call is answered: with one value, with the list of all, or not at
 * all.
 */
export type CallKind = "value" | "values" | "oneWay";

/**
 * What a middleware is told of a call.
 *
 * @typeParam W The wire's type.
 *
 * @example
 * ```ts
 * import { type MiddlewareCall, wirePair } from "@remote/wire";
 *
 * const lines: string[] = [];
 * function log(call: MiddlewareCall, next: () => Promise<unknown>) {
 *   lines.push(`${call.side} ${call.name}(${call.args.join()})`);
 *   return next();
 * }
 * const [near, far] = wirePair({ callThrough: [log] }, { serveThrough: [log] });
 * far.serve({ add: (a: number, b: number) => a + b });
 * await near.remoteValue.add(40, 2);
 * if (lines[0] !== "calling add(40,2)") throw new Error();
 * if (lines[1] !== "serving add(40,2)") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface MiddlewareCall<W = unknown> {
  /** Whether the peer makes the call, or this side. */
  readonly side: "serving" | "calling";
  /** How it is answered. */
  readonly kind: CallKind;
  /** The name of the function, or of the method. */
  readonly name: string;
  /** The object whose method it is; undefined for a function by itself. */
  readonly object: unknown;
  /** The arguments. */
  readonly args: readonly unknown[];
  /** What travels with the call: texts by name. Empty where there is none. */
  readonly metadata: Metadata;
  /** Aborts when nobody waits any more; a call made may have none. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds until nobody waits any more; undefined for ever. */
  readonly deadline: number | undefined;
  /**
   * Whether signal and deadline end streams of a call made once it is answered.
   */
  readonly streams?: CallOptions["streams"];
  /** Told how far a large call is that is made. */
  readonly onProgress?: CallOptions["onProgress"];
  /** The wire. */
  readonly wire: W;
}

/**
 * What a middleware may change of a call before it goes on.
 *
 * @example
 * ```ts
 * import { type Middleware, wirePair } from "@remote/wire";
 *
 * const trim: Middleware = (call, next) =>
 *   next({ args: call.args.map((arg) => String(arg).trim()) });
 * const [near, far] = wirePair({}, { serveThrough: [trim] });
 * far.serve({ length: (text: string) => text.length });
 * if (await near.remoteValue.length("  four ") !== 4) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface CallChanges {
  /** Other arguments. */
  args?: readonly unknown[] | undefined;
  /** Other metadata, in the place of all that there were. */
  metadata?: Metadata | undefined;
  /** Another signal, for a call that is made. */
  signal?: AbortSignal | undefined;
  /** Another deadline in milliseconds, for a call that is made. */
  deadline?: number | undefined;
  /** Whether these end streams once it is answered, for a call that is made. */
  streams?: CallOptions["streams"];
}

/**
 * Wraps calls. What it returns, or a promise of it, is what the call gives:
 * mostly what `next()` gave. What it throws is what the call fails with; a
 * `Refusal` reaches the caller as a `WireError` with its code.
 *
 * Of a call that is served, `next()` runs the function; it gives what that
 * returned, which for several values is a `Values`. Of a call that is made,
 * `next()` sends it; it gives the value or the list of values, and for a
 * one-way call nothing, once that may be sent. A call is sent when `next()` is
 * called: before the caller's next one only where the middleware has not
 * waited for anything. `next()` called again makes the call again. A call that
 * needs the result of another waits for it where there is middleware around
 * calls that are made, for that may change the result. (That of OpenTelemetry
 * does not.)
 *
 * @typeParam W The wire's type.
 * @param call What the call is.
 * @param next Goes on, with changes or without.
 * @returns What the call gives.
 *
 * @example Refusing, and measuring
 * ```ts
 * import { type Middleware, Refusal, WireError, wirePair } from "@remote/wire";
 *
 * const authorise: Middleware = (call, next) => {
 *   if (call.name === "add" || call.metadata.user === "alice") return next();
 *   throw new Refusal("refused", `${call.name} is for Alice.`);
 * };
 * const counts = new Map<string, number>();
 * const count: Middleware = (call, next) => {
 *   counts.set(call.name, (counts.get(call.name) ?? 0) + 1);
 *   return next();
 * };
 * const [near, far] = wirePair({}, { serveThrough: [count, authorise] });
 * far.serve({ add: (a: number, b: number) => a + b, reset: () => "done" });
 *
 * await near.remoteValue.add(40, 2);
 * const error = await near.remoteValue.reset().catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "refused") throw error;
 * const alice = near.with({ metadata: { user: "alice" } });
 * if (await alice.remoteValue.reset() !== "done") throw new Error();
 * if (counts.get("reset") !== 2) throw new Error();
 * await near.close();
 * ```
 */
export type Middleware<W = unknown> = (
  call: MiddlewareCall<W>,
  next: (changes?: CallChanges) => Promise<unknown>,
) => unknown;

/** What changes, and what `{ ...call }` has besides. */
const CHANGE_KEYS: Readonly<
  Record<keyof CallChanges | keyof MiddlewareCall, true>
> = {
  args: true,
  metadata: true,
  signal: true,
  deadline: true,
  streams: true,
  onProgress: true,
  side: true,
  kind: true,
  name: true,
  object: true,
  wire: true,
};

/**
 * Checks what a middleware wants to change.
 *
 * @param changes What it passed; undefined is nothing.
 * @throws {WireError} `invalidArgument` for what cannot be changed.
 */
export function checkChanges(changes: CallChanges | undefined): void {
  if (changes === undefined) return;
  checkOptionKeys(changes, CHANGE_KEYS, "next()");
}

/** What is served: a function, or a method of an object. */
export interface Serving {
  /** How the call is answered. */
  readonly kind: CallKind;
  /** Its arguments. */
  readonly args: readonly unknown[];
  /** The object whose method it is. */
  readonly object?: unknown;
}

/**
 * Checks a list of middleware.
 *
 * @param middleware What a program passed; undefined is none.
 * @param name The option's name.
 * @throws {WireError} `invalidArgument` for what is no list of functions.
 */
export function checkMiddleware(middleware: unknown, name: string): void {
  if (middleware === undefined) return;
  let problem = `not ${shown(middleware)}`;
  try {
    if (Array.isArray(middleware)) {
      const wrong = middleware.findIndex((each) => typeof each !== "function");
      if (wrong < 0) return;
      problem = `and its item ${wrong} is ${shown(middleware[wrong])}`;
    }
  } catch (error) {
    problem = `and it cannot be read: ${errorMessage(error)}`;
  }
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is an array of functions, ${problem}.`,
  );
}

/**
 * Serves a call through middleware.
 *
 * @param middleware The first is the outermost.
 * @param context What the function gets as `this`.
 * @param serving What the call is.
 * @param run Runs the function with the arguments that it gets in the end.
 * @param report Told what `next()` fails with where a middleware leaves it
 * alone.
 * @returns What the outermost middleware returned.
 */
export function serveThrough<W>(
  middleware: readonly Middleware<W>[],
  context: CallContext<W>,
  serving: Serving,
  run: (args: readonly unknown[]) => unknown,
  report: Report,
): unknown {
  const { kind, object } = serving;
  const { wire, functionName: name } = context;
  const pass = (
    index: number,
    args: readonly unknown[],
    metadata: Metadata,
  ): unknown => {
    const each = middleware[index];
    if (each === undefined) {
      replaceMetadata(context, metadata);
      return run(args);
    }
    const call: MiddlewareCall<W> = {
      side: "serving",
      kind,
      name,
      object,
      args,
      metadata,
      wire,
      // Neither is made before somebody looks.
      get signal() {
        return context.signal;
      },
      get deadline() {
        return context.deadline;
      },
    };
    return each(call, (changes) =>
      begun(
        () => {
          checkChanges(changes);
          return pass(
            index + 1,
            changes?.args === undefined
              ? args
              : ownArguments(name, changes.args),
            changes?.metadata ?? metadata,
          );
        },
        report,
        `"${name}", which a middleware did not await`,
      ));
  };
  return pass(0, serving.args, context.metadata);
}

// Middleware around calls that are made: a {@linkcode Caller} in front of
// another.

/** Marks middleware that leaves every result as it is, and calls once. */
export const TRANSPARENT: unique symbol = Symbol("transparent");

const NO_METADATA: Metadata = Object.freeze(Object.create(null));

/**
 * Puts middleware in front of a caller.
 *
 * @param caller What carries calls out.
 * @param middleware The first is the outermost.
 * @param report Told what calls fail with that nobody awaits.
 * @param wire The wire that middleware is told of.
 * @param clock Tells what is left of deadlines.
 * @param objectOf Tells the object whose methods the caller calls, if it is
 * that of one.
 * @returns The caller itself where there is no middleware.
 */
export function callThrough<W extends { readonly ended: unknown }>(
  caller: Caller,
  middleware: readonly Middleware<W>[],
  report: Report,
  wire: W,
  clock: Clock,
  objectOf?: () => unknown,
): Caller {
  if (middleware.length === 0) return caller;
  return new ThroughCaller(
    { caller, middleware, report, wire, clock, objectOf },
  );
}

/** Carries a call out, behind the last middleware. */
type Last = (args: unknown[], options: CallOptions) => Promise<unknown>;

/** What calls go through, and what carries them out. */
interface Through<W> {
  readonly caller: Caller;
  readonly middleware: readonly Middleware<W>[];
  readonly report: Report;
  readonly wire: W;
  readonly clock: Clock;
  readonly objectOf: (() => unknown) | undefined;
}

/** A caller whose calls go through middleware. */
class ThroughCaller<W extends { readonly ended: unknown }> implements Caller {
  readonly #through: Through<W>;
  /** Whether all of it leaves every result as it is, and calls once. */
  readonly #isTransparent: boolean;

  constructor(through: Through<W>) {
    this.#through = through;
    this.#isTransparent = through.middleware
      .every((each) => TRANSPARENT in each);
  }

  readonly call: Caller["call"] = (name, args, wantsValues, options) => {
    const { caller, middleware, report, wire, clock } = this.#through;
    let made: Promise<unknown> | undefined;
    const result = this.#start(
      wantsValues ? "values" : "value",
      name,
      args,
      options,
      (args, options) => made = caller.call(name, args, wantsValues, options),
    );
    // Where middleware may make the result another one, it is waited for.
    return this.#isTransparent && made instanceof CallPromise
      ? new ThroughPromise(
        result,
        made,
        (caller) => callThrough(caller, middleware, report, wire, clock),
        (promise, error) =>
          reportUnawaited(promise, error, report, unawaited(name)),
      )
      : promised(result, report, unawaited(name));
  };

  readonly send: Caller["send"] = (name, args, options) => {
    const { caller, report } = this.#through;
    const last: Last = (args, options) => caller.send(name, args, options);
    const sent = this.#start("oneWay", name, args, options, last);
    return owned(sent.then(nothing), report, unsent(name));
  };

  /** Hands a call to the first middleware. */
  async #start(
    kind: CallKind,
    name: string,
    args: unknown[],
    options: CallOptions | undefined,
    last: Last,
  ): Promise<unknown> {
    const { clock, objectOf, wire } = this.#through;
    let isMade = false;
    try {
      checkOptions(name, options);
      const { metadata = NO_METADATA, signal, deadline, streams, onProgress } =
        options ?? {};
      const call: MiddlewareCall<W> = {
        side: "calling",
        kind,
        name,
        object: objectOf?.(),
        args,
        metadata,
        signal,
        deadline,
        streams,
        onProgress,
        wire,
      };
      const due = dueAt(options, clock);
      const begin = (last: Last) =>
        this.#pass(0, call, due, (args, options) => {
          isMade = true;
          return last(args, options);
        });
      const isBounded = deadline !== undefined || signal !== undefined;
      return await (this.#isTransparent || !isBounded
        ? begin(last)
        : unlessLate(name, options!, clock, begin, last));
    } catch (error) {
      if (!isMade) endStreams(args, error);
      throw error;
    }
  }

  /** Hands a call to one middleware, or behind the last of them out. */
  #pass(
    index: number,
    call: MiddlewareCall<W>,
    due: number,
    last: Last,
  ): unknown {
    const { middleware, report } = this.#through;
    const each = middleware[index];
    if (each === undefined) return carryOut(call, last);
    const goOn = (changes?: CallChanges): unknown => {
      checkChanges(changes);
      const [next, nextDue] = this.#changed(call, due, changes ?? {});
      return this.#pass(index + 1, next, nextDue, last);
    };
    return each(
      call,
      (changes) => begun(() => goOn(changes), report, unawaited(call.name)),
    );
  }

  /** A call as a middleware passes it on, and when it is due then. */
  #changed(
    call: MiddlewareCall<W>,
    due: number,
    changes: CallChanges,
  ): [MiddlewareCall<W>, number] {
    const { clock } = this.#through;
    const nextDue = changes.deadline === undefined
      ? due
      : dueAt({ deadline: changes.deadline }, clock);
    const next: MiddlewareCall<W> = {
      ...call,
      args: changes.args === undefined
        ? call.args
        : ownArguments(call.name, changes.args),
      metadata: changes.metadata ?? call.metadata,
      signal: changes.signal ?? call.signal,
      deadline: nextDue === Infinity ? undefined : nextDue - clock.now(),
      streams: changes.streams ?? call.streams,
    };
    return [next, nextDue];
  }
}

/** Carries a call out that has come through all middleware. */
function carryOut(
  { args, signal, deadline, streams, onProgress, metadata }: MiddlewareCall,
  last: Last,
): Promise<unknown> {
  return last([...args], {
    signal,
    deadline,
    metadata: metadata === NO_METADATA ? undefined : metadata,
    streams,
    onProgress,
  });
}

/**
 * Ends a call at its caller's deadline and signal while middleware holds it.
 * While it is under way, that is the affair of what carries it out.
 *
 * @param name The function's name.
 * @param options Deadline and signal.
 * @param clock For the deadline.
 * @param begin Hands the call to the middleware.
 * @param last Carries it out.
 */
function unlessLate<Args extends unknown[]>(
  name: string,
  { deadline, signal }: CallOptions,
  clock: Clock,
  begin: (last: (...args: Args) => Promise<unknown>) => unknown,
  last: (...args: Args) => Promise<unknown>,
): Promise<unknown> {
  let wasMade = false;
  let underWay = 0;
  return new Promise((resolve, reject) => {
    const giveUp = (
      code: "deadline" | "cancelled",
      text: string,
      cause?: unknown,
    ) => {
      if (underWay > 0) return;
      const sent = wasMade ? "maybeExecuted" : "notSent";
      reject(
        new WireError(
          code,
          `The call of "${name}" ${text} while middleware held it.`,
          { cause, sent },
        ),
      );
    };
    const stop = whenGivenUp(
      clock,
      { deadline, signal },
      () => giveUp("deadline", `passed its deadline of ${deadline} ms`),
      (reason) => giveUp("cancelled", "was cancelled by its signal", reason),
    );
    const made = (async () =>
      await begin(async (...args) => {
        underWay++;
        try {
          const result = last(...args);
          wasMade = true;
          return await result;
        } finally {
          underWay--;
        }
      }))();
    made.then(resolve, reject).then(stop);
  });
}

/**
 * The promise of a result that middleware leaves as it is: calls on it need not
 * wait for it, and go through the middleware, too.
 */
class ThroughPromise extends CallPromise {
  readonly #through: (caller: Caller) => Caller;

  constructor(
    result: Promise<unknown>,
    made: CallPromise,
    through: (caller: Caller) => Caller,
    failing: (promise: CallPromise, error: unknown) => void,
  ) {
    let settle!: (value: unknown) => void;
    super((resolve) => settle = resolve);
    settle(result.catch((error) => {
      failing(this, error);
      throw error;
    }));
    this[REFERENCE] = made[REFERENCE];
    this.#through = through;
  }

  protected override caller(): Caller {
    const caller = super.caller();
    // What is called on a result that is there goes through middleware anyway.
    return this[REFERENCE]?.canBeFollowed
      ? { ...caller, call: this.#through(caller).call }
      : caller;
  }
}

knowsWhoAsks(ThroughPromise);

function nothing(): void {}

/** What is used of OpenTelemetry's API. */
export interface TelemetryApi {
  /** Makes tracers. */
  readonly trace: { getTracer(name: string): Tracer };
  /** Makes what counts; an implementation may have none. */
  readonly metrics?: { getMeter(name: string): Meter };
  /** Knows what is under way. */
  readonly context: { active(): Context };
  /** Says how a trace travels: as `traceparent`, unless told otherwise. */
  readonly propagation?: {
    inject(context: Context, carrier: Carrier, setter: typeof SETTER): void;
    extract(
      context: Context,
      carrier: Metadata,
      getter: typeof GETTER,
    ): Context;
  };
}

interface Tracer {
  startActiveSpan(
    name: string,
    options: { kind: number; attributes: Attributes },
    context: Context,
    work: (span: Span) => Promise<unknown>,
  ): Promise<unknown>;
}

interface Meter {
  createHistogram(name: string, options: object): Durations;
}

/** Takes durations in seconds. */
interface Durations {
  record(seconds: number, attributes: Attributes, context: Context): void;
}

interface Context {
  deleteValue(key: symbol): Context;
}

interface Span {
  setAttribute(key: string, value: string): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  end(): void;
}

type Attributes = Record<string, string | number>;
type Carrier = Record<string, string>;
type Located = { readonly address: WireAddress };

const API = Symbol.for("opentelemetry.js.api.1");
/** Where a context keeps the span that is under way. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const SERVER = 1;
const CLIENT = 2;
const ERROR = 2;

const SETTER = {
  /** Metadata are texts, and a propagation may set something else. */
  set(carrier: Carrier, key: string, value: unknown): void {
    if (typeof value === "string") carrier[key] = value;
  },
};
const GETTER = {
  get(carrier: Metadata, key: string): string | undefined {
    return Object.hasOwn(carrier, key) ? carrier[key] : undefined;
  },
  keys: (carrier: Metadata): string[] => Object.keys(carrier),
};

/**
 * Makes the middleware of OpenTelemetry, where that is on.
 *
 * @param clock Tells how long calls take.
 * @param trouble Told what OpenTelemetry throws.
 * @returns What {@linkcode spans} makes; none where it is off.
 */
export function telemetry(
  clock: Pick<Clock, "now">,
  trouble: (error: unknown) => void,
): Middleware<Located>[] {
  const find = () => {
    const api = (globalThis as { [API]?: Partial<TelemetryApi> })[API];
    const isOn = api?.trace !== undefined && api.context !== undefined;
    return isOn ? [spans(api as TelemetryApi, clock, trouble)] : [];
  };
  return unlessThrown(find, trouble) ?? [];
}

/**
 * Makes what reports the first that OpenTelemetry throws, and nothing more: it
 * may be the same with each call.
 *
 * @param report Told that.
 */
export function telemetryTrouble(report: Report): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (!isTold) report(error, "OpenTelemetry");
    isTold = true;
  };
}

/** Asks OpenTelemetry; undefined where it throws: nothing depends on it. */
function unlessThrown<T>(
  ask: () => T,
  trouble: (error: unknown) => void,
): T | undefined {
  try {
    return ask();
  } catch (error) {
    trouble(error);
    return undefined;
  }
}

/** So many types of errors are told apart where calls of a wire are counted. */
const MOST_TYPES = 50;
const OTHER = "_OTHER";
/** Bounds of buckets, in seconds, as the semantic conventions have them. */
const BOUNDS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25],
  ...[0.5, 0.75, 1, 2.5, 5, 7.5, 10],
];

/** What counts how long calls of one side take; undefined where nothing does. */
function durations(
  { metrics }: TelemetryApi,
  side: "client" | "server",
): Durations | undefined {
  return metrics?.getMeter("@remote/wire").createHistogram(
    `rpc.${side}.call.duration`,
    {
      description: `Duration of calls, at the ${side}.`,
      unit: "s",
      advice: { explicitBucketBoundaries: BOUNDS },
    },
  );
}

/**
 * By what durations are told apart. There are few of these: whatever else a
 * call is of, a peer cannot choose it. So methods of objects count as one where
 * they are served, for the object may be the peer's own.
 */
function countedBy(call: MiddlewareCall<Located>): Attributes {
  const isMethod = call.side === "serving" && call.object !== undefined;
  return {
    "rpc.system.name": "remote_wire",
    "rpc.method": isMethod && call.name !== "" ? "(method)" : nameOf(call),
  };
}

/**
 * Makes the middleware that makes spans, and counts how long calls take.
 *
 * What OpenTelemetry throws does no harm to calls.
 *
 * @param api OpenTelemetry's API.
 * @param clock Tells how long.
 * @param trouble Told what OpenTelemetry throws.
 * @returns A middleware for calls that are served and for those that are made.
 */
export function spans(
  api: TelemetryApi,
  clock: Pick<Clock, "now">,
  trouble: (error: unknown) => void,
): Middleware<Located> {
  const { context, propagation } = api;
  const attempt = <T>(ask: () => T) => unlessThrown(ask, trouble);
  const tell = (hook: () => unknown) => callHook(hook, trouble);
  const served = attempt(() => durations(api, "server"));
  const made = attempt(() => durations(api, "client"));
  const types = new Set<string>();
  const tracer = attempt(() => api.trace.getTracer("@remote/wire"));
  // What was under way when the wire was made has no part in the peer's calls.
  const parentOf = ({ side, metadata }: MiddlewareCall<Located>): Context => {
    const active = context.active();
    if (side === "calling") return active;
    const cleared = active.deleteValue(SPAN);
    return propagation?.extract(cleared, metadata, GETTER) ?? cleared;
  };
  const middleware: Middleware<Located> = (call, next) => {
    const isServer = call.side === "serving";
    const options = {
      kind: isServer ? SERVER : CLIENT,
      attributes: attributesOf(call),
    };
    const counter = isServer ? served : made;
    const counted = countedBy(call);
    const began = clock.now();
    const goOn = async (span: Span | undefined) => {
      try {
        if (isServer) return await next();
        const carrier: Carrier = {};
        tell(() => propagation?.inject(context.active(), carrier, SETTER));
        return await next({ metadata: merged(call.metadata, carrier) });
      } catch (error) {
        const message = shortText(errorMessage(error));
        const type = typeOf(error);
        // A peer names what its functions throw.
        if (types.size < MOST_TYPES) types.add(type);
        counted["error.type"] = types.has(type) ? type : OTHER;
        tell(() => {
          span?.setAttribute("error.type", type);
          span?.setStatus({ code: ERROR, message });
        });
        throw error;
      } finally {
        const seconds = (clock.now() - began) / 1000;
        tell(() => counter?.record(seconds, counted, context.active()));
        tell(() => span?.end());
      }
    };
    let result: Promise<unknown> | undefined;
    const started = attempt(() =>
      tracer?.startActiveSpan(
        nameOf(call),
        options,
        parentOf(call),
        (span) => result ??= goOn(span),
      )
    );
    // The call's result is its own, whatever a tracer makes of it.
    if (started !== result) callHook(() => started, nothing);
    return result ??= goOn(undefined);
  };
  return Object.assign(middleware, { [TRANSPARENT]: true });
}

/** A function that was passed by reference has no name. */
function nameOf(call: MiddlewareCall<Located>): string {
  return call.name === "" ? "(function)" : call.name;
}

/** Metadata with what says where the call belongs, as far as there is room. */
function merged(metadata: Metadata, carrier: Carrier): Metadata {
  const all = { ...metadata, ...carrier };
  if (metadataFit(all)) return all;
  const { traceparent } = carrier;
  if (traceparent === undefined) return metadata;
  const some = { ...metadata, traceparent };
  return metadataFit(some) ? some : metadata;
}

function attributesOf(call: MiddlewareCall<Located>): Attributes {
  const { address } = call.wire;
  const role = call.side === "serving" ? "network.peer" : "server";
  const attributes: Attributes = {
    "rpc.system.name": "remote_wire",
    "rpc.method": nameOf(call),
  };
  switch (address.transport) {
    case "tcp":
    case "tls":
    case "websocket":
      attributes["network.transport"] = "tcp";
      attributes[`${role}.address`] = address.hostname;
      attributes[`${role}.port`] = address.port;
      break;
    case "unix":
      attributes["network.transport"] = "unix";
      attributes[`${role}.address`] = address.path;
      break;
    case "nats":
      attributes["network.transport"] = "tcp";
      attributes[`${role}.address`] = address.name;
      break;
    default:
      attributes["network.transport"] = "pipe";
  }
  return attributes;
}

/** What kind of error it is: few words, which do not tell its occasion. */
function typeOf(error: unknown): string {
  if (error instanceof WireError) return error.code;
  return error instanceof Error ? shortText(String(error.name)) : OTHER;
}
