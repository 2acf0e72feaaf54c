/**
 * What a peer tells of the functions that it serves.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  Refusal,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import { contract, type StandardSchema } from "../../wire/contract/contract.ts";
import { DESCRIBED, LIST_FUNCTIONS } from "../../wire/rpc/served.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

const CONTRACT = {
  args: [{ type: "number" }, null],
  rest: null,
  result: { type: "number" },
  errors: ["Odd"],
};

/** A function that tells of itself. */
function described(description: object): () => void {
  return Object.assign(() => {}, { [DESCRIBED]: description });
}

test("Wire.listFunctions() lists what is served, by name", async () => {
  const [near, far] = wirePair();
  assertEquals(await near.listFunctions(), []);
  far.serve({
    zero: () => 0,
    add: (a: number, b: number) => a + b,
    // Neither optional arguments nor the rest count.
    rest: (a: number, b = 1, ...c: number[]) => [a, b, c],
    toString: () => "own",
    ["__proto__"]: (x: unknown) => x,
  });
  far.serve({ "größe/x": (_: unknown) => 1 });
  assertEquals(
    (await near.listFunctions()).map(({ name, arity }) => [name, arity]),
    [
      ["__proto__", 1],
      ["add", 2],
      ["größe/x", 1],
      ["rest", 1],
      ["toString", 0],
      ["zero", 0],
    ],
  );
  await near.close();
});

test("Wire.listFunctions() tells what functions tell of themselves", async () => {
  const [near, far] = wirePair();
  far.serve({
    all: described({
      name: "other",
      arity: 2,
      doc: "Adds.",
      contract: CONTRACT,
    }),
    some: described({ name: "some", arity: 1 }),
    // What is inherited is not looked at.
    none: Object.setPrototypeOf(() => {}, { [DESCRIBED]: { arity: 9 } }),
  });
  assertEquals(await near.listFunctions(), [
    {
      kind: "function",
      name: "all",
      arity: 2,
      doc: "Adds.",
      contract: CONTRACT,
    },
    { kind: "function", name: "none", arity: 0 },
    { kind: "function", name: "some", arity: 1 },
  ]);
  await near.close();
});

/** A schema of a made-up library, which can say what it is. */
const NUMBER: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "number" ? { value } : { issues: [{ message: "no" }] },
  },
};

test("Wire.listFunctions() tells what a contract says", async () => {
  const adder = contract({
    add: { args: [NUMBER, NUMBER], result: NUMBER, doc: "Adds." },
  });
  const [near] = wirePair({}, {
    serves: adder,
    functions: { add: (a: number, b: number) => a + b },
  });
  const [add] = await near.listFunctions();
  assertEquals([add?.name, add?.arity, add?.doc], ["add", 2, "Adds."]);
  assertEquals(add?.contract?.args.length, 2);
  await near.close();
});

test("Wire.listFunctions() fails where the peer does not tell", async () => {
  const [near, far] = wirePair({}, { introspection: false });
  far.serve({ add: (a: number, b: number) => a + b });
  const error = await assertRejects(
    () => near.listFunctions(),
    WireError,
  ) as WireError;
  assertEquals(error.code, "noSuchFunction");
  // The other end tells.
  assertEquals(await far.listFunctions(), []);
  await near.close();
});

test("Wire.listFunctions() goes through middleware like any call", async () => {
  const names: string[] = [];
  const [near] = wirePair({
    callThrough: [(call, next) => {
      names.push(call.name);
      return next();
    }],
  }, {
    serveThrough: [(call, next) => {
      if (call.metadata.user === "alice") return next();
      throw new Refusal("permissionDenied", "Only Alice may look.");
    }],
  });
  const error = await assertRejects(
    () => near.listFunctions(),
    WireError,
  ) as WireError;
  assertEquals(error.code, "permissionDenied");
  assertEquals(await near.listFunctions({ metadata: { user: "alice" } }), []);
  assertEquals(names, [LIST_FUNCTIONS, LIST_FUNCTIONS]);
  await near.close();
});

test("Wire.serve() refuses the name of the wire's own function", async () => {
  for (const introspection of [true, false]) {
    const [near, far] = wirePair({ introspection });
    const error = assertThrows(
      () => near.serve({ add() {}, [LIST_FUNCTIONS]() {} }),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    // All or nothing.
    const call = () => far.remoteValue.add();
    const missing = await assertRejects(call, WireError) as WireError;
    assertEquals(missing.code, "noSuchFunction");
    await near.close();
  }
});

test("Wire.listFunctions() knows that CMUCL's protocol has no words for it", async () => {
  const [here, there] = memoryTransports();
  const near = makeWire(here, { dialect: cmucl() });
  const far = makeWire(there, { dialect: cmucl() });
  const error = await assertRejects(
    () => near.listFunctions(),
    WireError,
  ) as WireError;
  assertEquals([error.code, error.message.includes("cmucl")], [
    "noSuchFunction",
    true,
  ]);
  // It has no such function either, and may serve one.
  far.serve({ [LIST_FUNCTIONS.toUpperCase()]: () => 1 });
  assertEquals(await near.remoteValue[LIST_FUNCTIONS](), 1);
  await Promise.all([near.close(), far.close()]);
});

const info = { kind: "function", name: "f", arity: 0 };
const ANSWERS: [string, unknown][] = [
  ["nothing", undefined],
  ["an object", { length: 0 }],
  ["no name", [{ ...info, name: 1 }]],
  ["no arity", [{ kind: "function", name: "f" }]],
  ["an arity below 0", [{ ...info, arity: -1 }]],
  ["an arity beyond all bounds", [{ ...info, arity: 1e9 }]],
  ["an arity of half", [{ ...info, arity: 0.5 }]],
  ["a doc that is no text", [{ ...info, doc: {} }]],
  ["a contract that is none", [{ ...info, contract: { args: [] } }]],
  ["a schema that is none", [{
    ...info,
    contract: { ...CONTRACT, args: [1] },
  }]],
  ["errors without names", [{
    ...info,
    contract: { ...CONTRACT, errors: [1] },
  }]],
];

for (const [what, value] of ANSWERS) {
  test(`Wire.listFunctions() refuses an answer with ${what}`, async () => {
    await using peer = new RawPeer();
    await peer.open();
    const listing = assertRejects(() => peer.wire.listFunctions(), WireError);
    const asked = await peer.hear("call");
    assertEquals([asked?.name, asked?.args], [LIST_FUNCTIONS, []]);
    await peer.tell({ kind: "return", id: asked!.id, value });
    assertEquals((await listing as WireError).code, "malformed");
    assertEquals(peer.wire.ended, undefined);
  });
}

test("Wire.listFunctions() leaves out what it does not know", async () => {
  await using peer = new RawPeer();
  await peer.open();
  const listing = peer.wire.listFunctions();
  const asked = await peer.hear("call");
  const value = [{ ...info, more: 1 }, { kind: "class", name: "C" }, null];
  await peer.tell({ kind: "return", id: asked!.id, value });
  assertEquals(await listing as unknown[], [info]);
});
