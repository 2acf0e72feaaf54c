/**
 * What can be sent: the type checker and the run time say the same of every
 * kind of value, in arguments and in results, at any depth.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  type RemoteObject,
  type Values,
  values,
  WireError,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";

/** A class that TypeScript tells from an interface, by its private member. */
class Sealed {
  #secret = 1;
  open(): number {
    return this.#secret;
  }
}

/** One that it does not. */
class Plain {
  label = "plain";
}

interface Refused {
  symbol(x: symbol): void;
  regexp(x: RegExp): void;
  promise(x: Promise<number>): void;
  inData(x: { list: [Promise<number>] }): void;
  weakMap(x: WeakMap<object, number>): void;
  weakSet(x: WeakSet<object>): void;
  weakRef(x: { ref: WeakRef<object> }): void;
  generator(x: Generator<number>): void;
  iterator(x: MapIterator<number>): void;
  several(x: Values<[number, string]>): void;
  query(x: URLSearchParams): void;
  headers(x: Headers): void;
  form(x: FormData): void;
  blob(x: Blob): void;
  request(x: Request): void;
  response(x: Response): void;
  signal(x: AbortSignal): void;
  controller(x: AbortController): void;
  target(x: EventTarget): void;
  writable(x: WritableStream<string>): void;
  shared(x: SharedArrayBuffer): void;
  sealed(x: Sealed): void;
  inMap(x: Map<string, RegExp>): void;
  inSet(x: Set<symbol>): void;
  inTuple(x: [number, ...symbol[]]): void;
  inUnion(x: Date | RegExp): void;
  inStream(x: AsyncIterable<symbol>): void;
  inOption(x: { at?: RegExp }): void;
}

/** Such values, by the same names. */
const refused: { [K in keyof Refused]: Parameters<Refused[K]>[0] } = {
  symbol: Symbol("s"),
  regexp: /x/,
  promise: Promise.resolve(1),
  inData: { list: [Promise.resolve(1)] },
  weakMap: new WeakMap(),
  weakSet: new WeakSet(),
  weakRef: { ref: new WeakRef({}) },
  generator: (function* () {
    yield 1;
  })(),
  iterator: new Map<string, number>().values(),
  several: values(1, "x"),
  query: new URLSearchParams("a=1"),
  headers: new Headers(),
  form: new FormData(),
  blob: new Blob(),
  request: new Request("https://deno.land"),
  response: new Response(),
  signal: AbortSignal.abort(),
  controller: new AbortController(),
  target: new EventTarget(),
  writable: new WritableStream(),
  shared: new SharedArrayBuffer(1),
  sealed: new Sealed(),
  inMap: new Map([["a", /x/]]),
  inSet: new Set([Symbol("s")]),
  inTuple: [1, Symbol("s")],
  inUnion: /x/,
  inStream: (async function* () {
    yield await Promise.resolve(Symbol("s"));
  })(),
  inOption: { at: /x/ },
};

test("what the type checker refuses to send, the run time refuses", async () => {
  const [near, far] = wirePair({ onError() {} }, { onError() {} });
  far.serve({
    async take(value: unknown) {
      const isStream = Symbol.asyncIterator in Object(value);
      if (isStream) { for await (const _ of value as AsyncIterable<unknown>); }
    },
    give: (name: keyof Refused) => refused[name],
  });
  for (const [name, value] of Object.entries(refused)) {
    // The names of data that fail where they are read, not where they are sent.
    if (name === "inStream") continue;
    const error = await near.remoteValue.take(value).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert(error instanceof WireError, `${name} was sent`);
    assertEquals((error as WireError).code, "unsupportedValue", name);
    // A result that is a promise is awaited, and one of several values taken
    // apart: both are what a whole result may be.
    if (name === "promise" || name === "several") continue;
    const given = await near.remoteValue.give(name).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert(given instanceof WireError, `${name} was given`);
    assertEquals((given as WireError).code, "unsupportedValue", name);
  }
  const failed = await near.remoteValue.take(refused.inStream)
    .then(() => "sent", () => "failed");
  assertEquals(failed, "failed");
  await Promise.all([near.close(), far.close()]);
});

