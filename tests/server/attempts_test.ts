import { assertEquals } from "@std/assert";
import { Attempts } from "../../server/_admission.ts";
import { test } from "../_test.ts";

/** Attempts whose clock a test sets. */
function timed(): { attempts: Attempts; clock: { time: number } } {
  const clock = { time: 0 };
  const attempts = new Attempts(
    { now: () => clock.time, after: () => () => {} },
    { attempts: 3, attemptEvery: 100 },
  );
  return { attempts, clock };
}

test("Attempts runs out, and releases one at a time", () => {
  const { attempts, clock } = timed();
  const take = () => attempts.take("10.0.0.1");
  assertEquals([take(), take(), take(), take()], [true, true, true, false]);
  assertEquals(attempts.wait("10.0.0.1"), 100);
  assertEquals(attempts.wait("10.0.0.2"), 0);
  clock.time = 60;
  assertEquals(attempts.wait("10.0.0.1"), 40);
  assertEquals(take(), false);
  clock.time = 100;
  assertEquals([take(), take()], [true, false]);
  clock.time = 10_000;
  assertEquals([take(), take(), take(), take()], [true, true, true, false]);
});

test("Attempts does not count what succeeded", () => {
  const { attempts } = timed();
  for (let round = 0; round < 10; round++) {
    assertEquals(attempts.take("10.0.0.1"), true);
    attempts.refund("10.0.0.1");
  }
  attempts.refund("10.0.0.9");
  assertEquals(attempts.wait("10.0.0.9"), 0);
});

test("Attempts remembers a bounded number of peers", () => {
  const { attempts } = timed();
  for (let left = 0; left < 3; left++) attempts.take("first");
  assertEquals(attempts.take("first"), false);
  for (let peer = 0; peer < 10_000; peer++) attempts.take(`peer ${peer}`);
  assertEquals(attempts.take("first"), true);
});
