/**
 * Where output waits its turn: order, the peer's window and number of calls,
 * and what is undone when something never leaves.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Backlog } from "../../wire/flow/byte_output.ts";
import type { Body, MessageOutput } from "../../wire/flow/output.ts";
import { SendQueue } from "../../wire/flow/windows.ts";
import { makeWire, memoryTransports } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { count } from "./_items.ts";
import { fate } from "./_keeping.ts";
import { countedSignal } from "./_listeners.ts";
import { slow } from "./_slow.ts";
import { anyPair } from "./_pair.ts";

/** Two ends, the near one over a connection that takes little at a time. */
function slowPair(functions: object, limits = {}) {
  const [here, there] = memoryTransports();
  const near = makeWire(slow(here, 1_500), { onError() {} });
  const far = makeWire(there, {
    limits,
    onError() {},
    functions: functions as Record<string, (...args: never[]) => unknown>,
  });
  return [near, far] as const;
}

test("nothing overtakes a large one-way call, nor a large message", async () => {
  const heard: unknown[] = [];
  const [near, far] = slowPair({
    note: (what: unknown, n: number) =>
      void heard.push(what instanceof Uint8Array ? `large ${n}` : n),
    last: () => void heard.push("last"),
  }, { frame: 1_024 });
  await near.opened;
  for (let n = 0; n < 6; n++) {
    near.remote.note(n % 2 === 0 ? new Uint8Array(20_000) : "small", n);
    near.outputObject(n % 2 === 0 ? new Uint8Array(20_000 + n) : n);
  }
  await near.remoteValue.last();
  assertEquals(heard, ["large 0", 1, "large 2", 3, "large 4", 5, "last"]);
  const messages: unknown[] = [];
  for (let n = 0; n < 6; n++) messages.push(await far.getObject());
  assertEquals(
    messages.map((one) =>
      one instanceof Uint8Array ? one.length - 20_000 : one
    ),
    [0, 1, 2, 3, 4, 5],
  );
  await near.close();
});

test("small calls overtake a large one, and their answers come first", async () => {
  const [near, far] = slowPair({
    echo: (x: unknown) => x,
    size: (x: Uint8Array) => x.length,
  }, { frame: 1_024 });
  await near.opened;
  let isLargeThere = false;
  const large = near.remoteValue.size(new Uint8Array(3_000_000))
    .then(() => isLargeThere = true);
  for (let n = 0; n < 5; n++) await near.remoteValue.echo(n);
  assertEquals(isLargeThere, false);
  await large;
  await near.close();
  await far.closed;
});

test("a call does not overtake one-way calls, however they wait", async () => {
  for (const size of [10, 5_000]) {
    const gates: (() => void)[] = [];
    const heard: string[] = [];
    const [near, far] = anyPair({}, {
      limits: { window: 300, frame: 1_024 },
      functions: {
        note() {
          heard.push("note");
          return new Promise<void>((resolve) => gates.push(resolve));
        },
        call: (name: string) => void heard.push(name),
      },
    });
    await near.opened;
    const bytes = new Uint8Array(size);
    for (let n = 0; n < 10; n++) near.remote.note(bytes);
    const one = near.remoteValue.call("one");
    near.remote.note(bytes);
    const two = near.remoteValue.call("two");
    for (let turn = 0; turn < 60; turn++) {
      await settle();
      gates.shift()?.();
    }
    await Promise.all([one, two]);
    assertEquals(heard.indexOf("one"), 10, `${size}: ${heard}`);
    assertEquals(heard.indexOf("two"), 12, `${size}: ${heard}`);
    near.abort();
    await far.closed;
  }
});

/** Ways for what waits never to leave. */
const NEVER: Record<
  string,
  (controller: AbortController, near: { abort(): void }) => void
> = {
  "given up": (controller) => controller.abort(),
  "gone with its wire": (_controller, near) => near.abort(),
};

for (const [how, give] of Object.entries(NEVER)) {
  for (const kind of ["call", "send", "message"] as const) {
    if (kind === "message" && how === "given up") continue;
    test(`what waits with a ${kind} is undone when it is ${how}`, async () => {
      let stopped = 0;
      const held = () => {};
      async function* items() {
        try {
          yield* count(3);
        } finally {
          stopped++;
        }
      }
      const [near, far] = anyPair({ onError() {} }, {
        onError() {},
        limits: { calls: 1, window: 1 },
        functions: { never: () => new Promise(() => {}), note() {} },
      });
      await near.opened;
      const { controller, signal } = countedSignal();
      const options = near.with({ signal });
      if (kind === "call") near.remoteValue.never().catch(() => {});
      else if (kind === "send") await near.remote.never("x");
      else await near.outputObject("x");
      await settle();
      const waits = kind === "call"
        ? options.remoteValue.note(held, items())
        : kind === "send"
        ? options.remote.note(held, items())
        : near.outputObject([held, items()]);
      const told = fate(waits);
      assertEquals(near.stats().objectsExported, 1);
      assertEquals(near.stats().streamsSending, 1);
      give(controller, near);
      const code = how === "given up" ? "cancelled" : "aborted";
      assertEquals(await told, `${code} notSent`);
      await settle();
      assertEquals(near.stats().objectsExported, 0);
      assertEquals(near.stats().streamsSending, 0);
      // It never ran: there was nothing for its `finally` to do.
      assertEquals(stopped, 0);
      near.abort();
      await Promise.all([near.closed, far.closed]);
    });
  }
}

