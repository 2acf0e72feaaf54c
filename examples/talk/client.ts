/**
 * The client of the talk server in LispWorks' manual: it talks to itself.
 *
 *     deno run --allow-net examples/talk/client.ts [host] [port]
 *
 * @module
 */

import { openTcpStream } from "../../mod.ts";
import "../_one_line.ts";

const [host = "localhost", port = "10244"] = Deno.args;

await using talk = await openTcpStream(host, Number(port));
for (
  const monolog of [
    "Hello self.",
    "Why don't you say something original?",
    "Talk to you later then.  Bye.",
  ]
) {
  talk.writeLine(monolog);
  await talk.forceOutput();
  console.log(`I said: "${monolog}"`);
  console.log(`Self replied: "${await talk.readLine()}"`);
}
