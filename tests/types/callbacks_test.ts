/**
 * The types of functions that are passed: a callback may be asynchronous, and
 * gets its arguments as they arrive.
 */

import { assertEquals } from "@std/assert";
import { type RemoteFunction, wirePair } from "../../mod.ts";
import { test } from "../_test.ts";

interface Api {
  each(numbers: number[], cb: (j: number) => string): string[];
  keepalive(on: { line(text: string): number; end?(): void }): number;
  nested(cb: (f: (n: number) => number) => number): number;
  tell(cb: (line: string) => void): void;
}

test("a callback may be asynchronous, by itself and inside data", async () => {
  const [near, far] = wirePair<Api>();
  far.serve({
    async each(numbers, cb) {
      using given: RemoteFunction<(j: number) => string> = cb;
      const texts: string[] = [];
      for (const n of numbers) texts.push(await given(n));
      return texts;
    },
    async keepalive({ line, end }) {
      const length = await line("four");
      await end?.();
      line[Symbol.dispose]();
      end?.[Symbol.dispose]();
      return length;
    },
    async nested(cb) {
      using given = cb;
      return await given((n) => n * 2) + await given(async (n) => await n * 3);
    },
    async tell(cb) {
      using given = cb;
      await given("line");
    },
  });
  const f = near.remoteValue;
  const ended: string[] = [];
  const results = [
    await f.each([1, 2], (j) => j.toFixed()),
    await f.each([3], async (j) => await Promise.resolve(`${j} later`)),
    await f.keepalive({ line: async (text) => await text.length }),
    await f.keepalive({
      line: (text) => text.length,
      end: () => ended.push("!"),
    }),
    // What it gets is at the other end, and is called with a promise.
    await f.nested(async (g) => {
      using given = g;
      const doubled: Promise<number> = given(5);
      return await doubled;
    }),
    // Where nothing is to be returned, anything may be.
    await f.tell((line) => ended.push(line)),
  ];
  assertEquals(results, [["1", "2"], ["3 later"], 4, 4, 25, undefined]);
  assertEquals(ended, ["!", "line"]);
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: a result of another type
    f.each([1], (j) => j);
    // @ts-expect-error: a promise of another type
    f.each([1], async (j) => await j);
    // @ts-expect-error: an argument of another type
    f.each([1], (j: string) => j);
    // @ts-expect-error: at the other end it is asynchronous
    f.nested((g) => g(1) + 1);
    far.serve<Pick<Api, "each">>({
      // @ts-expect-error: what it returns is promised
      each: (numbers, cb) => numbers.map((n) => cb(n)),
    });
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});
