/**
 * The graceful close: what it waits for, what it does not wait for, and what
 * becomes of it where the other end does not follow it.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type RemoteStream,
  type SocketLike,
  socketTransport,
  type Transport,
  type Wire,
  type WireOptions,
} from "../../wire/mod.ts";
import { Lifetime } from "../../wire/base/lifetime.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { GracefulClose } from "../../wire/session/handshake.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import {
  call,
  frame,
  framed,
  hello,
  Raw,
  RawPeer,
  send,
} from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { count, list } from "./_items.ts";
import { fate } from "./_keeping.ts";
import { anyPair } from "./_pair.ts";
import { slow } from "./_slow.ts";

/** Ways for a handshake to fail while its wire is being closed. */
const HANDSHAKES: Record<
  string,
  [
    WireOptions,
    (peer: RawPeer, clock: FakeClock) => Promise<void>,
    code: string,
  ]
> = {
  "the peer goes": [{}, (peer) => peer.end(), "connectionLost"],
  "the peer is a stranger": [
    {},
    (peer) => peer.say(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")),
    "notAWire",
  ],
  "the peer refuses": [
    {},
    (peer) =>
      peer.tell(hello(), { kind: "abort", code: "refused", message: "no" }),
    "refused",
  ],
  "the peer is busy": [
    {},
    (peer) =>
      peer.tell(hello(), { kind: "abort", code: "busy", message: "later" }),
    "busy",
  ],
  "the peer is refused": [
    { requireCredential: "secret" },
    (peer) => peer.tell(hello()),
    "refused",
  ],
  "the peer is not confirmed": [
    { confirm: () => false },
    (peer) => peer.tell(hello()),
    "refused",
  ],
  "the decision fails": [
    { confirm: () => Promise.reject(new Error("undecided")) },
    (peer) => peer.tell(hello()),
    "refused",
  ],
  "the peer talks nonsense": [
    {},
    (peer) => peer.say(frame(0xee, 1, 2)),
    "notAWire",
  ],
  "the peer says nothing": [
    { limits: { hello: 5_000 } },
    (_peer, clock) => clock.advance(5_000),
    "timeout",
  ],
  "it takes too long": [
    { limits: { close: 3_000 } },
    (_peer, clock) => clock.advance(3_000),
    "timeout",
  ],
};

for (const [how, [options, fail, code]] of Object.entries(HANDSHAKES)) {
  test(`close() during a handshake is over when ${how}`, async () => {
    const clock = new FakeClock();
    const errors: unknown[] = [];
    const peer = new RawPeer({
      clock,
      onError: (error) => errors.push(error),
      ...options,
    });
    const { wire } = peer;
    const waits = fate(wire.remoteValue.echo(1));
    const closing = [wire.close(), wire.close()].map(fate);
    await settle();
    assertEquals(wire.ended, undefined);
    await fail(peer, clock);
    await settle();
    assertEquals(wire.ended?.code, code);
    assertEquals(await waits, `${code} notSent`);
    const hearing = peer.hearOut();
    await peer.end();
    await clock.advance(3_000);
    await hearing;
    assertEquals(await Promise.all(closing), Array(2).fill("value undefined"));
    assertEquals(await fate(wire.close()), "value undefined");
    assertEquals(clock.timers, 0);
    await peer[Symbol.asyncDispose]();
  });
}

test("close() before the handshake lets it finish, and what waits leave", async () => {
  const heard: number[] = [];
  const gate = Promise.withResolvers<boolean>();
  const [near, far] = anyPair({}, { confirm: () => gate.promise });
  far.serve({
    note: (n: number) => void heard.push(n),
    echo: (n: number) => n,
  });
  near.remote.note(1);
  const answer = near.remoteValue.echo(2);
  const closing = near.close();
  assertEquals(await fate(near.remoteValue.echo(3)), "closed notSent");
  await settle();
  gate.resolve(true);
  assertEquals(await answer, 2);
  await closing;
  assertEquals(heard, [1]);
  assertEquals([near.ended?.code, far.ended?.code], ["closed", "closed"]);
});

test("close() waits for one-way calls and messages that wait for the peer", async () => {
  const gates: (() => void)[] = [];
  const heard: unknown[] = [];
  const [near, far] = anyPair({}, {
    limits: { window: 300 },
    functions: {
      note(n: number) {
        heard.push(n);
        return new Promise<void>((resolve) => gates.push(resolve));
      },
    },
  });
  await near.opened;
  const text = "x".repeat(200);
  for (let n = 0; n < 5; n++) near.remote.note(n, text);
  for (let n = 0; n < 5; n++) near.outputObject([n, text]);
  const closing = near.close();
  for (let round = 0; round < 40 && near.ended === undefined; round++) {
    await settle();
    gates.shift()?.();
    if (far.stats().inbox > 0) heard.push(await far.getObject());
  }
  await closing;
  assertEquals(heard.length, 10);
  assertEquals(near.ended?.code, "closed");
});

test("the peer's close waits for what this side still has to send", async () => {
  const gates: (() => void)[] = [];
  const heard: number[] = [];
  const [near, far] = anyPair({
    limits: { window: 300 },
    functions: {
      note(n: number) {
        heard.push(n);
        return new Promise<void>((resolve) => gates.push(resolve));
      },
    },
  });
  await far.opened;
  const text = "x".repeat(200);
  for (let n = 0; n < 5; n++) far.remote.note(n, text);
  const closing = near.close();
  for (let round = 0; round < 40 && near.ended === undefined; round++) {
    await settle();
    gates.shift()?.();
  }
  await closing;
  assertEquals(heard, [0, 1, 2, 3, 4]);
});

test("the peer's close waits for messages that it has no room for", async () => {
  const [near, far] = anyPair({ limits: { window: 300 } });
  await far.opened;
  for (let n = 0; n < 6; n++) far.outputObject([n, "x".repeat(200)]);
  const closing = near.close();
  for (let n = 0; n < 6; n++) {
    await settle();
    assertEquals((await near.getObject() as unknown[])[0], n);
  }
  await closing;
  assertEquals([near.ended?.code, far.ended?.code], ["closed", "closed"]);
});

test("the peer's close waits for streams that this side still takes", async () => {
  const gate = Promise.withResolvers<void>();
  const [near, far] = anyPair({
    functions: {
      async *slow() {
        yield 0;
        await gate.promise;
        yield* count(3);
      },
    },
  });
  const items = list(
    await far.remoteValue.slow() as unknown as AsyncIterable<number>,
  );
  await settle();
  const closing = near.close();
  await settle();
  assertEquals([near.ended, far.ended], [undefined, undefined]);
  gate.resolve();
  assertEquals(await items, [0, 0, 1, 2]);
  await closing;
});

test("a stream that comes while this side closes is cancelled", async () => {
  for (const kind of ["answer", "argument"]) {
    const gate = Promise.withResolvers<void>();
    let cancels = 0;
    const endless = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(1),
        cancel: () => void cancels++,
      }, { highWaterMark: 0 });
    const taken: AsyncIterable<unknown>[] = [];
    const take = async (stream: AsyncIterable<unknown>) => {
      taken.push(stream);
      await gate.promise;
    };
    const [near, far] = anyPair({ functions: { take } }, {
      functions: {
        async slow() {
          await gate.promise;
          return endless();
        },
      },
    });
    const answer = near.remoteValue.slow();
    await settle();
    const closing = near.close();
    if (kind === "argument") far.remoteValue.take(endless()).catch(() => {});
    await settle();
    gate.resolve();
    taken.push(await answer as AsyncIterable<unknown>);
    for (const stream of taken) {
      assertEquals(await fate(list(stream)), "closed undefined");
    }
    await closing;
    assertEquals([near.ended?.code, cancels], ["closed", taken.length]);
  }
});

