/**
 * The tail's server. `USAGE` tells the rest.
 *
 * @module
 */

import {
  createRequestServer,
  type Cursor,
  formatAddress,
  resumable,
} from "../../mod.ts";
import { untilAsked } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { checkName, LogFolder } from "./folder.ts";
import { checkFrom, follow } from "./follow.ts";
import type { From, Item, Position, Progress, Tail } from "./protocol.ts";

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

await untilAsked("server", async (signal) => {
  await folder.names(); // It has to be there.
  const server = createRequestServer<object, Tail>(port, {
    hostname,
    signal,
    functions: {
      logs: () => folder.names(),
      tail(name, from) {
        checkName(name);
        checkFrom(from);
        // The caller's signal aborts when its stream is no longer read.
        const { signal } = this;
        return resumable(this, (after) => tail(name, from, after, signal));
      },
      progress: (): Progress[] => [...following],
    },
  });
  console.log(`server: listening on ${formatAddress(server.address)}`);
  await server.finished;
});

/** Follows a log from a place on, or from one it was read to; keeps count. */
async function* tail(
  name: string,
  first: From,
  after: Cursor | undefined,
  signal: AbortSignal,
): AsyncGenerator<[Position, Item], void, void> {
  const from: unknown = after ?? first;
  checkFrom(from);
  const progress = { name, read: 0 };
  const onRead = (count: number) => progress.read += count;
  following.add(progress);
  let at = after as Position;
  try {
    for await (const item of follow({ folder, name, from, signal, onRead })) {
      const isPlace = !(item instanceof Uint8Array);
      // It goes on where it was.
      if (isPlace && isSame(at, item)) continue;
      at = isPlace ? item : { ...at, offset: at.offset + item.length };
      yield [at, item];
    }
  } finally {
    following.delete(progress);
  }
}

function isSame(one: Position | undefined, other: Position): boolean {
  return one?.file === other.file && one.offset === other.offset;
}
