/**
 * The types of functions that an interface says may be left out, and of those
 * that have several signatures or type parameters.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  type Contract,
  contract,
  type Functions,
  type Implementation,
  keepConnected,
  makeRemoteObject,
  type Received,
  type RemoteFunction,
  type RemoteObject,
  type RemotePromise,
  type ServedFunctions,
  type Values,
  values,
  type Wire,
  WireError,
  wirePair,
} from "../../mod.ts";
import type { FunctionNames } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { v } from "../wire/_schemas.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function holds<T extends true>(): T | void {}

interface Api {
  fixed(x: number): string;
  opt?(x: number): string;
  both?: (a: number) => Values<[number, string]>;
  readonly later?: () => Promise<number[]>;
  readonly version?: string;
}

/** What FunctionNames has to tell apart. */
interface Members {
  plain(): void;
  opt?(): void;
  property?: () => void;
  orUndefined: (() => void) | undefined;
  // deno-lint-ignore no-explicit-any -- any stays any
  any: any;
  orNull: (() => void) | null;
  text?: string;
  nothing: undefined;
  never: never;
  unknown: unknown;
}

class Box {
  readonly label: string = "box";
  opt?(x: number): string;
  open(): number {
    return 1;
  }
}

class FullBox extends Box {
  override opt(x: number): string {
    return `opened ${x}`;
  }
}

async function code(call: Promise<unknown>): Promise<string | undefined> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof WireError);
  return (error as WireError).code;
}

test("FunctionNames has the functions that may be left out", () => {
  holds<
    Same<
      FunctionNames<Members>,
      "plain" | "opt" | "property" | "orUndefined" | "any"
    >
  >();
  holds<Same<FunctionNames<Api>, "fixed" | "opt" | "both" | "later">>();
  holds<Same<FunctionNames<Box>, "opt" | "open">>();
  holds<Same<keyof Implementation<Api>, "fixed" | "opt" | "both" | "later">>();
  assertEquals(holds.length, 0);
});

test("a function that may be left out can be called", async () => {
  const [near, far] = wirePair<Api>();
  far.serve({
    fixed: (x) => x.toFixed(1),
    opt(this: CallContext, x) {
      return `${this.functionName} ${x.toFixed()}`;
    },
    both: (a) => values(a, String(a)),
    later: () => Promise.resolve([1]),
  });
  const called: string | undefined = await near.remoteValue.opt?.(1);
  const plain: RemotePromise<string> = near.remoteValue.opt(2);
  const list: [number, string] = await near.remoteValues.both(3);
  const first: number = await near.remoteValue.both(4);
  const later: number[] = await near.remoteValue.later();
  const sent: Promise<void> = near.remote.opt(5);
  await sent;
  assertEquals(
    [called, await plain, list, first, later],
    ["opt 1", "opt 2", [3, "3"], 4, [1]],
  );
  await using kept = keepConnected(() => Promise.resolve(near));
  const repeated: string | undefined = await kept.remoteValue.opt?.(6);
  assertEquals(repeated, "opt 6");
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: an argument of another type
    near.remoteValue.opt("1");
    // @ts-expect-error: an argument of another type
    near.remoteValue.opt?.("1");
    // @ts-expect-error: too few arguments
    near.remote.opt();
    // @ts-expect-error: no function
    near.remoteValue.version;
    // @ts-expect-error: the result has another type
    const text: number = near.remoteValue.opt(1);
    return text;
  };
  assertEquals(typeof refused, "function");
});

test("a function that may be left out need not be served", async () => {
  const [near, far] = wirePair<Api>();
  far.serve({ fixed: (x) => x.toFixed(1) });
  assertEquals(await near.remoteValue.fixed(1), "1.0");
  // The proxy has a function for every name; what is not served fails.
  assertEquals(await code(near.remoteValue.opt(1)), "noSuchFunction");
  assertEquals(await code(near.remoteValues.both(1)), "noSuchFunction");
  const served: ServedFunctions<Api> = { fixed: () => "", later: () => [] };
  assertEquals(typeof served.opt, "undefined");
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: what may not be left out is missing
    far.serve<Api>({ opt: () => "" });
    // @ts-expect-error: a result of another type
    far.serve<Api>({ fixed: () => "", opt: () => 1 });
    // @ts-expect-error: an argument of another type
    far.serve<Api>({ fixed: () => "", opt: (x: string) => x });
    // @ts-expect-error: no function of the interface
    far.serve<Api>({ fixed: () => "", opd: () => "" });
    // @ts-expect-error: to leave it out is not to give undefined
    far.serve<Api>({ fixed: () => "", opt: undefined });
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});

