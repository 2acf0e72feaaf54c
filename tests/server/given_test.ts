/**
 * Slips of the keys are found out before a server listens, and an address is
 * free again whatever goes wrong.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { connectToRemoteServer, openTcpStream } from "../../client/mod.ts";
import {
  createRequestServer,
  destroyRequestServer,
  startUpServer,
} from "../../server/mod.ts";
import { WireError } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

const TLS = new URL("../tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TLS));

/** A port that is free. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Makes both kinds of server with an option, on a certain port. */
const MAKERS: [string, (port: number, options: object) => unknown][] = [
  [
    "createRequestServer()",
    (port, options) => createRequestServer(port, undefined, options),
  ],
  [
    "startUpServer()",
    (service, options) => startUpServer({ service, function() {}, ...options }),
  ],
];

const SLIPS: [string, string, object][] = [
  ["createRequestServer()", '"requireCredential" is undefined', {
    requireCredential: undefined,
  }],
  ["createRequestServer()", '"onListen" is a function', { onListen: "x" }],
  ["createRequestServer()", "array", { functions: [() => 1] }],
  ["startUpServer()", '"listener.requireCredential" is undefined', {
    listener: { requireCredential: undefined },
  }],
  ["createRequestServer()", '"onError" is a function', { onError: 5 }],
  ["startUpServer()", '"onError" is a function', { onError: 5 }],
];
for (const [what, words, options] of SLIPS) {
  test(`${what} refuses, before it listens: ${words}`, () => {
    const make = new Map(MAKERS).get(what)!;
    const port = freePort();
    const error = assertThrows(() => make(port, options)) as WireError;
    assertEquals(error.code, "invalidArgument", error.message);
    assert(error.message.includes(words), error.message);
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  });
}

for (const [what, make] of MAKERS) {
  test(`${what} leaves no listener behind where something throws late`, async () => {
    const { signal } = new AbortController();
    signal.addEventListener = () => {
      throw new Error("no listeners here");
    };
    const port = freePort();
    assertThrows(() => make(port, { signal }), Error, "no listeners here");
    // The address is free at the next turn.
    await new Promise((resolve) => setTimeout(resolve));
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  });
}

test("a server that asks for no credential leaves the option out", async () => {
  await using server = createRequestServer(0);
  await using wire = await connectToRemoteServer(
    "127.0.0.1",
    server.port,
    undefined,
    { credential: undefined },
  );
  await wire.ping();
});

test("connectToRemoteServer() refuses an onError that is no function", async () => {
  const connecting = connectToRemoteServer("127.0.0.1", 1, null, {
    onError: 5 as Any,
  });
  const error = await failure(connecting);
  assertEquals(error.code, "invalidArgument");
  assert(error.message.includes('"onError"'), error.message);
});

test("destroyRequestServer() refuses what is no server", () => {
  for (const server of [undefined, null, 5, {}]) {
    const error = assertThrows(
      () => void destroyRequestServer(server as Any),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});

test("startUpServer() refuses limits of a listener that are no object of them", () => {
  for (const limits of [[], new Map(), Promise.resolve({}), 5, null] as Any[]) {
    const error = assertThrows(
      () => startUpServer({ service: 0, listener: { limits } }),
      WireError,
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes('"listener.limits"'), error.message);
  }
});

test("openTcpStream() says what a service is, and what came", async () => {
  const missing = await failure(
    (openTcpStream as Any)("localhost") as Promise<unknown>,
  );
  assertEquals(missing.code, "invalidArgument");
  assertEquals(
    missing.message,
    'Process "client", host localhost, service undefined: A service is a port or a name, not undefined.',
  );
  const named = await failure(
    openTcpStream("localhost", 1, { processName: 5 as Any }),
  );
  assertEquals(named.code, "invalidArgument");
  assert(named.message.includes('"processName"'), named.message);
});

/** What a client gets of a function that writes and then throws. */
async function brokenOff(
  isTls: boolean,
  text: string,
): Promise<{ got: string; end: unknown; told: string[] }> {
  const told: string[] = [];
  const tls = { cert: read("server.pem"), key: read("server.key") };
  await using server = startUpServer({
    service: 0,
    ...(isTls ? { tls } : {}),
    stream: { maxOutput: 2 ** 24 },
    onError: (error) => void told.push((error as Error).message),
    function: (stream) => {
      stream.write(text);
      throw new Error("no more");
    },
  });
  await using stream = await openTcpStream(
    "localhost",
    server.port,
    isTls ? { tls: { caCerts: [read("ca.pem")] } } : {},
  );
  let got = "";
  try {
    for (;;) {
      const bytes = await stream.read();
      if (bytes === null) return { got, end: null, told };
      got += new TextDecoder().decode(bytes);
    }
  } catch (error) {
    return { got, end: (error as WireError).code, told };
  }
}

for (const length of [10, 2 ** 23]) {
  const text = "x".repeat(length);
  test(`startUpServer() sends the ${length} bytes that a function wrote before it threw`, async () => {
    const { got, told } = await brokenOff(false, text);
    assertEquals(got === text, true);
    assertEquals(told, ["no more"]);
  });

  test(`startUpServer() breaks TLS off, after ${length} bytes of a function that threw`, async () => {
    const { got, end, told } = await brokenOff(true, text);
    assertEquals([got === text, end], [true, "connectionLost"]);
    assertEquals(told, ["no more"]);
  });
}

test("startUpServer() waits no longer than closeTimeout for who takes nothing of a function that threw", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = startUpServer({
    service: 0,
    stream: { maxOutput: 2 ** 28, closeTimeout: 50 },
    onError() {},
    function: (stream) => {
      stream.closed.then(ended.resolve);
      stream.write(new Uint8Array(2 ** 27));
      throw new Error("no more");
    },
  });
  using _conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  await ended.promise;
});
