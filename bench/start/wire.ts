/**
 * A whole program with a wire: it imports the module, serves, connects to
 * itself and calls a function.
 *
 * @module
 */

import { connectToRemoteServer, createRequestServer } from "../../mod.ts";

interface Adder {
  add(a: number, b: number): number;
}

const server = createRequestServer(0, (wire) => {
  wire.serve<Adder>({ add: (a, b) => a + b });
  return true;
});
if (server.address.transport !== "tcp") throw new Error("TCP was asked for.");
const { hostname, port } = server.address;
const wire = await connectToRemoteServer<Adder>(hostname, port);
if (await wire.remoteValue.add(40, 2) !== 42) throw new Error("Not 42.");
Deno.exit();
