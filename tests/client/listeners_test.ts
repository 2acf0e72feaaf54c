/** Signals of clients: nothing listens to them any more once all is over. */

import { assertEquals, assertRejects } from "@std/assert";
import { connectToRemoteServer, createRequestServer } from "../../mod.ts";
import { openTcpStream } from "../../client/mod.ts";
import { startUpServer } from "../../server/mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";
import { countedSignal } from "../wire/_listeners.ts";

/** A port where nobody listens, at least at this moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

for (
  const [how, server, client] of [
    ["TCP", {}, {}],
    ["TLS", { tls: SERVER_TLS }, { tls: CLIENT_TLS }],
  ] as const
) {
  test(`connectToRemoteServer() over ${how} leaves no listener on its signal`, async () => {
    await using there = createRequestServer(0, server);
    const { address } = there;
    const port = "port" in address ? address.port : 0;
    const counted = countedSignal();
    const { signal } = counted;
    const wire = await connectToRemoteServer("127.0.0.1", port, {
      signal,
      ...client,
    });
    await wire.ping();
    const open = counted.listeners;
    await wire.close();
    assertEquals(counted.listeners, 0, `${open} while it was open`);
    const refused = connectToRemoteServer("127.0.0.1", freePort(), {
      signal,
      ...client,
    });
    await assertRejects(() => refused);
    assertEquals(counted.listeners, 0);
    assertEquals(counted.added > 0, true);
  });

  test(`openTcpStream() over ${how} leaves no listener on its signal`, async () => {
    await using there = startUpServer({
      service: 0,
      ...server,
      function: async (stream) => {
        for await (const line of stream) stream.writeLine(line);
      },
    });
    const counted = countedSignal();
    const { signal } = counted;
    for (const end of ["close", "abort"] as const) {
      const stream = await openTcpStream("127.0.0.1", there.port, {
        signal,
        ...client,
      });
      stream.writeLine("hello");
      assertEquals(await stream.readLine(), "hello");
      await stream[end]();
      await stream.closed;
      assertEquals(counted.listeners, 0, end);
    }
    const refused = openTcpStream("127.0.0.1", freePort(), {
      signal,
      ...client,
    });
    await assertRejects(() => refused);
    assertEquals(counted.listeners, 0);
    assertEquals(counted.added > 0, true);
  });
}
