/**
 * Contracts between servers that share a name at NATS, and their clients.
 */

import { assertEquals } from "@std/assert";
import { contract, createRequestServer, type WireError } from "../../mod.ts";
import { connectNats, serveNats } from "../../transports/nats.ts";
import { z } from "../wire/_schemas.ts";
import { natsTest } from "./_nats.ts";

const quiet = { onError() {} };

natsTest(
  "clients are told of servers with other contracts behind one name",
  async (peer) => {
    const [near, far] = [await peer.connect(), await peer.connect()];
    const old = contract({ greet: { args: [], result: z.string() } });
    const recent = contract({ greet: { args: [], result: z.number() } });
    await using one = createRequestServer(null, {
      functions: { greet: () => "Hello" },
      serves: old,
      ...quiet,
    });
    await using two = createRequestServer(null, {
      functions: { greet: () => 42 },
      serves: recent,
      ...quiet,
    });
    for (const server of [one, two]) await serveNats(server, far, "greeter");
    const found: unknown[] = [];
    for (let count = 0; count < 40; count++) {
      try {
        const wire = await connectNats(near, "greeter", {
          expects: recent,
          ...quiet,
        });
        found.push(await wire.remoteValue.greet());
        await wire.close();
      } catch (error) {
        found.push((error as WireError).code);
      }
    }
    assertEquals(new Set(found), new Set([42, "contractMismatch"]));
  },
);
