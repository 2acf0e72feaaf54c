/**
 * A server under load: it prints its port, and serves until it is killed.
 *
 * @module
 */

import { createRequestServer } from "../../mod.ts";
import { functions, holdings } from "./functions.ts";

const server = createRequestServer(Number(Deno.args[0]), () => true, {
  functions: { ...functions, holdings: () => holdings(server.wires) },
  onError() {},
});
console.log(server.port);
