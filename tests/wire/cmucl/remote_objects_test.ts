import { assert, assertEquals, assertThrows } from "@std/assert";
import type { WireError } from "../../../wire/mod.ts";
import {
  cmucl,
  RemoteObject,
  remoteObjectEq,
} from "../../../wire/cmucl/mod.ts";
import { test } from "../../_test.ts";
import { lispPair } from "./_lisp.ts";

test("makeRemoteObject() gives one object one reference", () => {
  const lisp = cmucl();
  const [a, b] = [{}, {}];
  const one = lisp.makeRemoteObject(a);
  assert(remoteObjectEq(one, lisp.makeRemoteObject(a)));
  assert(!remoteObjectEq(one, lisp.makeRemoteObject(b)));
  assert(lisp.remoteObjectLocal(one));
  assert(!cmucl().remoteObjectLocal(one));
  assertEquals(lisp.remoteObjectValue(one), a);
});

test("forgetRemoteTranslation() makes references void", () => {
  const lisp = cmucl();
  const value = () => {};
  const reference = lisp.makeRemoteObject(value);
  lisp.forgetRemoteTranslation(value);
  lisp.forgetRemoteTranslation("never made");
  const error = assertThrows(() => lisp.remoteObjectValue(reference));
  assertEquals((error as WireError).code, "invalidArgument");
  const again = lisp.makeRemoteObject(value);
  assert(!remoteObjectEq(reference, again));
});

test("remoteObjectValue() refuses objects of other processes", () => {
  const lisp = cmucl({ host: 1, pid: 2 });
  for (const remote of [new RemoteObject(2, 2, 0), new RemoteObject(1, 1, 0)]) {
    const error = assertThrows(() => lisp.remoteObjectValue(remote));
    assertEquals((error as WireError).code, "invalidArgument");
  }
});

test("Wire carries remote objects there and home again", async () => {
  const [mine, yours] = [cmucl(), cmucl()];
  await using pair = lispPair({ dialect: mine }, { dialect: yours });
  const counter = { count: 0 };
  let kept: RemoteObject | undefined;
  pair.near.serve({
    "count-up": (reference: RemoteObject) =>
      ++(mine.remoteObjectValue(reference) as typeof counter).count,
  });
  pair.far.serve({
    keep(reference: RemoteObject) {
      assert(!yours.remoteObjectLocal(reference));
      kept = reference;
    },
    "give-back": () => kept,
    "count-up": () => pair.far.remoteValue["count-up"](kept),
  });
  await pair.near.remoteValue.keep(mine.makeRemoteObject(counter));
  const back = await pair.near.remoteValue["give-back"]();
  assertEquals(mine.remoteObjectValue(back), counter);
  assertEquals(await pair.near.remoteValue["count-up"](), 1);
  assertEquals(counter.count, 1);
});

test("cmucl() takes numbers of 32 bits for host and process", () => {
  const ends = [
    { host: 0, pid: -(2 ** 31) },
    { host: 2 ** 32 - 1, pid: 2 ** 31 - 1 },
  ];
  for (const options of ends) {
    const { host, pid } = cmucl(options).makeRemoteObject(1);
    assertEquals({ host, pid }, options);
  }
  for (const options of [{ host: -1 }, { host: 2 ** 32 }, { pid: 2 ** 31 }]) {
    assertThrows(() => cmucl(options));
  }
});

test("cmucl() refuses what is no package's name", () => {
  for (const packageName of [5, "", {}]) {
    const make = () => cmucl({ packageName: packageName as string });
    assertEquals((assertThrows(make) as WireError).code, "invalidArgument");
  }
});
