/**
 * The types of what travels: how a function of an interface looks to the peer
 * that calls it, and to the one that serves it.
 *
 * @module
 */

import type { REFERENCE } from "../codec/passing.ts";
import type { LeafTypes } from "../codec/value_kinds.ts";
import type { DECLARED } from "../codec/value_types.ts";
import type { CallContext, CallOptions, Values } from "./context.ts";

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

/**
 * The names that a function has of its own, which may be a namespace as well:
 * in a namespace, functions of such a name are called by `wire.call()`.
 */
export type FunctionOwnName = "apply" | "bind" | "call";

/**
 * Whether a member of an interface is a namespace: an object of functions, or
 * of namespaces in turn, that is no value to be sent and no class.
 */
export type IsNamespace<M, Depth extends readonly unknown[] = []> =
  Depth["length"] extends 10 ? false
    : [M] extends [never] ? false
    : unknown extends M ? false
    : typeof DECLARED extends keyof M ? false
    : M extends
      | PlainValue
      | Reference
      | AnyFunction
      | readonly unknown[]
      | AsyncIterable<unknown>
      | Iterable<unknown>
      | NoMap
      | Unsendable ? false
    : M extends object
      ? { [K in keyof M]: M[K] } extends M
        ? [FunctionNames<M> | NamespaceNames<M, [...Depth, 0]>] extends [never]
          ? false
        : true
      : false
    : false;

/** The names of the namespaces of an interface. */
export type NamespaceNames<T, Depth extends readonly unknown[] = []> = {
  [K in keyof T]-?: [IsNamespace<Exclude<T[K], undefined>, Depth>] extends
    [true] ? K : never;
}[keyof T];

/**
 * Where functions are called: on a wire, in a namespace of it, on an object.
 */
export type Place = "wire" | "namespace" | "object";

/** The names that the proxies of an interface have. */
export type RemoteNames<T, P extends Place = "wire"> = Exclude<
  P extends "object" ? FunctionNames<T> : FunctionNames<T> | NamespaceNames<T>,
  P extends "namespace" ? LocalName | FunctionOwnName : LocalName
>;

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
  | null
  | undefined
  | Error
  | LeafTypes[keyof LeafTypes];

/**
 * In the place of a type whose values cannot be sent. No value is of this type,
 * so that the type checker refuses what is given or used there.
 *
 * @typeParam Why Why not, and what to do; the checker's messages show it.
 *
 * @example
 * ```ts
 * import { WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair<{ find(pattern: RegExp): string }>();
 * // @ts-expect-error: A RegExp cannot be sent. Send its source and its flags.
 * const error = await near.remoteValue.find(/x/).catch((e: unknown) => e);
 * if (!(error instanceof WireError)) throw error;
 * if (error.code !== "unsupportedValue") throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface NotSendable<Why extends string> {
  /** For the type checker alone. */
  readonly "cannot be sent": Why;
}

/** Like {@linkcode NotSendable}: a function whose result cannot be sent. */
export interface ResultNotSendable<Why extends string> {
  /** For the type checker alone. */
  readonly "its result cannot be sent": Why;
}

/** What looks like a `Map` to the type checker, and is none. */
export type NoMap = URLSearchParams | Headers | FormData;

/** What the language and the platform have that no wire sends. */
export type Unsendable =
  | symbol
  | PromiseLike<unknown>
  | RegExp
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | WeakRef<WeakKey>
  | Values<readonly unknown[]>
  // deno-lint-ignore no-explicit-any -- whatever may be put into it
  | IteratorObject<unknown, unknown, any>
  | Blob
  | Request
  | Response
  | EventTarget
  | AbortController
  | WritableStream
  | SharedArrayBuffer;

