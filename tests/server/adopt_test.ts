import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  memoryTransports,
  type RequestServer,
  type RequestServerOptions,
  type Transport,
  type Wire,
  type WireAddress,
  WireError,
  type WireOptions,
} from "../../mod.ts";
import { SERVER_TLS } from "../_transports.ts";
import { test } from "../_test.ts";

const QUIET = { onError() {} };
const HOME = { transport: "tcp", hostname: "192.0.2.1", port: 9 } as const;
const AWAY = { transport: "tcp", hostname: "192.0.2.2", port: 9 } as const;

/** A wire whose other end a server adopts. */
function adoptedBy(
  server: RequestServer,
  address?: WireAddress,
  options: WireOptions = {},
): Wire {
  const [here, there] = memoryTransports();
  server.adopt(there, address);
  return makeWire(here, { ...QUIET, ...options });
}

/** How the attempts of wires to open end: "open", or a code. */
async function fates(wires: readonly Wire[]): Promise<string[]> {
  const codes = await Promise.all(
    wires.map(({ opened }) =>
      opened.then(() => "open", (error: WireError) => String(error.code))
    ),
  );
  return codes.sort();
}

test("RequestServer.adopt() makes a wire like any other", async () => {
  const told: string[] = [];
  await using server = createRequestServer(null, (wire, address) => {
    told.push(`${address.transport} ${wire.address.transport}`);
    wire.serve({ add: (a: number, b: number) => a + b });
    return { accept: true, onDeath: ({ code }) => void told.push(code) };
  }, { functions: { greet: () => "hello" } });
  for (const address of [undefined, HOME]) {
    const wire = adoptedBy(server, address, {
      functions: { name: () => "near" },
    });
    assertEquals(await wire.remoteValue.add(40, 2), 42);
    assertEquals(await wire.remoteValue.greet(), "hello");
    const [far] = server.wires;
    assertEquals(await far!.remoteValue.name(), "near");
    await wire.close();
    await far!.closed;
    assertEquals(server.wires.size, 0);
  }
  assertEquals(told, ["memory memory", "closed", "tcp tcp", "closed"]);
});

test("RequestServer.adopt() takes a pair of streams", async () => {
  await using server = createRequestServer(null, {
    functions: { echo: (x: unknown) => x },
  });
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  server.adopt({ readable: there.readable, writable: back.writable });
  await using wire = makeWire({
    readable: back.readable,
    writable: there.writable,
  });
  assertEquals(await wire.remoteValue.echo("streams"), "streams");
});

/** Who is let in: options of the server, those of clients, and their fates. */
const GATES: Record<
  string,
  [RequestServerOptions, readonly [WireAddress, WireOptions][], string[]]
> = {
  "the credential": [
    { requireCredential: "secret" },
    [[HOME, { credential: "secret" }], [HOME, { credential: "guess" }]],
    ["open", "refused"],
  ],
  "who guesses too often": [
    { requireCredential: "secret", limits: { attempts: 1 } },
    [
      [HOME, { credential: "guess" }],
      [HOME, { credential: "another" }],
      [AWAY, { credential: "secret" }],
    ],
    ["busy", "open", "refused"],
  ],
  "the limit wires": [
    { limits: { wires: 2 } },
    [[HOME, {}], [AWAY, {}], [HOME, {}]],
    ["busy", "open", "open"],
  ],
  "the limit wiresPerAddress": [
    { limits: { wiresPerAddress: 1 } },
    [[HOME, {}], [HOME, {}], [AWAY, {}]],
    ["busy", "open", "open"],
  ],
  "onConnect": [
    { onConnect: (_, { transport }) => transport === "memory" },
    [[HOME, {}], [{ transport: "memory" }, {}]],
    ["open", "refused"],
  ],
};

