/**
 * The tail's client. `USAGE` tells the rest.
 *
 * @module
 */

import {
  connectToRemoteServer,
  formatAddress,
  keepConnected,
  RemoteError,
} from "../../mod.ts";
import { untilAsked } from "../_end_signal.ts";
import { commandLine } from "../_options.ts";
import { errorText, plain } from "../_text.ts";
import { makePrinters } from "./printer.ts";
import type { Tail } from "./protocol.ts";

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
const from = told.choice("from", ["start", "end"]);
const host = told.option("host") ?? "127.0.0.1";
const port = told.port(1);
const say = (text: string) => console.error(`tail: ${plain(text)}`);

await untilAsked("tail", async (signal) => {
  await using kept = keepConnected(
    (signal) => connectToRemoteServer<Tail>(host, port, { signal }),
    {
      signal,
      // If it has never worked, it hardly will.
      openAttempts: 1,
      // A server that is restarted often is no server that fails.
      backoff: { most: 2_000, healthy: 0 },
      onConnected: (wire) => say(`connected to ${formatAddress(wire.address)}`),
      onLost: (reason, { wasConnected }) =>
        wasConnected && say(`${errorText(reason)} Trying again.`),
    },
  );
  const names = told.rest.length > 0
    ? [...new Set(told.rest)]
    : await kept.remoteValue.logs();
  await Promise.all([...makePrinters(names)].map(async ([name, printer]) => {
    try {
      let hasBegun = false;
      const items = kept.resume((remote) => remote.tail(name, from));
      for await (const item of items) {
        // While this waits, no further item is requested: back-pressure.
        if (item instanceof Uint8Array) await printer.print(item);
        else if (hasBegun) {
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
  }));
  throw new RangeError("There is nothing to follow.");
});