/** Why a value of a type cannot be sent. */
export type WhyNot<T> = T extends symbol
  ? "A symbol cannot be sent. Send its description."
  : T extends PromiseLike<unknown>
    ? "A promise cannot be sent. Await it first, and send its value."
  : T extends RegExp ? "A RegExp cannot be sent. Send its source and its flags."
  : T extends WeakMap<WeakKey, unknown> | WeakSet<WeakKey> | WeakRef<WeakKey>
    ? "What is held weakly cannot be sent. Send a Map, a Set or the object."
  : T extends Values<readonly unknown[]>
    ? "values() is the whole result of a function, and no part of one."
  // deno-lint-ignore no-explicit-any -- whatever may be put into it
  : T extends IteratorObject<unknown, unknown, any>
    ? "An iterator cannot be sent. Send an array, or an async generator."
  : T extends AbortSignal
    ? "An AbortSignal cannot be sent. Call by with({ signal }): the function has this.signal."
  : "An instance of a class cannot be sent. Send a plain object with its data, pass it by reference with makeRemoteObject(), or declare it with valueType() and Declared<T>.";

/**
 * In which of its forms a type is wanted: what is taken to be sent; the same
 * for arguments, in which results may stand that are not there yet; what
 * arrives of it; the type itself where all of it can be sent, or where it is
 * data at every depth, which arrives as it was sent.
 */
export type TypeForm = "sent" | "argument" | "received" | "checked" | "data";

/** The form of what must not be a result that is not there yet. */
export type SettledForm<F extends TypeForm> = F extends "argument" ? "sent" : F;

/**
 * A type parameter of whoever calls, while nothing is known of it: it can be
 * given where itself is wanted. Never for a type that is known.
 */
export type Opaque<T> = [[T] extends [never] ? "open" : "known"] extends
  ["known"] ? never : T;

/** A type in one of its forms. */
export type Formed<T, F extends TypeForm> = F extends "received" ? FormOf<T, F>
  :
    | FormOf<T, F>
    | Opaque<T>
    | (F extends "argument" ? RemotePromise<T> : never);

/** A type that is known, in one of its forms. */
export type FormOf<T, F extends TypeForm> = 0 extends 1 & T ? T // any stays any
  : unknown extends T ? T
  : T extends PlainValue | Reference ? T
  // A class whose instances travel by a declared type.
  : typeof DECLARED extends keyof T ? T
  : T extends AnyFunction ? F extends "sent" | "argument" ? CallBack<T>
    : F extends "received" ? RemoteFunction<T>
    : F extends "data" ? NoData
    : T
  : T extends readonly unknown[]
    ? F extends "received" ? ReceivedItems<T> : SentItems<T, F>
  : T extends AsyncIterable<infer Item>
    ? F extends "received" ? RemoteStream<Formed<Item, F>>
    : F extends "data" ? NoData
    : AsyncIterable<Formed<Item, SettledForm<F>>>
  : T extends NoMap ? NotSendable<WhyNot<T>>
  : T extends ReadonlyMap<infer Key, infer Item>
    ? F extends "received" ? Map<Formed<Key, F>, Formed<Item, F>>
    : ReadonlyMap<Formed<Key, SettledForm<F>>, Formed<Item, F>>
  : T extends ReadonlySet<infer Item>
    ? F extends "received" ? Set<Formed<Item, F>>
    : ReadonlySet<Formed<Item, SettledForm<F>>>
  : T extends Unsendable ? NotSendable<WhyNot<T>>
  // A class is a function, of which there may be functions to call.
  : T extends abstract new (...args: never) => unknown
    ? F extends "received" ? RemoteObject<T> : F extends "data" ? NoData : T
  : T extends object
  // What is lost here are private members, which only classes have.
    ? { [K in keyof T]: T[K] } extends T ? FormedMembers<T, F>
    : NotSendable<WhyNot<T>>
  : T;

/**
 * The members of an object. Properties that go by symbols do not travel, and
 * under `then` no function can be called.
 */
export type FormedMembers<T, F extends TypeForm> = T extends
  Iterable<infer Item>
  ? Iterable<Item> extends T ? Iterable<Formed<Item, SettledForm<F>>>
  : FormedProperties<T, F>
  : FormedProperties<T, F>;

/** The properties of an object. */
export type FormedProperties<T, F extends TypeForm> = F extends "received"
  ? { [K in keyof T as Exclude<K, symbol>]: ReceivedMember<K, T[K]> }
  : {
    [K in keyof T]: [K, F] extends [symbol, "data"] ? NoData : Formed<T[K], F>;
  };

/** How a property arrives: under `then`, no function can be called. */
export type ReceivedMember<K, T> = K extends "then"
  ? T extends AnyFunction ? RemoteObject<T> : FormOf<T, "received">
  : FormOf<T, "received">;

