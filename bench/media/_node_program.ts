/**
 * Both ends of `node.ts`, made into one file for Node: "serve" serves a wire and
 * a raw connection and tells their ports, "measure" connects to them.
 *
 * @module
 */

import { connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { connectToRemoteServer, createRequestServer } from "../../node/mod.ts";
import { compare, FUNCTIONS, type MediumWire } from "./_compare.ts";
import { Answers, Requests } from "./_exchange.ts";

/** Serves until standard input ends. */
function serve(): void {
  const server = createRequestServer(0, { functions: FUNCTIONS });
  const rawServer = createServer({ noDelay: true }, (socket) => {
    const answers = new Answers((bytes) => socket.write(bytes));
    socket.on("data", (bytes) => answers.take(bytes));
    socket.on("error", () => {}); // The near end has gone.
  });
  rawServer.listen(0, "127.0.0.1", () => {
    const { port: raw } = rawServer.address() as { port: number };
    console.log(JSON.stringify({ wire: server.port, raw }));
  });
  process.stdin.on("end", () => process.exit()).resume();
}

/** Measures, and tells what was found. */
async function measure([port, rawPort, rounds, seconds]: readonly number[]) {
  const wire = await connectToRemoteServer("127.0.0.1", port!);
  const socket = await new Promise<Socket>((resolve) => {
    const opening = connect({
      host: "127.0.0.1",
      port: rawPort!,
      noDelay: true,
    });
    opening.on("connect", () => resolve(opening));
  });
  const raw = new Requests((bytes) => socket.write(bytes));
  socket.on("data", (bytes) => raw.came(bytes.length));
  const ends = { wire: wire as unknown as MediumWire, raw };
  console.log(JSON.stringify(await compare(ends, rounds!, seconds!)));
  socket.destroy();
  await wire.close();
}

const [, , role, ...rest] = process.argv;
if (role === "serve") serve();
else await measure(rest.map(Number));
