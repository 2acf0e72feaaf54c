/**
 * Both directions of a wire, looked at together: which call an answer is of,
 * how long it took, how much credit a stream has left.
 *
 * @module
 */

import {
  checkBytes,
  checkFunctions,
  checkHook,
  mistaken,
} from "../base/checks.ts";
import { errorMessage, WireError } from "../base/errors.ts";
import type { MessageDecoder, SeenFields, SeenMessage } from "./message_tap.ts";
import { MESSAGE_OVERHEAD } from "./messages.ts";

/**
 * One message of a wire, as `tap` is told of it.
 *
 * @example How long each call took
 * ```ts
 * import { type TappedMessage, wirePair } from "@remote/wire";
 *
 * const times = new Map<string, number>();
 * const tap = ({ kind, name, latency }: TappedMessage) => {
 *   if (kind === "return") times.set(name!, latency!);
 * };
 * const [near, far] = wirePair({ tap });
 * far.serve({ add: (a: number, b: number) => a + b });
 * await near.remoteValue.add(40, 2);
 * if (!(times.get("add")! >= 0)) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface TappedMessage {
  /** Whether this side has sent it, or received it. */
  readonly direction: "sent" | "received";
  /** When, in milliseconds since 1970; with fractions. */
  readonly time: number;
  /**
   * Its kind, as `docs/protocol.md` names them: `"call"`, `"return"` and so on.
   * `"overLimit"` is a message that fails by itself, `"undecoded"` are bytes
   * that break the protocol, or come behind such: then `fields` has `why`, and
   * the first of the `bytes`; none of a hello, which may hold a secret.
   */
  readonly kind: string;
  /** How many bytes it has, without what divides frames. */
  readonly size: number;
  /** The function's name; of an answer, that of its call. */
  readonly name?: string | undefined;
  /** The number of the call or the stream, where it belongs to one. */
  readonly id?: number | undefined;
  /** Of an answer: milliseconds since its call. */
  readonly latency?: number | undefined;
  /**
   * Of what belongs to a stream: how many bytes its producer may send, after
   * this.
   */
  readonly credit?: number | undefined;
  /**
   * What it holds, as `SeenFields` of the entry point `./codec` has it for
   * each kind. Secrets are left out: the text of a `credential` is `"***"`.
   */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** So many calls, and streams, are remembered for what belongs to them. */
const MOST_REMEMBERED = 10_000;
/** So many bytes are shown of what cannot be decoded. */
const MOST_SHOWN = 256;
/** What stands for a secret. */
const HIDDEN = "***";

/** A direction, as this side sees it. */
export type Direction = TappedMessage["direction"];

/**
 * How a frame begins that is a hello: its length, its kind, and "WIRE". Any
 * byte may be where there is none.
 */
export const HELLO_BEGINS: readonly (number | undefined)[] = [
  0,
  undefined,
  undefined,
  undefined,
  1,
  87,
  73,
  82,
  69,
];

/** Whether bytes begin as a hello; undefined where there are too few. */
export function beginsAsHello(
  bytes: Uint8Array | readonly number[],
): boolean | undefined {
  const isAlike = HELLO_BEGINS.every((byte, index) =>
    byte === undefined || index >= bytes.length || bytes[index] === byte
  );
  if (!isAlike) return false;
  return bytes.length >= HELLO_BEGINS.length ? true : undefined;
}

/** What is looked at of what messages hold; each has those of its kind. */
type Parts =
  & SeenFields["call"]
  & SeenFields["streamCredit"]
  & Pick<SeenFields["hello"], "credential" | "limits">;

/** What is remembered of a call. */
interface SeenBefore {
  readonly name: string;
  readonly time: number;
}

/** What is known of one direction. */
class Side {
  readonly decoder: MessageDecoder;
  /** Why nothing more is decoded, once that is so. */
  broken: string | undefined;
  /** The calls that it made and that have no answer. */
  readonly calls = new Map<number, SeenBefore>();
  /** The credit of the streams that it produces. */
  readonly streams = new Map<number, number>();
  /** What each of these has at first: the other side's hello tells. */
  firstCredit: number | undefined;
  /** Whether its hello was read. */
  isGreeted = false;
  /** What it began with, until that tells whether it is a hello. */
  #first: number[] | undefined = [];