/**
 * The items of an array that arrives. Short tuples are written out, since the
 * type checker puts off what is written so: a type may be a tuple of itself.
 */
export type ReceivedItems<T extends readonly unknown[]> =
  readonly T[number][] extends Readonly<T> ? FormOf<T[number], "received">[]
    : T extends readonly [infer A] ? [FormOf<A, "received">]
    : T extends readonly [infer A, infer B]
      ? [FormOf<A, "received">, FormOf<B, "received">]
    : T extends readonly [infer A, infer B, infer C]
      ? [FormOf<A, "received">, FormOf<B, "received">, FormOf<C, "received">]
    : HeadAndRest<T> extends [infer Head, infer Item]
      ? [FormOf<Head, "received">, ...FormOf<Item, "received">[]]
    : T extends AnyTuple
      ? { -readonly [I in keyof T]: FormOf<T[I], "received"> }
    // An array with properties of its own, which do not travel.
    : FormOf<T[number], "received">[];

/** The items of an array that is sent: see {@linkcode ReceivedItems}. */
export type SentItems<T extends readonly unknown[], F extends TypeForm> =
  readonly T[number][] extends Readonly<T> ? readonly Formed<T[number], F>[]
    : T extends readonly [infer A] ? readonly [Formed<A, F>]
    : T extends readonly [infer A, infer B]
      ? readonly [Formed<A, F>, Formed<B, F>]
    : T extends readonly [infer A, infer B, infer C]
      ? readonly [Formed<A, F>, Formed<B, F>, Formed<C, F>]
    : HeadAndRest<T> extends [infer Head, infer Item]
      ? readonly [Formed<Head, F>, ...Formed<Item, F>[]]
    : T extends AnyTuple ? { readonly [I in keyof T]: Formed<T[I], F> }
    : readonly Formed<T[number], F>[];

/** Any tuple; an array that is a mere array, too. */
export type AnyTuple =
  | readonly [unknown, ...unknown[]]
  | readonly [...unknown[], unknown]
  | readonly [unknown?, ...unknown[]];

/** The first item, and what any number of further ones are; or null. */
export type HeadAndRest<T> = T extends readonly [infer Head, ...infer Rest]
  ? readonly Rest[number][] extends Readonly<Rest> ? [Head, Rest[number]]
  : null
  : null;

/**
 * How a value of a type arrives at the other end: data as a copy, a function
 * as a {@linkcode RemoteFunction}, what iterates asynchronously as a
 * {@linkcode RemoteStream}, what cannot be sent as {@linkcode NotSendable}.
 *
 * @example
 * ```ts
 * import { type Received, wirePair } from "@remote/wire";
 *
 * interface Job {
 *   readonly name: string;
 *   onDone(text: string): void;
 * }
 * async function run({ name, onDone }: Received<Job>) {
 *   using done = onDone; // a RemoteFunction
 *   await done(`${name} is done.`);
 * }
 * const [near, far] = wirePair<{ run(job: Job): void }>();
 * far.serve({ run });
 * const texts: string[] = [];
 * await near.remoteValue.run({
 *   name: "Indexing",
 *   onDone: (text) => void texts.push(text),
 * });
 * if (texts[0] !== "Indexing is done.") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type Received<T> = IsData<T> extends "other" ? FormOf<T, "received">
  : T;

/**
 * What is taken where a value of a type is to be sent: a function may be
 * asynchronous, and nothing is taken for what cannot be sent, at any depth.
 *
 * @example
 * ```ts
 * import { type Sendable, wirePair } from "@remote/wire";
 *
 * interface Job {
 *   readonly name: string;
 *   onDone(): boolean;
 * }
 * const job: Sendable<Job> = {
 *   name: "index",
 *   onDone: () => Promise.resolve(true), // may be asynchronous
 * };
 * const [near, far] = wirePair<{ run(job: Job): boolean }>();
 * far.serve({
 *   async run({ onDone }) {
 *     using done = onDone;
 *     return await done();
 *   },
 * });
 * if (await near.remoteValue.run(job) !== true) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type Sendable<T> = IsData<T> extends "other" ? Formed<T, "sent"> : T;

/** The type itself, with {@linkcode NotSendable} for what cannot be sent. */
export type Checked<T> = Formed<T, "checked">;

