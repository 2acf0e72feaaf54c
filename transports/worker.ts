/**
 * Wires to Workers, and over any `MessagePort`.
 *
 * @example A program and its Worker, in one file for once
 * ```ts
 * import { connectWorker } from "@remote/wire/worker";
 *
 * const text = `
 *   import { parentWire } from "${import.meta.resolve("@remote/wire/worker")}";
 *   parentWire({ functions: { add: (a, b) => a + b } });
 * `;
 * const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
 * const worker = new Worker(url, { type: "module" });
 * // Deno may have to check the types of all that the Worker imports first.
 * const wire = await connectWorker(worker, { timeout: 120_000 });
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * worker.terminate();
 * ```
 *
 * @module
 */

import { checkFunctions, checkOptionKeys } from "../wire/base/checks.ts";
import { errorMessage, shown, WireError } from "../wire/base/errors.ts";
import { type AnyValueType, valueType } from "../wire/codec/value_types.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import type { Transport } from "../wire/transport/transport.ts";
import {
  makeWire,
  OPTION_KEYS,
  type Wire,
  type WireOptions,
} from "../wire/wire.ts";
import { CONNECT_KEYS, type Connecting, connectOver } from "./_connecting.ts";
import { type Channel, MessageTransport } from "./_message_transport.ts";

export type { Connecting } from "./_connecting.ts";

/** What a Worker posts to its parent by, and hears from it. */
interface Endpoint {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any -- the events of each platform
    listener: (event: any) => void,
  ): void;
  removeEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any -- the events of each platform
    listener: (event: any) => void,
  ): void;
}

/** A Worker of `node:worker_threads`, as far as a wire uses it. */
export interface ThreadLike {
  /** Posts a message. */
  // deno-lint-ignore no-explicit-any -- each runtime has a type of its own
  postMessage(message: unknown, transfer?: any): void;
  /** Listens to `message`, `error` and `exit`. */
  // deno-lint-ignore no-explicit-any -- what each of them tells
  on(event: string, listener: (value: any) => void): unknown;
  /** Listens no more. */
  // deno-lint-ignore no-explicit-any -- what each of them tells
  off(event: string, listener: (value: any) => void): unknown;
}

/** Under this name a Worker and its parent find each other. */
const KNOCK = "@remote/wire: a wire is wanted";
/** Marks what is to be transferred; other copies of this module know it, too. */
const TRANSFER = Symbol.for("@remote/wire: transfer");
/** Workers that have a wire, or are being connected to. */
const taken = new WeakSet<object>();
/** How what is transferred travels on the wire. */
const TRANSFERRED = "@remote/wire: transferred";

/**
 * Marks bytes that a wire over a port transfers, and does not copy: they are
 * gone here as soon as the call is made. Other wires copy them.
 *
 * @typeParam T What kind of bytes.
 * @param bytes A buffer, or a view of one, which is transferred whole.
 * @returns The same.
 * @throws {WireError} `invalidArgument` for anything else, and for bytes that
 * were transferred already.
 *
 * @example
 * ```ts
 * import { portWire, transfer } from "@remote/wire/worker";
 *
 * const { port1, port2 } = new MessageChannel();
 * const near = portWire(port1);
 * const far = portWire(port2, {
 *   functions: { size: (bytes: Uint8Array) => bytes.length },
 * });
 * const bytes = new Uint8Array(1_000_000);
 * const size = near.remoteValue.size(transfer(bytes));
 * if (bytes.length !== 0) throw new Error("It was copied.");
 * if (await size !== 1_000_000) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function transfer<T extends ArrayBuffer | ArrayBufferView>(bytes: T): T {
  if (!isTransferable(bytes)) {
    throw new WireError(
      "invalidArgument",
      `transfer() takes an ArrayBuffer or a view of one, and not ${
        shown(bytes)
      }.`,
    );
  }
  if ((bufferOf(bytes) as ArrayBuffer).detached) {
    throw new WireError(
      "invalidArgument",
      "transfer() takes bytes that are still here, and these were transferred already: each can be transferred once.",
    );
  }
  Object.defineProperty(bytes, TRANSFER, { value: true });
  return bytes;
}

/** Whether something is a buffer, or a view of one, and its memory not shared. */
function isTransferable(bytes: unknown): bytes is object {
  return bufferOf(bytes) instanceof ArrayBuffer;
}

/** The buffer of a view; anything else as it is. */
function bufferOf(bytes: unknown): unknown {
  return ArrayBuffer.isView(bytes) ? bytes.buffer : bytes;
}

