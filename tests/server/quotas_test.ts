/** What one identity may use of a server, over all of its wires. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Quotas,
  type RefusedEvent,
  type RemoteObject,
  type RequestServerOptions,
  Wire,
  WireError,
} from "../../mod.ts";
import { QuotaKeeper } from "../../server/_newcomers.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";

/** So slowly that nothing comes back in the time of a test. */
const HARDLY = 1e-6;

/** A server whose clients are who they say, and what it tells of refusals. */
function serve(
  quotas: RequestServerOptions["quotas"],
  functions: object = {},
  options: RequestServerOptions = {},
) {
  const events: RefusedEvent[] = [];
  const server = createRequestServer(0, {
    authenticate: (peer) => peer.credential,
    quotas,
    functions: { add: (a: number, b: number) => a + b, ...functions },
    onAudit: (event) => events.push(event),
    onError() {},
    ...options,
  });
  const connect = (credential: string, options: ConnectOptions = {}) =>
    connectToRemoteServer("127.0.0.1", server.port, {
      credential,
      onError() {},
      ...options,
    });
  return { server, events, connect };
}

async function assertOver(
  call: Promise<unknown>,
  quota: keyof Quotas,
): Promise<void> {
  const error = await failure(call);
  assertEquals([error.name, error.code], ["WireError", "limit"]);
  assert(error.message.includes(`"${quota}"`), error.message);
}

test("callsPerSecond counts all wires of an identity, and nobody else's", async () => {
  const { server, events, connect } = serve({ callsPerSecond: HARDLY });
  await using _server = server;
  await using alice = await connect("alice");
  await using bob = await connect("bob");
  assertEquals(await alice.remoteValue.add(1, 2), 3);
  await assertOver(alice.remoteValue.add(1, 2), "callsPerSecond");
  {
    await using again = await connect("alice");
    await assertOver(again.remoteValue.add(1, 2), "callsPerSecond");
  }
  // Who leaves and comes back has used the same.
  await alice.close();
  await using back = await connect("alice");
  await assertOver(back.remoteValue.add(1, 2), "callsPerSecond");
  assertEquals(await bob.remoteValue.add(1, 2), 3);
  assertEquals(
    events.map(({ refused, identity, functionName, reason }) =>
      [refused, identity, functionName, reason.code].join(" ")
    ),
    Array(3).fill("call alice add limit"),
  );
});

test("one-way calls count, too, and are dropped and told of", async () => {
  const got: number[] = [];
  const note = (n: number) => void got.push(n);
  const { server, events, connect } = serve(
    { callsPerSecond: HARDLY },
    { note },
  );
  await using _server = server;
  await using wire = await connect("alice");
  await wire.remote.note(1);
  await wire.remote.note(2);
  await wire.ping();
  assertEquals([got, events.length], [[1], 1]);
});

test("callsAtOnce bounds what runs, and what is over makes room", async () => {
  const gate = Promise.withResolvers<string>();
  const { server, connect } = serve(
    { callsAtOnce: 2 },
    { wait: () => gate.promise },
  );
  await using _server = server;
  await using one = await connect("alice");
  await using other = await connect("alice");
  const waiting = [one.remoteValue.wait(), other.remoteValue.wait()];
  // They have begun by the time that an answer comes back.
  await Promise.all([one.ping(), other.ping()]);
  await assertOver(one.remoteValue.add(1, 2), "callsAtOnce");
  gate.resolve("done");
  assertEquals(await Promise.all(waiting), ["done", "done"]);
  assertEquals(await one.remoteValue.add(1, 2), 3);
});

test("bytesPerSecond counts what came and went, and refuses the next calls", async () => {
  const { server, connect } = serve({ bytesPerSecond: 1_000 }, {
    take: (bytes: Uint8Array) => bytes.length,
    give: (count: number) => new Uint8Array(count),
  });
  await using _server = server;
  await using wire = await connect("alice");
  // It takes most of an hour to make up for that.
  const bytes = new Uint8Array(3_000_000);
  assertEquals(await wire.remoteValue.take(bytes), bytes.length);
  await assertOver(wire.remoteValue.take(bytes), "bytesPerSecond");
  await assertOver(wire.remoteValue.add(1, 2), "bytesPerSecond");
  // The wire lives on, and so does everybody else's.
  assert(await wire.ping() >= 0);
  await using bob = await connect("bob");
  assertEquals((await bob.remoteValue.give(3_000_000)).length, 3_000_000);
  // What was answered is counted by the call after it, at the latest.
  await bob.remoteValue.add(1, 2).catch(() => {});
  await assertOver(bob.remoteValue.add(1, 2), "bytesPerSecond");
});

