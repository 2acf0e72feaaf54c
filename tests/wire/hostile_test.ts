/**
 * Peers that break the protocol: a typed error ends their wire, or fails their
 * call, and nothing else notices.
 */

import { assert, assertEquals } from "@std/assert";
import { type CallContext, wirePair } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { call, frame, framed, hello, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";

const text = (text: string) => new TextEncoder().encode(text);

/** A hello whose list of limits has only so many. */
function helloOf(count: number): Uint8Array<ArrayBuffer> {
  const limits = [128, 128, 1, 128, 128, 4, 128, 128, 128, 2, 64, 128, 128, 16];
  return frame(1, 87, 73, 82, 69, 1, 0, count, ...limits.slice(0, count), 0, 0);
}

/**
 * What may come instead of a hello, and the code that ends the wire. What
 * begins as a hello is told why; all else is left without a word.
 */
const NO_HELLOS: [string, Uint8Array<ArrayBuffer>, string][] = [
  ["HTTP", text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "notAWire"],
  ["TLS", new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), "notAWire"],
  ["CMUCL", new Uint8Array([9, 0, 0, 0, 3, 67, 65, 82]), "notAWire"],
  ["a length of zero", new Uint8Array(4), "notAWire"],
  ["a length over 16 KiB", frame(...new Uint8Array(17_000)), "notAWire"],
  ["a wrong magic", frame(1, 87, 73, 82, 33, 1), "notAWire"],
  ["a magic that is cut", frame(1, 87, 73, 82), "notAWire"],
  ["a hello that is cut", frame(1, 87, 73, 82, 69), "malformed"],
  ["a hello without limits", helloOf(0), "malformed"],
  ["a hello with a few limits", helloOf(3), "malformed"],
  ["an accept", framed({ kind: "accept" }), "notAWire"],
  ["a call", framed(call(0)), "notAWire"],
  [
    "another version",
    framed({ ...hello() as object, version: 9 } as Message),
    "unsupportedVersion",
  ],
  ["a frame limit of 0", framed(hello({ frame: 0 })), "malformed"],
  ["no calls at all", framed(hello({ calls: 0 })), "malformed"],
  ["tables too large", framed(hello({ tableEntries: 1_025 })), "malformed"],
];

for (const [what, bytes, code] of NO_HELLOS) {
  test(`makeWire() ends with ${code} on ${what} in place of a hello`, async () => {
    await using peer = new RawPeer();
    const hearing = peer.hearAbort();
    await peer.say(bytes);
    const reason = await peer.wire.closed;
    assertEquals(reason.code, code);
    assertEquals((await hearing)?.code, code === "notAWire" ? undefined : code);
  });
}

test("a malformed hello is answered, and no hello with a secret is shown", async () => {
  const secrets = { credential: "mine", requireCredential: "yours" };
  await using peer = new RawPeer(secrets, { peerFirst: true });
  const hearing = peer.hear("hello", "abort");
  await peer.tell(hello({ nesting: 0 }));
  const heard = await hearing;
  const abort = heard?.kind === "abort" ? heard : undefined;
  assertEquals(abort?.code, "malformed");
  assert(abort?.message.includes('"nesting"'), abort?.message);
});

test("makeWire() ends with connectionLost when no hello comes", async () => {
  await using peer = new RawPeer();
  const hearing = peer.hearOut();
  await peer.end();
  assertEquals((await peer.wire.closed).code, "connectionLost");
  await hearing;
});

