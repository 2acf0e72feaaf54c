/**
 * The queue's process. `USAGE` tells the rest.
 *
 * @module
 */

import { formatAddress } from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import "../_one_line.ts";
import { commandLine } from "../_options.ts";
import { JobQueue } from "./job_queue.ts";
import { LivePicture, picture } from "./picture.ts";
import { serveQueue } from "./serve_queue.ts";
import { serveAtNats } from "./ways.ts";

const USAGE = `Hands jobs of producers to workers:

  deno run --allow-net examples/jobs/queue.ts

  --port <port>     where to listen; 0 takes a free port (7000)
  --nats <address>  listen at NATS, which is there, in its place (needs -A)
  --help            shows this

A terminal shows what each worker does. Ctrl-C or SIGTERM ends it.`;

const told = commandLine(USAGE, ["port", "nats"], 0);
const nats = told.option("nats");
const ended = endSignal();
const queue = new JobQueue((text) => live.tell(text));
using live = new LivePicture(() => picture(queue));
const server = serveQueue(queue, nats === undefined ? told.port(0) : null);
if (nats !== undefined) await serveAtNats(server, nats);
live.tell(`queue: listening on ${nats ?? formatAddress(server.address)}`);
ended.addEventListener("abort", () => {
  for (const wire of server.wires) wire.abort();
  void server.shutdown();
});
await server.finished;
