/**
 * The tail's client. `USAGE` tells the rest.
 *
 * @module
 */

import {
  connectToRemoteServer,
  formatAddress,
  keepConnected,
  type KeptConnection,
  RemoteError,
} from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText, plain } from "../_text.ts";
import { makePrinters, type Printer } from "./printer.ts";
import type { From, Tail } from "./protocol.ts";

const USAGE =
  `Prints what is written to log files at the server, as it is written:

  deno run --allow-net examples/tail/client.ts [options] [log...]

  log            the name of a log (all that the server has)
  --from <place> where to begin: start, or end for what is to come (start)
  --host <name>  where the server is (127.0.0.1)
  --port <port>  where it listens (7000)
  --help         shows this

When the connection breaks, the client connects again, and goes on where it
was. Ctrl-C or SIGTERM ends it.`;

const told = commandLine(USAGE, ["host", "port", "from"], 100);
const host = told.option("host") ?? "127.0.0.1";
const port = told.port(1);
const from = beginning();
const ended = endSignal();
try {
  await main();
} catch (error) {
  if (!ended.aborted) {
    say(errorText(error));
    Deno.exitCode = 1;
  }
}

/** Follows the logs until a signal comes, over as many wires as it takes. */
async function main(): Promise<void> {
  await using kept: KeptConnection<Tail> = keepConnected<Tail>(
    (signal) => connectToRemoteServer<Tail>(host, port, { signal }),
    {
      signal: ended,
      // A server that is restarted often is no server that fails.
      backoff: { most: 2_000, healthy: 0 },
      onConnected: ({ address }) =>
        say(`connected to ${formatAddress(address)}`),
      onLost: (reason, { wasConnected }) => {
        if (wasConnected) say(`${errorText(reason)} Trying again.`);
      },
      // If it has never worked, it hardly will.
      retry: () => kept.stats().connections > 0,
    },
  );
  await kept.opened;
  const names = told.rest.length > 0
    ? [...new Set(told.rest)]
    : await kept.remoteValue.logs();
  const isTerminal = Deno.stdout.isTerminal();
  const printers = makePrinters(names, Deno.stdout.writable, isTerminal);
  // All of them: what one still prints is printed to its end.
  const outcomes = await Promise.allSettled(
    [...printers].map(([name, printer]) => follow(kept, name, printer)),
  );
  const failed = outcomes.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  throw new RangeError("There is nothing to follow.");
}

function beginning(): From {
  const from = told.option("from") ?? "start";
  if (from === "start" || from === "end") return from;
  return wrong("--from wants start or end.");
}

/** Prints a log, over whichever wire there is. */
async function follow(
  kept: KeptConnection<Tail>,
  name: string,
  printer: Printer,
): Promise<void> {
  let hasBegun = false;
  try {
    for await (const item of kept.resume((remote) => remote.tail(name, from))) {
      if (item instanceof Uint8Array) {
        // While this waits, no further item is requested: back-pressure.
        await printer.print(item);
      } else if (hasBegun) {
        say(`${name} goes on in another file, or was cut off`);
        await printer.cut();
      }
      hasBegun = true;
    }
  } catch (error) {
    // Only what the server says of this log concerns this log alone.
    if (!(error instanceof RemoteError)) throw error;
    say(`${name}: ${errorText(error)}`);
  }
}

function say(text: string): void {
  console.error(`tail: ${plain(text)}`);
}
