/**
 * Reads what a program gave, and refuses what it cannot have meant: hooks that
 * are no functions, which would be found out when they are called, late or
 * never; and gates that are undefined, which would stand open.
 *
 * @module
 */

import {
  errorMessage,
  isA,
  isThenable,
  kindOf,
  type Report,
  shown,
  viewKind,
  WireError,
} from "./errors.ts";

/**
 * The error of what a program passed in the place of something else.
 *
 * @param expected What it has to be, as the message begins.
 * @param came What it is.
 * @returns `invalidArgument`.
 */
export function mistaken(expected: string, came: unknown): WireError {
  return new WireError("invalidArgument", `${expected}, not ${shown(came)}.`);
}

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
 * Which function something does not have.
 *
 * @param value What a program passed.
 * @param names The names of functions.
 * @returns The first that it lacks; undefined where it has all.
 */
export function lackingOf<K extends string>(
  value: unknown,
  names: readonly K[],
): K | undefined {
  try {
    const all = Object(value);
    return names.find((name) => typeof all[name] !== "function");
  } catch {
    // It cannot be looked at.
    return names[0];
  }
}

/**
 * Checks that something has the functions that are used of it: one that is
 * missing would be found out when it is called.
 *
 * @param value What a program passed.
 * @param names The names of the functions.
 * @param expected What it has to be, as the message begins.
 * @throws {WireError} `invalidArgument` where one is missing, with its name.
 */
export function checkFunctions(
  value: unknown,
  names: readonly string[],
  expected: string,
): void {
  const lacking = lackingOf(value, names);
  if (lacking === undefined) return;
  throw new WireError(
    "invalidArgument",
    `${expected}. What it was given, ${shown(value)}, has no ${lacking}().`,
  );
}

/**
 * Checks an option that has functions.
 *
 * @param part What a program passed.
 * @param option What the option is called.
 * @param names The names of the functions.
 * @param what What such a thing is, for the message.
 * @throws {WireError} `invalidArgument` where one is missing.
 */
export function checkPart(
  part: unknown,
  option: string,
  names: readonly string[],
  what: string,
): void {
  if (lackingOf(part, names) === undefined) return;
  throw mistaken(
    `The option "${option}" has the functions ${
      names.join("() and ")
    }(): it is ${what}`,
    part,
  );
}

/**
 * Checks the clock among some options.
 *
 * @param clock What a program passed; undefined is the platform's.
 * @throws {WireError} `invalidArgument` for what is no clock.
 */
export function checkClock(clock: unknown): void {
  if (clock === undefined) return;
  checkPart(clock, "clock", ["now", "after"], "an object with both");
}

/**
 * Checks bytes.
 *
 * @param bytes What a program passed.
 * @param what What it is, as the message begins.
 * @throws {WireError} `invalidArgument` for what is no `Uint8Array`.
 */
export function checkBytes(bytes: unknown, what: string): void {
  if (ArrayBuffer.isView(bytes) && viewKind(bytes) === "Uint8Array") return;
  throw mistaken(`${what} is a Uint8Array`, bytes);
}

/**
 * Checks a text.
 *
 * @param text What a program passed.
 * @param what What it is, as the message begins.
 * @throws {WireError} `invalidArgument` for what is no text.
 */
export function checkText(text: unknown, what: string): void {
  if (typeof text !== "string") throw mistaken(`${what} is a text`, text);
}

/**
 * Checks whether a call by name is to get all values: what is neither true nor
 * false may have been meant for another argument.
 *
 * @param wantsValues What a program passed.
 * @throws {WireError} `invalidArgument` for anything but true and false.
 */
export function checkWantsValues(wantsValues: unknown): void {
  if (typeof wantsValues === "boolean") return;
  throw mistaken(
    "In call(name, args, wantsValues, options), wantsValues is true or false",
    wantsValues,
  );
}

/**
 * Checks options that are true or false. A text would count as true, that of a
 * variable that says "false" as well.
 *
 * @param options What a program passed.
 * @param names The names of those options.
 * @throws {WireError} `invalidArgument` for anything else but undefined.
 */
