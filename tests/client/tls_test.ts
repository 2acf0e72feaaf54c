import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  openTcpStream,
  startUpServer,
  WireError,
} from "../../mod.ts";
import type { ClientTls } from "../../mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, readText, SERVER_TLS } from "../_transports.ts";

const ODD_KEY = readText("tls/odd.key");
const ODD_CA = readText("tls/odd_ca.pem");

/** What a client says of a server that shows a certificate. */
async function complaint(cert: string, tls: ClientTls): Promise<WireError> {
  await using server = createRequestServer(0, null, {
    tls: { cert: readText(`tls/${cert}.pem`), key: ODD_KEY },
    onError() {},
  });
  return await assertRejects(
    () => connectToRemoteServer("localhost", server.port, null, { tls }),
    WireError,
  ) as WireError;
}

const COMPLAINTS: [cert: string, tls: ClientTls, text: RegExp][] = [
  ["odd_expired", { caCerts: [ODD_CA] }, /has expired.*2021/],
  ["odd_early", { caCerts: [ODD_CA] }, /not valid yet.*2120/],
  ["odd_nameless", { caCerts: [ODD_CA] }, /has no name.*openssl/],
  ["odd_nameless", CLIENT_TLS, /no authority that is trusted/],
  ["odd_nameless", {}, /no authority that is trusted/],
];

for (const [cert, tls, text] of COMPLAINTS) {
  test(`a client says what is wrong with ${cert}.pem: ${text.source}`, async () => {
    const { code, message } = await complaint(cert, tls);
    assertEquals(code, "tlsFailed");
    assert(text.test(message), message);
  });
}

test("a name that reads like two does not pass for another server", async () => {
  await using server = createRequestServer(0, null, {
    tls: {
      cert: readText("tls/server_joined.pem"),
      key: readText("tls/client.key"),
    },
    onError() {},
  });
  const caCerts = [readText("tls/client_ca.pem")];
  const connect = (tls: ClientTls) =>
    connectToRemoteServer("localhost", server.port, null, { tls });
  const error = await assertRejects(() => connect({ caCerts }), WireError);
  assertEquals((error as WireError).code, "tlsFailed");
  assert(/for another name/.test(error.message), error.message);
  // It is who it says.
  await using _wire = await connect({ caCerts, hostname: "eve.example" });
});

test("caCerts with what is no certificate is said, and nobody connected to", async () => {
  await using server = createRequestServer(0, null, { tls: SERVER_TLS });
  const text = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----";
  const error = await assertRejects(
    () => openTcpStream("localhost", server.port, { tls: { caCerts: [text] } }),
    WireError,
  ) as WireError;
  assertEquals(error.code, "tlsFailed");
  assert(error.message.includes("no certificate in PEM"), error.message);
});

test("caCerts may hold several authorities, in one text or more", async () => {
  await using server = startUpServer({
    service: 0,
    tls: SERVER_TLS,
    function: async (stream) => await stream.writeLine("hello"),
  });
  const [ca = ""] = CLIENT_TLS.caCerts;
  for (const caCerts of [[ODD_CA, ca], [ca, ODD_CA], [ODD_CA + ca]]) {
    await using stream = await openTcpStream("localhost", server.port, {
      tls: { caCerts },
    });
    assertEquals(await stream.readLine(), "hello");
  }
});

test("authorities that Deno is told to trust are trusted beside caCerts", async () => {
  await using server = startUpServer({
    service: 0,
    tls: SERVER_TLS,
    function: async (stream) => await stream.writeLine("hello"),
  });
  const mod = new URL("../../mod.ts", import.meta.url).href;
  const program = `
    import { openTcpStream } from ${JSON.stringify(mod)};
    const caCerts = [${JSON.stringify(ODD_CA)}];
    for (const tls of [{}, { caCerts }]) {
      const s = await openTcpStream("localhost", ${server.port}, { tls });
      console.log(await s.readLine());
      await s.close();
    }`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, program);
  const cert = new URL("../tls/ca.pem", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--quiet", "--allow-net", ...args, path],
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), err: text(stderr) };
  };
  const trusting = await run(`--cert=${cert}`);
  assertEquals([trusting.out, trusting.err], ["hello\nhello\n", ""]);
  const { code, err } = await run();
  assertEquals(code, 1);
  assert(err.includes("no authority that is trusted"), err);
  await Deno.remove(path);
});

test("large values and many calls go through TLS, both ways", async () => {
  await using server = createRequestServer(0, null, {
    tls: SERVER_TLS,
    functions: { echo: (x: unknown) => x },
  });
  await using wire = await connectToRemoteServer(
    "localhost",
    server.port,
    null,
    { tls: CLIENT_TLS },
  );
  const bytes = new Uint8Array(1_000_000).map((_, n) => n % 251);
  const calls = Array.from({ length: 100 }, (_, n) => wire.remoteValue.echo(n));
  const back = await wire.remoteValue.echo(bytes) as Uint8Array;
  assertEquals(back.length, bytes.length);
  assert(back.every((byte, n) => byte === n % 251));
  assertEquals(await Promise.all(calls), calls.map((_, n) => n));
});
