/**
 * Calls that are served: what they hold while they wait and run, what ends
 * them, and what their functions learn of it.
 */

import { assert, assertEquals } from "@std/assert";
import { type CallContext, makeRemoteObject } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { call, Raw, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { CountingPeer } from "./_credit.ts";
import { fate } from "./_keeping.ts";
import { anyPair } from "./_pair.ts";

/** A call for an answer, of what another one results in. */
function callOn(result: number, id: number, name: string): Message {
  return { ...call(id, name), target: { result } } as Message;
}

/** A peer that reads nothing until it is asked to, so that calls wait. */
async function deafPeer(functions: object): Promise<RawPeer> {
  const peer = new RawPeer({
    limits: { sendPause: 500, window: 1, message: 4_096 },
    functions: functions as Record<string, (...args: never[]) => unknown>,
  });
  await peer.open();
  return peer;
}

const TEXT = "x".repeat(1_000);

test("what a call holds that waits is released when it is cancelled", async () => {
  let served = 0;
  await using peer = await deafPeer({ note: () => (served++, TEXT) });
  // The first answer is not read: those behind it wait.
  await peer.tell(call(0, "note"));
  for (let round = 0; round < 12; round++) {
    for (const id of [1, 2, 3]) await peer.tell(call(id, "note", TEXT));
    assertEquals(peer.wire.stats().callsRunning, 3, `round ${round}`);
    for (const id of [3, 1, 2]) await peer.tell({ kind: "cancel", id });
    assertEquals(peer.wire.ended, undefined, `round ${round}`);
    assertEquals(peer.wire.stats().callsRunning, 0);
  }
  assertEquals(served, 1);
  // It still counts: four and a bit are beyond the window.
  for (const id of [1, 2, 3, 4, 5, 6]) await peer.tell(call(id, "note", TEXT));
  await peer.hear("abort");
  assertEquals(peer.wire.ended?.code, "malformed");
});

test("what a call holds that waits is released when it begins", async () => {
  let served = 0;
  await using peer = await deafPeer({ note: () => (served++, TEXT) });
  for (let round = 0; round < 12; round++) {
    for (const id of [0, 1, 2, 3]) await peer.tell(call(id, "note", TEXT));
    assert(peer.wire.stats().callsRunning >= 3, `round ${round}`);
    for (let answers = 0; answers < 4; answers++) await peer.hear("return");
    await settle();
    assertEquals(peer.wire.ended, undefined, `round ${round}`);
  }
  assertEquals(served, 48);
});

/** Ways in which an asynchronous call releases what it holds. */
const RUNS: Record<string, (peer: RawPeer, id: number) => Promise<void>> = {
  "returns": (peer, id) => peer.tell(call(id, "returns", TEXT)),
  "throws": (peer, id) => peer.tell(call(id, "throws", TEXT)),
  "is over a limit": (peer, id) => peer.tell(call(id, "returns", [[[TEXT]]])),
  "is of nothing": (peer, id) => peer.tell(call(id, "missing", TEXT)),
  "is cancelled": async (peer, id) => {
    await peer.tell(call(id, "until", TEXT));
    await peer.tell({ kind: "cancel", id });
  },
  "needs a result": async (peer, id) => {
    await peer.tell(
      call(id + 100, "returns"),
      call(id, "returns", TEXT, new Raw({ as: "result", id: id + 100 })),
    );
    await peer.hear("return");
  },
  "needs a result that fails": async (peer, id) => {
    await peer.tell(
      call(id + 100, "throws"),
      call(id, "returns", TEXT, new Raw({ as: "result", id: id + 100 })),
    );
    await peer.hear("throw");
  },
  "needs a result, and is cancelled": async (peer, id) => {
    await peer.tell(
      call(id + 100, "until"),
      call(id, "returns", TEXT, new Raw({ as: "result", id: id + 100 })),
      { kind: "cancel", id },
      { kind: "cancel", id: id + 100 },
    );
    await peer.hear("fail");
  },
};

for (const [how, run] of Object.entries(RUNS)) {
  test(`a call that ${how} holds nothing afterwards`, async () => {
    await using peer = new RawPeer({
      limits: { window: 1, message: 4_096, nesting: 2 },
      functions: {
        returns: async () => await 1,
        throws: () => Promise.reject(new Error("It was to fail.")),
        until(this: CallContext) {
          return new Promise((_, reject) =>
            this.signal.addEventListener(
              "abort",
              () => reject(this.signal.reason),
            )
          );
        },
      },
    });
    await peer.open();
    for (let round = 0; round < 20; round++) {
      await run(peer, round % 3);
      const answer = await peer.hear("return", "throw", "fail");
      assert(answer !== undefined, `round ${round}: ${peer.wire.ended}`);
      await settle();
      assertEquals(peer.wire.stats().callsRunning, 0);
    }
  });
}

test("the attachments of a call are released when it is cancelled before it begins", async () => {
  let served = 0;
  await using peer = await deafPeer({ take: () => (served++, TEXT) });
  await peer.tell(call(0, "take"));
  const object = new Raw({ as: "object", slot: 3, nonce: 4, isFunction: true });
  const stream = new Raw({ as: "stream", id: 0 });
  await peer.tell(call(1, "take", object, stream));
  const { objectsImported, streamsReceiving } = peer.wire.stats();
  assertEquals([objectsImported, streamsReceiving], [1, 1]);
  await peer.tell({ kind: "cancel", id: 1 });
  const release = await peer.hear("release");
  assertEquals([release?.slot, release?.nonce, release?.count], [3, 4, 1]);
  assertEquals((await peer.hear("streamCancel", "fail"))?.kind, "streamCancel");
  assertEquals(peer.wire.stats().objectsImported, 0);
  assertEquals(served, 1);
});

test("a follower that was cancelled does not run", async () => {
  for (const how of ["target", "argument", "short argument"]) {
    let ran = 0;
    const gate = Promise.withResolvers<void>();
    await using peer = new RawPeer({
      functions: {
        async make() {
          await gate.promise;
          return how === "short argument" ? 1 : { run: () => ++ran };
        },
        run: () => ++ran,
      },
    });
    await peer.open();
    const follower = how === "target"
      ? callOn(0, 1, "run")
      : call(1, "run", new Raw({ as: "result", id: 0 }));
    await peer.tell(call(0, "make"), follower, { kind: "cancel", id: 1 });
    gate.resolve();
    const answers = [
      await peer.hear("return", "fail"),
      await peer.hear("return", "fail"),
    ];
    const failed = answers.find((answer) => answer?.kind === "fail");
    assertEquals(failed?.id, 1);
    await settle();
    assertEquals(ran, 0);
  }
});

test("a follower whose deadline has passed does not run", async () => {
  let ran = 0;
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  await using peer = new RawPeer({
    clock,
    functions: { wait: () => gate.promise, run: () => ++ran },
  });
  await peer.open();
  const argument = new Raw({ as: "result", id: 0 });
  const follower = { ...call(1, "run", argument), deadline: 50 } as Message;
  await peer.tell(call(0, "wait"), follower);
  await clock.advance(60);
  gate.resolve();
  assertEquals((await peer.hear("return"))?.id, 0);
  assertEquals((await peer.hear("fail"))?.id, 1);
  assertEquals(ran, 0);
});

test("a call that waits for room counts that time, and does not run when it is too late", async () => {
  const clock = new FakeClock();
  const left: unknown[] = [];
  await using peer = new RawPeer({
    clock,
    limits: { sendPause: 500 },
    functions: {
      note: () => TEXT,
      left(this: CallContext) {
        left.push(this.deadline);
      },
    },
  });
  await peer.open();
  // Its answer is not read: those behind it wait.
  await peer.tell(call(0, "note"));
  const object = new Raw({ as: "object", slot: 3, nonce: 4, isFunction: true });
  await peer.tell(
    { ...call(1, "left", object), deadline: 100 } as Message,
    { ...call(2, "left"), deadline: 101 } as Message,
  );
  await clock.advance(100);
  assertEquals((await peer.hear("return"))?.id, 0);
  assertEquals((await peer.hear("release"))?.slot, 3);
  const fail = await peer.hear("fail");
  assertEquals([fail?.id, fail?.code], [1, "deadline"]);
  assertEquals((await peer.hear("return"))?.id, 2);
  assertEquals(left, [1]);
  assertEquals(peer.wire.stats().callsRunning, 0);
});

/** Functions that run on, each in another way. */
const CALLS: Record<string, Message> = {
  "a call": { ...call(0, "run", "x") },
  "a call with a deadline": {
    ...call(0, "run", "x"),
    deadline: 9_000,
  } as Message,
  "a plain call": call(0, "run"),
  "a one-way call": send("run", "x"),
  "a one-way call with a deadline": {
    ...send("run"),
    deadline: 9_000,
  } as Message,
};

for (const [what, message] of Object.entries(CALLS)) {
  for (const how of ["aborts", "is cut"]) {
    test(`this.signal of ${what} tells that its wire ${how}`, async () => {
      const contexts: CallContext[] = [];
      const clock = new FakeClock();
      const peer = new RawPeer({
        clock,
        functions: {
          // It takes no notice, and goes on for ever.
          run(this: CallContext) {
            contexts.push(this);
            return new Promise(() => {});
          },
        },
      });
      await peer.open();
      await peer.tell(message);
      await settle();
      const [context] = contexts;
      assert(context !== undefined && !context.signal.aborted);
      if (how === "aborts") peer.wire.abort("enough");
      else await peer[Symbol.asyncDispose]();
      await settle();
      assertEquals(context!.signal.aborted, true);
      assertEquals(context!.signal.reason, peer.wire.ended);
      if (how === "aborts") {
        assertEquals((await peer.hearAbort())?.code, "aborted");
      }
      await peer[Symbol.asyncDispose]();
      assertEquals(clock.timers, 0);
    });
  }
}

test("a plain one-way call that runs learns of the end, too", async () => {
  const contexts: CallContext[] = [];
  const [near, far] = anyPair({}, {
    functions: {
      run(this: CallContext, _n: number) {
        contexts.push(this);
        return new Promise<void>((resolve) =>
          this.signal.addEventListener("abort", () => resolve())
        );
      },
    },
  });
  await near.opened;
  for (let n = 0; n < 3; n++) await near.remote.run(n);
  await settle();
  assertEquals(contexts.map(({ signal }) => signal.aborted), [
    false,
    false,
    false,
  ]);
  near.abort();
  await far.closed;
  assertEquals(contexts.map(({ signal }) => signal.aborted), [
    true,
    true,
    true,
  ]);
});

test("calls that wait when the wire ends are never begun", async () => {
  let served = 0;
  const peer = await deafPeer({ note: () => (served++, TEXT) });
  for (let id = 0; id < 4; id++) await peer.tell(call(id, "note", TEXT));
  assertEquals(served, 1);
  peer.wire.abort();
  await peer.hearOut();
  await peer[Symbol.asyncDispose]();
  assertEquals([served, peer.wire.stats().callsRunning], [1, 0]);
});

test("an object that is forgotten while its call waits is the one that was meant", async () => {
  let served = 0;
  await using peer = await deafPeer({
    give: () => [makeRemoteObject({ run: () => ++served }), TEXT],
  });
  await peer.tell(call(0, "give"));
  const [given] = (await peer.hear("return"))?.value as Raw[];
  const { slot, nonce } = given!.passed as { slot: number; nonce: number };
  await peer.tell(call(0, "give"));
  const target = { slot, nonce };
  await peer.tell({ ...call(1, "run"), target } as Message);
  assertEquals(served, 0);
  await peer.hear("return");
  await peer.hear("return");
  assertEquals(served, 1);
});

test("a call that finds the window full to the byte is too many", async () => {
  const peer = new CountingPeer({
    limits: { window: 1, message: 4_096 },
    functions: { wait: () => new Promise(() => {}) },
  });
  await using _ = peer;
  await peer.open();
  const most = 1 + 4_096;
  await peer.spend(call(0, "wait", "x".repeat(2_000)));
  const overhead = peer.spent - 2_000;
  const rest = most - peer.spent - overhead;
  await peer.spend(call(1, "wait", "x".repeat(rest)));
  assertEquals(peer.spent, most);
  assertEquals(peer.wire.ended, undefined);
  await peer.spend(call(2, "wait"));
  assertEquals((await peer.hearAbort())?.code, "malformed");
});

test("a call's id is taken while the call waits to begin", async () => {
  await using peer = await deafPeer({ note: () => TEXT });
  for (const id of [0, 1, 1]) await peer.tell(call(id, "note"));
  await peer.hear("abort");
  assertEquals(peer.wire.ended?.code, "malformed");
});

test("what a call of what is not there brings is released", async () => {
  const [near, far] = anyPair({ onError() {} }, { onError() {} });
  await near.opened;
  async function* items() {
    for (;;) yield await 1;
  }
  const call = near.remoteValue.missing(() => {}, items());
  assertEquals(await fate(call), "noSuchFunction undefined");
  await near.ping();
  const { objectsExported, streamsSending } = near.stats();
  assertEquals([objectsExported, streamsSending], [0, 0]);
  await near.close();
  await far.closed;
});

test("a function that asks for its signal when it is too late finds it aborted", async () => {
  const signals: AbortSignal[] = [];
  const gate = Promise.withResolvers<void>();
  const [near, far] = anyPair({ onError() {} }, {
    onError() {},
    functions: {
      async slow(this: CallContext) {
        await gate.promise;
        signals.push(this.signal);
      },
    },
  });
  await near.opened;
  const controller = new AbortController();
  const given = near.with(controller).remoteValue.slow();
  const lost = near.remoteValue.slow();
  for (const call of [given, lost]) call.catch(() => {});
  await settle();
  controller.abort();
  await settle();
  far.abort();
  gate.resolve();
  await settle();
  const codes = signals.map(({ aborted, reason }) => aborted && reason.code);
  assertEquals(codes, ["cancelled", "aborted"]);
  await Promise.all([near.closed, far.closed]);
});

test("a peer cancels as many calls as it has made, and no more", async () => {
  await using peer = new RawPeer({ functions: { wait: () => 1 } });
  await peer.open();
  await peer.tell(call(0, "wait"));
  await peer.hear("return");
  // It crosses the answer.
  await peer.tell({ kind: "cancel", id: 0 });
  assertEquals(peer.wire.ended, undefined);
  await peer.tell({ kind: "cancel", id: 0 });
  assertEquals((await peer.hearAbort())?.code, "malformed");
});
