/**
 * Socket files that are deleted. Those that are stale are in
 * tests/server/socket_file_test.ts, and races for them beside it.
 */

import { assert, assertEquals } from "@std/assert";
import { connectToRemoteServer, createRequestServer } from "../../mod.ts";
import { test } from "../_test.ts";
import { fate } from "./_fate.ts";

/** Two servers of a path, one after the other, while the first goes on. */
async function withSocket(
  work: (path: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/wire.sock`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

const serve = (path: string, name: string) =>
  createRequestServer(0, { path, functions: { name: () => name } });
const connect = (path: string) =>
  connectToRemoteServer<{ name(): string }>("", 0, { path });

if (Deno.build.os !== "windows") {
  test("unix, the socket file deleted: open wires go on, connecting fails with connectFailed, and the server ends well", () =>
    withSocket(async (path) => {
      const server = serve(path, "first");
      await using wire = await connect(path);
      await Deno.remove(path);
      assertEquals(await wire.remoteValue.name(), "first");
      assertEquals(await fate(connect(path)), "connectFailed");
      await server.shutdown();
      assertEquals((await wire.closed).code, "closed");
    }));

  test("unix, the folder of the socket file deleted: open wires go on, and the server ends well", () =>
    withSocket(async (path, folder) => {
      const server = serve(path, "first");
      await using wire = await connect(path);
      await Deno.remove(folder, { recursive: true });
      assertEquals(await wire.remoteValue.name(), "first");
      await server.shutdown();
      assertEquals((await wire.closed).code, "closed");
    }));

  test("unix, the socket file deleted and the path taken by another server: the first ends, and leaves the other's file alone", () =>
    withSocket(async (path) => {
      const first = serve(path, "first");
      await using old = await connect(path);
      await Deno.remove(path);
      await using _second = serve(path, "second");
      await using next = await connect(path);
      assertEquals(await old.remoteValue.name(), "first");
      assertEquals(await next.remoteValue.name(), "second");
      await first.shutdown();
      assert(Deno.lstatSync(path).isSocket);
      await using last = await connect(path);
      assertEquals(await last.remoteValue.name(), "second");
    }));
}
