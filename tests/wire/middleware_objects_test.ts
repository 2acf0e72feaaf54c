/**
 * Middleware around calls of objects that were passed by reference, and of
 * results that are still to come.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  makeRemoteObject,
  type Middleware,
  Refusal,
  remoteObjectEq,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { test } from "../_test.ts";

class File {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  read(): string {
    return `text of ${this.name}`;
  }
}

const FILE = makeRemoteObject(new File("a"));
const double = (n: number) => 2 * n;

function pair(near: WireOptions, far: WireOptions): [Wire, Wire] {
  const pair = wirePair(near, far);
  pair[1].serve({
    open: () => FILE,
    double: () => double,
    length: (text: string) => text.length,
    take() {},
  });
  return pair;
}

/** A middleware that notes each call, and of what it is. */
function noting(log: [string, string, unknown][]): Middleware {
  return (call, next) => {
    log.push([call.kind, call.name, call.object]);
    return next();
  };
}

for (const side of ["serveThrough", "callThrough"] as const) {
  test(`${side} wraps calls of remote objects, and tells which`, async () => {
    const log: [string, string, unknown][] = [];
    const options = { [side]: [noting(log)] };
    const isCalling = side === "callThrough";
    const [near] = isCalling ? pair(options, {}) : pair({}, options);
    {
      using file = await near.remoteValue.open();
      using twice = await near.remoteValue.double();
      assertEquals(await file.remoteValue.read(), "text of a");
      assertEquals(await file.remoteValues.read(), ["text of a"]);
      await file.remote.read();
      assertEquals(await twice(21), 42);
      await near.ping();
      assertEquals(log.map(([kind, name]) => `${kind} ${name}`), [
        "value open",
        "value double",
        "value read",
        "values read",
        "oneWay read",
        "value ",
      ]);
      const [of, ofToo, read, , send, called] = log.map(([, , object]) =>
        object
      );
      assertEquals([of, ofToo], [undefined, undefined]);
      // There it is the object, here the reference to it.
      assert(remoteObjectEq(read, isCalling ? file : FILE));
      assert(remoteObjectEq(send, isCalling ? file : FILE));
      assert(called === (isCalling ? twice : double));
    }
    await near.close();
  });

  test(`${side} lets calls be of results that are still to come`, async () => {
    const log: [string, string, unknown][] = [];
    const options = { [side]: [noting(log)] };
    const [near] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    const text = near.remoteValue.open().remoteValue.read();
    assertEquals(await near.remoteValue.length(text), 9);
    const names = log.map(([, name]) => name).sort();
    assertEquals(names, ["length", "open", "read"]);
    near.abort();
    await near.closed;
  });

  test(`${side} refuses calls of remote objects`, async () => {
    const refuse: Middleware = (call, next) => {
      if (call.object === undefined) return next();
      throw new Refusal("permissionDenied", `${call.name} is not for you.`);
    };
    const options = { [side]: [refuse] };
    const [near] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    {
      using file = await near.remoteValue.open();
      const calls = [
        () => file.remoteValue.read(),
        () => near.remoteValue.open().remoteValue.read(),
      ];
      for (const call of calls) {
        const error = await assertRejects(call, WireError) as WireError;
        assertEquals(error.code, "permissionDenied");
      }
    }
    near.abort();
    await near.closed;
  });
}

test("serveThrough tells functions within a result from those that are served", async () => {
  const log: [string, string, unknown][] = [];
  const [near, far] = pair({}, { serveThrough: [noting(log)] });
  const inner = () => "inner";
  far.serve({ box: () => ({ open: inner }), open: () => "served" });
  assertEquals(
    await near.remoteValue.box().remoteValue.open(),
    "inner",
  );
  assertEquals(await near.remoteValue.open(), "served");
  assertEquals(log, [
    ["value", "box", undefined],
    ["value", "open", inner],
    ["value", "open", undefined],
  ]);
  near.abort();
  await near.closed;
});

test("serveThrough releases the attachments of a call that it refuses", async () => {
  const [near, far] = pair({}, {
    serveThrough: [() => {
      throw new Refusal("refused", "nothing is taken");
    }],
    onError() {},
  });
  await assertRejects(() => near.remoteValue.take(() => {}), WireError);
  await near.remote.take(() => {});
  await near.ping();
  assertEquals(far.stats().objectsImported, 0);
  await far.ping();
  assertEquals(near.stats().objectsExported, 0);
  await near.close();
});
