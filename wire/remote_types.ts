/**
 * The types of what travels: how a function of an interface looks to the peer
 * that calls it, and to the one that serves it.
 *
 * @module
 */

import { keyOf } from "./_brand.ts";
import type { CallOptions } from "./call_options.ts";
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

/** Any function. */
export type AnyFunction = AnyFunctions[string];

/**
 * The names of the functions of an interface, of those too that it says may be
 * left out (`f?(): void`).
 */
export type FunctionNames<T> = {
  [K in keyof T]-?: [Exclude<T[K], undefined>] extends [never] ? never
    : Exclude<T[K], undefined> extends AnyFunction ? K
    : never;
}[keyof T];

/**
 * The names that a proxy answers by itself, because the language and its tools
 * call them: functions of such a name are called by `wire.call()`, and those of
 * a remote object by what `remoteCaller()` makes of it.
 */
export type LocalName =
  | "asymmetricMatch"
  | "constructor"
  | "hasOwnProperty"
  | "isPrototypeOf"
  | "propertyIsEnumerable"
  | "then"
  | "toJSON"
  | "toLocaleString"
  | "toString"
  | "valueOf";

/** The names of the functions of an interface that its proxies have. */
export type RemoteNames<T> = Exclude<FunctionNames<T>, LocalName>;

/** What a caller gets of a function's result when it asks for one value. */
export type FirstValue<R> = R extends Values<infer T>
  ? T extends readonly [infer First, ...unknown[]] ? First : T[number]
  : R;

/** What a caller gets of a function's result when it asks for all values. */
export type AllValues<R> = R extends Values<infer T> ? T : [R];

/** What arrives as it was sent. */
export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | Error
  | ArrayBuffer
  | ArrayBufferView;

/**
 * How a value of a type arrives at the other end: data as a copy, a function
 * as a {@linkcode RemoteFunction}, what iterates asynchronously as a
 * {@linkcode RemoteStream}.
 */
export type Received<T> = 0 extends 1 & T ? T // any stays any
  : unknown extends T ? T
  : T extends PlainValue | Reference ? T
  : T extends AnyFunction ? RemoteFunction<T>
  : T extends AsyncIterable<infer Item> ? RemoteStream<Received<Item>>
  : T extends ReadonlyMap<infer Key, infer Item>
    ? Map<Received<Key>, Received<Item>>
  : T extends ReadonlySet<infer Item> ? Set<Received<Item>>
  : T extends object ? { [K in keyof T]: ReceivedMember<K, T[K]> }
  : T;

/** How a property arrives: under `then`, no function can be called. */
export type ReceivedMember<K, T> = K extends "then"
  ? T extends AnyFunction ? RemoteObject<T> : Received<T>
  : Received<T>;

/** How arguments arrive. */
export type ReceivedList<L extends readonly unknown[]> = {
  [I in keyof L]: Received<L[I]>;
};

/** What may be passed as arguments: results that are not there yet, too. */
export type Arguments<L extends readonly unknown[]> = {
  [I in keyof L]: L[I] | RemotePromise<L[I]>;
};

/** The arguments of a function as its caller writes them. */
export type ArgumentsOf<F extends AnyFunction> = Arguments<Parameters<F>>;

/** What a caller gets of a function when it asks for one value. */
export type ResultOf<F extends AnyFunction> = Received<
  FirstValue<Awaited<ReturnType<F>>>
>;

/** What a caller gets of a function when it asks for all values. */
export type ResultsOf<F extends AnyFunction> = Received<
  AllValues<Awaited<ReturnType<F>>>
>;

/**
 * A peer's functions, called one way: no answer travels. Of a function that
 * came by reference it is the call of that.
 */
export type RemoteSend<T> = T extends AnyFunction
  ? (...args: Parameters<T>) => Promise<void>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : {
    readonly [K in RemoteNames<T>]: Exclude<T[K], undefined> extends
      infer F extends AnyFunction ? (...args: Parameters<F>) => Promise<void>
      : never;
  };

/** A peer's functions, called for one value. */
export type RemoteValue<T> = T extends AnyFunction
  ? (...args: ArgumentsOf<T>) => RemotePromise<ResultOf<T>>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : {
    readonly [K in RemoteNames<T>]: Exclude<T[K], undefined> extends
      infer F extends AnyFunction
      ? (...args: ArgumentsOf<F>) => RemotePromise<ResultOf<F>>
      : never;
  };

