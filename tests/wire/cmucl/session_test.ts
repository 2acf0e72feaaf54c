/** The life of a wire that speaks CMUCL's protocol. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  type WireError,
} from "../../../mod.ts";
import { cmucl, symbol } from "../../../wire/cmucl/mod.ts";
import { FakeClock, settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../../_transports.ts";
import { fromHex, join, lispPair, RawLisp, written } from "./_lisp.ts";

const dialect = cmucl();

for (
  const [transport, server, client] of [
    ["tcp", {}, {}],
    ["tls", { tls: SERVER_TLS }, { tls: CLIENT_TLS }],
  ] as const
) {
  test(`createRequestServer() and connectToRemoteServer() take the dialect (${transport})`, async () => {
    const deaths: string[] = [];
    await using listening = createRequestServer(0, (wire, address) => {
      assertEquals(address.transport, transport);
      wire.serve({ back: () => wire.remoteValue.name() });
      return {
        accept: true,
        onDeath: (reason) => void deaths.push(reason.code),
      };
    }, {
      dialect,
      functions: { "cl:+": (a: bigint, b: number) => a + BigInt(b) },
      ...server,
    });
    const wire = await connectToRemoteServer(
      "127.0.0.1",
      listening.port,
      (reason) => void deaths.push(reason.code),
      { dialect, functions: { name: () => symbol("NEAR") }, ...client },
    );
    assertEquals(await wire.remoteValue["cl:+"](2n ** 64n, 1), 2n ** 64n + 1n);
    assertEquals(await wire.remoteValue.back(), symbol("NEAR"));
    await wire.close();
    await listening.shutdown();
    assertEquals(deaths, ["closed", "closed"]);
  });
}

test("createRequestServer() refuses by onConnect", async () => {
  await using server = createRequestServer(0, () => false, { dialect });
  const port = "port" in server.address ? server.address.port : 0;
  // Nothing tells a client that it was refused, but the end.
  const wire = await connectToRemoteServer("127.0.0.1", port, undefined, {
    dialect,
  });
  const error = await assertRejects(() => wire.remoteValue.f()) as WireError;
  assert(["closed", "connectionLost"].includes(error.code), error.code);
  await wire.closed;
});

test("Wire does not pretend to have a credential", async () => {
  const [here, there] = memoryTransports();
  const near = makeWire(here, { dialect, credential: "secret" });
  const far = makeWire(there, { dialect, requireCredential: "secret" });
  for (const wire of [near, far]) {
    const error = await assertRejects(() => wire.opened) as WireError;
    assertEquals(error.code, "invalidArgument");
    await wire.closed;
  }
});

test("Wire.close() lets calls under way finish, both ways", async () => {
  await using pair = lispPair();
  const gate = Promise.withResolvers<string>();
  pair.far.serve({ slow: () => gate.promise });
  const call = pair.near.remoteValue.slow();
  await pair.near.ping();
  const closed = pair.near.close();
  const late = await assertRejects(() =>
    pair.near.remoteValue.slow()
  ) as WireError;
  assertEquals([late.code, late.sent], ["closed", "notSent"]);
  gate.resolve("in time");
  assertEquals(await call, "in time");
  await closed;
  assertEquals((await pair.near.closed).code, "closed");
  assertEquals((await pair.far.closed).code, "closed");
});

test("Wire.close() waits for answers owed, and not for ever", async () => {
  const clock = new FakeClock();
  const pair = lispPair({}, { clock });
  pair.far.serve({ never: () => new Promise(() => {}) });
  const call = pair.near.remoteValue.never().catch((e: WireError) => e.code);
  await pair.near.ping();
  const closed = pair.far.close();
  await clock.advance(9_999);
  assertEquals(pair.far.ended, undefined);
  await clock.advance(1);
  await closed;
  assertEquals((await pair.far.closed).code, "timeout");
  assertEquals(await call, "connectionLost");
  await pair.near.closed;
});

test("Wire ends with the stream: pending calls fail, onDeath runs once", async () => {
  const deaths: WireError[] = [];
  await using peer = new RawLisp({
    onDeath: (reason) => void deaths.push(reason),
  });
  const { wire } = peer;
  await wire.opened;
  const call = wire.remoteValue.f();
  const waiting = wire.getObject();
  await peer.hearNext();
  await peer.end();
  const error = await assertRejects(() => call) as WireError;
  assertEquals([error.code, error.sent], ["connectionLost", "maybeExecuted"]);
  await assertRejects(() => waiting);
  assertEquals(deaths.length, 1);
  assertEquals(wire.signal.reason, deaths[0]);
});

test("Wire tells an end between objects from one within", async () => {
  for (const [hex, code] of [["", "closed"], ["0700", "connectionLost"]]) {
    await using peer = new RawLisp();
    await peer.say(fromHex(`0700000001${hex}`));
    assertEquals(await peer.wire.getObject(), 1);
    await peer.end();
    assertEquals((await peer.wire.closed).code, code);
  }
});

test("Wire iterates over objects until the peer leaves", async () => {
  await using peer = new RawLisp();
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const object of peer.wire) seen.push(object);
  })();
  await peer.say(fromHex("07000000010700000002"));
  await peer.end();
  await reading;
  assertEquals(seen, [1, 2]);
});

test("Wire.abort() ends both ends", async () => {
  await using pair = lispPair();
  pair.near.abort(new Error("enough"));
  assertEquals((await pair.near.closed).code, "aborted");
  await pair.far.closed;
  const error = await assertRejects(() => pair.near.remote.f()) as WireError;
  assertEquals([error.code, error.sent], ["aborted", "notSent"]);
});

test("Wire holds back calls that are made before it is open", async () => {
  const decision = Promise.withResolvers<boolean>();
  const [here, there] = memoryTransports();
  const near = makeWire(here, { dialect });
  const far = makeWire(there, { dialect, confirm: () => decision.promise });
  far.serve({ f: () => "served", back: () => "back" });
  near.serve({ back: () => "back" });
  const [early, back] = [near.remoteValue.f(), far.remoteValue.back()];
  const symbols = near.remoteValue.f(symbol("A"), symbol("A"));
  await settle();
  assertEquals(far.stats().callsServed, 0);
  assertEquals(near.stats().callsServed, 0);
  decision.resolve(true);
  assertEquals(await Promise.all([early, back, symbols]), [
    "served",
    "back",
    "served",
  ]);
  await Promise.all([near.close(), far.close()]);
});

test("Wire does not wait for ever for a decision", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const confirm = () => new Promise<boolean>(() => {});
  const wire = makeWire(there, { dialect, clock, confirm });
  await settle();
  await clock.advance(10_000);
  assertEquals(
    (await assertRejects(() => wire.opened) as WireError).code,
    "timeout",
  );
  here.close();
  assertEquals((await wire.closed).code, "timeout");
  assertEquals(clock.timers, 0);
});

/** A transport like a socket, whose writes may be held up. */
function remoteLike(transport: Transport, held = false): Transport {
  return {
    address: { transport: "streams" },
    read: () => transport.read(),
    write: (bytes) => held ? new Promise(() => {}) : transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

test("Wire ends when its peer takes nothing", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const wire = makeWire(remoteLike(here, true), { dialect, clock });
  await wire.opened;
  const call = wire.remoteValue.f();
  await clock.advance(15_000);
  assertEquals((await assertRejects(() => call) as WireError).code, "stalled");
  there.close();
  await clock.advance(2_000);
  assertEquals((await wire.closed).code, "stalled");
  assertEquals(clock.timers, 0);
});

test("Wire ends at an object that does not come to its end, but not at silence", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const wire = makeWire(remoteLike(there), { dialect, clock });
  await clock.advance(1_000_000);
  assertEquals(wire.ended, undefined);
  await here.write(fromHex("0700"));
  await clock.advance(40_000);
  assertEquals((await wire.closed).code, "stalled");
  here.close();
});

