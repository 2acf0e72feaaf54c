import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  destroyRequestServer,
  makeWire,
  openTcpStream,
  type RequestServerOptions,
  startUpServer,
  type StartUpServerOptions,
  WireError,
} from "../../mod.ts";
import { memoryTransports } from "../../wire/transport/transport.ts";
import { test } from "../_test.ts";
import { SERVER_TLS } from "../_transports.ts";

/** The error of what must not start; it is ended if it does. */
function refused(start: () => { destroy(): unknown }): WireError {
  return assertThrows(
    () => void start().destroy(),
    WireError,
  ) as WireError;
}

const BAD_REQUEST_SERVERS: [unknown, string][] = [
  [{ requireCredential: "" }, "requireCredential"],
  [{ requireCredential: 42 }, "requireCredential"],
  [{ requireCredential: null }, "requireCredential"],
  [{ requireCredential: "\ud800" }, "surrogate"],
  [{ requireCredential: "x", credential: "" }, '"credential" is a text'],
  [{ requireCredential: "x", credential: 42 }, '"credential" is a text'],
  [{ credentail: "x" }, 'did you mean "credential"?'],
  [{ requireCredental: "x" }, 'did you mean "requireCredential"?'],
  [{ limits: { wiers: 1 } }, "wiers"],
  [{ tls: { cert: "x", kye: "y" } }, 'did you mean "key"?'],
  [{ tls: { cert: SERVER_TLS.cert } }, "tls.key"],
  [{ tls: "cert.pem" }, "object"],
  [{ hostname: "" }, '""'],
  [{ hostname: 7 }, "not 7"],
  [{ path: "" }, '""'],
  [{ path: 7 }, "not 7"],
  [{ path: null }, "not null. Leave it out to listen on TCP."],
  [{ path: new URL("file:///a") }, "not an object"],
  [{ path: "a\0b" }, "socket file"],
  [{ path: "/tmp/never.sock", tls: SERVER_TLS }, '"tls" is for a port'],
  [{ path: "/tmp/never.sock", tls: false }, '"tls" is for a port'],
  [{ path: "/tmp/never.sock", hostname: "::1" }, '"hostname" is for a port'],
  [{ serveThrough: null }, '"serveThrough" is an array of functions, not null'],
  [{ serveThrough: ["authorise"] }, 'its item 0 is "authorise"'],
  [{ callThrough: {} }, '"callThrough" is an array'],
  ["x", "string"],
  [Promise.resolve({ requireCredential: "x" }), "Promise"],
];
for (const [options, words] of BAD_REQUEST_SERVERS) {
  test(`createRequestServer() refuses ${JSON.stringify(options)?.slice(0, 60)}`, () => {
    const error = refused(() =>
      createRequestServer(0, undefined, options as RequestServerOptions)
    );
    assertEquals(error.code, "invalidArgument", error.message);
    assert(error.message.includes(words), error.message);
  });
}

