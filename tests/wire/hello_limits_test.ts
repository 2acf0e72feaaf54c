/**
 * Calls that were made before the peer's hello, and are over what that tells:
 * each fails alone, and leaves nothing behind.
 */

import { assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  type RemoteFunction,
  type RemoteStream,
  type Wire,
  WireError,
  type WireLimits,
  wirePair,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** What a call came to: its value, or the code of its failure. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error instanceof WireError ? error.code : error;
  }
}

/** Two ends, the second of which takes little. */
function narrow(limits: Partial<WireLimits>): [Wire, Wire] {
  const [near, far] = wirePair({ onError() {} }, { limits, onError() {} });
  far.serve({
    add: (a: number, b: number) => a + b,
    async count(stream: RemoteStream<unknown>) {
      let count = 0;
      for await (const _ of stream) count++;
      return count;
    },
    async call(f: RemoteFunction<() => number>) {
      try {
        return await f();
      } finally {
        f[Symbol.dispose]();
      }
    },
  });
  return [near, far];
}

/** A stream that says when it has ended. */
async function* items(ended: string[], name: string): AsyncGenerator<number> {
  try {
    yield 1;
    yield 2;
  } finally {
    ended.push(name);
  }
}

/** Nothing is left of what was passed by reference or streamed. */
async function assertClean(...wires: Wire[]): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settle();
  for (const wire of wires) {
    const stats = wire.stats();
    assertEquals([
      stats.objectsExported,
      stats.objectsImported,
      stats.streamsSending,
      stats.streamsReceiving,
      stats.callsPending,
      stats.callsRunning,
    ], [0, 0, 0, 0, 0, 0]);
  }
}

test("streams before the hello beyond those that the peer takes fail their calls alone", async () => {
  const [near, far] = narrow({ streams: 2 });
  const ended: string[] = [];
  const calls = ["a", "b", "c", "d"].map((name) =>
    outcome(near.remoteValue.count(items(ended, name)))
  );
  const sum = near.remoteValue.add(40, 2);
  assertEquals(await Promise.all(calls), [2, 2, "limit", "limit"]);
  assertEquals(await sum, 42);
  assertEquals(ended.sort(), ["a", "b"], "those of the others never began");
  await assertClean(near, far);
  assertEquals(await near.remoteValue.count(items(ended, "e")), 2);
  await near.close();
});

test("references before the hello beyond those that the peer takes fail their calls alone", async () => {
  const [near, far] = narrow({ objects: 2 });
  const shared = () => 7;
  const calls = [shared, () => 1, shared, () => 2].map((f) =>
    outcome(near.remoteValue.call(f))
  );
  const sum = near.remoteValue.add(40, 2);
  assertEquals(await Promise.all(calls), [7, 1, 7, "limit"]);
  assertEquals(await sum, 42);
  await assertClean(near, far);
  await near.close();
});

for (const limits of [{ values: 2 }, { nesting: 1 }, { bigint: 1 }]) {
  const [name] = Object.keys(limits);
  test(`attachments behind a value over "${name}" are released`, async () => {
    const [near, far] = narrow(limits);
    const ended: string[] = [];
    const over = { a: [{ b: [1, 2, 3] }], big: 2n ** 64n };
    const f = () => 1;
    const attachments = () => [
      over,
      "text",
      new Map([["x", new Error("y", { cause: [new Date(0), 1.5, 2n] })]]),
      Uint8Array.of(1, 2),
      new Float64Array(1),
      { then: f, f },
      items(ended, "in front"),
      makeRemoteObject({ g() {} }),
      [items(ended, "within"), f],
      new Set([f]),
    ];
    // Before the hello the limits are a guess, and nothing is refused here.
    const call = outcome(near.remoteValue.add(...attachments()));
    const values = outcome(near.remoteValues.add(...attachments()));
    near.remote.add(...attachments());
    near.outputObject(attachments());
    assertEquals(await call, "limit");
    assertEquals(await values, "limit");
    assertEquals(await outcome(far.getObject()), "limit");
    assertEquals(await near.remoteValue.add(40, 2), 42);
    await assertClean(near, far);
    await near.close();
  });
}

test("a peer that says it takes any number of objects and streams gets as many as this side allows", async () => {
  const [near, far] = wirePair(
    { limits: { objects: 2 ** 31 - 1, streams: 2 ** 31 - 1 }, onError() {} },
    { limits: { objects: 3, streams: 2 }, onError() {} },
  );
  far.serve({
    object: () => makeRemoteObject({}),
    stream: () => items([], "x"),
  });
  const kept: unknown[] = [];
  for (const [name, most] of [["object", 3], ["stream", 2]] as const) {
    for (let count = 0; count < most; count++) {
      kept.push(await near.remoteValue[name]!());
    }
    assertEquals(await outcome(near.remoteValue[name]!()), "limit");
  }
  assertEquals(kept.length, 5);
  near.abort();
  await far.closed;
});
