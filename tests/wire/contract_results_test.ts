/**
 * Contracts where results and errors arrive.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Contract,
  contract,
  DeclaredError,
  makeRemoteObject,
  RemoteError,
  type RemoteObject,
  remoteObjectEq,
  values,
  WireError,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { failure, LIBRARIES, schema, v, z } from "./_schemas.ts";

for (const [name, { number, digits, point }] of Object.entries(LIBRARIES)) {
  test(`expects checks results with ${name}`, async () => {
    const shapes = contract({
      area: { result: number },
      parsed: { result: digits },
      ends: { results: [point, digits] },
    });
    const [near, far] = wirePair({ expects: shapes });
    let area: unknown = 12;
    let ends: unknown = values({ x: 1, y: 2 }, "7");
    far.serve<object>({
      area: () => area,
      parsed: () => "42",
      ends: () => ends,
    });

    assertEquals(await near.remoteValue.area(), 12);
    assertEquals(await near.remoteValues.area(), [12]);
    assertEquals(await near.call("area", []), 12);
    assertEquals(await near.with({ deadline: 9e5 }).remoteValue.area(), 12);
    // What the schema makes of a result is what the caller gets.
    assertEquals(await near.remoteValue.parsed(), 42);
    assertEquals(await near.remoteValue.ends(), { x: 1, y: 2 });
    assertEquals(await near.remoteValues.ends(), [{ x: 1, y: 2 }, 7]);
    await near.remote.area();

    area = "12";
    for (
      const call of [
        near.remoteValue.area(),
        near.remoteValues.area(),
        near.with({}).remoteValue.area(),
      ]
    ) {
      const error = await failure(call);
      assertEquals(error.code, "invalidResult");
      assert(
        error.message.startsWith(
          'What "area" gave does not keep its contract: result 1: ',
        ),
        error.message,
      );
      const [issue] = error.cause as { position: number }[];
      assertEquals(issue?.position, 1);
    }
    ends = values({ x: 1, y: "2" }, "7");
    const error = await failure(near.remoteValue.ends());
    assert(error.message.includes("result 1 at .y: "), error.message);
    ends = values({ x: 1, y: 2 }, "seven");
    assertEquals(await near.remoteValue.ends(), { x: 1, y: 2 });
    const second = await failure(near.remoteValues.ends());
    assert(second.message.includes("result 2: "), second.message);
    ends = values({ x: 1, y: 2 }, "7", "more");
    const third = await failure(near.remoteValues.ends());
    assert(third.message.includes("gave 3 values"), third.message);
    await Promise.all([near.close(), far.close()]);
  });
}

test("expects waits for validators, and survives those that break", async () => {
  const thenable = { then: (done: (value: unknown) => void) => done(1) };
  const shapes = contract({
    slow: {
      result: v.pipeAsync(
        v.number(),
        v.checkAsync((n) => Promise.resolve(n > 0), "it is not positive"),
      ),
    },
    broken: {
      result: schema(() => {
        throw new Error("out of order");
      }),
    },
    odd: { result: schema(() => ({ value: thenable })) },
  });
  const [near, far] = wirePair({ expects: shapes });
  let n = 1;
  far.serve<object>({ slow: () => n, broken: () => 1, odd: () => 2 });
  assertEquals(await near.remoteValue.slow(), 1);
  n = -1;
  const error = await failure(near.remoteValue.slow());
  assertEquals(error.code, "invalidResult");
  assert(error.message.includes("it is not positive"), error.message);
  const broken = await failure(near.remoteValue.broken());
  assert(broken.message.includes("out of order"), broken.message);
  // What is awaited is what a promise can hold.
  assertEquals(await near.remoteValue.odd(), 1);
  await Promise.all([near.close(), far.close()]);
});

test("expects leaves functions alone that it does not know", async () => {
  const shapes = contract({ constructor: { result: v.number() } });
  const [near, far] = wirePair({ expects: shapes });
  far.serve<object>({
    constructor: () => "text",
    toString: () => "text",
    other: () => Promise.reject(new Error("thrown")),
  });
  const { code } = await failure(near.call("constructor", []));
  assertEquals(code, "invalidResult");
  assertEquals(await near.call("toString", []), "text");
  assertEquals((await failure(near.call("none", []))).code, "noSuchFunction");
  const thrown = await near.call("other", []).catch((e: unknown) => e) as Error;
  assertEquals(thrown.constructor, RemoteError);
  near.abort();
  await far.closed;
});

const bank = contract({
  draw: {
    args: [v.number()],
    result: v.number(),
    errors: {
      Overdrawn: z.object({ missing: z.number(), note: z.string().optional() }),
      Closed: null,
      Odd: v.object({ at: v.pipe(v.string(), v.transform(Number)) }),
    },
  },
});

/** A peer whose `draw` throws, and what comes of it. */
async function thrown(error: unknown, knows = true): Promise<unknown> {
  const [near, far] = wirePair(knows ? { expects: bank } : {}, {
    functions: {
      draw(): number {
        throw error;
      },
    },
  });
  const arrived = await near.call("draw", [1]).catch((e: unknown) => e);
  await Promise.all([near.close(), far.close()]);
  return arrived;
}

