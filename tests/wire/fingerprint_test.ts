/**
 * What two ends tell of their contracts in their hellos, and what comes of it.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AnyContract,
  contract,
  makeWire,
  memoryTransports,
  type WireError,
  wirePair,
} from "../../mod.ts";
import type {
  FunctionDefinition,
  StandardSchema,
} from "../../wire/contract/contract.ts";
import { contractSummary, signaturesOf } from "../../wire/contract/_rules.ts";
import { hello, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { LIBRARIES, schema, told, v, z } from "./_schemas.ts";

const START = "The caller's contract is not the server's. ";

/** What the text of a hello says of a contract. */
function textOf(of: AnyContract, helloFrame = 16_384, credential = ""): string {
  return contractSummary(signaturesOf(of), helloFrame, credential);
}

/** The reasons for which two ends do not open a wire; none if they do. */
async function reasons(
  expects: AnyContract,
  serves: AnyContract,
): Promise<[caller: WireError, server: WireError] | undefined> {
  const [near, far] = wirePair({ expects }, { serves });
  const failed = await Promise.all(
    [near, far].map((wire) =>
      wire.opened.then(() => undefined, (error: WireError) => error)
    ),
  );
  near.abort();
  far.abort();
  await Promise.all([near.closed, far.closed]);
  const [caller, server] = failed;
  assertEquals(caller === undefined, server === undefined);
  return caller && server && [caller, server];
}

/** A contract of one function. */
function one(definition: FunctionDefinition): AnyContract {
  return contract({ divide: definition });
}

test("fingerprint() tells what is served in a text that people can read", () => {
  const calculator = contract({
    divide: {
      args: [z.number(), z.number().optional()],
      rest: z.boolean(),
      result: z.object({ q: z.number(), r: z.number().optional() }),
      errors: { Zero: z.object({ by: z.number() }), Other: null },
      version: "2",
    },
    ["__proto__"]: { args: [v.bigint()] },
  });
  assertEquals(
    textOf(calculator),
    '[1,["divide",1,["number","number"],"boolean",[{"q":"number","r?":"number"}],[["Zero",{"by":"number"}],["Other",{}]],"2"],["__proto__",1,["any"],null,null,[]]]',
  );
  assertEquals(textOf(contract({})), "");
});

test("a contract is no mismatch whichever library describes it", async () => {
  const all = Object.values(LIBRARIES).map(
    ({ number, optional, point, digits }) =>
      contract({
        move: { args: [point, digits, optional], result: number },
        late: { rest: number, results: [point, number], version: "1" },
      }),
  );
  for (const expects of all) {
    for (const serves of all) {
      assertEquals(await reasons(expects, serves), undefined);
    }
  }
});

test("a mismatch is reported at both ends, in the same words", async () => {
  const number = z.number();
  const string = z.string();
  const cases: [FunctionDefinition, FunctionDefinition, string | undefined][] =
    [
      [
        { args: [number, string] },
        { args: [number, number] },
        '"divide": as argument 2, the caller gives string, the server takes number.',
      ],
      [
        { args: [z.object({ a: z.array(z.object({ b: string })) })] },
        { args: [z.object({ a: z.array(z.object({ b: number })) })] },
        '"divide": as argument 1 at .a[].b, the caller gives string, the server takes number.',
      ],
      [
        { args: [number, number] },
        { args: [number, number, number] },
        '"divide": the caller gives 2 arguments, the server takes 3 arguments.',
      ],
      [
        { args: [number, number.optional()] },
        { args: [number] },
        '"divide": the caller gives 1 to 2 arguments, the server takes 1 argument.',
      ],
      [
        { rest: number },
        { args: [number.optional()] },
        '"divide": the caller gives 0 arguments or more, the server takes 0 to 1 arguments.',
      ],
      [
        { rest: string },
        { args: [number.optional()], rest: number },
        '"divide": as argument 1, the caller gives string, the server takes number.',
      ],
      [
        { result: number },
        { result: string },
        '"divide": as the result, the caller expects number, the server gives string.',
      ],
      [
        { results: [number, number] },
        { results: [number, string] },
        '"divide": as result 2, the caller expects number, the server gives string.',
      ],
      [
        { result: number },
        { results: [number, string] },
        '"divide": the caller expects 1 values, the server gives 2.',
      ],
      [
        { errors: { DivisionByZero: null } },
        {},
        '"divide": the caller knows the error "DivisionByZero", the server declares none of that name.',
      ],
      [
        { errors: { Zero: z.object({ by: number }) } },
        { errors: { Zero: z.object({ by: string }) } },
        '"divide": as the error "Zero" at .by, the caller expects number, the server gives string.',
      ],
      [
        { version: "1" },
        { version: "2" },
        '"divide": the caller knows the version "1", the server serves "2".',
      ],
      // What either side says less of, or the server takes besides, fits.
      [{ args: [number] }, { args: [number, string.optional()] }, undefined],
      [{ args: [number] }, { args: [z.union([number, string])] }, undefined],
      [{ args: [number] }, { args: [v.number()] }, undefined],
      [{ args: [number] }, { args: [number.min(5)] }, undefined],
      [{ args: [number] }, { rest: number }, undefined],
      [{}, { result: number, version: "1" }, undefined],
      [{ result: number }, {}, undefined],
      [{}, { errors: { New: null } }, undefined],
    ];
  for (const [expects, serves, words] of cases) {
    const found = await reasons(one(expects), one(serves));
    if (words === undefined) {
      assertEquals(found, undefined, found?.[0].message);
      continue;
    }
    if (found === undefined) throw new Error(`no mismatch: ${words}`);
    const [caller, server] = found;
    assertEquals(
      [caller.code, server.code],
      ["contractMismatch", "contractMismatch"],
    );
    assertEquals(caller.message, START + words);
    assertEquals(
      server.message,
      `The peer refused the connection: ${START}${words}`,
    );
  }
});