test("close() does not wait for a call that waited for room, and was cancelled", async () => {
  const [here, there] = memoryTransports();
  let gate: Promise<void> | undefined;
  const near = makeWire(here);
  const far = makeWire({
    ...there,
    local: true,
    async write(bytes) {
      await gate;
      return await there.write(bytes);
    },
  }, {
    functions: { big: () => "x".repeat(30_000), small: () => 1 },
    limits: { sendPause: 8_192 },
  });
  await Promise.all([near.opened, far.opened]);
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  const big = near.remoteValue.big();
  await settle();
  const controller = new AbortController();
  const { signal } = controller;
  const small = fate(near.with({ signal }).remoteValue.small());
  await settle();
  assertEquals(far.stats().callsRunning, 1);
  const closing = near.close();
  await settle();
  controller.abort();
  await settle();
  resolve();
  gate = undefined;
  assertEquals([await small, (await big as string).length], [
    "cancelled maybeExecuted",
    30_000,
  ]);
  await closing;
  assertEquals([near.ended?.code, (await far.closed).code], [
    "closed",
    "closed",
  ]);
});

/** A graceful close by itself, and what it says. */
function closeAlone() {
  const said: string[] = [];
  const closing = new GracefulClose({
    clock: new FakeClock(),
    lifetime: new Lifetime(() => {}),
    limits: { close: 1_000 },
    output: {
      flush: () => Promise.resolve(),
      send: ({ kind }: Message) => said.push(kind),
    },
    messaging: {
      calls: { pending: 0 },
      serving: undefined,
      outbound: { waiting: 0, whenSettled: () => Promise.resolve() },
    },
    wantedStreams: 0,
    end() {},
  });
  return { closing, said };
}

