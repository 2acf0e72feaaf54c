/**
 * The tail's client. `USAGE` tells the rest.
 *
 * @module
 */

import {
  connectToRemoteServer,
  formatAddress,
  RemoteError,
  type Wire,
  WireError,
} from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import { commandLine, wrong } from "../_options.ts";
import { errorText, plain } from "../_text.ts";
import { pause } from "./pause.ts";
import { makePrinters, type Printer } from "./printer.ts";
import type { From, Position, Tail } from "./protocol.ts";

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

/** How long to wait before connecting again, in milliseconds, at first. */
const SHORTEST = 100;
/** How long at most. */
const LONGEST = 5_000;

/** A log, and how far it was printed. */
interface Log {
  readonly name: string;
  readonly printer: Printer;
  from: From;
}

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
  let logs: Set<Log> | undefined;
  for (let wait = SHORTEST; !ended.aborted;) {
    try {
      await using wire = await connect();
      logs ??= await chooseLogs(wire);
      wait = SHORTEST;
      await followAll(wire, logs);
      if (logs.size === 0) throw new RangeError("There is nothing to follow.");
      say("the server ended the logs; trying again");
    } catch (error) {
      // If it has never worked, it hardly will.
      if (logs === undefined || !(error instanceof WireError)) throw error;
      if (ended.aborted) return;
      if (wait === SHORTEST) say(`${errorText(error)} Trying again.`);
    }
    // A random part keeps many clients from coming at the same time.
    await pause(wait * (0.5 + Math.random() / 2), ended);
    wait = Math.min(2 * wait, LONGEST);
  }
}

function beginning(): From {
  const from = told.option("from") ?? "start";
  if (from === "start" || from === "end") return from;
  return wrong("--from wants start or end.");
}

async function connect(): Promise<Wire<Tail>> {
  const options = { signal: ended };
  const wire = await connectToRemoteServer<Tail>(
    host,
    port,
    undefined,
    options,
  );
  say(`connected to ${formatAddress(wire.address)}`);
  return wire;
}

async function chooseLogs(wire: Wire<Tail>): Promise<Set<Log>> {
  const names = told.rest.length > 0
    ? [...new Set(told.rest)]
    : await wire.remoteValue.logs();
  const isTerminal = Deno.stdout.isTerminal();
  const printers = makePrinters(names, Deno.stdout.writable, isTerminal);
  const logs = new Set<Log>();
  for (const [name, printer] of printers) logs.add({ name, printer, from });
  return logs;
}

/** Follows all logs over one wire, until it ends or a signal comes. */
async function followAll(wire: Wire<Tail>, logs: Set<Log>): Promise<void> {
  const end = () => void wire.close();
  ended.addEventListener("abort", end);
  // All of them: what one still prints has to be counted before it goes on.
  const outcomes = await Promise.allSettled(
    [...logs].map((log) =>
      follow(wire, log).catch((error) => {
        // Only what the server says of this log concerns this log alone.
        if (!(error instanceof RemoteError)) throw error;
        say(`${log.name}: ${errorText(error)}`);
        logs.delete(log);
      })
    ),
  );
  ended.removeEventListener("abort", end);
  const failed = outcomes.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** Prints a log, and keeps in mind how far. */
async function follow(wire: Wire<Tail>, log: Log): Promise<void> {
  for await (const item of await wire.remoteValue.tail(log.name, log.from)) {
    if (item instanceof Uint8Array) {
      // While this waits, no further item is requested: back-pressure.
      await log.printer.print(item);
      const { file, offset } = log.from as Position; // It came first.
      log.from = { file, offset: offset + item.length };
      continue;
    }
    const known = typeof log.from === "string" ? item : log.from;
    if (known.file !== item.file || known.offset !== item.offset) {
      say(`${log.name} goes on in another file, or was cut off`);
      await log.printer.cut();
    }
    log.from = item;
  }
}

function say(text: string): void {
  console.error(`tail: ${plain(text)}`);
}
