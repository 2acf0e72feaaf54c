/**
 * The errors of a wire: one class with a stable code for what the wire itself
 * reports, one class for what a remote function threw.
 *
 * @module
 */

/**
 * What copies share, each with a version. Raise a version when that changes
 * which other copies read of such a thing: copies of different versions then
 * refuse it by name, in the place of misreading it.
 */
const VERSIONS = {
  CallContext: 1,
  CallPromise: 1,
  Cons: 1,
  Contract: 1,
  DeclaredError: 1,
  Form: 1,
  LispRemoteObject: 1,
  CmuclSession: 1,
  LispSymbol: 1,
  Refusal: 1,
  RemoteAbort: 1,
  RemoteError: 1,
  Unfit: 1,
  Values: 1,
  Wire: 1,
  WireError: 1,
  described: 1,
  reference: 1,
  rules: 1,
} as const;

/** The name of something that copies share. */
export type Brand = keyof typeof VERSIONS;

/** What all keys begin with. */
const MODULE = "@remote/wire";
/** So many prototypes of a thing are looked at. */
const MOST_CLASSES = 100;

/**
 * The key of something that copies share, for `Symbol.for()`.
 *
 * @param brand Its name.
 * @returns The key, with the version.
 */
export function keyOf(brand: Brand): string {
  return `${MODULE}/${brand}/${VERSIONS[brand]}`;
}

/** What `instanceof` does for classes that say nothing of it. */
const isOrdinaryInstance = Function.prototype[Symbol.hasInstance];

/**
 * Brands a class: its prototype gets the symbol of the brand, and `instanceof`
 * then knows the instances that other copies made. Derived classes that are
 * not branded themselves have the ordinary rule. `instanceof` never throws,
 * whatever the value is.
 *
 * It is called as the value of a static field, marked as pure: so a bundler
 * leaves out a class that nothing uses, and with it what that needs.
 *
 * @param constructor The class.
 * @param brand Its name.
 */
export function setBrand(
  constructor: { readonly prototype: object },
  brand: Brand,
): void {
  const key = keyOf(brand);
  const symbol = Symbol.for(key);
  Object.defineProperty(constructor.prototype, symbol, { value: key });
  Object.defineProperty(constructor, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      if (typeof value !== "object" || value === null) return false;
      try {
        return isOrdinaryInstance.call(this, value) ||
          this === constructor && inherits(value, symbol, key);
      } catch {
        // Proxies may throw when they are looked at.
        return false;
      }
    },
  });
}

/** Whether something inherits a brand. */
function inherits(value: object, symbol: symbol, key: string): boolean {
  // The key, rather than true: some proxies have that for everything.
  return (value as Record<symbol, unknown>)[symbol] === key &&
    !Object.hasOwn(value, symbol);
}

/**
 * Says of a thing that another version of this module made, and that this one
 * does not understand, what it is.
 *
 * @param value Anything.
 * @param brand What it has to be a thing of; anything, where it is left out.
 * @returns What it is and what to do; undefined for everything else.
 */
export function otherVersion(
  value: unknown,
  brand?: Brand,
): string | undefined {
  try {
    for (const [name, version] of brandsOf(value)) {
      const own = Object.hasOwn(VERSIONS, name)
        ? VERSIONS[name as Brand]
        : undefined;
      if (String(own) === version) continue;
      if (brand !== undefined && name !== brand) continue;
      return `It is a ${name} of another version of ${MODULE} (${name} ${version}, and ${
        own === undefined ? "none is known here" : `${own} is known here`
      }). Have all parts of the program import the same version.`;
    }
  } catch {
    // It cannot be looked at.
  }
  return undefined;
}

/** The brands that something inherits, and their versions. */
function* brandsOf(value: unknown): Iterable<[string, string]> {
  let holder = Object.getPrototypeOf(value);
  // A proxy may claim to have any number of prototypes.
  for (let depth = 0; holder !== null && depth < MOST_CLASSES; depth++) {
    for (const symbol of Object.getOwnPropertySymbols(holder)) {
      const key = Symbol.keyFor(symbol);
      if (key === undefined || !key.startsWith(`${MODULE}/`)) continue;
      const [name = "", version = ""] = key.slice(MODULE.length + 1).split("/");
      yield [name, version];
    }
    holder = Object.getPrototypeOf(holder);
  }
}

/**
 * Why a wire, a call or a server failed. The codes are stable: programs may
 * compare them. `docs/errors.md` lists each with its cause and cure.
 */
