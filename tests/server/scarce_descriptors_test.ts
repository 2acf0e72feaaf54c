/** Servers whose process may open few files, and does not die of it. */

import { assert, assertEquals } from "@std/assert";
import { connectToRemoteServer, openTcpStream } from "../../mod.ts";
import { withFewFiles } from "../_programs.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS } from "../_transports.ts";

const PROGRAM = new URL("./_scarce_server.ts", import.meta.url).pathname;
const tls = CLIENT_TLS;

/** Whether a newcomer is served. */
const NEWCOMERS: Record<string, (port: number) => Promise<boolean>> = {
  request: (port) => call(port),
  requestTls: (port) => call(port, { tls }),
  stream: (port) => ask(port, (line) => line === "in"),
  streamTls: (port) => ask(port, (line) => line === "in", { tls }),
  listener: (port) => ask(port, (line) => line.includes("listener")),
};

async function call(
  port: number,
  options: { tls?: typeof CLIENT_TLS } = {},
): Promise<boolean> {
  await using wire = await connectToRemoteServer(
    "localhost",
    port,
    undefined,
    options,
  );
  return await wire.remoteValue.echo("in") === "in";
}

async function ask(
  port: number,
  isRight: (line: string) => boolean,
  options: { tls?: typeof CLIENT_TLS } = {},
): Promise<boolean> {
  await using stream = await openTcpStream("localhost", port, options);
  stream.writeLine("in");
  return isRight(await stream.readLine() ?? "");
}

/** How often a newcomer tries. */
const TRIES = 200;

/** The same, by a newcomer that comes again when it is turned away. */
async function isServedSoon(
  isServed: (port: number) => Promise<boolean>,
  port: number,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      if (await isServed(port)) return true;
    } catch {
      // The server may not have seen yet that the silent ones are gone.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

if (Deno.build.os === "linux") {
  for (const [kind, isServed] of Object.entries(NEWCOMERS)) {
    test(`a ${kind} server lives on where few files may be open`, async () => {
      const child = new Deno.Command("sh", {
        args: withFewFiles(PROGRAM, kind),
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const reader = child.stdout.getReader();
      const port = Number(
        new TextDecoder().decode((await reader.read()).value),
      );
      const said = new Response(child.stderr).text();
      const silent: Deno.Conn[] = [];
      for (let n = 0; n < 150; n++) {
        silent.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      }
      // Those that the server has accepted hear that it is there, or wait.
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const conn of silent) conn.close();
      assertEquals(await isServedSoon(isServed, port), true);
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      const text = await said;
      assert(!text.includes("panicked"), text);
    });
  }
}
