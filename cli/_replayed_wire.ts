/**
 * One wire of a recording, whose calls are made again.
 *
 * @module
 */

import {
  isRemoteObject,
  type Reference,
  type Wire,
  WireError,
} from "../mod.ts";
import { systemClock } from "../wire/base/clock.ts";
import {
  type Direction,
  type SeenReference,
  type TappedMessage,
  valueText,
  WireTap,
} from "../wire/codec/mod.ts";
import { type Caller, remoteCaller } from "../wire/mod.ts";
import type { From } from "./_recording.ts";
import { detecting } from "./_tap_command.ts";

/** What became of a call, or of a stream. */
export interface Outcome {
  readonly wire: number;
  /** The call, or the stream, as text. */
  readonly call: string;
  /** Whether the answers are the same; or why there is no telling. */
  readonly is: "same" | "different" | { readonly notRepeated: string };
  /** The answer of the recording, and the present one. */
  readonly recorded?: string;
  readonly now?: string;
}

/** What a wire is replayed with. */
export interface ReplayOptions {
  /** Connects to the server, by this module's protocol or CMUCL's. */
  readonly connect: (
    isLisp: boolean,
    tap: (message: TappedMessage) => void,
  ) => Promise<Wire>;
  /** Whether calls of a function are to be made again. */
  readonly wants: (name: string) => boolean;
  /** How long an answer may take, in milliseconds. */
  readonly deadline: number;
  /** Whether each call is made when the answer before its own has come. */
  readonly inTurn: boolean;
  /** Told of each outcome. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Why something is not sent again. */
class NotRepeatable extends Error {}

/** A call that was made again. */
interface Repeated {
  readonly text: string;
  /** What it is known by when it goes out. */
  readonly key: string;
  /** Makes it, unless it was made; gives its result. */
  readonly begin: () => Promise<unknown>;
  readonly giveUp: AbortController;
  /** Resolves with the answer, as it is seen. */
  readonly answer: PromiseWithResolvers<TappedMessage>;
}

/** A stream that came, then or now. */
class Received {
  /** What its items are, in few words; bytes that follow each other are one. */
  readonly items: string[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #bytes: string[] = [];

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes what comes for it. */
  take({ kind, fields }: TappedMessage): void {
    if (kind === "streamBytes") {
      return void this.#bytes.push((fields.bytes as Uint8Array).toHex());
    }
    if (this.#bytes.length > 0) {
      this.items.push(`bytes ${this.#bytes.join("")}`);
      this.#bytes = [];
    }
    if (kind === "streamValue") {
      return void this.items.push(whole(fields.value));
    }
    if (kind === "streamError") {
      this.items.push(`threw ${whole(fields.thrown)}`);
    }
    if (kind === "streamFail") {
      this.items.push(`failed ${fields.code}: ${fields.message}`);
    }
    this.#ended.resolve();
  }
}

/** A stream of the client's, whose items are in the recording. */
class Feed {
  readonly #stream = new TransformStream<unknown, unknown>(
    undefined,
    // What is recorded is there already, and need not wait.
    { highWaterMark: Infinity },
  );
  readonly #writer = this.#stream.writable.getWriter();

  /** What is passed in its place. */
  get readable(): ReadableStream<unknown> {
    return this.#stream.readable;
  }

  /** Adds an item. */
  add(item: unknown): void {
    this.#writer.write(item).catch(() => {});
  }

  /** Ends it. */
  end(reason?: unknown): void {
    (reason === undefined ? this.#writer.close() : this.#writer.abort(reason))
      .catch(() => {});
  }
}

/** Repeats what the client of one recorded wire has done. */
export class ReplayedWire {
  readonly #number: number;
  readonly #options: ReplayOptions;
  readonly #tap: WireTap;
  readonly #messages: TappedMessage[] = [];
  #wire: Wire | undefined;
  /** By the numbers that they have in the recording. */
  readonly #calls = new Map<number, Repeated>();
  readonly #latest = new Map<number, Repeated>();
  readonly #objects = new Map<number, object>();
  readonly #recordedStreams = new Map<number, Received>();
  /** The number that a stream of the recording has now, and the stream. */
  readonly #streams = new Map<number, { id: number; stream: object }>();
  readonly #feeds = new Map<number, Feed>();
  /** Calls that have not gone out. */
  readonly #unsent: Repeated[] = [];
  /** By the numbers that they have now. */
  readonly #live = new Map<number, Repeated>();
  readonly #liveStreams = new Map<number, Received>();

