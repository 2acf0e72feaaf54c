/**
 * The command `tap`: a proxy that shows each message that passes, or a
 * recording of one.
 *
 * @module
 */

import { LispTap } from "../wire/cmucl/mod.ts";
import {
  type Direction,
  type MessageDecoder,
  MessageTap,
  type SeenMessage,
  type TappedMessage,
  WireTap,
} from "../wire/codec/mod.ts";
import { TAP_LIMITS } from "../wire/codec/message_tap.ts";
import { beginsAsHello, timeNow } from "../wire/codec/wire_tap.ts";
import { WireError } from "../wire/base/errors.ts";
import type { ClientTls } from "../mod.ts";
import { type Endpoint, endpoint, endpointText } from "./_addresses.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import { leadsBack } from "./_loop.ts";
import { printLine, screenSize, tell } from "./_output.ts";
import { ByteProxy, type ProxyOptions, type Witness } from "./_proxy.ts";
import {
  type Entry,
  type From,
  readRecording,
  Recorder,
} from "./_recording.ts";
import {
  type Filter,
  isOutputClosed,
  type Lines,
  LiveLines,
  type Look,
  TapView,
} from "./_tap_view.ts";
import { asJson, harmlessLine } from "./_text.ts";

/** The options about what is shown. */
const SHOWING: readonly Option[] = [
  "name",
  "kind",
  "direction",
  "wire",
  "json",
];

/** Its options. */
export const TAP_OPTIONS: readonly Option[] = [
  ...SHOWING,
  "read",
  "record",
  "force",
  "cert",
  "key",
  "tls",
  "ca",
  "tls-name",
  "timeout",
];

