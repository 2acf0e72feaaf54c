import { assertEquals, assertMatch } from "@std/assert";
import type { Calculator } from "../../examples/calculator/calculator.ts";
import { connectToRemoteServer } from "../../mod.ts";
import { test } from "../_test.ts";
import { EXAMPLES, run, startServer } from "./_run.ts";

// Nothing but mod.ts: no configuration, no registry, no permission but one.
const BARE = ["--no-config", "--no-remote", "--no-npm", "--allow-net"];
const SERVER = `${EXAMPLES}/calculator/server.ts`;
const CLIENT = `${EXAMPLES}/calculator/client.ts`;

test("calculator/client.ts shows every way to call", async () => {
  const server = await startServer(...BARE, SERVER, "0");
  const client = await run(...BARE, CLIENT, "localhost", `${server.port}`);
  const ended = await server.end("SIGINT");
  assertEquals(client, {
    code: 0,
    stdout: [
      "40 + 2 = 42",
      "17 / 5 = 3, rest 2",
      "half(7) threw a RangeError: 7 is odd",
      'think(60000) failed with "deadline": The call of "think" was not answered within 100 ms, its deadline.',
      "",
    ].join("\n"),
    stderr: "",
  });
  assertEquals(ended.code, 0);
  assertEquals(ended.stderr, "");
  assertMatch(
    ended.stdout,
    /^listening on \S+\n(\S+) connected\n\1 says: Thank you\.\n\1 left: .+\n$/,
  );
});

test("calculator/server.ts lets a call finish at SIGINT", async () => {
  const server = await startServer(...BARE, SERVER, "0");
  const wire = await connectToRemoteServer<Calculator>(
    "127.0.0.1",
    server.port,
  );
  const answer = wire.remoteValue.think(50);
  await wire.remoteValue.add(1, 1); // the server is thinking by now
  const ended = server.end("SIGINT");
  assertEquals(await answer, 42);
  assertEquals((await wire.closed).code, "closed");
  assertEquals((await ended).code, 0);
});

test("calculator/server.ts refuses a port that is none", async () => {
  const { code, stderr } = await run(...BARE, SERVER, "seven");
  assertEquals(code, 1);
  assertMatch(stderr, /^A port is an integer from 0 to 65535.*\n$/);
});
