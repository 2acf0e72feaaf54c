/** Bytes by chance: whatever comes, it ends in objects or in a WireError. */

import { assert, assertEquals } from "@std/assert";
import { LispReader } from "../../../wire/cmucl/reader.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";
import { WireError } from "../../../wire/mod.ts";
import { test } from "../../_test.ts";
import { fromHex, join } from "./_lisp.ts";

const { cases }: { cases: { request: string; reply: string }[] } = JSON.parse(
  Deno.readTextFileSync(new URL("vectors.json", import.meta.url)),
);
const SEED = join(
  ...cases.flatMap(({ request, reply }) => [
    fromHex(request),
    fromHex(reply).subarray(0, 200),
  ]),
);

/** Numbers by chance, the same ones each time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state >>> 0) % below;
  };
}

/** Reads all there is in pieces; says what came of it. */
function outcome(bytes: Uint8Array, size: number): string {
  const reader = new LispReader(resolveLimits({ nesting: 8, values: 100 }));
  let objects = 0;
  try {
    for (let at = 0; at < bytes.length; at += size) {
      reader.input.feed(bytes.subarray(at, at + size));
      while (reader.next() !== undefined) objects++;
      reader.input.keep();
    }
    return `${objects} objects`;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    assert(["malformed", "limit"].includes(error.code));
    return `${objects} objects, ${error.message}`;
  }
}

test("LispReader takes any bytes, the same however they are cut", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = chance(seed);
    const start = random(SEED.length - 1);
    const bytes = SEED.slice(start, start + 1 + random(2_000));
    for (let change = random(8); change >= 0; change--) {
      bytes[random(bytes.length)] = random(4) === 0 ? random(256) : random(15);
    }
    const whole = outcome(bytes, bytes.length);
    assertEquals(outcome(bytes, 1), whole, `seed ${seed}`);
    assertEquals(outcome(bytes, 1 + random(50)), whole, `seed ${seed}`);
  }
});
