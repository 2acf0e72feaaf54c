/**
 * Signals that know who listens to them.
 *
 * @module
 */

/** A controller, and how many listen to its signal. */
export interface CountedSignal {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  /** How many listeners there are; those that ran once are gone. */
  readonly listeners: number;
  /** How many there ever were. */
  readonly added: number;
}

/** Makes one. */
export function countedSignal(): CountedSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const listening = new Set<unknown>();
  let added = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (
    type: string,
    listener: unknown,
    ...more: unknown[]
  ) => {
    added++;
    listening.add(listener);
    Reflect.apply(addEventListener, signal, [type, listener, ...more]);
  };
  signal.removeEventListener = (
    type: string,
    listener: unknown,
    ...more: unknown[]
  ) => {
    listening.delete(listener);
    Reflect.apply(removeEventListener, signal, [type, listener, ...more]);
  };
  return {
    controller,
    signal,
    get listeners() {
      return signal.aborted ? 0 : listening.size;
    },
    get added() {
      return added;
    },
  };
}
