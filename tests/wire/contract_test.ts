/**
 * Contracts where they are served: what does not fit never reaches a function.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type CallContext,
  contract,
  WireError,
  type WireErrorCode,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { failure, LIBRARIES, schema, v, z } from "./_schemas.ts";

function throwsCode(fn: () => unknown, code: WireErrorCode, words: string) {
  const error = assertThrows(fn, WireError) as WireError;
  assertEquals(error.code, code);
  assert(error.message.includes(words), error.message);
}

for (
  const [name, { number, optional, point, digits }] of Object.entries(LIBRARIES)
) {
  test(`implement() checks arguments with ${name}`, async () => {
    const shapes = contract({
      length: { args: [point, optional], result: number },
      twice: { args: [digits], result: number },
      sum: { args: [number], rest: number, result: number },
    });
    const seen: unknown[][] = [];
    const [near, far] = wirePair({ expects: shapes });
    far.serve(shapes.implement({
      length(...args) {
        seen.push(args);
        return Math.hypot(args[0].x, args[0].y);
      },
      twice: (n) => n * 2,
      sum: (...all) => all.reduce((a, b) => a + b),
    }));
    assertEquals(await near.remoteValue.length({ x: 3, y: 4 }), 5);
    assertEquals(await near.remoteValue.length({ x: 6, y: 8 }, "cm"), 10);
    assertEquals(seen.map(([, unit]) => unit), [undefined, "cm"]);
    // What the schema makes of an argument is what the function gets.
    assertEquals(await near.remoteValue.twice("21"), 42);
    assertEquals(await near.remoteValue.sum(1, 2, 3), 6);

    for (
      const [args, words] of [
        [[{ x: 3, y: "4" }], "argument 1 at .y: "],
        [[{ x: 3, y: 4 }, 5], "argument 2: "],
        [[], "argument 1: "],
        [[{ x: 1, y: 2 }, "cm", 3], "it takes 2 arguments, and 3 came"],
      ] as const
    ) {
      const error = await failure(near.call("length", [...args]));
      assertEquals(error.code, "invalidArgument");
      assert(
        error.message.startsWith(`The call of "length" was refused: `) &&
          error.message.includes(words),
        error.message,
      );
    }
    const error = await failure(near.call("sum", [1, 2, "3"]));
    assert(error.message.includes("argument 3: "), error.message);
    assertEquals(seen.length, 2);
    await Promise.all([near.close(), far.close()]);
  });
}

test("implement() names every argument that does not fit, and its path", async () => {
  const schemas = contract({
    draw: {
      args: [
        z.object({ points: z.array(z.object({ "an x": z.number() })) }),
        v.number(),
      ],
    },
  });
  const [near, far] = wirePair();
  far.serve(schemas.implement({ draw: () => {} }));
  const error = await failure(
    near.remoteValue.draw({ points: [{ "an x": 1 }, { "an x": "2" }] }, "3"),
  );
  assert(
    error.message.includes('argument 1 at .points[1]["an x"]: ') &&
      error.message.includes("; argument 2: "),
    error.message,
  );
  await Promise.all([near.close(), far.close()]);
});

test("implement() passes this on, and what is thrown", async () => {
  const schemas = contract({ name: { args: [v.string()] }, fail: {} });
  const [near, far] = wirePair({}, { serves: schemas });
  far.serve(schemas.implement({
    name(this: CallContext, suffix: string) {
      return this.functionName + suffix;
    },
    fail() {
      throw new RangeError("no");
    },
  }));
  assertEquals(await near.remoteValue.name("!"), "name!");
  const error = await near.remoteValue.fail().catch((e: unknown) => e);
  assertEquals([error.name, error.message], ["RangeError", "no"]);
  // An error of the wire that a function throws is no refusal.
  far.serve<{ fail(): void }>({
    fail() {
      throw new WireError("invalidArgument", "of its own");
    },
  });
  const thrown = await near.remoteValue.fail().catch((e: unknown) => e);
  assertEquals([thrown instanceof WireError, thrown.name], [
    false,
    "WireError",
  ]);
  await Promise.all([near.close(), far.close()]);
});

test("implement() waits for validators that take their time", async () => {
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const slow = v.pipeAsync(
    v.string(),
    v.checkAsync(async (text) => {
      await gate.promise;
      order.push(`checked ${text}`);
      return text !== "bad";
    }, "it is bad"),
  );
  const schemas = contract({
    put: { args: [slow, slow], result: v.string() },
  });
  const [near, far] = wirePair({}, { serves: schemas });
  far.serve({ put: (a: string, b: string) => (order.push("ran"), a + b) });
  const good = near.remoteValue.put("a", "b");
  const bad = failure(near.remoteValue.put("bad", "c"));
  gate.resolve();
  assertEquals(await good, "ab");
  const error = await bad;
  assertEquals(error.code, "invalidArgument");
  assert(error.message.includes("argument 1: it is bad"), error.message);
  assertEquals(order.filter((each) => each === "ran").length, 1);
  await Promise.all([near.close(), far.close()]);
});

test("implement() does not run what was cancelled while it was checked", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const slow = v.pipeAsync(
    v.string(),
    v.checkAsync(async () => {
      begun.resolve();
      await gate.promise;
      return true;
    }),
  );
  let ran = 0;
  const schemas = contract({ put: { args: [slow] }, ping: {} });
  const [near, far] = wirePair({}, {
    serves: schemas,
    functions: { put: () => ran++, ping: () => {} },
  });
  const caller = new AbortController();
  const put = failure(
    near.with({ signal: caller.signal }).remoteValue.put("a"),
  );
  await begun.promise;
  caller.abort();
  assertEquals((await put).code, "cancelled");
  // The cancel has come when what was sent after it has.
  await near.remoteValue.ping();
  gate.resolve();
  await Promise.all([near.close(), far.close()]);
  assertEquals(ran, 0);
});

test("implement() refuses what a broken validator says", async () => {
  const thenable = { then: (done: (value: unknown) => void) => done(1) };
  const cases: Record<string, [() => unknown, string | undefined]> = {
    throws: [() => {
      throw new Error("out of order");
    }, "it could not be checked"],
    rejects: [
      () => Promise.reject(new Error("out of order")),
      "it could not be checked",
    ],
    "answers nothing": [() => undefined, "it could not be checked"],
    "answers false": [() => false, "it could not be checked"],
    "answers true": [() => true, "it could not be checked"],
    "answers a text": [() => "no number", "it could not be checked"],
    "answers false later": [
      () => Promise.resolve(false),
      "it could not be checked",
    ],
    "has neither value nor issues": [() => ({}), "it could not be checked"],
    "has a getter that throws": [() => ({
      get issues() {
        throw new Error("no issues for you");
      },
    }), "it could not be checked"],
    "has issues that are no list": [
      () => ({ issues: 5 }),
      "it could not be checked",
    ],
    "has an issue whose getter throws": [() => ({
      issues: [{
        get message() {
          throw new Error("mute");
        },
      }],
    }), "it could not be checked"],
    "has no issue": [() => ({ issues: [] }), "it does not fit"],
    "has too many issues": [
      () => ({ issues: Array(10_000).fill({ message: "x".repeat(10_000) }) }),
      "xxx",
    ],
    "makes a thenable": [() => ({ value: thenable }), undefined],
    "makes a thenable later": [
      () => Promise.resolve({ value: thenable }),
      undefined,
    ],
  };
  for (const [name, [validate, words]] of Object.entries(cases)) {
    const schemas = contract({ run: { args: [schema(validate)] } });
    let got: unknown;
    const told: string[] = [];
    const onError = (error: unknown) => told.push((error as Error).message);
    const [near, far] = wirePair({}, { onError });
    far.serve(schemas.implement({ run: (value) => void (got = value) }));
    if (words === undefined) {
      await near.remoteValue.run(1);
      assert(got === thenable, name);
    } else {
      const error = await failure(near.remoteValue.run(1));
      assertEquals([error.code, got], ["invalidArgument", undefined], name);
      assert(error.message.includes(words), error.message);
      // What a schema throws is this side's own, and told here alone.
      const isTrouble = words.startsWith("it could not be");
      assertEquals(told.length, isTrouble ? 1 : 0, name);
      for (const text of told) assert(!error.message.includes(text), name);
    }
    await Promise.all([near.close(), far.close()]);
  }
});

test("implement() takes the functions of the contract, no fewer and no more", () => {
  const schemas = contract({ add: { args: [v.number()] }, mul: {} });
  class Methods {
    add() {}
    mul() {}
  }
  const bad: [object, string][] = [
    [{ add: () => 1 }, `lacks it`],
    [{ add: () => 1, mul: () => 1, div: () => 1 }, `"div"`],
    [{ add: () => 1, mul: 2 }, `"mul"`],
    [new Methods(), "the methods of a class are inherited"],
    [Object.create({ add: () => 1, mul: () => 1 }), `"add"`],
  ];
  for (const [functions, words] of bad) {
    throwsCode(
      // deno-lint-ignore no-explicit-any -- what the types refuse
      () => schemas.implement(functions as any),
      "invalidArgument",
      words,
    );
  }
});

test("contract() refuses what is no schema", () => {
  const none = { "~standard": {} };
  for (
    const [definition, words] of [
      [{ args: [5] }, 'argument 1 of "f"'],
      [{ args: [v.number(), null] }, 'argument 2 of "f"'],
      [{ rest: none }, 'further arguments of "f"'],
      [{ result: () => 1 }, 'result 1 of "f"'],
      [{ results: [v.number(), {}] }, 'result 2 of "f"'],
      [{ errors: { E: "text" } }, 'error "E" of "f"'],
      [{ arg: [v.number()] }, 'no part "arg" of "f" in a contract; did you'],
    ] as const
  ) {
    throwsCode(
      // deno-lint-ignore no-explicit-any -- what the types refuse
      () => contract({ f: definition as any }),
      "invalidArgument",
      words,
    );
  }
});

test("contract() refuses parts that would go unseen", () => {
  const errors = new Map([["E", null]]);
  const holed = Array(2);
  holed[1] = v.number();
  for (
    const [definition, words] of [
      [new Map([["f", {}]]), "an object"],
      [Promise.resolve({ f: {} }), "an object"],
      [[{}], "an object"],
      [{ f: new Map([["args", [v.number()]]]) }, '"f"'],
      [{ f: Promise.resolve({}) }, '"f"'],
      [{ f: { errors } }, '"errors" of "f"'],
      [{ f: { args: holed } }, 'argument 1 of "f"'],
      [{ f: { doc: 5 } }, '"doc" of "f"'],
      [{ f: { version: 5 } }, '"version" of "f"'],
    ] as const
  ) {
    throwsCode(
      // deno-lint-ignore no-explicit-any -- what the types refuse
      () => contract(definition as any),
      "invalidArgument",
      words,
    );
  }
});

test("serves puts what is served behind the contract, and only once", async () => {
  const digits = v.pipe(v.string(), v.transform(Number));
  const schemas = contract({
    half: { args: [digits] },
    ["__proto__"]: { args: [v.number()] },
    constructor: { args: [v.number()] },
    toString: {},
  });
  const functions = {
    half: (n: number) => n / 2,
    ["__proto__"]: (n: number) => n + 1,
    constructor: (n: number) => n + 2,
    toString: () => "text",
  };
  for (const given of [functions, schemas.implement(functions)]) {
    const [near, far] = wirePair({}, { serves: schemas, functions: given });
    assertEquals(await near.call("half", ["42"]), 21);
    assertEquals(await near.call("__proto__", [1]), 2);
    assertEquals(await near.call("constructor", [1]), 3);
    assertEquals(await near.call("toString", []), "text");
    for (const name of ["half", "__proto__", "constructor"]) {
      const { code } = await failure(near.call(name, [true]));
      assertEquals(code, "invalidArgument", name);
    }
    const { code } = await failure(near.call("valueOf", []));
    assertEquals(code, "noSuchFunction");
    // Others may be served beside it, unchecked.
    far.serve<{ other(x: unknown): unknown }>({ other: (x) => x });
    assertEquals(await near.call("other", [true]), true);
    await Promise.all([near.close(), far.close()]);
  }
  throwsCode(
    // deno-lint-ignore no-explicit-any -- what the types refuse
    () => wirePair({}, { serves: schemas, functions: { half: 1 } as any }),
    "invalidArgument",
    "lacks it",
  );
});

test("a one-way call that does not fit is reported where it is served", async () => {
  const reported = Promise.withResolvers<unknown>();
  const schemas = contract({ show: { args: [v.string()] } });
  const [near, far] = wirePair({ expects: schemas }, {
    serves: schemas,
    functions: { show: () => {} },
    onError: reported.resolve,
  });
  // @ts-expect-error: an argument of another type
  await near.remote.show(5);
  const error = await reported.promise as WireError;
  assertEquals(error.code, "invalidArgument");
  const [issue] = error.cause as { position: number; path: string }[];
  assertEquals([issue?.position, issue?.path], [1, ""]);
  await Promise.all([near.close(), far.close()]);
});

test("describe() tells names, arities, docs and JSON Schemas", () => {
  const schemas = contract({
    divide: {
      args: [z.number(), v.number()],
      rest: z.string(),
      result: z.number(),
      errors: { DivisionByZero: null },
      doc: "Divides.",
    },
    now: {},
  });
  const json = (type: string) => ({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type,
  });
  assertEquals(structuredClone(schemas.describe()), [{
    name: "divide",
    arity: 2,
    doc: "Divides.",
    contract: {
      args: [json("number"), null],
      rest: json("string"),
      result: json("number"),
      errors: ["DivisionByZero"],
    },
  }, {
    name: "now",
    arity: 0,
    contract: { args: [], result: null, errors: [] },
  }]);
});
