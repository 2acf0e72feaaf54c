/** Errors as values. */

import { assert, assertEquals } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { makeError } from "../../wire/codec/value_kinds.ts";
import { test } from "../_test.ts";
import { codeOf, decodeAll, encodeAll, newEncoder } from "./_codec.ts";
import { roundTrip, valueOf } from "./_codec.ts";
import { exactly } from "./_exact.ts";

function keeps(value: Error, arrives: Error = value): void {
  assertEquals(exactly(roundTrip(value)), exactly(arrives));
  assertEquals(exactly(decodeValue(encodeValue(value))), exactly(arrives));
}

function named<T extends Error>(error: T, name: string): T {
  Object.defineProperty(error, "name", { value: name, configurable: true });
  return error;
}

const BUILT_IN = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
];

test("encodeValue() takes errors of every built-in class", () => {
  for (const Kind of BUILT_IN) {
    keeps(new Kind("message"));
    keeps(new Kind());
    const arrived = roundTrip(new Kind("m"));
    assert(arrived instanceof Kind, Kind.name);
    assertEquals(Object.getPrototypeOf(arrived), Kind.prototype);
  }
});

test("encodeValue() takes causes of every kind, and their absence", () => {
  for (
    const cause of [undefined, null, 0, "why", { code: 1 }, [new Error("1")]]
  ) {
    keeps(new Error("caused", { cause }));
  }
  keeps(
    new Error("1", { cause: new TypeError("2", { cause: new Error("3") }) }),
  );
  assertEquals(
    Object.hasOwn(roundTrip(new Error("x")) as Error, "cause"),
    false,
  );
  const arrived = roundTrip(new Error("x", { cause: undefined })) as Error;
  assertEquals(Object.hasOwn(arrived, "cause"), true);
});

test("encodeValue() takes an AggregateError with its errors", () => {
  keeps(new AggregateError([]));
  keeps(new AggregateError([new TypeError("a"), "b", 3], "several"));
  keeps(new AggregateError([new AggregateError([1n])], "m", { cause: 1 }));
  assert(roundTrip(new AggregateError([])) instanceof AggregateError);
});

test("encodeValue() takes custom names, and makes an Error of them", () => {
  for (const name of ["ValidationError", "", "__proto__", "toString", "Błąd"]) {
    keeps(named(new Error("m"), name));
  }
  class ParseError extends SyntaxError {
    override name = "ParseError";
  }
  keeps(new ParseError("m"), named(new Error("m"), "ParseError"));
  keeps(named(new AggregateError([1], "m"), "Several"));
  keeps(named(new Error("m"), "AggregateError"));
  keeps(
    new DOMException("gone", "AbortError") as Error,
    named(new Error("gone"), "AbortError"),
  );
});

test("encodeValue() takes own enumerable properties of an error", () => {
  keeps(Object.assign(new RangeError("m"), { code: "E1", at: [1, { x: 2 }] }));
  keeps(
    Object.assign(new Error("m"), { then: 1, toString: 2, constructor: 3 }),
  );
  keeps(Object.assign(new Error("m"), { 2: "b", 1: "a" }));
  const arrived = roundTrip(new WireError("limit", "too much")) as Error;
  assertEquals(arrived.name, "WireError");
  assertEquals((arrived as WireError).code, "limit");
  assert(!(arrived instanceof WireError), "it is the peer's, not this side's");
});

test("encodeValue() leaves an error's stack at home unless told", () => {
  const error = new Error("secret place");
  assert(error.stack?.includes("error_values_test"));
  const bytes = encodeAll([{ kind: "message", value: [error] }]);
  assertEquals(new TextDecoder().decode(bytes).includes("_test.ts"), false);
  const [arrived] = valueOf(decodeAll([bytes])) as Error[];
  assertEquals(arrived?.stack, "Error: secret place");

  const encoder = newEncoder(undefined, { sendStacks: true });
  const told = encodeAll([{ kind: "message", value: [error] }], encoder);
  const [open] = valueOf(decodeAll([told])) as Error[];
  assertEquals(open?.stack, error.stack);
});

test("decodeValue() keeps the stack out of an error's own data", () => {
  const error = roundTrip(Object.assign(new Error("m"), { a: 1 })) as Error;
  assertEquals(Object.keys(error), ["a"]);
  assertEquals(`${error}`, "Error: m");
});

test("encodeValue() repairs the texts of an error", () => {
  const broken = named(new Error("half \ud800"), "\udc00");
  keeps(broken, named(new Error("half \ufffd"), "\ufffd"));
});

test("encodeValue() finds that an error contains itself", () => {
  const error = new Error("loop");
  error.cause = error;
  assertEquals(codeOf(() => encodeValue(error)), "limit");
  const holder = Object.assign(new Error("loop"), { self: [] as unknown[] });
  holder.self.push(holder);
  assertEquals(codeOf(() => encodeValue(holder)), "limit");
  const several = new AggregateError([]);
  several.errors.push(several);
  assertEquals(codeOf(() => encodeValue(several)), "limit");
});

