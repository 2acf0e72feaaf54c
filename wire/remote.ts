/**
 * The typed proxies: a peer's functions as properties, over a narrow
 * {@linkcode Caller}.
 *
 * @module
 */

import type { CallOptions } from "./call_options.ts";
import type {
  Remotes,
  RemoteSend,
  RemoteValue,
  RemoteValues,
} from "./remote_types.ts";

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

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * Makes the three proxies. Any string is a name but `"then"`: an object with
 * that method would be mistaken for a promise. `wire.call("then", …)` has it.
 *
 * @param caller Carries the calls out.
 * @param options The signal, the deadline and the metadata of every call.
 * @param isCallable Whether the proxies can be called themselves, as those of
 * what may be a function: that is a call of the name "".
 * @returns The proxies, each made when it is first used.
 */
export function remotes<T>(
  caller: Caller,
  options?: CallOptions,
  isCallable = false,
): Remotes<T> {
  return new Proxies(caller, options, isCallable);
}

class Proxies<T> implements Remotes<T> {
  readonly #caller: Caller;
  readonly #options: CallOptions | undefined;
  readonly #isCallable: boolean;
  #remote: RemoteSend<T> | undefined;
  #remoteValue: RemoteValue<T> | undefined;
  #remoteValues: RemoteValues<T> | undefined;

  constructor(
    caller: Caller,
    options: CallOptions | undefined,
    isCallable: boolean,
  ) {
    this.#caller = caller;
    this.#options = options;
    this.#isCallable = isCallable;
  }

  get remote(): RemoteSend<T> {
    return this.#remote ??= this.#functions(
      (caller, options, name) => (...args) => caller.send(name, args, options),
    ) as RemoteSend<T>;
  }

  get remoteValue(): RemoteValue<T> {
    return this.#remoteValue ??= this.#functions(
      (caller, options, name) => (...args) =>
        caller.call(name, args, false, options),
    ) as RemoteValue<T>;
  }

  get remoteValues(): RemoteValues<T> {
    return this.#remoteValues ??= this.#functions(
      (caller, options, name) => (...args) =>
        caller.call(name, args, true, options),
    ) as RemoteValues<T>;
  }

  #functions(
    make: (
      caller: Caller,
      options: CallOptions | undefined,
      name: string,
    ) => Call,
  ): unknown {
    const caller = this.#caller;
    const options = this.#options;
    return functionsOf((name) => make(caller, options, name), this.#isCallable);
  }
}

/** Makes the functions of an object, and counts those that it remembers. */
const MAKER = Symbol("maker");

interface Maker {
  readonly make: (name: string) => Call;
  remembered: number;
}

/**
 * Stands behind all objects with a function for every name, as their prototype:
 * a name is looked up here once, and is a plain property after. Objects that
 * had a proxy each would be objects of a kind each, and the engine slow to find
 * the same name in many of them.
 */
const behind: object = new Proxy(Object.create(null), {
  get(_target, name, receiver) {
    if (typeof name === "symbol" || name === "then") return undefined;
    const maker: Maker | undefined = receiver?.[MAKER];
    if (maker === undefined) return undefined;
    const value = maker.make(name);
    if (maker.remembered < REMEMBERED) {
      maker.remembered++;
      Object.defineProperty(receiver, name, { value });
    }
    return value;
  },
  set: () => false,
});

/** An object with a function for every name. */
function functionsOf(
  make: (name: string) => Call,
  isCallable: boolean,
): unknown {
  const maker: Maker = { make, remembered: 0 };
  const functions = isCallable ? make("") : Object.create(behind);
  if (isCallable) {
    // Nothing of its own, so that every name is found behind it.
    Reflect.deleteProperty(functions, "name");
    Reflect.deleteProperty(functions, "length");
    Object.setPrototypeOf(functions, behind);
  }
  return Object.defineProperty(functions, MAKER, { value: maker });
}
