/**
 * The chat's client. `USAGE` tells the rest.
 *
 * @module
 */

import {
  connectToRemoteServer,
  makeRemoteObject,
  type RemoteObject,
} from "../../mod.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText, plain } from "../_text.ts";
import type { Chat, Ears, Member } from "./protocol.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const USAGE = `Talks with all who are in the same room:

  deno run --allow-net examples/chat/client.ts [options] <name> [room]

  name           what you are called there
  room           which room to enter (lobby)
  --host <name>  where the server is (127.0.0.1)
  --port <port>  where it listens (7000)
  --help         shows this

Each line that you type is said to the others. /who tells who is there; /quit,
Ctrl-C, or the end of the input leaves.`;

const told = commandLine(USAGE, ["host", "port"], 2);
const host = told.option("host") ?? "127.0.0.1";
const port = told.port(1);
const [name = wrong("What is your name?"), room = "lobby"] = told.rest;
try {
  await main();
} catch (error) {
  console.error(`chat: ${errorText(error)}`);
  Deno.exitCode = 1;
}

/** Joins, and talks until the input ends, or the server does. */
async function main(): Promise<void> {
  await using wire = await connectToRemoteServer<Chat>(host, port);
  const terminal = openTerminal();
  try {
    const ears = makeRemoteObject<Ears>(earsOf(terminal));
    const joining = wire.remoteValue.join(room, name, ears);
    const [joined, names] = await Promise.all([
      joining,
      // A pipelined call: both take one round trip.
      joining.remoteValue.names(),
    ]);
    using member = joined;
    terminal.show(plain(`* ${name} is in ${room}, with ${others(names)}`));
    member.signal.addEventListener("abort", () => terminal.close());
    await talk(terminal, member);
    if (member.signal.aborted) throw member.signal.reason;
    await member.remoteValue.leave();
  } finally {
    terminal.close();
  }
}

/** What the room tells is shown. */
function earsOf(terminal: Terminal): Ears {
  const show = (text: string) => terminal.show(plain(text));
  return {
    said: (name, text) => show(`<${name}> ${text}`),
    joined: (name) => show(`* ${name} has joined`),
    left: (name, why) =>
      show(`* ${name} has left${why === undefined ? "" : `: ${why}`}`),
    missed: (count) => show(`* too slow: ${count} lines were missed`),
  };
}

/** Says what is typed. */
async function talk(
  terminal: Terminal,
  member: RemoteObject<Member>,
): Promise<void> {
  for await (const line of terminal.lines) {
    const text = plain(line).trim();
    try {
      if (text === "/quit") return;
      if (text === "/who") {
        const names = await member.remoteValue.names();
        terminal.show(plain(`* here: ${names.join(", ")}`));
      } else if (text.startsWith("/")) {
        terminal.show("* there are /who and /quit");
      } else if (text !== "") {
        await member.remoteValue.say(text);
      }
    } catch (error) {
      if (member.signal.aborted) return;
      terminal.show(`* ${errorText(error)}`);
    }
  }
}

function others(names: string[]): string {
  const list = names.filter((other) => other !== name);
  return list.length === 0 ? "nobody else" : list.join(", ");
}
