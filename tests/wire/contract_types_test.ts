/**
 * The types of contracts: schemas and interfaces hold each other.
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  type Contract,
  contract,
  type Functions,
  makeWire,
  memoryTransports,
  type Values,
  values,
  type Wire,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { type, v, z } from "./_schemas.ts";

interface Calculator {
  add(a: number, b: number): number;
  divmod(a: number, b: number): Values<[number, number]>;
  greet(name?: string): Promise<string>;
  sum(...all: number[]): number;
}

/** Each function with another library; as it has to be written for JSR. */
const calculator: Contract<Calculator> = contract({
  add: { args: [v.number(), z.number()], result: type("number") },
  divmod: {
    args: [v.number(), v.number()],
    results: [z.number(), v.number()],
    errors: { DivisionByZero: null },
  },
  greet: { args: [v.optional(v.string())], result: z.string() },
  sum: { rest: type("number"), result: v.number() },
});

/** With schemas that transform: each side has its own view. */
const parser = contract({
  parse: {
    args: [z.string().transform(Number), type("string.numeric.parse")],
    result: v.pipe(v.number(), v.transform(String)),
    errors: { NoNumber: v.object({ at: v.number() }) },
  },
  note: { args: [v.string(), v.optional(v.number())] },
});

test("Contract carries the interface to both ends", async () => {
  const [near, far] = wirePair({ expects: calculator }, {
    serves: calculator,
    functions: {
      add(this: CallContext, a, b) {
        return a + b;
      },
      divmod: (a, b) => values(Math.floor(a / b), a % b),
      greet: async (name = "self") => await `Hello ${name.trim()}.`,
      sum: (...all) => all.reduce((a, b) => a + b, 0),
    },
  });
  const typed: Wire<Calculator> = near;
  const sum: number = await typed.remoteValue.add(40, 2);
  const both: [number, number] = await near.remoteValues.divmod(17, 5);
  const text: string = await near.remoteValue.greet();
  const total: number = await near.remoteValue.sum(1, 2, 3);
  assertEquals([sum, both, text, total], [42, [3, 2], "Hello self.", 6]);
  // A written interface, beside a contract and alone.
  const [a, b] = memoryTransports();
  const one = makeWire<Calculator>(a, { expects: calculator });
  const other = makeWire<object, Calculator>(b, { serves: calculator });
  other.serve(calculator.implement({
    add: (a, b) => a + b,
    divmod: (a, b) => values(a, b),
    greet: () => "",
    sum: () => 0,
  }));
  assertEquals(await one.remoteValue.add(1, 2), 3);
  await Promise.all([near.close(), far.close(), one.close(), other.close()]);
});

test("Contract has a view for callers and one for the implementer", async () => {
  const [a, b] = memoryTransports();
  const near = makeWire(a, { expects: parser });
  const far = makeWire(b, { serves: parser });
  far.serve(parser.implement({
    parse(first, second) {
      const sum: number = first + second;
      return sum;
    },
    note: (text, n) => void [text.length, n?.toFixed()],
  }));
  const text: string = await near.remoteValue.parse("40", "2");
  assertEquals(text, "42");
  await near.remoteValue.note("x");
  type Parser = Functions<typeof parser>;
  const typed: Wire<Parser> = near;
  const args: Parameters<Parser["note"]> = ["x"];
  await typed.remoteValue.note(...args);
  await near.close();
  await far.closed;
});

test("contract() and interface that do not fit are refused by the checker", () => {
  // Checked, but not run.
  const refused = () => {
    const wants = <T extends object>(_: Contract<T>) => {};
    const n = v.number();
    wants<{ f(a: number): number }>(contract({ f: { args: [n], result: n } }));
    wants<{ f(a: number): string }>(contract({ f: { args: [n] } }));
    // @ts-expect-error: an argument of another type
    wants<{ f(a: string): number }>(contract({ f: { args: [n], result: n } }));
    // @ts-expect-error: a result of another type
    wants<{ f(a: number): string }>(contract({ f: { args: [n], result: n } }));
    // @ts-expect-error: the interface takes more than the schema
    wants<{ f(a: number | string): void }>(contract({ f: { args: [n] } }));
    // @ts-expect-error: the schema takes more than the interface
    wants<{ f(a: 1 | 2): void }>(contract({ f: { args: [n] } }));
    // @ts-expect-error: more arguments than the interface has
    wants<{ f(a: number): void }>(contract({ f: { args: [n, n] } }));
    // @ts-expect-error: a function is missing
    wants<{ f(): void; g(): void }>(contract({ f: {} }));
    // @ts-expect-error: a function too many
    wants<{ f(): void }>(contract({ f: {}, g: {} }));
    // @ts-expect-error: no schema
    contract({ f: { args: [5] } });
    // @ts-expect-error: not by that name
    contract({ f: { arguments: [n] } });
  };
  assertEquals(typeof refused, "function");
});

test("Contract refuses wrong implementations, errors and options", () => {
  // Checked, but not run.
  const refused = (transport: Parameters<typeof makeWire>[0]) => {
    // @ts-expect-error: a function is missing
    parser.implement({ note: () => {} });
    // @ts-expect-error: a function too many
    parser.implement({ parse: () => 1, note: () => {}, other: () => {} });
    // @ts-expect-error: a result of another type
    parser.implement({ parse: () => "1", note: () => {} });
    parser.error("parse", "NoNumber", { at: 1 });
    // @ts-expect-error: data of another type
    parser.error("parse", "NoNumber", { at: "1" });
    // @ts-expect-error: data are missing
    parser.error("parse", "NoNumber");
    // @ts-expect-error: an error that is not declared
    parser.error("parse", "Other");
    // @ts-expect-error: of another function
    parser.error("note", "NoNumber", { at: 1 });
    const error: unknown = undefined;
    if (parser.isError(error, "parse", "NoNumber")) {
      const at: number = error.data.at;
      // @ts-expect-error: there is none
      return [at, error.data.other];
    }
    // @ts-expect-error: another interface than the contract's
    makeWire<Calculator>(transport, { expects: parser });
    // @ts-expect-error: another interface than the contract's
    makeWire<object, Calculator>(transport, { serves: parser });
    // @ts-expect-error: functions that do not fit the contract
    makeWire(transport, { serves: calculator, functions: { add: () => "" } });
    const near = makeWire(transport, { expects: parser });
    // @ts-expect-error: a number where digits travel
    return near.remoteValue.parse(40, 2);
  };
  assertEquals(typeof refused, "function");
});