test("nothing is said behind finish where both ends close at the same time", async () => {
  const own = closeAlone();
  const begun = own.closing.begin(Promise.resolve());
  own.closing.gotClose();
  await begun;
  await settle();
  assertEquals(own.said, ["close", "finish"]);
  const peers = closeAlone();
  peers.closing.gotClose();
  await peers.closing.begin(Promise.resolve());
  await settle();
  assertEquals(peers.said, ["finish"]);
});

test("a peer that closes and then says nothing is left in the end", async () => {
  const clock = new FakeClock();
  const peer = new RawPeer({
    clock,
    limits: { close: 4_000 },
    functions: { never: () => new Promise(() => {}) },
  });
  await peer.open();
  await peer.tell(call(0, "never"), { kind: "close" });
  await clock.advance(3_900);
  assertEquals(peer.wire.ended, undefined);
  await clock.advance(200);
  assertEquals(peer.wire.ended?.code, "timeout");
  assertEquals((await peer.hearAbort())?.code, "timeout");
  await peer[Symbol.asyncDispose]();
  assertEquals(clock.timers, 0);
});

test("nothing is said behind an abort, however much was to be said", async () => {
  const peer = new RawPeer({});
  await peer.open();
  // Behind what has not been read, close() still waits to say "close".
  peer.wire.remote.note(new Uint8Array(100_000));
  const closing = peer.wire.close();
  await settle();
  peer.wire.abort("enough");
  const kinds: string[] = [];
  for (;;) {
    const heard = await peer.hear("close", "finish", "abort");
    if (heard === undefined) break;
    kinds.push(heard.kind);
  }
  assertEquals(kinds.filter((kind) => kind !== "abort"), []);
  await closing;
  await peer[Symbol.asyncDispose]();
});

test("each side says close and finish once", async () => {
  for (const first of ["wire", "peer", "both"]) {
    const peer = new RawPeer({});
    await peer.open();
    const kinds: string[] = [];
    let closing = Promise.resolve();
    if (first !== "peer") closing = peer.wire.close();
    if (first !== "wire") await peer.tell({ kind: "close" });
    for (;;) {
      const heard = await peer.hear("close", "finish", "abort");
      if (heard === undefined) break;
      kinds.push(heard.kind);
      if (heard.kind === "close") await peer.tell({ kind: "finish" });
      if (heard.kind === "finish" && first === "peer") await peer.end();
    }
    await closing;
    const expected = {
      wire: ["close"],
      peer: ["finish"],
      both: ["close", "finish"],
    };
    assertEquals(
      kinds.toSorted(),
      expected[first as keyof typeof expected],
      first,
    );
    assertEquals(peer.wire.ended?.code, "closed");
    await peer[Symbol.asyncDispose]();
  }
});

test("finish out of turn, and a second close, end the wire", async () => {
  const kinds = [["finish"], ["close", "close"]] as const;
  for (const said of kinds) {
    await using peer = new RawPeer({
      functions: { never: () => new Promise(() => {}) },
    });
    await peer.open();
    await peer.tell(call(0, "never"));
    for (const kind of said) await peer.tell({ kind });
    assertEquals((await peer.hearAbort())?.code, "malformed", said.join());
  }
});

/** What a peer that has said `close` must not send. */
const LATE: Readonly<Record<string, () => Message>> = {
  "a plain call": () => call(1, "never"),
  "a call": () => call(1, "never", [1]),
  "a call over a limit": () => call(1, "never", [[[[1]]]]),
  "a plain one-way call": () => send("never"),
  "a one-way call": () => send("never", [1]),
  "a one-way call over a limit": () => send("never", [[[[1]]]]),
  "a message": () => ({ kind: "message", value: 1 }),
  "a message over a limit": () => ({ kind: "message", value: [[[[1]]]] }),
};

