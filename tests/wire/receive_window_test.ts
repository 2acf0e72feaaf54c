/**
 * Windows for one-way calls and messages: what came is given credit for once,
 * whatever became of it.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Message } from "../../wire/codec/messages.ts";
import { Lifetime } from "../../wire/base/lifetime.ts";
import { ReceiveWindow } from "../../wire/flow/windows.ts";
import type { MessageOutput } from "../../wire/flow/output.ts";
import { WireError, type WireOptions } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { Raw, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { CountingPeer } from "./_credit.ts";

const WINDOW = 2_000;
/** Lists within lists, deeper than the wires of these tests take. */
const DEEP = [[[[[["deep"]]]]]];

const FUNCTIONS = {
  fine: () => {},
  throws() {
    throw new Error("It was to fail.");
  },
  rejects: () => Promise.reject(new Error("It was to fail later.")),
  later: () => Promise.resolve(),
};

/** Ways of a one-way call to come to its end. */
const ENDS: Record<
  string,
  (peer: CountingPeer) => Promise<void>
> = {
  "run": (peer) => peer.spend(send("fine", "x")),
  "run, plain": (peer) => peer.spendPlain("fine", 1),
  "run, asynchronous": (peer) => peer.spend(send("later", "x")),
  "run, asynchronous, plain": (peer) => peer.spendPlain("later", 1),
  "thrown": (peer) => peer.spend(send("throws", "x")),
  "thrown, plain": (peer) => peer.spendPlain("throws", 1),
  "thrown, with a deadline": (peer) =>
    peer.spend({ ...send("throws", "x"), deadline: 1_000 } as Message),
  "rejected": (peer) => peer.spend(send("rejects", "x")),
  "rejected, plain": (peer) => peer.spendPlain("rejects", 1),
  "unknown": (peer) => peer.spend(send("missing", "x")),
  "unknown, plain": (peer) => peer.spendPlain("missing", 1),
  "over a limit": (peer) => peer.spend(send("fine", DEEP)),
  "over a limit, and unknown": (peer) => peer.spend(send("missing", DEEP)),
  "with a result that there is not": (peer) =>
    peer.spend(send("fine", new Raw({ as: "result", id: 3 }))),
  "late": (peer) =>
    peer.spend({ ...send("later", "x"), deadline: 1 } as Message),
};

/** Sends four windows' worth; the wire must give credit for all of it, once. */
async function fourWindows(
  peer: CountingPeer,
  channel: "sends" | "messages",
  one: () => Promise<void>,
): Promise<void> {
  await peer.open();
  for (let round = 0; peer.spent < 4 * WINDOW; round++) {
    await one();
    await peer.collect(channel);
    assertEquals(peer.wire.ended, undefined, `after ${round}`);
    const open = peer.spent - peer.told;
    assert(open >= 0, `${-open} too much after ${round}`);
    assert(open < WINDOW / 4, `${open} were not told after ${round}`);
  }
}

for (const [how, one] of Object.entries(ENDS)) {
  test(`ReceiveWindow gives credit once for a one-way call that was ${how}`, async () => {
    await using peer = new CountingPeer({
      limits: { window: WINDOW, nesting: 4 },
      functions: FUNCTIONS,
    });
    await fourWindows(peer, "sends", () => one(peer));
  });
}

const REFUSING: WireOptions[] = [
  {
    serveThrough: [() => {
      throw new Error("Nobody is let through.");
    }],
  },
  {
    serveThrough: [() => Promise.reject(new Error("Nor later."))],
  },
  { serveThrough: [(_call, next) => next()] },
];

for (const [index, options] of REFUSING.entries()) {
  test(`ReceiveWindow gives credit once for a one-way call through middleware (${index})`, async () => {
    await using peer = new CountingPeer({
      limits: { window: WINDOW, nesting: 4 },
      functions: FUNCTIONS,
      ...options,
    });
    await fourWindows(peer, "sends", () => peer.spend(send("throws", "x")));
  });
}