/** So much is kept before the message comes that it belongs to. */
const MOST = 10_000;
/** Up to so many bytes are copied twice: to transfer them would take longer. */
const COPIED = 4 * 1024;
/** How long what was posted may be under way, in milliseconds. */
const GOODBYE = 20;
/** How long after its port was closed a thread may take to exit. */
const EXIT_TIME = 1_000;

/** Refuses what is no port. A Worker is none: it can be connected to. */
function checkPort(port: unknown, what: string): void {
  checkFunctions(
    port,
    ["postMessage", "addEventListener", "start", "close"],
    `${what} takes a MessagePort, such as one of new MessageChannel(); for a Worker there is connectWorker()`,
  );
}

/** What is posted to a port, until there is one. */
class Port {
  /** Told of each message. */
  onMessage: (data: unknown) => void = () => {};
  /** Told that the peer is gone. */
  onGone: (why: string) => void = () => {};
  readonly #waiting: [unknown, Transferable[]][] = [];
  /** Ends the claims that tell of the ends of both. */
  readonly #claims = new AbortController();
  #port: MessagePort | undefined;
  #isClosed = false;
  #isWatching = false;

  /** Takes the port. */
  open(port: MessagePort): void {
    if (this.#isClosed) return port.close();
    this.#port = port;
    for (const [message, list] of this.#waiting.splice(0)) {
      port.postMessage(message, list);
    }
    port.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.#watch(data);
      else this.onMessage(data);
    });
    port.addEventListener(
      "messageerror",
      () => this.onGone("a message came that cannot be read"),
    );
    port.addEventListener("close", () => this.onGone("its port was closed"));
    port.start();
    this.#claim();
  }

  post(message: unknown, list: Transferable[] = []): void {
    if (this.#port !== undefined) this.#port.postMessage(message, list);
    else if (!this.#isClosed) this.#waiting.push([message, list]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.post(null);
    this.#port?.close();
    this.#claims.abort();
  }

  /**
   * Holds a lock as long as this thread, and the connection, live; the peer
   * asks for the same and gets it when there is nobody here any more. No event
   * tells of the end of a Worker on every platform.
   */
  #claim(): void {
    const { signal } = this.#claims;
    const manager = locks();
    if (manager === undefined) return;
    const name = `@remote/wire ${crypto.randomUUID()}`;
    manager.request(name, () => {
      this.post(name);
      return new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }).catch(() => {});
  }

  #watch(name: string): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const { signal } = this.#claims;
    locks()?.request(name, { signal }, () => {
      if (signal.aborted) return;
      // What it posted before comes first, its own goodbye perhaps.
      const timer = setTimeout(() => this.onGone("it ended"), GOODBYE);
      signal.addEventListener("abort", () => clearTimeout(timer));
    }).catch(() => {});
  }
}

/** What is used of the Web Locks of the platform. */
interface Locks {
  request(name: string, callback: () => unknown): Promise<unknown>;
  request(
    name: string,
    options: { signal: AbortSignal },
    callback: () => unknown,
  ): Promise<unknown>;
}

/** Undefined where the platform has none, or forbids them. */
function locks(): Locks | undefined {
  const { navigator } = globalThis as unknown as {
    navigator?: { locks?: Locks };
  };
  return navigator?.locks;
}

/** What is transferred over a port, beside the bytes of its wire. */
class Handover {
  /** How it travels in messages: as a number. */
  readonly type: AnyValueType;
  /** What came, and is in no message yet. */
  readonly #came = new Map<number, object>();
  /** What was sent: an encoder may ask twice. */
  readonly #sent = new WeakMap<object, number>();
  #last = 0;

  constructor(port: Port) {
    const type = valueType({
      name: TRANSFERRED,
      test: (value): value is object => TRANSFER in value,
      toData: (value) => this.#sent.get(value) ?? this.#send(value, port),
      fromData: (id) => this.#take(id),
    });
    this.type = type as AnyValueType;
  }

  /** Something came; false where it is nothing that may. */
  add(id: unknown, bytes: unknown): boolean {
    if (typeof id !== "number" || !isTransferable(bytes)) return false;
    this.#came.set(id, bytes);
    if (this.#came.size > MOST) this.#forgetFirst();
    return true;
  }

  /** A message that could not be sent, or was given up, leaves what it had. */
  #forgetFirst(): void {
    const [first] = this.#came.keys();
    this.#came.delete(first!);
  }

  /** Forgets what is in no message. */
  clear(): void {
    this.#came.clear();
  }

