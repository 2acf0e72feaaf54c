/**
 * The command line: asks servers what they serve, calls their functions, and
 * serves those of a module.
 *
 * ```sh
 * deno run -A jsr:@remote/wire/cli list localhost:7000
 * deno run -A jsr:@remote/wire/cli call localhost:7000 add 40 2
 * deno run -A jsr:@remote/wire/cli --help
 * ```
 *
 * @module
 */

import config from "./deno.json" with { type: "json" };
import { call, list, ping } from "./cli/_client_commands.ts";
import { CommandLine, UsageError, Wish } from "./cli/_command_line.ts";
import { OutputClosed } from "./cli/_output.ts";
import { listen, serve } from "./cli/_server_commands.ts";
import { described } from "./cli/_text.ts";

const USAGE = `usage: deno run -A cli.ts COMMAND …

commands:
  list HOST:PORT               what is served there
  call HOST:PORT NAME ARG…     calls a function, prints each value on a line
  ping HOST:PORT               asks for a sign of life
  serve MODULE                 serves the functions that a module exports
  listen                       a listener: clients work in it as in a REPL

An ARG is JSON where it reads as JSON, and a text elsewhere: 40, true,
'{"x": 1}', '"40"' and hello. Options of a call stand before NAME.

options of list, call and ping:
  --unix PATH            a Unix socket, in the place of HOST:PORT
  --tls                  speak TLS; the system says whom to trust
  --ca FILE              TLS, and trust this authority too
  --tls-name NAME        TLS, and expect a certificate of that name
  --credential-env NAME  show the secret that is in this variable
  --timeout MS           how long connecting may take

options of list and call:
  --deadline MS          how long the answer may take, with its streams
  --metadata KEY=TEXT    goes with the call; may come several times
  --json                 print JSON
  --one-way              call: wait for no answer

options of serve and listen:
  --port PORT            7000; of a listener 10243
  --hostname HOST        the address to listen on: 127.0.0.1
  --unix PATH            serve: a Unix socket
  --cert FILE --key FILE speak TLS
  --credential-env NAME  ask for the secret that is in this variable

  --help, --version

The exit code is 0 when all went well, 1 when a call or a connection failed,
and 2 for a command line that makes no sense.`;

/** The commands by name. */
const COMMANDS = new Map([
  ["list", list],
  ["call", call],
  ["ping", ping],
  ["serve", serve],
  ["listen", listen],
]);

/** Does what the command line says; gives the exit code. */
async function main(): Promise<number> {
  try {
    const line = new CommandLine(Deno.args);
    const name = line.word();
    const command = COMMANDS.get(name ?? "");
    if (command === undefined) {
      throw new UsageError(
        name === undefined
          ? "A command is missing."
          : `There is no command ${name}.`,
      );
    }
    await command(line);
    return 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (error instanceof Wish) {
      const { what } = error;
      console.log(what === "help" ? USAGE : `@remote/wire ${config.version}`);
      return 0;
    }
    const isUsage = error instanceof UsageError;
    console.error(`${described(error)}${isUsage ? " See --help." : ""}`);
    return isUsage ? 2 : 1;
  }
}

if (import.meta.main) Deno.exitCode = await main();