export type WireErrorCode =
  | "aborted"
  | "addressInUse"
  | "addressUnavailable"
  | "busy"
  | "cancelled"
  | "closed"
  | "connectFailed"
  | "connectionLost"
  | "connectionRefused"
  | "contractMismatch"
  | "cursorGone"
  | "deadline"
  | "invalidArgument"
  | "invalidResult"
  | "keepalive"
  | "keyReused"
  | "limit"
  | "malformed"
  | "noSuchFunction"
  | "noSuchObject"
  | "notAWire"
  | "outcomeUnknown"
  | "peerAborted"
  | "permissionDenied"
  | "refused"
  | "released"
  | "resultGone"
  | "stalled"
  | "storeFailed"
  | "timeout"
  | "tlsFailed"
  | "unknownHost"
  | "unknownService"
  | "unsupportedValue"
  | "unsupportedVersion";

/**
 * Any code that a {@linkcode WireError} may have: one of this module's; or one
 * of a peer's own, which its {@linkcode Refusal} was made with.
 */
export type AnyErrorCode = WireErrorCode | (string & Record<never, never>);

/** Every code, for checking those that come off a wire. */
const CODES: Readonly<Record<WireErrorCode, true>> = {
  aborted: true,
  addressInUse: true,
  addressUnavailable: true,
  busy: true,
  cancelled: true,
  closed: true,
  connectFailed: true,
  connectionLost: true,
  connectionRefused: true,
  contractMismatch: true,
  cursorGone: true,
  deadline: true,
  invalidArgument: true,
  invalidResult: true,
  keepalive: true,
  keyReused: true,
  limit: true,
  malformed: true,
  noSuchFunction: true,
  noSuchObject: true,
  notAWire: true,
  outcomeUnknown: true,
  peerAborted: true,
  permissionDenied: true,
  refused: true,
  released: true,
  resultGone: true,
  stalled: true,
  storeFailed: true,
  timeout: true,
  tlsFailed: true,
  unknownHost: true,
  unknownService: true,
  unsupportedValue: true,
  unsupportedVersion: true,
};

/**
 * A code that came off a wire with its end; `peerAborted` where a newer peer
 * says more.
 */
export function toErrorCode(code: string): WireErrorCode {
  return Object.hasOwn(CODES, code) ? code as WireErrorCode : "peerAborted";
}

/**
 * What is known about a call that failed because its wire ended, or because
 * its caller gave up: `"notSent"`, no byte of it was handed to the operating
 * system, so that repeating it is safe; `"maybeExecuted"`, the peer may have
 * run it, wholly or in part.
 */
export type CallFate = "notSent" | "maybeExecuted";

/** What a {@linkcode WireError} is made of beyond its code and message. */
export interface WireErrorOptions {
  /** The error behind this one. */
  cause?: unknown;
  /** For a failed call: whether the peer may have run it. */
  sent?: CallFate;
}

/**
 * Whatever a wire, a server or a client reports of its own accord. What a
 * remote function threw arrives as a {@linkcode RemoteError} instead.
 *
 * @example Telling failures apart
 * ```ts
 * import { WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * try {
 *   await near.remoteValue.nothing();
 * } catch (error) {
 *   if (!(error instanceof WireError)) throw error;
 *   if (error.code !== "noSuchFunction") throw error;
 * }
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class WireError extends Error {
  /** Always `"WireError"`. */
  override readonly name = "WireError";
  /** The stable code of the failure; for a refusal, whatever the peer chose. */
  readonly code: AnyErrorCode;
  /**
   * For a call that failed because its wire ended or its caller gave up:
   * whether the peer may have run it. Otherwise undefined.
   */
  declare readonly sent: CallFate | undefined;

  /**
   * Makes an error of the wire.
   *
   * @param code The stable code.
   * @param message What was expected, what came, and what to do.
   * @param options The cause, and a call's fate.
   */
  constructor(
    code: AnyErrorCode,
    message: string,
    options?: WireErrorOptions,
  ) {
    super(
      message,
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    // Absent where it says nothing: errors are shown with all that they have.
    if (options?.sent !== undefined) this.sent = options.sent;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "WireError");
}

/**
 * What a middleware, or a served function, throws to refuse a call. Its caller
 * gets a {@linkcode WireError} with the same code and message, in the place of
 * a {@linkcode RemoteError}. The code may be one of this module's, or any other.
 *
 * @example
 * ```ts
 * import { Refusal, WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   open(door: string) {
 *     throw new Refusal("permissionDenied", `The ${door} is not for you.`);
 *   },
 * });
 * const error = await near.remoteValue.open("cellar").catch((e: unknown) => e);
 * if (!(error instanceof WireError)) throw error;
 * if (error.code !== "permissionDenied") throw error;
 * await near.close();
 * ```
 */
