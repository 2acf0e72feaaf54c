/**
 * The streams of calls that fail before, or without, anybody's reading them end
 * with them; and no others do.
 */

import { assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  type RemoteStream,
  values,
  type Wire,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { contract } from "../../wire/contract/contract.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { schema } from "./_schemas.ts";
import { failure } from "./_failure.ts";
import { list } from "./_items.ts";
import {
  controlled,
  leaveNothing,
  Producers,
  taken,
  turn,
} from "./_producers.ts";

/** What becomes of calls whose argument is never taken. */
const UNTAKEN: Record<
  string,
  (wire: Wire, arg: unknown) => Promise<unknown>
> = {
  "of no function": (wire, arg) => wire.remoteValue.nothing(arg),
  "that throws at once": (wire, arg) => wire.remoteValue.throws(arg),
  "that throws later": (wire, arg) => wire.remoteValue.rejects(arg),
  "with another argument that cannot be sent": (wire, arg) =>
    wire.remoteValue.ok(Symbol("no"), arg),
  "with one before it": (wire, arg) => wire.remoteValue.ok(arg, Symbol("no")),
  "with a signal that is aborted": (wire, arg) =>
    wire.with({ signal: AbortSignal.abort() }).remoteValue.ok(arg),
  "with a deadline that has passed": (wire, arg) =>
    wire.with({ deadline: 0 }).remoteValue.ok(arg),
  "with an option that is none": (wire, arg) =>
    // @ts-expect-error -- the types refuse it, too
    wire.with({ streams: "loose" }).remoteValue.ok(arg),
  "one way with a signal that is aborted": (wire, arg) =>
    wire.with({ signal: AbortSignal.abort() }).remote.ok(arg),
  "one way with an argument that cannot be sent": (wire, arg) =>
    wire.remote.ok(arg, Symbol("no")),
  "with an option that there is not": (wire, arg) =>
    wire.call("ok", [arg], false, { signals: 1 } as never),
  "one way with an option that there is not": (wire, arg) =>
    wire.send("ok", [arg], { signals: 1 } as never),
  "that is to run once, where the peer remembers nothing": (wire, arg) =>
    wire.with({ once: true }).remoteValue.ok(arg),
  "that is to run once, and goes one way": (wire, arg) =>
    wire.with({ once: true }).remote.ok(arg),
  "of a result that fails": (wire, arg) =>
    wire.remoteValue.throws().remoteValue.ok(arg),
  "of a result that has no functions": (wire, arg) =>
    wire.remoteValue.ok().remoteValue.ok(arg),
  "with a result that fails": (wire, arg) =>
    wire.remoteValue.ok(arg, wire.remoteValue.throws()),
  "of a reference that was released": async (wire, arg) => {
    const object = await wire.remoteValue.object();
    object[Symbol.dispose]();
    return await object.remoteValue.ok(arg);
  },
};

for (const [what, make] of Object.entries(UNTAKEN)) {
  test(`a call ${what} ends the stream in its arguments`, async () => {
    const [near, far] = wirePair();
    far.serve({
      ok: () => "ok",
      object: () => makeRemoteObject({ ok: () => "ok" }),
      throws() {
        throw new Error("at once");
      },
      async rejects() {
        await undefined;
        throw new Error("later");
      },
    });
    const producers = new Producers();
    await failure(make(near, [{ deep: producers.readable() }]));
    await producers.ended(1);
    await leaveNothing(near, far);
  });
}

test("a call over a wire that has ended ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  near.abort();
  await far.closed;
  for (
    const call of [
      near.remoteValue.ok(producers.readable()),
      near.remote.ok(producers.readable()),
      near.outputObject(producers.readable()),
    ]
  ) await failure(call);
  await producers.ended(3);
});

test("a stream is not cancelled that somebody else takes", async () => {
  const [near, far] = wirePair();
  far.serve({
    few: () => ReadableStream.from([1, 2, 3]),
    ok: () => "ok",
  });
  const stream = await near.remoteValue.few() as RemoteStream<number>;
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  const locked = ReadableStream.from([4, 5]);
  const reader = locked.getReader();
  await failure(near.remoteValue.ok(stream, locked));
  assertEquals(await items.next(), { done: false, value: 2 });
  assertEquals(await reader.read(), { done: false, value: 4 });
  await reader.cancel();
  await items.return!();
  await leaveNothing(near, far);
});

test("a call that fails ends no streams but those that it was to send", async () => {
  class Holder {
    readonly stream = ReadableStream.from([1]);
  }
  const [near, far] = wirePair();
  const holder = new Holder();
  const inner = new Holder();
  const getter = {
    get stream(): ReadableStream {
      throw new Error("asked");
    },
  };
  const { signal } = controlled();
  for (const option of [{ signal: AbortSignal.abort() }, { signal }]) {
    await failure(
      near.with(option).remoteValue.nothing(
        makeRemoteObject(inner),
        holder,
        getter,
        near,
      ),
    );
  }
  assertEquals(await list(holder.stream), [1]);
  assertEquals(await list(inner.stream), [1]);
  assertEquals(near.ended, undefined);
  await leaveNothing(near, far);
});

