/**
 * Middleware: what is wrapped around every call that is served, or made.
 *
 * @module
 */

import { ownArguments } from "./_arguments.ts";
import type { CallOptions } from "./call_options.ts";
import { type CallContext, replaceMetadata } from "./context.ts";
import { begun } from "./_left_alone.ts";
import type { Metadata } from "./messages.ts";
import { errorMessage, WireError } from "./errors.ts";
import { checkOptionKeys } from "./_option_keys.ts";
import type { Report } from "./_report.ts";
import { shown } from "./_shown.ts";

/**
 * How a call is answered: with one value, with the list of all, or not at
 * all.
 */
export type CallKind = "value" | "values" | "oneWay";

/**
 * What a middleware is told of a call.
 *
 * @typeParam W The wire's type.
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
  /** Whether signal and deadline end streams of a call made once it is answered. */
  readonly streams?: CallOptions["streams"];
  /** The wire. */
  readonly wire: W;
}

/** What a middleware may change of a call before it goes on. */
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
 * one-way call nothing, once that may leave. A call leaves when `next()` is
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
