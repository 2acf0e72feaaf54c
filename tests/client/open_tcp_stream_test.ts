import { assert, assertEquals, assertRejects } from "@std/assert";
import { openTcpStream } from "../../client/mod.ts";
import { startUpServer } from "../../server/mod.ts";
import { WireError } from "../../wire/mod.ts";
import { holdTimers } from "../_held_timers.ts";
import { test } from "../_test.ts";

const TLS = new URL("../tls/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, TLS));

/** A port where nobody listens, at least at this moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** How opening a stream fails. */
async function failure(
  ...args: Parameters<typeof openTcpStream>
): Promise<WireError> {
  const error = await assertRejects(() => openTcpStream(...args));
  assert(error instanceof WireError, String(error));
  return error;
}

test("openTcpStream() talks to a server by name, address and number", async () => {
  await using server = startUpServer({
    service: 0,
    function: async (stream) => {
      for await (const line of stream) stream.writeLine(`<${line}>`);
    },
  });
  for (const host of ["localhost", "127.0.0.1", 0x7f000001]) {
    await using stream = await openTcpStream(host, server.port);
    stream.writeLine("one");
    stream.writeLine("two");
    assertEquals(await stream.readLine(), "<one>");
    assertEquals(await stream.readLine(), "<two>");
    await stream.closeWrite();
    assertEquals(await stream.readLine(), null);
  }
});

test("openTcpStream() speaks TLS, with the same checks as a wire", async () => {
  const [cert, key, ca] = await Promise.all(
    ["server.pem", "server.key", "ca.pem"].map(read),
  );
  await using server = startUpServer({
    service: 0,
    tls: { cert: cert!, key: key! },
    onError() {},
    function: async (stream) => {
      for await (const line of stream) stream.writeLine(line);
    },
  });
  await using stream = await openTcpStream("localhost", server.port, {
    tls: { caCerts: [ca!] },
  });
  assertEquals(stream.address.transport, "tls");
  stream.writeLine("secret");
  assertEquals(await stream.readLine(), "secret");
  const error = await failure("localhost", server.port, { tls: {} });
  assertEquals(error.code, "tlsFailed");
});

test("openTcpStream() names host, service and process when it is refused", async () => {
  const port = freePort();
  const error = await failure("127.0.0.1", port, { processName: "talker" });
  assertEquals(error.code, "connectionRefused");
  for (const part of ["127.0.0.1", String(port), "talker"]) {
    assert(error.message.includes(part), error.message);
  }
});

test("openTcpStream() names host, service and process of unknown ones", async () => {
  const host = await failure("no-such-host.invalid", 10244);
  assertEquals(host.code, "unknownHost");
  assert(host.message.includes("no-such-host.invalid"), host.message);
  assert(host.message.includes('"10244 client"'), host.message);
  const service = await failure("localhost", "no-such-service");
  assertEquals(service.code, "unknownService");
  for (const part of ["localhost", "no-such-service client", "services"]) {
    assert(service.message.includes(part), service.message);
  }
});

test("openTcpStream() refuses arguments that are none", async () => {
  for (
    const [host, service, options] of [
      ["", 1, {}],
      ["localhost", 70_000, {}],
      ["localhost", 1, { maxLineLength: 0 }],
    ] as const
  ) {
    const error = await failure(host, service, options);
    assertEquals(error.code, "invalidArgument");
  }
});

test("openTcpStream() gives up at its signal and its time limit", async () => {
  // A peer that never answers the first message of TLS.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const timeout = 789;
  using timers = holdTimers(timeout);
  const failing = failure("127.0.0.1", port, { tls: {}, timeout });
  using _accepted = await listener.accept();
  timers.runOut();
  const slow = await failing;
  assertEquals(slow.code, "timeout");
  const reason = new Error("changed my mind");
  const early = await failure("127.0.0.1", port, {
    signal: AbortSignal.abort(reason),
  });
  assertEquals(early.code, "cancelled");
  assertEquals(early.cause, reason);
});

test("openTcpStream() aborts its stream at the signal", async () => {
  await using server = startUpServer({
    service: 0,
    onError() {},
    function: async (stream) => void await stream.readLine(),
  });
  const controller = new AbortController();
  const stream = await openTcpStream("127.0.0.1", server.port, {
    signal: controller.signal,
  });
  const reading = assertRejects(() => stream.readLine());
  controller.abort();
  assertEquals((await reading as WireError).code, "aborted");
  await stream.closed;
});
