/**
 * The typed proxies: a peer's functions as properties, over a narrow
 * {@linkcode Caller}.
 *
 * @module
 */

import type { CallOptions } from "./context.ts";
import type {
  Place,
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

const { apply, bind, call } = Function.prototype;

/**
 * What else functions have: a function of a name may be a namespace as well, of
 * which these are no functions. Whoever is handed a function may call it so.
 */
const OWN_OF_FUNCTIONS: ReadonlyMap<string | symbol, unknown> = new Map<
  string | symbol,
  unknown
>([...OWN, ["apply", apply], ["bind", bind], ["call", call]]);

/**
 * Makes the three proxies. Any string is a name but those that the language
 * calls by itself: `then`, `toJSON`, `toString`, `valueOf` and what else all
 * objects have, and `asymmetricMatch`, which libraries for tests call.
 * `wire.call("toString", …)` and {@linkcode Caller.call} have them.
 *
 * What was served in a namespace has its path as its name: `users.get(1)` is a
 * call of the name "users.get".
 *
 * @param caller Carries the calls out.
 * @param options The signal, the deadline and the metadata of every call.
 * @param isObject Whether the functions are those of an object, which may be a
 * function itself, rather than what a peer serves: then the proxies can be
 * called, which is a call of the name "", and there are no namespaces.
 * @returns The proxies, each made when it is first used.
 */
export function remotes<T, P extends Place = "wire">(
  caller: Caller,
  options?: CallOptions,
  isObject = false,
): Remotes<T, P> {
  return new Proxies(caller, options, isObject);
}

class Proxies<T, P extends Place> implements Remotes<T, P> {
  readonly #caller: Caller;
  readonly #options: CallOptions | undefined;
  readonly #isObject: boolean;
  #remote: RemoteSend<T, P> | undefined;
  #remoteValue: RemoteValue<T, P> | undefined;
  #remoteValues: RemoteValues<T, P> | undefined;

  constructor(
    caller: Caller,
    options: CallOptions | undefined,
    isObject: boolean,
  ) {
    this.#caller = caller;
    this.#options = options;
    this.#isObject = isObject;
  }

  get remote(): RemoteSend<T, P> {
    return this.#remote ??= this.#functions((name) => (...args) =>
      this.#caller.send(name, args, this.#options)
    ) as RemoteSend<T, P>;
  }

  get remoteValue(): RemoteValue<T, P> {
    return this.#remoteValue ??= this.#functions((name) => (...args) =>
      this.#caller.call(name, args, false, this.#options)
    ) as RemoteValue<T, P>;
  }

  get remoteValues(): RemoteValues<T, P> {
    return this.#remoteValues ??= this.#functions((name) => (...args) =>
      this.#caller.call(name, args, true, this.#options)
    ) as RemoteValues<T, P>;
  }

  #functions(make: MakeCall): unknown {
    if (this.#isObject) return objectFunctions(make);
    // What was made for a call with options is seldom used for another.
    const isBrief = this.#options !== undefined;
    const holder = new Holder();
    holder[MAKER] = new Functions(make, "", isBrief);
    return holder;
  }
}

/** Makes the function of a name. */
type MakeCall = (name: string) => Call;

/** Where the functions of a wire, of a namespace or an object come from. */
class Functions {
  protected readonly make: MakeCall;
  readonly #prefix: string;
  readonly #isBrief: boolean;
  /** How many names were looked up; fewer where the first is not remembered. */
  #count: number;

  /**
   * @param make Makes each.
   * @param prefix What their names begin with.
   * @param isBrief Whether the first one is likely to be the only one.
   */
  constructor(make: MakeCall, prefix: string, isBrief: boolean) {
    this.make = make;
    this.#prefix = prefix;
    this.#isBrief = isBrief;
    this.#count = isBrief ? -1 : 0;
  }

  /** What a name is for whoever has the object, looked up for the first time. */
  find(name: string, holder: object): unknown {
    const found = this.found(this.#prefix + name);
    const count = this.#count++;
    if (count >= 0 && count < REMEMBERED) {
      Object.defineProperty(holder, name, { value: found });
    }
    return found;
  }

  /** A function that is a namespace as well. */
  protected found(name: string): unknown {
    const inner = new Functions(this.make, `${name}.`, this.#isBrief);
    return withFunctions(this.make(name), inner, behindFunctions);
  }
}

/** The functions of an object, each of which is nothing else. */
class ObjectFunctions extends Functions {
  protected override found(name: string): unknown {
    return this.make(name);
  }
}

/** Where an object with a function for every name has what makes them. */
const MAKER = Symbol("functions");

/** Tools go down the prototypes until they find one that has this. */
const GROUND = { toString: { value: shown } };

/**
 * Stands behind all objects with a function for every name, as their prototype:
 * a name is looked up here once, and is a plain property after. A proxy for
 * each of them would take most of the memory, and of the time to make one.
 */
const behind: object = new Proxy(
  Object.create(null, GROUND),
  handlerWith(OWN),
);

/** An object with a function for every name. */
class Holder {
  /** Cheap to make, as it would not be behind another property. */
  [MAKER]: Functions | undefined = undefined;

  static {
    Reflect.deleteProperty(this.prototype, "constructor");
    Object.setPrototypeOf(this.prototype, behind);
  }
}

/** The same behind functions that are namespaces as well. */
const behindFunctions: object = new Proxy(
  Object.create(Function.prototype, GROUND),
  handlerWith(OWN_OF_FUNCTIONS),
);

function handlerWith(
  own: ReadonlyMap<string | symbol, unknown>,
): ProxyHandler<object> {
  return {
    get(_ground, name, holder) {
      if (typeof name === "symbol" || own.has(name)) return own.get(name);
      const maker: Functions | undefined = holder?.[MAKER];
      return maker?.find(name, holder);
    },
    set: () => false,
  };
}

/** The functions of an object, which may be one itself. */
function objectFunctions(make: MakeCall): object {
  return withFunctions(make(""), new ObjectFunctions(make, "", false), behind);
}

/**
 * Gives a function one for every name; it has nothing else of its own, so that
 * every name is found behind it.
 */
function withFunctions(call: Call, maker: Functions, behind: object): object {
  // To assign costs far less than to define, and each with() pays for it.
  (call as Call & { [MAKER]?: Functions })[MAKER] = maker;
  Object.setPrototypeOf(call, behind);
  Reflect.deleteProperty(call, "name");
  Reflect.deleteProperty(call, "length");
  return call;
}