test("what is too large for the peer fails alone, and what is behind it leaves", async () => {
  const heard: unknown[] = [];
  const [near] = anyPair({ onError() {} }, {
    limits: { message: 4_096 },
    functions: { note: (x: { length: number }) => void heard.push(x.length) },
  });
  // Before the peer has told its limits, all of these may be sent.
  const fates = [10, 5_000, 20, 6_000, 30].map((size) =>
    fate(near.remote.note(new Uint8Array(size)))
  );
  assertEquals(
    (await Promise.all(fates)).map((one) => one.split(" ")[0]),
    ["value", "limit", "value", "limit", "value"],
  );
  await near.close();
  assertEquals(heard, [10, 20, 30]);
});

test("no more calls are under way than the peer serves, window or not", async () => {
  let running = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({}, {
    limits: { calls: 3, window: 1, message: 4_096 },
    functions: {
      async run() {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => gates.push(resolve));
        running--;
      },
    },
  });
  await near.opened;
  const calls = Array.from(
    { length: 20 },
    (_, n) => near.remoteValue.run(n, "x".repeat(n % 2 === 0 ? 10 : 1_500)),
  );
  for (let turn = 0; turn < 40; turn++) {
    await settle();
    gates.shift()?.();
  }
  await Promise.all(calls);
  assertEquals(most, 3);
  assertEquals(far.ended, undefined);
  await near.close();
});

test("a raw peer sees its window kept to the byte", async () => {
  await using peer = new RawPeer({});
  await peer.open({ window: 1_000 });
  let sent = 0;
  for (let n = 0; n < 50; n++) peer.wire.remote.note("x".repeat(40 + n));
  const hear = async () => {
    await settle();
    await peer.tell({ kind: "ping", token: 3 });
    for (;;) {
      const heard = await peer.hear("send", "pong");
      if (heard?.kind !== "send") return;
      assert(sent < 1_000, `${sent} are under way already`);
      const [text] = heard.args as string[];
      // A kind, flags, the name, a count, a tag (long texts have a length).
      sent += 64 + text!.length + (text!.length < 64 ? 5 : 6);
    }
  };
  await hear();
  assert(sent >= 900, `${sent} left`);
  for (let turn = 0; turn < 3; turn++) {
    await peer.tell({ kind: "credit", channel: "sends", amount: 500 });
    sent -= 500;
    await hear();
    assert(sent >= 800, `${sent} left`);
  }
});

/**
 * A queue in front of an output that a test makes up. What is sent are
 * messages of so many bytes, whose attachments tell when they are undone.
 */
function queueBefore(message: number, sendMost = 10_000) {
  const sent: number[] = [];
  const undone: number[] = [];
  const output = {
    hasRoom: true,
    waiting: 0,
    backlog: new Backlog({ sendPause: 1, sendMost }),
    encoder: { limits: { message } },
    encode: ({ value }: Message & { kind: "message" }) => {
      const size = value as number;
      const attachments = {
        admit: () => undefined,
        sent() {},
        undo: () => undone.push(size),
      };
      return { size, bytes: new Uint8Array(size), attachments };
    },
    // It has a position once all of it has left.
    sendBody: ({ size }: Body) => sent.push(size),
  };
  const queue = new SendQueue(
    output as unknown as MessageOutput,
    true,
    undefined,
  );
  const told: [size: number, failure: string][] = [];
  const put = (size: number) =>
    queue.enqueue({ kind: "message", value: size }, {
      position: Infinity,
      onSettled: (failure) => told.push([size, failure?.message ?? ""]),
    });
  return { queue, sent, undone, told, put };
}

test("SendQueue.drain() lets out what the peer takes, and undoes the rest", () => {
  const { queue, sent, undone, told, put } = queueBefore(100);
  for (const size of [101, 100, 50]) put(size);
  queue.window = 1_000;
  queue.drain();
  // The second one is large here: nothing overtakes it.
  assertEquals([sent, undone], [[100], [101]]);
  assertEquals(told.map(([size]) => size), [101]);
  queue.largeSent();
  assertEquals([sent, queue.waiting], [[100, 50], 0]);
});

test("SendQueue.withdraw() keeps the order of what still waits", async () => {
  const { queue, sent, undone, put } = queueBefore(1_000, 1_000_000);
  const all = Array.from({ length: 500 }, (_, n) => put(n + 1)!);
  const settled = queue.whenSettled().then(() => sent.push(0));
  const left: number[] = [];
  for (const [n, each] of all.entries()) {
    if (n % 50 === 7) left.push(n + 1);
    else queue.withdraw(each);
  }
  assertEquals([queue.waiting, undone.length], [10, 490]);
  queue.window = 1_000_000;
  queue.drain();
  for (let n = 0; n < 10; n++) queue.largeSent();
  assertEquals([sent, queue.waiting], [left, 0]);
  await settled;
  assertEquals(sent.at(-1), 0);
});

test("SendQueue.clear() undoes what waits, and tells why", () => {
  const { queue, undone, told, put } = queueBefore(100);
  for (const size of [10, 20]) put(size);
  queue.clear(new Error("the end"));
  assertEquals([undone, queue.waiting], [[10, 20], 0]);
  assertEquals(told, [[10, "the end"], [20, "the end"]]);
});

test("SendQueue.enqueue() undoes what finds no room to wait", () => {
  const { queue, undone, put } = queueBefore(5_000, 3_000);
  put(1_000);
  assertThrows(() => put(1_500), Error, "sendMost");
  assertEquals([undone, queue.waiting], [[1_500], 1]);
});
