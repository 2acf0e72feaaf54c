import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  openTcpStream,
  type OpenTcpStreamOptions,
  startUpServer,
  type WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, readText } from "../_transports.ts";

async function failure(connecting: Promise<unknown>): Promise<WireError> {
  return await assertRejects(() => connecting) as WireError;
}

/** What may be passed, and is wrong. */
const WRONG: [object, RegExp][] = [
  [{ timeuot: 5 }, /did you mean "timeout"/],
  [{ timeout: NaN }, /timeout is a number/],
  [{ timeout: 0 }, /timeout is a number/],
  [{ timeout: -1 }, /timeout is a number/],
  [{ timeout: "soon" }, /not "soon"/],
  [{ timeout: "100" }, /not "100"/],
  [{ timeout: null }, /timeout is a number/],
  [{ signal: new AbortController() }, /controller\.signal/],
  [{ signal: {} }, /AbortSignal/],
  [{ tls: true }, /tls are an object/],
  [{ tls: null }, /tls are an object/],
  [{ tls: { cacerts: [] } }, /did you mean "caCerts"/],
  [{ tls: { caCerts: "./ca.pem" } }, /a list of texts/],
  [{ tls: { caCerts: ["./ca.pem"] } }, /"\.\/ca\.pem".*readTextFileSync/],
  [{ tls: { caCerts: [new Uint8Array(3)] } }, /certificates/],
  [{ tls: { caCerts: [readText("tls/server.key")] } }, /\(PEM\)\.$/],
  [{ tls: { hostname: 5 } }, /tls\.hostname/],
];

