/**
 * What an inspector knows of the wires that it looks at: their state, what
 * their functions do, and the last messages. All of it is bounded.
 *
 * @module
 */

import { messageText, type TappedMessage, WireTap } from "../wire/codec/mod.ts";
import { MESSAGE_OVERHEAD } from "../wire/codec/messages.ts";
import type {
  Both,
  FunctionState,
  MessageRow,
  News,
  StreamState,
  ValueNode,
  Way,
  WireState,
} from "./_inspection.ts";
import { Latencies } from "./_latencies.ts";
import type { From } from "./_recording.ts";
import {
  detecting,
  directionOf,
  notRecorded,
  type Taps,
} from "./_tap_command.ts";
import { ValueTree } from "./_value_tree.ts";

/** So many messages are kept, */
const MOST_MESSAGES = 5_000;
/** … which take so much memory, about, in units of text. */
const MOST_WEIGHT = 16 * 1024 * 1024;
/** So many messages are looked at closely in a second, also all at once. */
const PER_SECOND = 1_000;
/** So many functions of a side are told apart; all others count together. */
const MOST_FUNCTIONS = 200;
const OTHERS = "(other functions)";
/** So many wires that have ended are remembered. */
const MOST_CLOSED = 100;
/** So many calls, and streams, of a direction are remembered. */
const MOST_UNDER_WAY = 10_000;
/** So many streams of a wire are told of. */
const MOST_STREAMS = 20;
/** So much is told in one go. */
const MOST_ROWS = 1_000;
const MOST_STATES = 100;
/** So long are lines, and names. */
const LINE = 300;
const LONGEST_NAME = 200;

/** A message that is kept. */
interface Kept {
  readonly row: MessageRow;
  readonly tree: readonly ValueNode[];
  readonly weight: number;
}

/** A call that has no answer. */
interface Call {
  readonly cost: number;
  /** Whether it was looked at closely: then its answer is, too. */
  readonly isKept: boolean;
}

/** A stream that has not ended. */
interface Stream {
  items: number;
  bytes: number;
  credit: number | undefined;
}

/** One direction of a wire. */
class Lane {
  bytes = 0;
  readonly calls = new Map<number, Call>();
  /** What these cost. */
  called = 0;
  sends = 0;
  messages = 0;
  window: number | undefined;
  readonly streams = new Map<number, Stream>();
}

/** A wire. */
class Watched {
  readonly lanes: Both<Lane> = {
    "to-server": new Lane(),
    "to-client": new Lane(),
  };
  closed: number | undefined;
  why: string | undefined;
  messages = 0;
  calls = 0;
  errors = 0;
  /** When it has changed last. */
  change = 0;
  readonly tap: WireTap;

  constructor(
    readonly wire: number,
    readonly peer: string,
    readonly opened: number,
    onMessage: (message: TappedMessage) => void,
  ) {
    this.tap = new WireTap(onMessage, detecting());
  }
}

/** A function. */
interface Counted {
  readonly name: string;
  readonly way: Way;
  readonly latencies: Latencies;
  errors: number;
  change: number;
}

/** How far a page has been told. */
export interface Place {
  /** The last message. */
  message: number;
  /** The last change of a wire or a function. */
  change: number;
}

/** How much an inspector keeps. */
export interface Keeps {
  readonly messages?: number;
  /** How many messages are looked at closely in a second. */
  readonly perSecond?: number;
}

