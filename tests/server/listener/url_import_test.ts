/**
 * The listener of a module that was imported over HTTP: its sessions need
 * neither a file nor a cache of it.
 */

import { assertEquals } from "@std/assert";
import { serveRepository } from "../../_serve_repository.ts";
import { test } from "../../_test.ts";

test("A listener works when mod.ts was imported by URL", async () => {
  await using server = serveRepository();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/main.ts`,
    `
    import { openTcpStream, startUpServer } from
      "http://127.0.0.1:${server.addr.port}/mod.ts";
    await using server = startUpServer({ service: 0 });
    await using stream = await openTcpStream("127.0.0.1", server.port);
    await stream.write('"alice"\\nconst n: number = 40\\nn + 2\\n:quit\\n');
    for await (const line of stream) console.log(line);
    `,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-config",
      "--no-lock",
      "--quiet",
      `--allow-import=127.0.0.1:${server.addr.port}`,
      "--allow-net=127.0.0.1",
      "--allow-run",
      "main.ts",
    ],
    cwd: folder,
    env: { DENO_DIR: `${folder}/cache` },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const lines = new TextDecoder().decode(stdout).split("\n");
  assertEquals(lines.slice(1), [
    "name> ; Hello, alice. Type :help for help.",
    "alice> undefined",
    "alice> 42",
    "alice> ; Goodbye, alice.",
    "",
  ]);
  await Deno.remove(folder, { recursive: true });
});
