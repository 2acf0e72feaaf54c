/** Types of values that a program declares, and `URL`. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { classType, temporalTypes } from "../../wire/types/mod.ts";
import {
  type AnyValueType,
  type Declared,
  decodeValue,
  encodeValue,
  makeRemoteObject,
  type RemoteError,
  type RemoteStream,
  valueType,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { type Contract, contract } from "../../wire/contract/contract.ts";
import { connectToRemoteServer } from "../../client/mod.ts";
import { createRequestServer } from "../../server/mod.ts";
import { test } from "../_test.ts";
import { codeOf } from "./_codec.ts";
import { failure } from "./_failure.ts";
import { v } from "./_schemas.ts";

// deno-lint-ignore no-explicit-any -- untyped wires give and take anything
type Any = any;

class Point {
  constructor(readonly x: number, readonly y: number) {}
  sum(): number {
    return this.x + this.y;
  }
}

const point = valueType({
  name: "point",
  test: (value): value is Point => value instanceof Point,
  toData: ({ x, y }) => [x, y],
  fromData: ([x, y]) => new Point(x, y),
});

/** A holder of anything, other holders too. */
class Box {
  constructor(readonly content: unknown) {}
}

const box = valueType({
  name: "box",
  test: (value): value is Box => value instanceof Box,
  toData: ({ content }) => content,
  fromData: (content) => new Box(content),
});

const BOTH = { valueTypes: [point, box] };

/** A pair of wires for one test. */
async function withPair(
  use: (near: Wire<Any>, far: Wire) => Promise<void>,
  first: WireOptions = BOTH,
  second: WireOptions = BOTH,
): Promise<void> {
  const [near, far] = wirePair(first, second);
  try {
    await use(near, far);
  } finally {
    await Promise.all([near.close(), far.close()]);
  }
}

test("values of a declared type arrive as that, in every place", () =>
  withPair(async (near, far) => {
    far.serve({
      echo: (value: unknown) => value,
      sum: (...points: Point[]) => points.reduce((sum, p) => sum + p.sum(), 0),
      async *each(list: Point[]) {
        yield* list;
      },
      fail(at: Point) {
        throw Object.assign(new TypeError("no", { cause: at }), { at });
      },
    });
    const at = new Point(3, 4);
    const { remoteValue } = near;
    const back = await remoteValue.echo(at);
    assert(back instanceof Point);
    assertEquals(back, at);
    assertEquals(await remoteValue.sum(at, new Point(1, 1)), 9);
    const deep = {
      list: [at, [at]],
      map: new Map<unknown, unknown>([[at, new Set([at])]]),
      box: new Box(new Box({ at })),
    };
    assertEquals(await remoteValue.echo(deep), deep);
    const items: unknown[] = [];
    const stream = await remoteValue.each([at, at]) as RemoteStream<Point>;
    for await (const item of stream) items.push(item);
    assertEquals(items, [at, at]);
    assert(items[0] instanceof Point);
    const error = await failure(remoteValue.fail(at)) as unknown as RemoteError;
    assertEquals([error.name, error.cause, error.data], [
      "TypeError",
      at,
      { at },
    ]);
    await near.outputObject({ at });
    assertEquals(await far.getObject(), { at });
  }));

test("a value of a type that the peer lacks fails its message alone", () =>
  withPair(
    async (near, far) => {
      far.serve({
        take: (_: unknown) => "took",
        give: () => new Box(1),
        async *each() {
          yield new Box(1);
        },
        fail() {
          throw Object.assign(new Error("bad"), { box: new Box(1) });
        },
      });
      const { remoteValue } = near;
      const calls = {
        argument: () => remoteValue.take([new Point(1, 2)]),
        result: () => remoteValue.give(),
        thrown: () => remoteValue.fail(),
        item: async () => {
          for await (const _ of await remoteValue.each());
        },
      };
      for (const [where, call] of Object.entries(calls)) {
        const error = await failure(call()) as WireError;
        assertEquals(error.code, "unsupportedValue", where);
        const type = where === "argument" ? '"point"' : '"box"';
        assert(error.message.includes(type), error.message);
        assert(error.message.includes("valueTypes"), error.message);
        assertEquals(await remoteValue.take(1), "took");
      }
      await near.outputObject(new Point(1, 2));
      await near.outputObject("next");
      const unread = await failure(far.getObject()) as WireError;
      assertEquals(unread.code, "unsupportedValue");
      assertEquals(await far.getObject(), "next");
    },
    { valueTypes: [point] },
    { valueTypes: [box] },
  ));

