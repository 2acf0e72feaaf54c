/**
 * Values that change while they are sent, or say something else of themselves
 * than is true: what is announced is what is written, or that message fails by
 * itself.
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  decodeValue,
  encodeValue,
  type RemoteError,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { carriesStream, endStreams } from "../../wire/codec/passing.ts";
import { sendable } from "../../wire/rpc/thrown.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";

// deno-lint-ignore no-explicit-any -- whatever a wire of nothing known has
type Any = any;

/** More than a frame holds: it is not copied while it is encoded. */
const LARGE = 100_000;

function detached(bytes = new Uint8Array(8)): Uint8Array {
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

/** Bytes that are taken away, or become fewer, while what follows is read. */
function losing(size: number, lose: (buffer: ArrayBuffer) => void): object {
  const buffer = new ArrayBuffer(size, { maxByteLength: size * 2 });
  return [new Uint8Array(buffer), {
    get later() {
      lose(buffer);
      return 1;
    },
  }];
}

function take(buffer: ArrayBuffer): void {
  structuredClone(buffer, { transfer: [buffer] });
}

function changingMap(change: (map: Map<unknown, unknown>) => void): object {
  const map: Map<unknown, unknown> = new Map<unknown, unknown>([[1, {
    get a() {
      change(map);
      return 1;
    },
  }], [2, 2]]);
  return map;
}

function changingSet(change: (set: Set<unknown>) => void): object {
  const set: Set<unknown> = new Set<unknown>([{
    get a() {
      change(set);
      return 1;
    },
  }, 2]);
  return set;
}

function listOf(length: unknown): unknown[] {
  return new Proxy([1, 2], {
    get: (target, key) => key === "length" ? length : Reflect.get(target, key),
  });
}

class Odd<T> extends Set<T> {
  #size: number;

  constructor(items: T[], size: number) {
    super(items);
    this.#size = size;
  }

  override get size(): number {
    return this.#size;
  }
}

/** They cannot be sent. */
const FAILING: Record<string, () => unknown> = {
  "a list of text length": () => listOf("many"),
  "a list of two and a half": () => listOf(2.5),
  "a list of less than nothing": () => listOf(-1),
  "a list without a length": () => listOf(undefined),
  "a list without an end": () => listOf(2 ** 40),
  "a Map that grows": () => changingMap((map) => map.set({}, 1)),
  "a Map that shrinks": () => changingMap((map) => map.delete(2)),
  "a Set that grows": () => changingSet((set) => set.add({})),
  "a Set that shrinks": () => changingSet((set) => set.delete(2)),
  "a Set that claims more": () => new Odd([1, 2], 3),
  "a Set that claims fewer": () => new Odd([1, 2], 1),
  "a Set of half an item": () => new Odd([1, 2], 1.5),
  "a Map of half an item": () =>
    Object.defineProperty(new Map([[1, 2]]), "size", { value: 1.5 }),
  "a Set without an end": () => {
    const set = new Set([1]);
    set[Symbol.iterator] = function* () {
      for (;;) yield 1;
    } as Any;
    return set;
  },
  "bytes that are gone": () => detached(),
  "numbers that are gone": () => {
    const numbers = new Float64Array(8);
    detached(new Uint8Array(numbers.buffer));
    return numbers;
  },
  "a view that is gone": () => {
    const view = new DataView(new ArrayBuffer(8));
    detached(new Uint8Array(view.buffer));
    return view;
  },
  "large bytes that go": () => losing(LARGE, take),
  "large bytes that shrink": () => losing(LARGE, (b) => b.resize(10)),
  "what poses as a Date": () => Object.create(Date.prototype),
  "what poses as a buffer": () => Object.create(ArrayBuffer.prototype),
  "a proxy that poses as a Date": () =>
    new Proxy({}, { getPrototypeOf: () => Date.prototype }),
};

/** They arrive as what is in them. */
const ARRIVING: Record<string, [() => unknown, unknown]> = {
  "a list that grows": [() => {
    const list: unknown[] = [{
      get a() {
        list.push(3);
        return 1;
      },
    }, 2];
    return list;
  }, [{ a: 1 }, 2]],
  "a list that shrinks": [() => {
    const list: unknown[] = [{
      get a() {
        list.length = 1;
        return 1;
      },
    }, 2];
    return list;
  }, [{ a: 1 }, undefined]],
  "an object that loses a key": [() => {
    const object: Record<string, unknown> = {
      get a() {
        delete object.b;
        object.c = 1;
        return 1;
      },
      b: 2,
    };
    return object;
  }, { a: 1, b: undefined }],
  "bytes that claim to be more": [
    () => Object.defineProperty(new Uint8Array(2), "length", { value: 9 }),
    new Uint8Array(2),
  ],
  "bytes of another length": [
    () => Object.defineProperty(new Uint8Array(2), "byteLength", { value: 1 }),
    new Uint8Array(2),
  ],
  "bytes of an odd class": [() => {
    class Mine extends Uint8Array {
      override get length() {
        return 1;
      }
      override get byteLength() {
        return 50;
      }
      override get byteOffset() {
        return 7;
      }
    }
    return new Mine(2);
  }, new Uint8Array(2)],
  "large bytes of an odd class": [() => {
    class Mine extends Uint8Array {
      override subarray(): Any {
        return new Uint8Array(1);
      }
      override get length() {
        return 5;
      }
    }
    return new Mine(LARGE);
  }, new Uint8Array(LARGE)],
  "numbers of an odd length": [
    () =>
      Object.defineProperty(new Float64Array([1, 2]), "byteLength", {
        value: 9,
      }),
    new Float64Array([1, 2]),
  ],
  "large bytes that grow": [
    () => losing(LARGE, (buffer) => buffer.resize(LARGE * 2)),
    [new Uint8Array(LARGE), { later: 1 }],
  ],
  "a Date of an odd class": [() => {
    class Mine extends Date {
      override getTime(): Any {
        return { valueOf: () => 5 };
      }
    }
    return new Mine(1_000);
  }, new Date(1_000)],
};

function pair(near: WireOptions = {}, far: WireOptions = {}) {
  const quiet = { onError() {} };
  const [here, there] = wirePair({ ...quiet, ...near }, { ...quiet, ...far });
  return { near: here, far: there };
}

/** The ways of a value to the other side, each with what comes of it. */
const WAYS: Record<string, (make: () => unknown) => Promise<unknown>> = {
  async argument(make) {
    const { near, far } = pair();
    far.serve({ echo: (...args) => args[1] });
    const other = near.remoteValue.echo(0, "other");
    const sent = near.remoteValue.echo("first", make(), { last: "x" });
    const result = await sent.catch((error: unknown) => error);
    assertEquals(await near.remoteValue.echo(0, [1]), [1]);
    assertEquals(await other, "other");
    await Promise.all([near.close(), far.closed]);
    return result;
  },
  async result(make) {
    const { near, far } = pair();
    far.serve({ make: () => ({ in: [make()] }), fine: () => [1] });
    const sent = near.remoteValue.make() as Promise<{ in: unknown[] }>;
    const result = await sent.then((value) => value.in[0], (error) => error);
    assertEquals(await near.remoteValue.fine(), [1]);
    await Promise.all([near.close(), far.closed]);
    return result;
  },
  async "message before the peer is there"(make) {
    const { near, far } = pair();
    const sent = near.outputObject([make()]).then(() => far.getObject());
    const result = await sent.then((list) => (list as unknown[])[0], (e) => e);
    await near.outputObject("next");
    assertEquals(await far.getObject(), "next");
    await Promise.all([near.close(), far.closed]);
    return result;
  },
  async item(make) {
    const { near, far } = pair();
    far.serve({
      async *items() {
        yield 1;
        yield make();
      },
    });
    const items = await near.remoteValue.items() as AsyncIterable<unknown>;
    const all: unknown[] = [];
    const error = await (async () => {
      for await (const item of items) all.push(item);
    })().catch((error) => error);
    await Promise.all([near.close(), far.closed]);
    return error ?? all[1];
  },
};

for (const [way, send] of Object.entries(WAYS)) {
  test(`values that change fail by themselves as ${way}`, async () => {
    for (const [what, make] of Object.entries(FAILING)) {
      const error = await send(make) as WireError;
      assertInstanceOf(error, WireError, what);
      const codes = what.includes("without an end")
        ? ["limit", "unsupportedValue"]
        : ["unsupportedValue"];
      assert(codes.includes(error.code), `${what}: ${error}`);
    }
  });

  test(`values that change arrive as they were, as ${way}`, async () => {
    for (const [what, [make, expected]] of Object.entries(ARRIVING)) {
      const got = await send(make);
      const isBytes = expected instanceof Uint8Array;
      // Bytes that are an item by themselves come in parts.
      if (way === "item" && isBytes && expected.length === LARGE) continue;
      assertEquals(got, expected, what);
    }
  });
}

test("a stream of bytes ends where its bytes go away meanwhile", async () => {
  const { near, far } = pair();
  const bytes = new Uint8Array(1_000_000);
  far.serve({
    async *bytes() {
      yield bytes;
    },
  });
  const items = await near.remoteValue.bytes() as AsyncIterable<Uint8Array>;
  const error = await failure((async () => {
    let isFirst = true;
    for await (const _ of items) {
      if (isFirst) detached(bytes);
      isFirst = false;
    }
  })());
  assertEquals(error.code, "unsupportedValue");
  await Promise.all([near.close(), far.closed]);
});

test("encodeValue() writes what is there", () => {
  for (const [what, [make, expected]] of Object.entries(ARRIVING)) {
    assertEquals(decodeValue(encodeValue(make())), expected, what);
  }
});

test("metadata that are others each time fail by themselves", async () => {
  const { near, far } = pair();
  far.serve({ f: () => 1 });
  let asked = 0;
  const metadata = new Proxy({ a: "b" }, {
    get: () => asked++ === 0 ? "text" : 5 as Any,
  });
  const error = await failure(near.with({ metadata }).remoteValue.f());
  assertEquals(error.code, "unsupportedValue");
  assertEquals(await near.remoteValue.f(), 1);
  await Promise.all([near.close(), far.closed]);
});

test("an error keeps its other properties beside one that is odd", async () => {
  for (const [what, make] of Object.entries(FAILING)) {
    const { near, far } = pair();
    far.serve({
      fail() {
        throw Object.assign(new RangeError("no"), {
          code: "E",
          odd: make(),
          more: { list: [make(), 1] },
        });
      },
    });
    const error = await failure(
      near.remoteValue.fail(),
    ) as unknown as RemoteError;
    assertEquals(error.message, "no", what);
    assertEquals(error.name, "RangeError", what);
    assertEquals((error.data as { code?: unknown })?.code, "E", what);
    await Promise.all([near.close(), far.closed]);
  }
});

test("sendable() copies nothing that cannot be sent", () => {
  const limits = resolveLimits();
  for (const [what, make] of Object.entries(FAILING)) {
    const copy = sendable({ odd: make() }, limits, true);
    try {
      encodeValue(copy);
    } catch (error) {
      throw new Error(`${what}: ${error}`);
    }
  }
  const date = new Date(5);
  assertEquals(sendable(date, limits, true), date);
});

test("endStreams() and carriesStream() come to an end", () => {
  for (const make of Object.values(FAILING)) {
    endStreams([make()], new Error("Not sent."));
    assertEquals(carriesStream([make()]), false);
  }
});

test("an object of a known key set may lose keys while it is sent", () => {
  const losing = {
    a: 1,
    get b() {
      Reflect.deleteProperty(this, "c");
      return 2;
    },
    c: 3,
    d: 4,
  };
  assertEquals(
    decodeValue(encodeValue([{ a: 0, b: 0, c: 0, d: 0 }, losing])),
    [{ a: 0, b: 0, c: 0, d: 0 }, { a: 1, b: 2, c: undefined, d: 4 }],
  );
});
