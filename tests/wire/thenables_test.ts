/**
 * What came in is never awaited by mistake: a function under the key `then`
 * arrives as an object that calls it.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  isRemoteObject,
  makeRemoteObject,
  RemoteError,
  remoteObjectEq,
  remoteObjectValue,
  values,
  wirePair,
} from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { runGcProgram } from "./_gc_program.ts";

/** Something that came, with whatever under `then`. */
// deno-lint-ignore no-explicit-any -- nothing is known of what comes
type Came = any;

const never = () => new Promise<never>(() => {});

/** Objects that `await` would wait for in vain, as deep as may be. */
const SHAPES: Readonly<Record<string, () => unknown>> = {
  object: () => ({ then: never }),
  others: () => ({ a: 1, then: never, b: [2] }),
  deep: () => ({ deep: [{ then: never }] }),
  dictionary: () => ({
    ...Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`k${n}`, n])),
    then: never,
  }),
  // So many that generated code makes them.
  many: () => Array.from({ length: 30 }, () => ({ then: never })),
  map: () => new Map([["a", { then: never }]]),
  set: () => new Set([{ then: never }]),
  error: () => Object.assign(new Error("e"), { then: never }),
  cause: () => new Error("e", { cause: { then: never } }),
};

/** The first thing in a value that has a `then` of its own. */
function holderOf(value: unknown): Came {
  const found = new Set<unknown>([value]);
  for (const one of found) {
    if (typeof one !== "object" || one === null) continue;
    if (Object.hasOwn(one, "then")) return one;
    if (one instanceof Map) one.forEach((part) => found.add(part));
    else if (one instanceof Set) one.forEach((part) => found.add(part));
    else if (!isRemoteObject(one)) {
      for (const part of Object.values(one)) found.add(part);
      if (one instanceof Error) found.add(one.cause);
    }
  }
}

/** Checks that nothing can be called by whoever awaits it. */
function check(value: unknown, what: string): void {
  const { then } = holderOf(value);
  assertEquals(typeof then, "object", what);
  assert(isRemoteObject(then), what);
}

test("a result with a function then is there at once", async () => {
  const [near, far] = wirePair();
  far.serve({
    give: (shape: string) => [SHAPES[shape]!()],
    giveAll: (shape: string) => values(1, SHAPES[shape]!()),
    throwIt: (shape: string) => {
      throw SHAPES[shape]!();
    },
  });
  for (const shape of Object.keys(SHAPES)) {
    check(await near.remoteValue.give(shape), shape);
    check(await near.remoteValues.giveAll(shape), shape);
    const error = await assertRejects(
      () => near.remoteValue.throwIt(shape),
      RemoteError,
    );
    check(error, `${shape}, thrown`);
  }
  near.abort();
  await far.closed;
});

test("messages, arguments and items with a function then are data", async () => {
  const [near, far] = wirePair();
  const came: unknown[] = [];
  far.serve({
    async wait(x: unknown) {
      came.push(await x, x);
    },
    async drain(stream: AsyncIterable<unknown>) {
      for await (const item of stream) came.push(await item);
    },
  });
  for (const [shape, make] of Object.entries(SHAPES)) {
    await near.remoteValue.wait(make());
    near.outputObject(make());
    check(await far.getObject(), shape);
    const items = [make(), make()].values();
    await near.remoteValue.drain({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve(items.next()),
      }),
    });
    assertEquals(came.length, 4, shape);
    for (const value of came.splice(0)) check(value, shape);
  }
  near.abort();
  await far.closed;
});

