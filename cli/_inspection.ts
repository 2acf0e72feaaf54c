/**
 * What an inspector tells its page: types alone, which both ends import.
 *
 * @module
 */

/** Which way a message goes. */
export type Way = "to-server" | "to-client";

/** What a page may call. */
export interface Inspection {
  /** What is looked at. */
  about(): About;
  /**
   * What has come, and then what comes. A page that does not read misses the
   * oldest messages, and is told how many.
   */
  follow(): AsyncIterable<News>;
  /** What a message holds; undefined once it is forgotten. */
  message(number: number): ValueNode[] | undefined;
}

/** What is looked at. */
export interface About {
  /** The target of the proxy, or that of a recording. */
  readonly target: string;
  /** Where the proxy listens; the name of the file of a recording. */
  readonly source: string;
  readonly isRecording: boolean;
}

/** What has changed. */
export interface News {
  /** Until when it tells all, in milliseconds since 1970. */
  readonly time: number;
  readonly messages: readonly MessageRow[];
  /** Whether further messages are there already. */
  readonly isBehind: boolean;
  /** So many messages were forgotten before they could be told of. */
  readonly missed: number;
  /** So many messages were left out until now, because too many came. */
  readonly skipped: number;
  /** The wires that have changed. */
  readonly wires: readonly WireState[];
  /** The functions that have changed. */
  readonly functions: readonly FunctionState[];
}

/** A message, in short. */
export interface MessageRow {
  /** Counts messages, from 1. */
  readonly number: number;
  readonly wire: number;
  /** In milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly way: Way;
  readonly kind: string;
  /** In bytes. */
  readonly size: number;
  /** The function. */
  readonly name: string | undefined;
  /** The number of the call or the stream. */
  readonly id: number | undefined;
  /** Of an answer: milliseconds since its call. */
  readonly latency: number | undefined;
  /** Of a stream: how many bytes its producer may send. */
  readonly credit: number | undefined;
  /** The message as a line, without control characters. */
  readonly text: string;
  /** The numbers of the streams that it announces. */
  readonly streams: readonly number[];
}

/** Both directions of something. */
export type Both<T> = Readonly<Record<Way, T>>;

/** What is under way in one direction, in bytes of cost. */
export interface Flow {
  /** Calls without an answer. */
  readonly pending: number;
  readonly calls: number;
  readonly sends: number;
  readonly messages: number;
  /** What the receiver allows of each; undefined before its hello. */
  readonly window: number | undefined;
}

/** A stream that has not ended. */
export interface StreamState {
  readonly id: number;
  /** Which way its items go. */
  readonly way: Way;
  readonly items: number;
  readonly bytes: number;
  /** How many bytes its producer may send; it waits at 0 and below. */
  readonly credit: number | undefined;
}

/** A wire. */
export interface WireState {
  readonly wire: number;
  readonly peer: string;
  readonly opened: number;
  readonly closed: number | undefined;
  /** What trouble ended it. */
  readonly why: string | undefined;
  readonly messages: number;
  readonly calls: number;
  readonly errors: number;
  readonly bytes: Both<number>;
  readonly flow: Both<Flow>;
  /** The first of its streams. */
  readonly streams: readonly StreamState[];
  /** How many it has. */
  readonly open: number;
}

/** A function that was called. */
export interface FunctionState {
  readonly name: string;
  readonly way: Way;
  /** Calls that were answered. */
  readonly count: number;
  readonly errors: number;
  /** Latencies in milliseconds; undefined where no call was answered. */
  readonly quantiles: readonly [p50: number, p90: number, p99: number];
  readonly most: number;
  /** How many answers took so long: see `BUCKETS`. */
  readonly buckets: readonly number[];
}

/** A value as a tree. */
export interface ValueNode {
  /** Its key, or its place. */
  readonly label: string;
  /** It in short. */
  readonly text: string;
  /** What it is, for its color. */
  readonly type: "text" | "number" | "word" | "bytes" | "special" | "holder";
  /** Its parts. */
  readonly items?: readonly ValueNode[];
  /** Bytes in hexadecimal digits. */
  readonly hex?: string;
  /** So much of it is left out. */
  readonly left?: number;
}