test("Wire leaves objects where they are that nobody takes", async () => {
  const text = "x".repeat(900);
  const bytes = written((lisp) => lisp.value(text));
  await using peer = new RawLisp({ limits: { window: 8_000 } });
  const { wire } = peer;
  let said = 0;
  const saying = (async () => {
    for (; said < 50; said++) await peer.say(bytes);
  })();
  await settle();
  assert(said < 10, `${said} were read`);
  const held = wire.stats().inbox;
  assert(held >= 4 && held < 10, `${held} wait`);
  // A call of this side is not held up by them.
  for (let taken = 0; taken < 50; taken++) {
    assertEquals(await wire.getObject(), text);
  }
  await saying;
  assertEquals(wire.ended, undefined);
});

test("Wire reads on while it waits for an answer, within its window", async () => {
  await using peer = new RawLisp({ limits: { window: 8_000 } });
  const { wire } = peer;
  await wire.opened;
  const call = wire.remoteValue.f();
  await peer.hearNext();
  const bytes = written((lisp) => lisp.value("x".repeat(900)));
  for (let said = 0; said < 20; said++) await peer.say(bytes);
  assertEquals(
    (await assertRejects(() => call) as WireError).code,
    "malformed",
  );
});

test("Wire begins no more calls than it may serve at a time", async () => {
  await using peer = new RawLisp({
    limits: { calls: 2 },
    functions: { slow: () => new Promise(() => {}) },
  });
  const ask = fromHex(
    "0109000000" + "0f444f2d312d56414c55452d43414c4c" + "0000000457495245" +
      "0c000000090000000900000005",
  );
  const call = written((lisp) => {
    lisp.saves = false;
    lisp.call(symbol("SLOW"), []);
  });
  await peer.say(join(ask, call, ask, call));
  await settle();
  assertEquals(peer.wire.stats().callsRunning, 2);
  await peer.say(join(ask, call));
  assertEquals((await peer.wire.closed).code, "malformed");
});

