/**
 * The kinds of message, in one table: its code in the protocol, and what it
 * holds.
 *
 * @module
 */

import { knownProtocol, shownBytes, WireError } from "../base/errors.ts";

/** The first byte of each message's body. */
export const KIND = {
  hello: 0x01,
  accept: 0x02,
  define: 0x03,
  reset: 0x04,
  piece: 0x05,
  message: 0x10,
  send: 0x11,
  call: 0x12,
  return: 0x13,
  returnValues: 0x14,
  throw: 0x15,
  fail: 0x16,
  cancel: 0x17,
  credit: 0x18,
  sends: 0x19,
  ping: 0x20,
  pong: 0x21,
  close: 0x30,
  finish: 0x31,
  abort: 0x32,
  release: 0x40,
  forget: 0x41,
  streamValue: 0x50,
  streamBytes: 0x51,
  streamEnd: 0x52,
  streamError: 0x53,
  streamCancel: 0x54,
  streamCredit: 0x55,
  streamFail: 0x56,
} as const;

/** A kind for a reader of an error: its code, and its name if it has one. */
export function kindText(code: number): string {
  const named = Object.entries(KIND).find(([_, each]) =>
    each === (code & ~STRINGS)
  );
  const digits = `0x${code.toString(16).padStart(2, "0")}`;
  if (named === undefined) return digits;
  const section = code >= STRINGS ? " with a string section" : "";
  return `${digits} (${named[0]}${section})`;
}

/** The kinds of frames that are the codec's own, and no messages. */
type FrameKind = "define" | "reset" | "piece" | "sends";

/** The kinds of messages. */
export type MessageKind = Exclude<keyof typeof KIND, FrameKind>;

/** The first byte of a message. */
export type MessageCode = typeof KIND[MessageKind];

/** Added to a message's kind when the message has a string section. */
export const STRINGS = 0x80;

/** The protocol's version, and what a peer's first frame must say. */
export const VERSION = 1;
/** The bytes that follow the first frame's kind. */
export const MAGIC = "WIRE";

/** Bits of a hello's features. */
export const FEATURE = {
  /** This side takes neither string sections nor batches of one-way calls. */
  simple: 1,
} as const;

/** What each side says of itself first. */
export interface Hello {
  readonly kind: "hello";
  /** The version of the protocol. */
  readonly version: number;
  /** Bits of {@linkcode FEATURE}, and others that mean nothing here. */
  readonly features: number;
  /** What this side takes, in the order of {@linkcode HELLO_LIMITS}. */
  readonly limits: PeerLimits;
  /** A shared secret, or nothing. */
  readonly credential: string;
  /** What identifies a contract, or nothing. */
  readonly contract: string;
}

/** The limits that a peer has to know, in the order in which they travel. */
export const HELLO_LIMITS = [
  "helloFrame",
  "frame",
  "message",
  "nesting",
  "values",
  "bigint",
  "calls",
  "window",
  "pieces",
  "cancels",
  "cancelsPerSecond",
  "streams",
  "streamWindow",
  "objects",
  "tableEntries",
] as const;

/** So many of them are in every hello; those behind have their defaults. */
export const HELLO_LIMITS_LEAST = 14;

/** The limits that a side tells its peer. */
export type PeerLimits = Record<typeof HELLO_LIMITS[number], number>;

/** A flow of its own: what is counted against a window of the receiver's. */
export type Channel = "messages" | "sends";

/** A call, one way or for an answer. */
export interface CallFields {
  /** The function's name. */
  readonly name: string;
  /** Its arguments. */
  readonly args: unknown[];
  /** How many milliseconds the caller will wait; 0 for ever. */
  readonly deadline: number;
  /** What the function is a method of; undefined for what was served. */
  readonly target?: Target | undefined;
  /** What the caller says besides. */
  readonly metadata?: Metadata | undefined;
}

/** What a message counts for in a window beyond its bytes. */
export const MESSAGE_OVERHEAD = 64;

/** Texts by name that travel with a call. */
export type Metadata = Readonly<Record<string, string>>;

/** How many texts a call may have. */
export const METADATA_ENTRIES = 64;
/** How many UTF-16 units they have, keys and values together. */
export const METADATA_UNITS = 8 * 1024;

/** Whether metadata are within the limits. */
export function metadataFit(metadata: Metadata): boolean {
  const entries = Object.entries(metadata);
  let units = 0;
  for (const [key, value] of entries) units += key.length + value.length;
  return entries.length <= METADATA_ENTRIES && units <= METADATA_UNITS;
}

/** What a call is addressed to other than what was served. */
export type Target =
  /** An object that the receiver had passed by reference. */
  | { readonly slot: number; readonly nonce: number }
  /** The result of an earlier call, whether it is there already or not. */
  | { readonly result: number };

/**
 * A message as an object, as it is sent; {@linkcode MessageReceiver} takes
 * those that come.
 */