export function checkFlags<K extends string>(
  options: { readonly [Name in K]?: unknown },
  names: readonly K[],
): void {
  for (const name of names) {
    const flag: unknown = options[name];
    if (flag === undefined || typeof flag === "boolean") continue;
    throw new WireError(
      "invalidArgument",
      `The option "${name}" is true or false, not ${shown(flag)}.`,
    );
  }
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
 * @param second Options in addition to a hook. Null is none, as is undefined.
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

// Refuses options that are not known: one that is misspelt would be left out
// in silence, and with it the limit or the gate that it was to set.

/**
 * A name as far from another as this, or farther, is no slip of the keys; nor
 * is one of which more than a third of the letters differ.
 */
const FAR = 4;
/** A name that begins or ends another has so many letters. */
const EDGE = 3;

/**
 * Checks an object of options.
 *
 * @param options What a program passed.
 * @param known Every option that there is.
 * @param what What the options are of, for the message, such as `"startUpServer()"`.
 * @param more Where there are more options: a sentence for the message.
 * @throws {WireError} `invalidArgument` for what is no object of options, and
 * for an option that is not known; the message names the nearest that is.
 */
export function checkOptionKeys(
  options: unknown,
  known: Readonly<Record<string, true>>,
  what: string,
  more?: string,
): void {
  for (const key of keysOf(options, known, what)) {
    if (Object.hasOwn(known, key)) continue;
    throw unknownName("option", key, Object.keys(known), ` of ${what}`, more);
  }
}

/**
 * One table of names of two. A bundler keeps a spread, which may run a getter;
 * a call marked `@__PURE__` it leaves out where nothing uses the table.
 */
export function joined<A extends string, B extends string>(
  these: Readonly<Record<A, true>>,
  those: Readonly<Record<B, true>>,
): Readonly<Record<A | B, true>> {
  return { ...these, ...those } as Record<A | B, true>;
}

/** The names of the options that there are. */
function keysOf(
  options: unknown,
  known: Readonly<Record<string, true>>,
  what: string,
): string[] {
  try {
    if (
      typeof options === "object" && options !== null && !Array.isArray(options)
    ) {
      const keys = Object.keys(options);
      if (keys.length > 0 || mayBeOptions(options, known)) return keys;
    }
  } catch {
    // They cannot be looked at.
  }
  throw new WireError(
    "invalidArgument",
    `The options of ${what} are an object, such as { ${
      Object.keys(known)[0]
    }: … }, not ${kindOf(options)}.`,
  );
}

/**
 * Tells options from an object of a class that has none of them: a promise of
 * options, a `Map`, or a signal that is passed by itself.
 *
 * @param options An object.
 * @param known Every option that there is.
 * @returns Whether it is plain, or has one of these options.
 */
export function mayBeOptions(
  options: object,
  known: Readonly<Record<string, unknown>>,
): boolean {
  const prototype = Object.getPrototypeOf(options);
  return prototype === null || Object.getPrototypeOf(prototype) === null ||
    Object.keys(known).some((key) => key in options);
}

/**
 * The error of a name that there is not.
 *
 * @param kind What it names, such as `"option"`.
 * @param name The name.
 * @param known Every name that there is.
 * @param of What it would be of, with a space before it; may be empty.
 * @param more A sentence to follow the names, with a space before it.
 * @returns `invalidArgument`, which names the nearest, or all that there are.
 */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  of = "",
  more = "",
): WireError {
  const near = nearest(name, known);
  return new WireError(
    "invalidArgument",
    `There is no ${kind} ${shown(name)}${of}${
      near === undefined
        ? `. There ${known.length === 1 ? "is" : "are"} ${
          known.join(", ")
        }.${more}`
        : `; did you mean "${near}"?`
    }`,
  );
}

/**
 * Checks the signal among some options.
 *
 * @param signal What a program passed; undefined is none.
 * @throws {WireError} `invalidArgument` for what is no signal.
 */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || isA(signal, AbortSignal)) return;
  throw new WireError(
    "invalidArgument",
    `signal is an AbortSignal, such as controller.signal of an AbortController, and not ${
      shown(signal)
    }.`,
  );
}

