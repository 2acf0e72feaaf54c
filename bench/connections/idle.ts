/**
 * Opens wires to a port and leaves them idle. Its arguments are the port and
 * how many.
 *
 * @module
 */

import { connectToRemoteServer, type Wire } from "../../mod.ts";
import { obey } from "../_control.ts";

const [port, count] = Deno.args.map(Number) as [number, number];
/** So many are opened at a time. */
const AT_ONCE = 50;

const wires: Wire[] = [];
while (wires.length < count) {
  const length = Math.min(AT_ONCE, count - wires.length);
  const some = Array.from(
    { length },
    () => connectToRemoteServer("127.0.0.1", port),
  );
  wires.push(...await Promise.all(some));
}
await obey({ wires: wires.length });