test("the attachments of such a value are released", () =>
  withPair(
    async (near, far) => {
      far.serve({ take: () => "took" });
      const ended = Promise.withResolvers<void>();
      async function* stream() {
        try {
          for (;;) yield 1;
        } finally {
          ended.resolve();
        }
      }
      const args = [new Box([() => 1, stream()]), () => 2] as const;
      const error = await failure(near.remoteValue.take(...args));
      assertEquals((error as WireError).code, "unsupportedValue");
      await ended.promise;
      await near.ping();
      await near.ping();
      assertEquals(near.stats().objectsExported, 0);
      assertEquals(far.stats().objectsImported, 0);
    },
    BOTH,
    {},
  ));

test("references and streams travel in the data of a type", () =>
  withPair(async (near, far) => {
    far.serve({
      call: async ({ content }: Box) => {
        const { f, list } = content as Any;
        using _ = f;
        let sum = 0;
        for await (const item of list) sum += item;
        return sum + await f(1);
      },
      counter: () => new Box(makeRemoteObject({ count: () => 7 })),
    });
    async function* list() {
      yield* [1, 2, 3];
    }
    const given = new Box({ f: (n: number) => n * 10, list: list() });
    assertEquals(await near.remoteValue.call(given), 16);
    const { content } = await near.remoteValue.counter() as { content: Any };
    using counter = content;
    assertEquals(await counter.remoteValue.count(), 7);
  }));

test("a result that is to come is refused in the data of a type", () =>
  withPair(async (near, far) => {
    far.serve({ one: () => 1, take: (value: unknown) => value });
    const one = near.remoteValue.one();
    const error = await failure(near.remoteValue.take(new Box(one)));
    assertEquals((error as WireError).code, "unsupportedValue");
    assert(error.message.includes("Await it"), error.message);
    assertEquals(await near.remoteValue.take([new Point(1, 2), one]), [
      new Point(1, 2),
      1,
    ]);
    // As bytes of a peer that sends one all the same.
    const bytes = new Uint8Array([0, 0xdc, 3, 0x62, 0x6f, 0x78, 0xda, 0]);
    assertEquals(codeOf(() => decodeValue(bytes, {}, BOTH)), "malformed");
  }));

test("results with values of declared types are arguments of calls", () =>
  withPair(async (near, far) => {
    far.serve({
      make: () => Promise.resolve({ at: new Point(1, 2), url: new URL("a:b") }),
      look: ({ at, url }: { at: Point; url: URL }) => [at.sum(), url.href],
    });
    const { remoteValue } = near;
    assertEquals(await remoteValue.look(remoteValue.make()), [3, "a:b"]);
  }));

for (const part of ["test", "toData", "fromData"] as const) {
  test(`what ${part} of a type throws fails that message alone`, () => {
    const fails = () => {
      throw new WireError("malformed", "not today");
    };
    const bad = { ...point, [part]: fails };
    return withPair(
      async (near, far) => {
        far.serve({ echo: (value: unknown) => value });
        const sent = near.remoteValue.echo({ at: new Point(1, 2) });
        const error = await failure(sent) as WireError;
        assertEquals(error.code, "unsupportedValue");
        for (const text of ["not today", part, '"point"']) {
          assert(error.message.includes(text), error.message);
        }
        assertEquals(await near.remoteValue.echo(1), 1);
      },
      part === "fromData" ? BOTH : { valueTypes: [bad] },
      part === "fromData" ? { valueTypes: [bad] } : BOTH,
    );
  });
}

test("fromData makes an object, at once", () => {
  const bytes = encodeValue(new Point(1, 2), {}, BOTH);
  for (const made of [1, null, undefined, () => 1, Promise.resolve({})]) {
    const valueTypes = [{ ...point, fromData: () => made as Any }];
    const code = codeOf(() => decodeValue(bytes, {}, { valueTypes }));
    assertEquals(code, "unsupportedValue");
  }
});

