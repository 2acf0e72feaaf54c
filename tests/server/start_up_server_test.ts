import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  destroyRequestServer,
  startUpServer,
  type StartUpServerOptions,
} from "../../server/mod.ts";
import { openTcpStream } from "../../client/mod.ts";
import { WireError } from "../../wire/mod.ts";
import { test } from "../_test.ts";

const echo: StartUpServerOptions = {
  service: 0,
  function: async (stream) => {
    for await (const line of stream) stream.writeLine(line);
  },
};

/** Whether a port is free at the next turn: somebody else can listen on it. */
async function isFree(port: number): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve));
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

test("startUpServer() accepts the next while a promise is under way", async () => {
  const met = Promise.withResolvers<void>();
  let inside = 0;
  await using server = startUpServer({
    service: 0,
    function: async (stream) => {
      if (++inside === 2) met.resolve();
      await met.promise;
      await stream.writeLine("met");
    },
  });
  const streams = await Promise.all(
    [1, 2].map(() => openTcpStream("127.0.0.1", server.port)),
  );
  for (const stream of streams) {
    assertEquals(await stream.readLine(), "met");
    assertEquals(await stream.readLine(), null);
    await stream.close();
  }
});

test("startUpServer() leaves a stream open whose function returns no promise", async () => {
  await using server = startUpServer({
    service: 0,
    function: (stream) => {
      stream.readable.pipeTo(stream.writable).then(() => stream.close());
    },
  });
  await using stream = await openTcpStream("127.0.0.1", server.port);
  stream.writeLine("echo");
  assertEquals(await stream.readLine(), "echo");
  await stream.closeWrite();
  assertEquals(await stream.readLine(), null);
});

for (
  const [what, fail] of [
    ["throws", () => {
      throw new Error("oops");
    }],
    ["rejects", () => Promise.reject(new Error("oops"))],
  ] as const
) {
  test(`startUpServer() loses the connection alone whose function ${what}`, async () => {
    const reports: [unknown, string][] = [];
    let count = 0;
    await using server = startUpServer({
      service: 0,
      processName: "fragile",
      onError: (error, where) => reports.push([error, where]),
      function: (stream, process) =>
        ++count === 2 ? fail() : echo.function!(stream, process),
    });
    const open = () => openTcpStream("127.0.0.1", server.port);
    const first = await open();
    first.writeLine("1");
    assertEquals(await first.readLine(), "1");
    const second = await open();
    assertEquals(await second.readLine().catch(() => null), null);
    const third = await open();
    for (const stream of [first, third]) {
      stream.writeLine("still here");
      assertEquals(await stream.readLine(), "still here");
    }
    assertEquals(reports.length, 1);
    const [error, where] = reports[0]!;
    assertEquals((error as Error).message, "oops");
    assert(where.includes("fragile"), where);
    assert(where.includes(`127.0.0.1:${server.port}`), where);
    for (const stream of [first, second, third]) await stream.close();
  });
}

test("startUpServer() announces its real address to whoever is to know", async () => {
  const messages: string[] = [];
  const bytes = new TransformStream<Uint8Array, Uint8Array>();
  const reader = bytes.readable.getReader();
  await using first = startUpServer({
    ...echo,
    announce: (message) => void messages.push(message),
  });
  await using second = startUpServer({
    ...echo,
    processName: "talk",
    announce: bytes.writable,
  });
  const chunk = (await reader.read()).value as Uint8Array;
  messages.push(new TextDecoder().decode(chunk));
  assertEquals(messages, [
    `Process "${first.port} server", service 0: listening on 127.0.0.1:${first.port}`,
    `Process "talk", service 0: listening on 127.0.0.1:${second.port}\n`,
  ]);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(bytes.writable.locked, false);
});

test("startUpServer() reports a listener of its announcement that fails", async () => {
  const reported = Promise.withResolvers<string>();
  await using _server = startUpServer({
    ...echo,
    announce: () => {
      throw new Error("deaf");
    },
    onError: (_, where) => reported.resolve(where),
  });
  assert((await reported.promise).startsWith("announcing"));
});

test("server.processes shows the server and its connections", async () => {
  const named = Promise.withResolvers<void>();
  await using server = startUpServer({
    service: 0,
    processName: "talk server",
    function: async (stream, process) => {
      process.name = "talk 1";
      named.resolve();
      await stream.readLine();
    },
  });
  await using stream = await openTcpStream("127.0.0.1", server.port);
  await named.promise;
  const [self, connection, ...rest] = server.processes;
  assertEquals(rest, []);
  assertEquals([self!.kind, self!.name, self!.peer], [
    "server",
    "talk server",
    undefined,
  ]);
  assertEquals([connection!.kind, connection!.name], ["connection", "talk 1"]);
  assertEquals(connection!.peer?.transport, "tcp");
  assert(self!.since <= connection!.since);
  await stream.close();
});

