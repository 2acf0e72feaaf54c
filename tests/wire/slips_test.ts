/**
 * Slips of served functions that must cost their own call alone: a promise that
 * nobody awaited, a stream whose steps are none, a refusal with an odd code.
 */

import { assertEquals } from "@std/assert";
import { Refusal, values, type Wire, wirePair } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { unhandledIn } from "./_unhandled.ts";

/** Rejects, later. */
async function load(): Promise<never> {
  await undefined;
  throw new Error("no such user");
}

/** Two ends of a wire, and a call that is to go on. */
async function withWires(
  work: (near: Wire, far: Wire) => Promise<unknown>,
): Promise<void> {
  const [near, far] = wirePair({ onError() {} }, { onError() {} });
  far.serve({ add: (a: number, b: number) => a + b });
  const found = await unhandledIn(async () => {
    await work(near, far);
    assertEquals(await near.remoteValue.add(40, 2), 42);
  });
  assertEquals(found, []);
  await near.close();
}

/** Where a promise may stand that somebody forgot to await. */
const FORGOTTEN: Record<string, () => unknown> = {
  "a property of a result": () => ({ user: load() }),
  "a list": () => [load(), load()],
  "a key of a Map": () => new Map([[load(), 1]]),
  "an item of a Set": () => new Set([1, load()]),
  "the cause of an error": () => new Error("x", { cause: load() }),
};

for (const [what, make] of Object.entries(FORGOTTEN)) {
  test(`a promise as ${what} fails what holds it, and may reject`, async () => {
    await withWires(async (near, far) => {
      far.serve({
        give: make,
        throws() {
          throw new Error("y", { cause: make() });
        },
        async *stream() {
          yield make();
        },
        take() {},
      });
      const code = async (call: Promise<unknown>) =>
        (await failure(call) as { code?: string }).code;
      assertEquals(await code(near.remoteValue.give()), "unsupportedValue");
      await failure(near.remoteValue.throws());
      const stream = await near.remoteValue.stream();
      const next = stream[Symbol.asyncIterator]().next();
      assertEquals(await code(next), "unsupportedValue");
      const call = near.remoteValue.take(make());
      assertEquals(await code(call), "unsupportedValue");
      near.remote.take(make());
      near.outputObject(make());
    });
  });
}

test("a promise among values() that are not asked for may reject", async () => {
  await withWires(async (near, far) => {
    far.serve({ both: () => values(1, load()) });
    assertEquals(await near.remoteValue.both(), 1);
  });
});

test("a stream among values() that are not asked for is ended", async () => {
  await withWires(async (near, far) => {
    let isCancelled = false;
    const stream = new ReadableStream({
      cancel: () => void (isCancelled = true),
    });
    far.serve({ both: () => values(1, stream) });
    assertEquals(await near.remoteValue.both(), 1);
    assertEquals(isCancelled, true);
  });
});

/** What an iterator may give in the place of a step. */
const STEPS: Record<string, () => unknown> = {
  "undefined": () => undefined,
  "null": () => null,
  "an object whose getter done throws": () => ({
    get done(): boolean {
      throw new Error("odd");
    },
  }),
  "an object whose getter value throws": () => ({
    done: false,
    get value(): unknown {
      throw new Error("odd");
    },
  }),
};

for (const [what, next] of Object.entries(STEPS)) {
  test(`a stream whose step is ${what} fails alone`, async () => {
    await withWires(async (near, far) => {
      let isStopped = false;
      far.serve({
        each: () => ({
          [Symbol.asyncIterator]: () => ({
            next,
            return: () => void (isStopped = true),
          }),
        }),
      });
      const stream = await near.remoteValue.each();
      const error = await failure(stream[Symbol.asyncIterator]().next());
      assertEquals((error as { code?: string }).code, "unsupportedValue");
      assertEquals(isStopped, true);
    });
  });
}

for (const code of [404, undefined, null, { a: 1 }, Symbol("odd")]) {
  const odd = () => {
    throw new Refusal(code as unknown as string, "not for you");
  };
  test(`a Refusal whose code is ${String(code)} fails its call alone`, async () => {
    await withWires(async (near, far) => {
      far.serve({
        odd,
        later: () => Promise.resolve().then(odd),
        async *stream() {
          yield odd();
        },
      });
      for (const name of ["odd", "later"]) {
        const { message } = await failure(near.remoteValue[name]!());
        assertEquals(message, "not for you");
      }
      const stream = await near.remoteValue.stream();
      const { message } = await failure(
        stream[Symbol.asyncIterator]().next(),
      );
      assertEquals(message, "not for you");
    });
  });
}