test("Wire makes no more calls at a time than its limit, the others wait", async () => {
  await using pair = lispPair({ limits: { calls: 3 } });
  const gates: ((value: unknown) => void)[] = [];
  pair.far.serve({ wait: () => new Promise((resolve) => gates.push(resolve)) });
  const calls = Array.from(
    { length: 7 },
    (_, n) => pair.near.remoteValue.wait(symbol("S"), n),
  );
  let answered = 0;
  while (answered < 7) {
    await settle();
    assert(gates.length <= answered + 3);
    gates[answered]!(answered++);
  }
  assertEquals(await Promise.all(calls), [0, 1, 2, 3, 4, 5, 6]);
});

test("Wire keeps answers within bounds, however small the question", async () => {
  const limits = { sendPause: 100_000 };
  const [here, there] = memoryTransports();
  const wire = makeWire(remoteLike(there, true), {
    dialect,
    limits,
    onError() {},
  });
  // Saved under 0 and 1; then each question is two look ups.
  await here.write(written((lisp) => {
    lisp.value(symbol("DO-1-VALUE-CALL", "WIRE"));
    lisp.saved(["x".repeat(9_999)]);
  }));
  const question = fromHex(`010b000000000c${"00".repeat(12)}0b00000001`);
  for (let n = 0; n < 1_000; n++) await here.write(question.slice());
  const { outputWaiting } = wire.stats();
  assert(outputWaiting > 10_000 && outputWaiting < 130_000, `${outputWaiting}`);
  here.close();
  wire.abort();
  await wire.closed;
});

test("Wire does not lock up when both ends flood each other", async () => {
  const far = Promise.withResolvers<Wire>();
  await using server = createRequestServer(0, (wire) => {
    far.resolve(wire);
    return true;
  }, { dialect });
  const port = "port" in server.address ? server.address.port : 0;
  const near = await connectToRemoteServer("127.0.0.1", port, undefined, {
    dialect,
  });
  const text = "x".repeat(100_000);
  const ends = [near, await far.promise];
  const taken = [0, 0];
  await Promise.all(ends.map(async (end, index) => {
    end.serve({ take: (text: string) => void (taken[index]! += text.length) });
    for (let n = 0; n < 200; n++) await end.remote.take(text);
    await end.remoteValue["take"]("");
  }));
  assertEquals(taken, [20_000_000, 20_000_000]);
  await near.close();
});

test("Wire.stats() counts objects and calls", async () => {
  await using pair = lispPair();
  const { near, far }: { near: Wire; far: Wire } = pair;
  far.serve({ f: () => 1 });
  await near.remoteValue.f();
  await near.remote.f();
  await near.outputObject(1);
  assertEquals(await far.getObject(), 1);
  const [sent, received] = [near.stats(), far.stats()];
  assertEquals([sent.callsMade, sent.callsPending], [1, 0]);
  assertEquals([received.callsServed, received.callsRunning], [2, 0]);
  assertEquals(sent.bytesSent, received.bytesReceived);
  assertEquals(sent.messagesSent, 3);
  assertEquals(received.messagesReceived, 4);
});
