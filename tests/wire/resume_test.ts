import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CallContext,
  makeWire,
  Refusal,
  type Wire,
  type WireError,
} from "../../wire/mod.ts";
import {
  type Cursor,
  keepConnected,
  type KeptConnection,
  resumable,
} from "../../wire/reconnect/keep_connected.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { Cut } from "./_cutting.ts";

interface Numbers {
  named(to: number): AsyncIterable<number>;
  plain(to: number): AsyncIterable<number>;
  filed(to: number): AsyncIterable<number>;
  gone(): AsyncIterable<number>;
  refused(): AsyncIterable<number>;
}

/** Numbers from behind a place. */
async function* numbers(after: Cursor | undefined, to: number) {
  for (let n = Number(after ?? 0) + 1; n <= to; n++) {
    if (n % 3 === 0) await undefined;
    yield [n, n] as const;
  }
}

/** Servers of streams, of which there is always another. */
class Place implements AsyncDisposable {
  readonly wires: Wire[] = [];
  readonly opened: unknown[] = [];
  /** Only so many items, and 50 more, are produced. */
  reached = Infinity;
  readonly kept: KeptConnection<Numbers>;
  /** Where connections break. */
  cuts: (readonly [number, 0 | 1])[];

  constructor(cuts: (readonly [number, 0 | 1])[] = []) {
    this.cuts = cuts;
    this.kept = keepConnected<Numbers>(() => {
      const cut = new Cut(...this.cuts[this.wires.length] ?? []);
      const wire = makeWire(cut.ends[1], { onError: () => {} });
      this.wires.push(wire);
      const server = this.wires.length;
      const { opened } = this;
      const held = this.held.bind(this);
      wire.serve({
        named(this: CallContext, to: number) {
          return resumable(this, (after) => {
            opened.push(after);
            return held(numbers(after, to));
          });
        },
        filed(this: CallContext, to: number) {
          return resumable(this, async function* (after) {
            opened.push(after);
            const { at = 0 } = (after ?? {}) as { at?: number };
            for await (const [n] of numbers(at, to)) {
              yield [{ file: ["a", null], at: n, isLast: n === to }, n];
            }
          });
        },
        async *plain(to: number) {
          for await (const [_, n] of numbers(undefined, to)) yield n;
        },
        gone(this: CallContext) {
          return resumable(this, async function* (after) {
            if (after !== undefined) {
              throw new Refusal("cursorGone", `Nothing is behind ${after}.`);
            }
            for await (const each of numbers(after, 100)) yield each;
          });
        },
        refused(this: CallContext) {
          if (server > 1) return numbers(undefined, 3);
          return resumable(this, (after) => numbers(after, 100));
        },
      });
      return Promise.resolve(makeWire<Numbers>(cut.ends[0]));
    }, { backoff: { least: 1, most: 1 } });
  }

