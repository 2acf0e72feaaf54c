/**
 * Who is told of what goes wrong. Errors that have no other place to go: of
 * hooks that a program gave, of listeners, and of promises that nobody awaits;
 * none of them does harm.
 *
 * @module
 */

import {
  errorMessage,
  isA,
  isThenable,
  laterOf,
  type Report,
  settled,
  shown,
  WireError,
  type WireErrorCode,
} from "./errors.ts";

export type { Report } from "./errors.ts";

/** Where a wire keeps its report, for the contexts of its calls. */
export const REPORT: unique symbol = Symbol("report");

/** What moves a cursor, rings, or turns the direction of writing. */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/g;
/** So many units of a report are printed. */
const MOST_UNITS = 4_000;
/** So many causes of an error are printed. */
const MOST_CAUSES = 4;
/** So many reports of one wire are printed at once, and so many a second. */
const MOST_REPORTS = 20;
/** So many of all wires together. */
const MOST_PRINTED = 100;

/**
 * Prints a text and the end of a line.
 *
 * @returns False if it cannot, because too much waits: then it is counted.
 */
export type ErrorOutput = (text: string) => boolean;

let output: ErrorOutput = (text) => {
  console.error(text);
  return true;
};
let began = -Infinity;
let printed = 0;
let hidden = 0;

/**
 * Has reports printed by something else than `console.error`, in this process.
 *
 * @param by What prints.
 */
export function printBy(by: ErrorOutput): void {
  output = by;
}

/**
 * Prints a text, on lines of its own, as long as not too many are printed. It
 * never throws. What came from a peer cannot move the cursor, nor make a line
 * that looks like another report: further lines are indented.
 *
 * @param text The text.
 */
export function printReport(text: string): void {
  const now = performance.now();
  if (now - began >= 1_000) {
    began = now;
    printed = 0;
  }
  if (printed >= MOST_PRINTED) return void hidden++;
  printed++;
  const safe = escapeControls(shortened(text)).replaceAll("\n", "\n    ");
  const before = hidden === 0
    ? ""
    : `@remote/wire: … and ${hidden} more reports, which were not printed.\n`;
  try {
    if (output(before + shortened(safe))) hidden = 0;
    else hidden++;
  } catch {
    // Whoever replaced the console has no use for it.
  }
}

/**
 * Prints a line by what prints reports, however many there are.
 *
 * @param line The line, which is harmless.
 * @returns False if it was not printed, because too much waits.
 */
export function printPlain(line: string): boolean {
  try {
    return output(line);
  } catch {
    return false;
  }
}

/**
 * Writes out what moves a cursor, rings, or turns the direction of writing;
 * ends of lines stay.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(
    UNSAFE,
    (unit) => `\\u{${unit.charCodeAt(0).toString(16)}}`,
  );
}

function shortened(text: string): string {
  return text.length > MOST_UNITS ? `${text.slice(0, MOST_UNITS)}…` : text;
}

/**
 * Prints an error on the console; see {@linkcode printReport}.
 *
 * @param error The error.
 * @param where Where it arose.
 */
export function reportToConsole(error: unknown, where: string): void {
  printReport(`@remote/wire: error in ${where}: ${textOf(error)}`);
}

/** An error as text, with its stack and its causes. */
function textOf(error: unknown): string {
  try {
    // What the wire itself reports says all in its message.
    if (error instanceof WireError && error.cause === undefined) {
      return `${error.message} (${error.code})`;
    }
    const texts: string[] = [];
    let part = error;
    while (part instanceof Error && texts.length < MOST_CAUSES) {
      texts.push(part.stack ?? `${part.name}: ${part.message}`);
      part = part.cause;
    }
    if (texts.length > 0) return texts.join("\ncaused by ");
    return typeof error === "string" ? error : JSON.stringify(error) ??
      errorMessage(error);
  } catch {
    // An error that cannot be looked at, such as a revoked proxy.
    return errorMessage(error);
  }
}

