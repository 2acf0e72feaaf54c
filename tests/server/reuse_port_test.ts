/**
 * Several servers on one port.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { createRequestServer, WireError } from "../../mod.ts";
import { createRequestServer as createInNode } from "../../node/mod.ts";
import { run } from "../examples/_run.ts";
import { test } from "../_test.ts";

const PROGRAM = `${import.meta.dirname}/_shared_port.ts`;

test("createRequestServer() refuses reusePort where there is nothing to share", () => {
  const refused = (make: () => unknown, text: string) => {
    const error = assertThrows(make, WireError, text);
    assertEquals(error.code, "invalidArgument");
  };
  const reusePort = true;
  refused(() => createRequestServer(null, { reusePort }), '"reusePort"');
  refused(
    () => createRequestServer(0, { reusePort, path: "/tmp/none" }),
    "Leave one of them out",
  );
  refused(
    () => createRequestServer(0, { reusePort: 1 as unknown as boolean }),
    "is true or false, not 1",
  );
  refused(() => createInNode(0, { reusePort }), "node:cluster");
  // These tests run without the flag that Deno wants.
  const cure = Deno.build.os === "linux" ? "--unstable-net" : "Linux only";
  refused(() => createRequestServer(0, { reusePort }), cure);
});

if (Deno.build.os === "linux") {
  test("createRequestServer() shares a port with reusePort, and with no other", async () => {
    const ended = await run("-A", "--unstable-net", PROGRAM);
    const stdout = "first,second addressInUse\n";
    assertEquals(ended, { code: 0, stdout, stderr: "" });
  });
}
