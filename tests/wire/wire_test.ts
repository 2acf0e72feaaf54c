import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { frame, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** A transport that is pinged, as a socket is; writes may be held up. */
function remoteLike(transport: Transport): {
  transport: Transport;
  hold(): void;
} {
  let held = false;
  return {
    hold: () => held = true,
    transport: {
      address: { transport: "streams" },
      read: () => transport.read(),
      write: (bytes) => held ? new Promise(() => {}) : transport.write(bytes),
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    },
  };
}

test("Wire times out when no hello comes", async () => {
  const clock = new FakeClock();
  await using peer = new RawPeer({ clock });
  const hearing = peer.hearAbort();
  await clock.advance(9_999);
  assertEquals(peer.wire.ended, undefined);
  await clock.advance(1);
  assertEquals((await peer.wire.closed).code, "timeout");
  assertEquals((await hearing)?.code, "timeout");
  await assertRejects(() => peer.wire.opened);
  assertEquals(clock.timers, 0);
});

test("Wire pings a silent peer, and ends when it stays silent", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const near = makeWire(remoteLike(here).transport, { clock });
  const far = makeWire(there);
  await Promise.all([near.opened, far.opened]);
  const before = far.stats().messagesReceived;
  await clock.advance(40_000);
  assertEquals(near.ended, undefined);
  assertEquals(far.stats().messagesReceived - before, 1);
  await clock.advance(120_000);
  assertEquals(near.ended, undefined);
  near.abort();
  await Promise.all([near.closed, far.closed]);
  assertEquals(clock.timers, 0);
});

test("Wire ends with keepalive when pings have no answer", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const near = makeWire(remoteLike(here).transport, { clock });
  const { transport, hold } = remoteLike(there);
  const far = makeWire(transport, { clock: new FakeClock() });
  await Promise.all([near.opened, far.opened]);
  await settle();
  hold();
  await clock.advance(60_000);
  assertEquals((await near.closed).code, "keepalive");
  far.abort();
  await settle();
});

test("Wire ends with stalled when its peer takes nothing", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const { transport, hold } = remoteLike(here);
  const near = makeWire(transport, { clock });
  const far = makeWire(there);
  await Promise.all([near.opened, far.opened]);
  await settle();
  hold();
  const call = near.remoteValue.echo(1);
  const failed = call.catch((error: WireError) => error);
  await clock.advance(15_000);
  assertEquals((await near.closed).code, "stalled");
  assertEquals((await failed).sent, "maybeExecuted");
  await far.closed;
});

test("Wire ends with stalled when a message stays unfinished", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const near = makeWire(remoteLike(here).transport, {
    clock,
    limits: { keepaliveIdle: 500_000 },
  });
  const far = makeWire(there);
  await Promise.all([near.opened, far.opened]);
  await far.forceOutput();
  const bytes = frame(0x10, 1);
  await there.write(bytes.slice(0, 4));
  await clock.advance(40_000);
  assertEquals((await near.closed).code, "stalled");
  await far.closed;
});

test("Wire.close() leaves a peer that does not finish", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock });
  far.serve({
    never: () => new Promise(() => {}),
    take: () => {},
  });
  async function* stuck() {
    yield await new Promise(() => {});
  }
  const failed = near.remoteValue.never().catch((error: WireError) => error);
  await near.remoteValue.take(stuck());
  const closing = near.close();
  await settle();
  await clock.advance(10_000);
  await closing;
  const { code, message } = await near.closed;
  assertEquals(code, "timeout");
  assertMatch(message, /: 1 calls had no answer, .* 1 streams were open\.$/);
  assertEquals((await failed).code, "timeout");
  assertEquals((await far.closed).code, "peerAborted");
  assertEquals(clock.timers, 0);
});

test("Wire.close() works before the wire is open", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x });
  const call = near.remoteValue.echo("made before the hello");
  await near.close();
  assertEquals(await call, "made before the hello");
  assertEquals((await far.closed).code, "closed");
});

