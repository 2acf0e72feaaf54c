import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CallOptions,
  type Values,
  values,
} from "../../wire/rpc/context.ts";
import { type Caller, remotes } from "../../wire/rpc/remote.ts";
import { test } from "../_test.ts";

/** A caller that notes what it is asked to carry out. */
class Notes implements Caller {
  readonly calls: unknown[][] = [];

  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    this.calls.push(["call", name, args, wantsValues, options]);
    return Promise.resolve(name);
  }

  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    this.calls.push(["send", name, args, options]);
    return Promise.resolve();
  }
}

interface Anything {
  [name: string]: (...args: unknown[]) => unknown;
}

interface Calculator {
  add(a: number, b: number): number;
  divmod(a: number, b: number): Values<[number, number]>;
  slow(): Promise<string>;
  readonly version: string;
}

test("remotes() makes the three ways to call", async () => {
  const notes = new Notes();
  const { remote, remoteValue, remoteValues } = remotes<Calculator>(notes);
  assertEquals(await remote.add(1, 2), undefined);
  await remoteValue.add(3, 4);
  await remoteValues.divmod(5, 6);
  assertEquals(notes.calls, [
    ["send", "add", [1, 2], undefined],
    ["call", "add", [3, 4], false, undefined],
    ["call", "divmod", [5, 6], true, undefined],
  ]);
});

test("remotes() sends its options with each call", async () => {
  const notes = new Notes();
  const options = { deadline: 5 };
  const { remote, remoteValue, remoteValues } = remotes<Anything>(
    notes,
    options,
  );
  await Promise.all([remote.f!(), remoteValue.f!(), remoteValues.f!()]);
  assertEquals(notes.calls.map((call) => call.at(-1)), Array(3).fill(options));
});

test("remotes() takes any string for a name, but those that are called by themselves", async () => {
  const names = [
    "a/b",
    "",
    "0",
    "__proto__",
    "prototype",
    "call",
    "catch",
    "inspect",
    "nodeType",
    "имя",
    "\ufeff𝄞",
  ];
  const notes = new Notes();
  const { remoteValue } = remotes<Anything>(notes);
  for (const name of names) {
    assertEquals(await remoteValue[name]!(name), name);
    assertEquals(await remoteValue[name]!(name), name, "the second time");
  }
  const called = notes.calls.map((call) => call[1]);
  assertEquals(called, names.flatMap((name) => [name, name]));
  const own = remoteValue as unknown as Record<string, unknown>;
  for (const name of ["then", "toJSON", "constructor", "asymmetricMatch"]) {
    assertEquals(own[name], undefined, name);
  }
  const text = "[object RemoteFunctions]";
  assertEquals([`${remoteValue}`, remoteValue.toLocaleString()], [text, text]);
  assert(remoteValue.valueOf() as unknown === remoteValue);
  for (
    const name of ["hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"]
  ) {
    assertEquals(await remoteValue[name]!("none"), false as unknown);
  }
  assertEquals(notes.calls.length, 2 * names.length);
});

test("remotes() makes proxies that may be awaited and looked at", async () => {
  const notes = new Notes();
  const { remoteValue } = remotes<Anything>(notes);
  assert(await remoteValue === remoteValue);
  const symbols = remoteValue as unknown as Record<symbol, unknown>;
  for (const symbol of [Symbol.iterator, Symbol.toPrimitive, Symbol("own")]) {
    assertEquals(symbols[symbol], undefined);
  }
  assertEquals(Object.keys(remoteValue), []);
  assertEquals(notes.calls, []);
});

test("remotes() gives the same function for the same name", () => {
  const { remote, remoteValue } = remotes<Calculator>(new Notes());
  assert(remoteValue.add === remoteValue.add);
  assert((remote.add as unknown) !== remoteValue.add);
});

test("remotes() makes proxies that others may stand in front of", async () => {
  const notes = new Notes();
  const { remoteValue } = remotes<Anything>(notes);
  const seen: PropertyKey[] = [];
  const logged = new Proxy(remoteValue, {
    get(target, name, receiver) {
      if (typeof name === "string") seen.push(name);
      return Reflect.get(target, name, receiver);
    },
  });
  assertEquals(await logged.f!(1), "f");
  assert(logged.f === remoteValue.f);
  assertEquals(seen, ["f", "f"]);
  const heir = Object.create(remoteValue) as Anything;
  assertEquals(await heir.g!(2), "g");
  const prototype = Object.getPrototypeOf(remoteValue);
  assertEquals(Reflect.get(prototype, "f"), undefined);
  assertEquals(Reflect.get(prototype, "f", undefined), undefined);
});

test("remotes() remembers no more names than it needs", async () => {
  const notes = new Notes();
  const { remoteValue } = remotes<Anything>(notes);
  for (let index = 0; index < 1_500; index++) {
    assertEquals(await remoteValue[`f${index}`]!(), `f${index}`);
  }
  assertEquals(Object.getOwnPropertyNames(remoteValue).length, 1_000);
  assertEquals(await remoteValue.f1499!(1), "f1499");
});

test("remotes() makes proxies whose functions cannot be replaced", () => {
  const { remoteValue } = remotes<Anything>(new Notes());
  const open = remoteValue as Record<string, unknown>;
  const before = open.f;
  assertThrows(() => open.f = () => {}, TypeError);
  assertThrows(() => open.g = () => {}, TypeError);
  assert(open.f === before);
});

test("remotes() lets a call's failure through", async () => {
  const failing: Caller = {
    call: () => Promise.reject(new RangeError("call")),
    send: () => Promise.reject(new RangeError("send")),
  };
  const { remote, remoteValue } = remotes<Anything>(failing);
  await assertRejects(() => remoteValue.f!(), RangeError, "call");
  await assertRejects(() => remote.f!(), RangeError, "send");
});

test("remotes() types functions as their callers see them", () => {
  const { remote, remoteValue, remoteValues } = remotes<Calculator>(
    new Notes(),
  );
  // Never called: the compiler is what is tested here.
  const _typed = async () => {
    const sum: number = await remoteValue.add(1, 2);
    const quotient: number = await remoteValue.divmod(1, 2);
    const both: [number, number] = await remoteValues.divmod(1, 2);
    const list: [number] = await remoteValues.add(1, 2);
    const text: string = await remoteValue.slow();
    const nothing: void = await remote.add(1, 2);
    // @ts-expect-error: an argument of the wrong type
    remoteValue.add("1", 2);
    // @ts-expect-error: an argument too few
    remoteValue.add(1);
    // @ts-expect-error: no such function
    remoteValue.subtract(1, 2);
    // @ts-expect-error: not a function
    remoteValue.version();
    return [sum, quotient, both, list, text, nothing];
  };
  assertEquals(values(1, 2).list, [1, 2]);
});
