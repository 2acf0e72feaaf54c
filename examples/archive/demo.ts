/**
 * The demonstration: a server process and a client process, from their
 * beginning to their end. Its arguments go to the client.
 *
 * @module
 */

import { loaded } from "../_std.ts";
import { denoRun } from "./deno.ts";

const { TextLineStream } = await loaded(
  import("@std/streams/text-line-stream"),
);

const here = import.meta.dirname;

const server = denoRun([
  "--allow-net=127.0.0.1",
  "--allow-read",
  "--allow-write",
  `${here}/server.ts`,
  "--port=0",
], { stdin: "null", stdout: "piped" }).spawn();

const listening = Promise.withResolvers<string | undefined>();
const shown = show(server.stdout);
const port = await listening.promise;
const clientCode = port === undefined ? undefined : await runClient(port);
endServer();
await shown;
const { code: serverCode } = await server.status;

if (clientCode === 0 && serverCode === 0) {
  console.log("demo: both processes have ended well");
} else {
  const ends = clientCode === undefined ? "never ran" : `ended: ${clientCode}`;
  console.error(`demo: the client ${ends}; the server ended: ${serverCode}`);
  Deno.exitCode = 1;
}

/** Shows what the server prints, and finds its port there. */
async function show(stdout: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const lines: ReadableStream<string> = stdout
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    console.log(line);
    const port = /listening on .*:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) listening.resolve(port);
  }
  listening.resolve(undefined);
}

/** Runs the client to its end; returns its exit code. */
async function runClient(port: string): Promise<number> {
  const client = denoRun([
    "--allow-net=127.0.0.1",
    "--allow-read",
    "--allow-run=git",
    `${here}/client.ts`,
    `--port=${port}`,
    ...Deno.args,
  ], { stdin: "null", stdout: "inherit", stderr: "inherit" }).spawn();
  return (await client.status).code;
}

/** Asks the server to end, which it does when its calls are done. */
function endServer(): void {
  try {
    server.kill("SIGTERM");
  } catch {
    // It has ended by itself; its exit code tells why.
  }
}
