/**
 * A server of some kind, for a process that may open few files. Prints its
 * port.
 *
 * @module
 */

import { createRequestServer, startUpServer } from "../../mod.ts";
import { SERVER_TLS } from "../_transports.ts";

const functions = { echo: (x: unknown) => x };
const onError = () => {};

async function echoLines(
  stream: AsyncIterable<string> & { writeLine(line: string): unknown },
): Promise<void> {
  // What a program may well do where it serves: it takes descriptors.
  await Deno.readTextFile(new URL(import.meta.url));
  for await (const line of stream) stream.writeLine(line);
}

const SERVERS: Record<string, () => { readonly port: number }> = {
  request: () => createRequestServer(0, null, { functions, onError }),
  requestTls: () =>
    createRequestServer(0, null, { functions, onError, tls: SERVER_TLS }),
  stream: () => startUpServer({ service: 0, function: echoLines, onError }),
  streamTls: () =>
    startUpServer({
      service: 0,
      function: echoLines,
      onError,
      tls: SERVER_TLS,
    }),
  listener: () => startUpServer({ service: 0, onError }),
};

console.log(SERVERS[Deno.args[0]!]!().port);
