/**
 * Two servers on one port, and one that does not share it.
 *
 *     deno run -A --unstable-net tests/server/_shared_port.ts
 *
 * @module
 */

import {
  connectToRemoteServer,
  createRequestServer,
  type WireError,
} from "../../mod.ts";

const [first, second] = ["first", "second"].map((name) => {
  const functions = { name: () => name };
  return (port: number) =>
    createRequestServer(port, { functions, reusePort: true });
});
await using one = first!(0);
await using two = second!(one.port);
const answers = new Set<unknown>();
while (answers.size < 2) {
  await using wire = await connectToRemoteServer("127.0.0.1", two.port);
  answers.add(await wire.remoteValue.name());
}
try {
  createRequestServer(one.port);
} catch (error) {
  console.log([...answers].sort().join(), (error as WireError).code);
}