test("a test counts only where it says true", () => {
  const odd = { ...point, test: () => Promise.resolve(true) as Any };
  const options = { valueTypes: [odd, box] };
  const bytes = encodeValue(new Box(1), {}, options);
  assertEquals(decodeValue(bytes, {}, options), new Box(1));
});

test("a type whose data is a value of it is nested too deeply", () => {
  const endless = { ...box, toData: () => new Box(1) };
  const valueTypes = [endless];
  assertEquals(
    codeOf(() => encodeValue(new Box(1), {}, { valueTypes })),
    "limit",
  );
  const deep = [0, ...Array(65).fill([0xdc, 3, 0x62, 0x6f, 0x78]).flat(), 1];
  const bytes = Uint8Array.from(deep);
  assertEquals(codeOf(() => decodeValue(bytes, {}, BOTH)), "limit");
});

test("a value of a declared type counts among the values of a message", () => {
  const boxes = Array.from({ length: 5 }, (_, index) => new Box(index));
  const bytes = encodeValue(boxes, { values: 10 }, BOTH);
  assertEquals(decodeValue(bytes, { values: 10 }, BOTH), boxes);
  const encoding = () => encodeValue(boxes, { values: 9 }, BOTH);
  const decoding = () => decodeValue(bytes, { values: 9 }, BOTH);
  assertEquals([codeOf(encoding), codeOf(decoding)], ["limit", "limit"]);
});

test("declared types come before those that errors, maps and lists have", () => {
  class Table extends Map<string, number> {}
  class Oops extends Error {}
  class Row extends Array<number> {}
  const types = [Table, Oops, Row].map((type) =>
    valueType({
      name: type.name,
      test: (value): value is object => value instanceof type,
      toData: (value) =>
        value instanceof Error ? value.message : [...value as Any],
      fromData: (data) => new (type as Any)(data),
    })
  );
  const options = { valueTypes: types };
  for (
    const value of [new Table([["a", 1]]), new Oops("m"), new Row(1, 2, 3)]
  ) {
    const made = decodeValue(encodeValue(value, {}, options), {}, options);
    assertStrictEquals((made as object).constructor, value.constructor);
    const list = new AggregateError(new Row(1, 2), "many");
    const bytes = encodeValue(list, {}, options);
    assert(decodeValue(bytes, {}, options) instanceof AggregateError);
  }
});

test("the functions of a type run once for each value that is sent", () =>
  withPair(
    async (near, far) => {
      far.serve({ echo: (value: unknown) => value });
      const texts = Array.from(
        { length: 20 },
        (_, index) => `text no. ${index}`,
      );
      for (let round = 0; round < 4; round++) {
        made = taken = 0;
        const value = { texts, at: new Point(1, 2) };
        assertEquals(await near.remoteValue.echo(value), value);
        await near.remoteValue.echo(texts);
        assertEquals([taken, made], [2, 2]);
        // One that waits in the inbox is not made a second time.
        await near.outputObject([new Point(1, 2), ...Array(9).fill(new Map())]);
        await near.ping();
        await far.getObject();
        assertEquals([taken, made], [3, 3]);
      }
    },
    { valueTypes: [counted] },
    { valueTypes: [counted] },
  ));

let made = 0;
let taken = 0;
const counted: AnyValueType = {
  ...point,
  toData: (value) => (taken++, point.toData(value)),
  fromData: (data) => (made++, point.fromData(data)),
};

test("a wire that fromData ends is ended, and nothing is served", async () => {
  let served = 0;
  const [near, far] = wirePair<Any, Any>(BOTH, {
    valueTypes: [{
      ...point,
      fromData: () => {
        far.abort(new Error("enough"));
        return new Point(0, 0);
      },
    }],
    functions: { take: () => served++ },
  });
  const error = await failure(near.remoteValue.take(new Point(1, 2)));
  assert(error instanceof WireError);
  await Promise.all([near.closed, far.closed]);
  assertEquals(served, 0);
});

