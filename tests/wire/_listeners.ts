/**
 * Signals that know who listens to them.
 *
 * @module
 */

/** A signal, and how many listen to it. */
interface Counted {
  readonly signal: AbortSignal;
  /** How many listeners there are; those that ran once are gone. */
  readonly listeners: number;
  /** How many there ever were. */
  readonly added: number;
}

/** One, and its controller. */
export interface CountedSignal extends Counted {
  readonly controller: AbortController;
}

/** Makes one. */
export function countedSignal(): CountedSignal {
  const controller = new AbortController();
  const counted = counting(controller.signal);
  return Object.defineProperty(counted, "controller", {
    value: controller,
  }) as CountedSignal;
}

/** Counts who listens to a signal from now on. */
function counting(signal: AbortSignal): Counted {
  const listening = new Set<unknown>();
  let added = 0;
  const { addEventListener, removeEventListener } = signal;
  const add = (type: string, listener: unknown, ...more: unknown[]) => {
    added++;
    listening.add(listener);
    Reflect.apply(addEventListener, signal, [type, listener, ...more]);
  };
  const remove = (type: string, listener: unknown, ...more: unknown[]) => {
    listening.delete(listener);
    Reflect.apply(removeEventListener, signal, [type, listener, ...more]);
  };
  // Those of some signals cannot be assigned to.
  Object.defineProperties(signal, {
    addEventListener: { value: add },
    removeEventListener: { value: remove },
  });
  return {
    signal,
    get listeners() {
      return signal.aborted ? 0 : listening.size;
    },
    get added() {
      return added;
    },
  };
}
