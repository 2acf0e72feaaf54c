/**
 * As its users by URL have it: over HTTP, without configuration or import map.
 */

import { assertEquals } from "@std/assert";
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url);

test("mod.ts works when it is imported by URL", async () => {
  const served: string[] = [];
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    if (path.includes("..")) return new Response(null, { status: 403 });
    served.push(path);
    try {
      const source = await Deno.readTextFile(new URL(path, ROOT));
      return new Response(source, {
        headers: { "content-type": "application/typescript" },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  const folder = await Deno.makeTempDir();
  const program = `
    import { connectToRemoteServer, createRequestServer } from
      "http://127.0.0.1:${server.addr.port}/mod.ts";
    interface Calculator { add(a: number, b: number): number }
    const server = createRequestServer(0, (wire) => {
      wire.serve<Calculator>({ add: (a, b) => a + b });
      return true;
    });
    if (server.addr.transport !== "tcp") throw new Error();
    const wire = await connectToRemoteServer<Calculator>(
      "localhost", server.addr.port);
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
  assertEquals(
    served.filter((path) => !/^(mod\.ts|(wire|server|client)\/)/.test(path)),
    [],
  );
  await Deno.remove(folder, { recursive: true });
});