/** The known name that is most like another; undefined where none is. */
export function nearest(
  name: string,
  known: readonly string[],
): string | undefined {
  let best: string | undefined;
  let least = FAR;
  const typed = name.toLowerCase();
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const distance = isEdge(typed, other) || isEdge(other, typed)
      ? 1
      : editDistance(typed, other);
    const isSlip = 3 * distance <= Math.max(typed.length, other.length);
    if (isSlip && distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Whether a name begins or ends another, and is not the same. */
function isEdge(one: string, other: string): boolean {
  return one.length >= EDGE && one.length < other.length &&
    (other.startsWith(one) || other.endsWith(one));
}

/**
 * How many letters to insert, drop, change or exchange with their neighbour
 * (Damerau's and Levenshtein's distance); `FAR` where the lengths tell that
 * much.
 */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) >= FAR) return FAR;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to++) {
      const isSame = one[at] === other[to];
      const isExchanged = at > 0 && to > 0 && one[at] === other[to - 1] &&
        one[at - 1] === other[to];
      next.push(Math.min(
        row[to + 1]! + 1,
        next[to]! + 1,
        row[to]! + (isSame ? 0 : 1),
        isExchanged ? before[to - 1]! + 1 : Infinity,
      ));
    }
    before = row;
    row = next;
  }
  return row.at(-1)!;
}

// Which texts can be a secret, and who is to show one.

/**
 * Checks a secret that somebody has to show, or shows. An empty one, such as a
 * variable that is not set, would let everybody in.
 *
 * @param credential The secret; undefined where there is none.
 * @param name What the option is called.
 * @throws {WireError} `invalidArgument` for what is no text, is empty, or
 * cannot be sent.
 */
export function checkCredential(credential: unknown, name: string): void {
  if (credential === undefined) return;
  const problem = typeof credential !== "string"
    ? `not ${kindOf(credential)}`
    : credential === ""
    ? 'not ""'
    : credential.isWellFormed()
    ? undefined
    : "and this one has a lone surrogate";
  if (problem === undefined) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is a text that is not empty, ${problem}. Leave it out where none is meant, and check that the variable it comes from is set.`,
  );
}

/** The secrets that a peer may show: one, or several. */
export type Demanded = string | readonly string[];

/**
 * Checks the secrets of which a peer has to show one.
 *
 * @param demanded The secret, or an array of them; undefined where there is
 * none.
 * @param name What the option is called.
 * @returns All of them.
 * @throws {WireError} `invalidArgument` for an array without any, and for what
 * can be no secret.
 */
export function checkDemanded(
  demanded: unknown,
  name: string,
): readonly string[] | undefined {
  if (demanded === undefined) return undefined;
  const all: unknown[] = Array.isArray(demanded) ? [...demanded] : [demanded];
  for (const [index, each] of all.entries()) {
    checkCredential(
      each ?? null,
      Array.isArray(demanded) ? `${name}[${index}]` : name,
    );
  }
  if (all.length > 0) return all as string[];
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is an array without any secret. Leave the option out to let everybody in.`,
  );
}

/**
 * Checks the ways in which a peer has to show who it is.
 *
 * @param options What a program passed.
 * @returns The secrets of which it has to show one; undefined for none.
 * @throws {WireError} `invalidArgument` for what can be no secret and no
 * function, for what is there and undefined, and where both are given.
 */
export function checkAuthentication(
  options: {
    readonly requireCredential?: unknown;
    readonly authenticate?: unknown;
  },
): readonly string[] | undefined {
  checkGate(options, "requireCredential");
  checkGate(options, "authenticate");
  checkHooks(options, ["authenticate"]);
  const { requireCredential, authenticate } = options;
  const secrets = checkDemanded(requireCredential, "requireCredential");
  if (secrets === undefined || authenticate === undefined) return secrets;
  throw new WireError(
    "invalidArgument",
    'The options "requireCredential" and "authenticate" take each other\'s place. Leave the first out, and ask peer.shows(secret) in the second.',
  );
}

/**
 * Checks that a server which is given a secret to show demands something as
 * well. One that does not would let everybody in, and was likely meant to
 * demand this one.
 *
 * @param options What a program passed.
 * @throws {WireError} `invalidArgument` for a `credential`, undefined or not,
 * without a `requireCredential` or `authenticate`.
 */