test("Wire.with() takes deadlines from the wire's clock", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock });
  far.serve({ never: () => new Promise(() => {}) });
  await near.opened;
  const failed = near.with({ deadline: 1_000 }).remoteValue.never()
    .catch((error: WireError) => error);
  await clock.advance(999);
  assertEquals(near.stats().callsPending, 1);
  await clock.advance(1);
  assertEquals((await failed).code, "deadline");
  near.abort();
  await Promise.all([near.closed, far.closed]);
});

test("Wire.onDeath() runs each listener once, errors reported", async () => {
  const reports: string[] = [];
  const [near, far] = wirePair({
    onDeath: () => {
      throw new Error("in onDeath");
    },
    onError: (error, where) => reports.push(`${where}: ${error}`),
  });
  const codes: string[] = [];
  near.onDeath((reason) => codes.push(reason.code));
  near.abort();
  near.abort();
  await Promise.all([near.closed, far.closed]);
  near.onDeath((reason) => codes.push(`late ${reason.code}`));
  assertEquals(codes, ["aborted", "late aborted"]);
  assertEquals(reports, ["onDeath: Error: in onDeath"]);
});

test("Wire.signal aborts with the reason, asked for early or late", async () => {
  const [near, far] = wirePair();
  const { signal } = near;
  assert(!signal.aborted);
  await near.close();
  assertEquals(signal.reason.code, "closed");
  assertEquals(far.signal.aborted, true);
  assertEquals(await far.closed, far.signal.reason);
});

test("Wire takes a signal that aborts it", async () => {
  const controller = new AbortController();
  const [near, far] = wirePair({ signal: controller.signal });
  await near.opened;
  controller.abort(new Error("tired"));
  const reason = await near.closed;
  assertEquals(reason.code, "aborted");
  assert(reason.message.includes("tired"));
  await far.closed;
  const [dead, peer] = wirePair({ signal: AbortSignal.abort("never") });
  assertEquals((await dead.closed).code, "aborted");
  await peer.closed;
});

test("Wire reports what one-way calls throw, at the peer", async () => {
  const reports: string[] = [];
  const [near, far] = wirePair({}, {
    onError: (error, where) =>
      reports.push(`${where}: ${(error as Error).message}`),
  });
  far.serve({
    now() {
      throw new Error("now");
    },
    later: () => Promise.reject(new Error("later")),
  });
  await near.remote.now();
  await near.remote.later();
  await near.remote.unknown();
  await near.close();
  assertEquals(reports.length, 3);
  assertEquals(reports[0], 'one-way call of "now": now');
  assert(reports.some((report) => report.includes("no function")));
  assert(reports.includes('one-way call of "later": later'));
});

test("Wire.serve() refuses what is no function", () => {
  const [near, far] = wirePair();
  const bad = { five: 5 } as unknown as Record<string, () => unknown>;
  class Service {
    method() {}
  }
  const none = null as unknown as typeof bad;
  for (const functions of [bad, new Service() as unknown as typeof bad, none]) {
    let code = "";
    try {
      near.serve(functions);
    } catch (error) {
      code = (error as WireError).code;
    }
    assertEquals(code, "invalidArgument");
  }
  near.abort();
  return Promise.all([near.closed, far.closed]).then(() => {});
});

test("makeWire() closes the connection if it refuses the functions", async () => {
  const [here, there] = memoryTransports();
  const bad = { five: 5 } as unknown as Record<string, () => unknown>;
  let code = "";
  try {
    makeWire(here, { functions: bad });
  } catch (error) {
    code = (error as WireError).code;
  }
  assertEquals(code, "invalidArgument");
  const far = makeWire(there);
  const { code: reason } = await far.closed;
  assert(["connectionLost", "notAWire"].includes(reason), reason);
});

