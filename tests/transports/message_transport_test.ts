/**
 * What goes over a channel of messages: in which parts, and when the peer is
 * told.
 */

import { assertEquals } from "@std/assert";
import { MessageTransport } from "../../transports/_message_transport.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** A transport, the lengths of what it sends, and what it tells. */
function tried(options: { isHeldBack?: boolean; isPrompt?: boolean }) {
  const sent: number[] = [];
  const told: number[] = [];
  const transport = new MessageTransport({
    address: { transport: "websocket", hostname: "127.0.0.1", port: 1 },
    isOpen: true,
    channel: {
      send: (bytes) => sent.push(bytes.length),
      tell: (units) => told.push(units),
      close() {},
    },
    ...options,
  });
  return { transport, sent, told };
}

/** Writes all of it, as a wire does. */
async function writeAll(transport: MessageTransport, length: number) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    at += await transport.write(bytes.subarray(at));
  }
}

const LENGTHS: readonly [length: number, heldBack: readonly number[]][] = [
  [1, [1]],
  [1024, [1024]],
  [1025, [1024, 1]],
  [3000, [1024, 1024, 952]],
  [65_535, [...new Array(63).fill(1024), 1023]],
  [65_536, [65_536]],
  [200_000, [200_000]],
];

test("write() sends parts of 1 KiB only where more is held back", async () => {
  for (const [length, parts] of LENGTHS) {
    for (const isHeldBack of [true, false]) {
      const { transport, sent } = tried({ isHeldBack });
      await writeAll(transport, length);
      assertEquals(sent, isHeldBack ? parts : [length]);
      transport.close();
    }
  }
});

test("read() tells of a part at once where nothing answers it", async () => {
  const { transport, told } = tried({ isPrompt: true });
  transport.received(new Uint8Array(1024));
  await transport.read();
  const next = transport.read();
  await settle();
  // One unit is kept for later.
  assertEquals(told, [1024 + 63]);
  transport.received(new Uint8Array(1024));
  await next;
  const last = transport.read();
  await settle();
  assertEquals(told, [1024 + 63, 1024 + 64]);
  transport.close();
  assertEquals(await last, null);
});

test("read() tells of no part that is answered, nor if nobody waits", async () => {
  const { transport, told, sent } = tried({ isPrompt: true });
  transport.received(new Uint8Array(1024));
  await transport.read();
  let next = transport.read();
  await transport.write(new Uint8Array(10));
  await settle();
  assertEquals([told, sent], [[], [10]]);
  // It is told of when more has come.
  transport.received(new Uint8Array(1024));
  await next;
  next = transport.read();
  await settle();
  assertEquals(told, [2 * (1024 + 64) - 1]);
  transport.close();
  await next;

  const other = tried({});
  other.transport.received(new Uint8Array(1024));
  await other.transport.read();
  const never = other.transport.read();
  await settle();
  assertEquals(other.told, []);
  other.transport.close();
  await never;
});

test("told() is answered, for the peer may hold back what comes next", async () => {
  for (const isPrompt of [true, false]) {
    const { transport, told } = tried({ isPrompt });
    await transport.write(new Uint8Array(1000));
    transport.received(new Uint8Array(1024));
    await transport.read();
    const next = transport.read();
    await settle();
    assertEquals(told, isPrompt ? [1024 + 63] : []);
    transport.told(1000);
    await settle();
    assertEquals(told, isPrompt ? [1024 + 63, 1] : []);
    transport.told(64);
    await settle();
    // There is nothing left to say.
    assertEquals(told.length, isPrompt ? 2 : 0);
    transport.close();
    await next;
  }
});