for (const [what, make] of Object.entries(LATE)) {
  test(`${what} behind the peer's close ends the wire`, async () => {
    let served = 0;
    await using peer = new RawPeer({
      limits: { nesting: 3 },
      functions: { never: () => ++served && new Promise(() => {}) },
    });
    await peer.open();
    await peer.tell(call(0, "never"), { kind: "close" }, make());
    const abort = await peer.hearAbort();
    assertEquals(abort?.code, "malformed");
    assert(abort!.message.includes("close"), abort!.message);
    assertEquals(served, 1);
  });
}

/** What may come of a peer that has said `finish`, and what must not. */
const LAST: readonly [Message, mayCome: boolean][] = [
  [{ kind: "ping", token: 7 }, true],
  [{ kind: "pong", token: 7 }, true],
  [{ kind: "credit", channel: "sends", amount: 69 }, true],
  [{ kind: "streamEnd", id: 0 }, true],
  [{ kind: "streamError", id: 0, thrown: { a: 1 } }, true],
  [{ kind: "streamError", id: 0, thrown: "x".repeat(70_000) }, true],
  [{ kind: "streamFail", id: 0, code: "cancelled", message: "" }, true],
  [{ kind: "return", id: 0, value: 1 }, false],
  [{ kind: "return", id: 0, value: "x".repeat(70_000) }, false],
  [{ kind: "returnValues", id: 0, values: [] }, false],
  [{ kind: "throw", id: 0, thrown: 1 }, false],
  [{ kind: "fail", id: 0, code: "limit", message: "" }, false],
  [{ kind: "cancel", id: 0 }, false],
  [{ kind: "streamValue", id: 0, value: 1 }, false],
  [{ kind: "streamCredit", id: 0, amount: 1 }, false],
  [{ kind: "accept" }, false],
  [{ kind: "finish" }, false],
  [send("f"), false],
  [call(1), false],
  [{ kind: "message", value: 1 }, false],
];

/** A message in two pieces, without the definitions of its own. */
function inPieces(message: Message): Uint8Array<ArrayBuffer>[] {
  const body = [...framed(message).subarray(4)];
  const size = [body.length & 127 | 128, body.length >> 7 & 127 | 128, 4];
  return [
    frame(5, 0, 0, ...size, ...body.slice(0, 40_000)),
    frame(5, 0, 0, ...body.slice(40_000)),
  ];
}

for (const [message, mayCome] of LAST) {
  const size = JSON.stringify(message).length > 60_000 ? "large " : "";
  test(`a ${size}${message.kind} behind the peer's finish ${mayCome ? "may come" : "ends the wire"}`, async () => {
    await using peer = new RawPeer({
      functions: { take: (stream: RemoteStream<unknown>) => stream.cancel() },
    });
    await peer.open();
    // Something that lasts: a call without an answer, a stream without an end.
    const { wire } = peer;
    const waits = fate(wire.remoteValue.echo!(1));
    wire.remote.note!(1);
    const stream = new Raw({ as: "stream", id: 0 });
    await peer.tell(send("take", stream));
    await peer.hear("streamCancel");
    const closing = fate(wire.close());
    await peer.hear("close");
    await peer.tell({ kind: "finish" });
    if (size === "") await peer.tell(message);
    else for (const each of inPieces(message)) await peer.say(each);
    if (mayCome) {
      await peer.tell({ kind: "ping", token: 9 });
      const pongs = message.kind === "ping" ? 2 : 1;
      for (let n = 0; n < pongs; n++) assert(await peer.hear("pong"));
      assertEquals(wire.ended, undefined);
      await peer.tell({ kind: "abort", code: "aborted", message: "" });
    } else {
      const abort = await peer.hearAbort();
      assertEquals(abort?.code, "malformed");
      assert(abort!.message.includes("finish"), abort!.message);
    }
    await peer.end();
    await Promise.all([waits, closing]);
  });
}

test("close() is over when the peer's process dies meanwhile", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const near: Wire = makeWire(here, { clock, onError() {} });
  const far = makeWire(there, {
    onError() {},
    functions: { never: () => new Promise(() => {}) },
  });
  await near.opened;
  const waits = fate(near.remoteValue.never());
  const closing = fate(near.close());
  await settle();
  assertEquals(near.ended, undefined);
  there.close();
  await settle();
  assertEquals(await waits, "connectionLost maybeExecuted");
  assertEquals(await closing, "value undefined");
  assert(near.ended !== undefined);
  await far.closed;
  assertEquals(clock.timers, 0);
});

