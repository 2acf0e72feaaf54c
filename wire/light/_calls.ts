/**
 * The calls that a light wire makes: each waits for room in the peer's window,
 * in one queue, and is settled exactly once.
 *
 * @module
 */

import { type Clock, whenGivenUp } from "../base/clock.ts";
import { NO_BYTES, Queue } from "../base/collections.ts";
import { malformed, WireError } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import {
  ASKED,
  type Asked,
  failLater,
  knowsWhoAsks,
  type Report,
  reportUnawaited,
  unawaited,
  unsent,
} from "../base/report.ts";
import type { WireLimits } from "../base/limits.ts";
import { FRAME_HEADER } from "../codec/frames.ts";
import {
  type Channel,
  FLAG,
  KIND,
  MESSAGE_OVERHEAD,
  type Metadata,
  metadataFit,
  metadataLimit,
  type PeerLimits,
} from "../codec/messages.ts";
import { notLight, type SmallWriter } from "../codec/small_values.ts";
import { QueuedDeadline } from "../flow/byte_output.ts";
import {
  type CallOptions,
  deadlineToTell,
  readOptions,
} from "../rpc/context.ts";
import { remoteError } from "../rpc/thrown.ts";
import type { LightOutput } from "./_output.ts";
import type { AnswerKind, Came } from "./_reader.ts";

/** The promise of a call: one that may be left alone, and has no more. */
export class LightPromise extends Promise<unknown> implements Asked {
  /** Whether somebody has asked for it. */
  [ASKED] = false;

  /** Calls on results need a whole wire. */
  get remote(): never {
    throw notLight("A function was called on a result that is to come");
  }

  /** Calls on results need a whole wire. */
  get remoteValue(): never {
    return this.remote;
  }

  /** Calls on results need a whole wire. */
  get remoteValues(): never {
    return this.remote;
  }
}

knowsWhoAsks(LightPromise);

/** What a call asks for: one value, all of them, or nothing. */
type Wanted = "value" | "values" | "nothing";

/** A call that is made, and not settled. */
class MadeCall {
  /** The offset of its first byte in the output. */
  position = Infinity;
  /** Its body, while it waits. */
  body: { size: number; bytes: Uint8Array<ArrayBuffer> } = {
    size: 0,
    bytes: NO_BYTES,
  };
  /** What it says of its deadline. */
  deadline: QueuedDeadline | undefined;
  /** What it counts for in the peer's window, once it is sent. */
  cost = 0;
  /** Whether its caller was told: the answer will be discarded. */
  isSettled = false;
  /** Stops its timer and its listener. */
  cleanup: (() => void) | undefined;
  resolve!: (value: unknown) => void;
  readonly promise: LightPromise;

  constructor(readonly name: string, readonly wanted: Wanted, readonly id = 0) {
    this.promise = new LightPromise((resolve) => this.resolve = resolve);
  }
}

/** What a call that waits counts for beyond its bytes. */
const WAITING_COST = 512;

/** So many calls may be made within one another, as arguments are looked at. */
const DEEPEST = 3;
/** So many calls that were given up may stand in the queue. */
const MOST_DEAD = 64;

/** What calls are made with. */
interface LightCallsOptions {
  readonly output: LightOutput;
  readonly clock: Clock;
  readonly limits: Pick<WireLimits, "sendPause" | "sendMost">;
  readonly lifetime: Lifetime;
  readonly onError: Report;
  /** Called when nothing is pending any more, or a call is given up. */
  readonly onIdle: () => void;
}

/** The calls of a light wire, one way and for answers. */
export class LightCalls {
  /** How many calls have no answer yet, whether or not they were sent. */
  pending = 0;
  /** How many calls, of both kinds, wait to be sent. */
  waiting = 0;

