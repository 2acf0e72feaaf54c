/** Clients that show a certificate, and servers that get another one. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { X509Certificate } from "node:crypto";
import {
  type ClientTls,
  connectToRemoteServer,
  createRequestServer,
  openTcpStream,
  type PeerCertificate,
  type RefusedEvent,
  type RequestServerOptions,
  startUpServer,
  type StartUpServerOptions,
  type Wire,
  WireError,
} from "../../mod.ts";
import { readCertificate } from "../../wire/transport/node_certificate.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, readText, SERVER_TLS } from "../_transports.ts";
import { failure } from "../wire/_failure.ts";

const pem = (name: string) => readText(`tls/${name}.pem`);
const KEY = readText("tls/client.key");
const CLIENT_CA = [pem("client_ca")];
const MUTUAL = { ...SERVER_TLS, clientCa: CLIENT_CA };

/** What a client shows: a certificate of the tests, or none. */
function showing(name?: string): ClientTls {
  return name === undefined
    ? CLIENT_TLS
    : { ...CLIENT_TLS, cert: pem(name), key: KEY };
}

function connect(port: number, tls: ClientTls): Promise<Wire> {
  return connectToRemoteServer("localhost", port, { tls, onError() {} });
}

const GOOD: Record<string, Pick<PeerCertificate, "subject" | "names">> = {
  client: {
    subject: { O: ["Example"], CN: ["alice"] },
    names: [
      "DNS:alice.example",
      "URI:spiffe://example/alice",
      "email:alice@example.org",
      "IP:10.0.0.7",
      "IP:2001:db8::7",
    ],
  },
  client_bob: { subject: { CN: ["bob"] }, names: [] },
  // Each is one name, however it reads.
  client_joined: {
    subject: { CN: ["eve, CN=alice"] },
    names: ["URI:http://eve.example/, DNS:alice.example"],
  },
};

for (const [name, { subject, names }] of Object.entries(GOOD)) {
  test(`a server knows what ${name}.pem says, at both kinds of server`, async () => {
    const seen: (PeerCertificate | undefined)[] = [];
    await using server = createRequestServer(0, {
      tls: MUTUAL,
      authenticate: ({ certificate }) => seen.push(certificate),
      functions: { add: (a: number, b: number) => a + b },
    });
    await using wire = await connect(server.port, showing(name));
    assertEquals(await wire.remoteValue.add(40, 2), 42);
    await using lines = startUpServer({
      service: 0,
      tls: MUTUAL,
      function: async (stream, process) => {
        seen.push(process.certificate);
        await stream.writeLine("hello");
      },
    });
    const stream = await openTcpStream("localhost", lines.port, {
      tls: showing(name),
    });
    assertEquals(await stream.readLine(), "hello");
    await stream.close();
    assertEquals(seen.length, 2);
    for (const certificate of seen) {
      assertEquals({ ...certificate!.subject }, { ...subject });
      assertEquals(certificate!.names, names);
      const { fingerprint256 } = new X509Certificate(pem(name));
      assertEquals(certificate!.fingerprint, fingerprint256);
      assertEquals(certificate!.validTo.getUTCFullYear(), 2126);
      assert(Object.isFrozen(certificate));
    }
  });
}

const BAD: Record<string, string | undefined> = {
  "none": undefined,
  "one that has expired": "client_expired",
  "one that is not valid yet": "client_early",
  "one for servers": "client_server",
  "one of another authority of that name": "client_forged",
  "one of the server's authority": "server",
  "one signed by itself": "self_signed",
};
const KEYS: Record<string, string> = {
  server: "server",
  self_signed: "self_signed",
};