/** What makes {@linkcode IsData} say no; no value is of this type. */
export interface NoData {
  /** For the type checker alone. */
  readonly "no data": true;
}

/**
 * Whether a type is data at every depth. Then it is the same at both ends,
 * keeps its name, and nothing more has to be found out.
 */
export type IsData<T> =
  [[T] extends [Formed<T, "data">] ? "data" : "other"] extends ["other"]
    ? "other"
    : "data";

/**
 * A function that is passed to the peer, which calls it: it may be
 * asynchronous, and gets its arguments as they arrive. Where nothing is to be
 * returned, it may return anything, as ever in TypeScript.
 */
export type CallBack<F extends AnyFunction> = (
  ...args: ReceivedList<Parameters<F>>
) => CallBackResult<Awaited<ReturnType<F>>>;

/** What such a function returns. */
export type CallBackResult<R> = [void, R] extends [R, void] ? R
  : Answer<R> | Promise<Answer<R>>;

/** What a function returns, whose caller is at the other end. */
export type Answer<R> =
  | (R extends Values<infer L> ? Values<SendableList<L>> : Sendable<R>)
  | Opaque<R>;

/** How arguments arrive. */
export type ReceivedList<L extends readonly unknown[]> = {
  [I in keyof L]: Received<L[I]>;
};

/** What is taken for arguments. */
export type SendableList<L extends readonly unknown[]> = {
  [I in keyof L]: Sendable<L[I]>;
};

/**
 * What may be passed as arguments: results that are not there yet, too, also
 * inside data, but neither in a `Set` nor as the key of a `Map`.
 */
export type Arguments<L extends readonly unknown[]> = {
  [I in keyof L]:
    | Sendable<L[I]>
    | RemotePromise<L[I]>
    | FormOf<L[I], "argument">;
};

/** The arguments of a function as its caller writes them. */
export type ArgumentsOf<F extends AnyFunction> = Arguments<Parameters<F>>;

/** The arguments of a function as its caller writes them, one way. */
export type SentArguments<F extends AnyFunction> = SendableList<Parameters<F>>;

/** What a caller gets of a function when it asks for one value. */
export type ResultOf<F extends AnyFunction> = Received<
  FirstValue<Awaited<ReturnType<F>>>
>;

/** What a caller gets of a function when it asks for all values. */
export type ResultsOf<F extends AnyFunction> = AllValues<
  Awaited<ReturnType<F>>
> extends infer L extends readonly unknown[] ? ReceivedList<L> : never;

/**
 * What a function is called on, if its result can be sent: anything. If not,
 * {@linkcode ResultNotSendable}, so that each call is refused.
 */
export type Callable<F extends AnyFunction> = CheckedResult<
  Awaited<ReturnType<F>>
>;

/** See {@linkcode Callable}. */
export type CheckedResult<R> = IsData<R> extends "data" ? unknown
  : CheckedParts<R>;

/** See {@linkcode Callable}: of what is not all data. */
export type CheckedParts<R> = [
  [R] extends [R extends Values<infer L> ? Values<CheckedList<L>> : Checked<R>]
    ? "sendable"
    : "not",
] extends ["not"] ? ResultNotSendable<
    [WhyResult<R>] extends [never] ? "A part of it cannot be." : WhyResult<R>
  >
  : unknown;

/** The types of a list themselves, where they can be sent. */
export type CheckedList<L extends readonly unknown[]> = {
  [I in keyof L]: Checked<L[I]>;
};

/** Why a result cannot be sent, where that is not too deep to be found. */
export type WhyResult<R> = WhyPart<
  R extends Values<infer L> ? CheckedList<L> : Checked<R>
>;

/** Why a part of something cannot be sent. */
export type WhyPart<T, Depth extends readonly unknown[] = []> =
  Depth["length"] extends 5 ? never
    : T extends NotSendable<infer Why> ? Why
    : T extends PlainValue | Reference | AnyFunction ? never
    : typeof DECLARED extends keyof T ? never
    : T extends readonly unknown[] ? WhyPart<T[number], [...Depth, 0]>
    : T extends AsyncIterable<infer Item> ? WhyPart<Item, [...Depth, 0]>
    : T extends ReadonlyMap<infer Key, infer Item>
      ? WhyPart<Key | Item, [...Depth, 0]>
    : T extends ReadonlySet<infer Item> ? WhyPart<Item, [...Depth, 0]>
    : T extends object
      ? { [K in keyof T]-?: WhyPart<T[K], [...Depth, 0]> }[keyof T]
    : never;

