import { assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Wire,
} from "../../wire/mod.ts";
import {
  keepConnected,
  type KeptConnection,
} from "../../wire/reconnect/keep_connected.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, lost } from "./_keeping.ts";

/** What is served, anew on each wire. */
function library(wire: number) {
  return {
    open: () => makeRemoteObject({ read: () => `wire ${wire}` }),
    add: (a: number, b: number) => a + b,
    never: () => new Promise(() => {}),
    apply: (f: (n: number) => Promise<number>) => f(20),
    async sum(numbers: AsyncIterable<number>) {
      let sum = 0;
      for await (const n of numbers) sum += n;
      return sum;
    },
  };
}

/** A connection to libraries. */
class Shelf implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly far: Wire[] = [];
  readonly kept: KeptConnection;

  /** @param calls How many calls a wire serves at a time. */
  constructor(calls: number, idempotent: string[] = []) {
    this.kept = keepConnected(() => {
      const [here, there] = memoryTransports();
      const functions = library(this.far.length + 1);
      const limits = { calls };
      this.far.push(makeWire(there, { functions, limits, onError() {} }));
      return Promise.resolve(makeWire(here, { onError() {} }));
    }, { clock: this.clock, random: () => 0.5, idempotent });
  }

  /** The present wire dies, and the next one comes. */
  async change(): Promise<void> {
    this.kept.wire!.abort(lost());
    await settle();
    await this.clock.advance(50);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kept.abort();
    await Promise.all([this.kept.closed, ...this.far.map((far) => far.closed)]);
  }
}

test("KeptConnection takes calls on results that are to come, with or without a wire", async () => {
  await using shelf = new Shelf(100);
  const { kept } = shelf;
  const early = kept.remoteValue.open().remoteValue.read();
  assertEquals(await early, "wire 1");
  const one = kept.remoteValue.add(0, 1);
  assertEquals(await kept.remoteValue.add(one, 2), 3);
  const late = kept.remoteValue.open().remoteValue.read();
  // Both are under way: the second does not wait for the first.
  assertEquals(kept.wire!.stats().callsPending, 2);
  assertEquals(await late, "wire 1");
});

test("KeptConnection moves calls on results together with what they wait for", async () => {
  await using shelf = new Shelf(1);
  const { kept } = shelf;
  await kept.opened;
  const running = fate(kept.remoteValue.never());
  await settle();
  const read = fate(kept.remoteValue.open().remoteValue.read());
  const one = kept.remoteValue.add(0, 1);
  const three = fate(kept.remoteValue.add(one, 2));
  await shelf.change();
  assertEquals(
    [await running, await read, await three, await one],
    ["connectionLost maybeExecuted", "value wire 2", "value 3", 1],
  );
});

test("KeptConnection fails a call on a result that may have run", async () => {
  await using shelf = new Shelf(100);
  const { kept } = shelf;
  await kept.opened;
  const call = kept.remoteValue.never();
  const first = fate(call);
  const second = fate(call.remoteValue.read());
  await settle();
  await shelf.change();
  assertEquals(await first, "connectionLost maybeExecuted");
  assertEquals(await second, "connectionLost maybeExecuted");
});

test("KeptConnection moves a function, but no stream that may be read from", async () => {
  await using shelf = new Shelf(1, ["sum"]);
  const { kept } = shelf;
  await kept.opened;
  async function* numbers() {
    yield 1;
    yield 2;
  }
  assertEquals(await kept.remoteValue.sum(numbers()), 3);
  const running = fate(kept.remoteValue.sum(endless()));
  await settle();
  const applied = kept.remoteValue.apply((n: number) => n + 1);
  const fates = [
    numbers(),
    { deep: [new Map([["stream", ReadableStream.from([1])]])] },
  ].map((stream) => fate(kept.remoteValue.sum(stream)));
  await shelf.change();
  assertEquals(await running, "connectionLost maybeExecuted");
  assertEquals(await applied, 21);
  assertEquals(await Promise.all(fates), [
    "connectionLost notSent",
    "connectionLost notSent",
  ]);
});

/** A stream of which nothing comes. */
function endless(): AsyncIterable<number> {
  return {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  };
}
