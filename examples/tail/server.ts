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
import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText } from "../_text.ts";
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
        const { signal } = this;
        return resumable(this, (after) => tail(name, from, after, signal));
      },
      progress: (): Progress[] => [...following],
    },
  });
  console.log(`server: listening on ${formatAddress(server.address)}`);
  await server.finished;
}

/** Follows a log from a place on, or from one it was read to; keeps count. */
async function* tail(
  name: string,
  first: From,
  after: Cursor | undefined,
  signal: AbortSignal,
): AsyncGenerator<[Cursor, Item], void, void> {
  const progress = { name, read: 0 };
  const onRead = (count: number) => progress.read += count;
  const from = after === undefined ? first : positionOf(after);
  let at = from as Position;
  following.add(progress);
  try {
    for await (const item of follow({ folder, name, from, signal, onRead })) {
      if (item instanceof Uint8Array) {
        at = { file: at.file, offset: at.offset + item.length };
      } else if (after !== undefined && isSame(at, item)) {
        continue; // It goes on where it was.
      } else {
        at = item;
      }
      yield [`${at.offset} ${at.file}`, item];
    }
  } finally {
    following.delete(progress);
  }
}

/** The place that a cursor tells. */
function positionOf(cursor: Cursor): Position {
  const [, offset, file] = /^(\d+) (.*)$/.exec(String(cursor)) ?? [];
  const position = { file, offset: Number(offset) } as Position;
  checkFrom(position);
  return position;
}

function isSame(one: Position, other: Position): boolean {
  return one.file === other.file && one.offset === other.offset;
}