  /**
   * @param number The number of the wire.
   * @param options What it is replayed with.
   */
  constructor(number: number, options: ReplayOptions) {
    this.#number = number;
    this.#options = options;
    this.#tap = new WireTap(
      (message) => void this.#messages.push(message),
      detecting(),
    );
  }

  /** Goes on with bytes of the recording; resolves when they are replayed. */
  async replay(from: From, bytes: Uint8Array, time: number): Promise<void> {
    const direction: Direction = from === "client" ? "sent" : "received";
    this.#tap.read(direction, bytes, time);
    for (const message of this.#messages.splice(0)) {
      if (message.kind === "undecoded") {
        throw new Error(
          `Wire ${this.#number} of the recording cannot be decoded: ${message.fields.why}`,
        );
      }
      this.#wire ??= await this.#options.connect(
        message.kind !== "hello",
        (live) => this.#see(live),
      );
      if (direction === "sent") await this.#sent(message);
      else await this.#received(message);
    }
  }

  /** The wire of the recording has ended. */
  async end(): Promise<void> {
    for (const feed of this.#feeds.values()) feed.end();
    for (const object of this.#objects.values()) {
      (object as Partial<Disposable>)[Symbol.dispose]?.();
    }
    const isIdle = this.#calls.size === 0 && this.#live.size === 0;
    if (!isIdle) this.#wire?.abort();
    await this.#wire?.close();
  }

  /** What goes over the wire now. */
  #see(message: TappedMessage): void {
    const { kind, direction, id = 0 } = message;
    if (direction === "sent") {
      if (kind !== "call") return;
      const at = this.#unsent.findIndex(({ key }) => key === keyOf(message));
      const [call] = at < 0 ? [] : this.#unsent.splice(at, 1);
      if (call !== undefined) this.#live.set(id, call);
    } else if (isAnswer(message)) {
      this.#live.get(id)?.answer.resolve(message);
      this.#live.delete(id);
    } else if (isOfProducer(kind)) {
      streamOf(this.#liveStreams, id).take(message);
    }
  }

  /** What the client has sent is sent again. */
  async #sent(message: TappedMessage): Promise<void> {
    const { kind, id = 0, fields } = message;
    const wire = this.#wire!;
    switch (kind) {
      case "call":
      case "send":
        if (!this.#options.wants(String(fields.name))) return;
        return this.#repeating(message, () => this.#call(message));
      case "message":
        return await this.#repeating(
          message,
          () => wire.outputObject(this.#revived(fields.value)),
        );
      case "cancel":
        this.#calls.get(id)?.giveUp.abort();
        return void this.#calls.delete(id);
      case "streamValue":
        return await this.#repeating(
          message,
          () => this.#feeds.get(id)?.add(this.#revived(fields.value)),
        );
      case "streamBytes":
        return this.#feeds.get(id)?.add(fields.bytes);
      case "streamEnd":
        return this.#feeds.get(id)?.end();
      case "streamError":
        return this.#feeds.get(id)?.end(fields.thrown);
      case "streamCancel": {
        const live = this.#streams.get(id);
        this.#streams.delete(id);
        const { cancel } = (live?.stream ?? {}) as { cancel?: () => unknown };
        return void Promise.resolve(cancel?.call(live!.stream)).catch(() => {});
      }
    }
  }

