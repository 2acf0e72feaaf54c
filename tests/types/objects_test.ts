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
