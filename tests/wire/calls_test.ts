/**
 * Calls that are made: what their caller is told of their fate, what they
 * leave behind, and when their ids are used again.
 */

import { assert, assertEquals } from "@std/assert";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { type Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { count } from "./_items.ts";
import { countedSignal } from "./_listeners.ts";
import { slow } from "./_slow.ts";
import { anyPair } from "./_pair.ts";

const FUNCTIONS = {
  echo: (x: unknown) => x,
  size: (x: Uint8Array) => x.length,
  fails() {
    throw new Error("It was to fail.");
  },
  never: () => new Promise<never>(() => {}),
};

/** Two ends, the near one over a connection that takes little at a time. */
function slowPair(
  far: Parameters<typeof makeWire>[1] = {},
  most = 1_500,
): [Wire, Wire] {
  const [here, there] = memoryTransports();
  return [
    makeWire(slow(here, most), { onError() {} }),
    makeWire(there, { onError() {}, functions: FUNCTIONS, ...far }),
  ];
}

async function end(...wires: Wire[]): Promise<void> {
  for (const wire of wires) wire.abort();
  await Promise.all(wires.map((wire) => wire.closed));
}

/** Lets writes go on until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await undefined;
}

test("a call that waits for its turn is not sent when it is given up", async () => {
  for (const how of ["signal", "deadline"]) {
    const clock = new FakeClock();
    const [near, far] = anyPair({ clock }, {
      limits: { calls: 1 },
      functions: FUNCTIONS,
    });
    await near.opened;
    const first = near.remoteValue.never();
    first.catch(() => {});
    await settle();
    const { controller, signal } = countedSignal();
    const options = how === "signal" ? { signal } : { deadline: 50 };
    const second = fate(near.with(options).remoteValue.echo(1));
    assertEquals(near.stats().callsWaiting, 1);
    if (how === "signal") controller.abort();
    else await clock.advance(50);
    const code = how === "signal" ? "cancelled" : "deadline";
    assertEquals(await second, `${code} notSent`);
    assertEquals([far.stats().callsServed, near.stats().callsWaiting], [1, 0]);
    await end(near, far);
  }
});

test("the end of a wire tells calls that wait from those that left", async () => {
  const [near, far] = anyPair({}, {
    limits: { calls: 1 },
    functions: FUNCTIONS,
  });
  await near.opened;
  const fates = [1, 2, 3].map(() => fate(near.remoteValue.never()));
  await settle();
  near.abort();
  assertEquals(await Promise.all(fates), [
    "aborted maybeExecuted",
    "aborted notSent",
    "aborted notSent",
  ]);
  await end(near, far);
});

test("the end of a wire tells calls that wait from those that were sent", async () => {
  const [near, far] = anyPair({}, { functions: FUNCTIONS });
  await near.opened;
  await near.remoteValue.echo(0);
  const waiting = fate(near.remoteValue.echo(1));
  const large = fate(near.remoteValue.size(new Uint8Array(1_000_000)));
  near.abort();
  assertEquals(await waiting, "aborted notSent");
  assertEquals(await large, "aborted notSent");
  await end(near, far);
});

test("a call of which a part has left may have been executed", async () => {
  const [near, far] = slowPair();
  await near.opened;
  const before = near.stats().bytesSent;
  const large = fate(near.remoteValue.size(new Uint8Array(1_000_000)));
  await until(() => near.stats().bytesSent > before + 1_000);
  near.abort();
  assertEquals(await large, "aborted maybeExecuted");
  await end(near, far);
});

test("a large call given up half way releases its place and its share", async () => {
  const [near, far] = slowPair({
    limits: { calls: 1, window: 1, pieces: 1, frame: 1_024 },
  });
  await near.opened;
  for (let round = 0; round < 4; round++) {
    const { controller, signal } = countedSignal();
    const before = near.stats().bytesSent;
    const large = fate(
      near.with({ signal }).remoteValue.size(new Uint8Array(3_000_000)),
    );
    await until(() => near.stats().bytesSent > before + 2_000);
    controller.abort();
    assertEquals((await large).split(" ")[0], "cancelled");
    // The peer takes one call, and one message in pieces, at a time.
    const next = near.remoteValue.size(new Uint8Array(5_000));
    assertEquals(await next, 5_000);
    assertEquals(near.stats().outputWaiting, 0);
    assertEquals(far.stats().callsServed, round + 1);
  }
  assertEquals(far.ended, undefined);
  await end(near, far);
});

test("a large call given up before it began leaves nothing behind", async () => {
  const [near, far] = anyPair({}, {
    limits: { calls: 1, pieces: 1 },
    functions: FUNCTIONS,
  });
  await near.opened;
  await near.remoteValue.size(new Uint8Array(1));
  const { bytesSent } = near.stats();
  const { controller, signal } = countedSignal();
  const large = fate(
    near.with({ signal }).remoteValue.size(new Uint8Array(300_000)),
  );
  controller.abort();
  assertEquals(await large, "cancelled notSent");
  await settle();
  assertEquals(near.stats().outputWaiting, 0);
  assertEquals(near.stats().bytesSent, bytesSent);
  assertEquals(await near.remoteValue.size(new Uint8Array(99_000)), 99_000);
  assertEquals(far.stats().callsServed, 2);
  await end(near, far);
});

test("a call given up while it waits does not free another one's place", async () => {
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({}, {
    limits: { calls: 2 },
    functions: {
      wait: () => new Promise<void>((resolve) => gates.push(resolve)),
    },
  });
  await near.opened;
  const first = [near.remoteValue.wait(), near.remoteValue.wait()];
  for (let n = 0; n < 10; n++) {
    const { controller, signal } = countedSignal();
    const waits = fate(near.with({ signal }).remoteValue.wait());
    controller.abort();
    assertEquals(await waits, "cancelled notSent");
  }
  const last = near.remoteValue.wait();
  await settle();
  assertEquals([gates.length, near.stats().callsWaiting], [2, 1]);
  for (const go of gates.splice(0)) go();
  await Promise.all(first);
  await until(() => gates.length > 0);
  gates[0]!();
  await last;
  assertEquals(far.ended, undefined);
  await end(near, far);
});

test("calls too large for the peer, found late, free nobody's place", async () => {
  let running = 0;
  let most = 0;
  const [near, far] = anyPair({}, {
    limits: { calls: 1, message: 4_096, window: 1 },
    functions: {
      async run() {
        most = Math.max(most, ++running);
        await settle();
        running--;
      },
    },
  });
  // They are encoded before the peer has told its limits.
  const large = [1, 2, 3].map(() =>
    fate(near.remoteValue.run(new Uint8Array(5_000)))
  );
  const small = Array.from({ length: 8 }, (_, n) => near.remoteValue.run(n));
  assertEquals(await Promise.all(large), Array(3).fill("limit undefined"));
  await Promise.all(small);
  assertEquals([most, far.ended], [1, undefined]);
  await end(near, far);
});

test("calls that waited give their share of the window back", async () => {
  const [near, far] = anyPair({}, {
    limits: { calls: 1, message: 4_096, window: 1 },
    functions: FUNCTIONS,
  });
  await near.opened;
  for (const deadline of [undefined, 1_000_000]) {
    const caller = deadline === undefined
      ? near.remoteValue
      : near.with({ deadline }).remoteValue;
    const text = "x".repeat(500);
    const all = Array.from({ length: 50 }, () => caller.echo(text));
    assertEquals((await Promise.all(all)).length, 50);
  }
  await end(near, far);
});

/** Ways in which a call with a signal comes to its end. */
const ENDS: Record<
  string,
  (
    near: Wire,
    options: { signal: AbortSignal; deadline: number },
    clock: FakeClock,
  ) => Promise<unknown>
> = {
  "is answered": (near, options) => near.with(options).remoteValue.echo(1),
  "is answered with all values": (near, options) =>
    near.with(options).remoteValues.echo(1),
  "throws": (near, options) => near.with(options).remoteValue.fails(),
  "is refused": (near, options) => near.with(options).remoteValue.missing(),
  "cannot be sent": (near, options) =>
    near.with(options).remoteValue.echo(Symbol("s") as unknown),
  "is too late": async (near, options, clock) => {
    const late = near.with(options).remoteValue.never();
    late.catch(() => {});
    await settle();
    await clock.advance(options.deadline);
    await late;
  },
  "is too late while it waits": async (near, options, clock) => {
    const held = [1, 2].map(() => near.remoteValue.never());
    for (const one of held) one.catch(() => {});
    const late = near.with(options).remoteValue.echo(1);
    late.catch(() => {});
    await clock.advance(options.deadline);
    await late;
  },
  "waits for a result": (near, options) => {
    // Values travel to another wire only when they are there.
    const [other, far] = anyPair({}, { functions: FUNCTIONS });
    const ends = Promise.all([other.closed, far.closed]);
    const base = other.remoteValue.echo(3);
    return near.with(options).remoteValue.echo(base)
      .finally(async () => {
        other.abort();
        await ends;
      });
  },
  "waits for a result that never comes": (near, options) => {
    const [other, far] = anyPair({ onError() {} }, { onError() {} });
    const ends = Promise.all([other.closed, far.closed]);
    const base = other.remoteValue.missing();
    return near.with(options).remoteValue.echo(base)
      .finally(async () => {
        other.abort();
        await ends;
      });
  },
  "carries a stream": async (near, options) => {
    await near.with(options).remoteValue.drain(count(3));
    // The end of the stream comes back when both sides have it.
    await settle();
  },
  "is one way": (near, options) => near.with(options).remote.echo(1),
  "is one way, with a stream": async (near, options) => {
    await near.with(options).remote.drain(count(3));
    await near.ping();
    await near.ping();
    await settle();
  },
  "goes with its wire": async (near, options) => {
    const gone = near.with(options).remoteValue.never();
    gone.catch(() => {});
    near.abort();
    await gone;
  },
  "waits, and goes with its wire": async (near, options) => {
    for (let n = 0; n < 2; n++) near.remoteValue.never().catch(() => {});
    const gone = near.with(options).remoteValue.never();
    gone.catch(() => {});
    near.abort();
    await gone;
  },
  "comes when its wire has ended": async (near, options) => {
    near.abort();
    await near.with(options).remoteValue.echo(1);
  },
};

for (const [how, call] of Object.entries(ENDS)) {
  test(`nothing is left at the signal of a call that ${how}`, async () => {
    const clock = new FakeClock();
    const [near, far] = anyPair({ clock, onError() {} }, {
      limits: { calls: 2 },
      onError() {},
      functions: {
        ...FUNCTIONS,
        async drain(stream: AsyncIterable<number>) {
          for await (const _ of stream);
        },
      },
    });
    await Promise.all([near.opened, far.opened]);
    const before = clock.timers;
    const counted = countedSignal();
    const { signal } = counted;
    await call(near, { signal, deadline: 1_000 }, clock).catch(() => {});
    await settle();
    assertEquals(counted.listeners, 0);
    if (near.ended === undefined) assertEquals(clock.timers, before);
    // What it would end is over: this reaches nobody.
    counted.controller.abort();
    await settle();
    await end(near, far);
    assertEquals(clock.timers, 0);
  });
}

test("nothing is left at the signal of a call through middleware", async () => {
  for (const name of ["echo", "fails", "missing"]) {
    const counted = countedSignal();
    const { signal } = counted;
    const gate = Promise.withResolvers<void>();
    const [near, far] = anyPair({
      onError() {},
      callThrough: [async (_call, next) => {
        await gate.promise;
        return await next();
      }],
    }, { onError() {}, functions: FUNCTIONS });
    await near.opened;
    const options = { signal, deadline: 1e6 };
    const called = fate(near.call(name, [1], false, options));
    assert(counted.listeners > 0);
    gate.resolve();
    await called;
    await settle();
    assertEquals(counted.listeners, 0);
    await end(near, far);
  }
});

test("nothing is left at the signal that would abort a wire", async () => {
  for (const how of ["aborted", "closed", "gone"]) {
    const counted = countedSignal();
    const { signal } = counted;
    const [near, far] = anyPair({ signal, onError() {} }, { onError() {} });
    await near.opened;
    assertEquals(counted.listeners, 1);
    if (how === "aborted") near.abort();
    else if (how === "closed") await near.close();
    else far.abort();
    await near.closed;
    assertEquals(counted.listeners, 0);
    await far.closed;
  }
});

test("nothing is left at the signal of one-way calls that waited", async () => {
  const clock = new FakeClock();
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({ clock, onError() {} }, {
    limits: { window: 300 },
    functions: {
      note: () => new Promise<void>((resolve) => gates.push(resolve)),
    },
  });
  await near.opened;
  const text = "x".repeat(200);
  await near.remote.note(text);
  await near.remote.note(text);
  const counted = countedSignal();
  const { signal } = counted;
  const kept = [1, 2, 3].map(() =>
    fate(near.with({ signal, deadline: 1_000 }).remote.note(text))
  );
  const late = fate(near.with({ deadline: 10, signal }).remote.note(text));
  assertEquals(counted.listeners, 4);
  await clock.advance(10);
  assertEquals(await late, "deadline notSent");
  assertEquals(counted.listeners, 3);
  for (let n = 0; n < 3; n++) {
    gates.shift()?.();
    await settle();
  }
  // Each that left is heard of, whatever the others do.
  const { callsWaiting } = near.stats();
  assertEquals(callsWaiting, 0);
  while (counted.listeners > 0) {
    gates.shift()!();
    await settle();
  }
  assertEquals(await Promise.all(kept), Array(3).fill("value undefined"));
  assertEquals(clock.timers, 0);
  await end(near, far);
});

test("a call's id is not used again while a follower may need its result", async () => {
  await using peer = new RawPeer({});
  await peer.open();
  const base = peer.wire.remoteValue.make();
  base.catch(() => {});
  const made = await peer.hear("call");
  const follower = peer.wire.call("use", [base]);
  follower.catch(() => {});
  const used = await peer.hear("call");
  assertEquals((used?.args[0] as Raw).passed, { as: "result", id: made!.id });
  await peer.tell({ kind: "return", id: made!.id, value: 1 });
  await settle();
  // The base is answered; its id still stands in the follower's arguments.
  const ids: number[] = [];
  for (let n = 0; n < 5; n++) {
    const other = peer.wire.remoteValue.other(n);
    const { id } = (await peer.hear("call"))!;
    ids.push(id);
    await peer.tell({ kind: "return", id, value: n });
    assertEquals(await other, n);
  }
  assert(!ids.includes(made!.id), `${ids} again`);
  assert(!ids.includes(used!.id), `${ids} again`);
  await peer.tell({ kind: "return", id: used!.id, value: 2 });
  assertEquals(await follower, 2);
  // And then it is: ids are few however long a wire lives.
  const later: number[] = [];
  for (let n = 0; n < 3; n++) {
    peer.wire.remoteValue.last(n).catch(() => {});
    later.push((await peer.hear("call"))!.id);
  }
  assertEquals(later.toSorted(), [0, 1, 2]);
});

test("a call's id comes free whichever is answered first", async () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
    await using peer = new RawPeer({});
    await peer.open();
    for (let round = 0; round < 3; round++) {
      const base = peer.wire.remoteValue.make();
      const two = peer.wire.call("use", [base]);
      const three = peer.wire.call("use", [base, two]);
      const all = [base, two, three];
      for (const one of all) one.catch(() => {});
      const ids: number[] = [];
      while (ids.length < 3) ids.push((await peer.hear("call"))!.id);
      assertEquals(ids.toSorted(), [0, 1, 2], `round ${round} of ${order}`);
      for (const at of order) {
        await peer.tell({ kind: "return", id: ids[at]!, value: at });
        await settle();
      }
      assertEquals(await Promise.all(all), [0, 1, 2]);
    }
  }
});