test("a part of an error that cannot be sent leaves its declared values", () =>
  withPair(async (near, far) => {
    far.serve({
      fail() {
        const parts = { at: new Point(1, 2), url: new URL("a:b"), s: Symbol() };
        throw Object.assign(new Error("bad"), parts);
      },
    });
    const error = await failure(near.remoteValue.fail()) as Any;
    assertEquals(error.data.at, new Point(1, 2));
    assertEquals(error.data.url, new URL("a:b"));
    assertEquals(error.data.s, "[not sent: a symbol]");
  }));

test("types that cannot be meant are refused", () => {
  const types: [unknown, string][] = [
    [[point, { ...box, name: "point" }], "Two value types"],
    [[{ ...point, name: "" }], "1 to 64"],
    [[{ ...point, name: "x".repeat(65) }], "65"],
    [[{ ...point, name: 7 }], "not 7"],
    [[{ ...point, name: "\ud800" }], "name"],
    [[{ ...point, name: "URL" }], "built in"],
    [[{ ...point, test: undefined }], '"test"'],
    [[{ ...point, toData: undefined }], '"toData"'],
    [[{ ...point, fromData: 1 }], '"fromData"'],
    [[{ ...point, form: 1 }], "form"],
    [[Point], "valueType()"],
    [point, "array"],
  ];
  for (const [valueTypes, text] of types) {
    const options = { valueTypes } as Any;
    for (
      const make of [
        () => wirePair(options),
        () => encodeValue(1, {}, options),
        () => decodeValue(new Uint8Array([0, 1]), {}, options),
      ]
    ) {
      let error: Any;
      try {
        make();
      } catch (thrown) {
        error = thrown;
      }
      assertEquals(error?.code, "invalidArgument", text);
      assert(error.message.includes(text), error.message);
    }
  }
  const dialect = cmucl();
  assertEquals(codeOf(() => wirePair({ dialect, ...BOTH })), "invalidArgument");
});

interface Mover {
  move(at: Declared<Point>, by: number): Declared<Point>;
}

/** Moves points, and says where they are not to go. */
const mover: Contract<
  Mover,
  { move: { Outside: { at: Point } } }
> = contract(
  {
    move: {
      args: [v.instance(Point), v.number()],
      result: v.instance(Point),
      errors: { Outside: v.object({ at: v.instance(Point) }) },
    },
  },
  { valueTypes: [point] },
);

function move({ x, y }: Point, by: number): Point {
  if (by < 9) return new Point(x + by, y + by);
  throw mover.error("move", "Outside", { at: new Point(x, y) });
}

test("a contract brings its value types to both ends, checked and in errors", async () => {
  await using server = createRequestServer(0, {
    serves: mover,
    functions: { move },
    // That of the contract may be given again, and others besides.
    valueTypes: [box, point],
  });
  await using wire = await connectToRemoteServer("127.0.0.1", server.port, {
    expects: mover,
    valueTypes: [box],
  });
  const moved: Point = await wire.remoteValue.move(new Point(1, 2), 3);
  assertEquals([moved.sum(), moved instanceof Point], [9, true]);
  const error: unknown = await failure(
    wire.remoteValue.move(new Point(1, 2), 9),
  );
  if (!mover.isError(error, "move", "Outside")) throw error;
  assertEquals(error.data.at.sum(), 3);
  const refused = await failure(wire.call("move", [new Box(1), 3]));
  assertEquals((refused as WireError).code, "invalidArgument");
});

test("a peer without the contract fails the call, and says which type it lacks", async () => {
  const [near, far] = wirePair({ expects: mover });
  far.serve({ move: ({ x, y }) => new Point(x, y) });
  const error = await failure(near.remoteValue.move(new Point(1, 2), 3));
  assertEquals((error as WireError).code, "unsupportedValue");
  assert(error.message.includes('"point"'), error.message);
  await Promise.all([near.close(), far.close()]);
});