/** An error named "E" with the message "m": its flags, and what follows. */
function errorBytes(flags: number, ...parts: number[]): Uint8Array {
  // Two key sets stand before it: { a } and { name }.
  const sets = [2, 2, 1, 0x61, 2, 4, 0x6e, 0x61, 0x6d, 0x65];
  return Uint8Array.from([...sets, 0xd6, 1, 0x45, 1, 0x6d, flags, ...parts]);
}

/** Errors that no sender makes. */
const BAD: [string, Uint8Array][] = [
  ["an unknown part", errorBytes(16)],
  ["many unknown parts", errorBytes(0xff)],
  ["errors that are no list", errorBytes(4, 1)],
  ["data that is no object", errorBytes(8, 1)],
  ["data that is a list", errorBytes(8, 0xa0)],
  ["data that is null", errorBytes(8, 0xc0)],
  ["data that is a Date", errorBytes(8, 0xd0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ["data that is a Map", errorBytes(8, 0xd4, 0)],
  ["data that names its name", errorBytes(8, 0xb1, 1)],
  ["a stack that is cut", errorBytes(1, 5, 0x61)],
  ["no cause", errorBytes(2)],
];

test("decodeValue() refuses errors that no sender makes", () => {
  assertEquals(
    exactly(decodeValue(errorBytes(8, 0xb0, 1))),
    exactly(
      named(Object.assign(new Error("m"), { a: 1 }), "E"),
    ),
  );
  for (const [what, bytes] of BAD) {
    assertEquals(codeOf(() => decodeValue(bytes)), "malformed", what);
  }
});

const PARTS = {
  name: "TypeError",
  message: "m",
  stack: undefined,
  hasCause: true,
  cause: 1,
  errors: undefined,
  data: undefined,
};

/** A copy of the module that has made no error yet. */
async function newMakeError(name: string): Promise<typeof makeError> {
  const url = new URL("../../wire/codec/value_kinds.ts", import.meta.url);
  return (await import(`${url}?${name}`)).makeError;
}

/** What can be seen of errors of all kinds. */
function seen(make: typeof makeError): string[] {
  return [
    make(PARTS),
    make({ ...PARTS, name: "Odd", hasCause: false }),
    make({ ...PARTS, name: "AggregateError", errors: [1] }),
    make({ ...PARTS, name: "Several", errors: [] }),
  ].map((error) => {
    const { stack: _stack, ...rest } = Object.getOwnPropertyDescriptors(error);
    const { constructor } = Object.getPrototypeOf(error);
    return Deno.inspect([constructor.name, Error.isError(error), rest]) +
      error.stack;
  });
}

test("makeError() copies errors, which record no stack", async () => {
  const usual = seen(makeError);
  const { structuredClone } = globalThis;
  let copies = 0;
  try {
    globalThis.structuredClone = (value) => {
      copies++;
      return structuredClone(value);
    };
    const make = await newMakeError("counted");
    assertEquals(seen(make), usual);
    // Of each of two classes one, to see how copies turn out, and more and more.
    assertEquals(copies, 3 + 5);
    const many = Array.from({ length: 1_000 }, () => make(PARTS));
    assert(copies < 100, `${copies} copies`);
    assertEquals(new Set(many).size, 1_000);
  } finally {
    globalThis.structuredClone = structuredClone;
  }
});

test("makeError() makes the same where errors cannot be copied", async () => {
  const usual = seen(makeError);
  const { structuredClone } = globalThis;
  const others: unknown[] = [undefined, () => ({}), () => {
    throw new Error("no");
  }];
  for (const [index, other] of others.entries()) {
    try {
      globalThis.structuredClone = other as typeof structuredClone;
      const make = await newMakeError(`uncopied ${index}`);
      assertEquals(seen(make), usual);
    } finally {
      globalThis.structuredClone = structuredClone;
    }
  }
});

test("makeError() leaves the limit of stacks as it was", async () => {
  const usual = seen(makeError);
  const limit = Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")!;
  const set: unknown[] = [];
  try {
    Object.defineProperty(Error, "stackTraceLimit", {
      configurable: true,
      get: () => limit.value,
      set: (value) => set.push(value),
    });
    assertEquals(seen(await newMakeError("set")), usual);
    assertEquals(set, [0, limit.value, 0, limit.value]);
    // Frozen, or missing as where the engine is another one.
    for (const value of [3, undefined]) {
      Object.defineProperty(Error, "stackTraceLimit", {
        configurable: true,
        writable: false,
        value,
      });
      assertEquals(seen(await newMakeError(`${value}`)), usual);
      assertEquals(Error.stackTraceLimit, value);
    }
  } finally {
    Object.defineProperty(Error, "stackTraceLimit", limit);
  }
});
