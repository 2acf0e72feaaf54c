/** Clients that reset their connection hold nothing of a listener. */

import { assert } from "@std/assert";
import { connectToReset, type ResettingClient } from "../../_reset.ts";
import { test } from "../../_test.ts";
import { startListener } from "./_client.ts";

const CREDENTIAL = "correct horse battery staple";
/** Times that no test waits for. */
const NEVER = 3_600_000;

/**
 * Connects anew until there is room: those before may not be gone yet.
 *
 * @param listener The listener.
 * @param said What to say.
 * @param prompt What comes then, unless there is no room.
 * @returns The client.
 */
async function admitted(
  listener: ReturnType<typeof startListener>,
  said: string,
  prompt: string,
): Promise<ResettingClient> {
  // A reset is there long before so many others have come and gone.
  for (let tries = 0; tries < 1_000; tries++) {
    const client = await connectToReset(listener.server.port);
    client.write(said);
    try {
      await client.until(prompt);
      return client;
    } catch {
      // Turned away: one before is still there.
      await client.reset();
    }
  }
  throw new Error("Clients that are gone take all the room.");
}

test("a stranger that resets its connection makes room for another", async () => {
  await using listener = startListener({
    requireCredential: CREDENTIAL,
    limits: { strangers: 1, introduction: NEVER },
  });
  // At the name, at the credential, and within a line.
  for (const said of ["", "alice\n", "ali", "alice\ncorr"]) {
    const prompt = said.includes("\n") ? "credential> " : "name> ";
    const client = await admitted(listener, said, prompt);
    await client.reset();
  }
  await (await admitted(listener, "bob\n", "credential> ")).reset();
});

test("a session that is reset makes room for another", async () => {
  await using listener = startListener({
    limits: { sessions: 1, evaluation: NEVER, afterEnd: NEVER, idle: NEVER },
  });
  // At the prompt, within an input, and within a loop.
  for (const said of ["", "f(", "console.log('begun'); for (;;);\n"]) {
    const client = await admitted(listener, "test\n", "test> ");
    client.write(said);
    if (said.endsWith("\n")) await client.until("begun\n");
    await client.reset();
  }
  await (await admitted(listener, "bob\n", "bob> ")).reset();
});

test("a session that ends by a line too long makes room for another", async () => {
  await using listener = startListener({
    limits: { sessions: 1, line: 100, idle: NEVER, evaluation: NEVER },
  });
  for (let time = 0; time < 3; time++) {
    const client = await admitted(listener, "test\n", "test> ");
    client.write("x".repeat(200));
    await client.until("longer than 100 bytes");
    await client.reset();
  }
  await (await admitted(listener, "bob\n", "bob> ")).reset();
});

test("an attempt that fails counts, though its client resets the connection", async () => {
  await using listener = startListener({
    requireCredential: CREDENTIAL,
    limits: { attempts: 3, attemptEvery: NEVER },
  });
  for (let attempt = 0; attempt < 3; attempt++) {
    const client = await connectToReset(listener.server.port);
    client.write("alice\n");
    await client.until("credential> ");
    client.write("wrong\n");
    // The first bytes of the answer: the attempt was taken.
    await client.until("; That");
    await client.reset();
  }
  await using late = await listener.connect();
  const first = new TextDecoder().decode(await late.stream.read() ?? undefined);
  assert(first.includes("Too many attempts"), first);
});

test("an attempt that is right does not count, though its client resets the connection", async () => {
  await using listener = startListener({
    requireCredential: CREDENTIAL,
    limits: { attempts: 2, attemptEvery: NEVER },
  });
  for (let attempt = 0; attempt < 5; attempt++) {
    const client = await connectToReset(listener.server.port);
    client.write("alice\n");
    await client.until("credential> ");
    client.write(`${CREDENTIAL}\n`);
    await client.until("Hello, alice");
    await client.reset();
  }
  await using client = await listener.connect();
  await client.until("name> ");
  await client.say("alice", "credential> ");
  assert((await client.say(CREDENTIAL, "alice> ")).includes("Hello"));
});
