/**
 * Has operations carried out, and judges what comes of each.
 *
 * @module
 */

import { DEFAULT_LIMITS, WireError } from "../../wire/mod.ts";
import { countedSignal } from "../wire/_listeners.ts";
import { Deeds, type Hand, short, type Subject } from "./_deeds.ts";
import { innerSerial, type Ledger } from "./_ledger.ts";
import type { Operation } from "./_plan.ts";
import { ProgressCheck } from "./_progress.ts";
import type { World } from "./_world.ts";

/** What is allowed in a run. */
export interface Allowance {
  /** Whether the wire may end before the operations are over. */
  readonly mayEnd: () => boolean;
  /** Whether the wire ends by a close alone. */
  readonly isGraceful: boolean;
  /** Whether calls go on over another wire whenever a server closes one. */
  readonly isMoving: boolean;
  /** Whether limits are so small that some values do not fit. */
  readonly isTight: boolean;
  /** Whether calls go over a kept connection. */
  readonly isKept: boolean;
}

type Kind = Operation["kind"];

/** What a graceful close lets finish that was begun before. */
const FINISHED: ReadonlySet<Kind> = new Set<Kind>([
  "echo",
  "wait",
  "many",
  "note",
]);
/** What runs no function that notes its serial, or need not have when it is over. */
const UNNOTED: ReadonlySet<Kind> = new Set<Kind>([
  "message",
  "nest",
  "note",
  "noteStream",
  "ping",
]);
/** What makes several calls, or is over after its call. */
const SEVERAL: ReadonlySet<Kind> = new Set<Kind>([
  "argument",
  "objects",
  "object",
  "mortal",
  "pipeline",
  "relay",
]);
/** What may fail in a stream, which has no fate. */
const STREAMING: ReadonlySet<Kind> = new Set<Kind>([
  "download",
  "bytes",
  "broken",
  "objects",
  "streams",
]);
/** What calls, or takes, something within the peer's function. */
const INNER: ReadonlySet<Kind> = new Set<Kind>([
  "nest",
  "callBack",
  "upload",
  "relay",
]);

/** What may run once, for its answer alone. */
const ONCE: ReadonlySet<Kind> = new Set<Kind>(["echo", "fail", "many", "wait"]);

/** Whether an operation over a kept connection is repeated, and runs once. */
function isOnce({ kind, serial, isIdempotent }: Operation): boolean {
  return isIdempotent && serial % 2 === 0 && ONCE.has(kind);
}

/** The codes with which a wire ends. */
const ENDS: ReadonlySet<string> = new Set([
  "aborted",
  "closed",
  "connectionLost",
  "keepalive",
  "peerAborted",
  "refused",
  "stalled",
  "timeout",
]);

/** The codes of what a signal or a deadline has ended. */
const GIVEN_UP: ReadonlySet<string> = new Set(["cancelled", "deadline"]);

/** Has operations of one run carried out. */
export class Operator {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #allowance: Allowance;
  readonly #deeds: Deeds;

  constructor(world: World, ledger: Ledger, allowance: Allowance) {
    this.#world = world;
    this.#ledger = ledger;
    this.#allowance = allowance;
    this.#deeds = new Deeds(world, ledger);
  }

