/**
 * What a terminal is given of what a peer said.
 */

import { assert, assertEquals } from "@std/assert";
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

test("described() names the code, or the function and what it threw", () => {
  const remote = { name: "E\u001b", message: "no", functionName: "f" };
  const errors: [unknown, string][] = [
    [new WireError("deadline", "late\u001b"), "deadline: late\\u{1b}"],
    [new RemoteError(remote), "f threw E\\u{1b}: no"],
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