test("RemoteError carries the remote stack only where it is sent", async () => {
  const [near, far] = wirePair({}, { sendStacks: true });
  far.serve({
    deep() {
      throw new Error("deep");
    },
  });
  const error = await near.remoteValue.deep().catch((e: unknown) => e);
  assert(error.remoteStack.includes("wire_test.ts"));
  await near.close();
});

test("recordCallSites shows where a call was made, awaited or not", async () => {
  const [near, far] = wirePair({ recordCallSites: true });
  function theCallSite() {
    return near.remoteValue.nothing();
  }
  const call = theCallSite();
  const error = await call.catch((error: WireError) => error);
  assert(error.stack.includes("theCallSite"), error.stack);
  await near.close();
  await far.closed;
});

test("Wire.abort() never sends a call that it says was not sent", async () => {
  const [near, far] = wirePair();
  const ran: number[] = [];
  far.serve({ run: (n: number) => void ran.push(n) });
  await near.remoteValue.run(1);
  const second = near.remoteValue.run(2);
  near.abort("enough");
  const error = await assertRejects(() => second) as WireError;
  assertEquals([error.code, error.sent], ["aborted", "notSent"]);
  assertEquals((await far.closed).code, "peerAborted");
  assertEquals(ran, [1]);
});

test("Wire.abort() is no proper close where another wire was closed", async () => {
  const [other] = wirePair();
  const [here, there] = memoryTransports();
  const near = makeWire(here, { signal: other.signal });
  const far = makeWire(there);
  await near.opened;
  const taking = (async () => {
    for await (const _ of near);
  })();
  const failed = assertRejects(() => taking) as Promise<WireError>;
  await other.close();
  const reason = await near.closed;
  assertEquals([reason.code, (await failed).code], ["aborted", "aborted"]);
  assertEquals(reason.message, "The wire was aborted: The wire was closed.");
  assertEquals((await far.closed).code, "peerAborted");
});

test("Wire knows that a call given up at once may run all the same", async () => {
  const [near, far] = wirePair();
  let ran = 0;
  far.serve({ run: () => void ran++ });
  await near.opened;
  const controller = new AbortController();
  const call = near.with({ signal: controller.signal }).remoteValue.run();
  controller.abort();
  const error = await assertRejects(() => call) as WireError;
  assertEquals([error.code, error.sent], ["cancelled", "maybeExecuted"]);
  await near.close();
  assertEquals(ran, 1);
});

test("Wire tells the fate of what waited to leave one way", async () => {
  await using peer = new RawPeer();
  await peer.open({ window: 1 });
  const { wire } = peer;
  await Promise.all([wire.remote.f(), wire.outputObject(1)]);
  const waiting = [wire.remote.f(), wire.outputObject(1)]
    .map((sent) => assertRejects(() => sent) as Promise<WireError>);
  const hearing = peer.hearAbort();
  wire.abort("enough");
  for (const error of await Promise.all(waiting)) {
    assertEquals([error.code, error.sent], ["aborted", "notSent"]);
    assert(error.message.includes("it was not sent"), error.message);
  }
  assertEquals((await hearing)?.code, "aborted");
});

test("Wire takes a list of values that is to come as an argument", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (value: unknown) => value });
  const list = near.remoteValues.echo(1);
  assertEquals(await near.remoteValue.echo(list), [1]);
  await near.close();
});

test("Wire fails a call that waited for another wire, once it has ended", async () => {
  const [near, far] = wirePair();
  const [other, end] = wirePair();
  const gate = Promise.withResolvers<number>();
  end.serve({ late: () => gate.promise });
  const call = near.remoteValue.echo(other.remoteValue.late());
  const failed = assertRejects(() => call);
  near.abort("gone");
  gate.resolve(1);
  const error = await failed as WireError;
  assertEquals([error.code, error.sent], ["aborted", "notSent"]);
  await Promise.all([far.closed, other.close()]);
});