/** What throws whenever it is looked at. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const echo = { service: 0, function: () => {} };
const BAD_STREAM_SERVERS: [unknown, string][] = [
  [{ service: 0, functoin: () => {} }, 'did you mean "function"?'],
  [{ service: 0, function: null }, "Leave it out only for the listener"],
  [{ service: 0, function: undefined }, "Leave it out only for the listener"],
  [{ service: 0, function: "echo" }, "not a string"],
  [{ ...echo, stream: { maxLine: 1 } }, "stream"],
  [{ ...echo, listener: { credentail: "x" } }, "requireCredential"],
  [{ service: 0, listener: { requireCredential: "" } }, "listener.requireC"],
  [{ service: 0, listener: { requireCredential: 42 } }, "listener.requireC"],
  [{ service: 0, listener: { limits: { sesions: 1 } } }, '"sessions"'],
  [{ service: 0, listener: { permissions: { raed: true } } }, '"read"'],
  ...["all", ["read"], null].map((permissions): [unknown, string] => [
    { service: 0, listener: { permissions } },
    "listener.permissions is an object, such as",
  ]),
  ...[5, "", null].map((deno): [unknown, string] => [
    { service: 0, listener: { deno } },
    `listener.deno is the path of a Deno executable, and not ${
      JSON.stringify(deno)
    }`,
  ]),
  [Promise.resolve(echo), "Promise"],
  [{ ...echo, tls: { certificate: "x" } }, "tls"],
  [{ ...echo, announce: 7 }, "announce"],
  [{ ...echo, announce: {} }, "announce"],
  [{ ...echo, announce: revoked() }, "announce"],
  [{ ...echo, maxConnections: 0 }, "maxConnections"],
  [{ ...echo, maxConnections: NaN }, "maxConnections"],
  [{ ...echo, maxConnections: Symbol("many") }, "Symbol(many)"],
  [{ ...echo, backlog: 1.5 }, "backlog"],
  [{ ...echo, handshakeTimeout: "1" }, "handshakeTimeout"],
  [{ ...echo, oneAtATime: 1 }, "oneAtATime"],
  [{ ...echo, address: "" }, '""'],
];
for (const [options, words] of BAD_STREAM_SERVERS) {
  test(`startUpServer() refuses ${Deno.inspect(options).replaceAll(/\s+/g, " ")}`, () => {
    const error = refused(() => startUpServer(options as StartUpServerOptions));
    assertEquals(error.code, "invalidArgument", error.message);
    assert(error.message.includes(words), error.message);
  });
}

for (const credential of ["", 42, null, "\udc00"]) {
  const shown = JSON.stringify(credential);
  test(`a client and a wire refuse the credential ${shown}`, async () => {
    const options = { credential: credential as string };
    const error = await connectToRemoteServer(
      "localhost",
      1,
      undefined,
      options,
    )
      .catch((error) => error) as WireError;
    assertEquals(error.code, "invalidArgument");
    for (const name of ["credential", "requireCredential"]) {
      const [here] = memoryTransports();
      const error = assertThrows(
        () => makeWire(here, { [name]: credential }),
        WireError,
      ) as WireError;
      assertEquals(error.code, "invalidArgument");
      assert(error.message.includes(`"${name}"`), error.message);
    }
  });
}

test("a credential counts to its last unit", async () => {
  const credential = "sécret-€-𝄞\0";
  await using server = createRequestServer(0, undefined, {
    requireCredential: credential,
  });
  const show = (credential?: string) =>
    connectToRemoteServer("127.0.0.1", server.port, undefined, { credential })
      .then((wire) => wire.close().then(() => "in"), ({ code }) => code);
  assertEquals(await show(credential), "in");
  for (const other of ["sécret-€-𝄞", `${credential}\0`, "\0", undefined]) {
    assertEquals(await show(other), "refused");
  }
});

test("hooks of createRequestServer() that throw are reported, and harm nothing", async () => {
  const wheres: string[] = [];
  const fails = [
    () => {
      throw new Error("no");
    },
    () => Promise.reject(new Error("no")) as unknown as void,
  ];
  for (const onListen of fails) {
    const reported = Promise.withResolvers<void>();
    await using server = createRequestServer(0, undefined, {
      functions: { one: () => 1 },
      onListen,
      onError: (_, where) => {
        wheres.push(where);
        reported.resolve();
      },
    });
    await reported.promise;
    await using wire = await connectToRemoteServer("127.0.0.1", server.port);
    assertEquals(await wire.remoteValue.one(), 1);
  }
  assertEquals(wheres, ["onListen", "onListen"]);
});

test("startUpServer() announces to what writes some bytes at a time", async () => {
  const bytes: number[] = [];
  const whole = Promise.withResolvers<void>();
  await using server = startUpServer({
    ...echo,
    processName: "talk",
    announce: {
      write(chunk: Uint8Array): Promise<number> {
        const taken = chunk.subarray(0, 5);
        bytes.push(...taken);
        if (taken.includes(10)) whole.resolve();
        return Promise.resolve(taken.length);
      },
    },
  });
  await whole.promise;
  assertEquals(
    new TextDecoder().decode(new Uint8Array(bytes)),
    `Process "talk", service 0: listening on 127.0.0.1:${server.port}\n`,
  );
});

test("startUpServer() reports a writer of its announcement that takes nothing", async () => {
  const reported = Promise.withResolvers<unknown>();
  await using _server = startUpServer({
    ...echo,
    announce: { write: () => Promise.resolve(0) },
    onError: (error) => reported.resolve(error),
  });
  assert(await reported.promise instanceof WireError);
});

test("startUpServer() serves one at a time if told", async () => {
  for (const oneAtATime of [true, false]) {
    let inside = 0;
    let most = 0;
    const both = Promise.withResolvers<void>();
    await using server = startUpServer({
      service: 0,
      oneAtATime,
      function: async (stream) => {
        most = Math.max(most, ++inside);
        if (inside === 2) both.resolve();
        await stream.writeLine("in");
        await stream.readLine();
        inside--;
      },
    });
    const open = () => openTcpStream("127.0.0.1", server.port);
    const streams = await Promise.all([open(), open(), open()]);
    if (!oneAtATime) await both.promise;
    for (const stream of streams) stream.writeLine("out");
    for (const stream of streams) {
      assertEquals(await stream.readLine(), "in");
      await stream.close();
    }
    assert(oneAtATime ? most === 1 : most > 1, `${most}`);
  }
});

const ENDINGS: Record<string, (port: number) => Promise<unknown>> = {
  "destroy()": (port) => createRequestServer(port).destroy(),
  "shutdown()": (port) => createRequestServer(port).shutdown(),
  "destroyRequestServer()": (port) =>
    destroyRequestServer(createRequestServer(port)),
  "kill()": (port) => startUpServer({ ...echo, service: port }).kill(),
  "the process's kill()": (port) =>
    startUpServer({ ...echo, service: port }).processes[0]!.kill(),
  "a stream server's shutdown()": (port) =>
    startUpServer({ ...echo, service: port }).shutdown(),
  "TLS": (port) =>
    createRequestServer(port, undefined, { tls: SERVER_TLS }).destroy(),
};
for (const [what, end] of Object.entries(ENDINGS)) {
  test(`an address is free when ${what} was waited for`, async () => {
    // Another process may take a port in between, but hardly three of them.
    for (let left = 3;; left--) {
      try {
        const { port } = createRequestServerOnce();
        for (let n = 0; n < 5; n++) {
          await end(port);
          Deno.listen({ hostname: "127.0.0.1", port }).close();
        }
        return;
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  });
}

/** A port that is free. */
function createRequestServerOnce(): { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return { port };
}