test("a follower of a call that is given up is not sent", async () => {
  const [near, far] = anyPair({}, {
    limits: { calls: 1 },
    functions: FUNCTIONS,
  });
  await near.opened;
  const first = near.remoteValue.never();
  first.catch(() => {});
  const { controller, signal } = countedSignal();
  const base = near.with({ signal }).remoteValue.echo(1);
  const follower = fate(near.remoteValue.echo(base));
  const other = near.remoteValue.echo("other");
  other.catch(() => {});
  controller.abort();
  assertEquals(await fate(base), "cancelled notSent");
  assertEquals(await follower, "cancelled notSent");
  assertEquals(near.stats().callsWaiting, 1);
  await end(near, far);
});

test("a call that is in the output may be executed, although nothing has left", async () => {
  const [near, far] = anyPair({ onError() {} }, { functions: FUNCTIONS });
  await near.opened;
  await near.remoteValue.echo(0);
  const { controller, signal } = countedSignal();
  const given = fate(near.with({ signal }).remoteValue.echo(1));
  controller.abort();
  assertEquals(await given, "cancelled maybeExecuted");
  await settle();
  assertEquals(far.stats().callsServed, 2);
  await end(near, far);
});

for (const what of ["returns", "throws"]) {
  test(`references in what comes too late are released where a function ${what} them`, async () => {
    const gate = Promise.withResolvers<void>();
    const [near, far] = anyPair({ onError() {} }, {
      onError() {},
      functions: {
        async late() {
          await gate.promise;
          const held = () => {};
          if (what === "throws") throw held;
          return held;
        },
      },
    });
    await near.opened;
    const { controller, signal } = countedSignal();
    const late = fate(near.with({ signal }).remoteValue.late());
    await settle();
    controller.abort();
    await late;
    gate.resolve();
    await settle();
    const { objectsImported, callsPending } = near.stats();
    assertEquals([objectsImported, callsPending], [0, 0]);
    assertEquals(far.stats().objectsExported, 0);
    await end(near, far);
  });
}

