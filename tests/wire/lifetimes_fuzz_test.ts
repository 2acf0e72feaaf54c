/**
 * Random programs that pass objects, functions and streams about: nothing
 * hangs, nothing is mistaken for something else, and nothing is left.
 */

import { assertEquals } from "@std/assert";
import { makeWire, type WireLimits } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { PAIRS } from "../_transports.ts";
import {
  below,
  choppyConnection,
  type Random,
  randomOf,
  turns,
} from "./_choppy.ts";
import { Side } from "./_random_program.ts";

/** How long a program may take, in milliseconds, before it counts as hung. */
const HUNG = 20_000;

const SMALL: Partial<WireLimits> = {
  frame: 1_024,
  message: 16_384,
  window: 16_384,
  streamWindow: 4_096,
  streams: 12,
  calls: 12,
  objects: 40,
  pieces: 2,
  sendPause: 8_192,
};

/** Tells which seed failed, and when a program hangs. */
async function seeded(
  seed: number,
  sides: readonly Side[],
  run: () => Promise<void>,
): Promise<void> {
  const hung = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const stats = sides.map(({ wire }) => wire.stats());
    hung.reject(new Error(`It hangs: ${Deno.inspect(stats)}`));
  }, HUNG);
  try {
    await Promise.race([run(), hung.promise]);
  } catch (error) {
    throw new Error(`The program of seed ${seed} failed.`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Lets both sides act at random. */
async function play(
  random: Random,
  sides: readonly Side[],
  steps: number,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    for (const side of sides) {
      if (random() < 0.7) side.act();
      if (random() < 0.1) await side.wire.ping().catch(() => {});
    }
    await turns(below(random, 30));
  }
}

/** What is left of a program at one end. */
function left({ wire }: Side): Record<string, number> {
  const {
    objectsExported,
    objectsImported,
    streamsSending,
    streamsReceiving,
    callsPending,
    callsRunning,
  } = wire.stats();
  return {
    objectsExported,
    objectsImported,
    streamsSending,
    streamsReceiving,
    callsPending,
    callsRunning,
  };
}

/** Ends a program: nothing is left, and both close gracefully. */
async function finish(sides: readonly Side[]): Promise<void> {
  await Promise.all(sides.map((side) => side.finish()));
  // What was released, and the ends of streams, may still be on their way.
  const isLeft = (side: Side) => Object.values(left(side)).some((n) => n > 0);
  for (let round = 0; round < 20 && sides.some(isLeft); round++) {
    await Promise.all(sides.map(({ wire }) => wire.ping()));
    await Promise.all(sides.map((side) => side.finish()));
  }
  for (const side of sides) {
    assertEquals(side.wire.ended, undefined);
    none(side);
  }
  await Promise.all(sides.map(({ wire }) => wire.close()));
  for (const { wire } of sides) assertEquals(wire.ended?.code, "closed");
  await Promise.all(sides.map((side) => side.end()));
}

function makeSides(random: Random): [Side, Side] {
  const forgotten = new Set<string>();
  return [
    new Side("near", random, forgotten),
    new Side("far", random, forgotten),
  ];
}

/** What is asked of every program in the end. */
function none(side: Side): void {
  for (const [name, count] of Object.entries(left(side))) {
    assertEquals(count, 0, name);
  }
}

function limitsOf(seed: number): Partial<WireLimits> {
  return seed % 3 === 0 ? {} : SMALL;
}

test("random programs over a choppy connection leave nothing", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomOf(seed);
    const sides = makeSides(random);
    const { ends } = choppyConnection(random);
    sides.forEach((side, index) => {
      side.wire = makeWire(ends[index]!, {
        functions: side.functions,
        limits: limitsOf(seed),
        onError: side.onError,
      });
    });
    await seeded(seed, sides, async () => {
      await play(random, sides, 60);
      await finish(sides);
    });
  }
});

test("random programs over TCP leave nothing", async () => {
  for (let seed = 1_000; seed < 1_015; seed++) {
    const random = randomOf(seed);
    const sides = makeSides(random);
    const [one, other] = sides.map(({ functions, onError }) => ({
      functions,
      onError,
      limits: limitsOf(seed),
    }));
    await using pair = await PAIRS["tcp"]!(one, other);
    sides[0].wire = pair.near;
    sides[1].wire = pair.far;
    await seeded(seed, sides, async () => {
      await play(random, sides, 60);
      await finish(sides);
    });
  }
});

test("wherever a connection breaks, everything settles", async () => {
  for (let seed = 2_000; seed < 2_150; seed++) {
    const random = randomOf(seed);
    const sides = makeSides(random);
    const connection = choppyConnection(random, 1 + below(random, 12_000));
    sides.forEach((side, index) => {
      side.mayEnd = true;
      side.wire = makeWire(connection.ends[index]!, {
        functions: side.functions,
        limits: limitsOf(seed),
        onError: side.onError,
      });
    });
    await seeded(seed, sides, async () => {
      await play(random, sides, 40);
      connection.cut();
      await Promise.all(sides.map(({ wire }) => wire.closed));
      for (const side of sides) {
        await side.finish();
        await side.end();
        none(side);
      }
    });
  }
});