  constructor(decoder: MessageDecoder) {
    checkFunctions(decoder, ["each"], "A decoder is a MessageTap, say");
    this.decoder = decoder;
  }

  /** Whether the next bytes may be of a hello. */
  isHello(chunk: Uint8Array): boolean {
    if (this.#first === undefined) return false;
    const missing = HELLO_BEGINS.length - this.#first.length;
    this.#first.push(...chunk.subarray(0, missing));
    const isHello = beginsAsHello(this.#first);
    if (this.isGreeted || isHello === false) this.#first = undefined;
    return isHello === true && !this.isGreeted;
  }
}

/**
 * Reads both directions of a wire, from the first byte on, and tells of each
 * message. What cannot be decoded is told of as well, and does no harm: bytes
 * that follow it in its direction are told of undecoded.
 *
 * @example What a client and a server say to each other
 * ```ts
 * import { MessageTap, type TappedMessage, WireTap } from "@remote/wire/codec";
 *
 * const seen: TappedMessage[] = [];
 * const tap = new WireTap(
 *   (message) => seen.push(message),
 *   () => new MessageTap(),
 * );
 * tap.read("sent", new Uint8Array([0, 0, 0, 5, 0x20, 0, 0, 0, 7]), 1_000);
 * tap.read("received", new Uint8Array([0, 0, 0, 5, 0x21, 0, 0, 0, 7]), 1_002);
 * if (seen.map(({ kind }) => kind).join() !== "ping,pong") throw new Error();
 * ```
 */
export class WireTap {
  readonly #sides: Readonly<Record<Direction, Side>>;
  readonly #onMessage: (message: TappedMessage) => void;

  /**
   * Makes one that has seen nothing.
   *
   * @param onMessage Told of each message. It must not throw.
   * @param makeDecoder Makes what decodes a direction.
   * @throws {WireError} `invalidArgument` for what is no function, and makes no
   * decoder.
   */
  constructor(
    onMessage: (message: TappedMessage) => void,
    makeDecoder: (direction: Direction) => MessageDecoder,
  ) {
    checkHook(onMessage, "What a WireTap tells");
    checkHook(makeDecoder, "What makes its decoders");
    this.#onMessage = onMessage;
    this.#sides = {
      sent: new Side(makeDecoder("sent")),
      received: new Side(makeDecoder("received")),
    };
  }

  /**
   * Reads the next bytes of a direction.
   *
   * @param direction Which way they go.
   * @param chunk The bytes, divided anyhow.
   * @param time When they were there, in milliseconds since 1970.
   * @throws {WireError} `invalidArgument` for what is no direction, and no
   * bytes. Whatever the bytes are, it does not throw.
   */
  read(direction: Direction, chunk: Uint8Array, time: number): void {
    const side = this.#side(direction);
    checkBytes(chunk, "A chunk");
    const isHello = side.isHello(chunk);
    if (side.broken !== undefined) {
      return this.#undecoded(direction, chunk, time, side.broken, isHello);
    }
    try {
      side.decoder.each(
        chunk,
        (message) => this.#onMessage(this.#told(direction, message, time)),
      );
    } catch (error) {
      side.broken = errorMessage(error);
      this.#undecoded(direction, chunk, time, side.broken, isHello);
    }
  }

  /**
   * A direction has ended: tells of a message that is cut in two.
   *
   * @param direction Which.
   * @param time When, in milliseconds since 1970.
   * @throws {WireError} `invalidArgument` for what is no direction.
   */
  end(direction: Direction, time: number): void {
    const { broken, decoder } = this.#side(direction);
    if (broken !== undefined || !decoder.unfinished) return;
    const why = "The stream ended within a message.";
    this.#undecoded(direction, new Uint8Array(0), time, why, false);
  }

  #side(direction: Direction): Side {
    if (direction === "sent" || direction === "received") {
      return this.#sides[direction];
    }
    throw mistaken('A direction is "sent" or "received"', direction);
  }

