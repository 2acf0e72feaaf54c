/**
 * Who guesses a server's secret.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createRequestServer,
  type RequestServerOptions,
  WireError,
} from "../../mod.ts";
import { Guesses } from "../../server/_admission.ts";
import { test } from "../_test.ts";
import { CROWD, ELSEWHERE, hasTwoAddresses, wireFrom } from "./_crowd.ts";

const SECRET = "the right secret, which is long";
/** Longer than any test, in milliseconds. */
const NEVER = 2 ** 31 - 1;

function serverOf(limits: RequestServerOptions["limits"]) {
  const errors: WireError[] = [];
  const server = createRequestServer(0, null, {
    hostname: "0.0.0.0",
    functions: { echo: (x: unknown) => x },
    requireCredential: SECRET,
    limits,
    onError: (error) => errors.push(error as WireError),
  });
  return { server, errors };
}

/** Shows a secret; gives what comes of it. */
async function show(
  port: number,
  from: string,
  credential: string,
): Promise<string> {
  try {
    const wire = await wireFrom(port, from, { credential });
    assertEquals(await wire.remoteValue.echo("in"), "in");
    await wire.close();
    return "in";
  } catch (error) {
    return (error as WireError).code;
  }
}

/** Counts what is the same. */
function counted(texts: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

const testOfTwo: typeof test = hasTwoAddresses ? test : Deno.test.ignore;

testOfTwo(
  "who guesses a secret is heard a few times, and is told of",
  async () => {
    const { server, errors } = serverOf({ attempts: 5, attemptEvery: NEVER });
    const { port } = server;
    let isOver = false;
    const codes: string[] = [];
    const guess = async () => {
      while (!isOver) {
        codes.push(
          await show(port, CROWD, `guess ${codes.length} ${Math.random()}`),
        );
      }
    };
    const flood = Promise.all(Array.from({ length: 30 }, guess));
    while (codes.length < 100) await show(port, ELSEWHERE, SECRET);
    // Whoever knows it gets in, at another address.
    for (let time = 0; time < 5; time++) {
      assertEquals(await show(port, ELSEWHERE, SECRET), "in");
    }
    const error = await assertRejects(
      () => wireFrom(port, CROWD, { credential: SECRET }),
      WireError,
      "too many wrong credentials came from your address",
    ) as WireError;
    assertEquals(error.code, "busy");
    isOver = true;
    await flood;
    await server.shutdown();
    assertEquals(counted(codes), { refused: 5, busy: codes.length - 5 });
    // By kind and second, and not one by one.
    assert(errors.length < codes.length / 2, `${errors.length}`);
    const kinds = counted(errors.map(({ code }) => code));
    assertEquals(Object.keys(kinds).sort(), ["busy", "refused"]);
    assert(errors.every(({ message }) => message.includes(CROWD)));
    assert(errors.every(({ message }) => !message.includes("guess ")));
  },
);

testOfTwo("an address that guessed is listened to again", async () => {
  const { server } = serverOf({ attempts: 2, attemptEvery: 300 });
  const { port } = server;
  const codes: string[] = [];
  while (!codes.includes("busy")) {
    codes.push(await show(port, CROWD, `guess ${codes.length}`));
  }
  while (await show(port, CROWD, SECRET) !== "in");
  await server.shutdown();
});

testOfTwo(
  "a program that shows the same wrong secret again shuts nobody out",
  async () => {
    const { server, errors } = serverOf({ attempts: 3, attemptEvery: NEVER });
    const { port } = server;
    const codes: string[] = [];
    for (let time = 0; time < 20; time++) {
      codes.push(await show(port, CROWD, "an old secret"));
    }
    assertEquals(counted(codes), { refused: 20 });
    assertEquals(await show(port, CROWD, SECRET), "in");
    await server.shutdown();
    assertEquals(errors[0]!.code, "refused");
  },
);

test("Guesses remembers a bounded number of wrong secrets", () => {
  const guesses = new Guesses({ attempts: 2, attemptEvery: NEVER }, () => {});
  const gateOf = (network: string) =>
    guesses.gateOf({
      network,
      address: { transport: "tcp", hostname: network, port: 1 },
    });
  const [first, second] = [gateOf("first"), gateOf("second")];
  for (let time = 0; time < 9; time++) {
    first.failed("wrong");
    second.failed("x".repeat(10_000));
  }
  assertEquals(first.refusal(), undefined);
  // One that is too long to be remembered counts each time.
  assertEquals(second.refusal()?.code, "busy");
  for (let other = 0; other < 1_000; other++) gateOf(`${other}`).failed("y");
  first.failed("wrong");
  assertEquals(first.refusal()?.code, "busy");
});
