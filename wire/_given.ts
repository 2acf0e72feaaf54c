/**
 * Reads what a program gave, and refuses what it cannot have meant: hooks that
 * are no functions, which would be found out when they are called, late or
 * never; and gates that are undefined, which would stand open.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { checkOptionKeys } from "./_option_keys.ts";
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
 * Checks who is to hear of an end.
 *
 * @param options What a program passed.
 * @throws {WireError} `invalidArgument` for an `onDeath` that is neither a
 * function nor, as in the seed, nil.
 */
export function checkOnDeath(options: { readonly onDeath?: unknown }): void {
  if (!isNil(options.onDeath)) checkHooks(options, ["onDeath"]);
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

/** How a function takes a hook, and options. */
export interface HookForms {
  /** What errors call the function, such as `"createRequestServer()"`. */
  readonly what: string;
  /** The name of the hook, also among the options. */
  readonly hook: string;
  /** Every option that there is. */
  readonly known: Readonly<Record<string, true>>;
}

/**
 * Reads the last arguments of a function that takes options, with a hook among
 * them; or, as the seed has it, the hook and then options.
 *
 * @typeParam Hook The hook.
 * @typeParam Options The options.
 * @param first Options, or the hook. Null is none, as is undefined.
 * @param second Options beside a hook. Null is none, as is undefined.
 * @param forms What the function takes.
 * @returns The hook, wherever it was; and the options, which may have it too.
 * @throws {WireError} `invalidArgument` for anything else, and for a hook, or
 * options, that are given twice.
 */
export function hookAndOptions<Hook, Options extends object>(
  first: unknown,
  second: unknown,
  { what, hook: name, known }: HookForms,
): { hook: Hook | undefined; options: Options } {
  const isHook = typeof first === "function";
  if (!isHook && typeof first !== "object" && first !== undefined) {
    throw new WireError(
      "invalidArgument",
      `${what} takes options, which are an object, or ${name}, which is a function or null, and not ${
        shown(first)
      }.`,
    );
  }
  const isTwice = !isHook && !isNil(first) && !isNil(second);
  if (isTwice) throw twice(what, "options", "Pass them in one object.");
  const options = (isHook ? second : first ?? second) ?? {};
  checkOptionKeys(options, known, what);
  const among = (options as Readonly<Record<string, unknown>>)[name];
  if (!isNil(among)) checkHook(among, `The option "${name}"`);
  if (isHook && !isNil(among)) {
    throw twice(what, name, "It is an argument, or an option.");
  }
  const hook = isHook ? first : among ?? undefined;
  return { hook: hook as Hook | undefined, options: options as Options };
}

function twice(what: string, name: string, cure: string): WireError {
  return new WireError(
    "invalidArgument",
    `${what} is given ${name} twice. ${cure}`,
  );
}

/** Whether something is what Lisp calls nil. */
function isNil(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
