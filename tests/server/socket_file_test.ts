import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { leaveStaleSockets } from "./_stale_socket.ts";

/** The error of a server that cannot listen on a path. */
function refused(path: string): WireError {
  return assertThrows(
    () => void createRequestServer(0, undefined, { path }),
    WireError,
  ) as WireError;
}

/** Calls with a path in a folder of its own. */
async function inFolder(
  work: (path: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/wire.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (Deno.build.os !== "windows") {
  test("createRequestServer() throws at once on a path that is taken", () =>
    inFolder(async (path) => {
      await using server = createRequestServer(0, undefined, { path });
      for (let n = 0; n < 2; n++) {
        const error = refused(path);
        assertEquals(error.code, "addressInUse");
        assert(error.message.includes("a server answers there"));
      }
      await using wire = await connectToRemoteServer("", 0, undefined, {
        path,
      });
      assert(await wire.ping() >= 0);
      assertEquals(server.address, { transport: "unix", path });
    }));

  test("createRequestServer() throws at once where another program listens", () =>
    inFolder((path) => {
      using _listener = Deno.listen({ transport: "unix", path });
      assertEquals(refused(path).code, "addressInUse");
      assert(Deno.lstatSync(path).isSocket);
    }));

  test("a stale socket file is replaced at once", () =>
    inFolder(async (path) => {
      await leaveStaleSockets(path);
      const server = createRequestServer(0, undefined, {
        path,
        functions: { one: () => 1 },
      });
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
      await using wire = await connectToRemoteServer("", 0, undefined, {
        path,
      });
      assertEquals(await wire.remoteValue.one(), 1);
      await server.shutdown();
      assertEquals([...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))], []);
    }));

  test("of several servers that replace a stale file, one gets its path", () =>
    inFolder(async (path) => {
      await leaveStaleSockets(path);
      const module = new URL("../../mod.ts", import.meta.url).href;
      const children = Array.from(
        { length: 4 },
        () =>
          new Deno.Command(Deno.execPath(), {
            args: [
              "eval",
              "--no-config",
              `import { createRequestServer } from "${module}";
             try {
               createRequestServer(0, null, { path: ${JSON.stringify(path)} });
               console.log("listens");
             } catch (error) {
               console.log(error.code);
             }
             await new Promise((resolve) => setTimeout(resolve, 1e6));`,
            ],
            stdout: "piped",
          }).spawn(),
      );
      const said = await Promise.all(children.map(async (child) => {
        const reader = child.stdout.pipeThrough(new TextDecoderStream())
          .getReader();
        const { value } = await reader.read();
        return { child, reader, word: value?.trim() };
      }));
      assertEquals(said.map(({ word }) => word).sort(), [
        "addressInUse",
        "addressInUse",
        "addressInUse",
        "listens",
      ]);
      // The one that says that it listens is the one that is reached.
      const wire = await connectToRemoteServer("", 0, undefined, { path });
      const winner = said.find(({ word }) => word === "listens")!;
      winner.child.kill("SIGKILL");
      assertEquals((await wire.closed).code, "connectionLost");
      for (const { child, reader } of said) {
        if (child !== winner.child) child.kill("SIGKILL");
        await child.status;
        await reader.cancel();
      }
    }));

  test("createRequestServer() says what is wrong with a path", () =>
    inFolder((path) => {
      const folder = path.replace(/\/[^/]*$/, "");
      const cases: [string, string, string][] = [
        [folder, "addressInUse", "there is a directory"],
        [`${folder}/`, "addressInUse", `such as ${folder}/wire.sock`],
        [`${folder}/none/a.sock`, "addressUnavailable", "does not exist"],
        [`${folder}/${"a".repeat(200)}`, "addressUnavailable", "too long"],
      ];
      for (const [path, code, words] of cases) {
        const error = refused(path);
        assertEquals(error.code, code, error.message);
        assert(error.message.includes(words), error.message);
        assert(!/\bports?\b/i.test(error.message), error.message);
      }
    }));

  test("a server that is shut down at SIGTERM leaves no socket file behind", () =>
    inFolder(async (path) => {
      const module = new URL("../../mod.ts", import.meta.url).href;
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "eval",
          "--no-config",
          `import { createRequestServer } from "${module}";
           const controller = new AbortController();
           const end = () => {
             Deno.removeSignalListener("SIGTERM", end);
             controller.abort();
           };
           Deno.addSignalListener("SIGTERM", end);
           createRequestServer(0, null, {
             path: ${JSON.stringify(path)},
             signal: controller.signal,
             onListen: () => console.log("listens"),
           });`,
        ],
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      assert(Deno.lstatSync(path).isSocket);
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 0);
      assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
      await reader.cancel();
    }));
}