test("a mismatch is found by whichever end expects", async () => {
  const numbers = one({ args: [z.number()] });
  const strings = one({ args: [z.string()] });
  const both = { expects: numbers, serves: numbers };
  for (
    const [first, second, code] of [
      [{ serves: strings }, { expects: numbers }, "contractMismatch"],
      [{ ...both, serves: strings }, both, "contractMismatch"],
      [both, { ...both, serves: strings }, "contractMismatch"],
      [both, both, undefined],
      // Where only one end has a contract, there is nothing to compare.
      [{ expects: numbers }, {}, undefined],
      [{}, { serves: numbers }, undefined],
      [{ serves: strings }, { serves: numbers }, undefined],
      [{ expects: strings }, { expects: numbers }, undefined],
    ] as [object, object, string | undefined][]
  ) {
    const [a, b] = memoryTransports();
    const wires = [makeWire(a, first), makeWire(b, second)];
    const codes = await Promise.all(
      wires.map((wire) => wire.opened.then(() => undefined, (e) => e.code)),
    );
    assertEquals(codes, [code, code], JSON.stringify([first, second]));
    for (const wire of wires) wire.abort();
    await Promise.all(wires.map((wire) => wire.closed));
  }
});

test("a function that only one end knows is no mismatch", async () => {
  const n = { args: [z.number()] };
  assertEquals(
    await reasons(
      contract({ both: n, mine: n, constructor: n }),
      contract({ both: n, yours: n, toString: {} }),
    ),
    undefined,
  );
});

test("a report of many differences has as many as fit", async () => {
  const many = (of: StandardSchema) =>
    contract(Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`function${i}`, { args: [of] }]),
    ));
  const [caller, server] = await reasons(many(z.number()), many(z.string())) ??
    [];
  const [, shown = "", more] = caller?.message
    .match(/^(.*) And (\d+) more\.$/) ?? [];
  assertEquals(
    shown.match(/"function\d+": as argument 1/g)?.length,
    50 - Number(more),
  );
  assert(Number(more) < 50);
  assertEquals(
    server?.message,
    `The peer refused the connection: ${caller?.message}`,
  );
});

test("fingerprint() tells less of a contract that is large", async () => {
  const field = z.object({ name: z.string(), at: z.object({ x: z.number() }) });
  const large = (functions: number, argument: StandardSchema = field) =>
    contract(Object.fromEntries(
      Array.from({ length: functions }, (_, i) => [
        `function${i}`,
        { args: [argument], result: z.number() },
      ]),
    ));
  const size = (text: string) => new TextEncoder().encode(text).length;
  const parts = (text: string) => JSON.parse(text) as unknown[][];
  const argument = (text: string) => parts(text)[1]?.[2];
  assertEquals(argument(textOf(large(100))), [
    { at: { x: "number" }, name: "string" },
  ]);
  const flat = textOf(large(170));
  assertEquals(argument(flat), [{ at: "any", name: "string" }]);
  assertEquals(parts(flat).length, 171);
  const bare = textOf(large(210));
  assertEquals(argument(bare), ["any"]);
  assertEquals(parts(bare).length, 211);
  const fewer = textOf(large(5_000));
  assert(parts(fewer).length > 200 && parts(fewer).length < 5_000);
  for (const text of [flat, bare, fewer]) assert(size(text) <= 12 * 1024);
  // A side that takes little tells little, for its peer may be like it.
  const small = textOf(large(5_000), 4_096, "x".repeat(1_000));
  assert(size(small) <= 4_096 - 1_000 - 512 && parts(small).length > 10);
  assertEquals(textOf(large(10), 4_096, "x".repeat(4_000)), "");

  // Of what was told, differences are found; and it travels.
  const [caller] =
    await reasons(large(210), large(210, field.extend({ name: z.number() }))) ??
      [];
  assertEquals(caller, undefined);
  const fewest = await reasons(large(2_000), large(2_000));
  assertEquals(fewest, undefined);
  const counted = await reasons(
    large(210),
    contract({
      ...Object.fromEntries(
        Array.from({ length: 210 }, (_, i) => [`function${i}`, {}]),
      ),
    }),
  );
  assertEquals(counted?.[0].code, "contractMismatch");
});

