/**
 * How operations are carried out, and what has to come of each.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { RemoteObject, RemoteStream, WireStats } from "../../wire/mod.ts";
import { type Counter, ITEM_COST, type Items, items } from "./_actor.ts";
import { innerSerial, type Ledger } from "./_ledger.ts";
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
  /** Of a wire alone. */
  ping(): Promise<number>;
  forceOutput(): Promise<void>;
  stats(): Pick<WireStats, "bytesSent">;
}

/** What an operation has at hand. */
export interface Hand {
  /** The wire without, and with, the operation's signal and deadline. */
  readonly subject: Subject;
  readonly remotes: Remotes;
  /** The other wire of this end, or the same one. */
  readonly other: Subject;
}

/** Whether a stream is taken by two at a time. */
const isTakenTwice = ({ time }: Operation) => time % 2 === 1;

/** Carries operations out. */
export class Deeds {
  readonly #world: World;
  readonly #ledger: Ledger;
  /** References, kept so that the garbage collector changes nothing. */
  readonly #kept: unknown[] = [];

  constructor(world: World, ledger: Ledger) {
    this.#world = world;
    this.#ledger = ledger;
  }

  #expect(operation: Operation, got: unknown, expected: unknown): void {
    if (isDeepStrictEqual(got, expected)) return;
    this.#ledger.fault(
      `${operation.kind} ${operation.serial}: ${
        short(got)
      } came in the place of ${short(expected)}`,
    );
  }

  /** Carries one out; rejects with what it fails with. */
  async carryOut(hand: Hand, operation: Operation): Promise<void> {
    const { kind, serial, count, size, take, time } = operation;
    const { subject, remotes } = hand;
    const { remoteValue, remoteValues } = remotes;
    const made: Items = { serial, count, size, isWordy: !!operation.isWordy };
    const expect = (got: unknown, expected: unknown) =>
      this.#expect(operation, got, expected);
    switch (kind) {
      case "echo": {
        const value = valueOf(operation);
        return expect(await remoteValue.echo(serial, value), value);
      }
      case "wait":
        return expect(await remoteValue.wait(serial, time), serial);
      case "fail":
        return await remoteValue.fail(serial, time > 0);
      case "note":
        return await remotes.remote.note(
          serial,
          valueOf(operation),
          this.#ledger.next(),
        );
      case "many": {
        const list = Array.from({ length: count }, (_, index) => index);
        return expect(await remoteValues.many(serial, count), list);
      }
      case "argument":
        return await this.#argument(hand, operation);
      case "download":
        return await this.#take(
          await remoteValue.download(serial, made),
          operation,
          (item, index) =>
            expect(item, [
              serial,
              index,
              valueOf({ ...made, serial: serial + index }),
            ]),
          count,
        );
      case "bytes":
        return await this.#bytes(remotes, operation);
      case "broken":
        return await this.#broken(
          await remoteValue.broken(serial, made),
          operation,
        );
      case "objects":
        return await this.#take(
          await remoteValue.objects(serial, count),
          operation,
          async (item) => {
            this.#kept.push(item);
            using object = item as RemoteObject<Counter>;
            expect(await object.remoteValue.add(2), 2);
          },
        );
      case "streams":
        return await this.#take(
          await remoteValue.streams(serial, made),
          operation,
          (item, index) => this.#inner(item, operation, index),
        );
      case "upload": {
        const stream = items(this.#world, this.#ledger, made);
        const sent = size % 3 === 0 ? ReadableStream.from(stream) : stream;
        const taken = await remoteValue.upload(serial, sent, take);
        return expect(taken, Math.min(count, take));
      }
      case "noteStream": {
        const stream = items(this.#world, this.#ledger, made);
        return await remotes.remote.upload(serial, stream, take);
      }
      case "callBack": {
        const call = (index: number) => index;
        const sum = await remoteValue.callBack(serial, call, count);
        return expect(sum, count < 2 ? 0 : count * (count - 1) / 2);
      }
      case "object":
        return await this.#count(
          await remoteValue.object(serial, 0),
          operation,
        );
      case "mortal":
        return await this.#count(
          await remoteValue.mortal(serial, time % 60),
          operation,
        );
      case "pipeline": {
        const object = remoteValue.object(serial, time % 300);
        this.#kept.push(object);
        try {
          const sums = await Promise.all([
            object.remoteValue.add(count),
            object.remoteValue.add(1),
          ]);
          return expect(sums, [count, count + 1]);
        } finally {
          // It may be there though a call of it found no room.
          await object.then(
            (there: Disposable) => there[Symbol.dispose](),
            () => {},
          );
        }
      }
      case "nest": {
        const depth = Math.min(count, 8);
        return expect(await remoteValue.nest(serial, depth), depth);
      }
      case "relay": {
        const { other } = hand;
        const own = innerSerial(serial);
        const object: RemoteObject<Counter> = await other.remoteValue
          .object(own, 0);
        this.#kept.push(object);
        using _ = object;
        // Only its own wire takes a reference back.
        const given = other === subject
          ? object
          : (amount: number) => object.remoteValue.add(amount);
        return expect(await remoteValue.relay(serial, given), 3);
      }
      case "message":
        return await subject.outputObject([
          this.#ledger.next(),
          valueOf(operation),
        ]);
      case "ping":
        await subject.ping();
        return await subject.forceOutput();
      case "unsendable":
        return await remoteValue.echo(serial, [1, { bad: Symbol("bad") }]);
    }
  }

  /** A call that needs the result of another, with a signal of its own. */
  async #argument(
    { subject, remotes }: Hand,
    operation: Operation,
  ): Promise<void> {
    const { serial, size, time } = operation;
    const value = time > 0 ? serial : valueOf(operation);
    const base = time > 0
      ? subject.remoteValue.wait(serial, time)
      : subject.remoteValue.echo(serial, value);
    // What is large leaves late, and others may be answered meanwhile.
    const rest = new Uint8Array(size);
    // Who calls then is not to get the number of what is still needed.
    base.then(() => subject.remoteValue.many(0, 0)).catch(() => {});
    const pair = await remotes.remoteValue.pair(serial, base, rest);
    this.#expect(operation, pair, [value, size]);
  }

  /** Takes a stream, or some of it. */
  async #take(
    stream: RemoteStream<unknown>,
    operation: Operation,
    look: (item: unknown, index: number) => void | Promise<void>,
    count?: number,
  ): Promise<void> {
    const { take, time } = operation;
    this.#kept.push(stream);
    if (take === 0) return await stream.cancel(new Error("planned"));
    let index = 0;
    const isOver = async (step: IteratorResult<unknown>) => {
      if (step.done === true) return true;
      await look(step.value, index);
      if (++index >= take) return true;
      if (index % 4 === 0 && time > 0) await this.#world.sleep(time / 10);
      return false;
    };
    const taking = stream[Symbol.asyncIterator]();
    let unseen: Promise<IteratorResult<unknown>> | undefined;
    try {
      for (;;) {
        const one = taking.next();
        const isSecond = isTakenTwice(operation) && index + 2 <= take;
        const two = isSecond ? taking.next() : undefined;
        two?.catch(() => {});
        unseen = two;
        if (await isOver(await one)) break;
        unseen = undefined;
        if (two !== undefined && await isOver(await two)) break;
      }
    } finally {
      await taking.return?.();
      // A stream that nobody reads or cancels holds what came of it, and an
      // object stays until nobody has it any more.
      unseen?.then(({ value }) => letGo(value), () => {});
    }
    if (count !== undefined) {
      this.#expect(operation, index, Math.min(count, take));
    }
  }

  /** Takes a stream within a stream. */
  #inner(item: unknown, operation: Operation, at: number): Promise<void> {
    const { serial } = operation;
    const take = (at + operation.take) % 5;
    return this.#take(
      item as RemoteStream<unknown>,
      { ...operation, take },
      (item, index) => {
        const [from, number] = item as [number, number];
        this.#expect(operation, [from, number], [serial + at, index]);
      },
      3,
    );
  }

  /** Takes bytes, of which there are as many as were sent. */
  async #bytes(
    { remoteValue }: Remotes,
    operation: Operation,
  ): Promise<void> {
    const { serial, size, take } = operation;
    // Of small ones many, so that a window may grow.
    const count = size < 300 ? operation.count * 8 : operation.count;
    const most = size < 300 ? take * 8 : take;
    let length = 0;
    let parts = 0;
    await this.#take(
      await remoteValue.bytes(serial, count, size),
      { ...operation, take: most },
      (item) => {
        const bytes = item as Uint8Array;
        parts++;
        length += bytes.length;
        this.#ledger.streamed(serial, -bytes.length - ITEM_COST);
        const isSame = bytes.every((byte) => byte === (serial & 255));
        if (!isSame) this.#expect(operation, bytes, "others");
      },
    );
    // Large arrays come in parts.
    if (parts < most) this.#expect(operation, length, count * size);
  }

  /** Takes a stream that fails behind its last item. */
  async #broken(
    stream: RemoteStream<unknown>,
    operation: Operation,
  ): Promise<void> {
    const { count, take, serial } = operation;
    let taken = 0;
    try {
      await this.#take(stream, operation, (item, index) => {
        const [from, number] = item as [number, number];
        this.#expect(operation, [from, number], [serial, index]);
        taken++;
      });
    } catch (error) {
      if ((error as Error)?.name !== "Planned") throw error;
      return this.#expect(operation, taken, count);
    }
    this.#expect(operation, taken, take);
  }

  /** Calls an object, and releases it. */
  async #count(
    object: RemoteObject<Counter>,
    operation: Operation,
  ): Promise<void> {
    this.#kept.push(object);
    try {
      for (let index = 1; index <= Math.min(operation.count, 5); index++) {
        this.#expect(operation, await object.remoteValue.add(1), index);
      }
    } finally {
      object[Symbol.dispose]();
    }
  }
}

/** Something in a line. */
export function short(value: unknown): string {
  const text = Deno.inspect(value, { depth: 3, breakLength: Infinity });
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Cancels a stream, and releases an object. */
function letGo(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Symbol.asyncIterator in value) (value as RemoteStream<unknown>).cancel();
  else if (Symbol.dispose in value) (value as Disposable)[Symbol.dispose]();
}