for (const [what, name] of Object.entries(BAD)) {
  test(`a server that demands a certificate refuses ${what}, unheard`, async () => {
    let calls = 0;
    const told: WireError[] = [];
    const events: RefusedEvent[] = [];
    const options = {
      tls: MUTUAL,
      onAudit: (event: RefusedEvent) => void events.push(event),
      onError: (error: unknown) => void told.push(error as WireError),
    };
    const asked = () => ++calls > 0;
    await using server = createRequestServer(0, {
      ...options,
      authenticate: asked,
      onConnect: asked,
    });
    await using lines = startUpServer({
      ...options,
      service: 0,
      function: asked,
    });
    const tls = name === undefined ? CLIENT_TLS : {
      ...CLIENT_TLS,
      cert: pem(name),
      key: readText(`tls/${KEYS[name] ?? "client"}.key`),
    };
    const error = await failure(connect(server.port, tls));
    assertEquals(error.code, "connectionLost");
    assertMatch(error.message, /give one that it trusts, as tls\.cert/);
    // A stream may begin before it is known that the server ends it.
    await openTcpStream("localhost", lines.port, { tls }).then(
      (stream) =>
        stream.readLine().catch(() => null).then(() => stream.abort()),
      () => {},
    );
    await Promise.all([server.shutdown(), lines.shutdown()]);
    assertEquals(calls, 0);
    assertEquals(events.length, 2);
    for (const { refused, reason, address } of events) {
      assertEquals([refused, reason.code], ["connection", "tlsFailed"]);
      assertEquals(address.transport, "tls");
      assertMatch(reason.message, /no certificate of an authority/);
    }
    assertEquals(told.map(({ code }) => code), ["tlsFailed", "tlsFailed"]);
  });
}

test("a server that demands no certificate is not told of one", async () => {
  const seen: unknown[] = [];
  await using server = createRequestServer(0, {
    tls: SERVER_TLS,
    authenticate: (peer) => seen.push(peer.certificate),
  });
  await using _wire = await connect(server.port, showing("client"));
  assertEquals(seen, [undefined]);
});

/** Server options that could not be enforced, or were not meant. */
const WRONG: [tls: object, code: string, RegExp][] = [
  [{ clientCa: undefined }, "invalidArgument", /tls\.clientCa.*undefined/],
  [{ clientCa: [] }, "invalidArgument", /tls\.clientCa is a list/],
  [
    { clientCa: pem("client_ca") },
    "invalidArgument",
    /tls\.clientCa is a list/,
  ],
  [{ clientCa: ["ca.pem"] }, "invalidArgument", /tls\.clientCa is a list/],
  [{ clientCA: CLIENT_CA }, "invalidArgument", /did you mean "clientCa"/],
  [
    {
      clientCa: ["-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----"],
    },
    "tlsFailed",
    /tls\.clientCa holds what is no certificate/,
  ],
];

for (const [wrong, code, text] of WRONG) {
  const keys = Deno.inspect(wrong).slice(0, 60).replaceAll("\n", " ");
  test(`servers refuse tls with ${keys}`, () => {
    const tls = { ...SERVER_TLS, ...wrong } as RequestServerOptions["tls"];
    const ways = [
      () => void createRequestServer(0, { tls }),
      () =>
        void startUpServer({
          service: 0,
          tls,
          function() {},
        } as StartUpServerOptions),
    ];
    for (const way of ways) {
      const error = assertThrows(way, WireError) as WireError;
      assertEquals(error.code, code);
      assertMatch(error.message, text);
    }
  });
}

/** Client options that cannot be meant. */
const WRONG_OWN: [tls: object, code: string, RegExp][] = [
  [{ cert: pem("client") }, "invalidArgument", /tls\.key.*go together/],
  [{ key: KEY }, "invalidArgument", /tls\.cert.*go together/],
  [{ cert: "client.pem", key: KEY }, "invalidArgument", /not a path/],
  [
    { cert: pem("client"), key: readText("tls/server.key") },
    "tlsFailed",
    /do not belong together/,
  ],
];

for (const [own, code, text] of WRONG_OWN) {
  test(`a client refuses ${text.source} before it says anything`, async () => {
    await using server = createRequestServer(0, { tls: MUTUAL });
    const error = await failure(
      connect(server.port, { ...CLIENT_TLS, ...own }),
    );
    assertEquals(error.code, code);
    assertMatch(error.message, text);
    assert(!error.message.includes("-----BEGIN PRIVATE"), error.message);
  });
}

const NEXT = { cert: pem("server_next"), key: KEY };
const NEXT_TLS = { caCerts: CLIENT_CA };