  readonly #options: LightCallsOptions;
  readonly #output: LightOutput;
  #slots: (MadeCall | undefined)[] = [];
  #free: number[] = [];
  /** Those that wait to be sent, and some that were given up. */
  readonly #queue = new Queue<MadeCall>();
  /** What those count for that wait. */
  #held = 0;
  /** How many calls' arguments are being looked at, each within another. */
  #depth = 0;
  /** How many of the queue were given up. */
  #dead = 0;
  #peer: PeerLimits | undefined;
  /** Calls that were sent and have no answer, and what they count for. */
  #underWay = 0;
  #callBytes = 0;
  /** What one-way calls count for that the peer gave no credit for. */
  #sendBytes = 0;
  #settling: (() => void)[] = [];

  /** @param options What calls are made with. */
  constructor(options: LightCallsOptions) {
    this.#options = options;
    this.#output = options.output;
  }

  /** Resolves when all that waits by now was sent, or never will be. */
  whenSettled(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  /** The peer has accepted. */
  open(peer: PeerLimits): void {
    this.#peer = peer;
    this.resume();
  }

  /** Makes a call. */
  make(
    name: string,
    args: readonly unknown[],
    wanted: Wanted,
    given: CallOptions | undefined,
  ): LightPromise {
    let options: CallOptions | undefined;
    const isCall = wanted !== "nothing";
    const id = isCall ? this.#free.pop() ?? this.#slots.push(undefined) - 1 : 0;
    const call = new MadeCall(name, wanted, id);
    try {
      if (++this.#depth > DEEPEST) {
        throw new WireError(
          "unsupportedValue",
          "A getter among the arguments of calls made it.",
        );
      }
      if (given !== undefined) options = readOptions(name, given);
      const told = deadlineToTell(options?.deadline);
      const { clock, lifetime } = this.#options;
      let at = 0;
      const bytes = this.#output.encode((writer) => {
        at = writeCall(writer, call, told, options?.metadata);
        writer.writeList(args);
      });
      // A getter among the arguments may have ended the wire.
      const refusal = lifetime.refusal(name);
      if (refusal !== undefined) throw refusal;
      call.body = { size: bytes.length, bytes };
      if (told > 0) call.deadline = new QueuedDeadline(name, told, clock, at);
      this.#enqueue(call);
    } catch (error) {
      if (isCall) this.#free.push(id);
      this.#fail(call, () => error as Error);
      return call.promise;
    } finally {
      this.#depth--;
    }
    if (!call.isSettled) this.#guard(call, options);
    return call.promise;
  }

  /** Sends a call, or has it wait. */
  #enqueue(call: MadeCall): void {
    const mustWait = this.waiting > 0 || !this.#mayGo(call);
    if (mustWait) this.#admit(call.body.size);
    if (call.wanted !== "nothing") {
      this.#slots[call.id] = call;
      this.pending++;
    }
    if (!mustWait) return this.#go(call);
    this.#wait(call, 1);
    this.#queue.push(call);
  }

  /** Refuses a call that is to wait where too much waits. */
  #admit(size: number): void {
    const { sendPause, sendMost } = this.#options.limits;
    const held = this.#held;
    const all = held + this.#output.waiting + size + WAITING_COST;
    if (held < sendPause || all <= sendMost) return;
    throw new WireError(
      "limit",
      `It was not sent: calls of ${held} bytes wait already for the peer (limit "sendMost": ${sendMost}). Await what you send, or raise that limit.`,
      { sent: "notSent" },
    );
  }

  /** One call more waits, or one less. */
  #wait({ body }: MadeCall, by: 1 | -1): void {
    this.waiting += by;
    this.#held += by * (body.size + WAITING_COST);
  }

  /** Whether the peer, and the output, have room for a call. */
  #mayGo({ wanted }: MadeCall): boolean {
    const peer = this.#peer;
    if (peer === undefined || !this.#output.hasRoom) return false;
    const { window, message, calls } = peer;
    return wanted === "nothing"
      ? this.#sendBytes < window
      : this.#underWay < calls && this.#callBytes < window + message;
  }

  #go(call: MadeCall): void {
    const { body } = call;
    const late = call.deadline?.update(body);
    if (late !== undefined) return this.#drop(call, late);
    call.cost = body.size - FRAME_HEADER + MESSAGE_OVERHEAD;
    call.position = this.#output.put(body.bytes);
    call.body = { size: 0, bytes: NO_BYTES };
    if (call.wanted === "nothing") {
      this.#sendBytes += call.cost;
      this.#settle(call, undefined);
    } else {
      this.#underWay++;
      this.#callBytes += call.cost;
    }
  }

  /** There may be room: what waits goes on. */
  resume(): void {
    const queue = this.#queue;
    for (let next; (next = queue.peek()) !== undefined;) {
      const isOver = next.isSettled;
      if (!isOver && !this.#mayGo(next)) return;
      queue.shift();
      if (isOver) {
        this.#dead--;
        continue;
      }
      this.#wait(next, -1);
      this.#go(next);
    }
    for (const resolve of this.#settling.splice(0)) resolve();
  }

  /** Where a call in front waits long, those given up behind it would pile up. */
  #sweep(): void {
    const queue = this.#queue;
    for (let count = queue.size; count > 0; count--) {
      const call = queue.shift()!;
      if (!call.isSettled) queue.push(call);
    }
    this.#dead = 0;
  }

  /** The peer gives credit for one-way calls. */
  credit(channel: Channel, amount: number): void {
    if (channel !== "sends" || amount > this.#sendBytes) {
      throw malformed(`The peer gave credit for more ${channel} than it got.`);
    }
    this.#sendBytes -= amount;
    this.resume();
  }

  /** Sets up what may end a call before its answer, or before it is sent. */
  #guard(call: MadeCall, options: CallOptions = {}): void {
    const { deadline, signal } = options;
    if (deadline === undefined && signal === undefined) return;
    const { name } = call;
    const cancel = (reason: unknown) =>
      this.#giveUp(
        call,
        "cancelled",
        `"${name}" was cancelled by its caller's signal.`,
        reason,
      );
    call.cleanup = whenGivenUp(
      this.#options.clock,
      options,
      (deadline) =>
        this.#giveUp(
          call,
          "deadline",
          `"${name}" took longer than ${deadline} ms, its deadline.`,
        ),
      cancel,
    );
    // A getter among its arguments may have aborted it.
    if (signal?.aborted) cancel(signal.reason);
  }

  /** The caller no longer waits; the peer is told, if it knows of the call. */
  #giveUp(
    call: MadeCall,
    code: "deadline" | "cancelled",
    message: string,
    cause?: unknown,
  ): void {
    if (call.isSettled) return;
    if (call.position === Infinity) {
      this.#wait(call, -1);
      this.#drop(
        call,
        new WireError(code, message, { cause, sent: "notSent" }),
      );
      this.#dead++;
      if (this.waiting === 0) this.resume();
      else if (this.#dead > Math.max(MOST_DEAD, this.waiting)) this.#sweep();
      return;
    }
    const sent = "maybeExecuted";
    this.#fail(call, () => new WireError(code, message, { cause, sent }));
    this.#output.send({ kind: "cancel", id: call.id });
    this.#options.onIdle();
  }

  /** A call that waited will not be sent. */
  #drop(call: MadeCall, error: WireError): void {
    call.body = { size: 0, bytes: NO_BYTES };
    this.#fail(call, () => error);
    if (call.wanted !== "nothing") this.#release(call);
    this.#options.onIdle();
  }

  /** An answer that has values came. */
  answered(id: number, kind: AnswerKind, came: Came): void {
    const call = this.#sent(id);
    if (kind !== "throw" && (kind === "return") !== (call.wanted === "value")) {
      throw malformed(
        `The answer to the call ${id} has ${
          kind === "return" ? "one value" : "a list of values"
        }, and the other was asked for.`,
      );
    }
    const { name } = call;
    if (came instanceof WireError) {
      this.#fail(call, () =>
        new WireError(
          came.code,
          `The answer of "${name}" cannot be taken. ${came.message}`,
          { cause: came },
        ));
    } else if (kind === "throw") {
      this.#fail(call, () => remoteError(name, came[0]));
    } else {
      this.#settle(call, kind === "return" ? came[0] : came);
    }
    this.#over(call);
  }

  /** The call that the peer answers. */
  #sent(id: number): MadeCall {
    const call = this.#slots[id];
    if (call !== undefined && call.position < Infinity) return call;
    throw malformed(`An answer came to the call ${id}, and there is none.`);
  }

  /** The peer could not, or would not, carry out a call. */
  failed(id: number, code: string, message: string): void {
    const call = this.#sent(id);
    this.#fail(call, () => new WireError(code, message));
    this.#over(call);
  }

  /** A call that was sent is answered. */
  #over(call: MadeCall): void {
    this.#underWay--;
    this.#callBytes -= call.cost;
    this.#release(call);
    this.resume();
    if (this.pending === 0) this.#options.onIdle();
  }

  /** Frees the id of a call that the peer will not mention again. */
  #release({ id }: MadeCall): void {
    this.#slots[id] = undefined;
    this.#free.push(id);
    this.pending--;
  }

  /** The wire ended: every call fails with its reason. */
  end(reason: WireError): void {
    const all = this.#slots.filter((call) => call !== undefined);
    for (let next; (next = this.#queue.shift()) !== undefined;) {
      if (next.wanted === "nothing") all.push(next);
    }
    for (const call of all) {
      const sent = call.position < this.#output.handed
        ? "maybeExecuted"
        : "notSent";
      this.#fail(call, () =>
        new WireError(
          reason.code,
          `The wire ended before "${call.name}" was answered (${
            sent === "notSent" ? "it was not sent" : "it may have been executed"
          }): ${reason.message}`,
          { cause: reason, sent },
        ));
    }
    this.#slots = [];
    this.pending = 0;
    for (const resolve of this.#settling.splice(0)) resolve();
  }

  #fail(call: MadeCall, makeError: () => Error): void {
    if (call.isSettled) return;
    const { onError } = this.#options;
    this.#settle(
      call,
      failLater(
        makeError,
        undefined,
        (error) => reportUnawaited(call.promise, error, onError, whereOf(call)),
      ),
    );
  }

  #settle(call: MadeCall, value: unknown): void {
    if (call.isSettled) return;
    call.isSettled = true;
    call.cleanup?.();
    call.resolve(value);
  }
}

