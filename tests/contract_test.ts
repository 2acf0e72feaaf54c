/**
 * Contracts between a server and its clients.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  type Contract,
  contract,
  createRequestServer,
  WireError,
} from "../mod.ts";
import { test } from "./_test.ts";
import { v, z } from "./wire/_schemas.ts";

interface Calculator {
  divide(a: number, b: number): number;
}

interface Display {
  show(text: string): string;
}

const calculator: Contract<Calculator> = contract({
  divide: {
    args: [v.number(), v.number()],
    result: v.number(),
    errors: { DivisionByZero: v.object({ dividend: v.number() }) },
  },
});

const display: Contract<Display> = contract({
  show: { args: [z.string()], result: z.string() },
});

function divide(a: number, b: number): number {
  if (b !== 0) return a / b;
  throw calculator.error("divide", "DivisionByZero", { dividend: a });
}

test("createRequestServer() and connectToRemoteServer() keep contracts", async () => {
  const shown = Promise.withResolvers<string>();
  await using server = createRequestServer(0, (wire) => {
    wire.opened.then(() => wire.remoteValue.show("Hello."))
      .then(shown.resolve, shown.reject);
    return true;
  }, { serves: calculator, functions: { divide }, expects: display });
  const { port } = server.address as Deno.NetAddr;
  await using wire = await connectToRemoteServer("127.0.0.1", port, undefined, {
    expects: calculator,
    serves: display,
    functions: { show: (text) => `${text} ${text}` },
  });
  const half: number = await wire.remoteValue.divide(1, 2);
  assertEquals(half, 0.5);
  assertEquals(await shown.promise, "Hello. Hello.");
  const error = await wire.remoteValue.divide(1, 0).catch((e: unknown) => e);
  if (!calculator.isError(error, "divide", "DivisionByZero")) throw error;
  assertEquals(error.data.dividend, 1);
  const refusal = await wire.call("divide", [1, "2"]).catch((e: unknown) => e);
  assertEquals((refusal as WireError).code, "invalidArgument");
});

test("connectToRemoteServer() refuses a server with another contract", async () => {
  let asked = 0;
  await using server = createRequestServer(0, () => ++asked > 0, {
    serves: contract({ show: { args: [z.number()] } }),
  });
  const { port } = server.address as Deno.NetAddr;
  const error = await assertRejects(
    () =>
      connectToRemoteServer("127.0.0.1", port, undefined, { expects: display }),
    WireError,
  ) as WireError;
  assertEquals(error.code, "contractMismatch");
  assertEquals(
    error.message,
    `Cannot connect to 127.0.0.1:${port}: The caller's contract is not the server's. "show": as argument 1, the caller gives string, the server takes number.`,
  );
  // The server has others.
  await using wire = await connectToRemoteServer("127.0.0.1", port);
  assert(wire.ended === undefined && asked > 0);
});
