/**
 * A server that ends and is made again, under a connection that is kept. That
 * of a process that is killed is in tests/client/keep_connected_test.ts.
 */

import { assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  type RequestServer,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { fate } from "./_fate.ts";
import { connecting, serving, TRANSPORTS } from "./_places.ts";

interface Remote {
  count(): number;
  wait(): void;
}

for (const transport of TRANSPORTS) {
  test(`${transport}, the server restarted under a kept connection: what may have run fails, and what was not sent is answered by the next`, async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/home.sock`;
    let served = 0;
    const waits = Promise.withResolvers<void>();
    const listen = (port: number): RequestServer =>
      createRequestServer(port, {
        functions: {
          count: () => ++served,
          wait() {
            waits.resolve();
            return new Promise(() => {});
          },
        },
        onError() {},
        ...serving(transport, path),
      });
    const first = listen(0);
    const { port } = first;
    const lost = Promise.withResolvers<string>();
    await using kept = keepConnected<Remote>(
      (signal) =>
        connectToRemoteServer<Remote>("127.0.0.1", port, null, {
          signal,
          ...connecting(transport, { port, path }),
        }),
      {
        backoff: { least: 5, most: 20 },
        onLost: ({ code }) => lost.resolve(code),
      },
    );
    assertEquals(await kept.remoteValue.count(), 1);
    const running = fate(kept.remoteValue.wait());
    await waits.promise;
    first.destroy();
    for (const wire of first.wires) wire.abort();
    await first.finished;
    assertEquals(await running, "peerAborted maybeExecuted");
    assertEquals(await lost.promise, "peerAborted");
    const waiting = [kept.remoteValue.count(), kept.remoteValue.count()];
    const second = listen(port);
    assertEquals(await Promise.all(waiting), [2, 3]);
    assertEquals(kept.stats().connections, 2);
    await kept.close();
    await second.shutdown();
    await Deno.remove(folder, { recursive: true });
  });
}
