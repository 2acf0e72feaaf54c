/**
 * The archive's server. `USAGE` tells the rest.
 *
 * @module
 */

import { createRequestServer, formatAddress } from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine } from "../_options.ts";
import { errorText } from "../_text.ts";
import type { Archive } from "./archive.ts";
import { bytesText } from "./report.ts";
import { search } from "./search.ts";
import { Store } from "./store.ts";

const USAGE = `Keeps a content-addressed archive, and serves it over wires:

  deno run --allow-net --allow-read --allow-write examples/archive/server.ts

  --port <port>      where to listen; 0 takes a free port (7000)
  --hostname <name>  the name or address to listen on (127.0.0.1)
  --folder <folder>  where to keep the archive (a temporary folder, which is
                     removed at the end)
  --help             shows this

With --folder, narrower permissions are enough: --allow-net=<name>
--allow-read=<folder> --allow-write=<folder>.

Ctrl-C or SIGTERM ends the server, once the calls under way are done.`;

const told = commandLine(USAGE, ["port", "hostname", "folder"], 0);
const port = told.port(0);
const hostname = told.option("hostname");
const folder = told.option("folder");
try {
  if (folder === undefined) await serveTemporary();
  else await serve(folder);
} catch (error) {
  console.error(`server: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Serves an archive in a folder that is removed at the end. */
async function serveTemporary(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wire-archive-" });
  try {
    await serve(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
    console.log("server: removed the temporary folder");
  }
}

/** Serves an archive until a signal comes. */
async function serve(folder: string): Promise<void> {
  const store = await Store.open(folder);
  const server = createRequestServer<object, Archive>(port, (wire, address) => {
    const peer = formatAddress(address);
    const onDeath = (reason: Error) => {
      const { callsServed, bytesReceived, bytesSent } = wire.stats();
      console.log(
        `server: ${peer} left after ${callsServed} calls, ${
          bytesText(bytesReceived)
        } in, ${bytesText(bytesSent)} out: ${reason.message}`,
      );
    };
    return { accept: true, onDeath };
  }, {
    hostname,
    signal: endSignal(),
    functions: {
      put: (bytes) => store.put(bytes),
      has: (digest) => store.has(digest),
      get: (digest) => store.get(digest),
      enter: (path, parts) => store.enter(path, parts),
      parts: (path) => store.parts(path),
      list: (from) => store.list(from),
      search(source, flags) {
        return search(store, source, flags, this.signal);
      },
    },
  });
  console.log(`server: keeps ${store.files.size} files in ${folder}`);
  console.log(`server: listening on ${formatAddress(server.address)}`);
  await server.finished;
  await store.close();
}
