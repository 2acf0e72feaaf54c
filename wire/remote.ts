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
  const make = (functionOf: (name: string) => Call) =>
    functionsOf(functionOf, isCallable);
  let remote: RemoteSend<T> | undefined;
  let remoteValue: RemoteValue<T> | undefined;
  let remoteValues: RemoteValues<T> | undefined;
  return {
    get remote(): RemoteSend<T> {
      return remote ??= make((name) => (...args) =>
        caller.send(name, args, options)
      ) as RemoteSend<T>;
    },
    get remoteValue(): RemoteValue<T> {
      return remoteValue ??= make((name) => (...args) =>
        caller.call(name, args, false, options)
      ) as RemoteValue<T>;
    },
    get remoteValues(): RemoteValues<T> {
      return remoteValues ??= make((name) => (...args) =>
        caller.call(name, args, true, options)
      ) as RemoteValues<T>;
    },
  };
}

/**
 * An object with a function for every name. The proxy stands behind it as its
 * prototype: a name is looked up there once, and is a plain property after.
 */
function functionsOf(
  make: (name: string) => Call,
  isCallable: boolean,
): unknown {
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
  if (!isCallable) return Object.create(behind);
  const itself = make("");
  // Nothing of its own, so that every name is found behind it.
  Reflect.deleteProperty(itself, "name");
  Reflect.deleteProperty(itself, "length");
  return Object.setPrototypeOf(itself, behind);
}
