/** onConnect decides on a connection that is refused, or gone by then. */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  type RequestServer,
  values,
  type Wire,
  type WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";

function connect(server: RequestServer, signal?: AbortSignal): Promise<Wire> {
  return connectToRemoteServer("127.0.0.1", server.port, undefined, { signal });
}

/** Answers that refuse a connection, whose end then is nobody's. */
const REFUSALS: Record<
  string,
  (onDeath: (reason: WireError) => void) => unknown
> = {
  "an object": (onDeath) => ({ accept: false, onDeath }),
  "two values": (onDeath) => values(false, onDeath),
  "a promise": (onDeath) => Promise.resolve({ accept: false, onDeath }),
  "a slip": (onDeath) => ({ accept: "yes", onDeath }),
};

for (const [what, answer] of Object.entries(REFUSALS)) {
  test(`onDeath is not called for a connection that ${what} refuses`, async () => {
    const deaths: WireError[] = [];
    const made = Promise.withResolvers<Wire>();
    await using server = createRequestServer(0, (wire) => {
      made.resolve(wire);
      return answer((reason) => deaths.push(reason)) as boolean;
    }, { onError() {} });
    const error = await connect(server).catch((error) => error) as WireError;
    assertEquals(error.code, "refused");
    const wire = await made.promise;
    await wire.closed;
    assertEquals(wire.ended?.code, "refused");
    assertEquals([deaths.length, server.wires.size], [0, 0]);
    await server.shutdown();
    assertEquals(deaths, []);
  });
}

/** Ways for a client to be gone while its server decides. */
const GOING: Record<
  string,
  (server: Wire, client: AbortController) => void
> = {
  "its client gives up": (_wire, client) => client.abort(),
  "its server aborts it": (wire) => wire.abort("enough"),
};

for (const [how, go] of Object.entries(GOING)) {
  for (const accept of [true, false]) {
    test(`onConnect answers ${accept} when ${how}, and nothing is left`, async () => {
      const gate = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<Wire>();
      const decided = Promise.withResolvers<void>();
      const deaths: WireError[] = [];
      const server = createRequestServer(0, async (wire) => {
        asked.resolve(wire);
        await gate.promise;
        queueMicrotask(decided.resolve);
        return { accept, onDeath: (reason) => void deaths.push(reason) };
      }, { onError() {} });
      const client = new AbortController();
      const connecting = connect(server, client.signal)
        .catch((error) => error) as Promise<WireError>;
      const wire = await asked.promise;
      go(wire, client);
      assert((await connecting).code !== undefined);
      await wire.closed;
      assertEquals(server.wires.size, 0);
      gate.resolve();
      await decided.promise;
      for (let turn = 0; turn < 50; turn++) await undefined;
      // Accepted all the same, its end is known at once, and once.
      assertEquals(deaths, accept ? [wire.ended!] : []);
      assertEquals(server.wires.size, 0);
      // A wire that was added now would keep the server from finishing.
      await server.shutdown();
      await server.finished;
      assertEquals(deaths.length, accept ? 1 : 0);
    });
  }
}