  /** Does something that may be impossible. */
  async #repeating(
    message: TappedMessage,
    work: () => Promise<unknown> | void,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const notRepeated = (error as Error).message;
      const call = callText(message);
      this.#tell({ call, is: { notRepeated } });
    }
  }

  /** Makes a call again; its answer is waited for where the recording has it. */
  #call(message: TappedMessage): void {
    const { kind, id = 0, fields } = message;
    const { target, deadline, metadata } = fields;
    const name = String(fields.name);
    const args = (fields.args as unknown[]).map((arg) => this.#revived(arg));
    const giveUp = new AbortController();
    const options = {
      signal: giveUp.signal,
      metadata: metadata as Record<string, string> | undefined,
      ...(Number(deadline) > 0 ? { deadline: Number(deadline) } : {}),
    };
    const caller = this.#callerOf(target as Target | undefined);
    if (kind === "send") {
      void Promise.resolve(caller)
        .then((caller) => caller.send(name, args, options)).catch(() => {});
      return;
    }
    const wantsValues = fields.wantsValues === true;
    const answer = Promise.withResolvers<TappedMessage>();
    const key = keyOf(message);
    const text = callText(message);
    const made = (caller: Caller) =>
      caller.call(name, args, wantsValues, options);
    let promise: Promise<unknown> | undefined;
    const begin = () => {
      if (promise !== undefined) return promise;
      this.#unsent.push(call);
      promise = caller instanceof Promise ? caller.then(made) : made(caller);
      promise.catch(() => {});
      return promise;
    };
    const call: Repeated = { text, key, begin, giveUp, answer };
    this.#calls.set(id, call);
    this.#latest.set(id, call);
    if (!this.#options.inTurn) begin();
  }

  /** What a call is made on. */
  #callerOf(target: Target | undefined): Caller | Promise<Caller> {
    if (target === undefined) return this.#wire!;
    if ("slot" in target) return remoteCaller(this.#object(target.slot));
    return this.#result(target.result)
      .then((result) => remoteCaller(result as Reference));
  }

  #object(slot: number): Reference {
    const object = this.#objects.get(slot);
    if (object !== undefined) return object as Reference;
    throw new NotRepeatable("it needs an object that did not come this time");
  }

  #result(id: number): Promise<unknown> {
    const call = this.#latest.get(id);
    if (call !== undefined) return call.begin();
    throw new NotRepeatable("it needs the result of a call that was not made");
  }

  /** A value of the recording, with what it refers to now. */
  #revived(value: unknown): unknown {
    return mapped(value, (standIn) => {
      if ("valueType" in standIn) {
        throw new NotRepeatable(
          `it holds a value of the declared type ${
            valueText(standIn.valueType)
          }`,
        );
      }
      const { reference, id } = standIn as unknown as SeenReference;
      switch (reference) {
        case "own":
          return this.#object(id);
        case "result":
          return this.#result(id);
        case "stream": {
          const feed = new Feed();
          this.#feeds.set(id, feed);
          return feed.readable;
        }
        default:
          throw new NotRepeatable(`it passes ${A[reference]} of the client's`);
      }
    });
  }

  /** What the server has sent is compared with what it sends now. */
  async #received(message: TappedMessage): Promise<void> {
    const { kind, id = 0 } = message;
    if (isAnswer(message)) {
      const call = this.#calls.get(id);
      if (call !== undefined) await this.#compare(id, call, message);
    } else if (isOfProducer(kind)) {
      const recorded = streamOf(this.#recordedStreams, id);
      recorded.take(message);
      if (kind === "streamValue" || kind === "streamBytes") return;
      this.#recordedStreams.delete(id);
      const live = this.#streams.get(id);
      if (live !== undefined) await this.#compareStreams(id, recorded, live.id);
    }
  }

  async #compare(
    id: number,
    call: Repeated,
    recorded: TappedMessage,
  ): Promise<void> {
    const promise = call.begin();
    const failed = promise.then(
      // An answer is seen first, unless it was not told apart from others.
      (value) => ({ kind: "return", fields: { value } }),
      (error) => ({ kind: "failed", fields: { error } }),
    );
    const found = await within(
      this.#options.deadline,
      Promise.race([call.answer.promise, failed]),
    );
    this.#calls.delete(id);
    const [then, now] = [
      answerText(recorded),
      found === undefined
        ? `no answer within ${this.#options.deadline} ms`
        : answerText(found),
    ];
    if (found === undefined) call.giveUp.abort();
    const is = then === now ? "same" : "different";
    this.#tell({ call: call.text, is, recorded: then, now });
    if (found === undefined || !("direction" in found)) return;
    const value = await promise.catch(() => undefined);
    this.#pair(recorded, found as TappedMessage, value);
  }

  /** Which references of the recording are which now. */
  #pair(recorded: TappedMessage, now: TappedMessage, value: unknown): void {
    const [before, after] = [standInsOf(recorded), standInsOf(now)];
    const live = liveOf(value);
    if (before.length !== after.length || live.length !== after.length) return;
    for (const [index, { reference, id }] of before.entries()) {
      const object = live[index]!;
      if (reference === "stream") {
        this.#streams.set(id, { id: after[index]!.id, stream: object });
        void drained(object as AsyncIterable<unknown>);
      } else if (reference !== "own") this.#objects.set(id, object);
    }
  }

  async #compareStreams(
    id: number,
    recorded: Received,
    liveId: number,
  ): Promise<void> {
    const live = streamOf(this.#liveStreams, liveId);
    const { deadline } = this.#options;
    const isEnded = await within(deadline, live.ended.then(() => true));
    this.#streams.delete(id);
    this.#liveStreams.delete(liveId);
    const [then, now] = [recorded, live].map(({ items }) =>
      `${items.length} items: ${items.join(", ")}`
    ) as [string, string];
    const end = isEnded === undefined ? `, no end within ${deadline} ms` : "";
    this.#tell({
      call: `stream ~${id}`,
      is: then === now + end ? "same" : "different",
      recorded: then,
      now: now + end,
    });
  }

  #tell(outcome: Omit<Outcome, "wire">): void {
    this.#options.onOutcome({ wire: this.#number, ...outcome });
  }
}

