import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CallContext,
  connectToRemoteServer,
  contract,
  createRequestServer,
  destroyRequestServer,
  type Middleware,
  type RequestServer,
  type Wire,
  type WireAddress,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { leaveStaleSockets } from "./_stale_socket.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";

/** The port of a server that listens on TCP. */
function portOf(server: RequestServer): number {
  const { address } = server;
  return "port" in address ? address.port : 0;
}

function connect(server: RequestServer): Promise<Wire> {
  return connectToRemoteServer("127.0.0.1", portOf(server));
}

/** The code of what a function throws. */
function thrown(fn: () => unknown): WireError {
  return assertThrows(fn, WireError) as WireError;
}

test("createRequestServer() accepts every connection without onConnect", async () => {
  await using server = createRequestServer(0, undefined, {
    functions: { add: (a: number, b: number) => a + b },
  });
  assertEquals(server.address.transport, "tcp");
  assertEquals(
    "hostname" in server.address && server.address.hostname,
    "127.0.0.1",
  );
  assert(server.port > 0);
  assertEquals(server.port, portOf(server));
  await using one = await connect(server);
  await using other = await connect(server);
  assertEquals(await one.remoteValue.add(1, 2), 3);
  assertEquals(await other.remoteValue.add(3, 4), 7);
  assertEquals(server.wires.size, 2);
});

test("createRequestServer() has calls go through middleware, both ways", async () => {
  const log: string[] = [];
  const note: Middleware = (call, next) => {
    log.push(`${call.side} ${call.name}`);
    return next();
  };
  await using server = createRequestServer(0, undefined, {
    functions: {
      ask(this: CallContext<Wire>) {
        return this.wire.remoteValue.name();
      },
    },
    serveThrough: [note],
    callThrough: [note],
  });
  await using wire = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { functions: { name: () => "client" } },
  );
  assertEquals(await wire.remoteValue.ask(), "client");
  assertEquals(log, ["serving ask", "calling name"]);
});

test("createRequestServer() throws at once when the port is unusable", async () => {
  await using server = createRequestServer(0);
  const port = portOf(server);
  const inUse = thrown(() => createRequestServer(port));
  assertEquals(inUse.code, "addressInUse");
  assert(inUse.message.includes(`127.0.0.1:${port}`));
  for (const port of [-1, 65_536, 1.5, NaN]) {
    assertEquals(
      thrown(() => createRequestServer(port)).code,
      "invalidArgument",
    );
  }
  assertEquals(
    thrown(() => createRequestServer(0, undefined, { hostname: "192.0.2.1" }))
      .code,
    "addressUnavailable",
  );
  assertEquals(
    thrown(() =>
      createRequestServer(0, undefined, { tls: { cert: "?", key: "?" } })
    ).code,
    "tlsFailed",
  );
  assertEquals(
    thrown(() => createRequestServer(0, undefined, { limits: { calls: 0 } }))
      .code,
    "invalidArgument",
  );
});

test("createRequestServer() refuses at once what no wire could serve", () => {
  class Service {
    path = "a.log";
    read() {}
  }
  const greeter = contract({ greet: {} });
  const cases: [unknown, unknown, string][] = [
    [{ functions: {} }, { functions: {} }, "options twice"],
    [undefined, { functions: new Service() }, "methods of a class"],
    [undefined, { functions: { five: 5 } }, '"five" is not a function'],
    [undefined, { functions: null }, "not null"],
    [undefined, { serves: greeter, functions: {} }, "lacks it"],
    [undefined, { serves: { greet: {} } }, "contract()"],
    [undefined, { expects: { greet: {} } }, "contract()"],
  ];
  for (const [onConnect, options, words] of cases) {
    const error = thrown(() =>
      createRequestServer(0, onConnect as undefined, options as undefined)
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes(words), error.message);
  }
});

test("onConnect gets the wire and the peer's address", async () => {
  const seen: [Wire, WireAddress][] = [];
  await using server = createRequestServer(0, (wire, address) => {
    seen.push([wire, address]);
    return true;
  });
  await using _wire = await connect(server);
  const [wire, address] = seen[0]!;
  assertEquals([...server.wires], [wire]);
  assertEquals(address.transport, "tcp");
  assertEquals("hostname" in address && address.hostname, "127.0.0.1");
});

