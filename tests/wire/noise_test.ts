import { assertEquals, assertMatch } from "@std/assert";
import { makeWire, memoryTransports } from "../../wire/mod.ts";
import { streamTransport } from "../../wire/transport/transport.ts";
import { shownBytes } from "../../wire/base/errors.ts";
import { test } from "../_test.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** How a wire ends whose peer sends these bytes first, in such chunks. */
async function endOf(bytes: Uint8Array, chunk: number, closes: boolean) {
  const [here, there] = memoryTransports();
  const wire = makeWire(here, { onError() {} });
  (async () => {
    while (await there.read() !== null);
    there.close();
  })();
  for (let at = 0; at < bytes.length; at += chunk) {
    await there.write(bytes.slice(at, at + chunk)).catch(() => {});
  }
  if (closes) await there.closeWrite();
  return await wire.closed;
}

test("notAWire shows what came in the place of a hello", async () => {
  const cases: [string, RegExp][] = [
    ["[INFO] starting\n", /with "\[INFO\] starting\\n"/],
    [
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      /"HTTP\/1\.1 400 Bad .*It speaks HTTP: a web server/,
    ],
    ["GET / HTTP/1.1\r\n", /It asks by HTTP/],
    ["SSH-2.0-OpenSSH_9\r\n", /It speaks SSH/],
    ['\x1b[31mred \x07\n"\\', /"\\x1b\[31mred \\x07\\n\\"\\\\"/],
    ["x".repeat(5_000), /"x{60}" …/],
  ];
  for (const [text, pattern] of cases) {
    for (const chunk of [5_000, 7, 1]) {
      const { code, message } = await endOf(encode(text), chunk, true);
      assertEquals(code, "notAWire");
      // One byte after the other, the fifth may never be read.
      if (chunk > 1) assertMatch(message, chunk < 60 ? /but with "/ : pattern);
    }
  }
  const alert = new Uint8Array([0x15, 3, 1, 0, 2, 2, 10]);
  const { code, message } = await endOf(alert, 7, true);
  assertEquals(code, "notAWire");
  assertMatch(message, /the bytes 15 03 01 00 02 02 0a\. It speaks TLS/);
});

test("notAWire shows noise that is shorter than a frame's length", async () => {
  for (const text of ["ok\n", "a"]) {
    const { code, message } = await endOf(encode(text), 10, true);
    assertEquals(code, "notAWire");
    assertMatch(message, new RegExp(`"${text.replace("\n", "\\\\n")}"`));
  }
});

test("a hello that is cut short is a lost connection, not noise", async () => {
  const hello = new Uint8Array([0, 0, 0, 42, 1, 0x57, 0x49]);
  const { code } = await endOf(hello, 7, true);
  assertEquals(code, "connectionLost");
});

test("notAWire of streams speaks of standard output", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const wire = makeWire(
    streamTransport({
      readable: readable as ReadableStream<Uint8Array<ArrayBuffer>>,
      writable: new WritableStream(),
    }),
    { onError() {} },
  );
  const writer = writable.getWriter();
  writer.write(encode("server starting\n")).catch(() => {});
  const { code, message } = await wire.closed;
  assertEquals(code, "notAWire");
  assertMatch(message, /standard output/);
});

test("malformed shows text that stands where a frame should", async () => {
  for (const cut of [1_000, 2, 4]) {
    const [here, there] = memoryTransports();
    const near = makeWire(here, { onError() {} });
    // The bytes of a far end, with noise behind them.
    const [inner, outer] = memoryTransports();
    const far = makeWire(inner, { onError() {} });
    const relay = async (from: typeof there, to: typeof there) => {
      for (;;) {
        const chunk = await from.read().catch(() => null);
        if (chunk === null) return to.close();
        for (let at = 0; at < chunk.length;) {
          at += await to.write(chunk.slice(at)).catch(() => chunk.length);
        }
      }
    };
    const relays = [relay(outer, there), relay(there, outer)];
    await Promise.all([near.opened, far.opened]);
    await near.ping();
    const noise = encode("debug: f was called\n");
    for (let at = 0; at < noise.length; at += cut) {
      await there.write(noise.slice(at, at + cut)).catch(() => {});
    }
    const { code, message } = await near.closed;
    assertEquals(code, "malformed");
    assertMatch(message, cut > 4 ? /"debug: f was called\\n"/ : /"debu/);
    far.abort();
    await Promise.all([far.closed, ...relays]);
  }
});

test("shownBytes() is short, and harmless on a terminal", () => {
  const all = Uint8Array.from({ length: 256 }, (_, n) => n);
  for (const bytes of [all, all.slice(0x20), all.slice(0x80), all.slice(9)]) {
    const text = shownBytes(bytes);
    assertMatch(text, /^[\x20-\x7e…]+$/);
    assertEquals(text.length < 300, true);
  }
  assertEquals(shownBytes(new Uint8Array([0, 1, 255])), "the bytes 00 01 ff");
});
