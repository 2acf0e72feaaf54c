/**
 * Signals whose listeners may throw. The platform takes what a listener throws
 * for an error that nobody catches, which ends a process; here it is reported.
 *
 * @module
 */

import { callHook, type Report } from "./_report.ts";

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
