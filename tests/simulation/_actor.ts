/**
 * What both ends serve.
 *
 * @module
 */

import {
  type CallContext,
  makeRemoteObject,
  type RemoteFunction,
  type RemoteStream,
  type Values,
  values,
  type Wire,
} from "../../wire/mod.ts";
import type { Ledger } from "./_ledger.ts";
import { valueOf } from "./_values.ts";
import type { World } from "./_world.ts";

/** What `fail` throws. */
export class Planned extends Error {
  override readonly name = "Planned";
}

/** How long it may take until a callee hears of a cancel, in milliseconds. */
const NOTICE = 6_000;

/** A served object. */
export class Counter {
  #count = 0;

  /** Adds to the count, and tells it. */
  add(amount: number): number {
    return this.#count += amount;
  }
}

/** The functions of an end; each is called with its operation's serial. */
export interface Actor {
  echo(serial: number, value: unknown): unknown;
  wait(serial: number, time: number): Promise<number>;
  fail(serial: number, isLater: boolean): Promise<never>;
  note(serial: number, value: unknown, order: number): void;
  many(serial: number, count: number): Values<number[]>;
  download(serial: number, count: number, size: number): AsyncIterable<unknown>;
  upload(
    serial: number,
    stream: AsyncIterable<unknown>,
    take: number,
  ): Promise<number>;
  callBack(
    serial: number,
    call: (index: number) => unknown,
    count: number,
  ): Promise<number>;
  object(serial: number): unknown;
  nest(serial: number, depth: number): Promise<number>;
}

/** Items of a stream, each of which can be told from all others. */
export async function* items(
  world: World,
  ledger: Ledger,
  serial: number,
  count: number,
  size: number,
): AsyncGenerator<unknown> {
  ledger.producers++;
  try {
    for (let index = 0; index < count; index++) {
      if (index % 3 === 2) await world.sleep(index);
      yield [serial, index, valueOf(serial + index, size)];
    }
  } finally {
    ledger.producers--;
  }
}

/** Makes the functions of an end. */
export function makeActor(world: World, ledger: Ledger, end: 0 | 1): Actor {
  return {
    echo(serial, value) {
      ledger.ran(serial);
      return value;
    },
    async wait(this: CallContext<Wire>, serial, time) {
      ledger.ran(serial);
      await world.sleep(time);
      const givenUpAt = ledger.givenUpAt(serial) ?? Infinity;
      if (world.now() - givenUpAt > NOTICE && !this.signal.aborted) {
        ledger.fault(`wait ${serial} never heard that it was given up`);
      }
      return serial;
    },
    async fail(serial, isLater) {
      ledger.ran(serial);
      if (isLater) await world.sleep(5);
      throw new Planned(`fault ${serial}`);
    },
    note(serial, _value, order) {
      ledger.ran(serial);
      ledger.taken(`one-way calls to end ${end}`, order);
    },
    many(serial, count) {
      ledger.ran(serial);
      return values(...Array.from({ length: count }, (_, index) => index));
    },
    download(serial, count, size) {
      ledger.ran(serial);
      return items(world, ledger, serial, count, size);
    },
    async upload(serial, stream, take) {
      ledger.ran(serial);
      let taken = 0;
      if (take === 0) {
        await (stream as RemoteStream<unknown>).cancel();
        return taken;
      }
      for await (const item of stream) {
        const [from, index] = item as [number, number];
        if (from !== serial || index !== taken) {
          ledger.fault(`upload ${serial}: item ${taken} is ${from}/${index}`);
        }
        if (++taken >= take) break;
      }
      return taken;
    },
    async callBack(this: CallContext<Wire>, serial, call, count) {
      ledger.ran(serial);
      using given = call as unknown as RemoteFunction<typeof call>;
      const { remoteValue } = given.with(this);
      let sum = 0;
      for (let index = 0; index < count; index++) {
        sum += await remoteValue(index) as number;
      }
      return sum;
    },
    object(serial) {
      ledger.ran(serial);
      return makeRemoteObject(new Counter());
    },
    async nest(this: CallContext<Wire>, serial, depth) {
      if (depth < 1) return 0;
      // With what is left of the caller's deadline.
      const { remoteValue } = this.wire.with(this);
      return 1 + await remoteValue.nest!(serial, depth - 1);
    },
  } as Actor;
}
