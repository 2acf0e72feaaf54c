/**
 * Slips of the keys are found out when a thing is made, and not when it is used.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import { contract } from "../../wire/contract/contract.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
} from "../../wire/reconnect/keep_connected.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { Place } from "./_keeping.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

/** What is thrown, which has to be `invalidArgument` and to name something. */
function refused(make: () => unknown, ...words: string[]): void {
  const error = assertThrows(make, WireError) as WireError;
  assertEquals(error.code, "invalidArgument", error.message);
  for (const word of words) assert(error.message.includes(word), error.message);
}

for (const name of ["onDeath", "onError", "confirm"]) {
  test(`makeWire() refuses "${name}" that is no function`, () => {
    for (const value of [5, "x", null, {}]) {
      if (name === "onDeath" && value === null) continue;
      const [one, other] = memoryTransports();
      refused(() => makeWire(one, { [name]: value }), `"${name}"`, "function");
      one.close();
      other.close();
    }
  });
}

test('makeWire() refuses "requireCredential" that is there and undefined', async () => {
  const [one, other] = memoryTransports();
  refused(
    () => makeWire(one, { requireCredential: undefined } as Any),
    '"requireCredential" is undefined',
    "Leave the option out",
  );
  // What a side shows may be undefined.
  const wire = makeWire(one, { credential: undefined });
  wire.abort();
  other.close();
  await wire.closed;
});

test("wirePair() leaves no end behind where the other's options are wrong", async () => {
  const ended = Promise.withResolvers<WireError>();
  refused(
    () => wirePair({ onDeath: ended.resolve }, { onError: 5 as Any }),
    '"onError"',
  );
  assertEquals((await ended.promise).code, "invalidArgument");
});

test("wire.onDeath() refuses what is no function", async () => {
  const [near, far] = wirePair();
  refused(() => near.onDeath("x" as Any), "onDeath()", '"x"');
  near.abort();
  refused(() => near.onDeath(undefined as Any), "onDeath()");
  await far.closed;
});

test("serve() refuses an array of functions", async () => {
  const [near, far] = wirePair();
  refused(() => near.serve([() => 1] as Any), "array", "names");
  refused(() => near.serve([] as Any), "array");
  near.abort();
  await far.closed;
});

test("wire.call() and wire.send() without arguments pass none", async () => {
  const [near, far] = wirePair();
  const sent = Promise.withResolvers<number>();
  far.serve({
    count: (...args: unknown[]) => args.length,
    note: (...args: unknown[]) => sent.resolve(args.length),
  });
  assertEquals(await near.call("count"), 0);
  await near.send("note");
  assertEquals(await sent.promise, 0);
  await using kept = keepConnected(() => Promise.resolve(near));
  assertEquals(await kept.call("count"), 0);
});

const NO_CONTRACTS: [unknown, ...string[]][] = [
  [{ f: undefined }, '"f"', "undefined"],
  [{ f: null }, '"f"', "null"],
  [{ f: { args: {} } }, '"args" of "f"', "array"],
  [{ f: { args: "x" } }, '"args" of "f"', '"x"'],
  [{ f: { results: 5 } }, '"results" of "f"', "5"],
  [{ f: { errors: [] } }, '"errors" of "f"', "array"],
  [{ f: { errors: null } }, '"errors" of "f"', "null"],
];
for (const [definition, ...words] of NO_CONTRACTS) {
  test(`contract() refuses ${JSON.stringify(definition)}`, () => {
    refused(() => contract(definition as Any), ...words);
  });
}

for (
  const name of [
    "onConnected",
    "onLost",
    "onDeath",
    "onError",
    "retry",
    "random",
  ]
) {
  test(`keepConnected() refuses "${name}" that is no function`, () => {
    let attempts = 0;
    const connect = () => Promise.reject(attempts++);
    for (const value of [5, "x", true, null]) {
      if (name === "onDeath" && value === null) continue;
      refused(() => keepConnected(connect, { [name]: value }), `"${name}"`);
    }
    assertEquals(attempts, 0);
  });
}

test("keepConnected() says that a function that connects returns no wire", async () => {
  for (const wire of [undefined, 5, {}]) {
    await using kept = keepConnected((() => Promise.resolve(wire)) as Any);
    const error = await failure(kept.opened);
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes('"return"'), error.message);
  }
});

/** Has `onConnected` fail with one text after the other. */
async function told(texts: (string | undefined)[]): Promise<string[]> {
  const heard: string[] = [];
  const options: KeepConnectedOptions = {
    onConnected() {
      const text = texts.shift();
      if (text !== undefined) throw new Error(text);
    },
    onError: (error, where) =>
      heard.push(`${where}: ${(error as Error).message}`),
    backoff: { least: 1, most: 1 },
  };
  await using place = new Place(options);
  while (texts.length > 0) {
    await settle();
    if (place.kept.state === "connected") await place.die();
    await place.advance(1);
  }
  await settle();
  return heard;
}

test("keepConnected() tells onError what onConnected throws, the same once in a row", async () => {
  const seen = await told(["one", "one", "one", "two", "one", undefined]);
  assertEquals(seen, ["one", "two", "one"].map((t) => `onConnected: ${t}`));
});

test("keepConnected() tells it again after onConnected has succeeded", async () => {
  const seen = await told(["one", "one", undefined, "one", undefined]);
  assertEquals(seen, ["onConnected: one", "onConnected: one"]);
});