test("ReceiveWindow gives credit once for one-way calls of what is forgotten", async () => {
  await using peer = new CountingPeer({
    limits: { window: WINDOW },
  });
  const target = { slot: 3, nonce: 4 };
  const gone = { ...send("f", "x".repeat(120)), target } as Message;
  // Whoever names too many objects that there are not is sent away.
  await fourWindows(peer, "sends", () => peer.spend(gone));
});

test("ReceiveWindow gives credit once for one-way calls that waited behind others", async () => {
  const gates: (() => void)[] = [];
  await using peer = new CountingPeer({
    limits: { window: WINDOW, calls: 2 },
    functions: {
      wait: () => new Promise<void>((resolve) => gates.push(resolve)),
    },
  });
  await peer.open();
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < 6; n++) {
      await peer.spend(send(n === 4 ? "missing" : "wait", "x".repeat(100)));
    }
    await peer.collect("sends");
    // What runs or waits holds its share.
    assert(peer.spent - peer.told >= 5 * 164, `${peer.spent - peer.told}`);
    for (let n = 0; n < 5; n++) {
      gates.shift()!();
      await settle();
    }
    await peer.collect("sends");
    const open = peer.spent - peer.told;
    assert(open >= 0 && open < WINDOW / 4, `${open} open in round ${round}`);
  }
  assertEquals(gates.length, 0);
});

const MESSAGES: Record<string, unknown> = {
  "a message": "x",
  "a message over a limit": DEEP,
};

for (const [what, value] of Object.entries(MESSAGES)) {
  for (const isAwaited of [true, false]) {
    const when = isAwaited ? "that is waited for" : "that waits";
    test(`ReceiveWindow gives credit once for ${what} ${when}`, async () => {
      await using peer = new CountingPeer({
        limits: { window: WINDOW, nesting: 4 },
      });
      await fourWindows(peer, "messages", async () => {
        const message: Message = { kind: "message", value };
        let taken: Promise<unknown>;
        if (isAwaited) {
          taken = peer.wire.getObject().catch(() => {});
          await peer.spend(message);
        } else {
          await peer.spend(message);
          await settle();
          taken = peer.wire.getObject().catch(() => {});
        }
        await taken;
      });
    });
  }
}

test("ReceiveWindow holds messages that nobody has taken", async () => {
  await using peer = new CountingPeer({ limits: { window: WINDOW } });
  await peer.open();
  const message: Message = { kind: "message", value: "x".repeat(100) };
  while (peer.spent < WINDOW) await peer.spend(message);
  await peer.collect("messages");
  assertEquals(peer.told, 0);
  assertEquals(peer.wire.ended, undefined);
  // One more is beyond it.
  await peer.spend(message);
  assertEquals((await peer.hearAbort())?.code, "malformed");
});

test("ReceiveWindow counts credit that it has not told yet", async () => {
  for (const isOver of [false, true]) {
    await using peer = new CountingPeer({ limits: { window: WINDOW } });
    await peer.open();
    const one = (length: number): Message => ({
      kind: "message",
      value: "x".repeat(length),
    });
    // Taken, but less than a quarter: the peer does not know.
    await peer.spend(one(300));
    await peer.wire.getObject();
    await peer.collect("messages");
    assertEquals(peer.told, 0);
    while (peer.spent < WINDOW - 100) await peer.spend(one(20));
    // The last byte of the window may be gone beyond, by one message.
    await peer.spend(one(200));
    assert(peer.spent >= WINDOW);
    await settle();
    assertEquals(peer.wire.ended, undefined);
    if (!isOver) continue;
    await peer.spend(one(1));
    assertEquals((await peer.hearAbort())?.code, "malformed");
  }
});