/** What the command does, and its options. */
export const TAP_USAGE = `usage: deno run -A cli.ts tap [OPTION…] LISTEN TARGET
       deno run -A cli.ts tap [OPTION…] --read FILE

Listens at LISTEN, connects to TARGET for each client that comes, passes on all
bytes as they are, and shows each message: the time, the wire's number, → to
the server or ← to the client, the size, the kind, the number of the call (#) or
the stream (~), the function and its arguments; of an answer how long it took,
of a stream how much credit its producer has left.

An address is HOST:PORT, :PORT of this machine, unix:PATH, ws://HOST:PORT/ or
wss://HOST:PORT/.
Wires of this module and of CMUCL are told apart by themselves. What is neither
is passed on, and shown as bytes.

examples:
  tap :7001 localhost:7000
  tap --name 'users.*' --kind call,return,returnValues :7001 :7000
  tap --record calls.jsonl unix:/tmp/tap.sock localhost:7000
  tap --read calls.jsonl --json | jq .fields

options:
  --name NAME[,NAME…]    only what is of these functions; * is any text
  --kind KIND[,KIND…]    only these kinds: call, return, returnValues, throw,
                         fail, send, message, streamValue and so on
  --direction WAY        only to-server, or only to-client
  --wire N[,N…]          only these wires, counted from 1
  --json                 each message as a line of JSON
  --record FILE          write a recording, all of it, filters or not; it holds
                         what was sent, but no secret of a hello
  --force                in the place of what FILE has, where there is a FILE
  --read FILE            show a recording
  --cert FILE --key FILE clients speak TLS with the proxy, which reads it
  --tls, --ca FILE, --tls-name NAME
                         the target speaks TLS
  --timeout MS           how long connecting to the target may take

What the output cannot take, and what comes faster than 10,000 lines a second,
is left out and counted; --record has all of it, and bytes are always passed on.
Ctrl-C ends it.

The exit code is 0 when it was ended by SIGTERM or FILE was shown, 1 when it
cannot listen, when FILE is no recording, or when it would be replaced without
--force, 2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** Shows what passes, or what was recorded. */
export async function tap(line: CommandLine): Promise<void> {
  const source = sourceOf(line, "tap", TAP_OPTIONS, [...SHOWING, "read"]);
  if ("path" in source) return await show(source.path, lookOf(line));
  await watch(line, source.listen, source.target);
}

/** What is shown: a recording, or what passes between two places. */
export type Source = { readonly path: string } | {
  readonly listen: string;
  readonly target: string;
};

/**
 * Reads the words of a command that shows either.
 *
 * @param line The command line.
 * @param command The command.
 * @param options What it takes.
 * @param ofRecording What it takes with a recording.
 * @throws {UsageError} For words and options that do not go together.
 */
export function sourceOf(
  line: CommandLine,
  command: string,
  options: readonly Option[],
  ofRecording: readonly Option[],
): Source {
  const [listen, target] = [line.word(), line.word()];
  line.end();
  const path = line.text("read");
  if (path !== undefined) {
    if (listen !== undefined) {
      throw new UsageError(
        `--read shows a recording; "${listen}" is a word too many.`,
      );
    }
    line.only(`${command} --read`, ofRecording);
    return { path };
  }
  line.only(command, options.filter((option) => option !== "read"));
  if (listen === undefined || target === undefined) {
    throw new UsageError(
      `${listen === undefined ? "LISTEN" : "TARGET"} is missing.`,
    );
  }
  return { listen, target };
}

/** Where the proxy listens, and what it connects to. */
export async function wayOf(
  line: CommandLine,
  listenWord: string,
  targetWord: string,
): Promise<Omit<ProxyOptions, "witness">> {
  const listen = endpoint(listenWord, "Where to listen", true);
  const target = endpoint(targetWord, "Where to connect to");
  if (await leadsBack(listen, target)) {
    throw new UsageError(
      `LISTEN ${listenWord} and TARGET ${targetWord} are the same place: the proxy would connect to itself. TARGET is where the server listens, and LISTEN is another, free address.`,
    );
  }
  const own = line.certificate;
  const needsOwn = listen.kind === "websocket" &&
    listen.url.protocol === "wss:";
  if (needsOwn !== (own !== undefined) && listen.kind !== "tcp") {
    throw new UsageError(
      needsOwn
        ? "To listen at wss: takes --cert and --key."
        : "--cert and --key are for LISTEN that is HOST:PORT or wss:.",
    );
  }
  const timeout = line.time("timeout") ?? TIMEOUT;
  return { listen, target, own, tls: tlsOf(line, target), timeout };
}

/** How long connecting may take. */
const TIMEOUT = 10_000;

/** How to speak TLS with a target; undefined where it does not. */
export function tlsOf(
  line: CommandLine,
  target: Endpoint,
): ClientTls | undefined {
  const ca = line.pem("ca", "CERTIFICATE");
  const hostname = line.text("tls-name");
  const isTls = line.has("tls") || ca !== undefined || hostname !== undefined;
  if (!isTls) return undefined;
  if (target.kind === "tcp") {
    return { caCerts: ca === undefined ? [] : [ca], hostname };
  }
  throw new UsageError(
    "--tls, --ca and --tls-name are for a target that is HOST:PORT; of a WebSocket wss: says it.",
  );
}

/** Runs the proxy until it is ended. */
async function watch(
  line: CommandLine,
  listenWord: string,
  targetWord: string,
): Promise<void> {
  const way = await wayOf(line, listenWord, targetWord);
  const target = endpointText(way.target);
  const look = lookOf(line);
  const ended = Promise.withResolvers<unknown>();
  const lines = new LiveLines(
    look.isJson
      ? (left) => asJson({ event: "skipped", messages: left })
      : (left) =>
        `… ${left} ${
          left === 1 ? "message is" : "messages are"
        } not shown: too many came at once`,
    ended.reject,
  );
  const path = line.text("record");
  const isForced = line.has("force");
  if (isForced && path === undefined) {
    throw new UsageError("--force goes with --record.");
  }
  let recorder: Recorder | undefined;
  const proxy = new ByteProxy({
    ...way,
    witness: witness(
      new WireTaps(new TapView(look, lines)),
      () => recorder,
    ),
  });
  if (path !== undefined) {
    try {
      // An older recording is left alone where nothing can be recorded.
      if (!isForced) checkFree(path);
      recorder = recorderAt(path, target, ended.reject);
    } catch (error) {
      await proxy.close();
      throw error;
    }
  }
  tell(
    harmlessLine(
      `tapping ${proxy.address} → ${target}${
        path === undefined ? "" : `, recording to ${path}`
      }`,
    ),
  );
  if (way.tls !== undefined || way.own !== undefined) {
    tell(
      "TLS ends here: this process reads what clients and server meant for each other alone.",
    );
  }
  const stop = endedBySignals(ended.resolve);
  let code = 0;
  try {
    code = await ended.promise as number;
  } catch (error) {
    if (!isOutputClosed(error)) throw error;
  } finally {
    stop();
    await proxy.close();
    await lines.flush();
    await recorder?.close();
  }
  if (code !== 0) Deno.exit(code);
}

/** How a process ends that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Has signals end something; gives what no longer listens to them. */
export function endedBySignals(end: (code: number) => void): () => void {
  const onInterrupt = () => end(INTERRUPTED);
  const onTerminate = () => end(0);
  Deno.addSignalListener("SIGINT", onInterrupt);
  const isPosix = Deno.build.os !== "windows";
  if (isPosix) Deno.addSignalListener("SIGTERM", onTerminate);
  return () => {
    Deno.removeSignalListener("SIGINT", onInterrupt);
    if (isPosix) Deno.removeSignalListener("SIGTERM", onTerminate);
  };
}

/**
 * Refuses to replace what a file has. An empty one has nothing, and what is no
 * file, such as a pipe, keeps nothing.
 */
function checkFree(path: string): void {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    // Whatever is wrong with it shows when it is opened.
    return;
  }
  if (!info.isFile || info.size === 0) return;
  throw new Error(
    `--record ${path}: that file is there already, and was left as it is. Name another one, or give --force to write in its place.`,
  );
}

function recorderAt(
  path: string,
  target: string,
  onFailed: (error: unknown) => void,
): Recorder {
  const failed = (error: unknown) =>
    new UsageError(
      `--record ${path} cannot be written: ${(error as Error).message}.`,
    );
  try {
    return new Recorder(
      path,
      target,
      timeNow(),
      (error) => onFailed(new Error(failed(error).message, { cause: error })),
    );
  } catch (error) {
    throw failed(error);
  }
}

/** Gets what passes, live or out of a recording. */
export interface Taps {
  /** A client has come. */
  open(wire: number, peer: string, time: number): void;
  /** Bytes have passed; they stay as they are until this returns. */
  bytes(wire: number, from: From, bytes: Uint8Array, time: number): void;
  /** The recording has not all bytes of a side. */
  leftOut(wire: number, from: From, count: number, time: number): void;
  /** One side sends nothing more. */
  end(wire: number, from: From, time: number): void;
  /** A wire has ended; `why` tells of trouble. */
  close(wire: number, why: string | undefined, time: number): void;
}

/** Has taps see what passes, and records it. */
export function witness(
  taps: Taps,
  recorder: () => Recorder | undefined = () => undefined,
): Witness {
  return {
    opened(wire, peer) {
      const time = timeNow();
      recorder()?.open(wire, peer, time);
      taps.open(wire, peer, time);
    },
    passed(wire, from, bytes) {
      const time = timeNow();
      const waiting = recorder()?.bytes(wire, from, bytes, time);
      taps.bytes(wire, from, bytes, time);
      return waiting;
    },
    ended(wire, from) {
      const time = timeNow();
      recorder()?.end(wire, from, time);
      taps.end(wire, from, time);
    },
    closed(wire, why) {
      const time = timeNow();
      recorder()?.over(wire, why, time);
      taps.close(wire, why, time);
    },
  };
}

/** What is known of one wire. */
interface Tapped {
  readonly tap: WireTap;
  readonly from: number;
  messages: number;
  bytes: number;
}

/** The taps of all wires that are open. */
class WireTaps implements Taps {
  readonly #wires = new Map<number, Tapped>();
  readonly #view: TapView;

  constructor(view: TapView) {
    this.#view = view;
  }

  open(wire: number, peer: string, time: number): void {
    const tap = new WireTap((message) => {
      tapped.messages++;
      this.#view.message(wire, message);
    }, detecting());
    const tapped: Tapped = { tap, from: time, messages: 0, bytes: 0 };
    this.#wires.set(wire, tapped);
    this.#view.event(wire, "open", `opened by ${peer}`, time);
  }

  bytes(wire: number, from: From, bytes: Uint8Array, time: number): void {
    const tapped = this.#wires.get(wire);
    if (tapped === undefined) return;
    tapped.bytes += bytes.length;
    tapped.tap.read(directionOf(from), bytes, time);
  }

  leftOut(wire: number, from: From, count: number, time: number): void {
    const tapped = this.#wires.get(wire);
    if (tapped === undefined) return;
    tapped.messages++;
    tapped.bytes += count;
    this.#view.message(wire, notRecorded(from, count, time));
  }

  end(wire: number, from: From, time: number): void {
    this.#wires.get(wire)?.tap.end(directionOf(from), time);
  }

  close(wire: number, why: string | undefined, time: number): void {
    const tapped = this.#wires.get(wire);
    if (tapped === undefined) return;
    this.#wires.delete(wire);
    const { messages, bytes, from } = tapped;
    const sums = `${messages} messages, ${bytes} B in ${
      ((time - from) / 1_000).toFixed(1)
    } s`;
    const text = `closed: ${sums}${why === undefined ? "" : `; ${why}`}`;
    this.#view.event(wire, "close", text, time);
  }
}

/** A direction, as the client of a wire sees it. */
export function directionOf(from: From): Direction {
  return from === "client" ? "sent" : "received";
}

/** Why a recording has not all bytes. */
export const LEFT_OUT =
  "they began with a hello that was cut, too long or not to be read, and may hold a secret";

/** What stands for bytes that are left out of a recording. */
export function notRecorded(
  from: From,
  count: number,
  time: number,
): TappedMessage {
  return {
    direction: directionOf(from),
    time,
    kind: "undecoded",
    size: count,
    fields: {
      why: `${count} bytes were not recorded: ${LEFT_OUT}.`,
      bytes: new Uint8Array(0),
    },
  };
}

/**
 * Makes the decoders of one wire, which tell by its first bytes whether it
 * speaks this module's protocol or CMUCL's.
 */
export function detecting(): () => MessageDecoder {
  let isNative: boolean | undefined;
  return () => {
    let first: Uint8Array | undefined = new Uint8Array(0);
    let decoder: MessageDecoder | undefined;
    return {
      get unfinished() {
        return decoder?.unfinished ?? first!.length > 0;
      },
      each(chunk: Uint8Array, see: (message: SeenMessage) => void) {
        if (decoder !== undefined) return decoder.each(chunk, see);
        const held = first!;
        const all = held.length === 0 ? chunk : joined(held, chunk);
        isNative ??= beginsAsHello(all);
        // A wire whose other end has not spoken may need more of it.
        if (isNative === undefined) return void (first = all.slice());
        first = undefined;
        decoder = isNative
          ? new MessageTap(TAP_LIMITS)
          : new ReadAsLisp(new LispTap(TAP_LIMITS));
        decoder.each(all, see);
      },
    };
  };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

/** Says what it was taken for where it cannot be read. */
class ReadAsLisp implements MessageDecoder {
  readonly #inner: LispTap;

  constructor(inner: LispTap) {
    this.#inner = inner;
  }

  get unfinished(): boolean {
    return this.#inner.unfinished;
  }

  each(chunk: Uint8Array, see: (message: SeenMessage) => void): void {
    try {
      this.#inner.each(chunk, see);
    } catch (error) {
      throw new WireError(
        "malformed",
        `Neither this module's protocol nor CMUCL's. ${
          // What follows is advice for CMUCLs.
          /^[^.]*\./.exec((error as Error).message)?.[0] ?? ""}`,
        { cause: error },
      );
    }
  }
}

/** Shows a recording. */
async function show(path: string, look: Look): Promise<void> {
  const { heading, entries } = await readRecording(path);
  const lines: string[] = [];
  const waiting: Lines = {
    isFull: false,
    isStuffed: false,
    skip() {},
    add: (text) => void lines.push(text),
  };
  const taps = new WireTaps(new TapView(look, waiting));
  for await (const entry of entries) {
    apply(entry, taps, Date.parse(heading.began));
    // A recording waits for who reads it.
    if (lines.length > 0) await printLine(lines.splice(0).join("\n"));
  }
}

/** Has taps see a line of a recording that began then. */
export function apply(entry: Entry, taps: Taps, began: number): void {
  const time = began + entry.time;
  const { wire } = entry;
  if (!("event" in entry)) {
    return taps.bytes(wire, entry.from, entry.bytes, time);
  }
  switch (entry.event) {
    case "leftOut":
      return taps.leftOut(wire, entry.from, entry.count, time);
    case "open":
      return taps.open(wire, entry.peer, time);
    case "end":
      return taps.end(wire, entry.from, time);
    case "close":
      return taps.close(wire, entry.why, time);
  }
}

/** Reads what is to be shown, and how. */
function lookOf(line: CommandLine): Look {
  const isTerminal = Deno.stdout.isTerminal();
  const isJson = line.has("json");
  return {
    filter: filterOf(line),
    isJson,
    hasColors: isTerminal && !isJson && !Deno.noColor,
    columns: () => isTerminal ? screenSize().columns : undefined,
  };
}

/** Reads which messages are wanted. */
export function filterOf(line: CommandLine): Filter {
  const list = (name: "name" | "kind" | "wire") =>
    line.text(name)?.split(",").map((part) => part.trim());
  const direction = line.text("direction");
  if (
    direction !== undefined && direction !== "to-server" &&
    direction !== "to-client"
  ) {
    throw new UsageError(
      `--direction is to-server or to-client, not ${direction}.`,
    );
  }
  const kinds = list("kind");
  const strange = kinds?.find((kind) => !KINDS.includes(kind));
  if (strange !== undefined) {
    throw new UsageError(
      `--kind: there is no kind ${strange}. There are ${KINDS.join(", ")}.`,
    );
  }
  const wires = list("wire")?.map((text) => {
    if (/^[1-9]\d*$/.test(text)) return Number(text);
    throw new UsageError(`--wire wants numbers from 1, not ${text}.`);
  });
  return { names: list("name"), kinds, direction, wires };
}

/** The kinds that a message may be of. */
const KIND_TABLE: Readonly<Record<SeenMessage["kind"] | "undecoded", true>> = {
  hello: true,
  accept: true,
  message: true,
  send: true,
  call: true,
  return: true,
  returnValues: true,
  throw: true,
  fail: true,
  cancel: true,
  credit: true,
  ping: true,
  pong: true,
  release: true,
  forget: true,
  streamValue: true,
  streamBytes: true,
  streamEnd: true,
  streamError: true,
  streamFail: true,
  streamCancel: true,
  streamCredit: true,
  close: true,
  finish: true,
  abort: true,
  overLimit: true,
  undecoded: true,
};
const KINDS: readonly TappedMessage["kind"][] = Object.keys(KIND_TABLE);