test("a remote object may lack functions of its class", async () => {
  interface Shop {
    box(isFull: boolean): RemoteObject<Box>;
    take(options: { onDone?: (n: number) => void }): string;
  }
  const [near, far] = wirePair<Shop>();
  far.serve({
    box: (isFull) => makeRemoteObject(isFull ? new FullBox() : new Box()),
    async take({ onDone }) {
      const given: RemoteFunction<(n: number) => void> | undefined = onDone;
      await given?.(1);
      given?.[Symbol.dispose]();
      return typeof given;
    },
  });
  using full = await near.remoteValue.box(true);
  const opened: string | undefined = await full.remoteValue.opt?.(7);
  assertEquals([opened, await full.remoteValue.open()], ["opened 7", 1]);
  using empty = await near.remoteValue.box(false);
  assertEquals(await code(empty.remoteValue.opt(7)), "noSuchFunction");
  const piped: string = await near.remoteValue.box(true).remoteValue.opt(8);
  assertEquals(piped, "opened 8");
  holds<
    Same<
      Received<{ f?: () => void }>["f"],
      RemoteFunction<() => void> | undefined
    >
  >();
  const done: number[] = [];
  const taken = await near.remoteValue.take({ onDone: (n) => done.push(n) });
  assertEquals([taken, done], ["function", [1]]);
  assertEquals(await near.remoteValue.take({}), "undefined");
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: an argument of another type
    full.remoteValue.opt("7");
    // @ts-expect-error: no function
    full.remoteValue.label;
  };
  assertEquals(typeof refused, "function");
  full[Symbol.dispose]();
  empty[Symbol.dispose]();
  await Promise.all([near.close(), far.close()]);
});

interface Note {
  write(text: string): number;
  erase?(at: number): boolean;
}

const note: Contract<Note> = contract({
  write: { args: [v.string()], result: v.number() },
  erase: { args: [v.number()], result: v.boolean() },
});

test("a contract has all functions of its interface", async () => {
  const functions = {
    write: (text: string) => text.length,
    erase: (at: number) => at > 0,
  };
  const [near, far] = wirePair({ expects: note }, { serves: note, functions });
  const wire: Wire<Note> = near;
  const erased: boolean | undefined = await wire.remoteValue.erase?.(1);
  assertEquals([erased, await near.remoteValue.write("ab")], [true, 2]);
  assertEquals(await code(near.call("erase", ["1"])), "invalidArgument");
  holds<Same<Functions<typeof note>, Note>>();
  // A peer that serves another contract, without it, fits all the same.
  const [here, there] = wirePair({ expects: note }, {
    serves: contract({ write: { args: [v.string()], result: v.number() } }),
    functions: { write: functions.write },
  });
  assertEquals(await here.remoteValue.write("abc"), 3);
  assertEquals(await code(here.call("erase", [1])), "noSuchFunction");
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: the contract lacks a function of the interface
    const lacking: Contract<Note> = contract({
      write: { args: [v.string()], result: v.number() },
    });
    // @ts-expect-error: the implementation lacks a function of the contract
    note.implement({ write: functions.write });
    // @ts-expect-error: the functions lack one of the contract
    wirePair({}, { serves: note, functions: { write: functions.write } });
    // @ts-expect-error: an argument of another type
    note.implement({ ...functions, erase: (at: string) => at === "" });
    return lacking;
  };
  assertEquals(typeof refused, "function");
  for (const each of [near, far, here, there]) await each.close();
});

interface Odd {
  over(x: string): string;
  over(x: number): number;
  same<T>(x: T): T;
  pick<K extends string>(key: K, ...more: K[]): K;
}

test("of several signatures callers see the last, of type parameters the bounds", async () => {
  const [near, far] = wirePair<Odd>();
  function over(x: string): string;
  function over(x: number): number;
  function over(x: string | number): string | number {
    return x;
  }
  far.serve({ over, same: (x) => x, pick: (key) => key });
  const last: number = await near.remoteValue.over(1);
  const same = near.remoteValue.same({ a: 1 });
  holds<Same<typeof same, RemotePromise<unknown>>>();
  const picked = near.remoteValue.pick("a", "b");
  holds<Same<typeof picked, RemotePromise<string>>>();
  assertEquals([last, await same, await picked], [1, { a: 1 }, "a"]);
  // What the types do not show is there: a cast reaches it.
  const first = near.remoteValue as unknown as {
    over(x: string): Promise<string>;
  };
  assertEquals(await first.over("text"), "text");
  // Checked, but not run.
  const refused = () => {
    // @ts-expect-error: the first signature is not seen
    near.remoteValue.over("text");
    // @ts-expect-error: nothing is known of the result
    const kept: Promise<{ a: number }> = near.remoteValue.same({ a: 1 });
    // @ts-expect-error: outside of the bounds
    near.remoteValue.pick(1);
    return kept;
  };
  assertEquals(typeof refused, "function");
  await Promise.all([near.close(), far.close()]);
});