test("onConnect may refuse, in every form", async () => {
  const answers = [
    () => false,
    () => ({ accept: false }),
    () => Promise.resolve(false),
    () => {
      throw new Error("a secret of the server");
    },
    () => Promise.reject(new Error("a secret of the server")),
    (() => undefined) as unknown as () => boolean,
  ];
  for (const answer of answers) {
    await using server = createRequestServer(0, answer, { onError() {} });
    const error = await assertRejects(
      () => connect(server),
      WireError,
    ) as WireError;
    assertEquals(error.code, "refused");
    assert(!error.message.includes("secret"));
    assert(error.message.includes("127.0.0.1"));
    assertEquals(server.wires.size, 0);
  }
});

test("onDeath runs once at each end, whoever ends the wire", async () => {
  for (const who of ["client", "server", "abort"]) {
    const deaths: string[] = [];
    const died = Promise.withResolvers<void>();
    await using server = createRequestServer(0, () => ({
      accept: true,
      onDeath: (reason) => {
        deaths.push(`server ${reason.code}`);
        died.resolve();
      },
    }));
    const wire = await connectToRemoteServer(
      "127.0.0.1",
      portOf(server),
      (reason) => deaths.push(`client ${reason.code}`),
    );
    if (who === "client") await wire.close();
    else if (who === "server") await [...server.wires][0]!.close();
    else wire.abort();
    await Promise.all([wire.closed, died.promise]);
    assertEquals(
      deaths.sort(),
      who === "abort"
        ? ["client aborted", "server peerAborted"]
        : ["client closed", "server closed"],
    );
  }
});

test("onConnect may call the client back before it accepts", async () => {
  await using server = createRequestServer(0, async (wire) => {
    const name = await wire.remoteValue.name();
    wire.serve({ greet: () => `Hello ${name}.` });
    return name === "friend";
  });
  await using friend = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { functions: { name: () => "friend" } },
  );
  assertEquals(await friend.remoteValue.greet(), "Hello friend.");
  const stranger = connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { functions: { name: () => "stranger" } },
  );
  const error = await assertRejects(() => stranger, WireError) as WireError;
  assertEquals(error.code, "refused");
});

test("destroyRequestServer() refuses the new, leaves the old alive", async () => {
  const server = createRequestServer(0, undefined, {
    functions: { echo: (x: unknown) => x },
  });
  const port = portOf(server);
  const wire = await connect(server);
  destroyRequestServer(server);
  destroyRequestServer(server);
  const error = await assertRejects(
    () => connectToRemoteServer("127.0.0.1", port),
    WireError,
  ) as WireError;
  // A connection may still be taken by the operating system, and be cut.
  assert(["connectionRefused", "connectionLost"].includes(error.code));
  assertEquals(await wire.remoteValue.echo("alive"), "alive");
  let finished = false;
  server.finished.then(() => finished = true);
  // It takes no connection any more, and the wire lives on.
  await server.stopped;
  await wire.ping();
  assertEquals(finished, false);
  await wire.close();
  await server.finished;
  // The port is free again.
  await createRequestServer(port).shutdown();
});

test("RequestServer.shutdown() lets calls under way finish", async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = createRequestServer(0, undefined, {
    functions: {
      async work() {
        begun.resolve();
        await finish.promise;
        return "done";
      },
    },
  });
  const wire = await connect(server);
  const work = wire.remoteValue.work();
  await begun.promise;
  const down = server.shutdown();
  finish.resolve();
  assertEquals(await work, "done");
  await down;
  assertEquals((await wire.closed).code, "closed");
});

test("RequestServer.shutdown() turns newcomers away without refusing them", async () => {
  const asked = Promise.withResolvers<void>();
  const server = createRequestServer(0, () => {
    asked.resolve();
    return new Promise(() => {});
  });
  const connecting = assertRejects(() => connect(server));
  await asked.promise;
  await server.shutdown();
  const error = await connecting as WireError;
  assertEquals(error.code, "peerAborted");
  assert(error.message.includes("shutting down"), error.message);
});

