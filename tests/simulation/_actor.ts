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
import { innerSerial, type Ledger } from "./_ledger.ts";
import { type Making, valueOf } from "./_values.ts";
import type { World } from "./_world.ts";

/** What `fail` throws. */
export class Planned extends Error {
  override readonly name = "Planned";
}

/** What an item counts for beyond its bytes, at least. */
export const ITEM_COST = 64;
/** How many streams or objects a stream of such has at most. */
const MOST_INNER = 4;

/** A served object. */
export class Counter {
  #count = 0;

  /** Adds to the count, and tells it. */
  add(amount: number): number {
    return this.#count += amount;
  }
}

/** Where a stream's items are counted. */
export interface Items extends Making {
  readonly count: number;
}

/** The functions of an end; each is called with its operation's serial. */
export interface Actor {
  echo(serial: number, value: unknown): unknown;
  wait(serial: number, time: number): Promise<number>;
  fail(serial: number, isLater: boolean): Promise<never>;
  note(serial: number, value: unknown, order: number): void;
  flush(text: string): void;
  many(serial: number, count: number): Values<number[]>;
  pair(serial: number, value: unknown, rest: Uint8Array): unknown[];
  download(serial: number, items: Items): AsyncIterable<unknown>;
  bytes(serial: number, count: number, size: number): AsyncIterable<Uint8Array>;
  broken(serial: number, items: Items): AsyncIterable<unknown>;
  objects(serial: number, count: number): AsyncIterable<unknown>;
  streams(serial: number, items: Items): AsyncIterable<unknown>;
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
  object(serial: number, time: number): unknown;
  mortal(serial: number, time: number): unknown;
  relay(serial: number, object: unknown): Promise<number>;
  nest(serial: number, depth: number): Promise<number>;
}

/** Items of a stream, each of which can be told from all others. */
export async function* items(
  world: World,
  ledger: Ledger,
  { serial, count, ...making }: Items,
): AsyncGenerator<unknown> {
  ledger.producers++;
  try {
    for (let index = 0; index < count; index++) {
      if (index % 3 === 2) await world.sleep(index);
      yield [serial, index, valueOf({ ...making, serial: serial + index })];
    }
  } finally {
    ledger.producers--;
  }
}

/** The functions that give streams; of bytes, so many may wait for a peer. */
function makeProducers(world: World, ledger: Ledger, most: number) {
  /** Knows whether a producer that has begun ends. */
  async function* counted<T>(
    count: number,
    make: (index: number) => T,
  ): AsyncGenerator<T> {
    ledger.producers++;
    try {
      for (let index = 0; index < count; index++) {
        if (index % 3 === 2) await world.sleep(index);
        yield make(index);
      }
    } finally {
      ledger.producers--;
    }
  }
  return {
    download(serial: number, made: Items) {
      ledger.ran(serial);
      return items(world, ledger, made);
    },
    bytes(serial: number, count: number, size: number) {
      ledger.ran(serial);
      ledger.streamBegins(serial);
      return counted(count, () => {
        const cost = size + ITEM_COST;
        const ahead = ledger.streamed(serial, cost);
        // One is made before there is credit for it, and one may exceed that.
        if (ahead > most + 2 * cost) {
          ledger.fault(`bytes ${serial}: ${ahead} bytes went ahead of ${most}`);
        }
        return new Uint8Array(size).fill(serial);
      });
    },
    broken(serial: number, made: Items) {
      ledger.ran(serial);
      return (async function* () {
        yield* items(world, ledger, made);
        throw new Planned(`fault ${serial}`);
      })();
    },
    objects(serial: number, count: number) {
      ledger.ran(serial);
      return counted(
        Math.min(count, MOST_INNER),
        () => makeRemoteObject(new Counter()),
      );
    },
    streams(serial: number, made: Items) {
      ledger.ran(serial);
      return counted(
        Math.min(made.count, MOST_INNER),
        (index) =>
          items(world, ledger, { ...made, serial: serial + index, count: 3 }),
      );
    },
  };
}

/**
 * Makes the functions of an end.
 *
 * @param place The end of which connection it is: one-way calls keep their
 * order there.
 * @param most How many bytes of a stream the peer takes ahead.
 * @param notice How long it may take until a callee hears of a cancel.
 * @param late One-way calls that may come late have no larger number.
 */
export function makeActor(
  world: World,
  ledger: Ledger,
  place: string,
  most: number,
  notice: number,
  late: number,
): Actor {
  return {
    ...makeProducers(world, ledger, most),
    echo(serial, value) {
      ledger.ran(serial);
      return value;
    },
    async wait(this: CallContext<Wire>, serial, time) {
      ledger.ran(serial);
      await world.sleep(time);
      const givenUpAt = ledger.givenUpAt(serial) ?? Infinity;
      const isLate = world.now() - givenUpAt > notice;
      const isOnce = ledger.isOnce(serial);
      const isForNobody = isLate || this.wire.ended !== undefined;
      if (isForNobody && !isOnce && !this.signal.aborted) {
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
      ledger.taken(`one-way calls to ${place}`, order, late);
    },
    flush() {},
    many(serial, count) {
      if (serial > 0) ledger.ran(serial);
      return values(...Array.from({ length: count }, (_, index) => index));
    },
    pair(serial, value, rest) {
      const own = innerSerial(serial);
      ledger.ran(own);
      const givenUpAt = ledger.givenUpAt(own) ?? Infinity;
      if (world.now() - givenUpAt > notice) {
        ledger.fault(`pair ${serial} began long after it was given up`);
      }
      return [value, rest.length];
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
    async object(serial, time) {
      ledger.ran(serial);
      if (time > 0) await world.sleep(time);
      return makeRemoteObject(new Counter());
    },
    mortal(this: CallContext<Wire>, serial, time) {
      ledger.ran(serial);
      const object = makeRemoteObject(new Counter());
      world.after(time, () => this.wire.forgetRemoteTranslation(object));
      return object;
    },
    async relay(this: CallContext<Wire>, serial, object) {
      ledger.ran(serial);
      if (typeof object === "function") {
        using given = object as RemoteFunction<(amount: number) => number>;
        return await given.with(this).remoteValue(3);
      }
      // One's own object comes back as itself.
      return (object as Counter).add(3);
    },
    async nest(this: CallContext<Wire>, serial, depth) {
      if (depth < 1) return 0;
      // With what is left of the caller's deadline.
      const { remoteValue } = this.wire.with(this);
      return 1 + await remoteValue.nest!(serial, depth - 1);
    },
  } as Actor;
}