export class Refusal extends WireError {
  static readonly #brand = /* @__PURE__ */ setBrand(this, "Refusal");
}

/** The refusal of a call whose function has not run, and never will. */
export class Unfit extends Refusal {
  static readonly #brand = /* @__PURE__ */ setBrand(this, "Unfit");

  /** What went wrong here, of which the peer learns nothing. */
  trouble: unknown = undefined;
}

/** What arrives of an error thrown by a remote function. */
export interface RemoteErrorInit {
  /** The remote error's own name, for instance `"RangeError"`. */
  name: string;
  /** The remote error's message. */
  message: string;
  /** The name of the function that was called. */
  functionName: string;
  /** The own enumerable properties of the error, or the value thrown. */
  data?: unknown;
  /** The remote error's cause. */
  cause?: unknown;
  /** The errors of a remote AggregateError. */
  errors?: readonly unknown[] | undefined;
  /** The remote stack, where the peer chose to send it. */
  remoteStack?: string | undefined;
}

/**
 * What a remote function threw. `name` and `message` are the remote error's
 * own; `stack` is the local one, with the place that awaits the call.
 *
 * @example Reading what a remote function threw
 * ```ts
 * import { RemoteError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   half(n: number) {
 *     if (n % 2) throw Object.assign(new RangeError("odd"), { n });
 *     return n / 2;
 *   },
 * });
 * const error = await near.remoteValue.half(3).catch((e: unknown) => e);
 * if (!(error instanceof RemoteError)) throw error;
 * if (error.name !== "RangeError" || error.message !== "odd") throw error;
 * if ((error.data as { n: number }).n !== 3) throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class RemoteError extends Error {
  /** The name of the remote function that threw. */
  readonly functionName: string;
  /**
   * The own enumerable properties of the remote error as a plain object, or
   * the thrown value where it was no error; otherwise undefined.
   */
  declare readonly data: unknown;
  /** The errors of a remote AggregateError; otherwise undefined. */
  declare readonly errors: readonly unknown[] | undefined;
  /** The remote stack; undefined unless the peer serves with `sendStacks`. */
  declare readonly remoteStack: string | undefined;

  /**
   * Makes the local image of a remote error.
   *
   * @param init What came of it.
   */
  constructor(init: RemoteErrorInit) {
    super(
      init.message,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    Object.defineProperty(this, "name", {
      value: init.name,
      configurable: true,
      writable: true,
    });
    this.functionName = init.functionName;
    if (init.data !== undefined) this.data = init.data;
    if (init.errors !== undefined) this.errors = init.errors;
    if (init.remoteStack !== undefined) this.remoteStack = init.remoteStack;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "RemoteError");
}

/**
 * The message of anything thrown, for use inside another message.
 *
 * @param error What was thrown.
 * @returns Its message, or the value as text; never throws.
 */
export function errorMessage(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "a value that has no text";
  }
}

/** How many units of a text surely fit in any message. */
const SHORT = 1_000;

/**
 * A text that surely fits in a message, whatever the peer's limits are. What is
 * no text, as a program's error may have in the place of one, becomes one.
 */
export function shortText(text: unknown): string {
  const whole = typeof text === "string" ? text : errorMessage(text);
  const short = whole.slice(0, SHORT).toWellFormed();
  // What is not ASCII may take three bytes for each unit.
  // deno-lint-ignore no-control-regex -- ASCII is what is meant
  return /^[\x00-\x7f]*$/.test(short) ? short : short.slice(0, SHORT / 3)
    .toWellFormed();
}

/** Told of an error that has no other place to go, and of where it arose. */
export type Report = (error: unknown, where: string) => void;

/** Shorthand for the error that ends a wire: the peer broke the protocol. */
export function malformed(message: string): WireError {
  return new WireError("malformed", message);
}

// What goes wrong on one's own side, and is nobody else's business.

/**
 * A wire ends because something of this side's own went wrong, such as a hook
 * that threw. The peer learns that, but nothing of the text.
 */
export class OwnTrouble extends WireError {}

// Bytes that nobody expected, for messages: short, and harmless on a terminal.

/** So many bytes of a text are shown. */
const MOST_TEXT = 60;
/** And so many of what is none. */
const MOST_BYTES = 16;