/** A peer's functions, called for all their values. */
export type RemoteValues<T> = T extends AnyFunction
  ? (...args: ArgumentsOf<T>) => Promise<ResultsOf<T>>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : {
    readonly [K in RemoteNames<T>]: Exclude<T[K], undefined> extends
      infer F extends AnyFunction
      ? (...args: ArgumentsOf<F>) => Promise<ResultsOf<F>>
      : never;
  };

/** The three ways to call functions of the other process. */
export interface Remotes<T> {
  /** Calls one way: the promise resolves when the call may leave. */
  readonly remote: RemoteSend<T>;
  /** Calls for one value. */
  readonly remoteValue: RemoteValue<T>;
  /** Calls for several values. */
  readonly remoteValues: RemoteValues<T>;
}

/**
 * What marks a reference, whichever copy of this module made it; nothing that
 * comes off a wire has it.
 */
export const REFERENCE: unique symbol = Symbol.for(keyOf("reference"));

/** What all references have, whatever they refer to. */
export interface Reference extends Disposable {
  /** For the wire alone. */
  readonly [REFERENCE]: object;
  /**
   * Aborts when the object can no longer be reached, with a `WireError`: its
   * wire has ended, its owner has forgotten it, or this reference was given
   * back.
   */
  readonly signal: AbortSignal;
}

/**
 * An object of the other process, or one that is to be passed by reference.
 * CMUCL's wires call it a remote object.
 *
 * Each time it arrives it has to be given back once: `using`, or
 * `[Symbol.dispose]()`. The object's owner keeps it until then.
 *
 * @typeParam T The interface of the object, or the type of the function.
 */
export interface RemoteObject<T> extends Remotes<T>, Reference {
  /**
   * The object's functions, called with options.
   *
   * @param options A signal, a deadline, metadata, what they do to streams.
   */
  with(options: CallOptions): Remotes<T>;
}

/** A function of the other process: call it like one of your own. */
export type RemoteFunction<F extends AnyFunction> =
  & RemoteObject<F>
  & ((...args: ArgumentsOf<F>) => RemotePromise<ResultOf<F>>);

/** What can be called on a result that has not come. */
export type ResultRemotes<T> = T extends RemoteObject<infer U> ? Remotes<U>
  : unknown extends T ? Remotes<AnyFunctions>
  : unknown;

/**
 * The promise of a call's value. Before it is there, it can be an argument of
 * further calls over the same wire; and where it is a remote object, that
 * object's functions can be called. Neither waits for the value to travel.
 *
 * One that rejects while nobody awaits it does not end the program: its error
 * is told to `onError`. A promise that is made of it, by `then()` say, is one
 * of your own, and has to be awaited.
 */
export type RemotePromise<T> =
  & Promise<T>
  & { readonly [REFERENCE]: object }
  & ResultRemotes<T>;

/**
 * A stream of the other process, to be taken once: by `for await`, or by its
 * `readable`. Leaving the loop, `cancel()` and `await using` tell the other
 * end, whose generator then runs its `finally`. Only `cancel()` waits for that.
 * The signal and the deadline of the call that brought it end it, too.
 *
 * @typeParam T The type of an item. Byte arrays may arrive in other parts.
 */
export interface RemoteStream<T> extends AsyncIterable<T>, AsyncDisposable {
  /** The same as a stream of the platform. */
  readonly readable: ReadableStream<T>;
  /**
   * Says that no more is wanted.
   *
   * @param reason Why; the producer learns of it.
   * @returns A promise that resolves when the producer has finished.
   */
  cancel(reason?: unknown): Promise<void>;
  /** Iterates; once. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined, undefined>;
}

/**
 * What implements an interface: its functions, each of which may be
 * asynchronous, and is called with a {@linkcode CallContext} as `this`. Those
 * that the interface says may be left out may be. For a wire without an
 * interface that is any object of functions.
 */
export type ServedFunctions<T, W = unknown> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of the interface
  ? Record<string, (this: CallContext<W>, ...args: any[]) => unknown> | object
  : {
    readonly [
      K in keyof T as K extends FunctionNames<T> ? K : never
    ]: Exclude<T[K], undefined> extends infer F extends AnyFunction ? (
        this: CallContext<W>,
        ...args: ReceivedList<Parameters<F>>
      ) => Awaited<ReturnType<F>> | Promise<Awaited<ReturnType<F>>>
      : never;
  };
