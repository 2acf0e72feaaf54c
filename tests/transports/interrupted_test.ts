/**
 * WebSockets whose way is broken: by a proxy that cuts, and by one behind which
 * nothing comes any more, as from a page that sleeps or a machine that is gone.
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, createServer, type Socket } from "node:net";
import {
  createRequestServer,
  keepConnected,
  type WireError,
} from "../../mod.ts";
import { connectWebSocket } from "../../transports/websocket.ts";
import { test } from "../_test.ts";
import { serveWeb } from "./_web.ts";

/** A proxy in front of a port of this machine. */
interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** Breaks all connections. */
  cut(): void;
  /** From now on nothing goes over those that there are, which stay open. */
  silence(): void;
}

async function proxyOf(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: `ws://127.0.0.1:${own}/`,
    cut,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

/** A server behind a proxy; `ends` has what its wires ended with. */
async function behindProxy(
  use: (proxy: Proxy, ends: Promise<WireError>[]) => Promise<void>,
): Promise<void> {
  const ends: Promise<WireError>[] = [];
  await using server = createRequestServer(null, (wire) => {
    wire.serve({ echo: (value: unknown) => value, never: () => NEVER });
    ends.push(wire.closed);
    return true;
  }, { limits: SHORT, onError() {} });
  // The wire's own pings have to do.
  await using web = serveWeb(server, { idleTimeout: 0 });
  await using proxy = await proxyOf(web.port);
  await use(proxy, ends);
}

const NEVER = new Promise(() => {});
/** A peer is asked soon whether it is there, and taken for dead soon. */
const SHORT = { keepaliveIdle: 50, keepaliveDeath: 200 };
/** What the peer is asked only after a time that no test takes. */
const LONG = { keepaliveIdle: 1_000_000, keepaliveDeath: 1_000_000 };

test("a wire tells of a proxy that cuts it, at both ends", () =>
  behindProxy(async (proxy, ends) => {
    const wire = await connectWebSocket(proxy.url, { onError() {} });
    const call = assertRejects(() => wire.remoteValue.never());
    await wire.remoteValue.echo(1);
    proxy.cut();
    const { code, message } = await wire.closed;
    assertEquals(code, "connectionLost");
    assertMatch(message, /WebSocket was closed with code 1006|EOF/);
    assertEquals((await call as WireError).sent, "maybeExecuted");
    assertEquals((await ends[0]!).code, "connectionLost");
  }));

test("a server's own pings end the wire of a page that sleeps", () =>
  behindProxy(async (proxy, ends) => {
    const wire = await connectWebSocket(proxy.url, { limits: LONG });
    assertEquals(await wire.remoteValue.echo(1), 1);
    proxy.silence();
    assertEquals((await ends[0]!).code, "keepalive");
    // Once it wakes, it hears of that.
    proxy.cut();
    assertEquals((await wire.closed).code, "connectionLost");
  }));

/** How a proxy breaks a wire, what its client's limits are, what that tells. */
const BREAKS = [
  ["cut", LONG, "connectionLost"],
  ["silence", SHORT, "keepalive"],
] as const;

for (const [how, limits, code] of BREAKS) {
  test(`keepConnected() comes back from a proxy's ${how}`, () =>
    behindProxy(async (proxy) => {
      const lost: WireError[] = [];
      await using kept = keepConnected(
        () => connectWebSocket(proxy.url, { limits, onError() {} }),
        { idempotent: ["echo"], onLost: (reason) => void lost.push(reason) },
      );
      assertEquals(await kept.remoteValue.echo(1), 1);
      proxy[how]();
      assertEquals(await kept.remoteValue.echo(2), 2);
      assertEquals(lost[0]?.code, code);
      await kept.close();
    }));
}
