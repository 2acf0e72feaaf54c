/**
 * A server and its client in one process, for what REMOTE_WIRE_DEBUG prints.
 *
 * @module
 */

import { connectToRemoteServer, createRequestServer } from "../../mod.ts";

const server = createRequestServer(0, {
  functions: { add: (a: number, b: number) => a + b },
});
const { port } = server;
const wire = await connectToRemoteServer("127.0.0.1", port);
await wire.remoteValue.add(40, 2);
await wire.outputObject("a\x1b[2J\nb".repeat(100));
await wire.close();
await server.shutdown();