/**
 * A peer's functions, called one way: no answer travels. Of a function that
 * came by reference it is the call of that.
 *
 * @typeParam T The interface.
 * @typeParam P Whether that is a wire's, a namespace, or an object's, of whose
 * members only the functions can be called.
 *
 * @example
 * ```ts
 * import { type RemoteSend, wirePair } from "@remote/wire";
 *
 * interface Log {
 *   write(line: string): void;
 * }
 * function greet(log: RemoteSend<Log>): Promise<void> {
 *   return log.write("hello");
 * }
 * const [near, far] = wirePair<Log>();
 * const written = Promise.withResolvers<string>();
 * far.serve({ write: written.resolve });
 * await greet(near.remote);
 * if (await written.promise !== "hello") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type RemoteSend<T, P extends Place = "wire"> = T extends AnyFunction
  ? SendFunction<T>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : SendFunctions<T, P>;

/** A function that is called one way. */
export type SendFunction<F extends AnyFunction> = (
  ...args: SentArguments<F>
) => Promise<void>;

/** Functions that are called one way. */
export type SendFunctions<T, P extends Place> = {
  readonly [K in RemoteNames<T, P>]: Exclude<T[K], undefined> extends
    infer F extends AnyFunction ? SendFunction<F>
    : RemoteSend<Exclude<T[K], undefined>, "namespace">;
};

/**
 * A peer's functions, called for one value. See {@linkcode RemoteSend}.
 *
 * @example
 * ```ts
 * import { type RemoteValue, wirePair } from "@remote/wire";
 *
 * interface Users {
 *   users: { get(id: number): { name: string } };
 * }
 * async function nameOf(remote: RemoteValue<Users>, id: number) {
 *   return (await remote.users.get(id)).name;
 * }
 * const [near, far] = wirePair<Users>();
 * far.serve({ users: { get: (id) => ({ name: `user ${id}` }) } });
 * if (await nameOf(near.remoteValue, 1) !== "user 1") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type RemoteValue<T, P extends Place = "wire"> = T extends AnyFunction
  ? ValueFunction<T>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : ValueFunctions<T, P>;

/** A function that is called for one value. */
export type ValueFunction<F extends AnyFunction> = (
  this: Callable<F>,
  ...args: ArgumentsOf<F>
) => RemotePromise<ResultOf<F>>;

/** Functions that are called for one value. */
export type ValueFunctions<T, P extends Place> = {
  readonly [K in RemoteNames<T, P>]: Exclude<T[K], undefined> extends
    infer F extends AnyFunction ? ValueFunction<F>
    : RemoteValue<Exclude<T[K], undefined>, "namespace">;
};

/**
 * A peer's functions, called for all their values: {@linkcode RemoteSend}.
 *
 * @example
 * ```ts
 * import {
 *   type RemoteValues,
 *   type Values,
 *   values,
 *   wirePair,
 * } from "@remote/wire";
 *
 * interface Maths {
 *   divide(a: number, b: number): Values<[quotient: number, rest: number]>;
 * }
 * async function restOf(remote: RemoteValues<Maths>, a: number, b: number) {
 *   const [, rest] = await remote.divide(a, b);
 *   return rest;
 * }
 * const [near, far] = wirePair<Maths>();
 * far.serve({ divide: (a, b) => values(Math.floor(a / b), a % b) });
 * if (await restOf(near.remoteValues, 17, 5) !== 2) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type RemoteValues<T, P extends Place = "wire"> = T extends AnyFunction
  ? ValuesFunction<T>
  // deno-lint-ignore no-explicit-any -- nothing is known of an untyped peer
  : string extends keyof T ? any
  : ValuesFunctions<T, P>;

/** A function that is called for all its values. */
export type ValuesFunction<F extends AnyFunction> = (
  this: Callable<F>,
  ...args: ArgumentsOf<F>
) => Promise<ResultsOf<F>>;