test("ReceiveWindow is full at its last byte", async () => {
  for (const over of [0, 1]) {
    await using peer = new CountingPeer({ limits: { window: WINDOW } });
    await peer.open();
    // 64, a kind, a tag, two bytes of length.
    const cost = 64 + 4;
    const first = WINDOW - 1 + over - cost;
    const value = "x".repeat(first);
    await peer.spend({ kind: "message", value });
    assertEquals(peer.spent, WINDOW - 1 + over);
    await peer.tell({ kind: "message", value: 1 });
    await settle();
    assertEquals(peer.wire.ended?.code, over === 0 ? undefined : "malformed");
  }
});

test("ReceiveWindow takes no part in what comes after the end", async () => {
  const gate = Promise.withResolvers<void>();
  await using peer = new CountingPeer({
    limits: { window: WINDOW },
    functions: { wait: () => gate.promise },
  });
  await peer.open();
  while (peer.spent < WINDOW) await peer.spend(send("wait", "x".repeat(200)));
  peer.wire.abort("enough");
  gate.resolve();
  await settle();
  // The last words are those of the abort.
  const heard = await peer.hear("credit", "abort");
  assertEquals(heard?.kind, "abort");
  assertEquals(await peer.hear("credit"), undefined);
});

test("messages that are taken after the end are given no credit for", async () => {
  await using peer = new CountingPeer({ limits: { window: WINDOW } });
  await peer.open();
  let count = 0;
  for (; peer.spent < WINDOW; count++) {
    await peer.spend({ kind: "message", value: "x".repeat(200) });
  }
  peer.wire.abort("enough");
  for (let n = 0; n < count; n++) await peer.wire.getObject();
  assertEquals((await peer.hear("credit", "abort"))?.kind, "abort");
  assertEquals(await peer.hear("credit"), undefined);
});

test("a peer that gives credit for more than it got ends the wire", async () => {
  for (const channel of ["sends", "messages"] as const) {
    await using peer = new CountingPeer({});
    await peer.open();
    peer.wire.remote.note("x");
    await peer.wire.outputObject("x");
    await settle();
    await peer.tell({ kind: "credit", channel, amount: 64 });
    await settle();
    assertEquals(peer.wire.ended, undefined);
    await peer.tell({ kind: "credit", channel, amount: 64 });
    assertEquals((await peer.hearAbort())?.code, "malformed");
  }
});

/** A window by itself, and the credit that it tells. */
function windowOf(
  size: number,
): { window: ReceiveWindow; told: number[]; lifetime: Lifetime } {
  const told: number[] = [];
  const output = {
    send: ({ amount }: { amount: number }) => told.push(amount),
  } as unknown as MessageOutput;
  const lifetime = new Lifetime(() => {});
  const limits = { window: size };
  const window = new ReceiveWindow("sends", { limits, output, lifetime });
  return { window, told, lifetime };
}

test("ReceiveWindow tells credit from a quarter of its size on, and no byte twice", () => {
  for (
    const [size, cost, isTold] of [
      [400, 99, false],
      [400, 100, true],
      [401, 100, false],
      [401, 101, true],
      [1, 64, true],
    ] as const
  ) {
    const { window, told } = windowOf(size);
    window.received(cost);
    assertEquals([window.held, window.used], [cost, cost]);
    window.consumed(cost);
    assertEquals(told, isTold ? [cost] : [], `${cost} of ${size}`);
    assertEquals([window.held, window.used], [0, isTold ? 0 : cost]);
  }
});

test("ReceiveWindow counts what it has not told with what it holds", () => {
  const { window, told } = windowOf(400);
  window.received(99);
  window.received(300);
  window.consumed(99);
  // Not a byte of those 399 is the peer's again: one more may come.
  window.received(1);
  assertEquals([window.held, window.used, told], [301, 400, []]);
  assertThrows(() => window.received(1), WireError, "beyond its window");
  window.consumed(1);
  assertEquals([window.used, told], [300, [100]]);
});

test("ReceiveWindow tells nothing when the wire has ended", () => {
  const { window, told, lifetime } = windowOf(400);
  window.received(399);
  lifetime.end(new WireError("closed", "The end."));
  window.consumed(399);
  assertEquals([window.held, told], [0, []]);
});
