/**
 * Carries operations out, and judges what comes of each.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import {
  type RemoteObject,
  type RemoteStream,
  WireError,
} from "../../wire/mod.ts";
import { type Counter, items } from "./_actor.ts";
import type { Ledger } from "./_ledger.ts";
import type { Operation } from "./_plan.ts";
import { valueOf } from "./_values.ts";
import type { World } from "./_world.ts";

/** The ways to call; those of a wire, and of a kept connection. */
export interface Remotes {
  // deno-lint-ignore no-explicit-any -- what is served is not typed here
  readonly remote: any;
  // deno-lint-ignore no-explicit-any -- nor its results
  readonly remoteValue: any;
  // deno-lint-ignore no-explicit-any -- nor its lists
  readonly remoteValues: any;
}

/** What operations are carried out over. */
export interface Subject extends Remotes {
  with(options: object): Remotes;
  outputObject(value: unknown): Promise<void>;
}

/** What is allowed in a run. */
export interface Allowance {
  /** Whether the wire may end before the operations are over. */
  readonly mayEnd: () => boolean;
  /** Whether the wire ends by a close alone. */
  readonly isGraceful: boolean;
  /** Whether limits are so small that some values do not fit. */
  readonly isTight: boolean;
  /** Whether calls go over a kept connection. */
  readonly isKept: boolean;
}

/** What a graceful close lets finish that was begun before. */
const FINISHED: ReadonlySet<string> = new Set(["echo", "wait", "many", "note"]);

/** The codes with which a wire ends. */
const ENDS: ReadonlySet<string> = new Set([
  "aborted",
  "closed",
  "connectionLost",
  "keepalive",
  "peerAborted",
  "stalled",
  "timeout",
]);

/** Carries out operations of one run. */
export class Operator {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #allowance: Allowance;
  /** References, kept so that the garbage collector changes nothing. */
  readonly #kept: unknown[] = [];

  constructor(world: World, ledger: Ledger, allowance: Allowance) {
    this.#world = world;
    this.#ledger = ledger;
    this.#allowance = allowance;
  }

