/**
 * The lifetime of a wire: one object that every part asks.
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import { Lifetime } from "../../wire/base/lifetime.ts";
import { test } from "../_test.ts";
import { wirePair } from "../../wire/exports.ts";

function reasonOf(text: string): WireError {
  return new WireError("aborted", text);
}

test("Lifetime.end() keeps the first reason, and all who ask get it at once", () => {
  const lifetime = new Lifetime(() => {});
  assertEquals(lifetime.reason, undefined);
  const first = reasonOf("first");
  assertEquals(lifetime.end(first), true);
  assertEquals(lifetime.end(reasonOf("second")), false);
  assertStrictEquals(lifetime.reason, first);
});

test("Lifetime.declare() tells each listener once, and late ones at once", () => {
  const errors: string[] = [];
  const lifetime = new Lifetime((error, where) =>
    errors.push(`${where}: ${(error as Error).message}`)
  );
  const told: unknown[] = [];
  lifetime.listen((reason) => told.push(reason));
  lifetime.listen(() => {
    throw new Error("one that fails");
  });
  const { signal } = lifetime;
  const reason = reasonOf("the end");
  lifetime.end(reason);
  assertEquals([told, signal.aborted], [[], false]);
  lifetime.declare();
  assertEquals(told, [reason]);
  assertStrictEquals(signal.reason, reason);
  lifetime.listen((reason) => told.push(reason));
  assertEquals(told, [reason, reason]);
  assertEquals(errors, ["onDeath: one that fails"]);
});

test("Lifetime.signal has aborted where it is asked for after the end", () => {
  const lifetime = new Lifetime(() => {});
  const reason = reasonOf("the end");
  lifetime.end(reason);
  lifetime.declare();
  assertStrictEquals(lifetime.signal.reason, reason);
});

test("Lifetime.refusal() says why nothing more is sent", () => {
  const lifetime = new Lifetime(() => {});
  assertEquals(lifetime.refusal("add"), undefined);
  lifetime.isDraining = true;
  const closing = lifetime.refusal("add");
  assertEquals([closing?.code, closing?.sent], ["closed", "notSent"]);
  assertEquals(
    closing?.message,
    '"add" was not sent: the wire is being closed.',
  );
  const reason = reasonOf("It broke.");
  lifetime.end(reason);
  const ended = lifetime.refusal("add");
  assertEquals([ended?.code, ended?.sent], ["aborted", "notSent"]);
  assertEquals(ended?.message, '"add" was not sent: It broke.');
  assertStrictEquals(ended?.cause, reason);
});

test("what a peer's close says is refused in one way, whoever is asked", async () => {
  const [near, far] = wirePair({ onError: () => {} });
  far.serve({ f: () => 1 });
  await near.opened;
  const closed = near.close();
  const refused = await Promise.all(
    [
      near.remoteValue.f!(),
      near.remoteValues.f!(),
      near.remote.f!(),
      near.outputObject(1),
    ].map((each) => Promise.resolve(each).catch((error: unknown) => error)),
  ) as WireError[];
  assertEquals(
    refused.map(({ code, sent, message }) => [code, sent, message]),
    ["f", "f", "f", "outputObject"].map((name) => [
      "closed",
      "notSent",
      `"${name}" was not sent: the wire is being closed.`,
    ]),
  );
  await closed;
});
