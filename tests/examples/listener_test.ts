import { assertEquals } from "@std/assert";
import { openTcpStream } from "../../client/mod.ts";
import { test } from "../_test.ts";
import { Client } from "../server/listener/_client.ts";
import { EXAMPLES, run, startServer } from "./_run.ts";

test("The listener example evaluates, and ends with its sessions", async () => {
  const server = await startServer(
    "--allow-net",
    "--allow-run",
    `${EXAMPLES}/listener.ts`,
    "0",
  );
  const stream = await openTcpStream("localhost", server.port);
  await using client = new Client(stream);
  await client.until("name> ");
  await client.say('"alice"', "alice> ");
  assertEquals(await client.say("40 + 2", "alice> "), "42\n");
  const { code, stderr } = await server.end("SIGINT");
  assertEquals([code, stderr], [0, ""]);
  await client.until(null).catch(() => {});
});

test("The streams example numbers lines", async () => {
  const ended = await run(
    "--allow-net=127.0.0.1,localhost",
    `${EXAMPLES}/streams.ts`,
  );
  assertEquals(ended, {
    code: 0,
    stdout: "1. one\n2. two\n3. three\n\n",
    stderr: "",
  });
});
