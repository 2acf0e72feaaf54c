/**
 * Namespaces: functions that are served in objects, and called by their paths.
 */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type CallContext,
  keepConnected,
  makeRemoteObject,
  type Middleware,
  type Values,
  values,
  WireError,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { lispPair } from "./cmucl/_lisp.ts";
import { failure } from "./_failure.ts";

interface Api {
  ping(): string;
  users: {
    get(id: number): string;
    both(id: number): Values<[number, string]>;
    note(text: string): void;
    /** Names that functions have, too. */
    name(): string;
    length(): number;
    admin: { kick(id: number): Promise<boolean> };
  };
}

function served(notes: string[] = []) {
  return {
    ping: () => "pong",
    users: {
      get(this: CallContext, id: number) {
        return `${this.functionName} ${id}`;
      },
      both: (id: number) => values(id, `user ${id}`),
      note: (text: string) => void notes.push(text),
      name: () => "users",
      length: () => 3,
      admin: { kick: (id: number) => Promise.resolve(id > 1) },
    },
  };
}

test("a namespace is served, and its functions called in all three ways", async () => {
  const notes: string[] = [];
  const [near, far] = wirePair<Api>();
  far.serve(served(notes));
  for (const { remote, remoteValue, remoteValues } of [near, near.with({})]) {
    assertEquals(await remoteValue.users.get(1), "users.get 1");
    assertEquals(await remoteValue.users.both(2), 2);
    assertEquals(await remoteValues.users.both(2), [2, "user 2"]);
    assertEquals(await remoteValue.users.admin.kick(2), true);
    assertEquals(await remoteValue.users.name(), "users");
    assertEquals(await remoteValue.users.length(), 3);
    await remote.users.note("one way");
    assertEquals(await remoteValue.ping(), "pong");
  }
  assertEquals(notes, ["one way", "one way"]);
  // On the wire the path is the name.
  assertEquals(await near.call("users.admin.kick", [1]), false);
  await near.send("users.note", ["by name"]);
  assertEquals(await near.remoteValue.ping(), "pong");
  assertEquals(notes.at(-1), "by name");
  const { code } = await failure(near.call("users", []));
  assertEquals(code, "noSuchFunction");
  await Promise.all([near.close(), far.close()]);
});

test("a namespace is as deep as one likes", async () => {
  const [near, far] = wirePair();
  let functions: object = { f: (x: number) => x + 1 };
  for (let depth = 0; depth < 50; depth++) functions = { a: functions };
  far.serve(functions);
  let proxy = near.remoteValue;
  for (let depth = 0; depth < 50; depth++) proxy = proxy.a;
  assertEquals(await proxy.f(1), 2);
  assertEquals(await near.call("a.".repeat(50) + "f", [2]), 3);
  await Promise.all([near.close(), far.close()]);
});

test("serve() adds to a namespace", async () => {
  const [near, far] = wirePair();
  far.serve({ users: { get: () => "first", old: () => "kept" } });
  far.serve({ users: { get: () => "second" }, "users.flat": () => "flat" });
  const { users } = near.remoteValue;
  assertEquals(
    await Promise.all([users.get(), users.old(), users.flat()]),
    ["second", "kept", "flat"],
  );
  await Promise.all([near.close(), far.close()]);
});

test("serve() refuses what is no namespace, and names that collide", async () => {
  const [near, far] = wirePair();
  class Users {
    get(): number {
      return 1;
    }
  }
  const circle: Record<string, unknown> = { f: () => 1 };
  circle.a = { circle };
  const inherited = Object.create({ get: () => 1 });
  const refused: [object, string][] = [
    [{ users: new Users() }, 'its "users" is neither'],
    [{ users: inherited }, 'its "users" is neither'],
    [{ users: new Map() }, 'its "users" is neither'],
    [{ users: [() => 1] }, 'its "users" is neither'],
    [{ users: makeRemoteObject({}) }, 'its "users" is neither'],
    [{ users: Promise.resolve({}) }, 'its "users" is neither'],
    [{ users: { size: 5 } }, 'its "users.size" is not a function'],
    [{ users: { deep: { er: null } } }, 'its "users.deep.er" is not'],
    [
      { "a.b": () => 1, a: { b: () => 2 } },
      'Two functions have the name "a.b"',
    ],
    [{ a: { "b.c": () => 1, b: { c: () => 2 } } }, 'have the name "a.b.c"'],
    [circle, '"a.circle" contains itself'],
  ];
  for (const [functions, words] of refused) {
    for (
      const serve of [
        () => far.serve(functions),
        () => wirePair({ functions }),
      ]
    ) {
      const error = assertThrows(serve, WireError, words);
      assertEquals(error.code, "invalidArgument");
    }
  }
  await Promise.all([near.close(), far.close()]);
});

