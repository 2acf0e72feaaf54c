/**
 * What the command line does; `cli.ts` loads it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { call, list, ping } from "./_client_commands.ts";
import { CommandLine, UsageError, Wish } from "./_command_line.ts";
import { OutputClosed } from "./_output.ts";
import { inspect, INSPECT_USAGE } from "./_inspect_command.ts";
import { listen, serve } from "./_server_commands.ts";
import { replay, REPLAY_USAGE } from "./_replay_command.ts";
import { tap, TAP_USAGE } from "./_tap_command.ts";
import { asJson, described } from "./_text.ts";

const USAGE = `usage: deno run -A cli.ts COMMAND …

commands:
  list HOST:PORT               what is served there
  call HOST:PORT NAME ARG…     calls a function, prints each value on a line
  ping HOST:PORT               asks for a sign of life
  serve MODULE                 serves the functions that a module exports,
                               except classes and the default export; those
                               of an object of functions as users.get
  listen                       a listener: clients work in it as in a REPL
  tap LISTEN TARGET            a proxy that shows each message that passes;
                               "tap --help" tells more
  inspect LISTEN TARGET        such a proxy, and a page that shows what passes;
                               see "inspect --help"
  replay FILE TARGET           makes the calls of a recording of tap again, and
                               compares the answers; see "replay --help"

An ARG is JSON where it reads as JSON: 40, true, null, '{"x": 1}', '[1, 2]'.
Any other is a text, such as hello, unless it begins like JSON, with { [ " - or
a digit: that is refused as a mistake. To send such a text, write a JSON string:
'"40"', '"-v"', '"2026-01-01"'. Options of a call stand before NAME.

In the place of HOST:PORT, nats://HOST:PORT/NAME asks one of the servers that
have the name at NATS, as the user in the variables NATS_USER and NATS_PASSWORD;
NATS_USER alone is a token.

options of list, call and ping:
  --unix PATH            a Unix socket, in the place of HOST:PORT
  --tls                  speak TLS; the system says whom to trust
  --ca FILE              TLS, and trust this authority too
  --tls-name NAME        TLS, and expect a certificate of that name
  --cert FILE --key FILE TLS, and show this certificate
  --credential-env NAME  show the secret that is in this variable
  --insecure             show it over TCP without TLS, beyond this machine, too
  --require-credential-env NAME
                         the server has to show the secret in this variable
  --timeout MS           how long connecting may take

options of list and call:
  --deadline MS          how long the answer may take, with its streams
  --metadata KEY=TEXT    goes with the call; may come several times
  --json                 print each value as a line of JSON; null stands for
                         undefined and for what JSON has no word for (without
                         --json, a function that returns nothing prints nothing)
  --one-way              call: wait for no answer

options of serve and listen:
  --port PORT            7000; of a listener 10243
  --hostname HOST        the address to listen on: 127.0.0.1
  --unix PATH            serve: a Unix socket
  --cert FILE --key FILE speak TLS
  --client-ca FILE       clients have to show a certificate of this authority
  --require-credential-env NAME
                         clients have to show the secret in this variable
  --credential-env NAME  serve: show clients this secret, once they have shown
                         theirs
  --insecure             serve: also over TCP without TLS, beyond this machine
  --processes N          serve: in N processes, which share the port; one that
                         ends is replaced, and SIGUSR2 prints what they do

  --help, --version

A terminal gets no control characters of a server: they are written out. A pipe
gets texts, and the bytes of streams, as they are.

Ctrl-C ends a call, and a server, at once. SIGTERM lets a server finish the
calls under way.

The exit code is 0 when all went well, 1 when a call or a connection failed,
2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** The commands by name; what one gives is the exit code. */
const COMMANDS = new Map<
  string,
  (line: CommandLine) => Promise<number | void>
>([
  ["list", list],
  ["call", call],
  ["ping", ping],
  ["serve", serve],
  ["listen", listen],
  ["tap", tap],
  ["inspect", inspect],
  ["replay", replay],
]);

/** What commands have to say of themselves. */
const USAGES = new Map([
  ["tap", TAP_USAGE],
  ["inspect", INSPECT_USAGE],
  ["replay", REPLAY_USAGE],
]);

/**
 * Does what the command line says.
 *
 * @param args The arguments of the program.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  let name: string | undefined;
  try {
    const line = new CommandLine(args);
    name = line.word();
    const command = COMMANDS.get(name ?? "");
    if (command === undefined) {
      throw new UsageError(
        name === undefined
          ? "A command is missing."
          : `There is no command ${name}.`,
      );
    }
    return await command(line) ?? 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (error instanceof Wish) {
      const { what } = error;
      const usage = USAGES.get(name ?? "") ?? USAGE;
      console.log(what === "help" ? usage : `@remote/wire ${config.version}`);
      return 0;
    }
    const isUsage = error instanceof UsageError;
    if (args.includes("--json") && USAGES.has(name ?? "")) {
      const code = isUsage ? "usage" : (error as { code?: unknown }).code;
      console.error(asJson({ error: { code, message: described(error) } }));
      return isUsage ? 2 : 1;
    }
    const text = described(error);
    const end = /[.!?]$/.test(text) ? "" : ".";
    console.error(isUsage ? `${text}${end} See --help.` : text);
    return isUsage ? 2 : 1;
  }
}