  #send(value: object, port: Port): number {
    const id = ++this.#last;
    port.post([id, value], [bufferOf(value) as ArrayBuffer]);
    this.#sent.set(value, id);
    return id;
  }

  #take(id: number): object {
    const value = this.#came.get(id);
    this.#came.delete(id);
    if (value !== undefined) return value;
    throw new TypeError(
      "Bytes that were to be transferred have not come; each can be transferred once.",
    );
  }
}

/** A transport over a port, and the type of what is transferred over it. */
function overPort(
  port: Port,
  isOpen: boolean,
): { transport: MessageTransport; type: AnyValueType } {
  const handover = new Handover(port);
  const channel: Channel = {
    send(bytes) {
      const copy = bytes.slice();
      port.post(copy, copy.length > COPIED ? [copy.buffer] : []);
    },
    tell: (units) => port.post(units),
    close() {
      handover.clear();
      port.close();
    },
  };
  const transport = new MessageTransport({
    address: { transport: "port" },
    channel,
    isOpen,
  });
  const fail = (code: "connectionLost" | "malformed", text: string) =>
    transport.failed(new WireError(code, text));
  port.onMessage = (data) => {
    if (data === null) transport.over();
    else if (typeof data === "number") transport.told(data);
    else if (data instanceof Uint8Array) transport.received(data);
    else if (!Array.isArray(data) || !handover.add(data[0], data[1])) {
      fail(
        "malformed",
        `The peer posted ${
          shown(data)
        } to the port. It may post bytes, and hand over buffers.`,
      );
    }
  };
  port.onGone = (why) =>
    fail("connectionLost", `The other end of the port is gone: ${why}.`);
  return { transport, type: handover.type };
}

/** The options of a wire over a port. */
function withType<
  O extends { valueTypes?: readonly AnyValueType[] | undefined },
>(
  options: O,
  type: AnyValueType,
): O {
  const { valueTypes = [] } = options;
  // What is no list is refused where all options are checked.
  if (!Array.isArray(valueTypes)) return options;
  return { ...options, valueTypes: [...valueTypes, type] };
}

/**
 * A wire over a `MessagePort`, whoever has the other one: a Worker, a service
 * worker, a frame, another tab. The wire owns the port.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @param port The port.
 * @param options As those of `makeWire()`.
 * @returns The wire. Calls made before the peer's hello wait for it.
 * @throws {WireError} `invalidArgument` for what is no port, and for unusable
 * options.
 *
 * @example
 * ```ts
 * import { portWire } from "@remote/wire/worker";
 *
 * const { port1, port2 } = new MessageChannel();
 * const near = portWire(port1);
 * const far = portWire(port2, { functions: { name: () => "far" } });
 * if (await near.remoteValue.name() !== "far") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function portWire<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  port: MessagePort,
  options?: WireOptions<Remote, Local> | null,
): Wire<Remote, Local> {
  checkPort(port, "portWire()");
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "portWire()");
  const messages = new Port();
  const { transport, type } = overPort(messages, true);
  const wire = makeWire<Remote, Local>(transport, withType(options, type));
  messages.open(port);
  return wire;
}

/**
 * A transport over a `MessagePort`, for `server.adopt()`. What is marked by
 * {@linkcode transfer} is copied: {@linkcode portWire} transfers it.
 *
 * @param port The port, which the transport closes.
 * @returns The transport.
 * @throws {WireError} `invalidArgument` for what is no port.
 *
 * @example
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { portTransport, portWire } from "@remote/wire/worker";
 *
 * await using server = createRequestServer(null, {
 *   functions: { name: () => "server" },
 * });
 * const { port1, port2 } = new MessageChannel();
 * server.adopt(portTransport(port2));
 * await using wire = portWire(port1);
 * if (await wire.remoteValue.name() !== "server") throw new Error();
 * ```
 */
export function portTransport(port: MessagePort): Transport {
  checkPort(port, "portTransport()");
  const messages = new Port();
  const { transport } = overPort(messages, true);
  messages.open(port);
  return transport;
}