/** Functions that are called for all their values. */
export type ValuesFunctions<T, P extends Place> = {
  readonly [K in RemoteNames<T, P>]: Exclude<T[K], undefined> extends
    infer F extends AnyFunction ? ValuesFunction<F>
    : RemoteValues<Exclude<T[K], undefined>, "namespace">;
};

/**
 * The three ways to call functions of the other process.
 *
 * @example Code that takes a wire, or a wire with options
 * ```ts
 * import { type Remotes, wirePair } from "@remote/wire";
 *
 * interface Counter {
 *   add(n: number): void;
 *   total(): number;
 * }
 * async function count({ remote, remoteValue }: Remotes<Counter>) {
 *   remote.add(1);
 *   remote.add(2);
 *   return await remoteValue.total();
 * }
 * const [near, far] = wirePair<Counter>();
 * let total = 0;
 * far.serve({ add: (n) => void (total += n), total: () => total });
 * if (await count(near) !== 3) throw new Error();
 * if (await count(near.with({ deadline: 60_000 })) !== 6) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface Remotes<T, P extends Place = "wire"> {
  /** Calls one way: the promise resolves when the call may be sent. */
  readonly remote: RemoteSend<T, P>;
  /** Calls for one value. */
  readonly remoteValue: RemoteValue<T, P>;
  /** Calls for several values. */
  readonly remoteValues: RemoteValues<T, P>;
}

/** What all references have, whatever they refer to. */
export interface Reference extends Disposable {
  /** For the wire alone. */
  readonly [REFERENCE]: object;
  /**
   * Aborts when the object can no longer be reached, with a `WireError`: its
   * wire has ended, its owner has forgotten it, or this reference was released.
   */
  readonly signal: AbortSignal;
}

/**
 * An object of the other process, or one that is to be passed by reference.
 * CMUCL's wires call it a remote object.
 *
 * Each time it arrives it has to be released once: `using`, or
 * `[Symbol.dispose]()`. The object's owner keeps it until then.
 *
 * @typeParam T The interface of the object, or the type of the function.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, type RemoteObject, wirePair } from "@remote/wire";
 *
 * class Counter {
 *   #count = 0;
 *   increment(): number {
 *     return ++this.#count;
 *   }
 * }
 * interface Counters {
 *   make(): RemoteObject<Counter>;
 * }
 * const [near, far] = wirePair<Counters>();
 * far.serve({ make: () => makeRemoteObject(new Counter()) });
 * {
 *   using counter = await near.remoteValue.make();
 *   counter.remote.increment();
 *   if (await counter.remoteValue.increment() !== 2) throw new Error();
 * }
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface RemoteObject<T> extends Remotes<T, "object">, Reference {
  /**
   * The object's functions, called with options.
   *
   * @param options A signal, a deadline, metadata, what they do to streams.
   */
  with(options: CallOptions): Remotes<T, "object">;
}

/**
 * A function of the other process: call it like one of your own.
 *
 * @example
 * ```ts
 * import { type RemoteFunction, wirePair } from "@remote/wire";
 *
 * interface Clock {
 *   subscribe(onTick: (n: number) => string): void;
 * }
 * async function tickOnce(listener: RemoteFunction<(n: number) => string>) {
 *   using onTick = listener;
 *   if (await onTick(1) !== "tick 1") throw new Error();
 * }
 * const [near, far] = wirePair<Clock>();
 * far.serve({ subscribe: tickOnce });
 * await near.remoteValue.subscribe((n) => `tick ${n}`);
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type RemoteFunction<F extends AnyFunction> =
  & RemoteObject<F>
  & ValueFunction<F>;

/** What can be called on a result that has not come. */
export type ResultRemotes<T> = T extends RemoteObject<infer U>
  ? Remotes<U, "object">
  : unknown extends T ? Remotes<AnyFunctions>
  : unknown;

/**
 * What the promise of a call has and no other promise, so that the type
 * checker's message says why another one is refused, and what to do.
 */
export interface PromiseOfCall {
  /** For the type checker alone; it is never there. */
  readonly "Only the promise of a call can be sent. Await any other, and send its value.":
    true;
}