/** Prints, but not without end: a peer may cause one report after another. */
function limitedReport(): Report {
  let began = -Infinity;
  let count = 0;
  return (error, where) => {
    const now = performance.now();
    if (now - began >= 1_000) {
      const hidden = count - MOST_REPORTS;
      began = now;
      count = 0;
      if (hidden > 0) {
        reportToConsole(`${hidden} further errors were not shown.`, "reports");
      }
    }
    if (count++ < MOST_REPORTS) reportToConsole(error, where);
  };
}

/**
 * Makes a report of a program's `onError`. The report never throws: what
 * `onError` throws, or rejects with, is printed beside the error itself.
 *
 * @param onError What the program gave, or nothing.
 * @returns The report; it prints where the program gave nothing.
 */
export function reporter(
  onError: ((error: unknown, where: string) => unknown) | undefined,
): Report {
  if (onError === undefined) return limitedReport();
  return (error, where) => {
    const failed = (thrown: unknown) => {
      reportToConsole(error, where);
      reportToConsole(thrown, "onError");
    };
    callHook(() => onError(error, where), failed);
  };
}

/**
 * Calls a hook whose result nobody needs. It may be asynchronous.
 *
 * @param hook The hook, with its arguments.
 * @param failed Told once what it throws, or rejects with. It must not throw.
 */
export function callHook(
  hook: () => unknown,
  failed: (error: unknown) => void,
): void {
  try {
    const result = hook();
    if (isThenable(result)) Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}

// Signals whose listeners may throw. The platform takes what a listener throws
// for an error that nobody catches, which ends a process; here it is reported.

type Listener = EventListenerOrEventListenerObject;

/** Where a signal keeps its guard. */
const GUARD = Symbol("guard");

interface Guarded extends AbortSignal {
  readonly [GUARD]: Guard;
}

/** What stands before the listeners of one signal. */
class Guard {
  /** What `onabort` was set to. */
  onabort: unknown = null;
  readonly #report: Report;
  readonly #where: string;
  readonly #guarded = new WeakMap<Listener, EventListener>();

  constructor(report: Report, where: string) {
    this.#report = report;
    this.#where = where;
  }

  /** What is called in the place of a listener: always the same. */
  of(listener: Listener): EventListener {
    let guarded = this.#guarded.get(listener);
    if (guarded === undefined) {
      const failed = (error: unknown) => this.#report(error, this.#where);
      guarded = function (this: unknown, event: Event) {
        callHook(
          () =>
            typeof listener === "function"
              ? listener.call(this as EventTarget, event)
              : listener.handleEvent(event),
          failed,
        );
      };
      this.#guarded.set(listener, guarded);
    }
    return guarded;
  }
}

const { prototype } = AbortSignal;
const onabort = Object.getOwnPropertyDescriptor(prototype, "onabort");

function isListener(value: unknown): value is Listener {
  return typeof value === "function" ||
    typeof value === "object" && value !== null;
}

/** What guarded signals inherit. */
const GUARDED: object = Object.create(prototype, {
  addEventListener: {
    value(this: Guarded, type: string, listener: unknown, ...more: [boolean?]) {
      const guarded = isListener(listener)
        ? this[GUARD].of(listener)
        : listener as null;
      prototype.addEventListener.call(this, type, guarded!, ...more);
    },
  },
  removeEventListener: {
    value(this: Guarded, type: string, listener: unknown, ...more: [boolean?]) {
      const guarded = isListener(listener)
        ? this[GUARD].of(listener)
        : listener as null;
      prototype.removeEventListener.call(this, type, guarded!, ...more);
    },
  },
  onabort: {
    get(this: Guarded): unknown {
      return this[GUARD].onabort;
    },
    set(this: Guarded, value: unknown): void {
      const guard = this[GUARD];
      guard.onabort = isListener(value) ? value : null;
      onabort?.set?.call(
        this,
        typeof value === "function" ? guard.of(value as EventListener) : null,
      );
    },
  },
});

/**
 * Makes a controller whose signal's listeners may throw, or reject.
 *
 * @param report Told what they throw.
 * @param where Whose signal it is.
 * @returns The controller.
 */
export function guardedController(
  report: Report,
  where: string,
): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  Object.setPrototypeOf(signal, GUARDED);
  Object.defineProperty(signal, GUARD, { value: new Guard(report, where) });
  return controller;
}

