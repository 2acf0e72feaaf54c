/**
 * A listener: whoever connects can work in it as in a REPL.
 *
 *     deno run --allow-net --allow-run examples/listener.ts [port]
 *     nc localhost 10243
 *
 * The first line is a name, such as "alice"; then come expressions. Each
 * client's code runs in a process of its own, which may only compute;
 * `--allow-run` is for starting it. `docs/listener.md` says who may do what, and
 * why.
 *
 * @module
 */

import { startUpServer } from "../mod.ts";
import "./_one_line.ts";

const [port = "10243"] = Deno.args;

const server = startUpServer({ service: Number(port), announce: true });

// Ctrl-C ends the sessions too.
Deno.addSignalListener("SIGINT", async () => {
  await server.shutdown();
  Deno.exit();
});