type Target = { readonly slot: number } | { readonly result: number };

const A = { object: "an object", function: "a function" } as const;

const ANSWERS: readonly string[] = ["return", "returnValues", "throw", "fail"];

function isAnswer({ kind, fields }: TappedMessage): boolean {
  return ANSWERS.includes(kind === "overLimit" ? String(fields.of) : kind);
}

function isOfProducer(kind: string): boolean {
  return kind === "streamValue" || kind === "streamBytes" ||
    kind === "streamEnd" || kind === "streamError" || kind === "streamFail";
}

function streamOf(streams: Map<number, Received>, id: number): Received {
  let stream = streams.get(id);
  if (stream === undefined) streams.set(id, stream = new Received());
  return stream;
}

/** Waits so long; undefined where that is too short. */
async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const stopTimer = systemClock.after(
    milliseconds,
    () => over.resolve(undefined),
  );
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    stopTimer();
  }
}

/** Takes all items of a stream, which are seen as they come. */
async function drained(stream: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _ of stream);
  } catch {
    // That was seen, too.
  }
}

/** What stands for what is no data. */
type StandIn = Readonly<Record<string, unknown>>;

function isStandIn(value: object): value is StandIn {
  return Object.getPrototypeOf(value) === null;
}

/**
 * A copy of decoded data, with others in the place of what is no data.
 *
 * @param value The data.
 * @param replace Makes what takes the place.
 */
function mapped(
  value: unknown,
  replace: (standIn: StandIn) => unknown,
): unknown {
  const map = (part: unknown) => mapped(part, replace);
  if (typeof value !== "object" || value === null) return value;
  if (isStandIn(value)) return replace(value);
  if (Array.isArray(value)) return value.map(map);
  if (value instanceof Map) {
    return new Map([...value].map(([key, part]) => [map(key), map(part)]));
  }
  if (value instanceof Set) return new Set([...value].map(map));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, map(part)]),
  );
}

/** What is no data in what a message holds, in its order. */
function standInsOf({ fields }: TappedMessage): SeenReference[] {
  const found: SeenReference[] = [];
  mapped(fields.value ?? fields.values, (standIn) => {
    if ("reference" in standIn) found.push(standIn as unknown as SeenReference);
    return undefined;
  });
  return found;
}

/** References and streams of a result, in its order. */
function liveOf(value: unknown): object[] {
  if (typeof value === "function") return [value];
  if (typeof value !== "object" || value === null) return [];
  if (isRemoteObject(value) || Symbol.asyncIterator in value) return [value];
  if (Array.isArray(value)) return value.flatMap(liveOf);
  if (value instanceof Map) return [...value].flatMap(liveOf);
  if (value instanceof Set) return [...value].flatMap(liveOf);
  if (Object.getPrototypeOf(value) !== Object.prototype) return [];
  return Object.values(value).flatMap(liveOf);
}

/** All of a value, without the numbers that differ from wire to wire. */
function whole(value: unknown): string {
  const unnumbered = mapped(
    value,
    (standIn) =>
      "reference" in standIn
        ? Object.assign(Object.create(null), standIn, { id: 0 })
        : standIn,
  );
  return valueText(unnumbered, Infinity);
}

/** What a call is known by. */
function keyOf({ fields }: TappedMessage): string {
  const { name, args, target } = fields;
  const on = target === undefined ? "" : Object.keys(target as object)[0];
  return `${on} ${JSON.stringify(name)} ${whole(args)}`;
}

/** A call in few words. */
function callText({ kind, fields }: TappedMessage): string {
  if (kind === "message") return `message ${valueText(fields.value)}`;
  if (kind === "streamValue") return `item ${valueText(fields.value)}`;
  const args = valueText(fields.args).replace(/^\[|\]$/g, "");
  return `${fields.name}(${args})`;
}

/** An answer, whole. */
function answerText(
  { kind, fields }: Pick<TappedMessage, "kind" | "fields">,
): string {
  switch (kind) {
    case "return":
      return whole(fields.value);
    case "returnValues":
      return whole(fields.values);
    case "throw":
      return `threw ${whole(fields.thrown)}`;
    case "fail":
      return `failed with ${fields.code}: ${fields.message}`;
    case "overLimit":
      return `is over a limit: ${(fields.error as Error).message}`;
    default: {
      const { error } = fields;
      return error instanceof WireError
        ? `failed with ${error.code}: ${error.message}`
        : `failed: ${(error as Error).message}`;
    }
  }
}
