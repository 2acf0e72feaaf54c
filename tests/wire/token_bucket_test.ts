import { assertEquals } from "@std/assert";
import type { Clock } from "../../wire/base/clock.ts";
import { TokenBucket } from "../../wire/base/clock.ts";
import { test } from "../_test.ts";

/** A clock whose hands a test turns. */
class HandClock implements Clock {
  time = 5_000;
  now(): number {
    return this.time;
  }
  after(): () => void {
    throw new Error("A bucket needs no timer.");
  }
}

/** How many tokens there are to take, up to a bound. */
function drain(bucket: TokenBucket, bound = 100_000): number {
  let count = 0;
  while (count < bound && bucket.take()) count++;
  return count;
}

test("take() takes as many tokens at once as the bucket holds", () => {
  for (const most of [1, 10, 1_000]) {
    const bucket = new TokenBucket(new HandClock(), most, 33);
    assertEquals(drain(bucket), most);
    assertEquals(bucket.take(), false);
  }
});

test("take() takes what has flowed in since, and keeps the rest of it", () => {
  const clock = new HandClock();
  const bucket = new TokenBucket(clock, 100, 10);
  drain(bucket);
  const taken = [50, 50, 1_000, 149, 1, 0].map((passed) => {
    clock.time += passed;
    return drain(bucket);
  });
  assertEquals(taken, [0, 1, 10, 1, 0, 0]);
  clock.time += 50;
  assertEquals(drain(bucket), 1, "two halves make one");
});

test("take() finds the bucket no fuller than full", () => {
  const clock = new HandClock();
  const bucket = new TokenBucket(clock, 7, 10);
  clock.time += 1e9;
  assertEquals(drain(bucket), 7);
  clock.time += 1e9;
  assertEquals(drain(bucket), 7);
});

test("take() is fair when it is asked often", () => {
  const clock = new HandClock();
  const bucket = new TokenBucket(clock, 1, 33);
  let taken = 0;
  for (let step = 0; step < 100_000; step++) {
    clock.time += 0.125;
    if (bucket.take()) taken++;
  }
  // 12.5 seconds at 33 a second, and the one that was there.
  assertEquals(taken >= 412 && taken <= 413, true, `${taken}`);
});