interface Keeper {
  keep(...things: unknown[]): number;
  hand(count: number): RemoteObject<{ n(): number }>[];
}

test("references are bounded in both directions, over all wires", async () => {
  const { server, events, connect } = serve({ references: 3 }, {
    keep: (...things: unknown[]) => things.length,
    hand: (count: number) =>
      Array.from(
        { length: count },
        (_, n) => makeRemoteObject({ n: () => n }),
      ),
  });
  await using _server = server;
  await using wire = await connect("alice") as unknown as Wire<Keeper>;
  await using other = await connect("alice") as unknown as Wire<Keeper>;
  const f = () => 1;
  assertEquals(await wire.remoteValue.keep(f, () => 2), 2);
  // The same one again is not one more.
  assertEquals(await wire.remoteValue.keep(f), 1);
  await assertOver(
    other.remoteValue.keep(() => 3, () => 4),
    "references",
  );
  await assertOver(other.remoteValue.hand(2), "references");
  // What was refused holds nothing, and calls without any go on.
  assertEquals(await other.remoteValue.keep(), 0);
  const [held] = await other.remoteValue.hand(1);
  await assertOver(wire.remoteValue.hand(1), "references");
  assertEquals(await held!.remoteValue.n(), 0);
  held![Symbol.dispose]();
  await other.ping();
  const [next] = await wire.remoteValue.hand(1);
  next![Symbol.dispose]();
  assertEquals(
    events.map(({ refused, identity }) => [refused, identity].join(" ")),
    Array(3).fill("call alice"),
  );
});

test("streams are bounded in both directions", async () => {
  async function* endless() {
    for (let n = 0;; n++) yield n;
  }
  const { server, connect } = serve({ streams: 1 }, {
    count: () => endless(),
    first: async (stream: AsyncIterable<number>) => {
      for await (const n of stream) return n;
      return undefined;
    },
  });
  await using _server = server;
  await using wire = await connect("alice");
  const stream = await wire.remoteValue.count() as AsyncIterable<number>;
  await assertOver(wire.remoteValue.count(), "streams");
  await assertOver(wire.remoteValue.first(endless()), "streams");
  assertEquals(await wire.remoteValue.add(1, 2), 3);
  for await (const n of stream) if (n === 2) break;
  // It is over when both ends know; the server frees its place.
  while ([...server.wires].some((wire) => wire.stats().streamsSending > 0)) {
    await wire.ping();
  }
  assertEquals(await wire.remoteValue.first(endless()), 0);
});

/** One end whose calls are under quotas, by a clock that a test turns. */
async function underQuotas(
  quotas: Quotas,
  functions: object,
  clock: FakeClock,
) {
  const refused: string[] = [];
  const keeper = new QuotaKeeper({
    quotas,
    hasIdentities: true,
    clock,
    onRefused: (_wire, { message }) => refused.push(message),
  });
  const passing = keeper.passing();
  const [here, there] = memoryTransports();
  const near = makeWire(here);
  const far = new Wire(there, {
    functions,
    authenticate: () => "alice",
    serveThrough: [keeper.admit, keeper.measure],
    confirm: (wire) => {
      keeper.enter(wire, "", passing);
      return true;
    },
    onError() {},
  }, { quota: passing });
  await near.opened;
  return { near, far, refused };
}

test("what is used is made up for in time", async () => {
  const clock = new FakeClock();
  const { near, far, refused } = await underQuotas(
    { callsPerSecond: 2 },
    { f: () => 1 },
    clock,
  );
  const call = () => near.remoteValue.f();
  assertEquals(await Promise.all([call(), call()]), [1, 1]);
  await assertOver(call(), "callsPerSecond");
  await clock.advance(499);
  await assertOver(call(), "callsPerSecond");
  await clock.advance(1);
  assertEquals(await call(), 1);
  await clock.advance(60_000);
  // A second's worth, and not that of a minute.
  assertEquals(await Promise.all([call(), call()]), [1, 1]);
  await assertOver(call(), "callsPerSecond");
  assertEquals(refused.length, 3);
  assertMatch(refused[0]!, /Try again in 500 ms/);
  await near.close();
  await far.closed;
});