/**
 * Connects to a Worker, which calls {@linkcode parentWire}. The wire ends as
 * soon as the Worker does: by `terminate()`, by `close()`, by an error at its
 * start, in Deno and in a thread of `node:worker_threads` by any error that nobody
 * catches. The Worker goes on when the wire has ended: `terminate()` it. It has
 * one wire at a time.
 *
 * @typeParam Remote The interface that the Worker serves.
 * @typeParam Local The interface of `options.functions`.
 * @param worker The Worker: the platform's, or one of `node:worker_threads` in
 * Node, Bun and Deno.
 * @param options Time limits, and what this side serves.
 * @returns A promise of the wire, once the Worker has accepted it.
 * @throws {WireError} As a rejection: `connectionLost` for a Worker that ends or
 * throws at its start, with what it threw; `timeout` for one that does not call
 * `parentWire()`; `invalidArgument`, also for one that has a wire; and those of
 * any connection.
 *
 * @example A Worker that fails
 * ```ts
 * import { connectWorker } from "@remote/wire/worker";
 *
 * const url = "data:text/javascript,throw new Error('no luck')";
 * const worker = new Worker(url, { type: "module" });
 * try {
 *   await using wire = await connectWorker(worker);
 *   await wire.forceOutput();
 * } catch (error) {
 *   if (!(error as Error).message.includes("no luck")) throw error;
 * }
 * worker.terminate();
 * ```
 */
export async function connectWorker<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  worker: Worker | ThreadLike,
  options?: Connecting<Remote, Local> | null,
): Promise<Wire<Remote, Local>> {
  options ??= {};
  checkOptionKeys(options, CONNECT_KEYS, "connectWorker()");
  const follow = followerOf(worker);
  if (taken.has(worker)) {
    throw new WireError(
      "invalidArgument",
      "connectWorker() takes a Worker without a wire, and this one has one, or is being connected to: use that wire, or close it first.",
    );
  }
  const post = (message: unknown, list: MessagePort[] = []) =>
    (worker as Worker).postMessage(message, list);
  const messages = new Port();
  const { transport, type } = overPort(messages, true);
  let hasKnocked = false;
  const onMessage = (data: unknown) => {
    if (data !== KNOCK) return false;
    if (hasKnocked) return true;
    hasKnocked = true;
    const { port1, port2 } = new MessageChannel();
    post([KNOCK, port2], [port2]);
    messages.open(port1);
    return true;
  };
  const fate = fateOf(messages, transport);
  let leave = () => {};
  try {
    const given = withType(options, type);
    const wire = await connectOver<Remote, Local>("the Worker", given, () => {
      const unfollow = follow({ onMessage, ...fate }, messages);
      taken.add(worker);
      leave = () => {
        taken.delete(worker);
        unfollow();
      };
      // Who is there already says so once more.
      post(KNOCK);
      return transport;
    });
    wire.closed.then(leave);
    return wire;
  } catch (error) {
    leave();
    throw error;
  }
}

/** Who follows a Worker hears of this. */
interface Following {
  /** A message came; gives whether it was meant for whoever follows. */
  onMessage(data: unknown): boolean;
  /** It failed, and may go on. */
  onError(text: string): void;
  /** It has ended; why, where that is known. */
  onEnd(text?: string): void;
}

/** Begins to follow a Worker, and its port; gives what ends that. */
type Follow = (following: Following, messages: Port) => () => void;

function followerOf(worker: unknown): Follow {
  const { postMessage, addEventListener, on, off } = Object(worker);
  const has = (...functions: unknown[]) =>
    functions.every((one) => typeof one === "function");
  if (has(postMessage, addEventListener)) {
    return (...all) => followWorker(worker as Worker, ...all);
  }
  if (has(postMessage, on, off)) {
    return (...all) => followThread(worker as ThreadLike, ...all);
  }
  throw new WireError(
    "invalidArgument",
    `connectWorker() takes a Worker, the platform's or that of node:worker_threads, and not ${
      shown(worker)
    }.`,
  );
}

function followWorker(
  worker: Worker,
  following: Following,
  messages: Port,
): () => void {
  const onMessage = (event: MessageEvent) => {
    if (following.onMessage(event.data)) event.stopImmediatePropagation();
  };
  const onError = (event: ErrorEvent) => {
    // Otherwise Deno ends this process as well.
    event.preventDefault();
    following.onError(
      event.message || "the platform does not tell what went wrong",
    );
  };
  messages.onGone = () => following.onEnd();
  worker.addEventListener("error", onError);
  worker.addEventListener("message", onMessage);
  const leaveTerminate = followTerminate(worker, following);
  return () => {
    leaveTerminate();
    worker.removeEventListener("message", onMessage);
    worker.removeEventListener("error", onError);
  };
}