test("what cannot be sent is refused as an argument", async () => {
  const [near, far] = wirePair<Refused>();
  // Checked, but not run.
  const calls = () => {
    const f = near.remoteValue;
    // @ts-expect-error: a symbol
    f.symbol(refused.symbol);
    // @ts-expect-error: a RegExp
    f.regexp(refused.regexp);
    // @ts-expect-error: a promise that is no call's
    f.promise(refused.promise);
    // @ts-expect-error: a promise inside data
    f.inData({ list: [Promise.resolve(1)] });
    // @ts-expect-error: held weakly
    f.weakMap(refused.weakMap);
    // @ts-expect-error: held weakly
    f.weakSet(refused.weakSet);
    // @ts-expect-error: held weakly, inside data
    f.weakRef(refused.weakRef);
    // @ts-expect-error: a generator
    f.generator(refused.generator);
    // @ts-expect-error: an iterator
    f.iterator(refused.iterator);
    // @ts-expect-error: several values are a result
    f.several(values(1, "x"));
    // @ts-expect-error: looks like a Map
    f.query(refused.query);
    // @ts-expect-error: looks like a Map
    f.headers(refused.headers);
    // @ts-expect-error: looks like a Map
    f.form(refused.form);
    // @ts-expect-error: a Blob
    f.blob(refused.blob);
    // @ts-expect-error: a Request
    f.request(refused.request);
    // @ts-expect-error: a Response
    f.response(refused.response);
    // @ts-expect-error: a signal
    f.signal(refused.signal);
    // @ts-expect-error: a controller
    f.controller(refused.controller);
    // @ts-expect-error: an event target
    f.target(refused.target);
    // @ts-expect-error: a stream to be written to
    f.writable(refused.writable);
    // @ts-expect-error: shared memory
    f.shared(refused.shared);
    // @ts-expect-error: an instance of a class
    f.sealed(new Sealed());
    // @ts-expect-error: the values of a Map
    f.inMap(refused.inMap);
    // @ts-expect-error: the items of a Set
    f.inSet(refused.inSet);
    // @ts-expect-error: the rest of a tuple
    f.inTuple([1, Symbol("s")]);
    // @ts-expect-error: one of several types
    f.inUnion(/x/);
    // @ts-expect-error: the items of a stream
    f.inStream(refused.inStream);
    // @ts-expect-error: a property that may be left out
    f.inOption({ at: /x/ });
    // @ts-expect-error: one way, too
    near.remote.regexp(/x/);
    // @ts-expect-error: for all values, too
    near.remoteValues.regexp(/x/);
    // @ts-expect-error: as a typed message, too
    near.outputObject({ at: /x/ });
    // What is left can be sent.
    f.inUnion(new Date());
    f.inOption({});
    f.inTuple([1]);
    near.outputObject({ at: new Date(), what: [1, "x"] as const });
  };
  assertEquals(typeof calls, "function");
  await Promise.all([near.close(), far.close()]);
});

interface Results {
  symbol(): symbol;
  later(): Promise<RegExp>;
  inData(): { list: { at: RegExp }[] };
  several(): Values<[number, RegExp]>;
  stream(): AsyncIterable<WeakRef<object>>;
  sealed(): Sealed;
  fine(): { list: string[] };
  maker(): () => symbol;
}