/** What no peer may say once a wire is open. */
const VIOLATIONS: [string, Uint8Array<ArrayBuffer>][] = [
  ["an unknown kind", frame(0x7f)],
  ["a frame of no bytes", new Uint8Array(4)],
  ["a frame over the limit", new Uint8Array([0, 1, 0, 65])],
  ["a value that is cut", frame(0x10, 0xca, 0)],
  [
    "a float of a list that is cut",
    frame(0x10, 0xa1, 0xca, 0, 0, 0, 0, 0, 0, 0),
  ],
  ["a value with trailing bytes", frame(0x10, 1, 2)],
  ["an unknown tag", frame(0x10, 0xdf)],
  ["a list of 2^32 - 1 values", frame(0x10, 0xd1, 255, 255, 255, 255, 15)],
  ["a map of 2^32 - 1 entries", frame(0x10, 0xd4, 255, 255, 255, 255, 15)],
  ["a text of 2^32 - 1 bytes", frame(0x10, 0xcd, 255, 255, 255, 255, 15)],
  ["a text that is not UTF-8", frame(0x10, 0x82, 0xc3, 0x28)],
  ["an undefined key set", frame(0x10, 0xb0)],
  ["an undefined name", frame(0x11, 0, 1, 0)],
  ["a second hello", framed(hello())],
  ["a second accept", framed({ kind: "accept" })],
  ["an answer to no call", framed({ kind: "return", id: 0, value: 1 })],
  [
    "a failure of no call",
    framed({ kind: "fail", id: 9, code: "", message: "" }),
  ],
  ["a finish out of turn", framed({ kind: "finish" })],
  ["two closes", framed(call(0, "wait"), { kind: "close" }, { kind: "close" })],
  ["no name of a batch", frame(0x19, 0, 1, 1)],
  ["a batch in pieces", frame(5, 0, 0, 4, 0x19, 1, 1, 1)],
  ["an id in use", framed(call(3, "wait"), call(3, "wait"))],
  [
    "credit for nothing",
    framed({ kind: "credit", channel: "sends", amount: 1 }),
  ],
  ["flags that do not exist", frame(0x12, 0, 8, 0, 1, 65, 0)],
  [
    "too many calls",
    framed(...Array.from({ length: 6 }, (_, id) => call(id, "wait"))),
  ],
  [
    "too many cancels",
    framed(
      ...Array.from({ length: 8 }, (): Message => ({ kind: "cancel", id: 1 })),
    ),
  ],
];

for (const [what, bytes] of VIOLATIONS) {
  test(`Wire ends with malformed on ${what}, and no other wire notices`, async () => {
    const [near, far] = wirePair();
    far.serve({ echo: (x: unknown) => x });
    await using peer = new RawPeer({
      limits: { calls: 5, cancels: 5 },
      functions: { wait: () => new Promise(() => {}) },
    });
    await peer.open();
    const hearing = peer.hearAbort();
    await peer.say(bytes);
    assertEquals((await peer.wire.closed).code, "malformed");
    assertEquals((await hearing)?.code, "malformed");
    assertEquals(await near.remoteValue.echo("alive"), "alive");
    await near.close();
  });

  test(`Wire does the same when the bytes of ${what} come one by one`, async () => {
    await using peer = new RawPeer({
      limits: { calls: 5, cancels: 5 },
      functions: { wait: () => new Promise(() => {}) },
    });
    await peer.open();
    const hearing = peer.hearOut();
    for (const byte of bytes) {
      if (peer.wire.ended !== undefined) break;
      await peer.say(new Uint8Array([byte]));
    }
    assertEquals((await peer.wire.closed).code, "malformed");
    await hearing;
  });
}

test("Wire ignores cancels that come more often than it takes them", async () => {
  const aborted: number[] = [];
  await using peer = new RawPeer({
    limits: { cancels: 3 },
    functions: {
      wait(this: CallContext, id: number) {
        this.signal.addEventListener("abort", () => aborted.push(id));
        return new Promise(() => {});
      },
      add: (a: number, b: number) => a + b,
    },
  });
  await peer.open();
  const ids = [1, 2, 3, 4, 5];
  // As after a network has stood still for a while.
  await peer.say(framed(
    ...ids.map((id) => call(id, "wait", id)),
    ...ids.map((id): Message => ({ kind: "cancel", id })),
    call(6, "add", 40, 2),
  ));
  assertEquals((await peer.hear("return"))?.id, 6);
  assertEquals(aborted, [1, 2, 3]);
  assertEquals(peer.wire.ended, undefined);
  peer.wire.abort();
});

test("Wire takes calls whose bytes are split at every offset", async () => {
  await using peer = new RawPeer({
    functions: { echo: (x: unknown) => x },
  });
  await peer.open();
  const whole = framed(call(1, "echo", { a: [1, "two", { b: null }] }));
  // Each copy defines its own names again, so the tables are emptied first.
  const bytes = new Uint8Array([0, 0, 0, 1, 4, ...whole]);
  for (let offset = 0; offset <= bytes.length; offset++) {
    await peer.say(bytes.slice(0, offset));
    await peer.say(bytes.slice(offset));
    const answer = await peer.hear("return");
    assertEquals(answer?.value, { a: [1, "two", { b: null }] });
  }
  assertEquals(peer.wire.ended, undefined);
});