  /** Carries one out; the promise never rejects. */
  async run(subject: Subject, operation: Operation): Promise<void> {
    if (operation.at > 0) await this.#world.sleep(operation.at);
    const isInTime = !this.#allowance.mayEnd();
    const { deadline, abort, isIdempotent, serial } = operation;
    const controller = new AbortController();
    const options = {
      ...deadline > 0 ? { deadline } : {},
      ...abort > 0 ? { signal: controller.signal } : {},
      ...this.#allowance.isKept ? { idempotent: isIdempotent } : {},
    };
    if (this.#allowance.isKept && isIdempotent) this.#ledger.repeatable(serial);
    const remotes = Object.keys(options).length > 0
      ? subject.with(options)
      : subject;
    const stop = abort > 0
      ? this.#world.after(abort, () => controller.abort(new Error("planned")))
      : undefined;
    try {
      await this.#carryOut(subject, remotes, operation);
      if (operation.kind !== "message" && operation.kind !== "nest") {
        if (operation.kind !== "note") this.#ledger.succeeded(serial);
      }
    } catch (error) {
      this.#judge(operation, error, isInTime);
    } finally {
      stop?.();
    }
  }

  #expect(operation: Operation, got: unknown, expected: unknown): void {
    if (isDeepStrictEqual(got, expected)) return;
    this.#ledger.fault(
      `${operation.kind} ${operation.serial}: ${
        short(got)
      } came in the place of ${short(expected)}`,
    );
  }

  async #carryOut(
    subject: Subject,
    remotes: Remotes,
    operation: Operation,
  ): Promise<void> {
    const { kind, serial, count, size, take, time } = operation;
    const { remoteValue, remoteValues } = remotes;
    switch (kind) {
      case "echo": {
        const value = valueOf(serial, size);
        const got = await remoteValue.echo(serial, value);
        return this.#expect(operation, got, value);
      }
      case "wait":
        return this.#expect(
          operation,
          await remoteValue.wait(serial, time),
          serial,
        );
      case "fail":
        return await remoteValue.fail(serial, time > 0);
      case "note":
        return await remotes.remote.note(
          serial,
          valueOf(serial, size),
          this.#ledger.next(),
        );
      case "many": {
        const list = Array.from({ length: count }, (_, index) => index);
        return this.#expect(
          operation,
          await remoteValues.many(serial, count),
          list,
        );
      }
      case "download":
        return await this.#download(remotes, operation);
      case "upload": {
        const stream = items(this.#world, this.#ledger, serial, count, size);
        const taken = await remoteValue.upload(serial, stream, take);
        return this.#expect(operation, taken, Math.min(count, take));
      }
      case "callBack": {
        const call = (index: number) => index;
        const sum = await remoteValue.callBack(serial, call, count);
        return this.#expect(
          operation,
          sum,
          count < 2 ? 0 : count * (count - 1) / 2,
        );
      }
      case "object":
        return await this.#object(remotes, operation);
      case "pipeline": {
        const object = remoteValue.object(serial);
        this.#kept.push(object);
        try {
          const sums = await Promise.all([
            object.remoteValue.add(count),
            object.remoteValue.add(1),
          ]);
          return this.#expect(operation, sums, [count, count + 1]);
        } finally {
          // It may be there though a call of it found no room.
          await object.then(
            (there: Disposable) => there[Symbol.dispose](),
            () => {},
          );
        }
      }
      case "nest":
        return this.#expect(
          operation,
          await remoteValue.nest(serial, Math.min(count, 8)),
          Math.min(count, 8),
        );
      case "message":
        return await subject.outputObject([
          this.#ledger.next(),
          valueOf(serial, size),
        ]);
      case "unsendable":
        return await remoteValue.echo(serial, [1, { bad: Symbol("bad") }]);
    }
  }

  async #download(
    { remoteValue }: Remotes,
    operation: Operation,
  ): Promise<void> {
    const { serial, count, size, take, time } = operation;
    const stream: RemoteStream<unknown> = await remoteValue.download(
      serial,
      count,
      size,
    );
    this.#kept.push(stream);
    if (take === 0) return await stream.cancel(new Error("planned"));
    let index = 0;
    for await (const item of stream) {
      this.#expect(operation, item, [
        serial,
        index,
        valueOf(serial + index, size),
      ]);
      if (++index >= take) break;
      if (index % 4 === 0 && time > 0) await this.#world.sleep(time / 10);
    }
    this.#expect(operation, index, Math.min(count, take));
  }

  async #object(remotes: Remotes, operation: Operation): Promise<void> {
    const { serial, count } = operation;
    const object: RemoteObject<Counter> = await remotes.remoteValue.object(
      serial,
    );
    this.#kept.push(object);
    try {
      for (let index = 1; index <= Math.min(count, 5); index++) {
        this.#expect(operation, await object.remoteValue.add(1), index);
      }
    } finally {
      object[Symbol.dispose]();
    }
  }

  /** Whether an operation may fail so. */
  #judge(operation: Operation, error: unknown, isInTime: boolean): void {
    const { kind, serial, deadline, abort } = operation;
    const { mayEnd, isTight, isKept, isGraceful } = this.#allowance;
    const fault = (why: string) =>
      this.#ledger.fault(`${kind} ${serial}: ${why}: ${short(error)}`);
    if (!(error instanceof WireError)) {
      if ((error as Error)?.name === "Planned") {
        if (kind !== "fail") fault("nothing was to be thrown");
        return;
      }
      // What fails inside the peer, over a wire that has ended or limits that
      // are too small for it, arrives as what the peer's function threw.
      const isInner = kind === "nest" || kind === "callBack" ||
        kind === "upload";
      const isOfWire = (error as Error)?.name === "WireError";
      if (isInner && isOfWire && (isTight || mayEnd())) return;
      return fault("no WireError");
    }
    const { code, sent } = error;
    // Of these, a later call may be the one that was not sent.
    const isOne = kind !== "pipeline" && kind !== "object";
    if (sent === "notSent" && isOne) this.#ledger.claimNotSent(serial);
    if (code === "deadline" || code === "cancelled") {
      if (sent === "maybeExecuted" && !isTight && !mayEnd()) {
        this.#ledger.givenUp(serial, this.#world.now());
      }
    }
    if (code === "deadline") {
      if (deadline === 0) fault("there is no deadline");
    } else if (code === "cancelled") {
      // What needs the result of a call that was given up is given up, too.
      const isGivenUp = kind === "pipeline" && deadline > 0;
      if (abort === 0 && !isGivenUp) fault("there is no signal");
    } else if (code === "unsupportedValue") {
      if (kind !== "unsendable") fault("everything can be sent");
    } else if (code === "limit") {
      if (!isTight && !isKept) fault("no limit is small");
    } else if (ENDS.has(code)) {
      const isFinished = isInTime && isGraceful && FINISHED.has(kind) &&
        operation.time < 5_000;
      if (!mayEnd() || isFinished) fault("the wire is not to end");
      const isCall = kind !== "message" && kind !== "download" &&
        kind !== "object" && kind !== "pipeline";
      if (isCall && sent === undefined) fault("the fate is untold");
    } else {
      fault("no such failure is planned");
    }
  }
}

function short(value: unknown): string {
  const text = value instanceof WireError
    ? `${value.code} (${value.sent}): ${value.message}`
    : Deno.inspect(value, { depth: 3, breakLength: Infinity });
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
