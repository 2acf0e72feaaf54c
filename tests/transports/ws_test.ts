/**
 * WebSockets that are not the platform's: those of the package ws, of which
 * Node's servers are made.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WebSocket as Socket, WebSocketServer } from "ws";
import {
  createRequestServer,
  makeWire,
  type RequestServerOptions,
  type Wire,
  WireError,
} from "../../mod.ts";
import { connectLight } from "../../transports/light.ts";
import {
  connectWebSocket,
  type WebSocketLike,
  webSocketTransport,
} from "../../transports/websocket.ts";
import { test } from "../_test.ts";

const echo = (value: unknown) => value;

/** Serves WebSockets of the package, while something is tried with them. */
async function serving(
  options: RequestServerOptions,
  use: (url: string, port: number) => Promise<void>,
): Promise<void> {
  const server = createRequestServer(null, options);
  const web = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => web.once("listening", resolve));
  const { port } = web.address() as { port: number };
  web.on("connection", (socket: WebSocketLike) => {
    const address = { transport: "websocket", hostname: "127.0.0.1", port: 0 };
    server.adopt(webSocketTransport(socket, address as Wire["address"]));
  });
  try {
    await use(`ws://127.0.0.1:${port}/`, port);
  } finally {
    await server.shutdown();
    await new Promise((resolve) => web.close(resolve));
  }
}

/** Connects by the package. */
function connect(url: string, port: number): Wire {
  const address = { transport: "websocket", hostname: "127.0.0.1", port };
  return makeWire(
    webSocketTransport(
      new Socket(url, ["remote-wire"]) as WebSocketLike,
      address as Wire["address"],
    ),
    { onError() {} },
  );
}

test("both ends of a wire may be WebSockets of the package ws", () =>
  serving({ functions: { echo } }, async (url, port) => {
    const wire = connect(url, port);
    assertEquals(await wire.remoteValue.echo(42), 42);
    await wire.close();
    assertEquals((await wire.closed).code, "closed");
  }));

test("large values go over WebSockets of the package ws, many at a time", () =>
  serving({ functions: { echo } }, async (url, port) => {
    const wire = connect(url, port);
    const calls = Array.from({ length: 10 }, (_, at) => {
      const bytes = new Uint8Array(500_000).fill(at + 1);
      return wire.remoteValue.echo(bytes) as Promise<Uint8Array>;
    });
    for (const [at, bytes] of (await Promise.all(calls)).entries()) {
      assertEquals(bytes.length, 500_000);
      assertEquals(bytes.findIndex((byte) => byte !== at + 1), -1);
    }
    await wire.close();
  }));

test("connectWebSocket() speaks to one of the package ws, or says what is missing", () =>
  serving({ functions: { echo } }, async (url) => {
    if ("WebSocket" in globalThis) {
      const wire = await connectWebSocket(url);
      assertEquals(await wire.remoteValue.echo("text"), "text");
      await wire.close();
    } else {
      const error = await assertRejects(() =>
        connectWebSocket(url)
      ) as WireError;
      assertEquals(error.code, "connectFailed");
      assertEquals(
        /since version 22.*import\("ws"\)/.test(error.message),
        true,
      );
    }
  }));

test("the class of the package ws may take the place of the platform's", () =>
  serving({ functions: { echo } }, async (url, port) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    Object.defineProperty(globalThis, "WebSocket", {
      value: Socket,
      configurable: true,
      writable: true,
    });
    try {
      const large = new Uint8Array(500_000).fill(7);
      for (const connect of [connectLight, connectWebSocket]) {
        const wire = await connect(url);
        assertEquals(await wire.remoteValue.echo(large), large);
        await wire.close();
      }
      const address = {
        transport: "websocket",
        hostname: "::1",
        port,
      } as const;
      const socket = new Socket(url, ["remote-wire"]) as WebSocketLike;
      const transport = webSocketTransport(socket, address);
      const light = await connectLight(transport);
      assertEquals(await light.remoteValue.echo(large), large);
      await light.close();
    } finally {
      if (before === undefined) Reflect.deleteProperty(globalThis, "WebSocket");
      else Object.defineProperty(globalThis, "WebSocket", before);
    }
  }));

test("what a WebSocket is given that the platform did not make is a copy", async () => {
  const sent: Uint8Array[] = [];
  /** Keeps what it is given, as some do until it is written. */
  class Keeping {
    binaryType = "";
    readyState = 1;
    send(message: string | Uint8Array<ArrayBuffer>) {
      if (typeof message !== "string") sent.push(message);
    }
    close() {}
    addEventListener() {}
  }
  const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  Object.defineProperty(globalThis, "WebSocket", {
    value: Keeping,
    configurable: true,
    writable: true,
  });
  try {
    const address = {
      transport: "websocket",
      hostname: "::1",
      port: 1,
    } as const;
    const transport = webSocketTransport(new Keeping(), address);
    const bytes = Uint8Array.of(1, 2, 3);
    await transport.write(bytes);
    bytes.fill(0);
    assertEquals(sent, [Uint8Array.of(1, 2, 3)]);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "WebSocket");
    else Object.defineProperty(globalThis, "WebSocket", before);
  }
});

test("webSocketTransport() refuses what is no address", () => {
  const socket = {} as WebSocketLike;
  const url = "ws://localhost/";
  for (const address of [{ transport: "websocket", url }, { url }, undefined]) {
    const error = assertThrows(
      () => webSocketTransport(socket, address as unknown as Wire["address"]),
      WireError,
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes("undefined"), error.message);
    assert(error.message.includes("hostname: "), error.message);
  }
});