test("createRequestServer() takes a signal and tells when it listens", async () => {
  const controller = new AbortController();
  let address: WireAddress | undefined;
  const server = createRequestServer(0, undefined, {
    signal: controller.signal,
    onListen: (listening) => address = listening,
  });
  assertEquals(address, server.address);
  const wire = await connect(server);
  controller.abort();
  await server.finished;
  assertEquals((await wire.closed).code, "closed");
});

test("RequestServer.unref() lets the process end", async () => {
  const url = new URL("../../mod.ts", import.meta.url);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `import { createRequestServer } from "${url}";
       const server = createRequestServer(0);
       server.unref();`,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(code, 0);
});

test("a wrong credential is refused, the right one accepted", async () => {
  await using server = createRequestServer(0, undefined, {
    requireCredential: "open sesame",
  });
  for (const credential of [undefined, "open sesamE", "open"]) {
    const error = await assertRejects(
      () =>
        connectToRemoteServer("127.0.0.1", portOf(server), undefined, {
          credential,
        }),
      WireError,
    ) as WireError;
    assertEquals(error.code, "refused");
  }
  await using wire = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { credential: "open sesame" },
  );
  assert(await wire.ping() >= 0);
});

test("a peer that speaks HTTP harms nobody", async () => {
  await using server = createRequestServer(0, undefined, {
    functions: { echo: (x: unknown) => x },
  });
  await using wire = await connect(server);
  const response = await fetch(`http://127.0.0.1:${portOf(server)}/`)
    .catch((error) => error);
  assert(response instanceof Error);
  assertEquals(await wire.remoteValue.echo(1), 1);
});

const isWindows = Deno.build.os === "windows";

if (!isWindows) {
  test("a Unix socket is the user's own, and goes with its server", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/wire.sock`;
    const server = createRequestServer(0, undefined, { path });
    await server.ready;
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    assertEquals([server.address, server.port], [
      { transport: "unix", path },
      0,
    ]);
    const wire = await connectToRemoteServer("", 0, undefined, { path });
    assertEquals(wire.address, { transport: "unix", path });
    await wire.close();
    await server.shutdown();
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    await Deno.remove(folder, { recursive: true });
  });

  test("a stale socket file is replaced, a living one is not", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/wire.sock`;
    await leaveStaleSockets(path);
    assert(Deno.statSync(path).isSocket);
    const server = createRequestServer(0, undefined, { path });
    await server.ready;
    const error = thrown(() => createRequestServer(0, undefined, { path }));
    assertEquals(error.code, "addressInUse");
    const wire = await connectToRemoteServer("", 0, undefined, { path });
    await wire.close();
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  });

  test("a file that is no socket is left alone", async () => {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, "precious");
    const error = thrown(() => createRequestServer(0, undefined, { path }));
    assertEquals(error.code, "addressInUse");
    assert(error.message.includes("no socket"), error.message);
    assertEquals(await Deno.readTextFile(path), "precious");
    await Deno.remove(path);
  });
}

Deno.test({
  name: "a server of TLS needs the permission to listen, and no other",
  permissions: { net: ["localhost:0"] },
  async fn() {
    await using server = createRequestServer(0, undefined, {
      hostname: "localhost",
      tls: SERVER_TLS,
    });
    assertEquals(server.address.transport, "tls");
  },
});

test("a plaintext client of a TLS server is turned down", async () => {
  const errors: unknown[] = [];
  await using server = createRequestServer(0, undefined, {
    tls: SERVER_TLS,
    onError: (error) => errors.push(error),
  });
  assertEquals(server.address.transport, "tls");
  const error = await assertRejects(() => connect(server), WireError);
  assertEquals((error as WireError).code, "notAWire");
  assert(error.message.includes("TLS"), error.message);
  await using wire = await connectToRemoteServer(
    "localhost",
    portOf(server),
    undefined,
    { tls: CLIENT_TLS },
  );
  assert(await wire.ping() >= 0);
});