test("Wire ends with connectionLost when the stream ends in a frame", async () => {
  const bytes = framed(call(1, "echo", "x"));
  for (let offset = 1; offset < 5; offset++) {
    await using peer = new RawPeer();
    await peer.open();
    const hearing = peer.hearOut();
    await peer.say(bytes.slice(0, offset));
    await peer.end();
    assertEquals((await peer.wire.closed).code, "connectionLost");
    await hearing;
  }
});

/** Lists in lists, beyond the limit of 64. */
function nested(depth: number): number[] {
  return [...new Array(depth).fill(0xa1), 0xa0];
}

test("Wire fails a call over its limits, and goes on", async () => {
  await using peer = new RawPeer({
    limits: { values: 10, bigint: 4, message: 4096 },
    functions: { echo: (x: unknown) => x },
  });
  await peer.open();
  const name = [0, 4, ...text("echo")];
  const bodies = [
    [0x12, 1, 0, ...name, 1, ...nested(64)],
    [0x12, 1, 0, ...name, 1, 0xab, ...new Uint8Array(11)],
    [0x12, 1, 0, ...name, 1, 0xcb, 5, 1, 2, 3, 4, 5],
  ];
  for (const body of bodies) {
    await peer.say(frame(...body));
    const failure = await peer.hear("fail");
    assertEquals([failure?.id, failure?.code], [1, "limit"]);
  }
  await peer.say(frame(0x12, 2, 0, ...name, 1, 7));
  assertEquals((await peer.hear("return"))?.value, 7);
});

test("Wire reports one-way calls and messages over its limits", async () => {
  const reports: string[] = [];
  await using peer = new RawPeer({
    limits: { values: 10 },
    onError: (error, where) => reports.push(`${where}: ${error}`),
  });
  await peer.open();
  const list = [0xab, ...new Uint8Array(11)];
  await peer.say(frame(0x11, 0, 0, 4, ...text("echo"), 1, ...list));
  await peer.say(frame(0x10, ...list));
  await peer.say(frame(0x10, 5));
  const failed = await peer.wire.getObject().catch((error) => error.code);
  assertEquals(failed, "limit");
  assertEquals(await peer.wire.getObject(), 5);
  assertEquals(reports.length, 1);
  assert(reports[0]!.includes('one-way call of "echo"'));
});

test("Wire ends when one-way calls exceed their window", async () => {
  await using peer = new RawPeer({
    limits: { window: 1000, calls: 1 },
    functions: { wait: () => new Promise(() => {}) },
  });
  await peer.open();
  const hearing = peer.hearOut();
  const sends = Array.from({ length: 16 }, () => send("wait"));
  await peer.tell(...sends);
  assertEquals((await peer.wire.closed).code, "malformed");
  await hearing;
});

test("Wire ends when messages nobody takes exceed their window", async () => {
  await using peer = new RawPeer({ limits: { window: 1000 } });
  await peer.open();
  const hearing = peer.hearOut();
  for (let n = 0; n < 17; n++) await peer.tell({ kind: "message", value: n });
  assertEquals((await peer.wire.closed).code, "malformed");
  await hearing;
  for (let n = 0; n < 16; n++) assertEquals(await peer.wire.getObject(), n);
});

test("Wire says no before its peer is accepted", async () => {
  const decision = Promise.withResolvers<boolean>();
  await using peer = new RawPeer({ confirm: () => decision.promise });
  const hearing = peer.hearAbort();
  await peer.tell(hello(), { kind: "accept" }, call(0));
  assertEquals((await peer.wire.closed).code, "malformed");
  assertEquals((await hearing)?.code, "malformed");
  decision.resolve(true);
});

test("Wire refuses a wrong credential", async () => {
  await using peer = new RawPeer({ requireCredential: "open sesame" });
  const hearing = peer.hearAbort();
  await peer.tell({ ...hello(), credential: "open sesam" } as Message);
  assertEquals((await peer.wire.closed).code, "refused");
  assertEquals((await hearing)?.code, "refused");
});
