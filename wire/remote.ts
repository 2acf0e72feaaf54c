/**
 * The typed proxies: a peer's functions as properties, over a narrow
 * {@linkcode Caller}.
 *
 * @module
 */

import type { CallOptions } from "./calls.ts";
import type { CallContext } from "./context.ts";
import type { Values } from "./multiple_values.ts";

/**
 * Functions of which nothing is known: what a wire has in the place of an
 * interface that was not given.
 */
export interface AnyFunctions {
  /** Any name is a function of anything. */
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  [name: string]: (...args: any[]) => any;
}

/** The names of the functions of an interface. */
export type FunctionNames<T> = {
  [K in keyof T]: T[K] extends AnyFunctions[string] ? K : never;
}[keyof T];

/** What a caller gets of a function's result when it asks for one value. */
export type FirstValue<R> = R extends Values<infer T>
  ? T extends readonly [infer First, ...unknown[]] ? First : T[number]
  : R;

/** What a caller gets of a function's result when it asks for all values. */
export type AllValues<R> = R extends Values<infer T> ? T : [R];

/** A peer's functions, called one way: no answer travels. */
export type RemoteSend<T> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  ? any
  : {
    readonly [K in FunctionNames<T>]: T[K] extends AnyFunctions[string]
      ? (...args: Parameters<T[K]>) => Promise<void>
      : never;
  };

/** A peer's functions, called for one value. */
export type RemoteValue<T> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  ? any
  : {
    readonly [K in FunctionNames<T>]: T[K] extends AnyFunctions[string] ? (
        ...args: Parameters<T[K]>
      ) => Promise<FirstValue<Awaited<ReturnType<T[K]>>>>
      : never;
  };

/** A peer's functions, called for all their values. */
export type RemoteValues<T> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  ? any
  : {
    readonly [K in FunctionNames<T>]: T[K] extends AnyFunctions[string] ? (
        ...args: Parameters<T[K]>
      ) => Promise<AllValues<Awaited<ReturnType<T[K]>>>>
      : never;
  };

/**
 * What implements an interface: its functions, each of which may be
 * asynchronous, and is called with a {@linkcode CallContext} as `this`. For a
 * wire without an interface that is any object of functions.
 */
export type ServedFunctions<T, W = unknown> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of the interface
  ? Record<string, (this: CallContext<W>, ...args: any[]) => unknown> | object
  : {
    readonly [K in FunctionNames<T>]: T[K] extends AnyFunctions[string] ? (
        this: CallContext<W>,
        ...args: Parameters<T[K]>
      ) => Awaited<ReturnType<T[K]>> | Promise<Awaited<ReturnType<T[K]>>>
      : never;
  };

/** The three ways to call a peer's functions. */
export interface Remotes<T> {
  /** Calls one way: the promise resolves when the call may leave. */
  readonly remote: RemoteSend<T>;
  /** Calls for one value. */
  readonly remoteValue: RemoteValue<T>;
  /** Calls for several values. */
  readonly remoteValues: RemoteValues<T>;
}

/** What the proxies ask of a wire. */
export interface Caller {
  /** Calls for an answer: one value, or the list of all. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown>;
  /** Calls one way. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void>;
}

/** Beyond this many names an untyped proxy no longer remembers functions. */
const REMEMBERED = 1_000;

/**
 * Makes the three proxies. Any string is a name but `"then"`: an object with
 * that method would be mistaken for a promise. `wire.call("then", …)` has it.
 *
 * @param caller Carries the calls out.
 * @param options The signal and the deadline of every call.
 * @returns The proxies, each made when it is first used.
 */
export function remotes<T>(caller: Caller, options?: CallOptions): Remotes<T> {
  let remote: RemoteSend<T> | undefined;
  let remoteValue: RemoteValue<T> | undefined;
  let remoteValues: RemoteValues<T> | undefined;
  return {
    get remote(): RemoteSend<T> {
      return remote ??= functionsOf<RemoteSend<T>>((name) => (...args) =>
        caller.send(name, args, options)
      );
    },
    get remoteValue(): RemoteValue<T> {
      return remoteValue ??= functionsOf<RemoteValue<T>>((name) => (...args) =>
        caller.call(name, args, false, options)
      );
    },
    get remoteValues(): RemoteValues<T> {
      return remoteValues ??= functionsOf<RemoteValues<T>>(
        (name) => (...args) => caller.call(name, args, true, options),
      );
    },
  };
}

/**
 * An object with a function for every name. The proxy stands behind it as its
 * prototype: a name is looked up there once, and is a plain property after.
 */
function functionsOf<R>(
  make: (name: string) => (...args: unknown[]) => Promise<unknown>,
): R {
  let remembered = 0;
  const behind = new Proxy(Object.create(null), {
    get(_target, name, receiver) {
      if (typeof name === "symbol" || name === "then") return undefined;
      const value = make(name);
      if (remembered < REMEMBERED) {
        remembered++;
        Object.defineProperty(receiver, name, { value });
      }
      return value;
    },
    set: () => false,
  });
  return Object.create(behind);
}
