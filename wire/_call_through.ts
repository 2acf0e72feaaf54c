/**
 * Middleware around calls that are made: a {@linkcode Caller} in front of
 * another.
 *
 * @module
 */

import { ownArguments } from "./_arguments.ts";
import { type CallOptions, checkOptions, dueAt } from "./call_options.ts";
import { CallPromise, promised } from "./_call_promise.ts";
import {
  begun,
  knowsWhoAsks,
  leave,
  owned,
  unawaited,
  unsent,
} from "./_left_alone.ts";
import { endStreams } from "./_carries_stream.ts";
import type { Clock } from "./clock.ts";
import { WireError } from "./errors.ts";
import type { Metadata } from "./messages.ts";
import {
  type CallChanges,
  type CallKind,
  checkChanges,
  type Middleware,
  type MiddlewareCall,
} from "./middleware.ts";
import type { Caller } from "./remote.ts";
import { REFERENCE } from "./remote_types.ts";
import type { Report } from "./_report.ts";

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
  type Last = (args: unknown[], options: CallOptions) => Promise<unknown>;
  const pass = (
    index: number,
    call: MiddlewareCall<W>,
    due: number,
    last: Last,
  ): unknown => {
    const each = middleware[index];
    if (each !== undefined) {
      const goOn = (changes: CallChanges): unknown => {
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
        return pass(index + 1, next, nextDue, last);
      };
      return each(
        call,
        (changes) =>
          begun(
            () => {
              checkChanges(changes);
              return goOn(changes ?? {});
            },
            report,
            unawaited(call.name),
          ),
      );
    }
    const { args, signal, deadline, streams } = call;
    const metadata = call.metadata === NO_METADATA ? undefined : call.metadata;
    return last([...args], { signal, deadline, metadata, streams });
  };
  const start = async (
    kind: CallKind,
    name: string,
    args: unknown[],
    options: CallOptions | undefined,
    last: Last,
  ): Promise<unknown> => {
    let isMade = false;
    try {
      checkOptions(name, options);
      const { metadata = NO_METADATA, signal, deadline, streams } = options ??
        {};
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
        wire,
      };
      const due = dueAt(options, clock);
      const begin = (last: Last) =>
        pass(0, call, due, (args, options) => {
          isMade = true;
          return last(args, options);
        });
      const isBounded = deadline !== undefined || signal !== undefined;
      return await (isTransparent || !isBounded
        ? begin(last)
        : unlessLate(name, options!, clock, begin, last));
    } catch (error) {
      if (!isMade) endStreams(args, error);
      throw error;
    }
  };
  const isTransparent = middleware.every((each) => TRANSPARENT in each);
  return {
    call(name, args, wantsValues, options) {
      let made: Promise<unknown> | undefined;
      const kind = wantsValues ? "values" : "value";
      const result = start(
        kind,
        name,
        args,
        options,
        (args, options) => made = caller.call(name, args, wantsValues, options),
      );
      // Where middleware may make the result another one, it is waited for.
      return isTransparent && made instanceof CallPromise
        ? new ThroughPromise(
          result,
          made,
          (caller) => callThrough(caller, middleware, report, wire, clock),
          (promise, error) => leave(promise, error, report, unawaited(name)),
        )
        : promised(result, report, unawaited(name));
    },
    send: (name, args, options) =>
      owned(
        start("oneWay", name, args, options, (args, options) =>
          caller.send(name, args, options)).then(nothing),
        report,
        unsent(name),
      ),
  };
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
    const stopTimer = deadline === undefined ? undefined : clock.after(
      deadline,
      () => giveUp("deadline", `passed its deadline of ${deadline} ms`),
    );
    const onAbort = () =>
      giveUp("cancelled", "was cancelled by its signal", signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
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
    made.then(resolve, reject).then(() => {
      stopTimer?.();
      signal?.removeEventListener("abort", onAbort);
    });
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