test("only own functions of a namespace can be called", async () => {
  const [near, far] = wirePair({ onError() {} });
  const own = Object.defineProperty({}, "__proto__", {
    value: { f: () => "own" },
    enumerable: true,
  });
  far.serve({
    users: { get: () => 1, own, constructor: { toString: () => "text" } },
    // A prototype is none of its own.
    plain: Object.assign(Object.create(null), { f: () => "no prototype" }),
  });
  const { users, plain } = near.remoteValue;
  for (
    const name of [
      "users.toString",
      "users.hasOwnProperty",
      "users.__proto__.toString",
      "users.get.call",
      "users.get.constructor",
      "users.constructor.constructor",
      "users.constructor",
      "__proto__.constructor",
      "constructor.prototype",
      "users.",
      ".users",
      "users..get",
      "",
    ]
  ) {
    assertEquals((await failure(near.call(name))).code, "noSuchFunction", name);
  }
  assertEquals(await users.own.__proto__.f(), "own");
  assertEquals(await near.call("users.constructor.toString"), "text");
  assertEquals(await plain.f(), "no prototype");
  await Promise.all([near.close(), far.close()]);
});

test("a proxy of a namespace is kept, and has nothing of its own", async () => {
  const [near, far] = wirePair<Api>();
  far.serve(served());
  const { users } = near.remoteValue;
  assertStrictEquals(near.remoteValue.users, users);
  assertStrictEquals(users.get, near.remoteValue.users.get);
  assertStrictEquals(users.admin.kick, near.remoteValue.users.admin.kick);
  assertEquals([await users, Object.keys({ ...users })], [users, []]);
  assertEquals(`${users}`, "[object RemoteFunctions]");
  assertEquals(JSON.stringify({ users }), "{}");
  const brief = near.with({ metadata: { a: "b" } }).remoteValue.users;
  assertEquals([await brief, Object.keys({ ...brief })], [brief, []]);
  assertEquals(`${brief}`, "[object RemoteFunctions]");
  for (const each of [users, brief]) {
    assertThrows(() => Object.assign(each, { x: 1 }), TypeError);
  }
  assertEquals(near.stats().callsMade, 0);
  await Promise.all([near.close(), far.close()]);
});

test("a function is a function: apply(), bind() and call() stay here", async () => {
  const [near, far] = wirePair<{ add(a: number, b: number): number }>();
  far.serve({ add: (a, b) => a + b });
  for (const { add } of [near.remoteValue, near.with({}).remoteValue]) {
    assert(add instanceof Function);
    assertEquals(await add.call(undefined, 1, 2), 3);
    assertEquals(await add.apply(undefined, [3, 4]), 7);
    assertEquals(await add.bind(undefined, 5)(6), 11);
    assertEquals(await Reflect.apply(add, undefined, [7, 8]), 15);
  }
  await Promise.all([near.close(), far.close()]);
});

test("middleware, introspection and kept connections know paths", async () => {
  const names: string[] = [];
  const note: Middleware = ({ side, name }, next) => {
    names.push(`${side} ${name}`);
    return next();
  };
  const [near, far] = wirePair<Api>({ callThrough: [note] }, {
    serveThrough: [note],
    functions: served(),
  });
  await near.remoteValue.users.get(1);
  await near.remoteValues.users.admin.kick(1);
  assertEquals(names, [
    "calling users.get",
    "serving users.get",
    "calling users.admin.kick",
    "serving users.admin.kick",
  ]);
  const listed = (await near.listFunctions()).map(({ name, arity }) =>
    `${name}/${arity}`
  );
  assertEquals(listed, [
    "ping/0",
    "users.admin.kick/1",
    "users.both/1",
    "users.get/1",
    "users.length/0",
    "users.name/0",
    "users.note/1",
  ]);
  const kept = keepConnected(() => Promise.resolve(near), {
    idempotent: ["users.get"],
  });
  assertEquals(await kept.remoteValue.users.get(7), "users.get 7");
  const { users } = kept.with({ idempotent: true }).remoteValue;
  assertEquals(await users.admin.kick(7), true);
  await kept.close();
  await far.closed;
});

test("objects and results have functions, and no namespaces", async () => {
  const [near, far] = wirePair();
  const object = { read: () => "read", log: { write: () => "written" } };
  far.serve({
    files: {
      open: () => makeRemoteObject(object),
      held: () => ({ read: () => "held" }),
    },
  });
  const { files } = near.remoteValue;
  // What is called on a result is a function of that.
  assertEquals(await files.open().remoteValue.read(), "read");
  assertEquals(await files.held().remoteValue.read(), "held");
  using file = await files.open();
  assertEquals(await file.remoteValue.read(), "read");
  assertEquals(file.remoteValue.log.write, undefined);
  const { code } = await failure(file.remoteValue["log.write"]());
  assertEquals(code, "noSuchFunction");
  file[Symbol.dispose]();
  near.abort();
  await far.closed;
});

test("an untyped proxy has more names than it keeps", async () => {
  const [near, far] = wirePair();
  const last = (n: number) => n;
  const functions = Object.fromEntries(
    Array.from({ length: 1_500 }, (_, n) => [`f${n}`, last]),
  );
  far.serve({ many: functions });
  const sums = Array.from(
    { length: 1_500 },
    (_, n) => near.remoteValue.many[`f${n}`](n) as Promise<number>,
  );
  assertEquals((await Promise.all(sums)).at(-1), 1_499);
  await Promise.all([near.close(), far.close()]);
});

test("CMUCL calls the functions of a namespace by their paths", async () => {
  await using pair = lispPair();
  pair.far.serve({ users: { get: (id: number) => id + 1 } });
  assertEquals(await pair.near.call("users.get", [1]), 2);
  assertEquals(await pair.near.remoteValue.users.get(2), 3);
});