/** What begins so is named; the text is for "it …". */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^HTTP\/\d/, "speaks HTTP: a web server"],
  [
    /^(GET|POST|PUT|HEAD|OPTIONS|PATCH|DELETE|CONNECT|PRI) \S/,
    "asks by HTTP: a browser, or another HTTP client",
  ],
  [/^SSH-/, "speaks SSH"],
];

/**
 * Shows the first of some bytes.
 *
 * @param bytes The bytes, as many as there are.
 * @returns A text in quotation marks, or bytes in hexadecimal.
 */
export function shownBytes(bytes: Uint8Array): string {
  if (!looksLikeText(bytes)) {
    const digits = Array.from(
      bytes.subarray(0, MOST_BYTES),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join(" ");
    return `the bytes ${digits}${bytes.length > MOST_BYTES ? " …" : ""}`;
  }
  const text = Array.from(bytes.subarray(0, MOST_TEXT), escaped).join("");
  return `"${text}"${bytes.length > MOST_TEXT ? " …" : ""}`;
}

/**
 * Names the protocol that bytes are of, where they begin as one that is known.
 *
 * @param bytes The first bytes that came.
 * @returns The rest of a sentence that begins with "it"; undefined if unknown.
 */
export function knownProtocol(bytes: Uint8Array): string | undefined {
  const [type = 0, major] = bytes;
  // A record of TLS: its type, then the version, 3.x.
  if (type >= 0x14 && type <= 0x17 && major === 3) {
    return "speaks TLS: use TLS at both ends";
  }
  const start = String.fromCharCode(...bytes.subarray(0, MOST_TEXT));
  return KNOWN.find(([pattern]) => pattern.test(start))?.[1];
}

/**
 * Whether bytes begin as a text does, rather than as a frame.
 *
 * @param bytes Some bytes.
 * @returns True if so.
 */
export function looksLikeText(bytes: Uint8Array): boolean {
  // The first byte of a frame's length is 0, or nearly.
  return bytes.length > 0 && bytes.subarray(0, 3).every(isOfText);
}

function isOfText(byte: number): boolean {
  return byte >= 0x20 && byte !== 0x7f || byte >= 9 && byte <= 13 ||
    byte === 0x1b;
}

function escaped(byte: number): string {
  switch (byte) {
    case 0x0a:
      return "\\n";
    case 0x0d:
      return "\\r";
    case 0x09:
      return "\\t";
    case 0x22:
      return '\\"';
    case 0x5c:
      return "\\\\";
    default:
      return byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
}

// Whatever a program passed, for messages: short, and whatever it is.

/** So many units of a text are shown. */
const MOST = 60;

/**
 * Shows a value.
 *
 * @param value Anything, even what throws when it is looked at.
 * @returns A text in quotation marks, a number, or what kind of thing it is.
 */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > MOST
        ? `${JSON.stringify(value.slice(0, MOST))}…`
        : JSON.stringify(value);
    case "bigint":
      return BigInt.asIntN(64, value) === value
        ? `${value}n`
        : "a large bigint";
    case "symbol":
      return short(String(value));
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : kindOfObject(value);
    default:
      return String(value);
  }
}

/**
 * Says what a value is, where what a text says may be nobody's business.
 *
 * @param value Anything.
 * @returns The same as {@linkcode shown}, but that no text is shown.
 */
export function kindOf(value: unknown): string {
  return typeof value === "string" ? "a string" : shown(value);
}

/** What kind of object it is. */
function kindOfObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    return `an object of the kind ${short(kind)}`;
  } catch {
    // It cannot be looked at.
  }
  return "an object";
}

function short(text: string): string {
  const shortened = text.slice(0, MOST).toWellFormed();
  return shortened.length < text.length ? `${shortened}…` : shortened;
}

// Values that may throw when they are looked at: revoked proxies, proxies with
// traps of their own, objects with a getter `then`.

/**
 * Whether something is an instance of a class: `instanceof` that never throws.
 *
 * @param value Anything.
 * @param made The class.
 * @returns False, too, for what cannot be looked at.
 */
export function isA<T>(
  value: unknown,
  // deno-lint-ignore no-explicit-any -- whatever the class is made with
  made: abstract new (...args: any[]) => T,
): value is T {
  try {
    return value instanceof made;
  } catch {
    return false;
  }
}

/**
 * What a function returned, where its value is still to come.
 *
 * @param result What it returned.
 * @returns The promise, or what is like one; undefined for any other value.
 * @throws {Refusal} `unsupportedValue` for what cannot be looked at.
 */
