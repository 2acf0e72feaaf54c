/**
 * The chat's server. `USAGE` tells the rest.
 *
 * @module
 */

import {
  createRequestServer,
  formatAddress,
  type RemoteObject,
} from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine } from "../_options.ts";
import { errorText } from "../_text.ts";
import { checkEars, checkName } from "./checks.ts";
import { type Chat, type Ears, MOST_ROOMS } from "./protocol.ts";
import { Room } from "./room.ts";

const USAGE = `Keeps the rooms of a chat:

  deno run --allow-net examples/chat/server.ts

  --port <port>      where to listen; 0 takes a free port (7000)
  --hostname <name>  the name or address to listen on (127.0.0.1)
  --help             shows this

Ctrl-C or SIGTERM ends the server.`;

const told = commandLine(USAGE, ["port", "hostname"], 0);
const port = told.port(0);
const hostname = told.option("hostname");
const rooms = new Map<string, Room>();
try {
  await serve();
} catch (error) {
  console.error(`server: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Serves until a signal comes. */
async function serve(): Promise<void> {
  const ended = endSignal();
  const server = createRequestServer<object, Chat>(port, {
    hostname,
    functions: { join },
  });
  console.log(`server: listening on ${formatAddress(server.address)}`);
  if (!ended.aborted) {
    await new Promise((resolve) => ended.addEventListener("abort", resolve));
  }
  for (const room of rooms.values()) room.clear();
  await server.shutdown();
}

/** Enters a room. */
function join(name: string, member: string, ears: RemoteObject<Ears>) {
  checkEars(ears);
  // Disposed of at the end of this function, unless the room takes them.
  using held = new DisposableStack();
  held.use(ears);
  checkName("room", name);
  checkName("member", member);
  const key = name.toLowerCase();
  const room = rooms.get(key) ?? new Room(() => rooms.delete(key));
  if (rooms.size >= MOST_ROOMS && !rooms.has(key)) {
    throw new RangeError(`There are ${MOST_ROOMS} rooms already.`);
  }
  const joined = room.join(member, ears);
  rooms.set(key, room);
  held.move();
  return joined;
}