for (const [what, [options, clients, expected]] of Object.entries(GATES)) {
  test(`RequestServer.adopt() asks ${what}`, async () => {
    await using server = createRequestServer(null, { ...QUIET, ...options });
    const wires: Wire[] = [];
    const found: string[] = [];
    for (const [address, given] of clients) {
      const wire = adoptedBy(server, address, given);
      wires.push(wire);
      found.push(...await fates([wire]));
    }
    assertEquals(found.sort(), expected);
    for (const wire of wires) wire.abort();
    await Promise.all(wires.map(({ closed }) => closed));
  });
}

test("RequestServer.adopt() begins with those that speak, whoever is silent", async () => {
  await using server = createRequestServer(null, {
    ...QUIET,
    limits: { wiresBeforeHello: 2, handshakesPerAddress: 2 },
  });
  const silent: Transport[] = [];
  for (let n = 0; n < 6; n++) {
    const [here, there] = memoryTransports();
    server.adopt(there, HOME);
    silent.push(here);
  }
  const wires = Array.from({ length: 4 }, () => adoptedBy(server, HOME));
  assertEquals(await fates(wires), ["open", "open", "open", "open"]);
  for (const transport of silent) transport.close();
  await Promise.all(wires.map((wire) => wire.close()));
});

test("shutdown() closes adopted wires, and no other is adopted", async () => {
  const server = createRequestServer(null, {
    functions: { echo: (x: unknown) => x },
  });
  const wire = adoptedBy(server);
  await wire.opened;
  const [unheard, there] = memoryTransports();
  server.adopt(there);
  await server.shutdown();
  assertEquals((await wire.closed).code, "closed");
  while (await unheard.read() !== null);
  const late = adoptedBy(server);
  assertEquals(await fates([late]), ["connectionLost"]);
  await late.closed;
});

test("a server that listens, with TLS even, adopts besides", async () => {
  await using server = createRequestServer(0, { tls: SERVER_TLS });
  await using wire = adoptedBy(server, HOME);
  await wire.opened;
  assertEquals(server.wires.size, 1);
});

test("createRequestServer(null) does not listen", async () => {
  await using server = createRequestServer(null);
  assertEquals(server.address, { transport: "none" });
  assertEquals(server.port, 0);
  server.ref();
  server.unref();
  await server.ready;
  for (const port of [0, undefined]) {
    await assertRejects(
      () => connectToRemoteServer("127.0.0.1", port as number),
      WireError,
    );
  }
  await server.destroy();
  await server.finished;
});

test("createRequestServer(null) refuses what only listening needs", () => {
  const options: RequestServerOptions[] = [
    { hostname: "127.0.0.1" },
    { path: "/tmp/wire.sock" },
    { tls: SERVER_TLS },
    { onListen() {} },
  ];
  for (const given of options) {
    const error = assertThrows(() =>
      createRequestServer(null, given)
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, new RegExp(`"${Object.keys(given)[0]}"`));
  }
  assertThrows(() => createRequestServer(undefined as unknown as number));
});

test("RequestServer.adopt() refuses what is no connection, and no address", async () => {
  await using server = createRequestServer(null);
  const [here] = memoryTransports();
  for (
    const [connection, address] of [
      [undefined, undefined],
      [{}, undefined],
      [here, null],
      [here, "127.0.0.1"],
      [here, { transport: "tcp", hostname: undefined, port: 1 }],
      [here, { transport: "tcp", hostname: 0x7f000001, port: 1 }],
    ]
  ) {
    const error = assertThrows(() =>
      server.adopt(connection as Transport, address as unknown as WireAddress)
    ) as WireError;
    assert(error instanceof WireError);
    assertEquals(error.code, "invalidArgument");
  }
});

test("RequestServer.adopt() reports how closing fails of what comes too late", async () => {
  const told: unknown[] = [];
  const server = createRequestServer(null, {
    onError: (error, where) => told.push([(error as Error).message, where]),
  });
  await server.destroy();
  const [here] = memoryTransports();
  server.adopt({
    ...here,
    close: (() => Promise.reject(new Error("no"))) as () => void,
  });
  server.adopt({
    ...here,
    close() {
      throw new Error("no");
    },
  });
  await here.close();
  const how = ["no", "closing the connection"];
  assertEquals(told, [how, how]);
});
