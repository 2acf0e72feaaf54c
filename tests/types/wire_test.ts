/**
 * The types of a wire: what the type checker has to know, and to refuse.
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  type Values,
  values,
  type Wire,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";

interface Calculator {
  add(a: number, b: number): number;
  divmod(a: number, b: number): Values<[number, number]>;
  greet(name?: string): Promise<string>;
  "a/b"(x: string): void;
  readonly version: string;
}

interface Multiplier {
  multiply(a: number, b: number): number;
}

/** An implementation, each parameter typed by the interface. */
function serveOn(far: Wire<object, Calculator>): void {
  far.serve({
    add(this: CallContext, a, b) {
      return a + b;
    },
    divmod: (a, b) => values(Math.floor(a / b), a % b),
    greet: (name = "self") => `Hello ${name.trim()}.`,
    "a/b": (x) => void x.length,
  });
}

test("Wire knows the types of arguments and results", async () => {
  const [near, far] = wirePair<Calculator>();
  serveOn(far);
  const sum: number = await near.remoteValue.add(40, 2);
  const both: [number, number] = await near.remoteValues.divmod(17, 5);
  const first: number = await near.remoteValue.divmod(17, 5);
  const single: [number] = await near.remoteValues.add(1, 2);
  const text: string = await near.remoteValue.greet();
  const nothing: void = await near.remoteValue["a/b"]("x");
  assertEquals(
    [sum, both, first, single, text, nothing],
    [42, [3, 2], 3, [3], "Hello self.", undefined],
  );
  await near.close();
});

test("Wire refuses wrong names, arguments and implementations", async () => {
  const [near, far] = wirePair<Calculator>();
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: an argument of another type
    near.remoteValue.add("1", 2);
    // @ts-expect-error: too few arguments
    near.remote.add(1);
    // @ts-expect-error: no such function
    near.remoteValue.multiply(1, 2);
    // @ts-expect-error: no function
    near.remoteValue.version;
    // @ts-expect-error: functions are missing
    far.serve<Calculator>({ add: (a, b) => a + b });
    // @ts-expect-error: a result of another type
    far.serve<{ add(a: number): number }>({ add: () => "text" });
  };
  assertEquals(typeof refused, "function");
  await near.close();
  await far.closed;
});

test("Wire without an interface takes any name", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x) => x, count: (...all: unknown[]) => all.length });
  // An object whose type is an interface has no index signature.
  const implementation: Multiplier = { multiply: (a, b) => a * b };
  far.serve(implementation);
  const untyped: Wire = near;
  assertEquals(await untyped.remoteValue.multiply(6, 7), 42);
  assertEquals(await untyped.remoteValue.echo("x"), "x");
  assertEquals(await untyped.remoteValues["count"](1, 2, 3), [3]);
  await near.close();
});
