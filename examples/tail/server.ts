/**
 * The tail's server. `USAGE` tells the rest.
 *
 * @module
 */

import { createRequestServer, formatAddress } from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText } from "../_text.ts";
import { checkName, LogFolder } from "./folder.ts";
import { checkFrom, follow, type FollowOptions } from "./follow.ts";
import type { Item, Progress, Tail } from "./protocol.ts";

const USAGE = `Lets clients follow the log files of a folder:

  deno run --allow-net --allow-read=<folder> examples/tail/server.ts <folder>

  folder             where the logs are; folders within it are left out
  --port <port>      where to listen; 0 takes a free port (7000)
  --hostname <name>  the name or address to listen on (127.0.0.1)
  --help             shows this

Ctrl-C or SIGTERM ends the server.`;

const told = commandLine(USAGE, ["port", "hostname"], 1);
const port = told.port(0);
const hostname = told.option("hostname");
const folder = new LogFolder(told.rest[0] ?? wrong("Which folder?"));
const following = new Set<{ name: string; read: number }>();
try {
  await serve();
} catch (error) {
  console.error(`server: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Serves until a signal comes. */
async function serve(): Promise<void> {
  await folder.names(); // It has to be there.
  const ended = endSignal();
  const server = createRequestServer<object, Tail>(port, {
    hostname,
    signal: ended,
    functions: {
      logs: () => folder.names(),
      tail(name, from) {
        checkName(name);
        checkFrom(from);
        // The caller's signal aborts when its stream is no longer read.
        const signal = AbortSignal.any([this.signal, ended]);
        return tail(name, { from, signal });
      },
      progress: (): Progress[] => [...following],
    },
  });
  console.log(`server: listening on ${formatAddress(server.address)}`);
  await server.finished;
}

/** Follows a log, and keeps count. */
async function* tail(
  name: string,
  { from, signal }: Pick<FollowOptions, "from" | "signal">,
): AsyncGenerator<Item, void, void> {
  const progress = { name, read: 0 };
  const onRead = (count: number) => progress.read += count;
  following.add(progress);
  try {
    yield* follow({ folder, name, from, signal, onRead });
  } finally {
    following.delete(progress);
  }
}
