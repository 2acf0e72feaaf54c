import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { EXAMPLES, run, startServer } from "./_run.ts";

const SIX_LINES = `\
I said: "Hello self."
Self replied: "You sent: 'Hello self.'"
I said: "Why don't you say something original?"
Self replied: "You sent: 'Why don't you say something original?'"
I said: "Talk to you later then.  Bye."
Self replied: "You sent: 'Talk to you later then.  Bye.'"
`;

test("The talk example prints the six lines of the manual", async () => {
  const server = await startServer(
    "--allow-net",
    `${EXAMPLES}/talk/server.ts`,
    "0",
  );
  const client = await run(
    "--allow-net",
    `${EXAMPLES}/talk/client.ts`,
    "localhost",
    String(server.port),
  );
  assertEquals(client, { code: 0, stdout: SIX_LINES, stderr: "" });
  const { stderr } = await server.end("SIGTERM");
  assertEquals(stderr, "");
});
