/**
 * A client of the tests that resets its connection does.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { connectToReset } from "./_reset.ts";
import { test } from "./_test.ts";

test("connectToReset() resets: whoever reads fails", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await connectToReset(listener.addr.port);
  using conn = await listener.accept();
  client.write("read");
  const bytes = new Uint8Array(10);
  assertEquals(await conn.read(bytes), 4);
  await client.reset();
  await assertRejects(() => conn.read(bytes), Deno.errors.ConnectionReset);
});