test("connectToRemoteServer() refuses options that are wrong", async () => {
  const more: [object, RegExp][] = [
    [{ limits: { call: 5 } }, /no limit "call"/],
    [{ credentail: "secret" }, /did you mean "credential"/],
    [{ path: "" }, /not ""/],
    [{ path: 5 }, /"path" is the path of a socket file, not 5/],
    [{ path: null }, /not null\. Leave it out to connect by TCP/],
    [{ path: new URL("file:///a") }, /not an object/],
    [{ path: "a\0b" }, /"path" is the path of a socket file, not "a/],
    [{ path: "/tmp/a", tls: {} }, /"tls" is for TCP, and "path" says/],
    [{ requireCredential: "" }, /"requireCredential" is a text/],
    [{ requireCredential: undefined }, /"requireCredential" is undefined/],
    [{ serveThrough: () => {} }, /"serveThrough" is an array of functions/],
    [{ callThrough: ["log"] }, /its item 0 is "log"/],
  ];
  for (const [options, text] of [...WRONG, ...more]) {
    // Nobody is asked anything: nobody listens there.
    const error = await failure(
      connectToRemoteServer("127.0.0.1", 1, null, options as ConnectOptions),
    );
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
  }
});

test("openTcpStream() refuses options that are wrong", async () => {
  const more: [object, RegExp][] = [
    [{ closeTimeout: NaN }, /closeTimeout/],
    [{ closeTimeout: "soon" }, /closeTimeout/],
  ];
  for (const [options, text] of [...WRONG, ...more]) {
    const error = await failure(
      openTcpStream("127.0.0.1", 1, options as OpenTcpStreamOptions),
    );
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
  }
});

test("connecting takes time limits of any length, and null for on-death", async () => {
  await using server = createRequestServer(0);
  await using lines = startUpServer({
    service: 0,
    function: async (stream) => void await stream.readLine(),
  });
  for (const timeout of [60_000, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Infinity]) {
    const options = { timeout };
    await using wire = await connectToRemoteServer(
      "localhost",
      server.port,
      null,
      options,
    );
    assert(await wire.ping() >= 0);
    await using _stream = await openTcpStream("localhost", lines.port, options);
  }
});

test("connecting takes an IPv6 address in brackets, and names other slips", async () => {
  let server;
  try {
    server = createRequestServer(0, undefined, { hostname: "::1" });
  } catch {
    // A machine without IPv6.
  }
  if (server !== undefined) {
    await using wire = await connectToRemoteServer("[::1]", server.port);
    assertEquals(wire.address, {
      transport: "tcp",
      hostname: "::1",
      port: server.port,
    });
    await wire.close();
    await server.shutdown();
  }
  const hosts: [string, RegExp][] = [
    ["", /is ""/],
    ["localhost:7000", /"localhost", 7000/],
    ["[::1]:7000", /"\[::1\]", 7000/],
    ["http://localhost:7000/", /is a URL/],
    ["/run/wire.sock", /option "path"/],
    [" localhost", /has a space/],
    ["local host", /has a space/],
    ["a_b?c", /invalid/],
  ];
  for (const [host, text] of hosts) {
    for (
      const connecting of [
        connectToRemoteServer(host, 7000),
        openTcpStream(host, 7000),
      ]
    ) {
      const error = await failure(connecting);
      assertEquals(error.code, "invalidArgument");
      assertMatch(error.message, text);
    }
  }
});

if (Deno.build.os !== "windows") {
  test("connectToRemoteServer() says what a path is that is no server's", async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/file`, "text");
    const cases: [path: string, code: string, text: RegExp][] = [
      [folder, "connectionRefused", /that is a directory/],
      [`${folder}/file`, "connectionRefused", /no socket/],
      [`${folder}/nothing`, "connectFailed", /no such socket file/],
      [`${folder}/file/below`, "connectFailed", /no such socket file/],
      [`${folder}/${"x".repeat(200)}`, "invalidArgument", /about 100 bytes/],
    ];
    for (const [path, code, text] of cases) {
      const error = await failure(
        connectToRemoteServer("", 0, null, { path }),
      );
      assertEquals(error.code, code, error.message);
      assertMatch(error.message, text);
      assert(!/port/i.test(error.message), error.message);
    }
    await Deno.remove(folder, { recursive: true });
  });
}

/** Runs a command of a shell in a folder; false where there is no openssl. */
async function run(command: string, cwd: string): Promise<boolean> {
  try {
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", `command -v openssl >/dev/null || exit 0; ${command}`],
      cwd,
      stderr: "piped",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return await Deno.stat(`${cwd}/server.pem`).then(() => true, () => false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

test("a self-signed certificate is named, with the command that makes a good one", async () => {
  let command = "";
  {
    const cert = readText("tls/self_signed.pem");
    const key = readText("tls/self_signed.key");
    await using server = createRequestServer(0, undefined, {
      tls: { cert, key },
      onError() {},
    });
    for (const tls of [{}, CLIENT_TLS, { caCerts: [cert] }]) {
      const error = await failure(
        connectToRemoteServer("localhost", server.port, null, { tls }),
      );
      assertEquals(error.code, "tlsFailed");
      assertMatch(error.message, /self-signed/);
      command = /openssl req -x509 -newkey .*?127\.0\.0\.1"/.exec(error.message)
        ?.[0] ?? "";
      assert(command !== "", error.message);
    }
  }
  assert(
    readText("../docs/calls.md").replaceAll("\\\n", "").replaceAll(
      /\s+/g,
      " ",
    ).includes(command),
  );
  const folder = await Deno.makeTempDir();
  if (await run(command, folder)) {
    const cert = await Deno.readTextFile(`${folder}/server.pem`);
    const key = await Deno.readTextFile(`${folder}/server.key`);
    await using server = createRequestServer(0, undefined, {
      tls: { cert, key },
    });
    for (const host of ["localhost", "127.0.0.1"]) {
      await using wire = await connectToRemoteServer(host, server.port, null, {
        tls: { caCerts: [cert] },
      });
      assert(await wire.ping() >= 0);
    }
  }
  await Deno.remove(folder, { recursive: true });
});