for (
  const [what, kill] of [
    ["kill()", (server: Started) => server.kill()],
    ["destroyRequestServer()", destroyRequestServer],
    ["the server's process", (server: Started) => server.processes[0]!.kill()],
  ] as const
) {
  test(`${what} frees the port and leaves connections alone`, async () => {
    const server = startUpServer(echo);
    const stream = await openTcpStream("127.0.0.1", server.port);
    stream.writeLine("before");
    assertEquals(await stream.readLine(), "before");
    kill(server);
    assertEquals(await isFree(server.port), true);
    await using second = startUpServer({ ...echo, service: server.port });
    assertEquals(second.port, server.port);
    stream.writeLine("after");
    assertEquals(await stream.readLine(), "after");
    assertEquals(server.processes.map((process) => process.kind), [
      "connection",
    ]);
    await stream.close();
    await server.finished;
    assertEquals(server.processes, []);
  });
}

type Started = ReturnType<typeof startUpServer>;

for (const how of ["shutdown", "signal", "dispose"] as const) {
  test(`startUpServer() ends with its connections by ${how}`, async () => {
    const controller = new AbortController();
    const errors: unknown[] = [];
    const server = startUpServer({
      ...echo,
      signal: controller.signal,
      onError: (error) => errors.push(error),
    });
    await using stream = await openTcpStream("127.0.0.1", server.port);
    stream.writeLine("x");
    await stream.readLine();
    if (how === "signal") controller.abort();
    else if (how === "shutdown") await server.shutdown();
    else await server[Symbol.asyncDispose]();
    assertEquals(await stream.readLine().catch(() => null), null);
    await server.finished;
    assertEquals(await isFree(server.port), true);
    assertEquals(errors, []);
  });
}

test("startUpServer() takes no connection more than maxConnections", async () => {
  let inside = 0;
  let most = 0;
  await using server = startUpServer({
    service: 0,
    maxConnections: 2,
    function: async (stream) => {
      most = Math.max(most, ++inside);
      stream.writeLine("in");
      await stream.readLine();
      inside--;
    },
  });
  const streams = await Promise.all(
    [1, 2, 3, 4].map(() => openTcpStream("127.0.0.1", server.port)),
  );
  await Promise.all(streams.map(async (stream) => {
    assertEquals(await stream.readLine(), "in");
    stream.writeLine("out");
    assertEquals(await stream.readLine(), null);
    await stream.close();
  }));
  assertEquals(most, 2);
});

test("startUpServer() names address, service and process when it fails", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const cases: [StartUpServerOptions, string, string[]][] = [
    [{ service: port }, "addressInUse", [
      `127.0.0.1:${port}`,
      `"${port} server"`,
    ]],
    [{ service: "no-such" }, "unknownService", ["no-such server", "services"]],
    [{ service: 70_000 }, "invalidArgument", ["70000"]],
    [{ service: 0, address: "192.0.2.1" }, "addressUnavailable", ["192.0.2.1"]],
    [{ service: 0, stream: { maxOutput: 0 } }, "invalidArgument", [
      "maxOutput",
    ]],
    [
      { service: 0, tls: { cert: "x", key: "y" }, processName: "vault" },
      "tlsFailed",
      ["vault", "service 0"],
    ],
  ];
  for (const [options, code, parts] of cases) {
    const error = assertThrows(
      () => startUpServer({ ...echo, ...options }),
      WireError,
    );
    assertEquals(error.code, code, error.message);
    for (const part of parts) {
      assert(error.message.includes(part), error.message);
    }
  }
});

test('startUpServer() serves "lispworks" unless told, and says so', () => {
  // No system is known whose services list that name.
  const error = assertThrows(
    () => startUpServer({ function: () => {} }),
    WireError,
  );
  assertEquals(error.code, "unknownService");
  assert(error.message.includes('"lispworks server"'), error.message);
  assert(error.message.includes("as a number"), error.message);
});

test("startUpServer({ oneAtATime }) begins the next when the function has returned", async () => {
  let [running, most] = [0, 0];
  await using server = startUpServer({
    service: 0,
    oneAtATime: true,
    function: async (stream) => {
      most = Math.max(most, ++running);
      // Whoever came meanwhile would have begun.
      await stream.readLine();
      running--;
    },
  });
  const streams = await Promise.all(
    [1, 2, 3].map(() => openTcpStream("127.0.0.1", server.port)),
  );
  for (const stream of streams) stream.writeLine("go on");
  for (const stream of streams) assertEquals(await stream.readLine(), null);
  assertEquals([running, most], [0, 1]);
  for (const stream of streams) await stream.close();
});
