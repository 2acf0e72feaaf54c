/**
 * Calls begin as their answers find room: what waits for a peer stays within
 * `sendMost`, whatever it calls and however slowly it reads, and no call fails
 * whose function computes its answer. All sizes are a thousandth of the
 * default ones.
 */

import { assert, assertEquals } from "@std/assert";
import type { CallContext, WireOptions } from "../../wire/mod.ts";
import { makeRemoteObject } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { call, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { anyPair } from "./_pair.ts";

const LIMITS = { sendPause: 4_194, sendMost: 67_108 };
const ANSWER = "x".repeat(4_000);
/** Each has to have an answer, if only that it fails. */
const SMALL = 1_000 * 250;

/** A peer in whose way stand so many bytes at most, and what it calls. */
async function slowPeer(
  functions: object,
  options: WireOptions = {},
): Promise<RawPeer> {
  const peer = new RawPeer({
    limits: LIMITS,
    functions: functions as Record<string, (...args: never[]) => unknown>,
    ...options,
  });
  await peer.open();
  return peer;
}

/** Calls all at once; hears an answer, and lets the wire rest. */
async function hearAnswers(
  peer: RawPeer,
  calls: Message[],
): Promise<{ ids: number[]; kinds: Set<string>; most: number }> {
  await peer.tell(...calls);
  const ids: number[] = [];
  const kinds = new Set<string>();
  let most = 0;
  while (ids.length < calls.length) {
    most = Math.max(most, peer.wire.stats().outputWaiting);
    const answer = await peer.hear("return", "returnValues", "throw", "fail");
    assert(answer !== undefined, `${peer.wire.ended}`);
    ids.push(answer!.id);
    kinds.add(answer!.kind);
    // A reader that is slow: whatever can happen meanwhile has happened.
    if (ids.length % 10 === 0) await settle();
  }
  return { ids, kinds, most };
}

const all = Array.from({ length: 1_000 }, (_, id) => id);

/** Functions that compute a large answer, each in its way. */
const COMPUTING: Record<string, () => unknown> = {
  "at once": () => ANSWER,
  "asynchronously": async () => await ANSWER,
  "in many turns": async () => {
    for (let turn = 0; turn < 50; turn++) await undefined;
    return ANSWER;
  },
  "as an object": async () => await { key: ANSWER },
};

for (const [how, compute] of Object.entries(COMPUTING)) {
  test(`1,000 large answers that are computed ${how} come, in order`, async () => {
    await using peer = await slowPeer({ compute });
    const calls = all.map((id) => call(id, "compute"));
    const { ids, kinds, most } = await hearAnswers(peer, calls);
    assertEquals([...kinds], ["return"]);
    assertEquals(ids, all);
    assert(most <= LIMITS.sendMost, `${most} bytes waited`);
    assertEquals(peer.wire.stats().callsRunning, 0);
  });
}

test("1,000 large answers come through middleware, of objects, as lists", async () => {
  const compute = async () => await ANSWER;
  const [near, far] = anyPair({}, {
    limits: LIMITS,
    functions: {
      compute,
      object: () => makeRemoteObject({ compute }),
    },
    serveThrough: [(_context, next) => next()],
  });
  let most = 0;
  const keepalive = (answer: unknown) => {
    most = Math.max(most, far.stats().outputWaiting);
    return answer;
  };
  const object = await near.remoteValue.object() as Disposable & {
    remoteValue: { compute(): Promise<unknown> };
  };
  const answers = await Promise.all([
    ...all.map(() => near.remoteValue.compute().then(keepalive)),
    ...all.map(() => near.remoteValues.compute().then(keepalive)),
    ...all.map(() => object.remoteValue.compute().then(keepalive)),
  ]);
  assertEquals(answers.length, 3_000);
  assert(most <= LIMITS.sendMost, `${most} bytes waited`);
  object[Symbol.dispose]();
  await near.close();
});

test("calls on a result that is to come wait for room as well", async () => {
  const gate = Promise.withResolvers<unknown>();
  await using peer = await slowPeer({
    object: () => gate.promise,
    compute: () => ANSWER,
  });
  await peer.tell(call(0, "object"));
  const calls = all.slice(1, 500).map((id): Message => ({
    ...call(id, "compute"),
    target: { result: 0 },
  } as Message));
  await peer.tell(...calls);
  gate.resolve(makeRemoteObject({ compute: () => ANSWER }));
  let most = 0;
  for (let answers = 0; answers < 500; answers++) {
    const answer = await peer.hear("return", "fail");
    assertEquals(answer?.kind, "return");
    await settle();
    most = Math.max(most, peer.wire.stats().outputWaiting);
  }
  assert(most <= LIMITS.sendMost, `${most} bytes waited`);
});

test("answers that are ready all at once fail beyond sendMost, and tell why", async () => {
  const gate = Promise.withResolvers<void>();
  let ran = 0;
  await using peer = await slowPeer({
    // What it answered before makes nobody expect much.
    late: async (isLarge: boolean) => {
      ran++;
      if (!isLarge) return 0;
      await gate.promise;
      return ANSWER;
    },
    small: () => 1,
  });
  await peer.tell(call(0, "late", false));
  await peer.hear("return");
  await peer.tell(...all.map((id) => call(id, "late", true)));
  assertEquals(ran, 1_001);
  gate.resolve();
  await settle();
  const { outputWaiting } = peer.wire.stats();
  assert(outputWaiting <= LIMITS.sendMost + SMALL, `${outputWaiting}`);
  let [returned, failed] = [0, 0];
  for (let answers = 0; answers < 1_000; answers++) {
    const answer = await peer.hear("return", "fail");
    if (answer?.kind !== "fail") returned++;
    else {
      failed++;
      assertEquals(answer.code, "limit");
      assert(/"late".+wait already.+"sendMost": 67108/.test(answer.message));
    }
  }
  // All that there was room for.
  assert(returned >= 14, `${returned} were returned`);
  assertEquals(returned + failed, 1_000);
  // The wire goes on, and knows how large these answers are.
  await peer.tell(call(0, "small"));
  assertEquals((await peer.hear("return"))?.value, 1);
  const before = ran;
  await peer.tell(...all.map((id) => call(id, "late", true)));
  await peer.hear("return");
  assert(ran - before < 20, `${ran - before} began at once`);
});

test("calls that all have to run begin by and by", async () => {
  const clock = new FakeClock();
  const everybody = Promise.withResolvers<unknown>();
  let running = 0;
  await using peer = await slowPeer({
    meet() {
      if (++running === 1_000) everybody.resolve(ANSWER.slice(0, 10));
      return everybody.promise;
    },
  }, { clock });
  await peer.tell(...all.map((id) => call(id, "meet")));
  assert(running > 9 && running <= 12, `${running} began`);
  // Twice as many each time.
  for (let tick = 0; tick < 20; tick++) await clock.advance(25);
  assertEquals(running, 1_000);
  for (let answers = 0; answers < 1_000; answers++) {
    assertEquals((await peer.hear("return", "fail"))?.kind, "return");
  }
  // Once it is known how small they are, nobody waits.
  running = 0;
  await peer.tell(...all.map((id) => call(id, "meet")));
  await peer.hear("return");
  assertEquals(running, 1_000);
  assertEquals(clock.timers, 0);
});

test("what takes long holds up nobody for long, however large it is", async () => {
  const clock = new FakeClock();
  const waiting: ((answer: string) => void)[] = [];
  await using peer = await slowPeer({
    report: () => new Promise((resolve) => waiting.push(resolve)),
    small: () => 1,
  }, { clock });
  await peer.tell(call(0, "report"));
  waiting[0]!(ANSWER);
  await peer.hear("return");
  await peer.tell(...all.slice(1, 30).map((id) => call(id, "report")));
  await peer.tell(call(100, "small"));
  let ticks = 0;
  while (peer.wire.stats().callsRunning > 29) {
    assert(++ticks <= 10, "the small call waits for too long");
    await clock.advance(25);
  }
  assertEquals(waiting.length, 30);
  for (let tick = 0; tick < 100; tick++) await clock.advance(25);
  for (const resolve of waiting) resolve("");
  for (let answers = 0; answers < 30; answers++) await peer.hear("return");
});

test("calls that call back while calls wait for room go on", async () => {
  const [near, far] = anyPair({
    functions: { back: async (n: number) => await nest(far, n) },
    limits: LIMITS,
  }, {
    functions: { forth: async (n: number) => await nest(near, n) },
    limits: LIMITS,
  });
  let ends = 0;
  const nest = async (end: typeof near, n: number): Promise<string> => {
    if (n === 0) return `${ends++}`.padEnd(4_000);
    const other = end === far ? near : far;
    const name = end === far ? "forth" : "back";
    return await other.remoteValue[name]!(n - 1) as string;
  };
  const calls = Array.from(
    { length: 20 },
    () => near.remoteValue.forth!(4) as Promise<string>,
  );
  for (const answer of await Promise.all(calls)) {
    assertEquals(answer.length, 4_000);
  }
  await Promise.all([near.close(), far.close()]);
});

test("close() lets calls that wait for room finish", async () => {
  const [near, far] = anyPair({}, {
    limits: LIMITS,
    functions: { compute: async () => await ANSWER },
  });
  await near.opened;
  const answers = all.map(() => near.remoteValue.compute!());
  await settle();
  const closed = [far.close(), near.close()];
  for (const answer of await Promise.all(answers)) {
    assertEquals(answer, ANSWER);
  }
  await Promise.all(closed);
});

test("the end of a wire ends calls that wait for room", async () => {
  const clock = new FakeClock();
  const aborted: unknown[] = [];
  await using peer = await slowPeer({
    never(this: CallContext) {
      this.signal.addEventListener("abort", () => aborted.push(1));
      return new Promise(() => {});
    },
  }, { clock });
  await peer.tell(...all.map((id) => call(id, "never")));
  assertEquals(peer.wire.stats().callsRunning, 1_000);
  peer.wire.abort();
  assert(aborted.length > 9 && aborted.length <= 12);
  assertEquals(peer.wire.stats().callsRunning, 0);
  await peer.end();
  await clock.advance(2_000);
  assertEquals(clock.timers, 0);
});
