/** A secret is shown in the clear to nobody, unless that is meant. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  memoryTransports,
  type RequestServerOptions,
  WireError,
  type WireOptions,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";
import { failure } from "../wire/_failure.ts";

const CLEAR = /in the clear.*Give the option tls.*insecure: true/;
const credential = "open sesame";

/** Places where the secret would be read on the way. */
const FAR = ["192.0.2.1", "2001:db8::1", "example.invalid", "0.0.0.0"];

for (const host of FAR) {
  test(`connectToRemoteServer() shows ${host} no secret, and does not connect`, async () => {
    const dialled: unknown[] = [];
    const { connect } = Deno;
    Deno.connect = ((options: unknown) => {
      dialled.push(options);
      return Promise.reject(new Deno.errors.ConnectionRefused());
    }) as typeof connect;
    try {
      const error = await failure(
        connectToRemoteServer(host, 7000, { credential }),
      );
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, CLEAR);
      assert(!error.message.includes("sesame"), error.message);
      assertEquals(dialled, []);
      // What is meant, or encrypted, or no secret, is dialled.
      const others: ConnectOptions[] = [
        { credential, insecure: true },
        { credential, tls: {} },
        { requireCredential: "of the server" },
        {},
      ];
      for (const options of others) {
        const { code } = await failure(
          connectToRemoteServer(host, 7000, options),
        );
        assertEquals(code, "connectionRefused");
      }
      assertEquals(dialled.length, others.length);
    } finally {
      Deno.connect = connect;
    }
  });
}

/** Servers that get the secret. */
const SAFE: Record<string, [RequestServerOptions, ConnectOptions]> = {
  "this machine": [{}, {}],
  "TLS": [{ tls: SERVER_TLS }, { tls: CLIENT_TLS }],
};

for (const [what, [where, how]] of Object.entries(SAFE)) {
  test(`connectToRemoteServer() shows its secret to ${what}`, async () => {
    await using server = createRequestServer(0, {
      ...where,
      requireCredential: credential,
    });
    await using _wire = await connectToRemoteServer("localhost", server.port, {
      ...how,
      credential,
    });
  });
}

test("a Unix socket is safe", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/wire.sock`;
  try {
    await using _server = createRequestServer(0, {
      path,
      requireCredential: "of the client",
      credential,
    });
    await using _wire = await connectToRemoteServer("", 0, {
      path,
      credential: "of the client",
      requireCredential: credential,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("a server shows no secret in the clear beyond this machine", async () => {
  const options = {
    hostname: "0.0.0.0",
    requireCredential: "of the client",
    credential,
  };
  const error = assertThrows(
    () => void createRequestServer(0, options),
    WireError,
  ) as WireError;
  assertEquals(error.code, "invalidArgument");
  assertMatch(error.message, CLEAR);
  for (const more of [{ insecure: true }, { tls: SERVER_TLS }]) {
    await using _server = createRequestServer(0, { ...options, ...more });
  }
});

test("makeWire() asks where its connection leads", () => {
  const make = (options: WireOptions, hostname: string) => {
    const [transport] = memoryTransports();
    const address = { transport: "tcp", hostname, port: 1 } as const;
    const wire = makeWire({
      address,
      read: () => transport.read(),
      write: (bytes) => transport.write(bytes),
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    }, { onError() {}, ...options });
    wire.abort();
    return wire.closed;
  };
  assertThrows(() => void make({ credential }, "192.0.2.1"), WireError);
  return Promise.all([
    make({ credential }, "127.0.0.1"),
    make({ credential, insecure: true }, "192.0.2.1"),
    make({}, "192.0.2.1"),
  ]).then(() => {});
});

test("insecure that is no boolean is refused", async () => {
  for (const insecure of ["true", 1, null] as unknown as boolean[]) {
    const error = await failure(
      connectToRemoteServer("192.0.2.1", 7000, { credential, insecure }),
    );
    assertMatch(error.message, /"insecure" is true or false/);
  }
});