test("servers take a hostname in the brackets of a URL", async () => {
  let server;
  try {
    server = createRequestServer(0, undefined, { hostname: "[::1]" });
  } catch (error) {
    // This machine has no IPv6.
    assertEquals((error as WireError).code, "addressUnavailable");
    return;
  }
  assertEquals("hostname" in server.address && server.address.hostname, "::1");
  await server.shutdown();
});

const BAD_TLS: [Partial<typeof SERVER_TLS>, string][] = [
  [{ cert: "/etc/server.pem" }, "tls.cert looks like a path"],
  [{ key: "./server.key" }, "tls.key looks like a path"],
  [{ cert: "nonsense" }, "BEGIN CERTIFICATE"],
  [{ key: "nonsense" }, "BEGIN PRIVATE KEY"],
  [{ cert: SERVER_TLS.key, key: SERVER_TLS.cert }, "BEGIN CERTIFICATE"],
];
for (const [tls, words] of BAD_TLS) {
  test(`createRequestServer() says what is wrong with TLS: ${words}`, () => {
    const error = refused(() =>
      createRequestServer(0, undefined, { tls: { ...SERVER_TLS, ...tls } })
    );
    const isPath = words.endsWith("path");
    assertEquals(error.code, isPath ? "invalidArgument" : "tlsFailed");
    assert(error.message.includes(words), error.message);
    assert(!error.message.includes("nonsense"), error.message);
  });
}
