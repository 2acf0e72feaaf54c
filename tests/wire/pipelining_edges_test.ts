/**
 * Calls on results whose call was given up, is large, or waits; and what a
 * getter among the arguments can do.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type RemoteFunction,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { call, frame, hello, RawPeer, send } from "../_raw_peer.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { slow } from "./_slow.ts";

/** Functions of which `block` ends when it is told to. */
function blocking() {
  const blocked: (() => void)[] = [];
  return {
    functions: {
      block: () => new Promise<void>((resolve) => blocked.push(resolve)),
      seven: () => 7,
      record: () => ({ a: 1 }),
      echo: (x: unknown) => x,
      size: (x: string) => x.length,
    },
    unblock: () => blocked.splice(0).forEach((resolve) => resolve()),
  };
}

test("a call that was never sent fails those that need it as well", async () => {
  const [near, far] = wirePair({}, { limits: { calls: 2 } });
  const { functions, unblock } = blocking();
  far.serve(functions);
  // The ids that are used below have had results.
  const { seven } = near.remoteValue;
  await Promise.all([seven(), seven(), seven(), seven()]);
  const running = [near.remoteValue.block(), near.remoteValue.block()];
  const controller = new AbortController();
  const { signal } = controller;
  const base = near.with({ signal }).remoteValue.record();
  const failures = [
    base,
    near.remoteValue.echo(base),
    near.remoteValue.echo(near.remoteValue.echo(base)),
    base.remoteValue.method!(),
  ].map(failure);
  controller.abort();
  for (const { code, sent } of await Promise.all(failures)) {
    assertEquals([code, sent], ["cancelled", "notSent"]);
  }
  unblock();
  await Promise.all(running);
  assertEquals(near.stats().callsPending, 0);
  assertEquals(await Promise.all([seven(), seven(), seven()]), [7, 7, 7]);
  await near.close();
});

test("a call needs a large one's result once that was sent whole", async () => {
  const [a, b] = memoryTransports();
  const [near, far] = [makeWire(slow(a, 50_000)), makeWire(b)];
  const { functions } = blocking();
  far.serve(functions);
  await Promise.all([near.remoteValue.seven(), near.remoteValue.seven()]);
  const size = 2_000_000;
  const large = near.remoteValue.size("x".repeat(size));
  // Some of it has left, and something small overtakes the rest.
  for (let turn = 0; turn < 3; turn++) await near.ping();
  assert(near.stats().outputWaiting > 0);
  assertEquals(await near.remoteValue.echo(large), size);
  await near.close();
});

test("a call that waits for a result is not made once it is given up", async () => {
  const [near, far] = wirePair();
  const [other, end] = wirePair();
  let ran = 0;
  far.serve({ take: () => ++ran });
  const { functions, unblock } = blocking();
  end.serve(functions);
  const base = other.remoteValue.block();
  const controller = new AbortController();
  const { signal } = controller;
  const errors = [
    failure(near.with({ deadline: 5 }).remoteValue.take(base)),
    failure(near.with({ signal }).remoteValue.take(base)),
  ];
  controller.abort();
  const codes = (await Promise.all(errors)).map(({ code, sent }) => [
    code,
    sent,
  ]);
  assertEquals(codes, [["deadline", "notSent"], ["cancelled", "notSent"]]);
  unblock();
  await base;
  await near.ping();
  assertEquals(ran, 0);
  await Promise.all([near.close(), other.close()]);
});

