/**
 * What the page knows: the last messages, and the calls that they are of.
 *
 * @module
 */

import type {
  FunctionState,
  MessageRow,
  News,
  Way,
  WireState,
} from "../_inspection.ts";

/** So many messages, and calls, are remembered. */
const MOST_MESSAGES = 20_000;
const MOST_CALLS = 10_000;
/** So many wires that have ended are. */
const MOST_CLOSED = 100;

/** What became of a call. */
export type Outcome =
  | "waiting"
  | "answered"
  | "failed"
  | "cancelled"
  | "one-way"
  /** Its wire has ended. */
  | "lost"
  /** Its answer may have been among messages that were forgotten. */
  | "missed";

/** A call, and all that belongs to it. */
export interface Call {
  /** The number of its first message. */
  readonly number: number;
  readonly wire: number;
  /** From its caller. */
  readonly way: Way;
  readonly name: string;
  readonly begin: number;
  /** Function and arguments. */
  readonly text: string;
  /** When it was answered. */
  end: number | undefined;
  outcome: Outcome;
  answerText: string;
  latency: number | undefined;
  /** Bytes of all its messages. */
  size: number;
  /** The numbers of its messages, but for those in the middle of streams. */
  readonly messages: number[];
  /** Items of its streams. */
  items: number;
  /** When the last one came. */
  last: number | undefined;
  /** How many of its streams have not ended. */
  streams: number;
  hasStreams: boolean;
}

/** So many messages of a call are told. */
const MOST_OF_CALL = 200;

/** What the page knows. */
export class Model {
  readonly messages: MessageRow[] = [];
  readonly calls: Call[] = [];
  readonly wires = new Map<number, WireState>();
  readonly functions = new Map<string, FunctionState>();
  readonly kinds = new Set<string>();
  /** What the server could not show, and what the page did not read. */
  skipped = 0;
  missed = 0;
  /** The time of the server. */
  time = 0;
  readonly #waiting = new Map<string, Call>();
  readonly #streams = new Map<string, Call>();
  /** Wires that have ended, and whose last messages may be still to come. */
  readonly #ended = new Set<number>();

  /** Takes what is new. */
  take(news: News): void {
    this.time = news.time;
    this.skipped = news.skipped;
    if (news.missed > 0) this.#miss(news.missed);
    for (const state of news.functions) {
      this.functions.set(`${state.way} ${state.name}`, state);
    }
    for (const message of news.messages) this.#message(message);
    for (const state of news.wires) {
      this.wires.set(state.wire, state);
      if (state.closed !== undefined) this.#ended.add(state.wire);
    }
    if (!news.isBehind && this.#ended.size > 0) this.#settle();
    trim(this.messages, MOST_MESSAGES);
    for (const call of trim(this.calls, MOST_CALLS)) this.#forget(call);
  }

  /** Messages were forgotten, and answers may be among them. */
  #miss(count: number): void {
    this.missed += count;
    for (const call of this.calls) {
      if (call.outcome === "waiting") call.outcome = "missed";
      call.streams = 0;
    }
    this.#streams.clear();
  }

  /** Nothing more comes of wires that have ended. */
  #settle(): void {
    for (const call of this.calls) {
      if (!this.#ended.has(call.wire)) continue;
      this.#forget(call);
      call.streams = 0;
      if (call.outcome !== "waiting") continue;
      call.outcome = "lost";
      call.end = this.wires.get(call.wire)?.closed;
    }
    this.#ended.clear();
    const closed = [...this.wires.values()]
      .filter((each) => each.closed !== undefined);
    for (const { wire } of trim(closed, MOST_CLOSED)) this.wires.delete(wire);
  }

  /** Nothing more is expected of a call. */
  #forget(call: Call): void {
    for (const map of [this.#waiting, this.#streams]) {
      // Nearly all are in neither.
      if (map === this.#streams ? !call.hasStreams : call.end !== undefined) {
        continue;
      }
      for (const [key, each] of map) if (each === call) map.delete(key);
    }
  }