test("a peer cannot answer a call that waits to be sent", async () => {
  await using peer = new RawPeer({});
  await peer.open({ calls: 1 });
  const calls = [1, 2].map(() => fate(peer.wire.remoteValue.echo()));
  await peer.hear("call");
  await peer.tell({ kind: "return", id: 1, value: "too soon" });
  assertEquals((await peer.hearAbort())?.code, "malformed");
  const fates = await Promise.all(calls);
  assertEquals(fates, ["malformed maybeExecuted", "malformed notSent"]);
});

for (const wantsValues of [true, false]) {
  const asked = wantsValues ? "all values" : "one value";
  test(`an answer of the other kind to a call for ${asked} ends the wire`, async () => {
    await using peer = new RawPeer({});
    await peer.open();
    const answer = fate(peer.wire.call("echo", [], wantsValues));
    const { id } = (await peer.hear("call"))!;
    await peer.tell(
      wantsValues
        ? { kind: "return", id, value: 1 }
        : { kind: "returnValues", id, values: [1] },
    );
    assertEquals((await peer.hearAbort())?.code, "malformed");
    assertEquals(await answer, "malformed maybeExecuted");
  });
}

test("a deadline of less than a millisecond is one to the peer", async () => {
  const clock = new FakeClock();
  await using peer = new RawPeer({ clock });
  await peer.open();
  const call = fate(peer.wire.with({ deadline: 0.5 }).remoteValue.echo());
  assertEquals((await peer.hear("call"))?.deadline, 1);
  await clock.advance(1);
  assertEquals(await call, "deadline maybeExecuted");
  await clock.advance(0);
  peer.close();
  await clock.advance(2_000);
});