/** An error that nobody catches always ends a thread, and its end is told. */
function followThread(
  thread: ThreadLike,
  following: Following,
  messages: Port,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Why it ended may be known only when its port is closed already.
  messages.onGone = () => {
    timer ??= setTimeout(() => following.onEnd(), EXIT_TIME);
  };
  const listeners: Readonly<Record<string, (value: unknown) => void>> = {
    message: following.onMessage,
    error: (error) => following.onEnd(errorMessage(error)),
    exit: (code) => following.onEnd(`it exited with code ${code}`),
  };
  for (const [event, listener] of Object.entries(listeners)) {
    thread.on(event, listener);
  }
  return () => {
    clearTimeout(timer);
    messages.onGone = () => {};
    for (const [event, listener] of Object.entries(listeners)) {
      thread.off(event, listener);
    }
  };
}

/** What ends the wire of a Worker when the Worker has ended. */
function fateOf(
  messages: Port,
  transport: MessageTransport,
): Omit<Following, "onMessage"> {
  let last = "it closed itself, or the platform ended it";
  const onEnd = (text?: string) => {
    last = text ?? last;
    transport.failed(
      new WireError(
        "connectionLost",
        `The Worker ended: ${last.replace(/\.+$/, "")}.`,
      ),
    );
  };
  let hasSpoken = false;
  const { onMessage } = messages;
  messages.onMessage = (data) => {
    hasSpoken = true;
    onMessage(data);
  };
  const onError = (text: string) => {
    // Outside Deno a Worker goes on after an error, once it has started.
    if (!hasSpoken || "Deno" in globalThis) onEnd(text);
  };
  return { onError, onEnd };
}

/**
 * Learns of `terminate()`, of which no event tells, and after which a busy
 * Worker may keep its lock for a while.
 *
 * @returns What ends that.
 */
function followTerminate(
  worker: Worker,
  { onEnd }: Following,
): () => void {
  const { terminate } = worker;
  const followed = () => {
    terminate.call(worker);
    onEnd("terminate() was called");
  };
  worker.terminate = followed;
  return () => {
    if (worker.terminate === followed) worker.terminate = terminate;
  };
}

/**
 * The wire of a Worker to the program that made it, which calls
 * {@linkcode connectWorker}.
 *
 * @typeParam Remote The interface that the program serves.
 * @typeParam Local The interface that the Worker serves.
 * @param options As those of `makeWire()`.
 * @returns The wire. Calls made before the program connects wait for it, as
 * long as the limit `hello` says.
 * @throws {WireError} `invalidArgument` for unusable options, and outside a
 * Worker.
 *
 * @example Outside a Worker; the example of this module has it inside
 * ```ts
 * import { parentWire } from "@remote/wire/worker";
 *
 * try {
 *   parentWire({ functions: { add: (a: number, b: number) => a + b } });
 * } catch (error) {
 *   if ((error as { code: string }).code !== "invalidArgument") throw error;
 * }
 * ```
 */
export function parentWire<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(options?: WireOptions<Remote, Local> | null): Wire<Remote, Local> {
  const endpoint = parentEndpoint();
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "parentWire()");
  const messages = new Port();
  const { transport, type } = overPort(messages, false);
  const wire = makeWire<Remote, Local>(transport, withType(options, type));
  const onMessage = (event: MessageEvent) => {
    const { data } = event;
    const isPort = Array.isArray(data) && data[0] === KNOCK;
    if (!isPort && data !== KNOCK) return;
    event.stopImmediatePropagation();
    if (!isPort) return endpoint.postMessage(KNOCK);
    endpoint.removeEventListener("message", onMessage);
    messages.open(data[1]);
    transport.opened();
  };
  endpoint.addEventListener("message", onMessage);
  // In a thread of Node, whatever listens keeps it alive.
  wire.closed.then(() => endpoint.removeEventListener("message", onMessage));
  endpoint.postMessage(KNOCK);
  return wire;
}

/** What a Worker has of its parent. */
function parentEndpoint(): Endpoint {
  const { process } = globalThis as { process?: NodeJS.Process };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (threads?.parentPort) return threads.parentPort as unknown as Endpoint;
  // In Bun, who is no Worker has one as well; in Deno, a Worker is no thread.
  const isMain = threads?.isMainThread === true && !("Deno" in globalThis);
  const { postMessage } = globalThis as Partial<Endpoint>;
  const isWorker = typeof postMessage === "function" && !isMain &&
    !("document" in globalThis);
  if (isWorker) return globalThis as unknown as Endpoint;
  throw new WireError(
    "invalidArgument",
    "parentWire() is for a Worker; this is none. Its parent calls connectWorker().",
  );
}
