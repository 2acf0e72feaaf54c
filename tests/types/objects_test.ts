/**
 * The types of what passes other than as a copy: how it looks to the side that
 * passes it, and to the side that gets it.
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  makeRemoteObject,
  type Received,
  type RemoteFunction,
  type RemoteObject,
  type RemotePromise,
  type RemoteStream,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function holds<T extends true>(): T | void {}

class LogFile {
  read(from: number): string {
    return `from ${from}`;
  }
}

interface Entry {
  readonly at: Date;
  note?: string;
  tags: string[];
}

interface Logs {
  open(path: string): RemoteObject<LogFile>;
  subscribe(onLine: (line: string, n: number) => void): () => boolean;
  follow(path: string): AsyncIterable<Entry>;
  upload(body: AsyncIterable<Uint8Array>): number;
  entries(): Entry[];
  add(a: number, b: number): number;
}

test("Received knows how each type arrives", () => {
  holds<Same<Received<Entry[]>, Entry[]>>();
  holds<Same<Received<unknown>, unknown>>();
  // deno-lint-ignore no-explicit-any -- any stays any
  holds<Same<Received<any>, any>>();
  holds<Same<Received<Date | string>, Date | string>>();
  holds<Same<Received<() => void>, RemoteFunction<() => void>>>();
  holds<
    Same<Received<{ then: () => void }>, { then: RemoteObject<() => void> }>
  >();
  holds<Same<Received<AsyncIterable<number>>, RemoteStream<number>>>();
  holds<Same<Received<ReadableStream<string>>, RemoteStream<string>>>();
  holds<Same<Received<RemoteObject<LogFile>>, RemoteObject<LogFile>>>();
  holds<Same<Received<Uint8Array>, Uint8Array>>();
  holds<Same<Received<Set<() => 1>>, Set<RemoteFunction<() => 1>>>>();
  holds<Same<Received<[number, string?]>, [number, string?]>>();
  assertEquals(holds.length, 0);
});

test("objects, functions, streams and results are typed at both ends", async () => {
  const [near, far] = wirePair<Logs>();
  far.serve<Logs>({
    open: () => makeRemoteObject(new LogFile()),
    subscribe(this: CallContext, onLine) {
      const sent: RemotePromise<void> = onLine("first", 1);
      sent.then(() => onLine[Symbol.dispose]());
      return () => true;
    },
    async *follow(path) {
      yield await { at: new Date(0), tags: [path] };
    },
    async upload(body) {
      const stream: RemoteStream<Uint8Array> = body;
      let size = 0;
      for await (const part of stream.readable) size += part.length;
      return size;
    },
    entries: () => [],
    add: (a, b) => a + b,
  });
  const lines: string[] = [];
  using unsubscribe = await near.remoteValue.subscribe((line, n) => {
    lines.push(`${line} ${n.toFixed()}`);
  });
  const unsubscribed: boolean = await unsubscribe();
  using file = await near.remoteValue.open("a");
  const text: string = await file.remoteValue.read(3);
  const piped: string = await near.remoteValue.open("a").remoteValue.read(4);
  const sum: number = await near.remoteValue.add(
    near.remoteValue.add(1, 2),
    4,
  );
  const days: number[] = [];
  for await (const { at } of await near.remoteValue.follow("p")) {
    days.push(at.getTime());
  }
  const size: number = await near.remoteValue.upload(
    ReadableStream.from([new Uint8Array(5)]),
  );
  assertEquals(
    [lines, unsubscribed, text, piped, sum, days, size],
    [["first 1"], true, "from 3", "from 4", 7, [0], 5],
  );
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: a number is no remote object
    near.remoteValue.add(1, 2).remoteValue.read(1);
    // @ts-expect-error: the object has no such function
    file.remoteValue.write("x");
    // @ts-expect-error: an argument of another type
    file.remoteValue.read("x");
    // @ts-expect-error: the result of another type
    near.remoteValue.add(near.remoteValue.open("a"), 1);
    // @ts-expect-error: a result to come is no argument of a one-way call
    near.remote.add(near.remoteValue.add(1, 2), 1);
    // @ts-expect-error: a class instance has to be marked
    far.serve<{ open(): RemoteObject<LogFile> }>({ open: () => new LogFile() });
  };
  assertEquals(typeof refused, "function");
  near.abort();
  await far.closed;
});

interface Tree {
  value: number;
  children?: Tree[];
}

interface Arithmetic {
  count(): number;
  pair(): [number, string];
  node(): Tree;
  sum(all: {
    list: number[];
    named: Record<string, number>;
    map: Map<string, number>;
    pair: [number, string];
    more?: { deep: number | string }[];
  }): number;
  depth(tree: Tree): number;
  each(options: { numbers: number[]; on: (n: number) => void }): void;
  any(value: unknown): string;
  add(a: number, b: number): number;
  unique(all: Set<number>): number;
}

test("results that are not there yet are typed inside data", async () => {
  const [near, far] = wirePair<Arithmetic>();
  const depth = ({ children = [] }: Tree): number =>
    1 + Math.max(0, ...children.map(depth));
  far.serve({
    count: () => 1,
    pair: () => [2, "two"],
    node: () => ({ value: 1, children: [{ value: 2 }] }),
    sum({ list, named, map, pair, more = [] }) {
      const all = [...list, ...Object.values(named), ...map.values(), pair[0]];
      const deep = more.map(({ deep }) => Number(deep));
      return [...all, ...deep].reduce((a, b) => a + b, 0);
    },
    depth,
    each({ numbers, on }) {
      using given = on;
      for (const n of numbers) void given(n);
    },
    any: (value) => JSON.stringify(value),
    add: (a, b) => a + b,
    unique: (all) => all.size,
  });
  const { remoteValue: f } = near;
  const seen: number[] = [];
  const results: [number, number, number, string] = [
    await f.sum({
      list: [f.count(), 1],
      named: { a: f.count() },
      map: new Map([["b", f.count()]]),
      pair: f.pair(),
      more: [{ deep: f.count() }, { deep: "1" }],
    }),
    await f.sum({
      list: [],
      named: {},
      map: new Map(),
      pair: [f.count(), "one"],
    }),
    await f.depth({ value: f.count(), children: [f.node(), { value: 1 }] }),
    await f.any({ n: f.count() }),
  ];
  await f.each({ numbers: [f.count()], on: (n) => void seen.push(n) });
  assertEquals(results, [8, 1, 3, '{"n":1}']);
  assertEquals(seen, [1]);
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: a result of another type
    f.depth({ value: f.pair() });
    // @ts-expect-error: the same, further inside
    f.depth({ value: 1, children: [{ value: f.pair() }] });
    // @ts-expect-error: a promise of one's own
    f.depth({ value: Promise.resolve(1) });
    // @ts-expect-error: not in a Set, where it might be there twice
    f.unique(new Set([f.count()]));
    // @ts-expect-error: no answer comes that the call could be made again with
    near.remote.depth({ value: f.count() });
    // @ts-expect-error: no such property
    f.depth({ value: f.count(), child: [] });
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});
