/** What is left of something thrown when it arrives at the other end. */

import { assert, assertEquals } from "@std/assert";
import {
  Refusal,
  RemoteError,
  WireError,
  type WireLimits,
  wirePair,
} from "../../wire/mod.ts";
import { sendable } from "../../wire/rpc/thrown.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";

/** What came of something thrown; nothing is known of it. */
// deno-lint-ignore no-explicit-any -- as said
type Came = any;

/** What arrives of what a function throws, and of what a stream does. */
async function arrives(
  make: () => unknown,
  limits: Partial<WireLimits> = {},
): Promise<Came[]> {
  const [near, far] = wirePair({ limits, onError: () => {} });
  far.serve({
    fail() {
      throw make();
    },
    later: () => Promise.reject(make()),
    async *stream() {
      yield 1;
      throw make();
    },
  });
  const came = [
    await near.remoteValue.fail().catch((e: unknown) => e),
    await near.remoteValue.later().catch((e: unknown) => e),
  ];
  try {
    for await (const _ of await near.remoteValue.stream());
  } catch (error) {
    came.push(error);
  }
  await near.close();
  assertEquals(far.ended?.code, "closed");
  assertEquals(came.length, 3);
  return came;
}

test("the errors of an AggregateError arrive, wherever it stands", async () => {
  const several = () =>
    new AggregateError([new RangeError("one"), "two"], "many", {
      cause: new Error("why"),
    });
  for (const error of await arrives(several)) {
    assert(error instanceof RemoteError);
    assertEquals([error.name, error.message], ["AggregateError", "many"]);
    assertEquals(error.data, undefined);
    const [one, two] = error.errors as [Error, string];
    assert(one instanceof RangeError);
    assertEquals([one.message, two], ["one", "two"]);
    assertEquals((error.cause as Error).message, "why");
  }
  const nested = () =>
    new Error("outer", { cause: new AggregateError([several()], "inner") });
  for (const { cause } of await arrives(nested)) {
    assert(cause instanceof AggregateError);
    assertEquals(cause.errors[0].errors[0].message, "one");
  }
  for (const { errors } of await arrives(() => new Error("none"))) {
    assertEquals(errors, undefined);
  }
});

test("a RemoteError that is passed on keeps its errors", async () => {
  const [remote] = await arrives(() => new AggregateError([1, 2], "many"));
  for (const error of await arrives(() => remote)) {
    assertEquals(error.errors, [1, 2]);
    assertEquals(error.message, "many");
  }
});

test("properties of an error that are named like built-in ones arrive", async () => {
  const odd = (own: object) => () =>
    Object.defineProperties(
      new Error("m"),
      Object.getOwnPropertyDescriptors(own),
    );
  for (const errors of [[{ path: "a" }], { a: "required" }, 5, null]) {
    for (const error of await arrives(odd({ errors, code: "E" }))) {
      assertEquals(error.data, { errors, code: "E" });
    }
  }
  for (const error of await arrives(odd({ name: "Own", message: "own" }))) {
    assertEquals([error.name, error.message], ["Own", "own"]);
  }
  const objects = { name: 42, message: { a: 1 }, stack: 7, cause: "why" };
  for (const error of await arrives(odd({ ...objects, code: "E" }))) {
    assertEquals([error.name, error.message], ["42", "[object Object]"]);
    assertEquals([error.cause, error.data.code], ["why", "E"]);
  }
  const unreadable = {
    name: Object.create(null),
    get message(): string {
      throw new Error("no");
    },
    code: "E",
  };
  for (const error of await arrives(odd(unreadable))) {
    assertEquals(error.name, "Error");
    assert(error.message.includes("not sent"), error.message);
    assertEquals(error.data.code, "E");
  }
  class Caused extends Error {
    // @ts-ignore: a getter in the place of a property, as some classes have it
    get cause(): unknown {
      return "got";
    }
  }
  for (const error of await arrives(() => new Caused("m"))) {
    assertEquals(error.cause, "got");
  }
});

test("a part of an error that cannot be sent loses only itself", async () => {
  for (const error of await arrives(makeUnsendable)) {
    assertEquals([error.name, error.message], ["TypeError", "Request failed"]);
    assertEquals((error.cause as Error).message, "why");
    const { data } = error;
    assertEquals([data.code, data.status, data.big], ["E", 503, 7n]);
    assertEquals(data.config.url, "/x");
    assertEquals(
      data.config.signal,
      "[not sent: an instance of AbortSignal]",
    );
    assertEquals(data.symbol, "[not sent: a symbol]");
    assertEquals(data.base, new URL("http://x/"));
    assertEquals(data.request.res.req, "[not sent: it contains itself]");
    assertEquals(data.half, "\ufffd");
    assertEquals(data.promise, "[not sent: a Promise]");
    assertEquals(data.list[1], "[not sent: a symbol]");
    assertEquals(data.list[2], new Map([["k", "[not sent: a symbol]"]]));
    assertEquals(data.bad, "[not sent: it throws when it is read]");
    assertEquals(data.self, "[not sent: it contains itself]");
    assertEquals(typeof data.f, "function");
  }
});