/** Writes a call up to its arguments; gives where its deadline stands. */
function writeCall(
  writer: SmallWriter,
  { name, wanted, id }: MadeCall,
  deadline: number,
  metadata: Metadata | undefined,
): number {
  writer.byte(wanted === "nothing" ? KIND.send : KIND.call);
  if (wanted !== "nothing") writer.varint(id);
  writer.byte(
    (wanted === "values" ? FLAG.wantsValues : 0) |
      (deadline > 0 ? FLAG.hasDeadline : 0) |
      (metadata === undefined ? 0 : FLAG.hasMetadata),
  );
  // No index: the name follows.
  writer.varint(0);
  writer.text(name);
  const at = writer.position;
  if (deadline > 0) writer.varint(deadline);
  if (metadata !== undefined) writeMetadata(writer, metadata);
  return at;
}

function writeMetadata(writer: SmallWriter, metadata: Metadata): void {
  const entries = Object.entries(metadata);
  if (!metadataFit(metadata)) {
    const units = entries.join("").length - entries.length;
    throw new WireError("limit", metadataLimit(entries.length, units));
  }
  writer.varint(entries.length);
  for (const [key, value] of entries) {
    writer.text(key);
    writer.text(value);
  }
}

/** Where a call failed that nobody awaits. */
function whereOf({ name, wanted }: MadeCall): string {
  return wanted === "nothing" ? unsent(name) : unawaited(name);
}
