/**
 * The typed proxies: a peer's functions as properties, over a narrow
 * {@linkcode Caller}.
 *
 * @module
 */

import type { CallOptions } from "./context.ts";
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

/** What the proxies are, for who looks at them. */
const SHOWN = "RemoteFunctions";
const shown = (): string => `[object ${SHOWN}]`;
const common = Object.prototype;

/**
 * What the language, and tools that show or compare values, look up and call
 * by themselves: a proxy answers it, and it never reaches a peer.
 */
const OWN: ReadonlyMap<string | symbol, unknown> = new Map<
  string | symbol,
  unknown
>([
  ["then", undefined],
  ["toJSON", undefined],
  ["constructor", undefined],
  ["asymmetricMatch", undefined],
  ["toString", shown],
  ["toLocaleString", shown],
  ["valueOf", common.valueOf],
  ["hasOwnProperty", common.hasOwnProperty],
  ["isPrototypeOf", common.isPrototypeOf],
  ["propertyIsEnumerable", common.propertyIsEnumerable],
  [Symbol.toStringTag, SHOWN],
  [Symbol.for("nodejs.util.inspect.custom"), shown],
]);

/**
 * Makes the three proxies. Any string is a name but those that the language
 * calls by itself: `then`, `toJSON`, `toString`, `valueOf` and what else all
 * objects have, and `asymmetricMatch`, which libraries for tests call.
 * `wire.call("toString", …)` and {@linkcode Caller.call} have them.
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
    return this.#remote ??= this.#functions((name) => (...args) =>
      this.#caller.send(name, args, this.#options)
    ) as RemoteSend<T>;
  }

  get remoteValue(): RemoteValue<T> {
    return this.#remoteValue ??= this.#functions((name) => (...args) =>
      this.#caller.call(name, args, false, this.#options)
    ) as RemoteValue<T>;
  }

  get remoteValues(): RemoteValues<T> {
    return this.#remoteValues ??= this.#functions((name) => (...args) =>
      this.#caller.call(name, args, true, this.#options)
    ) as RemoteValues<T>;
  }

  #functions(make: ObjectDecoder["make"]): unknown {
    return functionsOf(make, this.#isCallable);
  }
}

/** What an object with a function for every name is made of. */
interface ObjectDecoder {
  readonly make: (name: string) => Call;
  /** How many of them are properties by now. */
  remembered: number;
}

const MAKER = Symbol("maker");

/** Tools go down the prototypes until they find one that has this. */
const ground: object = Object.create(null, { toString: { value: shown } });

/**
 * Stands behind all objects with a function for every name, as their prototype:
 * a name is looked up here once, and is a plain property after. A proxy for
 * each of them would take most of the memory, and of the time to make one.
 */
const behind: object = new Proxy(ground, {
  get(_target, name, receiver) {
    if (typeof name === "symbol" || OWN.has(name)) return OWN.get(name);
    const maker: ObjectDecoder | undefined = receiver?.[MAKER];
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
  const maker: ObjectDecoder = { make, remembered: 0 };
  const functions = isCallable ? make("") : Object.create(behind);
  if (isCallable) {
    // Nothing of its own, so that every name is found behind it.
    Reflect.deleteProperty(functions, "name");
    Reflect.deleteProperty(functions, "length");
    Object.setPrototypeOf(functions, behind);
  }
  return Object.defineProperty(functions, MAKER, { value: maker });
}
