/** Signals outlive servers, streams and wires, which leave nothing at them. */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  openTcpStream,
  startUpServer,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { countedSignal } from "../wire/_listeners.ts";

test("a server takes its listener off its signal when it has finished", async () => {
  const counted = countedSignal();
  const { signal } = counted;
  const server = createRequestServer(0, undefined, { signal });
  assertEquals(counted.listeners, 1);
  await server.shutdown();
  await undefined;
  assertEquals(counted.listeners, 0);
  const streams = startUpServer({ service: 0, signal, function: () => {} });
  assertEquals(counted.listeners, 1);
  await streams.shutdown();
  await undefined;
  assertEquals(counted.listeners, 0);
});

test("connecting leaves nothing at its signal, whatever comes of it", async () => {
  const server = createRequestServer(0, undefined, { onError() {} });
  const refusing = createRequestServer(0, () => false, { onError() {} });
  const closed = createRequestServer(0);
  await closed.destroy();
  for (const { port } of [server, refusing, closed]) {
    const counted = countedSignal();
    const { signal } = counted;
    const wire = await connectToRemoteServer("127.0.0.1", port, undefined, {
      signal,
    }).catch(() => undefined);
    assert(counted.added > 0);
    assertEquals(counted.listeners, 0);
    counted.controller.abort();
    // The signal was that of connecting alone.
    assertEquals(wire?.ended, undefined);
    await wire?.close();
  }
  await Promise.all([server.shutdown(), refusing.shutdown()]);
});

test("openTcpStream() leaves nothing at its signal once its stream is closed", async () => {
  const server = startUpServer({
    service: 0,
    async function(stream) {
      await stream.readLine();
    },
  });
  for (const how of ["close", "abort"] as const) {
    const counted = countedSignal();
    const { signal } = counted;
    const stream = await openTcpStream("127.0.0.1", server.port, { signal });
    assertEquals(counted.listeners, 1);
    if (how === "close") await stream.close();
    else stream.abort();
    await stream.closed;
    await undefined;
    assertEquals(counted.listeners, 0);
  }
  const counted = countedSignal();
  const { signal } = counted;
  const { port } = server;
  await server.shutdown();
  await openTcpStream("127.0.0.1", port, { signal }).catch(() => {});
  assert(counted.added > 0);
  assertEquals(counted.listeners, 0);
});

test("keepConnected() leaves nothing at its signal when it is over", async () => {
  const server = createRequestServer(0);
  const counted = countedSignal();
  const { signal } = counted;
  const kept = keepConnected(
    (signal) =>
      connectToRemoteServer("127.0.0.1", server.port, undefined, { signal }),
    { signal },
  );
  await kept.opened;
  assertEquals(counted.listeners, 1);
  await kept.close();
  assertEquals(counted.listeners, 0);
  await server.shutdown();
});
