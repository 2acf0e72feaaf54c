/**
 * What Node 20 and other older engines lack: the build for npm uses these in
 * the places of the engine's own, which it leaves as they are.
 *
 * @module
 */

/** `Promise.withResolvers()`. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>["resolve"];
  let reject!: PromiseWithResolvers<T>["reject"];
  const promise = new Promise<T>((...both) => [resolve, reject] = both);
  return { promise, resolve, reject };
}

/** The part of `DisposableStack` that is used. */
export class DisposableStack {
  #deferred: (() => void)[] = [];

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  move(): void {
    this.#deferred = [];
  }

  [Symbol.dispose](): void {
    for (const fn of this.#deferred.splice(0).reverse()) fn();
  }
}
