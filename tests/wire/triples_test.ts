/**
 * Every kind of message and shape of value behind every two others, over one
 * wire, in both directions, with wide limits and with such as are next to
 * nothing: what arrives is what left, and after each the wire is as new.
 */

import { assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  DEFAULT_LIMITS,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  RemoteError,
  type RemoteObject,
  type RemoteStream,
  type Wire,
  WireError,
  type WireLimits,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { checkAsNew, withCodecs } from "./_as_new.ts";
import { exactly } from "./_exact.ts";
import { list } from "./_items.ts";
import { everyRow, texts } from "./_succession.ts";

/** The default, but that what is large comes in pieces, or is over a limit. */
const WIDE: Partial<WireLimits> = {
  frame: 1_024,
  message: 400_000,
  values: 1_500,
};

/** As small as all of this can be carried out with; most are the smallest. */
const SMALL: Partial<WireLimits> = {
  frame: 1_024,
  helloFrame: 4_096,
  message: 4_096,
  nesting: 4,
  values: 60,
  bigint: 1,
  window: 1,
  calls: 1,
  pieces: 1,
  streams: 1,
  // An item is not larger than that.
  streamWindow: 400,
  objects: 1,
  cancels: 1,
  cancelsPerSecond: 1,
  sendPause: 1,
  sendMost: 1,
  sendEnd: 1,
};

/** So large that they are not copied before they are cut. */
const BYTES = new Uint8Array(1_200).fill(5);

/** A message in pieces, and one that leaves with two writes. */
const TEXT = "x".repeat(1_500);
const LONG = "y".repeat(390_000);
/** After so many turns none, a part, or all of it has left. */
const TURNS_OF_WRITES = [0, 4, 5, 7];

class Counter {
  #count = 0;

  add(amount: number): number {
    return this.#count += amount;
  }
}

/** What an end serves, and what it got. */
class Place {
  readonly got: string[] = [];
  /** Lets calls go on that wait. */
  gate: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  readonly functions = {
    take: (value: unknown) => void this.got.push(exactly(value)),
    echo: (value: unknown) => value,
    later: async (value: unknown) => {
      await settle();
      return value;
    },
    held: async (value: unknown) => {
      this.got.push("begun");
      await this.gate.promise;
      return value;
    },
    fail: (value: unknown) => {
      throw new TypeError("failed", { cause: value });
    },
    deep: () => [[[[[texts(3)]]]]],
    counter: () => makeRemoteObject(new Counter()),
    use: async (...calls: ((amount: number) => number)[]) => {
      let sum = 0;
      for (const call of calls) {
        sum += await call(3);
        (call as unknown as Disposable)[Symbol.dispose]();
      }
      return sum;
    },
    async *items(this: CallContext, value: unknown) {
      yield [value];
      await 0;
      yield value;
    },
    async *many(value: unknown, count: number) {
      for (let index = 0; index < count; index++) yield await value;
    },
    drain: async (stream: AsyncIterable<unknown>) => {
      this.got.push(exactly(await list(stream)));
    },
  };
}

/** An end that acts, and the one that it acts upon. */
interface From {
  readonly wire: Wire;
  readonly peer: Wire;
  readonly there: Place;
  /** How many bytes an item of a stream may have. */
  readonly most: number;
}

/** The ways for a value to travel. */
const WAYS: readonly ((from: From, value: unknown) => Promise<void>)[] = [
  async ({ wire }, value) => {
    const came = await wire.remoteValue.echo(value);
    assertEquals(exactly(came), exactly(value));
  },
  async ({ wire, there }, value) => {
    const sent = [wire.remote.take(value), wire.remote.take("behind")];
    await Promise.all(sent);
    await wire.remoteValue.echo(0);
    assertEquals(there.got.splice(0), [value, "behind"].map(exactly));
  },
  async ({ wire, peer }, value) => {
    wire.outputObject(value);
    assertEquals(exactly(await peer.getObject()), exactly(value));
  },
];

/** What is done for each shape, in another way each time that there is one. */
const SHAPES: Readonly<
  Record<string, (from: From, step: number) => Promise<void>>
> = {
  plain: (from, step) => WAYS[step % 3]!(from, step % 2 === 0 ? step : "a"),
  textual: (from, step) => WAYS[step % 3]!(from, texts(20)),
  pieces: (from, step) =>
    WAYS[step % 3]!(from, [texts(9), "y".repeat(2_000), BYTES]),
  async over({ wire }, step) {
    const call = step % 2 === 0
      ? wire.remoteValue.echo(texts(3), LONG + LONG)
      : wire.remoteValue.echo([texts(3), Array(2_000).fill(1)]);
    const error = await assertRejects(() => call, WireError);
    assertEquals((error as WireError).code, "limit");
  },
  async late({ wire }, step) {
    const [late, soon] = await Promise.all([
      wire.remoteValue.later([step, texts(9)]),
      wire.remoteValue.echo("soon"),
    ]);
    assertEquals([late, soon], [[step, texts(9)], "soon"]);
  },
  async abandoned({ wire, most }, step) {
    const controller = new AbortController();
    const { remoteValue } = wire.with(controller);
    // A quarter of a million bytes leave with one write.
    const isHuge = step % 4 === 0 && most > LONG.length;
    const value = [step, texts(20), isHuge ? LONG : TEXT];
    const calls = [remoteValue.later(value), remoteValue.echo(value)];
    // Unsent, sent in part, or sent and not answered.
    const turns = isHuge ? TURNS_OF_WRITES[step >> 2 & 3]! : 0;
    for (let turn = 0; turn < turns; turn++) await undefined;
    controller.abort();
    for (const call of calls) {
      const error = await assertRejects(() => call, WireError);
      assertEquals((error as WireError).code, "cancelled");
    }
  },
  async cancelled({ wire, there }, step) {
    const controller = new AbortController();
    const call = wire.with(controller).remoteValue.held([step, texts(20)]);
    while (there.got.length === 0) await settle();
    assertEquals(there.got.splice(0), ["begun"]);
    controller.abort();
    await assertRejects(() => call, WireError);
    // Cancels may be too few to be told: the function ends by itself.
    there.gate.resolve();
    there.gate = Promise.withResolvers();
  },
  async references({ wire }, step) {
    const twice = (amount: number) => 2 * amount;
    if (step % 3 === 0) {
      return assertEquals(await wire.remoteValue.use(twice), 6);
    }
    if (step % 3 === 1) {
      return assertEquals(await wire.remoteValue.use(twice, twice), 12);
    }
    using counter = await wire.remoteValue.counter() as RemoteObject<Counter>;
    const sums = [
      await counter.remoteValue.add(step),
      await counter.remoteValue.add(1),
    ];
    assertEquals(sums, [step, step + 1]);
  },
  async streams({ wire, there, most }, step) {
    const value = [step, ...texts(4)];
    if (step % 3 === 0 && most > TEXT.length) {
      // So much that windows grow.
      const items = await list(await wire.remoteValue.many(TEXT, 40));
      return assertEquals(items, Array(40).fill(TEXT));
    }
    if (step % 3 === 0) {
      const stream = await wire.remoteValue.items(value);
      return assertEquals(await list(stream), [[value], value]);
    }
    if (step % 3 === 1) {
      await wire.remoteValue.drain((async function* () {
        yield value;
        yield await 2;
      })());
      return assertEquals(there.got.splice(0), [exactly([value, 2])]);
    }
    const stream = await wire.remoteValue.items(value) as RemoteStream<unknown>;
    for await (const item of stream) {
      assertEquals(item, [value]);
      break;
    }
  },
  async thrown({ wire }, step) {
    const value = [step, texts(20)];
    const call = wire.remoteValue.fail(value);
    const error = await assertRejects(() => call, RemoteError);
    assertEquals((error as RemoteError).cause, value);
  },
};

/** Two wires, and how to check them. */
class Pair {
  readonly sides: readonly [From, From];
  readonly #window: number;
  readonly #codecs;

  constructor(limits: Partial<WireLimits>) {
    this.#window = limits.window ?? DEFAULT_LIMITS.window;
    const places = [new Place(), new Place()] as const;
    const [[near, far], codecs] = withCodecs(() =>
      memoryTransports().map((end, at) =>
        makeWire(end, {
          functions: places[at]!.functions,
          limits,
          onError(error) {
            throw error;
          },
        })
      ) as [Wire, Wire]
    );
    this.#codecs = codecs;
    const most = limits.streamWindow ?? LONG.length + 1;
    this.sides = [
      { wire: near, peer: far, there: places[1], most },
      { wire: far, peer: near, there: places[0], most },
    ];
  }

  /** Waits until all is told, and checks that both wires are as new. */
  async check(): Promise<void> {
    const [near, far] = this.sides.map(({ wire }) => wire) as [Wire, Wire];
    for (let again = 3; again >= 0; again--) {
      await Promise.all([near.ping(), far.ping()]);
      await settle();
      try {
        return checkAsNew([near, far], this.#codecs, this.#window);
      } catch (error) {
        if (again === 0) throw error;
      }
    }
  }

  async close(): Promise<void> {
    const [near, far] = this.sides;
    await near.wire.close();
    assertEquals((await far.wire.closed).code, "closed");
  }
}

const NAMES = Object.keys(SHAPES);
const ORDER = everyRow(NAMES.length, 3);

/** Which end acts in a step. */
const TURNS: Readonly<Record<string, (step: number) => 0 | 1>> = {
  "one way": () => 0,
  "the other way": () => 1,
  "by turns": (step) => (step & 1) as 0 | 1,
};

for (const [how, limits] of Object.entries({ wide: WIDE, least: SMALL })) {
  for (const [direction, turn] of Object.entries(TURNS)) {
    test(`Wire is as new after every three shapes, ${direction}, with ${how} limits`, async () => {
      const pair = new Pair(limits);
      const past: string[] = [];
      for (const [step, shape] of ORDER.entries()) {
        const name = NAMES[shape]!;
        past.push(name);
        try {
          await SHAPES[name]!(pair.sides[turn(step)]!, step);
          await pair.check();
        } catch (cause) {
          throw new Error(`behind ${past.slice(-4).join(", ")}`, { cause });
        }
      }
      assertEquals(past.length, 1_002);
      await pair.close();
    });
  }
}