  #undecoded(
    direction: Direction,
    chunk: Uint8Array,
    time: number,
    why: string,
    isHello: boolean,
  ): void {
    const size = chunk.length;
    const bytes = chunk.slice(0, isHello ? 0 : MOST_SHOWN);
    const fields = { why: isHello ? hiddenWhy(why, size) : why, bytes };
    this.#onMessage({ direction, time, kind: "undecoded", size, fields });
  }

  /** What is told of a message. */
  #told(
    direction: Direction,
    message: SeenMessage,
    time: number,
  ): TappedMessage {
    const { kind, bytes: size } = message;
    const own = this.#sides[direction];
    const other = this.#sides[direction === "sent" ? "received" : "sent"];
    const parts = message.fields as unknown as Parts;
    let fields = message.fields as TappedMessage["fields"];
    let id: number | undefined;
    let name: string | undefined;
    let latency: number | undefined;
    let credit: number | undefined;
    let of: string = kind;
    if (message.kind === "overLimit") ({ of, id, name } = message.fields);
    switch (of) {
      case "hello": {
        const { credential, limits } = parts;
        own.isGreeted = true;
        other.firstCredit = firstCredit(limits);
        fields = { ...fields, credential: credential && HIDDEN };
        break;
      }
      case "call":
        ({ id, name } = parts);
        remember(own.calls, id, { name: nameOf(parts), time });
        break;
      case "send":
        ({ name } = parts);
        break;
      case "cancel":
        ({ id } = parts);
        name = own.calls.get(id)?.name;
        break;
      case "return":
      case "returnValues":
      case "throw":
      case "fail": {
        ({ id } = parts);
        const call = other.calls.get(id);
        if (call === undefined) break;
        other.calls.delete(id);
        name = call.name;
        latency = time - call.time;
        break;
      }
      case "streamValue":
      case "streamBytes":
        ({ id } = parts);
        credit = changed(own, id, -size - MESSAGE_OVERHEAD);
        break;
      case "streamCredit": {
        ({ id } = parts);
        credit = changed(other, id, parts.amount);
        break;
      }
      case "streamEnd":
      case "streamError":
      case "streamFail":
        ({ id } = parts);
        own.streams.delete(id);
        break;
      case "streamCancel":
        ({ id } = parts);
    }
    // All of one shape: there are many.
    return { direction, time, kind, size, name, id, latency, credit, fields };
  }
}

/** Why bytes are not shown. */
function hiddenWhy(why: string, size: number): string {
  return `${why} These ${size} bytes are not shown: they began with a hello, which may hold a secret.`;
}

/** What a call is called; one of a reference has no name of its own. */
function nameOf({ name, target }: Parts): string {
  // One over a limit has no target.
  if (name !== "" || target === undefined) return name;
  return "slot" in target ? `object ${target.slot}` : `result ${target.result}`;
}

/** Remembers something, and forgets the oldest where that is too much. */
function remember<T>(map: Map<number, T>, id: number, value: T): void {
  map.set(id, value);
  if (map.size <= MOST_REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

/** The credit of a stream changes; undefined where the first is not known. */
function changed(
  { streams, firstCredit }: Side,
  id: number,
  amount: number,
): number | undefined {
  const before = streams.get(id) ?? firstCredit;
  if (before === undefined) return undefined;
  const after = before + amount;
  if (streams.has(id)) streams.set(id, after);
  else remember(streams, id, after);
  return after;
}

/** What a stream has at first, towards a side that stated these limits. */
function firstCredit(
  limits: SeenFields["hello"]["limits"],
): number | undefined {
  const { streamWindow, window, streams } = limits;
  if (streamWindow === undefined || window === undefined || !streams) {
    return undefined;
  }
  const share = Math.max(1, Math.floor(window / (2 * streams)));
  return Math.min(streamWindow, share);
}

/** Milliseconds since 1970, with fractions. */
export function timeNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * What gets the bytes of a wire, for its option `tap`.
 *
 * @param onMessage Told of each message. It must not throw.
 * @param makeDecoder Makes what decodes a direction of the wire's protocol, if
 * it has that.
 * @returns It never throws.
 */
export function lookAt(
  onMessage: (message: TappedMessage) => void,
  makeDecoder: (direction: Direction) => MessageDecoder = () => OPAQUE,
): (direction: Direction, bytes: Uint8Array) => void {
  const tap = new WireTap(onMessage, makeDecoder);
  return (direction, bytes) => tap.read(direction, bytes, timeNow());
}

/** Of a protocol that nothing is known of. */
const OPAQUE: MessageDecoder = {
  unfinished: false,
  each() {
    throw new WireError(
      "malformed",
      "The protocol does not show its messages.",
    );
  },
};