/** Looks at wires. */
export class Inspector implements Taps {
  readonly #wires = new Map<number, Watched>();
  readonly #functions: Both<Map<string, Counted>> = {
    "to-server": new Map(),
    "to-client": new Map(),
  };
  readonly #kept = new Map<number, Kept>();
  readonly #most: number;
  readonly #perSecond: number;
  #weight = 0;
  #number = 0;
  #change = 0;
  #skipped = 0;
  /** How many may be looked at now, and when that was reckoned. */
  #budget: number;
  #reckoned = performance.now();
  /** Resolves with the next change, where somebody waits for it. */
  #changed: PromiseWithResolvers<void> | undefined;

  /** @param keeps How much, where that is not the default. */
  constructor(
    { messages = MOST_MESSAGES, perSecond = PER_SECOND }: Keeps = {},
  ) {
    this.#most = messages;
    this.#perSecond = perSecond;
    this.#budget = perSecond;
  }

  /** Resolves when something changes after a place. */
  changedSince({ message, change }: Place): Promise<void> {
    const isBehind = message < this.#number || change < this.#change;
    if (isBehind) return Promise.resolve();
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  open(wire: number, peer: string, time: number): void {
    const watched = new Watched(
      wire,
      cut(peer, LONGEST_NAME),
      time,
      (message) => this.#message(watched, message),
    );
    this.#wires.set(wire, watched);
    this.#touch(watched);
  }

  bytes(wire: number, from: From, bytes: Uint8Array, time: number): void {
    const watched = this.#wires.get(wire);
    if (watched === undefined) return;
    watched.lanes[from === "client" ? "to-server" : "to-client"].bytes +=
      bytes.length;
    watched.tap.read(directionOf(from), bytes, time);
    this.#touch(watched);
  }

  leftOut(wire: number, from: From, count: number, time: number): void {
    const watched = this.#wires.get(wire);
    if (watched === undefined) return;
    watched.lanes[from === "client" ? "to-server" : "to-client"].bytes += count;
    this.#message(watched, notRecorded(from, count, time));
    this.#touch(watched);
  }

  end(wire: number, from: From, time: number): void {
    this.#wires.get(wire)?.tap.end(directionOf(from), time);
  }

  close(wire: number, why: string | undefined, time: number): void {
    const watched = this.#wires.get(wire);
    if (watched === undefined) return;
    watched.closed = time;
    watched.why = why === undefined ? undefined : cut(why, LINE);
    for (const lane of Object.values(watched.lanes)) {
      lane.calls.clear();
      lane.streams.clear();
      lane.called = lane.sends = lane.messages = 0;
    }
    this.#touch(watched);
    const closed = [...this.#wires.values()]
      .filter((each) => each.closed !== undefined);
    if (closed.length > MOST_CLOSED) this.#wires.delete(closed[0]!.wire);
  }

  /**
   * Tells what is new.
   *
   * @param place How far a page was told; it is moved.
   * @param now The time, in milliseconds since 1970.
   */
  news(place: Place, now: number): News {
    const [oldest = this.#number + 1] = this.#kept.keys();
    const from = Math.max(place.message + 1, oldest);
    const missed = from - place.message - 1;
    const messages: MessageRow[] = [];
    let last = from - 1;
    while (last < this.#number && messages.length < MOST_ROWS) {
      messages.push(this.#kept.get(++last)!.row);
    }
    place.message = last;
    const states: (Watched | Counted)[] = [
      ...this.#wires.values(),
      ...this.#functions["to-server"].values(),
      ...this.#functions["to-client"].values(),
    ];
    const changed = states
      .filter(({ change }) => change > place.change)
      .sort((one, other) => one.change - other.change)
      .slice(0, MOST_STATES);
    place.change = changed.length < MOST_STATES
      ? this.#change
      : changed.at(-1)!.change;
    const wires: WireState[] = [];
    const functions: FunctionState[] = [];
    for (const one of changed) {
      if (one instanceof Watched) wires.push(stateOf(one));
      else functions.push(functionOf(one));
    }
    const skipped = this.#skipped;
    // Who is behind does not know yet what is now.
    const isBehind = place.message < this.#number;
    const time = isBehind ? messages.at(-1)!.time : now;
    return { time, isBehind, messages, missed, skipped, wires, functions };
  }

  /** What a message holds; undefined once it is forgotten. */
  message(number: number): readonly ValueNode[] | undefined {
    return this.#kept.get(number)?.tree;
  }

  #touch(state: Watched | Counted): void {
    state.change = ++this.#change;
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  #message(watched: Watched, message: TappedMessage): void {
    watched.messages++;
    const way = message.direction === "sent" ? "to-server" : "to-client";
    const isKept = this.#account(watched, way, message);
    if (isKept) this.#keep(watched.wire, way, message);
    else this.#skipped++;
  }

  /**
   * Brings the state of a wire up to date.
   *
   * @returns Whether to look at the message closely.
   */
  #account(watched: Watched, way: Way, message: TappedMessage): boolean {
    const { kind, size, id = 0, credit, fields } = message;
    const own = watched.lanes[way];
    const other = watched.lanes[opposite(way)];
    const cost = size + MESSAGE_OVERHEAD;
    // One over a limit is what it would have been.
    switch (kind === "overLimit" ? fields.of : kind) {
      case "hello":
        other.window = Number((fields.limits as { window?: number }).window);
        return true;
      case "call": {
        watched.calls++;
        const isKept = this.#hasTurn();
        if (own.calls.size < MOST_UNDER_WAY) {
          own.calls.set(id, { cost, isKept });
          own.called += cost;
        }
        return isKept;
      }
      case "return":
      case "returnValues":
      case "throw":
      case "fail":
        return this.#answered(watched, way, message);
      case "send":
        // Where there is no window, nothing tells when it is over.
        if (own.window !== undefined) own.sends += cost;
        break;
      case "message":
        if (own.window !== undefined) own.messages += cost;
        break;
      case "credit": {
        const channel = fields.channel === "sends" ? "sends" : "messages";
        other[channel] = Math.max(0, other[channel] - Number(fields.amount));
        break;
      }
      case "streamValue":
      case "streamBytes": {
        const stream = streamOf(own, id);
        stream.items++;
        stream.bytes += size;
        stream.credit = credit;
        break;
      }
      case "streamCredit": {
        // It may cross the end.
        const stream = other.streams.get(id);
        if (stream !== undefined) stream.credit = credit;
        break;
      }
      case "streamEnd":
      case "streamError":
      case "streamFail":
        own.streams.delete(id);
        return true;
      case "abort":
      case "undecoded":
        watched.errors++;
    }
    return this.#hasTurn();
  }

  /** A call has its answer. */
  #answered(watched: Watched, way: Way, message: TappedMessage): boolean {
    const { kind, id = 0, latency, name } = message;
    const callers = opposite(way);
    const lane = watched.lanes[callers];
    const call = lane.calls.get(id);
    if (call !== undefined) {
      lane.calls.delete(id);
      lane.called -= call.cost;
    }
    const hasFailed = kind === "throw" || kind === "fail";
    if (hasFailed) watched.errors++;
    if (name !== undefined) {
      const counted = this.#counted(name, callers);
      if (latency !== undefined) counted.latencies.add(latency);
      if (hasFailed) counted.errors++;
      this.#touch(counted);
    }
    return call?.isKept ?? this.#hasTurn();
  }

  #counted(name: string, way: Way): Counted {
    const functions = this.#functions[way];
    const short = cut(name, LONGEST_NAME);
    const found = functions.get(short);
    if (found !== undefined) return found;
    if (functions.size >= MOST_FUNCTIONS && name !== OTHERS) {
      return this.#counted(OTHERS, way);
    }
    const counted: Counted = {
      name: short,
      way,
      latencies: new Latencies(),
      errors: 0,
      change: 0,
    };
    functions.set(short, counted);
    return counted;
  }

  /** Whether there is time to look at one more. */
  #hasTurn(): boolean {
    if (this.#budget < 1) {
      const now = performance.now();
      const earned = (now - this.#reckoned) / 1_000 * this.#perSecond;
      this.#budget = Math.min(this.#perSecond, this.#budget + earned);
      this.#reckoned = now;
      if (this.#budget < 1) return false;
    }
    this.#budget--;
    return true;
  }

  #keep(wire: number, way: Way, message: TappedMessage): void {
    const { time, kind, size, name, id, latency, credit, fields } = message;
    const number = ++this.#number;
    const tree = new ValueTree();
    const nodes = tree.members(fields);
    const row: MessageRow = {
      number,
      wire,
      time,
      way,
      kind,
      size,
      name: name === undefined ? undefined : cut(name, LONGEST_NAME),
      id,
      latency,
      credit,
      text: cut(
        messageText({ ...message, latency: undefined, credit: undefined }),
        LINE,
      ),
      streams: tree.streams,
    };
    const weight = tree.weight + LINE;
    this.#kept.set(number, { row, tree: nodes, weight });
    this.#weight += weight;
    for (const [oldest, { weight }] of this.#kept) {
      const isMuch = this.#kept.size > this.#most ||
        this.#weight > MOST_WEIGHT;
      if (!isMuch || oldest === number) break;
      this.#kept.delete(oldest);
      this.#weight -= weight;
    }
  }
}

