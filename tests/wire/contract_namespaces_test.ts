/**
 * Namespaces of contracts: what is checked, told, compared and refused.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { contract, type RemoteError, WireError, wirePair } from "../../mod.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { toStandardJsonSchema, v } from "./_schemas.ts";

const number = toStandardJsonSchema(v.number());
const text = toStandardJsonSchema(v.string());

const api = contract({
  ping: {},
  users: {
    get: {
      doc: "Finds a user.",
      args: [number],
      result: text,
      errors: { NotFound: v.object({ id: v.number() }) },
    },
    admin: { kick: { args: [number] } },
    // Names of parts are names of functions, where a function stands.
    version: { result: text },
    errors: { args: [] },
  },
});

const functions = {
  ping: () => "pong",
  users: {
    get(id: number): string {
      if (id > 0) return `user ${id}`;
      throw api.error("users.get", "NotFound", { id });
    },
    admin: { kick: () => true },
    version: () => "1",
    errors: () => 0,
  },
};

test("a contract checks the functions of a namespace", async () => {
  const [near, far] = wirePair({ expects: api }, { serves: api, functions });
  const { users } = near.remoteValue;
  assertEquals(await users.get(1), "user 1");
  assertEquals(await users.admin.kick(1), true);
  assertEquals([await users.version(), await users.errors()], ["1", 0]);
  const refused = await failure(near.call("users.get", ["1"]));
  assertEquals(refused.code, "invalidArgument");
  assert(refused.message.includes('"users.get"'), refused.message);
  const error = await failure(users.get(-1));
  assert(api.isError(error, "users.get", "NotFound"));
  assertEquals((error as unknown as RemoteError).data, { id: -1 });
  const listed = await near.listFunctions();
  assertEquals(
    listed.map(({ name, doc }) => [name, doc]),
    [
      ["ping", undefined],
      ["users.admin.kick", undefined],
      ["users.errors", undefined],
      ["users.get", "Finds a user."],
      ["users.version", undefined],
    ],
  );
  assertEquals(
    api.describe().map(({ name }) => name),
    ["ping", "users.get", "users.admin.kick", "users.version", "users.errors"],
  );
  await Promise.all([near.close(), far.close()]);
});

test("implement() takes the namespaces of the contract, and keeps them", async () => {
  const implementation = api.implement(functions);
  assertEquals(Object.keys(implementation), ["ping", "users"]);
  assertEquals(typeof implementation.users.admin.kick, "function");
  const [near, far] = wirePair({}, { functions: implementation });
  const { code } = await failure(near.call("users.get", [true]));
  assertEquals(code, "invalidArgument");
  // Served later, it is put behind the contract just so.
  const [here, there] = wirePair({}, { serves: api });
  there.serve<object>({ users: { get: String }, other: { f: () => 1 } });
  assertEquals((await failure(here.call("users.get", [true]))).code, code);
  assertEquals(await here.call("other.f"), 1);
  for (const each of [near, far, here, there]) await each.close();
  const refused: [object, string][] = [
    [{ ...functions, users: {} }, 'has the function "users.get"'],
    [
      { ...functions, users: { ...functions.users, git: () => 1 } },
      'has the function "users.git", which is not in the contract',
    ],
    [
      { ...functions, users: { ...functions.users, get: 5 } },
      'The contract\'s "users.get" is implemented by something',
    ],
  ];
  for (const [given, words] of refused) {
    assertThrows(() => api.implement(given as never), WireError, words);
  }
});

test("contracts that differ in a namespace say where", async () => {
  const other = contract({ users: { get: { args: [text], result: text } } });
  const [near, far] = wirePair({ expects: other, onError() {} }, {
    serves: api as never,
    functions: functions as never,
    onError() {},
  });
  const error = await failure(near.opened);
  assertEquals(error.code, "contractMismatch");
  assert(error.message.includes('"users.get": as argument 1'), error.message);
  await Promise.all([near.closed, far.closed]);
});

test("contract() tells functions from namespaces, and slips from both", () => {
  const refused: [unknown, string][] = [
    [{ users: { get: { arg: [number] } } }, 'no part "arg" of "users.get"'],
    [{ get: { error: { Gone: null } } }, 'no part "error" of "get"'],
    [{ get: { doc: "text", more: {} } }, 'no part "more" of "get"'],
    [{ get: { errors: { Gone: "text" } } }, 'the error "Gone" of "get"'],
    [{ users: { get: 5 } }, 'no part "get" of "users"'],
    // A slip, more likely than a function "args" about which nothing is said.
    [{ get: { args: {} } }, 'takes "args" of "get" as an array'],
    [{ "a.b": {}, a: { b: {} } }, 'two functions of the name "a.b"'],
  ];
  for (const [definition, words] of refused) {
    assertThrows(() => contract(definition as never), WireError, words);
  }
  const odd = contract({
    errors: { errors: { Gone: null } },
    deep: { errors: { list: { args: [number] } } },
    odd: { args: { args: [] }, version: { doc: "A function." } },
    mixed: { args: {}, get: {} },
    empty: {},
  });
  assertEquals(
    odd.describe().map(({ name }) => name),
    [
      "errors",
      "deep.errors.list",
      "odd.args",
      "odd.version",
      "mixed.args",
      "mixed.get",
      "empty",
    ],
  );
});
