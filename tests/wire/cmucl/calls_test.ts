/** Calls between two wires that speak CMUCL's protocol. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  RemoteError,
  values,
  type Wire,
  type WireError,
} from "../../../wire/mod.ts";
import {
  Cons,
  form,
  keyword,
  listOf,
  nil,
  RemoteAbort,
  remoteValueBind,
  symbol,
} from "../../../wire/cmucl/mod.ts";
import { settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { lispPair } from "./_lisp.ts";

test("Wire.remoteValue gets one value", async () => {
  await using pair = lispPair();
  pair.far.serve({
    "cl:+": (...numbers: number[]) => numbers.reduce((a, b) => a + b, 0),
    echo: (value: unknown) => value,
    later: (value: unknown) => Promise.resolve(value),
    two: () => values(1, 2),
    none: () => {},
  });
  const { remoteValue } = pair.near;
  assertEquals(await remoteValue["CL:+"](), 0);
  assertEquals(await remoteValue["cl:+"](1, 2, 3, 4, 5), 15);
  assertEquals(await remoteValue["cl:+"](1, 2, 3, 4, 5, 6), 21);
  assertEquals(await remoteValue["common-lisp:+"](...Array(255).fill(1)), 255);
  assertEquals(await remoteValue.echo([keyword("K"), new Cons(1, "x")]), [
    keyword("K"),
    new Cons(1, "x"),
  ]);
  assertEquals(await remoteValue.ECHO(2n ** 99n), 2n ** 99n);
  assertEquals(await remoteValue.later("later"), "later");
  assertEquals(await remoteValue.two(), 1);
  assert(await remoteValue.none() === nil);
});

test("Wire.remoteValues gets all values, however many", async () => {
  await using pair = lispPair();
  pair.far.serve({
    count: (n: number) => values(...Array.from({ length: n }, (_, i) => i)),
    one: () => [7, 8],
  });
  for (const count of [0, 1, 2, 5, 6, 300]) {
    const list = await pair.near.remoteValues.count(count);
    assertEquals(list, Array.from({ length: count }, (_, i) => i));
  }
  assertEquals(await pair.near.remoteValues.one(), [[7, 8]]);
});

test("remoteValueBind() gets as many values as it asks for", async () => {
  await using pair = lispPair();
  pair.far.serve({ three: () => values("a", "b", "c"), one: () => "a" });
  const all = ["a", "b", "c", nil, nil, nil, nil];
  for (const count of [1, 2, 3, 4, 5]) {
    assertEquals(
      await remoteValueBind(pair.near, count, "three", []),
      all.slice(0, count),
    );
  }
  // More than five travel as the list of all there are.
  assertEquals(
    await remoteValueBind(pair.near, 6, "three", []),
    all.slice(0, 3),
  );
  assertEquals(await remoteValueBind(pair.near, 2, "one", []), ["a", nil]);
  assertEquals(await remoteValueBind(pair.near, 0, "one", []), []);
  for (const count of [-1, 1.5, NaN]) {
    const error = await assertRejects(() =>
      remoteValueBind(pair.near, count, "one", [])
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});

test("Wire.remote calls one way, in order", async () => {
  await using pair = lispPair();
  const seen: unknown[] = [];
  pair.far.serve({ note: (value: unknown) => void seen.push(value) });
  for (let n = 0; n < 10; n++) pair.near.remote.note(n);
  await pair.near.ping();
  assertEquals(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("Wire.outputObject() and getObject() carry data, in order", async () => {
  await using pair = lispPair();
  for (const value of [1, "two", [symbol("THREE")], nil]) {
    await pair.near.outputObject(value);
  }
  const got: unknown[] = [];
  for (let n = 0; n < 4; n++) got.push(await pair.far.getObject());
  assertEquals(got, [1, "two", [symbol("THREE")], nil]);
});

test("Wire calls several at a time, answered in any order", async () => {
  await using pair = lispPair();
  const gates = new Map<number, (value: unknown) => void>();
  pair.far.serve({
    wait: (n: number) => new Promise((resolve) => gates.set(n, resolve)),
  });
  const calls = [0, 1, 2].map((n) => pair.near.remoteValue.wait(n));
  await pair.near.ping();
  for (const n of [1, 2, 0]) gates.get(n)!(`answer ${n}`);
  assertEquals(await Promise.all(calls), ["answer 0", "answer 1", "answer 2"]);
});

test("Wire carries call-backs within call-backs, 100 deep each way", async () => {
  await using pair = lispPair();
  const down = {
    async down(this: CallContext<Wire>, n: number): Promise<unknown> {
      return n === 0 ? "bottom" : await this.wire.remoteValue.down(n - 1);
    },
  };
  pair.near.serve(down);
  pair.far.serve(down);
  assertEquals(await pair.near.remoteValue.down(200), "bottom");
  assertEquals(await pair.far.remoteValue.down(200), "bottom");
});

test("Wire reports an abort as an error of its own", async () => {
  const reported: string[] = [];
  await using pair = lispPair({}, {
    onError: (error, where) =>
      reported.push(`${where}: ${(error as Error).message}`),
  });
  pair.far.serve({
    fail() {
      throw new RangeError("kept at home");
    },
    later: () => Promise.reject(new Error("that too")),
    unsendable: () => 1.5,
  });
  for (const name of ["fail", "later", "unsendable", "cl:car"]) {
    const error = await pair.near.remoteValue[name]().catch((e: unknown) => e);
    assert(error instanceof RemoteAbort, name);
    assert(error instanceof RemoteError);
    assertEquals([error.name, error.functionName], ["RemoteAbort", name]);
    assert(!error.message.includes("home"));
    // Whose stack shows who called.
    assert(error.stack?.includes("calls_test.ts"), error.stack);
  }
  for (const count of [2, 6]) {
    const error = await remoteValueBind(pair.near, count, "fail", [])
      .catch((e: unknown) => e);
    assert(error instanceof RemoteAbort);
  }
  assertEquals(reported.length, 6);
  assertEquals(reported[0], 'call of "COMMON-LISP-USER::FAIL": kept at home');
  assert(/UNSENDABLE.*integers only/s.test(reported[2]!), reported[2]);
  assert(/COMMON-LISP:CAR.*not served/.test(reported[3]!), reported[3]);
});

test("Wire refuses at the sender what cannot be sent, and goes on", async () => {
  await using pair = lispPair();
  pair.far.serve({ echo: (value: unknown) => value });
  for (const value of [0.5, "\u2603", {}, new Date(0)]) {
    const error = await assertRejects(() =>
      pair.near.remoteValue.echo(symbol("FRESH"), value)
    ) as WireError;
    assertEquals(error.code, "unsupportedValue");
    await assertRejects(() => pair.near.outputObject(value));
    await assertRejects(() => pair.near.remote.echo(value));
  }
  const error = await assertRejects(() => pair.near.remoteValue["a b"](1));
  assertEquals((error as WireError).code, "invalidArgument");
  assertEquals(
    await pair.near.remoteValue.echo(symbol("FRESH")),
    symbol("FRESH"),
  );
  assertEquals(pair.near.stats().callsPending, 0);
});

test("form() is performed by the peer, innermost first", async () => {
  await using pair = lispPair();
  const order: string[] = [];
  pair.far.serve({
    note: (name: string, ...rest: unknown[]) => {
      order.push(name);
      return values([name, ...rest], "second");
    },
    "note-later": async (name: string, ...rest: unknown[]) => {
      await undefined;
      order.push(name);
      return [name, ...rest];
    },
  });
  const value = await pair.near.remoteValue.note(
    "a",
    form("note-later", "b", form("note", "c")),
    form("note", "d"),
    1,
  );
  assertEquals(value, ["a", ["b", ["c"]], ["d"], 1]);
  assertEquals(order, ["c", "b", "d", "a"]);
});

test("form() that unwinds ends its call as well", async () => {
  await using pair = lispPair();
  let called = 0;
  pair.far.serve({ "cl:list": (...items: unknown[]) => (called++, items) });
  const { remoteValue } = pair.near;
  for (const inner of [form("missing"), form("cl:list", form("missing"))]) {
    const error = await remoteValue["cl:list"](1, inner).catch((e: unknown) =>
      e
    );
    assert(error instanceof RemoteAbort);
  }
  assertEquals(called, 0);
  assertEquals(await remoteValue["cl:list"](form("cl:list", 1)), [[1]]);
});

test("Wire keeps calls behind one whose arguments take their time", async () => {
  await using pair = lispPair();
  const order: unknown[] = [];
  const gate = Promise.withResolvers<string>();
  pair.far.serve({
    slow: () => gate.promise,
    note: (value: unknown) => void order.push(value),
  });
  pair.near.remote.note(form("slow"));
  pair.near.remote.note("second");
  const asked = pair.near.remoteValue.note("third");
  await settle();
  assertEquals(order, []);
  gate.resolve("first");
  await asked;
  assertEquals(order, ["first", "second", "third"]);
});

test("Wire serves the peer's call-backs while an argument waits for it", async () => {
  await using pair = lispPair();
  pair.near.serve({ back: (n: number) => n + 1 });
  pair.far.serve({
    ask(this: CallContext<Wire>, n: number) {
      return this.wire.remoteValue.back(n);
    },
    "cl:list": (...items: unknown[]) => items,
  });
  const list = await pair.near.remoteValue["cl:list"](
    form("ask", 1),
    form("ask", 2),
  );
  assertEquals(listOf(list), [2, 3]);
});

test("Wire.with() gives up here; the answer that comes late is discarded", async () => {
  await using pair = lispPair();
  const gate = Promise.withResolvers<string>();
  pair.far.serve({ slow: () => gate.promise, quick: () => "quick" });
  const error = await assertRejects(() =>
    pair.near.with({ deadline: 1 }).remoteValue.slow()
  ) as WireError;
  assertEquals([error.code, error.sent], ["deadline", "maybeExecuted"]);
  const abort = new AbortController();
  const call = pair.near.with({ signal: abort.signal }).remoteValue.slow();
  abort.abort();
  assertEquals(
    (await assertRejects(() => call) as WireError).code,
    "cancelled",
  );
  gate.resolve("late");
  assertEquals(await pair.near.remoteValue.quick(), "quick");
});

test("Wire.ping() needs no function at the peer", async () => {
  await using pair = lispPair();
  assert(await pair.near.ping() >= 0);
  assertEquals(pair.far.stats().callsServed, 0);
});

test("Wire.serve() reads names as Lisp does", async () => {
  await using pair = lispPair();
  pair.far.serve({
    list: () => "inherited",
    "|Bar|": () => "bars",
    "my-package::f": () => "package",
  });
  const { remoteValue } = pair.near;
  assertEquals(await remoteValue.List(), "inherited");
  // Lisp's own symbols are at home in COMMON-LISP-USER, and so are CMUCL's.
  assertEquals(await remoteValue["cl:list"](), "inherited");
  assertEquals(await remoteValue["ext:list"](), "inherited");
  assertEquals(await remoteValue["|Bar|"](), "bars");
  assertEquals(await remoteValue["MY-PACKAGE:F"](), "package");
  for (const name of ["Bar", "other::list", "my-package::list", ":list"]) {
    const error = await remoteValue[name]().catch((e: unknown) => e);
    assert(error instanceof RemoteAbort, name);
  }
  for (const bad of [{ f() {}, F() {} }, { "a b"() {} }, { f: 1 }, new Map()]) {
    let code = "";
    try {
      pair.far.serve(bad);
    } catch (error) {
      code = (error as WireError).code;
    }
    assertEquals(code, "invalidArgument");
  }
});

test("close() waits for no call that its caller gave up before", async () => {
  await using pair = lispPair();
  const answer = Promise.withResolvers<number>();
  pair.far.serve({
    never: () => new Promise(() => {}),
    later: () => answer.promise,
  });
  const controller = new AbortController();
  const { remoteValue } = pair.near.with({ signal: controller.signal });
  const given = assertRejects(() => remoteValue.never());
  const later = pair.near.remoteValue.later();
  await settle();
  controller.abort();
  await given;
  const closing = pair.near.close();
  await settle();
  answer.resolve(2);
  assertEquals(await later, 2);
  await closing;
  assertEquals(pair.near.ended?.code, "closed");
});
