/**
 * Copies of the module that do not understand each other say so, and nothing
 * that comes over a wire passes for what only the module makes.
 */

import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as own from "../mod.ts";
import { keyOf } from "../wire/base/errors.ts";
import { remoteCaller } from "../wire/mod.ts";
import { division, loadCopy } from "./_copies.ts";
import { test } from "./_test.ts";
import { failure } from "./wire/_failure.ts";

/** A copy that has changed what others read of these. */
const { main: later } = await loadCopy((text) =>
  [
    ...["CallPromise", "Contract", "Refusal", "Values", "described"],
    ...["reference", "rules"],
  ].reduce((text, brand) => text.replace(`${brand}: 1`, `${brand}: 2`), text)
);

test("what an incompatible version made is refused by name", async () => {
  const [client, server] = own.wirePair();
  const ran: string[] = [];
  server.serve({
    both: () => later.values(1, 2),
    object: () => later.makeRemoteObject({}),
    refuse() {
      throw new later.Refusal("permissionDenied", "not for you");
    },
    take: () => void ran.push("take"),
  });
  for (const [name, brand] of [["both", "Values"], ["object", "reference"]]) {
    const error = await failure(client.call(name!, []));
    assert(error instanceof own.WireError);
    assertEquals(error.code, "unsupportedValue");
    assertStringIncludes(
      error.message,
      `It is a ${brand} of another version of @remote/wire (${brand} 2, and 1 is known here). Have all parts of the program import the same version.`,
    );
  }
  const marked = later.makeRemoteObject({});
  const argument = await failure(client.call("take", [marked]));
  assertStringIncludes(argument.message, "another version of @remote/wire");
  // Nor is it taken for an object of one's own.
  for (
    const use of [
      () => own.makeRemoteObject(marked),
      () => own.remoteObjectValue(marked),
      () => remoteCaller(marked),
      () => server.forgetRemoteTranslation(marked),
    ]
  ) {
    assertThrows(use, own.WireError, "another version of @remote/wire");
  }
  const [near, far] = later.wirePair();
  far.serve({ late: () => "late" });
  const late = near.call("late", []);
  const promised = await failure(client.call("take", [late]));
  assertStringIncludes(promised.message, "It is a CallPromise of another");
  assertEquals(await late, "late");
  await Promise.all([near.close(), far.close()]);
  // It still refuses, as an error that was thrown.
  const refused = await failure(client.call("refuse", []));
  assert(refused instanceof own.RemoteError);
  assertEquals(refused.message, "not for you");
  let error: Partial<own.WireError> | undefined;
  try {
    own.wirePair({ expects: division(later) });
  } catch (thrown) {
    error = thrown as own.WireError;
  }
  assertEquals(error?.code, "invalidArgument");
  assertStringIncludes(
    String(error?.message),
    "another version of @remote/wire",
  );
  assertEquals(ran, []);
  await Promise.all([client.close(), server.close()]);
});

test("an answer of onConnect that an incompatible version made refuses, and says so", async () => {
  const told = Promise.withResolvers<unknown>();
  await using server = own.createRequestServer(0, {
    onConnect: () => later.values(true) as own.Values<[true]>,
    onError: (error) => told.resolve(error),
  });
  const error = await failure(
    own.connectToRemoteServer("127.0.0.1", server.port),
  );
  assertEquals(error.code, "refused");
  assertStringIncludes(
    (await told.promise as Error).message,
    "It is a Values of another version of @remote/wire",
  );
});

/** All that a value is made of. */
function parts(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || found.has(value)) {
    return found;
  }
  found.add(value);
  if (value instanceof Map) {
    for (const pair of value) parts([...pair], found);
  } else if (value instanceof Set) {
    for (const item of value) parts(item, found);
  } else {
    for (const key of Reflect.ownKeys(value)) {
      parts((value as Record<PropertyKey, unknown>)[key], found);
    }
  }
  return found;
}

test("what comes over a wire carries no brand", async () => {
  const forged: Record<string, unknown> = Object.create(null);
  const brands = [
    ...["CallContext", "CallPromise", "Contract", "DeclaredError", "Refusal"],
    ...["RemoteError", "Unfit", "Values", "Wire", "WireError", "described"],
    ...["reference", "rules"],
  ] as const;
  for (const brand of brands) {
    const key = keyOf(brand);
    for (const name of [key, `Symbol(${key})`, `@@${key}`, brand]) {
      forged[name] = true;
    }
  }
  Object.assign(forged, { list: [1, 2], code: "refused", message: "forged" });
  Object.assign(forged, { caller: {}, local: {}, "~types": {} });
  Object.defineProperty(forged, "__proto__", { value: {}, enumerable: true });
  const error = Object.assign(new Error("forged"), { ...forged });
  error.name = "Refusal";
  const all: unknown[] = [forged, [forged], error];
  all.push(new Map([[forged, forged]]));
  all.push(new Set([forged]), new Error("outer", { cause: forged }));

  const seen: unknown[] = [];
  const [client, server] = own.wirePair();
  server.serve({
    give: () => all,
    throws: (value: unknown) => {
      seen.push(value);
      throw value;
    },
    returns: (value: unknown) => value,
  });
  const came = [await client.call("give", [])];
  for (const value of all) {
    came.push(await client.call("returns", [value]));
    const thrown = await failure(client.call("throws", [value]));
    assert(thrown instanceof own.RemoteError, "a forged Refusal");
    came.push((thrown as unknown as own.RemoteError).data, thrown.cause);
  }
  const found = parts([...came, ...seen]);
  assert(found.size > 20);
  for (const value of found) {
    assertEquals(Object.getOwnPropertySymbols(value), []);
    for (const brand of brands) {
      const key = Symbol.for(keyOf(brand));
      assertEquals((value as Record<symbol, unknown>)[key], undefined);
    }
    assert(!((value as object) instanceof own.WireError));
    assert(!((value as object) instanceof own.Values));
    assert(!own.isRemoteObject(value));
  }
  // Nor does the data pass for several values or for a contract.
  const first = await client.call("returns", [forged], true) as unknown[];
  assertEquals(first.length, 1);
  let refusal: unknown;
  try {
    own.wirePair({ expects: first[0] as own.AnyContract });
  } catch (thrown) {
    refusal = thrown;
  }
  assertEquals((refusal as own.WireError).code, "invalidArgument");
  await Promise.all([client.close(), server.close()]);
});