export function laterOf(result: unknown): PromiseLike<unknown> | undefined {
  try {
    if (!isThenable(result)) return undefined;
    void result.then;
    return result;
  } catch (error) {
    throw odd(error);
  }
}

/**
 * A promise of what comes of something that has a `then`, whatever that does.
 *
 * @param later What {@linkcode laterOf} found.
 * @returns The same promise, where it is a plain one.
 */
export function settled(later: PromiseLike<unknown>): Promise<unknown> {
  try {
    return later instanceof Promise && later.then === Promise.prototype.then
      ? Promise.resolve(later)
      : new Promise((resolve) => resolve(later));
  } catch (error) {
    return Promise.reject(odd(error));
  }
}

function odd(error: unknown): Refusal {
  return new Refusal(
    "unsupportedValue",
    `The value threw when it was read: ${errorMessage(error)}`,
  );
}

/** Whether something thrown can be looked at; never throws. */
export function isReadable(thrown: unknown): boolean {
  try {
    // A getter of an error's own that throws costs that property alone.
    if (!(thrown instanceof Error) && typeof thrown !== "object") return true;
    void (thrown as { constructor: unknown } | null)?.constructor;
    return true;
  } catch {
    return false;
  }
}

/**
 * Something thrown, as long as it can be looked at.
 *
 * @param thrown What was thrown.
 * @returns The same, or an `unsupportedValue` in its place.
 */
export function readable(thrown: unknown): unknown {
  return isReadable(thrown) ? thrown : new WireError(
    "unsupportedValue",
    "The function threw a value that cannot be read.",
  );
}

/**
 * The code and the message of an error, as texts that fit in a message,
 * whatever a program has put in their place. It never throws.
 *
 * @param error The error.
 */
export function wordsOf(
  error: { readonly code: unknown; readonly message: unknown },
): { code: string; message: string } {
  try {
    return { code: shortText(error.code), message: shortText(error.message) };
  } catch {
    return {
      code: "unsupportedValue",
      message: "The error cannot be read.",
    };
  }
}

// What `await` would wait for.

/**
 * Whether something has a function `then`: a promise of this realm, of another
 * one, or of a library's own making.
 *
 * @param value Anything.
 * @returns True where `await` would call its `then`.
 * @throws Whatever a getter `then`, or a proxy, throws when it is looked at.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== "object" && typeof value !== "function") return false;
  if (value === null) return false;
  return value instanceof Promise ||
    typeof (value as { then?: unknown }).then === "function";
}

// The bytes of typed arrays, views and buffers: those that are there, whatever
// an object's own properties, or its class, say in the place of the language's.

const array: object = Object.getPrototypeOf(Uint8Array.prototype);
const nameOfView = getterOf<string | undefined>(array, Symbol.toStringTag);
const arrayBuffer = getterOf<ArrayBuffer>(array, "buffer");
const arrayOffset = getterOf<number>(array, "byteOffset");
const arrayCount = getterOf<number>(array, "byteLength");
const viewBuffer = getterOf<ArrayBuffer>(DataView.prototype, "buffer");
const viewOffset = getterOf<number>(DataView.prototype, "byteOffset");
const viewCount = getterOf<number>(DataView.prototype, "byteLength");
const bufferCount = getterOf<number>(ArrayBuffer.prototype, "byteLength");

function getterOf<T>(
  prototype: object,
  key: string | symbol,
): { call(value: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

/** The kind of a view: a typed array's name, or `"DataView"`. */
export function viewKind(view: ArrayBufferView): string {
  return nameOfView.call(view) ?? "DataView";
}

/**
 * How many bytes a typed array has.
 *
 * @param bytes One of any kind. One whose buffer is gone has none.
 */
export function byteCount(bytes: ArrayBufferView): number {
  return arrayCount.call(bytes);
}

/**
 * All bytes of a buffer or a view.
 *
 * @param value The buffer or the view.
 * @returns A view that follows no change of the buffer's length.
 * @throws {TypeError} For what only looks like one, or whose buffer is gone.
 */
export function rawBytes(
  value: ArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(value)) {
    return new Uint8Array(value, 0, bufferCount.call(value));
  }
  if (nameOfView.call(value) === undefined) {
    return new Uint8Array(
      viewBuffer.call(value),
      viewOffset.call(value),
      viewCount.call(value),
    );
  }
  return new Uint8Array(
    arrayBuffer.call(value),
    arrayOffset.call(value),
    arrayCount.call(value),
  );
}