test("a function that returns may take its stream later", async () => {
  const [near, far] = wirePair();
  let kept: RemoteStream<number> | undefined;
  far.serve({ keep: (stream: RemoteStream<number>) => void (kept = stream) });
  const { signal } = new AbortController();
  await near.with({ signal, deadline: 60_000 }).remoteValue.keep(
    ReadableStream.from([1, 2]),
  );
  await turn();
  assertEquals(await list(kept!), [1, 2]);
  await leaveNothing(near, far);
});

test("a call that waits for its turn ends its streams unsent", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock }, { limits: { calls: 1 } });
  const gate = Promise.withResolvers<void>();
  far.serve({ wait: () => gate.promise, take: list });
  const producers = new Producers();
  const controller = new AbortController();
  const calls = near.with({ signal: controller.signal });
  // Before there is a peer, and while it serves all that it takes.
  const early = failure(calls.remoteValue.take(producers.readable()));
  controller.abort();
  const error = await early;
  assertEquals([error.code, error.sent], ["cancelled", "notSent"]);
  await near.opened;
  const waiting = near.remoteValue.wait();
  const again = new AbortController();
  const queued = failure(
    near.with({ signal: again.signal }).remoteValue.take(producers.readable()),
  );
  const late = failure(
    near.with({ deadline: 1_000 }).remoteValue.take(producers.readable()),
  );
  await turn();
  again.abort();
  assertEquals((await queued).sent, "notSent");
  await clock.advance(1_000);
  assertEquals((await late).code, "deadline");
  await producers.ended(3);
  assertEquals(producers.ends, ["cancelled", "cancelled", "deadline"]);
  assertEquals(producers.made, 0);
  gate.resolve();
  await waiting;
  await leaveNothing(near, far);
});

test("a one-way call that waits for its turn ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  const ends: Promise<WireError>[] = [];
  far.serve({
    take: (stream: RemoteStream<unknown>) => void ends.push(taken(stream)),
  });
  const controller = new AbortController();
  const sent = near.with({ signal: controller.signal }).remote.take(
    producers.readable(),
  );
  controller.abort();
  await sent.catch(() => {});
  await producers.ended(1);
  assertEquals([producers.ends, producers.made], [["cancelled"], 0]);
  await near.ping();
  // Where it leaves all the same, its stream has ended.
  for (const { code } of await Promise.all(ends)) {
    assertEquals(code, "cancelled");
  }
  await leaveNothing(near, far);
});

test("an answer that comes after its wire's end ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  const gate = Promise.withResolvers<void>();
  far.serve({
    async late() {
      await gate.promise;
      return { stream: producers.readable() };
    },
  });
  const call = failure(near.remoteValue.late());
  await turn();
  near.abort();
  await call;
  await far.closed;
  gate.resolve();
  await producers.ended(1);
});

test("a result that does not keep its contract ends its streams", async () => {
  const never = schema(() => ({ issues: [{ message: "no" }] }));
  const expects = contract({
    one: { result: never },
    two: { results: [never] },
  });
  const [near, far] = wirePair({ expects });
  const producers = new Producers();
  far.serve<object>({
    one: () => producers.readable(),
    two: () => values(producers.readable(), producers.readable()),
  });
  const calls = [near.remoteValue.one(), near.remoteValues.two()];
  for (const call of calls) {
    assertEquals((await failure(call)).code, "invalidResult");
  }
  await producers.ended(3);
  await leaveNothing(near, far);
});

test("streams of an answer that cannot be sent are cancelled", async () => {
  const [near, far] = wirePair({}, { onError() {} });
  const cancelled = Promise.withResolvers<void>();
  const stream = new ReadableStream({ cancel: () => cancelled.resolve() });
  // It stands behind what cannot be sent.
  far.serve({ give: () => [Symbol("no value"), stream] });
  assertEquals(
    (await failure(near.remoteValue.give())).code,
    "unsupportedValue",
  );
  await cancelled.promise;
  await near.close();
  await far.closed;
});

test("streams of a call that middleware refuses are cancelled", async () => {
  const [near, far] = wirePair({
    callThrough: [() => {
      throw new Error("Nobody is let out.");
    }],
  });
  const cancelled = Promise.withResolvers<void>();
  const stream = new ReadableStream({ cancel: () => cancelled.resolve() });
  const error = await failure(near.remoteValue.take(stream)) as Error;
  assertEquals(error.message, "Nobody is let out.");
  await cancelled.promise;
  await near.close();
  await far.closed;
});

test("a stream that a function has taken goes on when it throws", async () => {
  const [near, far] = wirePair({ onError() {} });
  const items = Promise.withResolvers<AsyncIterator<unknown>>();
  far.serve({
    take(stream: RemoteStream<unknown>) {
      items.resolve(stream[Symbol.asyncIterator]());
      throw new Error("It has what it needs.");
    },
  });
  const producers = new Producers();
  await failure(near.remoteValue.take(producers.bytes()));
  const taken = await items.promise;
  for (let n = 0; n < 3; n++) assertEquals((await taken.next()).done, false);
  await taken.return!();
  await producers.ended(1);
  await near.close();
  await far.closed;
});