// Promises that may be left alone. One that fails, and that nobody has asked
// for, never ends the process: what it failed with is reported.

/** Whether somebody awaits a promise, or has called its `then()`. */
export const ASKED: unique symbol = Symbol("asked");

/** A promise that knows whether somebody has asked for it. */
export interface Asked extends Promise<unknown> {
  [ASKED]: boolean;
}

/**
 * Has the promises of a class know whether somebody has asked for them.
 * `await`, `then()` and all that is built on them look at a promise's
 * constructor first. What they find is that of a plain promise, which saves
 * them a detour.
 *
 * @param made The class.
 */
export function knowsWhoAsks(made: { readonly prototype: Asked }): void {
  Object.defineProperty(made.prototype, "constructor", {
    get(this: Asked): PromiseConstructor {
      this[ASKED] = true;
      return Promise;
    },
  });
}

/**
 * Learns what a promise fails with, and is not taken for one who has asked.
 *
 * @param promise The promise, of this module or any other.
 * @param onFailed Called with what it fails with.
 * @returns A promise of what that returns; of undefined where it succeeds.
 */
export function overheard<T>(
  promise: Promise<unknown>,
  onFailed: (error: unknown) => T,
): Promise<T | undefined> {
  const own = promise as Promise<unknown> & Partial<Asked>;
  const isAsked = own[ASKED];
  const heard = promise.then(() => undefined, onFailed);
  if (isAsked !== undefined) own[ASKED] = isAsked;
  return heard;
}

/** A promise that may be left alone. */
export class OwnPromise<T> extends Promise<T> implements Asked {
  /** Whether somebody has asked for it. */
  [ASKED] = false;
}

knowsWhoAsks(OwnPromise);

/**
 * What has a `sent`, because the wire has ended or the caller gave up, and is
 * worth a report all the same.
 */
const NEWS: ReadonlySet<string> = new Set<WireErrorCode>([
  "deadline",
  "limit",
  "noSuchObject",
  "released",
]);

/** In so many turns whoever has a promise can have asked for it. */
const TURNS = 16;

/**
 * A promise fails, or is about to: it counts as handled from now on. Where
 * nobody asks for it, its error is reported, unless that only says that the
 * wire has ended, which `onDeath` and `closed` say too, or that the caller's
 * own signal has aborted.
 *
 * @param promise The promise.
 * @param error What it fails with.
 * @param report Told of the error; nobody where there is none.
 * @param where What failed.
 */
export function reportUnawaited(
  promise: Asked,
  error: unknown,
  report: Report | undefined,
  where: string,
): void {
  const isAsked = promise[ASKED];
  quiet(promise);
  promise[ASKED] = isAsked;
  if (isAsked || report === undefined || !isNews(error)) return;
  let turn = 0;
  const next = () => {
    if (promise[ASKED]) return;
    if (++turn < TURNS) queueMicrotask(next);
    else report(error, where);
  };
  queueMicrotask(next);
}

function isNews(error: unknown): boolean {
  return !isA(error, WireError) || error.sent === undefined ||
    NEWS.has(error.code);
}

/**
 * Marks a promise as handled.
 *
 * @param promise Whatever it fails with, others say it too.
 * @returns The same promise.
 */
export function quiet<P extends Promise<unknown>>(promise: P): P {
  promise.then(undefined, nothing);
  return promise;
}