test("a call that was given up while it waits for a result has one answer", async () => {
  const slow = Promise.withResolvers<number>();
  const [near, far] = wirePair();
  far.serve({ slow: () => slow.promise, echo: (x: unknown) => x });
  await near.opened;
  const controller = new AbortController();
  const { signal } = controller;
  const { slow: call, echo } = near.with({ signal }).remoteValue;
  const base = call!();
  const failures = [base, echo!(base)].map(failure);
  await settle();
  const closing = Promise.all([near.close(), far.close()]);
  controller.abort();
  await settle();
  slow.reject(new Error("no result"));
  for (const { code } of await Promise.all(failures)) {
    assertEquals(code, "cancelled");
  }
  await closing;
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

test("close() lets no call follow on results that are to come", async () => {
  const [near, far] = wirePair();
  const [other, end] = wirePair();
  const { functions, unblock } = blocking();
  far.serve(functions);
  end.serve(functions);
  const base = near.remoteValue.block();
  const strange = other.remoteValue.block();
  const waiting = failure(near.remoteValue.echo(strange));
  await near.ping();
  const closing = near.close();
  const late = await failure(base.remoteValue.method!());
  assertEquals([late.code, late.sent], ["closed", "notSent"]);
  await other.ping();
  unblock();
  const { code, sent } = await waiting;
  assertEquals([code, sent], ["closed", "notSent"]);
  await closing;
  assertEquals((await far.closed).code, "closed");
  await other.close();
});

test("a getter among the arguments may end the wire, or give up", async () => {
  const [near, far] = wirePair();
  const { functions } = blocking();
  far.serve(functions);
  await near.opened;
  const controller = new AbortController();
  const { signal } = controller;
  const given = await failure(
    near.with({ signal }).remoteValue.echo({
      get x() {
        controller.abort();
        return 1;
      },
    }),
  );
  assertEquals([given.code, given.sent], ["cancelled", "maybeExecuted"]);
  await near.ping();
  assertEquals(near.stats().callsPending, 0);
  const ended = await failure(near.remoteValue.echo({
    get x() {
      near.abort();
      return 1;
    },
  }));
  assertEquals([ended.code, ended.sent], ["aborted", "notSent"]);
  assertEquals(near.stats().callsPending, 0);
  await far.closed;
});

test("objects of the callee are left alone among results to come", async () => {
  await using peer = new RawPeer();
  let looked = 0;
  const own: Record<string, unknown> = { inner: new Map([[1, 2]]) };
  own.self = own;
  Object.defineProperty(own, "look", { get: () => ++looked });
  const taken: unknown[] = [];
  peer.wire.serve({
    own: () => makeRemoteObject(own),
    later: async () => (await settle(), 5),
    take: (list: unknown[]) => void taken.push(...list),
  });
  await peer.open();
  await peer.tell(call(0, "own"));
  await peer.hear("return");
  const results = [0, 1].map((id) => new Raw({ as: "result", id }));
  await peer.tell(call(1, "later"), call(2, "take", results));
  await peer.hear("return");
  await peer.hear("return");
  assertEquals([taken[0] === own, taken[1], looked], [true, 5, 0]);
});

test("an object that was given already is called, and returns to its owner", async () => {
  class Counter {
    #count = 40;
    add(n: number): number {
      return this.#count += n;
    }
  }
  await using peer = new RawPeer();
  const own = new Counter();
  const taken: unknown[] = [];
  peer.wire.serve({
    now: () => makeRemoteObject(own),
    later: async () => (await settle(), makeRemoteObject(own)),
    take: (x: unknown) => void taken.push(x),
  });
  await peer.open();
  for (const name of ["now", "later"]) {
    await peer.tell(call(0, name));
    await peer.hear("return");
    await peer.tell({ ...call(1, "add", 1), target: { result: 0 } } as Message);
    const count = name === "now" ? 41 : 42;
    assertEquals((await peer.hear("return"))!.value, count);
    await peer.tell(call(2, "take", new Raw({ as: "result", id: 0 })));
    await peer.hear("return");
    assert(taken.pop() === own);
  }
});

test("an answer with an object that was forgotten says so", async () => {
  const [near, far] = wirePair();
  const { functions, unblock } = blocking();
  let kept: RemoteFunction<() => number> | undefined;
  far.serve({
    ...functions,
    keep: (f: RemoteFunction<() => number>) => void (kept = f),
    give: async () => (await functions.block(), kept),
  });
  const own = () => 1;
  await near.remoteValue.keep(own);
  const given = failure(near.remoteValue.give());
  await near.ping();
  unblock();
  near.forgetRemoteTranslation(own);
  const { code, message } = await given;
  assertEquals(code, "noSuchObject", message);
  kept?.[Symbol.dispose]();
  await near.close();
});

test("nothing is served when the wire ended as it opened", async () => {
  await using peer = new RawPeer();
  let ran = 0;
  peer.wire.serve({ run: () => ++ran });
  peer.wire.opened.then(() => peer.wire.abort());
  const given = new Raw({ as: "object", slot: 0, nonce: 1, isFunction: true });
  await peer.tell(hello(), { kind: "accept" }, call(0, "run", given));
  await peer.hearAbort();
  assertEquals([ran, peer.wire.stats().objectsImported], [0, 0]);
});

test("what comes for no function one way is released", async () => {
  const where: string[] = [];
  const [near, far] = wirePair({}, {
    onError: (_error, place) => where.push(place),
  });
  near.remote.missing!(() => 1);
  await near.ping();
  await near.ping();
  assertEquals(near.stats().objectsExported, 0);
  assertEquals(where, ['one-way call of "missing"']);
  await far.close();
});

for (const isAnswered of [true, false]) {
  const when = isAnswered ? "there" : "to come";
  test(`keys that turn out equal to results that are ${when} are merged`, async () => {
    const came: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    await using peer = new RawPeer({
      functions: {
        five: () => isAnswered ? 5 : gate.promise.then(() => 5),
        take(...args: unknown[]) {
          came.push(...args);
        },
      },
    });
    await peer.open();
    const five = new Raw({ as: "result", id: 0 });
    const again = new Raw({ as: "result", id: 0 });
    await peer.tell(
      call(0, "five"),
      call(
        1,
        "take",
        new Set([4, five, 5, again, 6]),
        new Map<unknown, unknown>([[five, "a"], [5, "b"]]),
      ),
    );
    await settle();
    gate.resolve();
    for (let n = 0; n < 2; n++) assert(await peer.hear("return"));
    assertEquals(came, [new Set([4, 5, 6]), new Map([[5, "b"]])]);
    // The rule for data stays, in other messages.
    await peer.say(frame(0x10, 0xd5, 2, 5, 5));
    assertEquals((await peer.hearAbort())?.code, "malformed");
  });
}

test("references to one object are merged where they are keys", async () => {
  const came: unknown[] = [];
  await using peer = new RawPeer({
    functions: {
      take(...args: unknown[]) {
        came.push(...args);
      },
    },
  });
  await peer.open();
  const one = new Raw({ as: "object", slot: 0, nonce: 7, isFunction: false });
  const same = new Raw(one.passed);
  await peer.tell(
    call(0, "take", new Set([one, 1, same])),
    call(
      1,
      "take",
      new Map<unknown, unknown>([[one, "a"], [1, 1], [same, "b"]]),
    ),
  );
  for (let n = 0; n < 2; n++) assert(await peer.hear("return"));
  const [set, map] = came as [Set<Disposable>, Map<Disposable, string>];
  assertEquals([set.size, [...map.values()]], [2, ["b", 1]]);
  const [reference] = set;
  assertEquals(peer.wire.stats().objectsImported, 1);
  // Each sending counts, whatever became of it.
  for (let n = 0; n < 4; n++) reference![Symbol.dispose]();
  assertEquals((await peer.hear("release"))?.count, 4);
});

const RESULT = new Raw({ as: "result", id: 0 });

/** Messages other than calls in which a result stands, that is there already. */
const OUTSIDE: Readonly<
  Record<string, (failures: Promise<unknown>[], peer: RawPeer) => Message>
> = {
  "a message": (failures, { wire }) => {
    failures.push(failure(wire.getObject()));
    return { kind: "message", value: [RESULT] };
  },
  "a one-way call": () => send("note", RESULT),
  "an answer": (failures, { wire }) => {
    failures.push(failure(wire.remoteValue.anything!()));
    return { kind: "return", id: 0, value: RESULT };
  },
  "what was thrown": (failures, { wire }) => {
    failures.push(failure(wire.remoteValue.anything!()));
    return { kind: "throw", id: 0, thrown: RESULT };
  },
};

for (const [what, make] of Object.entries(OUTSIDE)) {
  test(`${what} with a result fails alone`, async () => {
    const failures: Promise<unknown>[] = [];
    const reported: unknown[] = [];
    await using peer = new RawPeer({
      functions: { one: () => 1, note() {} },
      onError: (error) => reported.push(error),
    });
    await peer.open();
    await peer.tell(call(0, "one"));
    await peer.hear("return");
    const message = make(failures, peer);
    await settle();
    await peer.tell(message, call(1, "one"));
    await peer.hear("return");
    const [error] = [...await Promise.all(failures), ...reported];
    assertEquals((error as WireError).code, "resultGone");
  });
}

test("a result that is the caller's own function is called there", async () => {
  await using peer = new RawPeer({
    functions: { give: (x: unknown) => x },
  });
  await peer.open();
  const own = { slot: 3, nonce: 7 };
  await peer.tell(
    call(0, "give", new Raw({ as: "object", ...own, isFunction: true })),
    { ...call(1, "", 5), target: { result: 0 } } as Message,
  );
  const called = await peer.hear("call");
  assertEquals([called?.name, called?.args, called?.target], ["", [5], own]);
  await peer.tell({ kind: "return", id: called!.id, value: "from there" });
  // The answer to the first call came before that.
  const answer = await peer.hear("return");
  assertEquals([answer?.id, answer?.value], [1, "from there"]);
});

test("a stream as a result is of no use for other calls", async () => {
  await using peer = new RawPeer({
    functions: { items: async function* () {}, give: (x: unknown) => x },
  });
  await peer.open();
  await peer.tell(
    call(0, "items"),
    call(1, "give", RESULT),
    { ...call(2, "next"), target: { result: 0 } } as Message,
  );
  const codes = [];
  for (let n = 0; n < 2; n++) codes.push((await peer.hear("fail"))?.code);
  assertEquals(codes.sort(), ["noSuchFunction", "resultGone"]);
});

test("a call waits for a large result's call that waits itself", async () => {
  const [near, far] = wirePair({}, { limits: { calls: 2, frame: 4_096 } });
  const { functions, unblock } = blocking();
  far.serve(functions);
  // The ids that are used below have had results, which are still there.
  const { seven } = near.remoteValue;
  await Promise.all([seven(), seven(), seven(), seven()]);
  const running = [near.remoteValue.block(), near.remoteValue.block()];
  const large = near.remoteValue.echo("x".repeat(100_000));
  const size = near.call("size", [large], false);
  await settle();
  unblock();
  await Promise.all(running);
  assertEquals(await size, 100_000);
  await near.close();
  await far.closed;
});

test("a call that was given up is not made again without its result", async () => {
  await using peer = new RawPeer({});
  await peer.open();
  const base = peer.wire.remoteValue.make();
  const controller = new AbortController();
  const { signal } = controller;
  const user = failure(peer.wire.call("use", [base], false, { signal }));
  const [made, used] = [await peer.hear("call"), await peer.hear("call")];
  controller.abort();
  assertEquals((await user).code, "cancelled");
  const gone = { code: "resultGone", message: "It is gone." };
  await peer.tell(
    { kind: "return", id: made!.id, value: 1 },
    { kind: "fail", id: used!.id, ...gone },
    { kind: "ping", token: 1 },
  );
  assertEquals(await base, 1);
  assertEquals((await peer.hear("call", "pong"))?.kind, "pong");
});

test("a call whose result is gone waits for the answer that has it", async () => {
  await using peer = new RawPeer({});
  await peer.open();
  const base = peer.wire.remoteValue.make();
  const user = peer.wire.call("use", [base]);
  const [made, used] = [await peer.hear("call"), await peer.hear("call")];
  // A large answer may be overtaken.
  await peer.tell(
    { kind: "fail", id: used!.id, code: "resultGone", message: "It is gone." },
    { kind: "ping", token: 1 },
  );
  assertEquals((await peer.hear("call", "pong"))?.kind, "pong");
  await peer.tell({ kind: "return", id: made!.id, value: 1 });
  const again = await peer.hear("call");
  assertEquals([again?.name, again?.args], ["use", [1]]);
  await peer.tell({ kind: "return", id: again!.id, value: 2 });
  assertEquals([await base, await user], [1, 2]);
});

test("a call on a result waits for it where it has a stream", async () => {
  await using peer = new RawPeer({});
  await peer.open();
  const base = peer.wire.remoteValue.make();
  const stream = (async function* () {})();
  const call = failure(base.remoteValue.use!(stream));
  const made = await peer.hear("call");
  // Made anew without the result, the call would send its stream twice.
  await peer.tell({ kind: "ping", token: 1 });
  assertEquals((await peer.hear("call", "pong"))?.kind, "pong");
  await peer.tell({ kind: "return", id: made!.id, value: 1 });
  assertEquals((await call).code, "noSuchFunction");
});

test("a stream goes with its call that has to wait for a result", async () => {
  const [near, far] = wirePair();
  const gate = Promise.withResolvers<void>();
  far.serve({
    seven: () => gate.promise.then(() => 7),
    async count(stream: AsyncIterable<unknown>, more: number) {
      let count = more;
      for await (const _ of stream) count++;
      return count;
    },
  });
  async function* items() {
    for (let n = 0; n < 3; n++) yield await n;
  }
  const seven = near.remoteValue.seven();
  const count = near.call("count", [items(), seven]);
  await settle();
  gate.resolve();
  assertEquals(await count, 10);
  await near.close();
  await far.closed;
});
