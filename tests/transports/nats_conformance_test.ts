/**
 * A session over NATS has to do what a transport does.
 */

import { transportCases } from "../../wire/testing/mod.ts";
import { type Nats, natsTest, natsTransports } from "./_nats.ts";

// Each case has a NATS server, and each end a connection of its own.
let near: Nats, far: Nats;

for (
  const { name, run } of transportCases(() => natsTransports(near, far))
) {
  natsTest(`nats: ${name}`, async (server) => {
    [near, far] = [await server.connect(), await server.connect()];
    await run();
  });
}