  /**
   * Has one carried out; the promise never rejects.
   *
   * @param subject What it goes over.
   * @param operation The operation.
   * @param other The other wire of that end.
   */
  async run(
    subject: Subject,
    operation: Operation,
    other: Subject = subject,
  ): Promise<void> {
    if (operation.at > 0) await this.#world.sleep(operation.at);
    const { isKept, mayEnd } = this.#allowance;
    const isInTime = !mayEnd();
    const { deadline, abort, isIdempotent, serial } = operation;
    const counted = countedSignal();
    const progress = new ProgressCheck(
      !isKept && !SEVERAL.has(operation.kind),
      (what) => this.#ledger.fault(`${operation.kind} ${serial}: ${what}`),
    );
    const options = {
      ...serial % 2 > 0 ? { onProgress: progress.onProgress } : {},
      ...deadline > 0 ? { deadline } : {},
      ...abort > 0 ? { signal: counted.signal } : {},
      ...!isKept
        ? {}
        : isOnce(operation)
        ? { once: true }
        : { idempotent: isIdempotent },
    };
    if (isKept && isOnce(operation)) {
      this.#ledger.runsOnce(serial);
    } else if (isKept && isIdempotent) {
      this.#ledger.repeatable(serial);
      this.#ledger.repeatable(innerSerial(serial));
    }
    const remotes = Object.keys(options).length > 0
      ? subject.with(options)
      : subject;
    const stop = abort > 0
      ? this.#world.after(
        abort,
        () => counted.controller.abort(new Error("planned")),
      )
      : undefined;
    const hand: Hand = { subject, remotes, other };
    const sent = this.#sentBy(hand);
    try {
      await this.#deeds.carryOut(hand, operation);
      progress.succeeded();
      if (!UNNOTED.has(operation.kind)) this.#ledger.succeeded(serial);
    } catch (error) {
      if (isGivenUp(error)) progress.givenUp();
      const isUnsent = !isKept && this.#sentBy(hand) === sent;
      this.#judge(operation, error, isInTime, isUnsent);
    } finally {
      stop?.();
    }
    this.#ledger.listening(`${operation.kind} ${serial}`, counted);
  }

  /** How much was handed over; a kept connection does not say. */
  #sentBy({ subject, other }: Hand): number {
    if (this.#allowance.isKept) return 0;
    return subject.stats().bytesSent + other.stats().bytesSent;
  }

  /** Whether an operation may fail so. */
  #judge(
    operation: Operation,
    error: unknown,
    isInTime: boolean,
    isUnsent: boolean,
  ): void {
    const { kind, serial } = operation;
    const { mayEnd, isTight } = this.#allowance;
    const fault = (why: string) =>
      this.#ledger.fault(`${kind} ${serial}: ${why}: ${told(error)}`);
    if (!(error instanceof WireError)) {
      if ((error as Error)?.name === "Planned") {
        if (kind !== "fail") fault("nothing was to be thrown");
        return;
      }
      // What fails inside the peer, over a wire that has ended or limits that
      // are too small for it, arrives as what the peer's function threw.
      const isOfWire = (error as Error)?.name === "WireError";
      const mayFail = isTight || mayEnd() || isLargeItem(operation);
      if (INNER.has(kind) && isOfWire && mayFail) return;
      return fault("no WireError");
    }
    this.#claim(operation, error);
    const why = this.#whyNot(operation, error, isInTime);
    if (why !== undefined) fault(why);
    const { code, sent } = error;
    if (isUnsent && ENDS.has(code) && sent === "maybeExecuted") {
      fault("nothing was sent of it");
    }
  }

  /** Notes what an error claims of a call's fate. */
  #claim({ kind, serial }: Operation, { code, sent }: WireError): void {
    const { mayEnd, isTight } = this.#allowance;
    const isGivenUp = GIVEN_UP.has(code);
    // The base of a call has neither signal nor deadline: the call itself has.
    const own = kind === "argument" && isGivenUp ? innerSerial(serial) : serial;
    const isOne = !SEVERAL.has(kind) || own !== serial;
    if (sent === "notSent" && isOne) this.#ledger.claimNotSent(own);
    if (isGivenUp && sent === "maybeExecuted" && !isTight && !mayEnd()) {
      this.#ledger.givenUp(own, this.#world.now());
    }
  }

  /** Why an operation may not fail so; undefined where it may. */
  #whyNot(
    operation: Operation,
    { code, sent }: WireError,
    isInTime: boolean,
  ): string | undefined {
    const { kind, deadline, abort, time } = operation;
    const { mayEnd, isTight, isKept, isGraceful, isMoving } = this.#allowance;
    switch (code) {
      case "deadline":
        return deadline === 0 ? "there is no deadline" : undefined;
      case "cancelled": {
        // What needs the result of a call that was given up is given up, too.
        const isGivenUp = kind === "pipeline" && deadline > 0;
        return abort === 0 && !isGivenUp ? "there is no signal" : undefined;
      }
      case "unsupportedValue":
        return kind === "unsendable" ? undefined : "everything can be sent";
      case "limit":
        return isTight || isKept || isLargeItem(operation)
          ? undefined
          : "no limit is small";
      case "noSuchObject":
        return kind === "mortal" ? undefined : "the object is there";
    }
    if (!ENDS.has(code)) return "no such failure is planned";
    const isFinished = (isMoving || isInTime && isGraceful) &&
      FINISHED.has(kind) && time < 5_000;
    if (!mayEnd() || isFinished) return "the wire is not to end";
    const isCall = kind !== "message" && kind !== "ping" &&
      !SEVERAL.has(kind) && !STREAMING.has(kind);
    return isCall && sent === undefined ? "the fate is untold" : undefined;
  }
}

/** Whether its caller has given an operation up. */
function isGivenUp(error: unknown): boolean {
  return error instanceof WireError && GIVEN_UP.has(error.code);
}

/** Whether items may be larger than the window of a stream. */
function isLargeItem({ kind, size }: Operation): boolean {
  return size * 3 > DEFAULT_LIMITS.streamWindow &&
    (STREAMING.has(kind) || kind === "upload");
}

/** An error in a line. */
function told(error: unknown): string {
  return error instanceof WireError
    ? `${error.code} (${error.sent}): ${error.message}`.slice(0, 200)
    : short(error);
}
