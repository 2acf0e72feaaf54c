/**
 * Looking at what a wire gives makes no call: neither do the language, nor
 * consoles, nor libraries for tests.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AnyFunctions,
  makeRemoteObject,
  remoteCaller,
  type RemoteObject,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import { keepConnected } from "../../wire/reconnect/keep_connected.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { macrotask, unhandledIn } from "./_unhandled.ts";

// deno-lint-ignore no-explicit-any -- whatever there is to be looked at
type Any = any;

/** Ways to look at something. Some of them may throw, as with any object. */
const LOOKS: Record<string, (x: Any) => unknown> = {
  "JSON": (x) => JSON.stringify({ x, list: [x] }),
  "a template text": (x) => `${x}`,
  "String()": (x) => String(x),
  "+": (x) => x + "",
  "a number": (x) => [+x, -x, x * 2],
  "== a text": (x) => x == "x",
  "== a number": (x) => x == 1,
  "<": (x) => x < 1,
  "a key": (x) => ({ [x]: 1 }),
  "in": (x) => "a" in x,
  "keys": (x) => [Object.keys(x), Object.entries(x), Object.values(x)],
  "for in": (x) => {
    for (const key in x) assert(key.length < 0);
  },
  "spreading": (x) => ({ ...x }),
  "a list": (x) => [...x],
  "assign()": (x) => Object.assign({}, x),
  "destructuring": ({ then, toJSON, valueOf }) => [then, toJSON, valueOf],
  "descriptors": (x) => Object.getOwnPropertyDescriptors(x),
  "a clone": (x) => structuredClone(x),
  "Deno.inspect()": (x) => Deno.inspect(x),
  "Deno.inspect() of all": (x) =>
    Deno.inspect([{ x }], { getters: true, showHidden: true, depth: 9 }),
  "its kind": (x) => Object.prototype.toString.call(x),
  "toLocaleString()": (x) => [x].toLocaleString(),
  "join()": (x) => [x, x].join(),
  "sort()": (x) => [x, x].sort(),
  "concat()": (x) => ([] as unknown[]).concat(x),
  "includes()": (x) => [1, x].includes(x),
  "a Map": (x) => new Map([[x, 1]]).get(x),
  "a Date": (x) => new Date(x),
  "an Error": (x) => new Error(x, { cause: x }).message,
  "a URL": (x) => new URL(x, "http://localhost/"),
  "a RegExp": (x) => /x/.test(x),
  "isNaN()": (x) => isNaN(x),
  "Intl": (x) => new Intl.NumberFormat().format(x),
  "instanceof": (x) => [x instanceof Map, x instanceof Promise],
  "what all objects have": (x) =>
    ["hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"]
      .map((name) => x[name]("a")),
  "its class": (x) => x.constructor?.name,
  "a matcher": (x) =>
    typeof x.asymmetricMatch === "function" && x.asymmetricMatch(1),
  "React's and the DOM's marks": (x) => [x.$$typeof, x.nodeType],
  "equality": (x) => {
    assertEquals(x, { other: 1 });
  },
  "await": async (x) => await x,
  "Promise.resolve()": (x) => Promise.resolve(x),
  "Promise.all()": (x) => Promise.all([x]),
  "console.log": (x) => {
    const { log } = console;
    console.log = () => {};
    console.log(x, "%s %o %O %j", x);
    console.log = log;
  },
};

test("looking at what a wire gives makes no call", async () => {
  const [near, far] = wirePair();
  far.serve({
    object: () => makeRemoteObject({ g: () => 1 }),
    f: () => () => 1,
  });
  const wire = near as Any;
  const object = await wire.remoteValue.object();
  const f = await wire.remoteValue.f();
  const promise = wire.remoteValue.object();
  await promise;
  const kept = keepConnected(() => Promise.resolve(near)) as Any;
  await kept.opened;
  const local = makeRemoteObject({ g: () => 1 }) as Any;
  const things: Record<string, Any> = { wire, object, f, promise, kept, local };
  for (const [name, thing] of Object.entries({ ...things })) {
    for (const kind of ["remote", "remoteValue", "remoteValues"]) {
      things[`${name}.${kind}`] = thing[kind];
      if (!("with" in thing)) continue;
      const options = { metadata: { a: "b" } };
      things[`${name}.with().${kind}`] = thing.with(options)[kind];
    }
  }
  // Functions that are looked at, and may be namespaces.
  for (const [name, thing] of Object.entries({ ...things })) {
    if (!/\.remote\w*$/.test(name)) continue;
    things[`${name}.f`] = thing.f;
    if (/^(?:wire|kept)\b/.test(name)) things[`${name}.a.b`] = thing.a.b;
  }
  assert(Object.keys(things).length > 70);
  const { callsMade } = near.stats();
  const { messagesSent } = near.stats();
  for (const [name, thing] of Object.entries(things)) {
    for (const [how, look] of Object.entries(LOOKS)) {
      const found = await unhandledIn(async () => {
        try {
          await look(thing);
        } catch {
          // A TypeError, say: that is what other objects do, too.
        }
      });
      const stats = near.stats();
      assertEquals(
        [name, how, found, stats.callsMade, stats.messagesSent],
        [name, how, [], callsMade, messagesSent],
      );
    }
  }
  const text = "[object RemoteFunctions]";
  assertEquals(`${wire.remoteValue} ${f.remote}`, `${text} ${text}`);
  assertEquals(Deno.inspect(wire.remoteValue), text);
  assertEquals(JSON.stringify({ api: wire.remoteValue }), '{"api":{}}');
  await kept.close();
  await far.closed;
  await macrotask();
});

test("wire.call() and remoteCaller() have the names that the proxies keep", async () => {
  class Point {
    toString(): string {
      return "(1, 2)";
    }
    toJSON(): number[] {
      return [1, 2];
    }
    valueOf(): number {
      return 3;
    }
    asymmetricMatch(): boolean {
      return true;
    }
  }
  const [near, far] = wirePair<
    { point(): RemoteObject<Point>; toString(): string; f(): () => number }
  >();
  far.serve({
    toString: () => "served",
    toJSON: () => "json",
    point: () => makeRemoteObject(new Point()),
    f: () => () => 7,
  } as Any);
  assertEquals(await near.call("toString", []), "served");
  assertEquals(await near.call("toJSON", []), "json");
  const point = await near.remoteValue.point();
  const caller = remoteCaller(point);
  assertEquals(await caller.call("toString", [], false), "(1, 2)");
  assertEquals(await caller.call("toJSON", [], true), [[1, 2]]);
  assertEquals(await caller.call("valueOf", [], false), 3);
  assertEquals(await caller.call("asymmetricMatch", [], false), true);
  await caller.send("toString", []);
  // The proxies have what all objects have, by their types, too.
  const text: string = point.remoteValue.toString();
  assertEquals(text, "[object RemoteFunctions]");
  const f = await near.remoteValue.f();
  assertEquals(await remoteCaller(f).call("", [], false), 7);
  let error: unknown;
  try {
    remoteCaller({} as RemoteObject<AnyFunctions>);
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof WireError && error.code === "invalidArgument");
  assertEquals(
    (await failure(caller.call("none", [], false))).code,
    "noSuchFunction",
  );
  near.abort();
  await far.closed;
});