test("error() and isError() carry a declared error over a wire", async () => {
  const error = await thrown(bank.error("draw", "Overdrawn", { missing: 5 }));
  assert(error instanceof DeclaredError && error instanceof RemoteError);
  if (!bank.isError(error, "draw", "Overdrawn")) throw error;
  const { missing, note }: { missing: number; note?: string | undefined } =
    error.data;
  assertEquals([missing, note], [5, undefined]);
  assertEquals(error.name, "Overdrawn");
  assertEquals(error.message, '"draw" failed: Overdrawn.');
  assertEquals(error.functionName, "draw");
  // Its stack shows who awaits the call.
  assert(error.stack?.includes("contract_results_test.ts"), error.stack);
  assert(!bank.isError(error, "draw", "Closed"));
  assert(!bank.isError(new Error("Overdrawn"), "draw", "Overdrawn"));

  const closed = await thrown(bank.error("draw", "Closed", undefined, "Bye."));
  if (!bank.isError(closed, "draw", "Closed")) throw closed;
  assertEquals([closed.data, closed.message], [undefined, "Bye."]);
});

test("isError() is for errors that keep the contract of the same wire", async () => {
  const declared = Object.assign(new Error("low"), {
    name: "Overdrawn",
    missing: 5,
  });
  // Whoever throws it, it is what the contract declares.
  assert(bank.isError(await thrown(declared), "draw", "Overdrawn"));
  // Without the contract nothing was checked.
  const unknown = await thrown(declared, false);
  assertEquals((unknown as Error).constructor, RemoteError);
  assert(!bank.isError(unknown, "draw", "Overdrawn"));
  const undeclared = await thrown(new RangeError("no"));
  assertEquals((undeclared as Error).constructor, RemoteError);
  assertEquals((undeclared as Error).name, "RangeError");
  // Data that do not keep it.
  for (const missing of ["5", undefined]) {
    const bad = Object.assign(new Error("low"), { name: "Overdrawn", missing });
    const error = await thrown(bad) as WireError;
    assertEquals(error.code, "invalidResult");
    assert(
      error.message.startsWith('"draw" threw the error "Overdrawn", whose'),
      error.message,
    );
    assertEquals((error.cause as Error).name, "Overdrawn");
  }
  // What its schema makes of the data is what the caller gets.
  const odd = Object.assign(new Error("odd"), { name: "Odd", at: "7" });
  const made = await thrown(odd);
  if (!bank.isError(made, "draw", "Odd")) throw made;
  assertEquals(made.data.at, 7);
});

test("error() refuses what is not declared or cannot be carried", () => {
  // deno-lint-ignore no-explicit-any -- what the types refuse
  const make = bank.error.bind(bank) as any;
  for (
    const args of [
      ["draw", "Other", {}],
      ["draw", "constructor", {}],
      ["other", "Overdrawn", {}],
      ["draw", "Overdrawn", 5],
      ["draw", "Overdrawn", [5]],
      ["draw", "Overdrawn", { message: "no" }],
      ["draw", "Overdrawn", { stack: "no" }],
    ]
  ) {
    const error = assertThrows(() => make(...args), WireError) as WireError;
    assertEquals(error.code, "invalidArgument", args.join());
  }
  const error = make("draw", "Overdrawn", { ["__proto__"]: 1, missing: 2 });
  assertEquals(Object.keys(error), ["__proto__", "missing"]);
  assertEquals(Object.getPrototypeOf(error), Error.prototype);
});

test("expects lets calls be made on a result that has not come", async () => {
  interface File {
    read(): string;
  }
  const files: Contract<{ open(name: string): RemoteObject<File> }> = contract({
    open: {
      args: [z.string()],
      result: z.custom<RemoteObject<File>>((it) => remoteObjectEq(it, it)),
    },
  });
  const [near, far] = wirePair({ expects: files }, {
    serves: files,
    functions: { open: (name) => makeRemoteObject<File>({ read: () => name }) },
  });
  await near.opened;
  const before = near.stats().messagesSent;
  const text = near.remoteValue.open("a").remoteValue.read();
  // Both calls have left, and no answer has come.
  assertEquals(near.stats().messagesSent - before, 2);
  assertEquals(await text, "a");
  using file = await near.remoteValue.open("b");
  assertEquals(await file.remoteValue.read(), "b");
  // @ts-expect-error: an argument of another type
  const error = await near.remoteValue.open(5).remoteValue.read()
    .catch((e: unknown) => e);
  assertEquals((error as WireError).code, "invalidArgument");
  near.abort();
  await far.closed;
});
