/** When calls that came may begin, by the parts that decide on it. */

import { assertEquals } from "@std/assert";
import type { MessageOutput } from "../../wire/flow/output.ts";
import {
  Admission,
  Forecast,
  RipeCalls,
  runningCall,
} from "../../wire/rpc/_served_calls.ts";
import { CallContext } from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** An output in which so many bytes may wait, and none do. */
function outputOf(most: number): MessageOutput {
  return {
    hasRoom: true,
    waiting: 0,
    backlog: { most, held: 0 },
    encoder: { limits: { message: 1_000_000 } },
  } as unknown as MessageOutput;
}

function runningOn(clock: FakeClock) {
  const context = new CallContext({}, "f", clock, 0);
  return runningCall(0, context, 1, 0, undefined);
}

test("Forecast.release() frees the room of a call once", () => {
  const clock = new FakeClock();
  const forecast = new Forecast(outputOf(1_000), clock, 100, () => {});
  // Of an unknown function twelve calls run at a time.
  const calls = Array.from({ length: 12 }, () => runningOn(clock));
  for (const call of calls) forecast.begin("f", call);
  assertEquals(forecast.fits("f"), false);
  forecast.release(calls[0]!);
  forecast.release(calls[0]!);
  assertEquals(forecast.fits("f"), true);
  forecast.begin("f", calls[0]!);
  assertEquals(forecast.fits("f"), false);
  forecast.rest();
  assertEquals(clock.timers, 0);
});

test("RipeCalls.inTurn() lets none overtake another that waits for room", () => {
  const begun: number[] = [];
  let hasRoom = false;
  const ripe = new RipeCalls(() => hasRoom);
  ripe.inTurn("f", () => begun.push(1));
  hasRoom = true;
  ripe.inTurn("f", () => begun.push(2));
  assertEquals(begun, []);
  ripe.resume();
  assertEquals(begun, [1, 2]);
  ripe.inTurn("f", () => begun.push(3));
  assertEquals(begun, [1, 2, 3]);
});

test("Admission.end() has calls learn of it that wait for room", async () => {
  const output = { ...outputOf(1_000), hasRoom: false };
  const admission = new Admission(
    { output, clock: new FakeClock(), limits: { calls: 10 } },
    { underWay: () => [], resume() {} },
  );
  let hasBegun = false;
  const turn = admission.ripe.inTurn("f", () => void (hasBegun = true));
  await settle();
  assertEquals([hasBegun, admission.isWaiting], [false, true]);
  admission.end();
  await turn;
  assertEquals([hasBegun, admission.isWaiting], [true, false]);
});