function opposite(way: Way): Way {
  return way === "to-server" ? "to-client" : "to-server";
}

function streamOf({ streams }: Lane, id: number): Stream {
  const found = streams.get(id);
  if (found !== undefined) return found;
  const stream: Stream = { items: 0, bytes: 0, credit: undefined };
  if (streams.size < MOST_UNDER_WAY) streams.set(id, stream);
  return stream;
}

/** What a page is told of a wire. */
function stateOf(watched: Watched): WireState {
  const { wire, peer, opened, closed, why, messages, calls, errors, lanes } =
    watched;
  const streams: StreamState[] = [];
  let open = 0;
  for (const way of ["to-server", "to-client"] as const) {
    open += lanes[way].streams.size;
    for (const [id, stream] of lanes[way].streams) {
      if (streams.length >= MOST_STREAMS) break;
      streams.push({ id, way, ...stream });
    }
  }
  const flow = ({ calls, called, sends, messages, window }: Lane) => {
    return { pending: calls.size, calls: called, sends, messages, window };
  };
  return {
    ...{ wire, peer, opened, closed, why, messages, calls, errors },
    bytes: {
      "to-server": lanes["to-server"].bytes,
      "to-client": lanes["to-client"].bytes,
    },
    flow: {
      "to-server": flow(lanes["to-server"]),
      "to-client": flow(lanes["to-client"]),
    },
    streams,
    open,
  };
}

/** What a page is told of a function. */
function functionOf({ name, way, latencies, errors }: Counted): FunctionState {
  const { count, most, buckets } = latencies;
  const [p50, p90, p99] = [0.5, 0.9, 0.99]
    .map((part) => latencies.quantile(part)) as [number, number, number];
  return {
    name,
    way,
    count,
    errors,
    quantiles: [p50, p90, p99],
    most,
    buckets,
  };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