export function checkDemand(
  options: {
    readonly credential?: unknown;
    readonly requireCredential?: unknown;
    readonly authenticate?: unknown;
  },
): void {
  if (
    !("credential" in options) || "requireCredential" in options ||
    "authenticate" in options
  ) return;
  throw new WireError(
    "invalidArgument",
    'The option "credential" is a secret that this side shows, and this server demands none, so that everybody could connect. Did you mean "requireCredential", the secret that clients have to show? A server that shows a secret to its clients is given both.',
  );
}

// Comparing secrets.

/**
 * Whether two strings are the same, in a time that depends on their lengths
 * alone.
 */
export function constantTimeEqual(left: string, right: string): boolean {
  const length = Math.max(left.length, right.length);
  let difference = left.length ^ right.length;
  for (let index = 0; index < length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}

// What a program decides on a peer, read so that a slip refuses.

/**
 * Asks a program whether a peer is welcome. Only `true`, or something to wait
 * for that gives `true`, lets in. Whatever else comes is reported.
 *
 * @param confirm Asks; without it everybody is welcome.
 * @param report Told what `confirm` throws, and of answers that are none.
 * @returns Whether the peer is welcome. It never throws or rejects.
 */
export function decide(
  confirm: (() => unknown) | undefined,
  report: Report,
): boolean | Promise<boolean> {
  if (confirm === undefined) return true;
  const failed = (error: unknown) => {
    report(error, "confirm");
    return false;
  };
  const read = (answer: unknown) => {
    if (typeof answer === "boolean") return answer;
    return failed(
      new WireError(
        "invalidArgument",
        `confirm must answer true or false, and it answered ${
          kindOf(answer)
        }. The peer was refused.`,
      ),
    );
  };
  try {
    const answer = confirm();
    return isThenable(answer)
      ? Promise.resolve(answer).then(read, failed)
      : read(answer);
  } catch (error) {
    return failed(error);
  }
}

// Arguments that a program made a list of itself.

/** No function takes more: a list of them is one argument. */
const MOST = 2 ** 20;

/**
 * Takes arguments over. Where the program's own list is odd (it has getters, it
 * is a proxy, it changes while it is read), the call gets what was in it at one
 * time, and each item is asked for once.
 *
 * @param name The function's name, as the program passed it.
 * @param args Its arguments, as the program passed them.
 * @returns The same arguments, in an array that nobody else has.
 * @throws {WireError} `invalidArgument` for what is no name, and no array;
 * `limit` for more arguments than any call has; `unsupportedValue` for an array
 * that cannot be looked at.
 */
export function ownArguments(name: unknown, args: unknown): unknown[] {
  if (typeof name !== "string") {
    throw new WireError(
      "invalidArgument",
      `A function is called by its name, which is a text, and not ${
        shown(name)
      }.`,
    );
  }
  let list: readonly unknown[] | undefined;
  let count: unknown;
  try {
    if (Array.isArray(args)) {
      list = args;
      count = args.length;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  if (list === undefined) {
    throw new WireError(
      "invalidArgument",
      `The arguments of ${shown(name)} are an array, such as [1, 2], and not ${
        kindOf(args)
      }.`,
    );
  }
  if (typeof count !== "number" || !(count >= 0) || count % 1 !== 0) {
    throw unreadable(name, `it has ${shown(count)} items`);
  }
  if (count > MOST) {
    throw new WireError(
      "limit",
      `${
        shown(name)
      } was called with ${count} arguments, and a call has ${MOST} at the most. Pass a list as one argument.`,
    );
  }
  return copied(name, list, count);
}

function copied(
  name: string,
  list: readonly unknown[],
  count: number,
): unknown[] {
  const own: unknown[] = [];
  try {
    for (let index = 0; index < count; index++) own.push(list[index]);
  } catch (error) {
    throw unreadable(name, error);
  }
  return own;
}

function unreadable(name: string, error: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `The array of the arguments of ${shown(name)} cannot be looked at: ${
      errorMessage(error)
    }`,
    { cause: error },
  );
}