/**
 * The promise of a call's value. Before it is there, it can be an argument of
 * further calls over the same wire; and where it is a remote object, that
 * object's functions can be called. Neither waits for the value to travel.
 *
 * One that rejects while nobody awaits it does not end the program: its error
 * is told to `onError`. A promise that is made of it, by `then()` say, is one
 * of your own, and has to be awaited.
 *
 * @example A result as an argument, before it arrives
 * ```ts
 * import { wirePair } from "@remote/wire";
 *
 * interface Files {
 *   newest(): string;
 *   size(name: string): number;
 * }
 * const [near, far] = wirePair<Files>();
 * far.serve({ newest: () => "a.log", size: (name) => name.length });
 * const newest = near.remoteValue.newest(); // not awaited: one round trip
 * if (await near.remoteValue.size(newest) !== 5) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type RemotePromise<T> =
  & Promise<T>
  & PromiseOfCall
  & ResultRemotes<T>;

/**
 * A stream of the other process, to be taken once: by `for await`, or by its
 * `readable`. Leaving the loop, `cancel()` and `await using` tell the other
 * end, whose generator then runs its `finally`. Only `cancel()` waits for that.
 * The signal and the deadline of the call that brought it end it, too.
 *
 * @typeParam T The type of an item. Byte arrays may arrive in other parts.
 *
 * @example
 * ```ts
 * import { type RemoteStream, wirePair } from "@remote/wire";
 *
 * interface Numbers {
 *   count(): AsyncIterable<number>;
 * }
 * const [near, far] = wirePair<Numbers>();
 * const finished = Promise.withResolvers<void>();
 * far.serve({
 *   async *count() {
 *     try {
 *       for (let n = 1;; n++) yield n;
 *     } finally {
 *       finished.resolve();
 *     }
 *   },
 * });
 * const numbers: RemoteStream<number> = await near.remoteValue.count();
 * for await (const n of numbers) {
 *   if (n === 3) break; // the other end runs its `finally`
 * }
 * await finished.promise;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface RemoteStream<T> extends AsyncIterable<T>, AsyncDisposable {
  /** The same as a stream of the platform. */
  readonly readable: ReadableStream<T>;
  /**
   * The same as a byte stream, for a stream whose items are `Uint8Array`s: a
   * reader may bring a buffer of its own, `getReader({ mode: "byob" })`, and
   * what it waits for is copied there without a detour. It fails with
   * `invalidArgument`, and cancels the stream, at an item that is no bytes.
   */
  readonly bytes: ReadableStream<Uint8Array<ArrayBuffer>>;
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
 * asynchronous, and is called with a {@linkcode CallContext} as `this`, and its
 * namespaces. Those that the interface says may be left out may be. For a wire
 * without an interface that is any object of functions.
 *
 * @example
 * ```ts
 * import { type ServedFunctions, wirePair } from "@remote/wire";
 *
 * interface Users {
 *   users: { name(id: number): string };
 * }
 * const functions: ServedFunctions<Users> = {
 *   users: {
 *     async name(id) {
 *       this.signal.throwIfAborted(); // the caller gave up
 *       return await Promise.resolve(`user ${id}`);
 *     },
 *   },
 * };
 * const [near, far] = wirePair<Users>({}, { functions });
 * if (await near.remoteValue.users.name(1) !== "user 1") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type ServedFunctions<T, W = unknown> = string extends keyof T
  // deno-lint-ignore no-explicit-any -- nothing is known of the interface
  ? Record<string, (this: CallContext<W>, ...args: any[]) => unknown> | object
  : {
    readonly [
      K in keyof T as K extends FunctionNames<T> | NamespaceNames<T> ? K : never
    ]: Exclude<T[K], undefined> extends infer F extends AnyFunction
      ? ServedFunction<F, W>
      : ServedFunctions<Exclude<T[K], undefined>, W>;
  };

/** What implements a function of an interface. */
export type ServedFunction<F extends AnyFunction, W = unknown> = (
  this: CallContext<W>,
  ...args: ReceivedList<Parameters<F>>
) =>
  | Answer<Awaited<ReturnType<F>>>
  | Promise<Answer<Awaited<ReturnType<F>>>>
  | Opaque<ReturnType<F>>;
