/**
 * Hooks that a program gives to a wire or a server, called so that nothing
 * they throw does harm.
 *
 * @module
 */

import { errorMessage, WireError } from "./errors.ts";
import { isThenable } from "./odd_values.ts";

/** Told of an error that has no other place to go, and of where it arose. */
export type Report = (error: unknown, where: string) => void;

/** Where a wire keeps its report, for the contexts of its calls. */
export const REPORT: unique symbol = Symbol("report");

/** What moves a cursor, rings, or turns the direction of writing. */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** So many units of a report are printed. */
const MOST_UNITS = 4_000;
/** So many causes of an error are printed. */
const MOST_CAUSES = 4;
/** So many reports of one wire are printed at once, and so many a second. */
const MOST_REPORTS = 20;

/**
 * Prints an error on the console. It never throws. What came from a peer cannot
 * move the cursor, nor make a line that looks like another report.
 *
 * @param error The error.
 * @param where Where it arose.
 */
export function reportToConsole(error: unknown, where: string): void {
  const text = `@remote/wire: error in ${where}: ${textOf(error)}`;
  const short = text.length > MOST_UNITS
    ? `${text.slice(0, MOST_UNITS)}…`
    : text;
  console.error(
    short.replaceAll(
      UNSAFE,
      (unit) => `\\u{${unit.charCodeAt(0).toString(16)}}`,
    ).replaceAll("\n", "\n    "),
  );
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
