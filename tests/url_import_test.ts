/**
 * As its users by URL have it: over HTTP, without configuration or import map.
 */

import { assert, assertEquals } from "@std/assert";
import { serveRepository } from "./_serve_repository.ts";
import { test } from "./_test.ts";

test("mod.ts works when it is imported by URL", async () => {
  const served: string[] = [];
  await using server = serveRepository(served);
  const folder = await Deno.makeTempDir();
  const program = `
    import { connectToRemoteServer, createRequestServer } from
      "http://127.0.0.1:${server.addr.port}/mod.ts";
    interface Calculator { add(a: number, b: number): number }
    const server = createRequestServer(0, (wire) => {
      wire.serve<Calculator>({ add: (a, b) => a + b });
      return true;
    });
    if (server.address.transport !== "tcp") throw new Error();
    const wire = await connectToRemoteServer<Calculator>(
      "localhost", server.address.port);
    console.log(await wire.remoteValue.add(40, 2));
    await wire.close();
    await server.shutdown();
  `;
  await Deno.writeTextFile(`${folder}/main.ts`, program);
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--check",
      "--no-config",
      "--no-lock",
      "--quiet",
      `--allow-import=127.0.0.1:${server.addr.port}`,
      "--allow-net=127.0.0.1,localhost",
      "main.ts",
    ],
    cwd: folder,
    env: { DENO_DIR: `${folder}/cache` },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(new TextDecoder().decode(stdout), "42\n");
  assertEquals(code, 0);
  // What is loaded when it is needed is fetched with the rest, and cached.
  for (const path of ["client/_tls.ts", "server/_tls.ts"]) {
    assert(served.includes(path), path);
  }
  assertEquals(
    served.filter((path) =>
      !/^(mod\.ts|(wire|host|server|client)\/)/.test(path)
    ),
    [],
  );
  await Deno.remove(folder, { recursive: true });
});