/**
 * A promise that has failed, and that may be left alone.
 *
 * @param error What it fails with.
 * @param report Told of the error where nobody asks.
 * @param where What failed.
 */
export function failed(
  error: unknown,
  report: Report | undefined,
  where: string,
): Promise<never> {
  const made = new OwnPromise<never>((_, reject) => reject(error));
  reportUnawaited(made, error, report, where);
  return made;
}

/**
 * A promise that may be left alone, of what another is of.
 *
 * @param promise The other one.
 * @param report Told of an error where nobody asks.
 * @param where What fails then.
 */
export function owned<T>(
  promise: Promise<T>,
  report: Report | undefined,
  where: string,
): Promise<T> {
  const made: OwnPromise<T> = new OwnPromise((resolve) =>
    resolve(promise.catch((error) => {
      reportUnawaited(made, error, report, where);
      throw error;
    }))
  );
  return made;
}

/**
 * Begins work at once.
 *
 * @param work Answers at once or later, or throws.
 * @param report Told of an error where nobody asks for the promise.
 * @param where What fails then.
 * @returns A promise of what comes of it, that may be left alone.
 */
export function begun(
  work: () => unknown,
  report: Report | undefined,
  where: string,
): Promise<unknown> {
  let later: PromiseLike<unknown> | undefined;
  let result: unknown;
  try {
    result = work();
    later = laterOf(result);
  } catch (error) {
    return failed(error, report, where);
  }
  const made: OwnPromise<unknown> = new OwnPromise((resolve, reject) => {
    if (later === undefined) return resolve(result);
    settled(later).then(resolve, (error) => {
      reject(error);
      reportUnawaited(made, error, report, where);
    });
  });
  return made;
}

/**
 * Rejects two turns later. By then whoever awaits the call is attached to it,
 * so that the engine finds the awaiting functions for the error's stack: the
 * call site costs nothing where no call fails.
 *
 * @param makeError Makes the error.
 * @param site Where the call was made, if that is recorded.
 * @param failing Told of the error once it is made.
 */
export async function failLater(
  makeError: () => Error,
  site: Error | undefined,
  failing?: (error: Error) => void,
): Promise<never> {
  await undefined;
  await undefined;
  const error = makeError();
  if (site !== undefined) {
    const frames = site.stack?.split("\n").slice(1).join("\n") ?? "";
    error.stack = `${error.name}: ${error.message}\n${frames}`;
  }
  failing?.(error);
  throw error;
}

/** Where a call failed that nobody awaits. */
export function unawaited(name: unknown): string {
  return name === ""
    ? "a call of a function reference that nobody awaits"
    : `a call of ${shown(name)} that nobody awaits`;
}

/** Where a one-way call failed that nobody awaits. */
export function unsent(name: unknown): string {
  return name === ""
    ? "a one-way call of a function reference, which was not sent"
    : `a one-way call of ${shown(name)}, which was not sent`;
}

function nothing(): void {}

// Calls that are made while the arguments of another one are looked at.
//
// Where a function of a peer is a trap of a proxy, and that proxy is among the
// trap's own arguments, looking at these calls the function again, which has
// them looked at again, and so on: the stack would be full in a moment, and what
// is thrown then would end the process.

/** So many calls may be within one another. */
const DEEPEST = 3;

let depth = 0;

/**
 * The arguments of a call are going to be looked at.
 *
 * @param name The function's name.
 * @returns Why not; undefined when they may be. Then {@linkcode left} follows.
 */
export function entered(name: string): WireError | undefined {
  if (depth < DEEPEST) {
    depth++;
    return undefined;
  }
  return new WireError(
    "unsupportedValue",
    `The call of ${name} was not made: reading the arguments of other calls made it, nested ${DEEPEST} deep. Such an argument is a proxy whose trap, or an object whose getter, is a function of a peer.`,
  );
}

/** They have been looked at. */
export function exited(): void {
  depth--;
}