test("a function under then can be called as a remote object", async () => {
  const [near, far] = wirePair();
  const add = (a: number, b: number) => a + b;
  far.serve({
    give: () => [{ then: add, add }],
    isAdd: (x: unknown) => x === add,
  });
  const [came]: Came[] = await near.remoteValue.give();
  assertEquals(await came.then.remoteValue(1, 2), 3);
  assertEquals(await came.add(3, 4), 7);
  assert(came.then !== came.add && remoteObjectEq(came.then, came.add));
  // It is the same whenever it comes, and is what it ever was at home.
  const [again]: Came[] = await near.remoteValue.give();
  assert(again.then === came.then && again.add === came.add);
  assertEquals(await near.remoteValue.isAdd(came.then), true);
  for (const held of [came, again]) {
    held.then[Symbol.dispose]();
    held.add[Symbol.dispose]();
  }
  await near.ping();
  assertEquals(far.stats().objectsExported, 0);
  await near.close();
});

test("a function of one's own returns to its owner under then as a reference", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x, wait: async (x: unknown) => await x });
  const then = () => "called";
  for (const name of ["echo", "wait"]) {
    const [came] = await near.remoteValue[name]!([{ then }]);
    assertEquals(typeof came.then, "object");
    assertEquals(remoteObjectValue(came.then), then);
    assertEquals(await came.then.remoteValue(), "called");
  }
  near.abort();
  await far.closed;
});

/** An object that is a promise by the look of it. */
class Deferred {
  then(): void {}
  name(): string {
    return "deferred";
  }
}

test("an object of one's own that has a then returns to its owner as a reference", async () => {
  const [near, far] = wirePair();
  let held: unknown;
  far.serve({
    echo: (x: unknown) => x,
    hold: (x: unknown) => void (held = x),
    held: () => held,
  });
  const own = new Deferred();
  const came: Came = await near.remoteValue.echo(makeRemoteObject(own));
  assertEquals(remoteObjectValue(came), own);
  await near.remoteValue.hold([makeRemoteObject(own)]);
  const [inList]: Came[] = await near.remoteValue.held();
  assertEquals(await inList.remoteValue.name(), "deferred");
  near.abort();
  await far.closed;
});

test("results that are filled in are not awaited either", async () => {
  const [near, far] = wirePair();
  const then = () => {};
  const own = new Deferred();
  const came: Came[] = [];
  const slowly = async (x: unknown) => {
    for (let turn = 0; turn < 50; turn++) await undefined;
    return x;
  };
  far.serve({
    soonThen: () => then,
    slowThen: () => slowly(then),
    own: () => makeRemoteObject(own),
    slowOwn: () => slowly(makeRemoteObject(own)),
    async take(x: unknown) {
      came.push(await x);
    },
  });
  for (const name of ["soonThen", "slowThen"]) {
    await near.remoteValue.take({ then: near.remoteValue[name]!() });
    assertEquals(remoteObjectValue(came.pop().then), then, name);
  }
  for (const name of ["own", "slowOwn"]) {
    await near.remoteValue.take(near.remoteValue[name]!());
    assertEquals(remoteObjectValue(came.pop()), own, name);
    await near.remoteValue.take([near.remoteValue[name]!()]);
    assertEquals(remoteObjectValue(came.pop()[0]), own, name);
    const result = near.remoteValue[name]!().remoteValue.name();
    assertEquals(await result, "deferred", name);
  }
  near.abort();
  await far.closed;
});

test("a call settles by its deadline, and with its wire", async () => {
  const [near, far] = wirePair();
  // The callee awaits it for ever, as the language has it.
  far.serve({ odd: () => ({ then: () => {} }) });
  const late = near.with({ deadline: 20 }).remoteValue.odd();
  const error = await late.catch((error: unknown) => error);
  assertEquals((error as { code: string }).code, "deadline");
  const pending = near.remoteValue.odd();
  near.abort();
  const ended = await pending.catch((error: unknown) => error);
  assertEquals((ended as { code: string }).code, "aborted");
  await far.closed;
});

test("a reference under then is lost when both its forms are", async () => {
  const { lines, told } = await runGcProgram("then_references.ts");
  assertEquals(lines, [
    "held by then: 1",
    "held by nobody: 0",
    "warnings: 1",
  ], told);
});