/** An error with one of everything that cannot be sent. */
function makeUnsendable(): Error {
  const request = { res: {} as Record<string, unknown> };
  request.res["req"] = request;
  const error = Object.assign(
    new TypeError("Request failed", { cause: new Error("why") }),
    {
      code: "E",
      status: 503,
      config: { url: "/x", signal: new AbortController().signal },
      symbol: Symbol("s"),
      base: new URL("http://x/"),
      request,
      half: "\ud800",
      promise: Promise.resolve(1),
      list: [1, Symbol("in a list"), new Map([["k", Symbol("in a map")]])],
      self: undefined as unknown,
      f: () => 7,
      big: 7n,
    },
  );
  error.self = error;
  return Object.defineProperty(error, "bad", {
    enumerable: true,
    get() {
      throw new Error("no");
    },
  });
}

test("a chain of causes is cut where the peer takes no more", async () => {
  const chain = (length: number) => () => {
    let error = new Error("level 0");
    for (let level = 1; level < length; level++) {
      error = new Error(`level ${level}`, { cause: error });
    }
    return Object.assign(error, { code: "E" });
  };
  for (const nesting of [64, 5, 1]) {
    for (const length of [nesting + 1, 80, 10_000]) {
      for (const error of await arrives(chain(length), { nesting })) {
        assertEquals(error.message, `level ${length - 1}`);
        let last: unknown = error;
        let count = 0;
        for (; last instanceof Error; last = last.cause) {
          assertEquals(last.message, `level ${length - 1 - count++}`);
        }
        assert(count >= nesting - 1, `${count} of ${nesting}`);
        assertEquals(last, "[not sent: nested too deeply]");
        if (nesting > 1) assertEquals(error.data, { code: "E" });
      }
    }
  }
});

test("an error that is too large loses what is behind its first parts", async () => {
  const make = () =>
    Object.assign(new RangeError("m".repeat(50)), {
      code: "E",
      body: "x".repeat(5_000_000),
      list: Array(300_000).fill(1),
      status: 7,
    });
  for (const error of await arrives(make)) {
    assertEquals([error.name, error.message], ["RangeError", "m".repeat(50)]);
    assertEquals(error.data.code, "E");
    assert(error.data.body.endsWith("… [not sent: too long]"));
    assertEquals(error.data.list.at(-1), "[not sent: too much]");
  }
});

test("what is no error is thrown with its parts, too", async () => {
  for (const error of await arrives(() => ({ a: 1, s: Symbol() }))) {
    assertEquals(error.data, { a: 1, s: "[not sent: a symbol]" });
  }
  for (const error of await arrives(() => Symbol("s"))) {
    assertEquals(error.data, "[not sent: a symbol]");
  }
});

test("sendable() copies whatever there is in bounded time", () => {
  // Each holds the next one twice: 2^40 ways down.
  let value: unknown = Symbol();
  for (let level = 0; level < 40; level++) value = [value, value];
  const wide = { ...Object.fromEntries([...Array(50_000).keys()].entries()) };
  const limits = resolveLimits({ message: 65_536 });
  for (const odd of [value, wide, new Set(Array(50_000).keys())]) {
    for (const isData of [true, false]) {
      const bytes = encodeValue(sendable(odd, limits, isData), limits);
      assert(bytes.length < 65_536, `${bytes.length}`);
    }
  }
});

test("sendable() leaves references and streams out where asked to", () => {
  const limits = resolveLimits();
  const value = { f: () => 1, s: new ReadableStream(), a: 1 };
  assertEquals((sendable(value, limits, false) as Came).f, value.f);
  assertEquals({ ...sendable(value, limits, true) as object }, {
    f: "[not sent: a function]",
    s: "[not sent: no data]",
    a: 1,
  });
});

test("an item that cannot be sent is a WireError at the consumer", async () => {
  const [near, far] = wirePair({ limits: { nesting: 3 } });
  const items: Record<string, unknown> = {
    unsupportedValue: Symbol(),
    limit: [[[[1]]]],
  };
  far.serve({
    async *items(code: string) {
      yield await 1;
      yield items[code];
    },
    // deno-lint-ignore require-yield -- it refuses before its first item
    async *refuse() {
      throw new Refusal("teapot", "no coffee");
    },
  });
  const take = async (stream: AsyncIterable<unknown>) => {
    const came: Came[] = [];
    try {
      for await (const item of stream) came.push(item);
    } catch (error) {
      came.push(error);
    }
    return came;
  };
  for (const code of Object.keys(items)) {
    const [one, error] = await take(await near.remoteValue.items(code));
    assertEquals(one, 1);
    assert(error instanceof WireError);
    assertEquals(error.code, code);
    assert(error.message.startsWith("An item of a stream could not be sent"));
  }
  const [refused] = await take(await near.remoteValue.refuse());
  assert(refused instanceof WireError);
  assertEquals([refused.code, refused.message], ["teapot", "no coffee"]);
  assertEquals(near.stats().streamsReceiving, 0);
  await near.close();
});

test("Refusal keeps whatever code it was made with", async () => {
  const [near, far] = wirePair();
  far.serve({
    refuse(code: string) {
      throw new Refusal(code, "no");
    },
    use: (value: unknown) => value,
  });
  for (const code of ["teapot", "limit", "", "x".repeat(3_000)]) {
    const error: Came = await near.remoteValue.refuse(code)
      .catch((e: unknown) => e);
    assert(error instanceof WireError);
    assertEquals(error.code, code.slice(0, 1_000));
    // Also where another call needs its result.
    const first = near.remoteValue.refuse(code);
    const second = await near.remoteValue.use(first).catch((e: unknown) => e);
    assertEquals((second as WireError).code, code.slice(0, 1_000));
  }
  await near.close();
});