export type Message =
  | Hello
  | { readonly kind: "accept" }
  | {
    readonly kind: "message";
    readonly value: unknown;
  }
  | { readonly kind: "send" } & CallFields
  | {
    readonly kind: "call";
    readonly id: number;
    /** Whether all values are wanted, or only the first. */
    readonly wantsValues: boolean;
  } & CallFields
  | {
    readonly kind: "return";
    readonly id: number;
    readonly value: unknown;
  }
  | {
    readonly kind: "returnValues";
    readonly id: number;
    readonly values: unknown[];
  }
  | {
    readonly kind: "throw";
    readonly id: number;
    readonly thrown: unknown;
  }
  | {
    readonly kind: "fail";
    readonly id: number;
    readonly code: string;
    readonly message: string;
  }
  | { readonly kind: "cancel"; readonly id: number }
  | {
    readonly kind: "credit";
    readonly channel: Channel;
    readonly amount: number;
  }
  | { readonly kind: "ping" | "pong"; readonly token: number }
  | {
    readonly kind: "release";
    readonly slot: number;
    readonly nonce: number;
    /** How often the object is released. */
    readonly count: number;
  }
  | { readonly kind: "forget"; readonly slot: number; readonly nonce: number }
  | {
    readonly kind: "streamValue";
    readonly id: number;
    readonly value: unknown;
  }
  | {
    readonly kind: "streamBytes";
    readonly id: number;
    readonly bytes: Uint8Array;
  }
  | { readonly kind: "streamEnd"; readonly id: number }
  | {
    readonly kind: "streamError";
    readonly id: number;
    readonly thrown: unknown;
  }
  | {
    readonly kind: "streamFail";
    readonly id: number;
    readonly code: string;
    readonly message: string;
  }
  | {
    readonly kind: "streamCancel";
    readonly id: number;
    readonly reason: unknown;
  }
  | {
    readonly kind: "streamCredit";
    readonly id: number;
    readonly amount: number;
  }
  | { readonly kind: "close" }
  | { readonly kind: "finish" }
  | { readonly kind: "abort"; readonly code: string; readonly message: string };

/**
 * A one-way call to be sent.
 *
 * The messages that are made most often are of classes. Of what an object
 * literal makes, the engine observes how long it lives: where many messages
 * have to wait, it would take them, and the arguments in them, for long-lived,
 * and would put the arguments of all later calls where garbage is collected
 * most slowly.
 */
export class SendMessage implements CallFields {
  readonly kind = "send";

  /**
   * @param name The function's name.
   * @param args Its arguments.
   * @param deadline What travels of its deadline.
   * @param target What it is of.
   * @param metadata What travels besides.
   */
  constructor(
    readonly name: string,
    readonly args: unknown[],
    readonly deadline: number,
    readonly target: Target | undefined,
    readonly metadata: Metadata | undefined,
  ) {}
}

/** A call for an answer, to be sent. */
export class CallMessage implements CallFields {
  readonly kind = "call";

  /**
   * @param id The call's id.
   * @param wantsValues Whether all values are wanted.
   * @param name The function's name.
   * @param args Its arguments.
   * @param deadline What travels of its deadline.
   * @param target What it is of.
   * @param metadata What travels besides.
   */
  constructor(
    readonly id: number,
    readonly wantsValues: boolean,
    readonly name: string,
    readonly args: unknown[],
    readonly deadline: number,
    readonly target: Target | undefined,
    readonly metadata: Metadata | undefined,
  ) {}
}

/** An answer with one value, to be sent. */
export class ReturnMessage {
  readonly kind = "return";

  /**
   * @param id The call's id.
   * @param value The value.
   */
  constructor(readonly id: number, readonly value: unknown) {}
}

// The layout of messages that whoever writes and whoever reads them share.

/** Channels by their numbers. */
export const CHANNELS: readonly Channel[] = ["messages", "sends"];

/** What is said of a call in its flags. */
export const FLAG = {
  wantsValues: 1,
  hasDeadline: 2,
  hasTarget: 4,
  hasMetadata: 8,
} as const;

/** A call with more arguments than this is not taken for a plain one. */
export const PLAIN_ARGUMENTS = 8;

/** One-way calls in a row share a frame of about so many bytes. */
export const BATCH_BYTES = 4 * 1024;

/** How a target begins. */
export const TARGET = { object: 0, result: 1 } as const;

/** The text for metadata that are too many or too long. */
export function metadataLimit(entries: number, units: number): string {
  return `The metadata of a call may have ${METADATA_ENTRIES} entries and ${METADATA_UNITS} characters, not ${entries} and ${units}. Pass what is larger as an argument.`;
}

/**
 * The error for a first frame that is no hello.
 *
 * @param first What came first, as far as it is known.
 * @param isPiped Whether the connection is a pair of streams.
 */
export function notAWire(
  first: Uint8Array = new Uint8Array(0),
  isPiped = false,
): WireError {
  const came = first.length === 0 ? "" : `, but with ${shownBytes(first)}`;
  const protocol = knownProtocol(first);
  const guess = protocol === undefined ? "" : ` It ${protocol}.`;
  const cure = isPiped && protocol === undefined
    ? "Check that nothing else writes to the connection, such as a console.log() of a process whose standard output is the wire."
    : "Check that its port belongs to a request server, and that both ends use TLS, or neither.";
  return new WireError(
    "notAWire",
    `The peer did not begin with a wire's hello${came}.${guess} ${cure}`,
  );
}
