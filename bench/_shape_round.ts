/**
 * Measures one codec on one shape, in a process of its own. Its arguments are
 * the name of the shape, the name of the codec or the folder of a version of
 * this module, and seconds; it writes what it found as a line of JSON.
 *
 * @module
 */

import process from "node:process";
import { isDeepStrictEqual } from "node:util";
import { type Codec, CODECS, wireCodec } from "./_codecs.ts";
import { type Shape, SHAPES } from "./_shapes.ts";

/** What a round gave. */
export interface ShapeRound {
  /** Microseconds of processor time for a value: on all threads. */
  readonly micros: number;
  /** How many bytes it took. */
  readonly bytes: number;
}

/** So many values take turns. */
const POOL = 8;
/** So many are made at a time where none comes twice. */
const FRESH = 40;

/** Processor time of all threads so far, in microseconds. */
function used(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Goes through values for so much time, in microseconds. */
function measure(codec: Codec, next: () => unknown[], time: number): number {
  let spent = 0;
  let count = 0;
  for (let times = 1; spent < time;) {
    const values = next();
    const before = used();
    for (let pass = 0; pass < times; pass++) {
      for (const value of values) codec.roundTrip(value);
    }
    const took = used() - before;
    spent += took;
    count += values.length * times;
    // Asking for the time must not be much of it.
    if (took < 5_000 && next().length === POOL) times *= 2;
  }
  return spent / count;
}

function poolOf({ make, isFresh }: Shape): () => unknown[] {
  let seed = 1;
  const pool = (count: number) =>
    Array.from({ length: count }, () => make(seed++));
  if (isFresh) return () => pool(FRESH);
  const values = pool(POOL);
  return () => values;
}

if (import.meta.main) {
  const [name, who, seconds] = Deno.args as [string, string, string];
  const shape = SHAPES.find((shape) => shape.name === name)!;
  const codec = await (who in CODECS
    ? CODECS[who as keyof typeof CODECS]()
    : wireCodec(new URL(who)));
  const next = poolOf(shape);
  let carries = true;
  try {
    for (const value of next().slice(0, POOL)) {
      carries &&= isDeepStrictEqual(codec.roundTrip(value), value);
    }
  } catch {
    carries = false;
  }
  if (!carries) {
    console.log("null");
    Deno.exit();
  }
  const { bytes } = codec;
  const time = Number(seconds) * 1e6;
  // Much is compiled, and compiled again, before it is as fast as it gets.
  measure(codec, next, time * 2);
  const micros = measure(codec, next, time);
  console.log(JSON.stringify({ micros, bytes } satisfies ShapeRound));
}