test("what cannot be sent is refused as a result, at both ends", async () => {
  const [near, far] = wirePair<Results>();
  // Checked, but not run.
  const calls = async () => {
    const f = near.remoteValue;
    // @ts-expect-error: a symbol
    await f.symbol();
    // @ts-expect-error: a RegExp that is promised
    await f.later();
    // @ts-expect-error: a RegExp inside data
    await f.inData();
    // @ts-expect-error: one of several values
    await near.remoteValues.several();
    // @ts-expect-error: an item of a stream
    await f.stream();
    // @ts-expect-error: an instance of a class
    await f.sealed();
    const make = await f.maker();
    // @ts-expect-error: what a function gives that came
    await make();
    // One way there is no result.
    await near.remote.symbol();
    // An object with a list is no list of values.
    const list: string[] = (await f.fine()).list;
    return list;
  };
  const serving = () => {
    type Served = Pick<Results, "symbol">;
    // @ts-expect-error: a symbol
    far.serve<Served>({ symbol: () => Symbol("s") });
    // @ts-expect-error: a symbol that is promised
    far.serve<Served>({ symbol: () => Promise.resolve(Symbol("s")) });
    far.serve<Pick<Results, "inData">>({
      // @ts-expect-error: a RegExp inside data
      inData: () => ({ list: [{ at: /x/ }] }),
    });
    // @ts-expect-error: one of several values
    far.serve<Pick<Results, "several">>({ several: () => values(1, /x/) });
    // @ts-expect-error: an instance of a class
    far.serve<Pick<Results, "sealed">>({ sealed: () => new Sealed() });
    far.serve<Pick<Results, "fine">>({ fine: () => ({ list: ["a"] }) });
  };
  assertEquals([typeof calls, typeof serving], ["function", "function"]);
  await Promise.all([near.close(), far.close()]);
});

interface Sent {
  data(x: { at: Date; deep?: { map: Map<string, Set<bigint>> } }): string;
  bytes(x: Uint8Array | ArrayBuffer): number;
  method(x: { label: string; read(from: number): string }): string;
  shop(x: typeof Plain): string;
  object(x: RemoteObject<Sealed>): number;
  items(x: Iterable<number>): number;
  stream(x: AsyncIterable<number>): number;
  anything(x: unknown, y: object): string;
  error(x: Error): string;
  plain(x: Plain): string;
}

test("what the type checker lets be sent arrives as it says", async () => {
  const [near, far] = wirePair<Sent>();
  far.serve({
    data: ({ at, deep }) => `${at.getTime()} ${deep?.map.get("a")?.size}`,
    bytes: (x) => x.byteLength,
    async method({ label, read }) {
      using given = read;
      return `${label} ${await given(3)}`;
    },
    shop(x) {
      using given = x;
      return typeof given;
    },
    async object(x) {
      using given = x;
      return await given.remoteValue.open();
    },
    items: (x) => [...x].length,
    async stream(x) {
      let sum = 0;
      for await (const item of x) sum += item;
      return sum;
    },
    anything: (x, y) => `${x} ${JSON.stringify(y)}`,
    error: (x) => x.message,
    plain: (x) => x.label,
  });
  const f = near.remoteValue;
  const map = new Map([["a", new Set([1n])]]);
  const results = [
    await f.data({ at: new Date(7), deep: { map } }),
    await f.bytes(new Uint8Array(3)),
    await f.method({ label: "x", read: (from) => `from ${from.toFixed()}` }),
    await f.shop(Plain),
    await f.object(makeRemoteObject(new Sealed())),
    await f.items([1, 2]) + await f.items(new Set([3])),
    await f.stream(ReadableStream.from([1, 2, 3])),
    await f.anything(null, { a: 1 }),
    await f.error(new TypeError("wrong")),
    await f.plain({ label: "as data" }),
  ];
  assertEquals(results, [
    "7 1",
    3,
    "x from 3",
    "function",
    1,
    3,
    6,
    'null {"a":1}',
    "wrong",
    "as data",
  ]);
  // Here TypeScript cannot tell: the class looks like its interface.
  const error = await f.plain(new Plain()).then(
    () => undefined,
    (error: unknown) => error as WireError,
  );
  assertEquals(error?.code, "unsupportedValue");
  await Promise.all([near.close(), far.close()]);
});
