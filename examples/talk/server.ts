/**
 * The talk server of LispWorks' manual: it writes each line back, with a
 * message.
 *
 *     deno run --allow-net examples/talk/server.ts [port]
 *
 * Port 0 takes a free one. `nc localhost 10244` and `telnet localhost 10244`
 * are clients of it too.
 *
 * @module
 */

import {
  type LineStream,
  type ServerProcess,
  startUpServer,
} from "../../mod.ts";
import "../_one_line.ts";

const [port = "10244"] = Deno.args;
let count = 0;

/** Gives a connection a process of its own: what it returns is a promise. */
function makeStreamAndTalk(
  stream: LineStream,
  process: ServerProcess,
): Promise<void> {
  process.name = `talk ${++count}`;
  return talkOnStream(stream);
}

async function talkOnStream(stream: LineStream): Promise<void> {
  for await (const line of stream.lines()) {
    stream.writeLine(`You sent: '${line}'`);
    await stream.forceOutput();
  }
}

startUpServer({
  function: makeStreamAndTalk,
  service: Number(port),
  announce: true,
});