test("replaceCertificate() is for new connections; open ones live on", async () => {
  await using server = createRequestServer(0, {
    tls: SERVER_TLS,
    functions: { add: (a: number, b: number) => a + b },
    onError() {},
  });
  await using lines = startUpServer({
    service: 0,
    tls: SERVER_TLS,
    function: async (stream) => {
      for await (const line of stream) await stream.writeLine(line);
    },
    onError() {},
  });
  await using before = await connect(server.port, CLIENT_TLS);
  const stream = await openTcpStream("localhost", lines.port, {
    tls: CLIENT_TLS,
  });
  server.replaceCertificate(NEXT);
  lines.replaceCertificate(NEXT);
  await using after = await connect(server.port, NEXT_TLS);
  for (const wire of [before, after]) {
    assertEquals(await wire.remoteValue.add(40, 2), 42);
  }
  assertEquals(server.wires.size, 2);
  const error = await failure(connect(server.port, CLIENT_TLS));
  assertEquals(error.code, "tlsFailed");
  await stream.writeLine("still here");
  assertEquals(await stream.readLine(), "still here");
  await stream.close();
  const next = await openTcpStream("localhost", lines.port, { tls: NEXT_TLS });
  await next.writeLine("and here");
  assertEquals(await next.readLine(), "and here");
  await next.close();
});

test("replaceCertificate() before TLS is loaded holds as well", async () => {
  await using server = createRequestServer(0, { tls: SERVER_TLS });
  server.replaceCertificate(NEXT);
  await using _wire = await connect(server.port, NEXT_TLS);
});

test("replaceCertificate() keeps the authorities of clients, or replaces them", async () => {
  await using server = createRequestServer(0, {
    tls: MUTUAL,
    authenticate: ({ certificate }) => certificate?.subject.CN?.[0],
    onError() {},
  });
  server.replaceCertificate(NEXT);
  const alice = { ...NEXT_TLS, cert: pem("client"), key: KEY };
  {
    await using _wire = await connect(server.port, alice);
    assertEquals([...server.wires].map((wire) => wire.identity), ["alice"]);
    const error = await failure(connect(server.port, NEXT_TLS));
    assertEquals(error.code, "connectionLost");
  }
  server.replaceCertificate({ ...NEXT, clientCa: [pem("odd_ca")] });
  const error = await failure(connect(server.port, alice));
  assertEquals(error.code, "connectionLost");
});

test("replaceCertificate() that fails changes nothing", async () => {
  await using server = createRequestServer(0, { tls: SERVER_TLS });
  const wrong: [object, string, RegExp][] = [
    [{ cert: NEXT.cert, key: SERVER_TLS.key }, "tlsFailed", /belong together/],
    [{ ...NEXT, cert: "server.pem" }, "invalidArgument", /looks like a path/],
    [{ cert: NEXT.cert }, "invalidArgument", /tls\.key is the text/],
    [{ ...NEXT, clientCa: undefined }, "invalidArgument", /clientCa/],
  ];
  for (const [tls, code, text] of wrong) {
    const error = assertThrows(
      () => server.replaceCertificate(tls as typeof NEXT),
      WireError,
    ) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
  }
  await using _wire = await connect(server.port, CLIENT_TLS);
  await using plain = createRequestServer(0);
  const error = assertThrows(() => plain.replaceCertificate(NEXT), WireError);
  assertMatch((error as Error).message, /without the option tls/);
});

test("readCertificate() refuses what is cut short or no certificate", () => {
  const whole = new X509Certificate(pem("client"));
  const { fingerprint256, validFrom, validTo, raw } = whole;
  const read = (raw: Uint8Array) =>
    readCertificate({ raw, fingerprint256, validFrom, validTo });
  const { names } = read(raw);
  assertEquals(names.length, 5);
  for (let length = 0; length < raw.length; length++) {
    assertThrows(() => read(raw.subarray(0, length)));
  }
  // What is changed by a bit is read as something, or refused; it never hangs.
  let refused = 0;
  for (let at = 0; at < raw.length; at++) {
    const bytes = raw.slice();
    bytes[at]! ^= 0x80;
    try {
      assert(Array.isArray(read(bytes).names));
    } catch (error) {
      assert(error instanceof RangeError || error instanceof TypeError);
      refused++;
    }
  }
  assertNotEquals(refused, 0);
});
