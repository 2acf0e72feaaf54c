/**
 * Refuses what a program gave and cannot have meant: hooks that are no
 * functions, which would be found out when they are called, late or never; and
 * gates that are undefined, which would stand open.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { shown } from "./_shown.ts";

/**
 * Checks the hooks among some options.
 *
 * @param options What a program passed.
 * @param names The names of those options that are functions.
 * @throws {WireError} `invalidArgument` for one that is there, not undefined,
 * and no function.
 */
export function checkHooks<K extends string>(
  options: { readonly [Name in K]?: unknown },
  names: readonly K[],
): void {
  for (const name of names) {
    const hook: unknown = options[name];
    if (hook !== undefined) checkHook(hook, `The option "${name}"`);
  }
}

/**
 * Checks a hook.
 *
 * @param hook What a program passed.
 * @param what What it is, as the message begins.
 * @throws {WireError} `invalidArgument` for what is no function.
 */
export function checkHook(hook: unknown, what: string): void {
  if (typeof hook === "function") return;
  throw new WireError(
    "invalidArgument",
    `${what} is a function, not ${shown(hook)}.`,
  );
}

/**
 * Checks that a gate, such as the secret that clients have to show, is not
 * there and undefined, as a variable is that is not set.
 *
 * @param options The options, which may lack it.
 * @param key Its name among them.
 * @param name What the option is called.
 * @throws {WireError} `invalidArgument` for an option that is there and
 * undefined.
 */
export function checkGate<K extends string>(
  options: { readonly [Name in K]?: unknown },
  key: K,
  name: string = key,
): void {
  if (!(key in options) || options[key] !== undefined) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is undefined: the variable that it comes from may not be set. Leave the option out to let everybody in.`,
  );
}
