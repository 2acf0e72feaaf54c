/** What the type checker makes of values of declared types, and of `URL`. */

import { assert, assertEquals } from "@std/assert";
import {
  type Contract,
  contract,
  type Declared,
  type NotSendable,
  type Received,
  valueType,
  wirePair,
} from "../../mod.ts";
import { classType } from "../../wire/types/mod.ts";
import { test } from "../_test.ts";
import { v } from "../wire/_schemas.ts";

/** A class that the type checker knows for one. */
class Money {
  #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  get cents(): number {
    return this.#cents;
  }
  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

const money = valueType({
  name: "money",
  test: (value): value is Money => value instanceof Money,
  toData: (value) => ({ cents: value.cents }),
  fromData: ({ cents }) => new Money(cents),
});

interface Till {
  double(sum: Declared<Money>): Declared<Money>;
  total(sums: Declared<Money>[], note?: { at: URL }): { sum: Declared<Money> };
  each(sums: AsyncIterable<Declared<Money>>): AsyncIterable<Declared<Money>>;
  undeclared(sum: Money): number;
  host(at: URL): URL;
}

test("classes that are declared are given and arrive as themselves", async () => {
  const options = { valueTypes: [money] };
  const [near, far] = wirePair<Till>(options, options);
  far.serve({
    double: (sum) => sum.plus(sum),
    total: (sums) => ({
      sum: sums.reduce((one: Money, other) => one.plus(other), new Money(0)),
    }),
    async *each(sums) {
      for await (const sum of sums) yield sum.plus(sum);
    },
    undeclared: () => 0,
    host: (at) => new URL("/", at),
  });
  const f = near.remoteValue;
  const twice: Money = await f.double(new Money(21));
  assertEquals(twice.plus(twice).cents, 84);
  const { sum } = await f.total([twice, twice], { at: new URL("a:b") });
  const plain: Money = sum;
  assertEquals(plain.cents, 84);
  async function* sums() {
    yield new Money(1);
  }
  for await (const item of await f.each(sums())) assertEquals(item.cents, 2);
  const host: URL = await f.host(new URL("http://a.b/c"));
  assertEquals(host.href, "http://a.b/");
  const refused = () => {
    // @ts-expect-error: the interface does not say that it is declared
    f.undeclared(new Money(1));
    // @ts-expect-error: a number is no Money
    f.double(7);
  };
  const why: Received<Money> extends NotSendable<infer Why> ? Why : never =
    "An instance of a class cannot be sent. Send a plain object with its data, pass it by reference with makeRemoteObject(), or declare it with valueType() and Declared<T>.";
  assert(why.includes("valueType()"));
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});

test("valueType() and classType() infer what they are of", () => {
  class Point {
    constructor(readonly x: number, readonly y: number) {}
  }
  const tuple = valueType({
    name: "point",
    test: (value): value is Point => value instanceof Point,
    toData: (point) => [point.x, point.y],
    fromData: ([x, y]) => new Point(x, y),
  });
  const data: readonly [number, number] = tuple.toData(new Point(1, 2));
  assertEquals(data, [1, 2]);
  assertEquals(classType("point", Point, ["x", "y"]).name, "point");
  const wrong = () => {
    // @ts-expect-error: there is no z
    classType("point", Point, ["x", "z"]);
    valueType({
      name: "point",
      test: (value): value is Point => value instanceof Point,
      // @ts-expect-error: the data is a text
      toData: (point) => point.x,
      fromData: (text: string) => new Point(text.length, 0),
    });
  };
  assertEquals(typeof wrong, "function");
});

interface Bank {
  pay(sum: Declared<Money>): Declared<Money>;
}

test("a contract with value types has the interface with Declared", async () => {
  const definition = {
    pay: { args: [v.instance(Money)], result: v.instance(Money) },
  } as const;
  const bank: Contract<Bank> = contract(definition, { valueTypes: [money] });
  const [near, far] = wirePair({ expects: bank }, {
    serves: bank,
    functions: { pay: (sum) => sum.plus(sum) },
  });
  const paid: Money = await near.remoteValue.pay(new Money(2));
  assertEquals(paid.cents, 4);
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: an argument of another type
    near.remoteValue.pay(2);
    // @ts-expect-error: no such option
    contract(definition, { valueType: [money] });
    // @ts-expect-error: no value type
    contract(definition, { valueTypes: [Money] });
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});