  #message(row: MessageRow): void {
    this.messages.push(row);
    this.kinds.add(row.kind);
    const { kind } = row;
    switch (kind) {
      case "call":
      case "send":
        this.#called(row);
        break;
      case "return":
      case "returnValues":
      case "throw":
      case "fail":
        this.#answered(row);
        break;
      case "cancel": {
        const call = this.#waiting.get(key(row, row.way));
        if (call === undefined) break;
        call.outcome = "cancelled";
        add(call, row);
        break;
      }
      case "streamCancel":
      case "streamCredit":
        this.#ofStream(row, opposite(row.way));
        break;
      default:
        if (kind.startsWith("stream")) this.#ofStream(row, row.way);
    }
  }

  #called(row: MessageRow): void {
    const call = callOf(row, row.way, row.time);
    this.calls.push(call);
    if (row.kind === "send") call.outcome = "one-way";
    else this.#waiting.set(key(row, row.way), call);
    this.#announce(row, call);
  }

  #answered(row: MessageRow): void {
    const { time, kind, latency } = row;
    const way = opposite(row.way);
    const place = key(row, way);
    let call = this.#waiting.get(place);
    this.#waiting.delete(place);
    if (call === undefined) {
      if (latency === undefined) return;
      // Its call is forgotten.
      call = callOf({ ...row, text: "" }, way, time - latency);
      this.calls.push(call);
    } else add(call, row);
    const isFailure = kind === "throw" || kind === "fail";
    if (call.outcome === "waiting" || call.outcome === "missed") {
      call.outcome = isFailure ? "failed" : "answered";
    }
    call.end = time;
    call.latency = latency;
    call.answerText = textBehind(row, row.name);
    this.#announce(row, call);
  }

  /** The streams that a message announces belong to its call. */
  #announce(row: MessageRow, call: Call): void {
    for (const id of row.streams) {
      this.#streams.set(`${row.wire} ${row.way} ${id}`, call);
      call.streams++;
      call.hasStreams = true;
    }
  }

  #ofStream(row: MessageRow, producer: Way): void {
    const place = key(row, producer);
    const call = this.#streams.get(place);
    if (call === undefined) return;
    add(call, row);
    if (row.kind === "streamValue" || row.kind === "streamBytes") {
      call.items++;
      call.last = row.time;
      this.#announce(row, call);
    } else if (!["streamCredit", "streamCancel"].includes(row.kind)) {
      call.streams--;
      call.last = row.time;
      if (row.kind !== "streamEnd") call.outcome = "failed";
      this.#streams.delete(place);
    }
  }
}

function key({ wire, id }: MessageRow, way: Way): string {
  return `${wire} ${way} ${id}`;
}

function opposite(way: Way): Way {
  return way === "to-server" ? "to-client" : "to-server";
}

/** What a message says, without its kind, its number, and a name. */
function textBehind({ kind, id, text }: MessageRow, name = ""): string {
  for (const head of [kind, ` #${id}`, " ", name, JSON.stringify(name)]) {
    if (text.startsWith(head)) text = text.slice(head.length);
  }
  return text.trim();
}

/** A call that was seen first by this message. */
function callOf(row: MessageRow, way: Way, begin: number): Call {
  const { number, wire, name = "", size } = row;
  return {
    number,
    wire,
    way,
    name,
    begin,
    text: textBehind(row) || name,
    end: undefined,
    outcome: "waiting",
    answerText: "",
    latency: undefined,
    size,
    messages: [number],
    items: 0,
    last: undefined,
    streams: 0,
    hasStreams: false,
  };
}

/** A message belongs to a call. */
function add(call: Call, { number, size }: MessageRow): void {
  call.size += size;
  if (call.messages.length < MOST_OF_CALL) call.messages.push(number);
}

/** Removes the oldest where there are too many. */
function trim<T>(list: T[], most: number): T[] {
  return list.length > most ? list.splice(0, list.length - most) : [];
}
