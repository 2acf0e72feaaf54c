/**
 * What a terminal is given of what a peer said.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { FormError, fromJson } from "../../cli/_json.ts";
import {
  asJson,
  described,
  harmless,
  HarmlessBytes,
  shown,
  signature,
} from "../../cli/_text.ts";
import { RemoteError, WireError } from "../../mod.ts";
import { test } from "../_test.ts";

test("harmless() writes out what moves a cursor or turns the writing", () => {
  const texts: [string, string][] = [
    ["plain, größer, 語 \u{1f600}", "plain, größer, 語 \u{1f600}"],
    ["two\nlines\tand a tab", "two\nlines\tand a tab"],
    ["\u001b[31mred\r\u0007\u0000", "\\u{1b}[31mred\\u{d}\\u{7}\\u{0}"],
    ["\u009b1A\u007f", "\\u{9b}1A\\u{7f}"],
    ["\u202egnp.exe\u2066\u200f", "\\u{202e}gnp.exe\\u{2066}\\u{200f}"],
  ];
  for (const [text, expected] of texts) assertEquals(harmless(text), expected);
});

test("shown() gives strings as they are, but to a terminal", () => {
  assertEquals(shown("a\u001b", false), "a\u001b");
  assertEquals(shown("a\u001b", true), "a\\u{1b}");
  assertEquals(shown({ a: "\u001b" }, false), '{ a: "\\x1b" }');
  const error = new Error("\u001b[2J");
  assertEquals(shown(error, false).includes("\u001b"), false);
  const deep = { a: { b: { c: { d: { e: { f: 1 } } } } } };
  assertEquals(
    shown(deep, true).replaceAll(/\s/g, ""),
    "{a:{b:{c:{d:{e:{f:1}}}}}}",
  );
});

test("asJson() has something for every value", () => {
  const values: [unknown, string][] = [
    [undefined, "null"],
    [2n ** 70n, '{"$BigInt":"1180591620717411303424"}'],
    [
      [NaN, -Infinity, -0],
      '[{"$Number":"NaN"},{"$Number":"-Infinity"},{"$Number":"-0"}]',
    ],
    [new Map([[1, new Set(["a"])]]), '{"$Map":[[1,{"$Set":["a"]}]]}'],
    [new BigInt64Array(1), '{"$BigInt64Array":[{"$BigInt":"0"}]}'],
    [new Uint8Array([1, 2]), '{"$Uint8Array":"AQI="}'],
    [new Uint8Array([1, 2]).buffer, '{"$ArrayBuffer":"AQI="}'],
    [new DataView(new Uint8Array([1, 2]).buffer, 1), '{"$DataView":"Ag=="}'],
    [new Date(0), '{"$Date":"1970-01-01T00:00:00.000Z"}'],
    [new Date(NaN), '{"$Date":null}'],
    [new URL("http://x/"), '{"$URL":"http://x/"}'],
    [
      Object.assign(new RangeError("odd", { cause: 7n }), { at: 1 }),
      '{"$Error":{"name":"RangeError","message":"odd","cause":{"$BigInt":"7"},"at":1}}',
    ],
    [
      new AggregateError([new Error("a")], "b"),
      '{"$Error":{"name":"AggregateError","message":"b","errors":[{"$Error":{"name":"Error","message":"a"}}]}}',
    ],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
    // What looks like a form, and the words of JSON Schema, which do not.
    [{ $Map: [] }, '{"$Object":{"$Map":[]}}'],
    [{ $Object: 1n }, '{"$Object":{"$Object":{"$BigInt":"1"}}}'],
    [{ $ref: "#" }, '{"$ref":"#"}'],
    [{ $Map: [], more: 1 }, '{"$Map":[],"more":1}'],
    [{ toJSON: "text", ["__proto__"]: 1 }, '{"toJSON":"text","__proto__":1}'],
  ];
  for (const [value, json] of values) assertEquals(asJson(value), json);
});

test("fromJson() gives what asJson() was given", () => {
  const values: unknown[] = [
    ...[
      null,
      true,
      "text",
      1.5,
      -0,
      NaN,
      Infinity,
      -Infinity,
      7n,
      -(2n ** 70n),
    ],
    ...[Number.MAX_SAFE_INTEGER, 2 ** 53, -(2 ** 63), 1e20, 1e21, 1e300],
    [new Map<unknown, unknown>([[1n, new Set([{ a: new Date(0) }])]])],
    [new Date(NaN), new URL("http://x/")],
    [new Uint8Array([1, 2]), new Uint8Array(2).buffer],
    new DataView(new Uint8Array([1, 2]).buffer),
    [
      new Float32Array([1.5, NaN, -0]),
      new Float16Array(1),
      new Int8Array([-1]),
    ],
    [new BigInt64Array([-1n]), new BigUint64Array(1)],
    [new Uint8ClampedArray([255]), new Int16Array(1), new Uint16Array(1)],
    [new Int32Array(1), new Uint32Array(1), new Float64Array([0.1])],
    Object.assign(new RangeError("odd", { cause: 7n }), { at: new Date(1) }),
    new AggregateError([new Error("a")], "b"),
    Object.assign(new Error("c"), { errors: 1 }),
    Object.defineProperty(new Error("d"), "name", { value: "Own" }),
    ...[{ $Map: [] }, { $Object: { $Date: 1n } }, { $ref: "#" }, { $Foo: 1 }],
    [{ $Map: [], more: { $BigInt: "x" } }, { $Date: "soon" }, {}],
  ];
  for (const value of values) {
    const json = asJson(value);
    const back = fromJson(json);
    assertEquals(asJson(back), json);
    // Stacks differ.
    if (value instanceof Error) assert(back instanceof value.constructor);
    else assertEquals(back, value, json);
    assert(Object.is(back, value) || typeof back === "object", json);
  }
  const odd = fromJson(
    '{"$Error":{"name":"Odd","message":"m","code":3}}',
  ) as Error;
  assert(odd instanceof Error);
  assertEquals([odd.name, Object.entries(odd)], ["Odd", [["code", 3]]]);
  assert(fromJson(asJson(new TypeError())) instanceof TypeError);
  const own = fromJson('{"__proto__": {"$BigInt": "1"}}') as object;
  assertEquals(Object.entries(own), [["__proto__", 1n]]);
});

test("fromJson() loses no digit, and refuses forms that stand for nothing", () => {
  for (
    const [json, value] of [
      ["9007199254740991", 9007199254740991],
      ["9007199254740992", 9007199254740992n],
      ["9007199254740993", 9007199254740993n],
      ["-9007199254740993", -9007199254740993n],
      ["9007199254740993.0", 9007199254740992],
      ["1e16", 1e16],
      ['[{"id": 12345678901234567890}]', [{ id: 12345678901234567890n }]],
      ['"9007199254740993"', "9007199254740993"],
      ['{"\\u0024BigInt": "1"}', 1n],
      ['{"$Date": "2026-01-01"}', new Date("2026-01-01")],
    ] as const
  ) assertEquals<unknown>(fromJson(json), value, json);
  for (
    const json of [
      ...['{"$Date": "soon"}', '{"$Date": 0}', '{"$BigInt": 1}'],
      ...['{"$BigInt": "x"}', '{"$BigInt": ""}', '{"$Number": "1"}'],
      ...['{"$Map": [1]}', '{"$Set": {}}', '{"$URL": "x"}', '{"$Error": "m"}'],
      ...['{"$Error": {"message": "m"}}', '{"$Uint8Array": "?"}'],
      ...['{"$Int8Array": ["1"]}', '{"$BigInt64Array": [1]}'],
      ...['[{"$RemoteObject": null}]', '{"$RemoteStream": null}'],
      ...['{"$Object": []}', '{"$Int8Array": "AA=="}', '{"$DataView": 1}'],
    ]
  ) assertThrows(() => fromJson(json), FormError, "stands for a value", json);
  const beyond = [
    "1e400",
    "-1E+400",
    `[${"9".repeat(309)}.5]`,
    '{"x":10e0308}',
  ];
  for (const json of beyond) {
    assertThrows(() => fromJson(json), SyntaxError, "the largest number", json);
  }
  assertEquals(fromJson("1e308"), 1e308);
});

test("described() names the code, or the function and what it threw", () => {
  const remote = { name: "E\u001b", message: "no", functionName: "f" };
  const errors: [unknown, string][] = [
    [new WireError("deadline", "late\u001b"), "deadline: late\\u{1b}"],
    [new RemoteError(remote), "f threw E\\u{1b}: no"],
    [
      new RemoteError({
        ...{ name: "E", message: "a\nb", functionName: "f", errors: [1] },
        cause: new RangeError("odd\n\u001b", { cause: 7 }),
        data: { at: new Date(0), text: "\u009b" },
      }),
      [
        "f threw E: a",
        "  b",
        '  caused by RangeError: "odd\\n\\u001b" caused by 7',
        "  of [1]",
        '  with { at: 1970-01-01T00:00:00.000Z, text: "\\u{9b}" }',
      ].join("\n"),
    ],
    [new Error("plain"), "plain"],
    ["text", "text"],
  ];
  for (const [error, text] of errors) assertEquals(described(error), text);
});

test("signature() keeps to its lines, whatever the peer says", () => {
  const contract = { args: [], result: null, errors: ["A\nB"] };
  assertEquals(
    signature({
      kind: "function",
      name: "f\n\u001b",
      arity: 1,
      doc: "a\nb\r",
      contract,
    }),
    "f\\n\\u{1b}(): unknown\n  throws A\\nB\n  a\n  b\\u{d}",
  );
});

const SCHEMAS: [object | null, string][] = [
  [null, "unknown"],
  [{}, "unknown"],
  [{ type: "string" }, "string"],
  [{ type: ["string", "null"] }, "string | null"],
  [{ type: "array" }, "array"],
  [{ type: "array", items: {} }, "unknown[]"],
  [{ type: "array", items: { enum: [1, 2] } }, "(1 | 2)[]"],
  [
    { type: "array", items: { type: "array", items: { anyOf: [{}] } } },
    "(unknown)[][]",
  ],
  [{ const: null }, "null"],
  [{ properties: { a: { const: "x" } }, required: 7 }, '{ a?: "x" }'],
  [{ anyOf: "nonsense", enum: 1, properties: null }, "unknown"],
];

test("signature() shows schemas in few words", () => {
  for (const [schema, text] of SCHEMAS) {
    const contract = { args: [schema], result: null, errors: [] };
    const info = { kind: "function", name: "f", arity: 1, contract } as const;
    assertEquals(signature(info), `f(${text}): unknown`);
  }
});

test("described() names flags in messages of the module", () => {
  const said = (message: string) => described(new WireError("limit", message));
  const options = [
    "Give listener.requireCredential and tls, or leave address out.",
    'Give it more time, or let them go on with the call\'s option { streams: "free" }.',
    "it does not speak TLS. Leave tls out, or give the server its tls option (x).",
    "If it speaks TLS, give the option tls.",
    "give it as tls.hostname, tls.caCerts, tls.cert or tls.key",
    "cert and key do not belong together",
    'The option "listener.requireCredential" is a text',
  ];
  for (const message of options) {
    const text = said(message).replaceAll(/--[a-z-]+/g, "FLAG");
    assert(text.includes("FLAG"), text);
    assert(!/tls|streams|listener|address|\bcert\b/.test(text), text);
  }
});

test("HarmlessBytes shows a character whose bytes come in two pieces", () => {
  const harmless = new HarmlessBytes();
  const [first, ...rest] = new TextEncoder().encode("é…");
  const pieces = [[first!], rest].map((bytes) =>
    harmless.take(new Uint8Array(bytes))
  );
  const shown = new Uint8Array([...pieces, harmless.take()].flatMap((each) => [
    ...each,
  ]));
  assertEquals(new TextDecoder().decode(shown), "é…");
});