test("processorPerSecond counts functions until they wait, and is paid off", async () => {
  const clock = new FakeClock();
  const { near, far } = await underQuotas({ processorPerSecond: 100 }, {
    compute: (time: number) => clock.standStill(time),
    async wait(time: number) {
      await undefined;
      clock.standStill(time);
    },
  }, clock);
  // What comes behind an await is no time of the function's own, as told.
  await near.remoteValue.wait(1_000);
  await near.remoteValue.compute(1_100);
  await assertOver(near.remoteValue.compute(1), "processorPerSecond");
  await clock.advance(9_999);
  await assertOver(near.remoteValue.compute(1), "processorPerSecond");
  await clock.advance(11);
  await near.remoteValue.compute(1);
  await near.close();
  await far.closed;
});

test("quotas may differ, and be shared by those of one account", async () => {
  interface User {
    readonly name: string;
    readonly firm: string;
    readonly calls: number;
  }
  const users: Record<string, User> = {
    ann: { name: "ann", firm: "x", calls: 1 },
    bea: { name: "bea", firm: "x", calls: 1 },
    cem: { name: "cem", firm: "y", calls: 2 },
  };
  await using server = createRequestServer(0, {
    authenticate: (peer): User | undefined => {
      const user = users[peer.credential ?? ""];
      return user === undefined ? undefined : { ...user };
    },
    quotas: ({ firm, calls }) => ({ account: firm, callsAtOnce: calls }),
    functions: { wait: () => new Promise(() => {}), add: () => 3 },
    onError() {},
  });
  const connect = (credential: string) =>
    connectToRemoteServer("127.0.0.1", server.port, { credential });
  const [ann, bea, cem] = await Promise.all(Object.keys(users).map(connect));
  for (const wire of [ann!, cem!]) {
    wire.remoteValue.wait().catch(() => {});
    await wire.ping();
  }
  await assertOver(bea!.remoteValue.add(), "callsAtOnce");
  assertEquals(await cem!.remoteValue.add(), 3);
  for (const wire of [ann!, bea!, cem!]) wire.abort();
  await Promise.all([ann!.closed, bea!.closed, cem!.closed]);
});

test("without authenticate(), quotas are those of an address", async () => {
  const events: RefusedEvent[] = [];
  await using server = createRequestServer(0, {
    quotas: { callsPerSecond: HARDLY },
    functions: { add: () => 3 },
    onAudit: (event) => events.push(event),
  });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  await using one = await connect();
  await using other = await connect();
  assertEquals(await one.remoteValue.add(), 3);
  await assertOver(other.remoteValue.add(), "callsPerSecond");
  assertEquals(events.map(({ identity }) => identity), [undefined]);
});

/** Quotas with which nobody knows what is meant: nobody gets in. */
const UNCLEAR: Record<string, RequestServerOptions["quotas"]> = {
  "throws": () => {
    throw new Error("no such plan");
  },
  "answers undefined": () => undefined as unknown as Quotas,
  "answers a promise": () => Promise.resolve({}) as Quotas,
  "answers a quota that there is not": () => ({ callsPerSecnd: 1 }) as Quotas,
  "answers no number": () => ({ callsAtOnce: "5" as unknown as number }),
};

for (const [what, quotas] of Object.entries(UNCLEAR)) {
  test(`a client whose quotas() ${what} is refused`, async () => {
    const errors: unknown[] = [];
    const { server, connect } = serve(quotas, {}, {
      onError: (error) => errors.push(error),
    });
    await using _server = server;
    assertEquals((await failure(connect("alice"))).code, "refused");
    assertEquals([errors.length, server.wires.size], [1, 0]);
  });
}

test("an identity that is an object needs an account", async () => {
  const errors: WireError[] = [];
  const { server, connect } = serve({ callsAtOnce: 5 }, {}, {
    authenticate: () => ({ name: "alice" }),
    onError: (error) => errors.push(error as WireError),
  });
  await using _server = server;
  assertEquals((await failure(connect("alice"))).code, "refused");
  assertMatch(errors[0]!.message, /Give an account with them/);
});

const WRONG: [object, RegExp][] = [
  [{ callsPerSecond: 0 }, /"callsPerSecond" is a number above 0, not 0/],
  [{ callsPerSecond: -1 }, /above 0/],
  [{ streams: NaN }, /"streams"/],
  [{ references: Infinity }, /Leave it out/],
  [{ bytesPerSecond: "1000" }, /"bytesPerSecond"/],
  [{ bytesPersecond: 1 }, /did you mean "bytesPerSecond"/],
];

for (const [quotas, text] of WRONG) {
  test(`createRequestServer() refuses quotas ${Deno.inspect(quotas)}`, () => {
    const error = assertThrows(
      () => void createRequestServer(0, { quotas: quotas as Quotas }),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
  });
}
