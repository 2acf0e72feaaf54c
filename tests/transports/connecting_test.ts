/** What connections of all kinds share: how a wire comes of one. */

import { assertEquals, assertRejects } from "@std/assert";
import { memoryTransports, WireError } from "../../wire/mod.ts";
import { connectOver } from "../../transports/_connecting.ts";
import { test } from "../_test.ts";

test("connectOver() closes a connection over which no wire can be made", async () => {
  const [here, there] = memoryTransports();
  // It fits into no frame of a hello.
  const credential = "s".repeat(100_000);
  await assertRejects(
    () => connectOver("nobody", { credential }, () => here),
    WireError,
    "frame",
  );
  assertEquals(await there.read(), null);
});