for (const side of ["caller", "callee"]) {
  test(`close() of the ${side} does not overtake a large call, nor its answer`, async () => {
    const [near, far] = anyPair({}, {
      limits: { frame: 1_024 },
      functions: { echo: (x: unknown) => x },
    });
    await near.opened;
    const text = "x".repeat(1_000_000);
    const answer = near.remoteValue.echo(text);
    const closing = side === "caller" ? near.close() : far.close();
    assertEquals(await answer === text, true);
    await closing;
    for (const wire of [near, far]) {
      assertEquals((await wire.closed).code, "closed");
    }
  });
}

test("close() is told while there is always an answer to be sent", async () => {
  const [here, there] = memoryTransports();
  const bytes = new Uint8Array(5_000);
  const far = makeWire(slow(there, 1_500), {
    functions: { get: () => bytes },
  });
  const near = makeWire(here);
  let count = 0;
  let isTold = false;
  near.onClosing(() => isTold = true);
  const asking = Array.from({ length: 8 }, async () => {
    for (; !isTold && count < 1_000; count++) await near.remoteValue.get();
  });
  while (count < 100) await settle();
  await Promise.all([far.forceOutput(), far.close(), ...asking]);
  assert(count < 200, `It was told after ${count} calls.`);
  assertEquals((await near.closed).code, "closed");
});

test("a peer that is done, and goes, has closed its wire", async () => {
  const gate = Promise.withResolvers<void>();
  await using peer = new RawPeer({ functions: { wait: () => gate.promise } });
  await peer.open();
  await peer.tell(send("wait"));
  const closing = peer.wire.close();
  await peer.hear("close");
  await peer.tell({ kind: "finish" });
  assertEquals(peer.wire.ended, undefined);
  await peer.end();
  await peer.hearOut();
  await closing;
  assertEquals((await peer.wire.closed).code, "closed");
  gate.resolve();
});

test("nothing is served behind what ended the wire, in one chunk", async () => {
  const served: string[] = [];
  const peer: RawPeer = new RawPeer({
    functions: {
      stop() {
        served.push("stop");
        peer.wire.abort();
      },
      next: () => void served.push("next"),
    },
  });
  await peer.open();
  await peer.tell(send("stop"), send("next"), call(0, "next"));
  await peer.hearOut();
  assertEquals(served, ["stop"]);
  await peer[Symbol.asyncDispose]();
});

test("a wire that both ends close says that it is done before it goes", async () => {
  await using peer = new RawPeer();
  await peer.open();
  const closing = peer.wire.close();
  await peer.hear("close");
  await peer.tell({ kind: "close" }, { kind: "finish" });
  assertEquals((await peer.hear("finish"))?.kind, "finish");
  await peer.end();
  await peer.hearOut();
  await closing;
});

/** A socket over a transport, which notes how it comes to its end. */
function noting(transport: Transport, ends: string[]): SocketLike {
  let rest = new Uint8Array();
  return {
    async read(buffer) {
      if (ends.includes("close")) ends.push("read");
      if (rest.length === 0) {
        const chunk = await transport.read();
        if (chunk === null) return null;
        rest = chunk.slice();
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    write: (bytes) => transport.write(bytes as Uint8Array<ArrayBuffer>),
    async closeWrite() {
      ends.push("closeWrite");
      await transport.closeWrite();
    },
    close() {
      ends.push("close");
      transport.close();
    },
  };
}

for (
  const [transport, ends] of [
    ["tcp", ["close"]],
    ["tls", ["closeWrite", "close"]],
  ] as const
) {
  test(`a ${transport} socket is closed without ado once both ends are done`, async () => {
    const [here, there] = memoryTransports();
    const address = { transport, hostname: "127.0.0.1", port: 1 };
    const nearEnds: string[] = [];
    const near = makeWire(
      socketTransport(noting(here, nearEnds), address),
    );
    const farEnds: string[] = [];
    const far = makeWire(socketTransport(noting(there, farEnds), address));
    far.serve({ add: (a: number, b: number) => a + b });
    assertEquals(await near.call("add", [1, 2]), 3);
    await near.close();
    assertEquals((await far.closed).code, "closed");
    assertEquals(nearEnds, [...ends]);
    assertEquals(farEnds.at(-1), "close");
  });
}

test("a socket is shut down first where the peer has not finished", async () => {
  const [here, there] = memoryTransports();
  const ends: string[] = [];
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const near = makeWire(socketTransport(noting(here, ends), address));
  const far = makeWire(there);
  await near.opened;
  near.abort();
  assertEquals((await far.closed).code, "peerAborted");
  await near.closed;
  assertEquals(ends, ["closeWrite", "close"]);
});