test("fingerprint() is made with schemas that misbehave", async () => {
  const odd = (json: () => Record<string, unknown>) =>
    schema(() => Promise.reject(new Error("no")), json);
  const schemas = [
    odd(() => {
      throw new Error("no JSON Schema");
    }),
    odd(() => undefined as unknown as Record<string, unknown>),
    odd(() => ({
      type: "object",
      properties: {
        get a() {
          return { type: "string" };
        },
      },
    })),
    told({ enum: ["\ud800", 1n] }),
    told({ const: () => {} }),
  ];
  const text = textOf(one({ args: schemas }));
  assertEquals(
    JSON.parse(text)[1][2].slice(0, 3),
    ["any", "any", { "a?": "string" }],
  );
  assertEquals(
    await reasons(one({ args: schemas }), one({ args: schemas })),
    undefined,
  );
});

test("a hostile contract text harms nobody", async () => {
  const expects = contract({
    divide: {
      args: [z.number(), z.union([z.string(), z.null()])],
      result: z.number(),
    },
  });
  const fits =
    '[1,["divide",2,["number",["or","null","string"]],null,["number"],[]]]';
  const deep = (count: number) => "[".repeat(count) + "]".repeat(count);
  const ors = '["or",'.repeat(600) + '"null"' + "]".repeat(600);
  const cases: [text: string, code: string | undefined][] = [
    [fits, undefined],
    // Other forms, of other programs or later versions, tell nothing.
    ["calculator 1", undefined],
    ["[2,5]", undefined],
    ["\u0000", undefined],
    // Trailing items may come with a later version.
    ['[1,["divide",2,["number","any"],null,null,[],"1",5]]', undefined],
    // Those of this form must keep it.
    ["[1,", "malformed"],
    [`[1,${deep(8_000)}]`, "malformed"],
    ["[1,5]", "malformed"],
    ["[1,null]", "malformed"],
    ['[1,["divide"]]', "malformed"],
    ["[1,[5,2,[],null,null,[]]]", "malformed"],
    ['[1,["divide","2",[],null,null,[]]]', "malformed"],
    ['[1,["divide",2,{},null,null,[]]]', "malformed"],
    ['[1,["divide",2,[],null,5,[]]]', "malformed"],
    ['[1,["divide",2,[],null,null,[5]]]', "malformed"],
    ['[1,["divide",2,[],null,null,{}]]', "malformed"],
    ['[1,["divide",2,[],null,null,[],5]]', "malformed"],
    ['[1,["a",0,[],null,null,[]],["a",0,[],null,null,[]]]', "malformed"],
    // Shapes are looked at as far as they are understood.
    [`[1,["divide",2,[${deep(1_500)},${ors}],null,[${ors}],[]]]`, undefined],
    ['[1,["divide",2,[null,["or"]],5,[["list"]],[]]]', "contractMismatch"],
    ['[1,["divide",1e308,[],null,null,[]]]', "contractMismatch"],
    [
      '[1,["divide",2,[{"__proto__":{"a":1}},"any"],null,null,[]]]',
      "contractMismatch",
    ],
    [
      `[1,["divide",2,["any",["or",${
        '"string",'.repeat(1_500)
      }"null"]],null,null,[]]]`,
      undefined,
    ],
    [
      `[1,${
        Array.from({ length: 500 }, (_, i) => `["f${i}",0,[],null,null,[]]`)
      }]`,
      undefined,
    ],
  ];
  for (const [text, code] of cases) {
    await using peer = new RawPeer({ expects });
    await peer.tell({ ...hello(), contract: text } as ReturnType<typeof hello>);
    if (code === undefined) {
      await peer.tell({ kind: "accept" });
      await peer.wire.opened;
    } else {
      const error = await peer.wire.opened.catch((error) => error);
      assertEquals(error.code, code, text.slice(0, 80));
      assertEquals((await peer.hear("abort"))?.code, code);
      assert(error.message.length <= 1_000);
    }
  }
  // Who expects nothing does not look.
  await using peer = new RawPeer();
  await peer.tell({ ...hello(), contract: "[1," } as ReturnType<typeof hello>);
  await peer.tell({ kind: "accept" });
  await peer.wire.opened;
  // However much a wire takes before it accepts, this is enough.
  const limits = { helloFrame: 1024 * 1024 };
  await using large = new RawPeer({ expects, limits });
  const long = `[1,"${"x".repeat(70_000)}"]`;
  await large.tell({ ...hello(), contract: long } as ReturnType<typeof hello>);
  const error = await large.wire.opened.catch((error) => error);
  assertEquals(error.code, "malformed");
});
