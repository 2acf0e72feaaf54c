/**
 * What is wrong outside of an example ends it with one line.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../_test.ts";
import { type Ended, EXAMPLES, run } from "./_run.ts";

/** Programs, what stands in front of a port, and what is said of a wrong one. */
const CLIENTS: [program: string, ...args: string[]][] = [
  ["calculator/client.ts", "localhost"],
  ["talk/client.ts", "localhost"],
  ["cmucl/call_lisp.ts"],
  ["chat/client.ts", "somebody", "--port"],
  ["tail/client.ts", "--port"],
  ["archive/client.ts", "--port"],
];
const SERVERS: [program: string, ...args: string[]][] = [
  ["calculator/server.ts"],
  ["talk/server.ts"],
  ["listener.ts"],
  ["cmucl/serve_lisp.ts"],
  ["chat/server.ts", "--port"],
  ["tail/server.ts", EXAMPLES, "--port"],
  ["archive/server.ts", `--folder=${EXAMPLES}`, "--port"],
];

function runExample(program: string, ...args: string[]): Promise<Ended> {
  return run("-A", `${EXAMPLES}/${program}`, ...args);
}

for (const [program, ...args] of CLIENTS) {
  test(`${program} prints one line where nobody listens`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const ended = await runExample(program, ...args, String(port));
    assertMatch(ended.stderr, /^.*nobody listens there.*\n$/);
    assertEquals([ended.code, ended.stdout], [1, ""]);
  });
}

for (const [program, ...args] of SERVERS) {
  test(`${program} prints one line where the port is taken`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(listener.addr.port);
    const ended = await runExample(program, ...args, port);
    assertMatch(ended.stderr, /^.*the address is in use.*\n$/);
    assertEquals(ended.code, 1);
  });
}

test("calculator/client.ts prints one line without a permission", async () => {
  const { code, stdout, stderr } = await run(
    "--no-prompt",
    `${EXAMPLES}/calculator/client.ts`,
  );
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^.*--allow-net flag.*\n$/);
});

test("calculator/client.ts prints one line where another server listens", async () => {
  // It says no hello, as a web server might.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    using conn = await listener.accept();
    await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"));
    while (await conn.read(new Uint8Array(1_000)) !== null);
  })().catch(() => {}); // a reset, which is an end as well
  const { code, stdout, stderr } = await runExample(
    "calculator/client.ts",
    "localhost",
    String(listener.addr.port),
  );
  await answering;
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^.+\n$/);
});
