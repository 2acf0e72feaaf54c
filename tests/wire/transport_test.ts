import { assert, assertEquals, assertRejects } from "@std/assert";
import { makeWire, memoryTransports, socketTransport } from "../../wire/mod.ts";
import { test } from "../_test.ts";

test("memoryTransports() carry bytes, and an end, both ways", async () => {
  const [here, there] = memoryTransports();
  const written = here.write(new Uint8Array([1, 2, 3]));
  assertEquals([...(await there.read())!], [1, 2, 3]);
  const next = there.read();
  assertEquals(await written, 3);
  await here.closeWrite();
  assertEquals(await next, null);
  assertEquals(await there.read(), null);
  const back = there.write(new Uint8Array([4]));
  assertEquals([...(await here.read())!], [4]);
  here.close();
  await assertRejects(() => back);
  await assertRejects(() => there.write(new Uint8Array([5])));
  there.close();
});

test("socketTransport() reads more at once while a message is large", async () => {
  const sizes: number[] = [];
  const transport = socketTransport({
    read(buffer) {
      sizes.push(buffer.length / 1024);
      return Promise.resolve(buffer.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  }, { transport: "memory" });
  const read = async (count: number, isBulk?: boolean) => {
    sizes.length = 0;
    for (let time = 0; time < count; time++) await transport.read(isBulk);
    return sizes.join(" ");
  };
  assertEquals(await read(6), "0.25 1 4 16 16 16");
  assertEquals(await read(2, true), "64 64");
  assertEquals(await read(9), "64 64 64 64 64 64 64 16 16");
  assertEquals(await read(1, true), "64");
});

test("makeWire() takes a child process's output and input", async () => {
  const url = new URL("../../wire/mod.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `import { makeWire } from "${url}";
       const wire = makeWire({
         readable: Deno.stdin.readable,
         writable: Deno.stdout.writable,
       });
       wire.serve({ double: (n) => 2 * n });
       await wire.closed;`,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const wire = makeWire({ readable: child.stdout, writable: child.stdin });
  assertEquals(await wire.remoteValue.double(21), 42);
  assertEquals(wire.address.transport, "streams");
  await wire.close();
  assertEquals((await wire.closed).code, "closed");
  assertEquals((await child.status).code, 0);
});

test("makeWire() notices that the child process died", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "await new Promise((resolve) => setTimeout(resolve, 1e6))"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const wire = makeWire({ readable: child.stdout, writable: child.stdin });
  const call = wire.remoteValue.double(21)
    .catch((error: { sent: string }) => error.sent);
  child.kill("SIGKILL");
  const reason = await wire.closed;
  assertEquals(reason.code, "connectionLost");
  assertEquals(await call, "notSent");
  await child.status;
});

test("makeWire() works over streams that cut bytes as they like", async () => {
  const chopped = () =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (let at = 0; at < chunk.length; at += 7) {
          controller.enqueue(chunk.slice(at, at + 7));
        }
      },
    });
  const there = chopped();
  const back = chopped();
  const near = makeWire({
    readable: back.readable,
    writable: there.writable,
  });
  const far = makeWire({ readable: there.readable, writable: back.writable });
  far.serve({ echo: (x: unknown) => x });
  const value = { list: [1, "two", new Uint8Array(100_000)], at: new Date(3) };
  assertEquals(await near.remoteValue.echo(value), value);
  await near.close();
  assertEquals((await far.closed).code, "closed");
  assert(far.stats().bytesReceived > 100_000);
});
