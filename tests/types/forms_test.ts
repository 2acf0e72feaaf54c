/**
 * The types of the two forms of `createRequestServer()` and
 * `connectToRemoteServer()`: each infers, and each refuses the other's parts.
 */

import { assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  type Contract,
  contract,
  createRequestServer,
  type Wire,
  type WireAddress,
  type WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { v } from "../wire/_schemas.ts";

interface Calculator {
  add(a: number, b: number): number;
}

const calculator: Contract<Calculator> = contract({
  add: { args: [v.number(), v.number()], result: v.number() },
});
const add = (a: number, b: number) => a + b;

test("createRequestServer() and connectToRemoteServer() infer in both forms", async () => {
  await using server = createRequestServer(0, {
    serves: calculator,
    functions: { add },
    onConnect: (wire, address) => {
      const both: [Wire, WireAddress] = [wire, address];
      return both.length === 2;
    },
  });
  const { port } = server;
  const here = await connectToRemoteServer("localhost", port, {
    expects: calculator,
    onDeath: (reason) => void (reason satisfies WireError),
  });
  const there = await connectToRemoteServer(
    0x7f000001n,
    port,
    (reason) => void (reason satisfies WireError),
    { expects: calculator },
  );
  const wires: Wire<Calculator>[] = [here, there];
  for (const wire of wires) {
    const sum: number = await wire.remoteValue.add(40, 2);
    assertEquals(sum, 42);
    await wire.close();
  }
});

// Checked, but not run.
const _refused = () => {
  // Both forms, whose last arguments may be missing.
  createRequestServer(0);
  createRequestServer(0, null);
  createRequestServer(0, undefined);
  createRequestServer(0, () => true);
  createRequestServer(0, () => Promise.resolve(true), undefined);
  createRequestServer(0, { onConnect: null });
  connectToRemoteServer("a", 1);
  connectToRemoteServer("a", 1, null);
  connectToRemoteServer("a", 1, undefined);
  connectToRemoteServer("a", 1, () => {});
  connectToRemoteServer("a", 1, undefined, undefined);
  connectToRemoteServer("a", 1, { onDeath: null });

  // @ts-expect-error: there is no such option
  createRequestServer(0, { credentail: "x" });
  // @ts-expect-error: what onConnect answers
  createRequestServer(0, () => 5);
  // @ts-expect-error: what onConnect answers
  createRequestServer(0, { onConnect: () => 5 });
  // @ts-expect-error: it would let everybody in
  createRequestServer(0, { onConnect: undefined });
  // @ts-expect-error: it would let everybody in
  createRequestServer(0, { requireCredential: undefined });
  // @ts-expect-error: onConnect is given twice
  createRequestServer(0, () => true, { onConnect: () => true });
  // @ts-expect-error: options are given twice
  createRequestServer(0, {}, {});
  // @ts-expect-error: neither a function nor options
  createRequestServer(0, "secret");
  // @ts-expect-error: options without await
  createRequestServer(0, Promise.resolve({}));
  // @ts-expect-error: there is no such option
  connectToRemoteServer("a", 1, { timeuot: 5 });
  // @ts-expect-error: there is no such option
  connectToRemoteServer("a", 1, () => {}, { timeuot: 5 });
  // @ts-expect-error: onDeath is given twice
  connectToRemoteServer("a", 1, () => {}, { onDeath: () => {} });
  // @ts-expect-error: a client asks nobody
  connectToRemoteServer("a", 1, { confirm: () => true });
  // @ts-expect-error: the signal is an option
  connectToRemoteServer("a", 1, new AbortController().signal);
};
