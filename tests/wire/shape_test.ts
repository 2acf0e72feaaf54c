/**
 * Shapes: what of a JSON Schema two ends compare, and whether they fit.
 */

import { assert, assertEquals } from "@std/assert";
import {
  findIncompatibility,
  shallow,
  type Shape,
  shapeOf,
} from "../../wire/contract/_signature.ts";
import { test } from "../_test.ts";
import { toStandardJsonSchema, type, v, z } from "./_schemas.ts";

/** A shape as plain data: some of its objects have no prototype. */
function plain(shape: Shape): unknown {
  return JSON.parse(JSON.stringify(shape));
}

const DIALECT = { target: "draft-2020-12" } as const;

test("shapeOf() is the same whichever library tells", () => {
  const schemas = [
    toStandardJsonSchema(v.object({
      zeta: v.number(),
      alpha: v.optional(v.pipe(v.string(), v.minLength(1))),
      pair: v.tuple([v.number(), v.string()]),
      by: v.record(v.string(), v.boolean()),
      unit: v.picklist(["m", "cm"]),
      maybe: v.nullable(v.string()),
      list: v.array(v.pipe(v.number(), v.integer())),
      which: v.variant("kind", [
        v.object({ kind: v.literal("a"), n: v.number() }),
        v.object({ kind: v.literal("b") }),
      ]),
    })),
    z.object({
      alpha: z.string().max(99).optional().describe("first"),
      zeta: z.number(),
      list: z.array(z.int()),
      pair: z.tuple([z.number(), z.string()]),
      by: z.record(z.string(), z.boolean()),
      unit: z.enum(["cm", "m"]),
      maybe: z.string().nullable(),
      which: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("b") }),
        z.object({ kind: z.literal("a"), n: z.number() }),
      ]),
    }),
    type({
      zeta: "number",
      "alpha?": "string > 0",
      pair: ["number", "string"],
      by: "Record<string, boolean>",
      unit: "'m' | 'cm'",
      maybe: "string | null",
      list: "number.integer[]",
      which: [{ kind: "'a'", n: "number" }, "|", { kind: "'b'" }],
    }),
  ];
  for (const schema of schemas) {
    assertEquals(
      plain(shapeOf(schema["~standard"].jsonSchema.input(DIALECT))),
      {
        "alpha?": "string",
        by: ["map", "boolean"],
        list: ["list", "number"],
        maybe: ["or", "null", "string"],
        pair: ["tuple", "number", "string"],
        unit: ["or", '"cm"', '"m"'],
        which: ["or", { kind: '"a"', n: "number" }, { kind: '"b"' }],
        zeta: "number",
      },
    );
  }
});

test("shapeOf() knows nothing of what it cannot tell", () => {
  const loop = z.object({
    value: z.number(),
    get next() {
      return loop.optional();
    },
  });
  const shape = plain(shapeOf(loop["~standard"].jsonSchema.input(DIALECT)));
  assert(JSON.stringify(shape).includes('"next?":"any"'));
  let deep: Record<string, unknown> = { type: "string" };
  for (let i = 0; i < 100_000; i++) deep = { type: "array", items: deep };
  const wide = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, i) => [`k${i}`, { type: "null" }]),
  );
  assert(JSON.stringify(shapeOf(deep)).length < 200);
  const told = shapeOf({ type: "object", properties: wide, required: ["k0"] });
  assertEquals((told as Record<string, Shape>)["k0"], "null");
  assertEquals((told as Record<string, Shape>)["k99999?"], "any");
  for (
    const schema of [
      {},
      { not: {} },
      { type: "money" },
      { $ref: "https://example.org/" },
      { $ref: "#/$defs/none" },
      { $ref: "#/__proto__/toString" },
      { $ref: "#" },
      { anyOf: [{ type: "number" }, {}] },
      { anyOf: [] },
      { enum: [{ a: 1 }] },
      { allOf: [{ type: "number" }] },
      { type: "string", anyOf: [{ type: "string" }] },
    ]
  ) assertEquals(shapeOf(schema), "any", JSON.stringify(schema));
});

test("shallow() leaves out what is deep", () => {
  const shape: Shape = { a: ["list", { b: "string" }], "c?": "null" };
  assertEquals(plain(shallow(shape, 3)), plain(shape));
  assertEquals(plain(shallow(shape, 2)), { a: ["list", "any"], "c?": "null" });
  assertEquals(plain(shallow(shape, 1)), { a: "any", "c?": "null" });
  assertEquals(shallow(shape, 0), "any");
  assertEquals(shallow("string", 0), "string");
});

test("findIncompatibility() finds where what is sent does not fit what is taken", () => {
  const cases: [Shape, Shape, string | undefined][] = [
    ["string", "string", undefined],
    ["string", "number", "string, not number"],
    ["any", "number", undefined],
    ["number", "any", undefined],
    // What a later version may say.
    ["money", "number", undefined],
    ["number", ["range", "1", "2"], undefined],
    ['"a"', "string", undefined],
    ["string", '"a"', 'string, not "a"'],
    ["12", "number", undefined],
    ["-1", "string", "-1, not string"],
    ["boolean", ["or", "false", "true"], undefined],
    ["boolean", "true", "false, not true"],
    ["true", "boolean", undefined],
    ["string", ["or", "null", "string"], undefined],
    [["or", "null", "string"], "string", "null, not string"],
    [["or", '"a"', '"b"'], ["or", '"a"', '"b"', '"c"'], undefined],
    [["or", '"a"', '"d"'], ["or", '"a"', '"b"'], '"d", not "a" | "b"'],
    [["list", "string"], ["list", "number"], "[] string, not number"],
    [["list", "string"], "string", "list of string, not string"],
    [["tuple", "string"], ["tuple", "number"], "[0] string, not number"],
    [["tuple", "string"], ["list", "number"], "[0] string, not number"],
    [["list", "string"], ["tuple", "number"], undefined],
    [["map", "string"], ["map", "number"], "[] string, not number"],
    [
      ["map", "string"],
      ["list", "string"],
      "map of string, not list of string",
    ],
    [["map", "string"], { a: "number" }, undefined],
    [["list", "string"], { a: "string" }, "list of string, not { a: string }"],
    [{ a: "string" }, { a: "string", "b?": "string" }, undefined],
    [{ a: "string", b: "string" }, { a: "string" }, undefined],
    [{ a: "string" }, { b: "string" }, ".b nothing, not string"],
    [{ "a?": "string" }, { a: "string" }, ".a nothing at times, not string"],
    [{ a: "string" }, { "a?": "number" }, ".a string, not number"],
    [
      { a: { b: ["list", "string"] } },
      { a: { b: ["list", "null"] } },
      ".a.b[] string, not null",
    ],
    [{}, { constructor: "string" }, ".constructor nothing, not string"],
    [{ k: '"a"' }, ["or", { k: '"a"' }, { k: '"b"' }], undefined],
    [
      { k: '"c"' },
      ["or", { k: '"a"' }, { k: '"b"' }],
      '{ k: "c" }, not { k: "a" } | { k: "b" }',
    ],
  ];
  for (const [sent, taken, expected] of cases) {
    const found = findIncompatibility(sent, taken);
    assertEquals(
      found && `${found.path} ${found.sent}, not ${found.taken}`.trim(),
      expected,
      JSON.stringify([sent, taken]),
    );
  }
});
