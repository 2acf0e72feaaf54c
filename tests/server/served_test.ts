/**
 * What the wires of a server serve: those that serve the same share it.
 */

import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { sharing } from "../../server/_admission.ts";
import { connectToRemoteServer, createRequestServer } from "../../mod.ts";
import { servedEntries } from "../../wire/rpc/served.ts";
import { test } from "../_test.ts";

const add = (a: number, b: number) => a + b;
const get = (id: number) => `user ${id}`;

test("sharing() gives one map for the same functions", () => {
  const share = sharing();
  const served = share(servedEntries({ add, users: { get } }));
  assertEquals([...served], [["add", add], ["users.get", get]]);
  for (const same of [{ add, users: { get } }, { "users.get": get, add }]) {
    assertStrictEquals(share(servedEntries(same)), served);
  }
});

test("sharing() gives another map where anything differs", () => {
  for (
    const other of [
      { add },
      { add, users: { get }, more: add },
      { add, users: { find: get } },
      { add, users: { get: (id: number) => `user ${id}` } },
      { add: get, users: { get: add } },
      {},
    ]
  ) {
    const share = sharing();
    const served = share(servedEntries({ add, users: { get } }));
    const entries = servedEntries(other);
    assertStrictEquals(share(entries), entries);
    assertNotStrictEquals(entries, served);
    assertEquals(served.size, 2);
  }
});

test("wires of a server share what they serve, until one serves more", async () => {
  const functions: Record<string, unknown> = { add };
  let isFirst = true;
  await using server = createRequestServer(0, (wire) => {
    if (isFirst) wire.serve({ get });
    isFirst = false;
    return true;
  }, { functions, introspection: true });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  const names = async (wire: Awaited<ReturnType<typeof connect>>) =>
    (await wire.listFunctions()).map(({ name }) => name);
  await using one = await connect();
  await using two = await connect();
  assertEquals([await names(one), await names(two)], [["add", "get"], ["add"]]);
  // What is changed meanwhile holds for those that come.
  functions.add = (a: number) => a;
  functions.sub = (a: number, b: number) => a - b;
  await using three = await connect();
  assertEquals(await names(three), ["add", "sub"]);
  assertEquals(await three.call("add", [40, 2]), 40);
  assertEquals(await two.call("add", [40, 2]), 42);
});
