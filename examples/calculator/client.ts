/**
 * Has a server calculate:
 *
 *     deno run --allow-net examples/calculator/client.ts [host] [port]
 *
 * @module
 */

import { connectToRemoteServer, RemoteError, WireError } from "../../mod.ts";
import "../_one_line.ts";
import type { Calculator } from "./calculator.ts";

const [host = "localhost", port = "7000"] = Deno.args;

await using wire = await connectToRemoteServer<Calculator>(host, Number(port));

// One value.
console.log("40 + 2 =", await wire.remoteValue.add(40, 2));

// Several values.
const [quotient, rest] = await wire.remoteValues.divmod(17, 5);
console.log(`17 / 5 = ${quotient}, rest ${rest}`);

// One way: no answer travels.
await wire.remote.show("Thank you.");

// What the function throws arrives here.
try {
  await wire.remoteValue.half(7);
} catch (error) {
  if (!(error instanceof RemoteError)) throw error;
  console.log(`half(7) threw a ${error.name}: ${error.message}`);
}

// A deadline, in milliseconds; the function at the server learns of it too.
try {
  await wire.with({ deadline: 100 }).remoteValue.think(60_000);
} catch (error) {
  if (!(error instanceof WireError)) throw error;
  console.log(`think(60000) failed with "${error.code}": ${error.message}`);
}