test("contract() checks its value types, and wires that they fit together", () => {
  const types: [unknown, string][] = [
    [[point, { ...point }], '"point"'],
    [[point, point], '"point"'],
    [[Point], "valueType()"],
    [point, "array"],
  ];
  for (const [valueTypes, text] of types) {
    let error: Any;
    try {
      contract({}, { valueTypes } as Any);
    } catch (thrown) {
      error = thrown;
    }
    assertEquals(error?.code, "invalidArgument", text);
    assert(error.message.includes(text), error.message);
  }
  assertEquals(
    codeOf(() => contract({}, { valueType: [] } as Any)),
    "invalidArgument",
  );
  const other = { ...point };
  const clash = { serves: mover, valueTypes: [other] } as Any;
  assertEquals(codeOf(() => wirePair(clash)), "invalidArgument");
  assertEquals(codeOf(() => createRequestServer(0, clash)), "invalidArgument");
  const lisp = { dialect: cmucl(), expects: mover };
  assertEquals(codeOf(() => wirePair(lisp)), "invalidArgument");
});

test("a URL works without being asked for", () =>
  withPair(
    async (near, far) => {
      far.serve({ echo: (value: unknown) => value });
      const url = new URL("https://user@example.com:8080/a%20b?q=1#top");
      const back = await near.remoteValue.echo({ urls: [url, url] });
      assertEquals(back, { urls: [url, url] });
      assert(back.urls[0] instanceof URL);
      // "x" is no URL, and 1 is no text.
      for (const data of [[0x81, 0x78], [1], [0xa0]]) {
        const bytes = Uint8Array.from([0, 0xdc, 3, 0x55, 0x52, 0x4c, ...data]);
        const code = codeOf(() => decodeValue(bytes));
        assertEquals(code, "unsupportedValue");
      }
    },
    {},
    {},
  ));

test("classType() declares a class by its properties", () => {
  class Leaf {
    notes: string[] = [];
    constructor(readonly name: string) {}
    get title(): string {
      return this.name.toUpperCase();
    }
  }
  const valueTypes = [classType("leaf", Leaf, ["name", "notes"])];
  const leaf = new Leaf("oak");
  leaf.notes.push("old");
  const bytes = encodeValue([leaf], {}, { valueTypes });
  const [back] = decodeValue(bytes, {}, { valueTypes }) as [Leaf];
  assert(back instanceof Leaf);
  assertEquals([back.title, back.notes], ["OAK", ["old"]]);
  class Branch extends Leaf {}
  const branch = () => encodeValue(new Branch("b"), {}, { valueTypes });
  assertEquals(codeOf(branch), "unsupportedValue");
  const fewer = { valueTypes: [classType("leaf", Leaf, ["name"])] };
  assertEquals(codeOf(() => decodeValue(bytes, {}, fewer)), "unsupportedValue");
  const wrong: Any = classType;
  for (
    const args of [["l", {}, []], ["l", Leaf, "name"], ["l", Leaf, ["a", "a"]]]
  ) {
    assertEquals(codeOf(() => wrong(...args)), "invalidArgument");
  }
  const proto = classType("proto", Leaf, ["__proto__" as Any]);
  const [made] = [proto.fromData([{ evil: 1 }])];
  assertStrictEquals(Object.getPrototypeOf(made), Leaf.prototype);
});

test("temporalTypes() are those that the platform has", () => {
  const valueTypes = temporalTypes();
  const { Temporal } = globalThis as Any;
  if (Temporal === undefined) return assertEquals(valueTypes, []);
  assertEquals(valueTypes.length, 8);
  const values = [
    Temporal.Instant.from("2026-11-27T12:00:00.123456789Z"),
    Temporal.ZonedDateTime.from("2026-11-27T12:00+01:00[Europe/Paris]"),
    Temporal.PlainDateTime.from("2026-11-27T12:00"),
    Temporal.PlainDate.from("2026-11-27"),
    Temporal.PlainTime.from("12:00:01"),
    Temporal.PlainYearMonth.from("2026-11"),
    Temporal.PlainMonthDay.from("11-27"),
    Temporal.Duration.from("P1DT2H"),
  ];
  const bytes = encodeValue(values, {}, { valueTypes });
  const back = decodeValue(bytes, {}, { valueTypes }) as object[];
  back.forEach((value, index) => {
    assertStrictEquals(value.constructor, values[index].constructor);
    assertEquals(String(value), String(values[index]));
  });
});