  /** No more is produced than the consumer of some items lets come. */
  async *held(source: AsyncIterable<readonly [number, number]>) {
    for await (const each of source) {
      if (this.reached < each[0] - 50) {
        return await new Promise<never>(() => {});
      }
      yield each;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kept.abort();
    await this.kept.closed;
    await Promise.all(this.wires.map((wire) => wire.closed));
  }
}

const upTo = (to: number) => Array.from({ length: to }, (_, n) => n + 1);

/** Reads all, and says what has come before each item. */
async function readAll(
  source: AsyncIterable<number>,
  onItem: (item: number) => unknown = () => {},
): Promise<number[]> {
  const items: number[] = [];
  for await (const item of source) {
    items.push(item);
    await onItem(item);
  }
  return items;
}

test("KeptConnection.resume() goes on behind the last item that was consumed", async () => {
  await using place = new Place();
  place.reached = 0;
  const items = await readAll(
    place.kept.resume((remote) => remote.named(200)),
    (item) => {
      if (item % 50 !== 0 || item === 200) return;
      place.wires.at(-1)!.abort();
      place.reached = item;
    },
  );
  assertEquals(items, upTo(200));
  assertEquals(place.opened, [undefined, 50, 100, 150]);
});

test("KeptConnection.resume() goes on behind places that are objects", async () => {
  await using place = new Place();
  const items = await readAll(
    place.kept.resume((remote) => remote.filed(20)),
    (item) => item === 7 && place.wires[0]!.abort(),
  );
  assertEquals(items, upTo(20));
  assertEquals(place.opened, [
    undefined,
    { file: ["a", null], at: 7, isLast: false },
  ]);
});

test("KeptConnection.resume() goes on at once when its server closes", async () => {
  await using place = new Place();
  const closing: Promise<void>[] = [];
  const items = await readAll(
    place.kept.resume((remote) => remote.named(60)),
    async (item) => {
      if (item !== 20) return;
      closing.push(place.wires[0]!.close());
      await settle();
    },
  );
  assertEquals(items, upTo(60));
  assertEquals(place.opened, [undefined, 20]);
  // The stream did not hold the first server up.
  await Promise.all(closing);
  assertEquals(place.wires[0]!.ended?.code, "closed");
});

test("KeptConnection.resume() goes on whatever the cancel() of its stream does", async () => {
  const cancels: (() => unknown)[] = [() => undefined, () => {
    throw new Error("planned");
  }, () => Promise.reject(new Error("planned"))];
  for (const cancel of cancels) {
    await using place = new Place();
    const items = await readAll(
      place.kept.resume(async (remote) => {
        const stream = await remote.named(20);
        const iterator = stream[Symbol.asyncIterator]();
        return { cancel, [Symbol.asyncIterator]: () => iterator };
      }),
      (item) => item === 7 && place.wires[0]!.abort(),
    );
    assertEquals(items, upTo(20));
    assertEquals(place.opened, [undefined, 7]);
  }
});

test("KeptConnection.resume() reads streams without places, which end with their wire", async () => {
  await using place = new Place();
  const { kept } = place;
  const all = await readAll(kept.resume((remote) => remote.plain(60)));
  assertEquals(all, upTo(60));
  const seen: number[] = [];
  const error = await assertRejects(() =>
    readAll(kept.resume((remote) => remote.plain(20_000)), (item) => {
      seen.push(item);
      if (item === 10) place.wires[0]!.abort();
    })
  ) as WireError;
  assertEquals(error.code, "peerAborted");
  assertEquals(seen, upTo(seen.length));
});

test("KeptConnection.resume() tells that a place is gone", async () => {
  await using place = new Place();
  const { kept } = place;
  const seen: number[] = [];
  const read = (source: AsyncIterable<number>, at: number) =>
    assertRejects(() =>
      readAll(source, (item) => {
        seen.push(item);
        if (item === at) place.wires.at(-1)!.abort();
      })
    ) as Promise<WireError>;
  const gone = await read(kept.resume((remote) => remote.gone()), 5);
  assertEquals([gone.code, gone.message], [
    "cursorGone",
    "Nothing is behind 5.",
  ]);
  assertEquals(seen, upTo(5));
});

test("KeptConnection.resume() refuses a server whose items have no places", async () => {
  await using place = new Place();
  const error = await assertRejects(() =>
    readAll(
      place.kept.resume((remote) => remote.refused()),
      (item) => item === 5 && place.wires[0]!.abort(),
    )
  ) as WireError;
  assertEquals(error.code, "cursorGone");
});

test("KeptConnection.resume() refuses items that come without a place", async () => {
  const items = [7, null, {}, "ab", [1], [1, 2, 3], [undefined, 1], [null, 1]];
  const places = [1n, new Map(), () => 1, { toJSON: () => 1 }, { at: NaN }];
  for (const item of [...items, ...places.map((place) => [place, 1])]) {
    const cut = new Cut();
    const wire = makeWire(cut.ends[1]);
    wire.serve({
      async *misplaced() {
        yield { "remote-wire-places": 1 };
        yield item;
      },
    });
    const kept = keepConnected<{ misplaced(): AsyncIterable<number> }>(() =>
      // References in such items are reported.
      Promise.resolve(makeWire(cut.ends[0], { onError() {} }))
    );
    const seen: unknown[] = [];
    const error = await assertRejects(() =>
      readAll(
        kept.resume((remote) => remote.misplaced()),
        (item) => seen.push(item),
      )
    ) as WireError;
    assertEquals([error.code, seen], ["malformed", []]);
    await kept.close();
    await wire.closed;
  }
});

test("KeptConnection.resume() ends with its loop, its signal and its connection", async () => {
  await using place = new Place();
  const { kept } = place;
  for await (const item of kept.resume((remote) => remote.named(1_000))) {
    if (item === 3) break;
  }
  // The loop does not wait for the producer to hear of it.
  const sending = () => place.wires[0]!.stats().streamsSending;
  for (let turn = 0; turn < 100 && sending() > 0; turn++) {
    await kept.wire!.ping();
  }
  assertEquals(sending(), 0);
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = await assertRejects(() =>
    readAll(
      kept.resume((remote) => remote.named(100_000), { signal }),
      (item) => item === 3 && controller.abort(),
    )
  ) as WireError;
  assertEquals(cancelled.code, "cancelled");
  const ended = await assertRejects(() =>
    readAll(
      kept.resume((remote) => remote.named(100_000)),
      (item) => item === 3 && kept.abort(),
    )
  ) as WireError;
  assertEquals(ended.code, "aborted");
  assertEquals(place.opened.length, 3);
});

// Each connection breaks after so many bytes: measured once, over a whole one.
const ITEMS = 40;
await using whole = new Place();
await readAll(whole.kept.resume((remote) => remote.named(ITEMS)));
const bytes = whole.kept.wire!.stats().bytesReceived;
await whole[Symbol.asyncDispose]();

test(`a stream goes on without loss though its connection breaks at any of ${bytes} bytes`, async () => {
  for (let at = 1; at <= bytes; at++) {
    await using place = new Place([[at, 1], [Math.max(at, bytes - 9), 1]]);
    const items = await readAll(
      place.kept.resume((remote) => remote.named(ITEMS)),
    );
    assertEquals(items, upTo(ITEMS), `byte ${at}`);
  }
});

test("resumable() gives items by themselves to whoever does not ask for places", async () => {
  await using place = new Place();
  await place.kept.opened;
  const stream = await place.kept.wire!.remoteValue.named(5);
  assertEquals(await readAll(stream), upTo(5));
});

test("resumable() refuses what is no place", async () => {
  const deep = "[".repeat(9) + "]".repeat(9);
  for (const behind of ["", "{", "true", "1e999", "1e999x", deep]) {
    const error = assertThrows(() =>
      resumable(
        { metadata: { "remote-wire-behind": behind } },
        () => numbers(undefined, 1),
      )
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
  const nonsense = [undefined, null, true, NaN, 1n, new Date(), [undefined], {
    toJSON: () => 1,
  }];
  for (
    const each of [1, [1], ["a", 1, 2], ...nonsense.map((place) => [place, 1])]
  ) {
    const source = async function* () {
      yield each as never;
    };
    const error = await assertRejects(() =>
      readAll(resumable({ metadata: {} }, source))
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});
