/**
 * What a CMUCL asks for: calls that wait, calls that unwind, and what each of
 * them holds until it is over.
 */

import { assert, assertEquals } from "@std/assert";
import {
  cmucl,
  form,
  listOf,
  nil,
  RemoteObject,
  symbol,
} from "../../../wire/cmucl/mod.ts";
import {
  makeWire,
  memoryTransports,
  type Transport,
} from "../../../wire/mod.ts";
import {
  abortName,
  callName,
  returnName,
} from "../../../wire/cmucl/opcodes.ts";
import { settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { fate } from "../_keeping.ts";
import { countedSignal } from "../_listeners.ts";
import { join, lispPair, RawLisp, toHex, written } from "./_lisp.ts";

const OUTER = new RemoteObject(9, 9, 4);
const INNER = new RemoteObject(9, 9, 5);

/** A question for one value, of nothing that was said before. */
function ask(name: string, ...args: unknown[]): Uint8Array<ArrayBuffer> {
  return written((lisp) => {
    lisp.saves = false;
    lisp.call(callName(1), [INNER]);
    lisp.call(symbol(name), args);
  });
}

/** The bytes of all that comes until the wire has nothing left to say. */
async function hearAll(peer: RawLisp, count: number): Promise<number> {
  let bytes = 0;
  while (bytes < count) bytes += (await peer.hearNext()).length;
  return bytes;
}

test("a call that unwinds aborts all who wait for its value, from the last on", async () => {
  const functions = {
    throws() {
      throw new Error("It was to fail.");
    },
    rejects: () => Promise.reject(new Error("It was to fail later.")),
  };
  for (const name of ["THROWS", "REJECTS", "MISSING"]) {
    await using peer = new RawLisp({ functions });
    const expected = toHex(written((lisp) => {
      lisp.call(abortName, [INNER]);
      lisp.call(abortName, [OUTER]);
    }));
    const heard = peer.hear(expected.length / 2);
    await peer.say(written((lisp) => {
      lisp.call(callName(1), [OUTER]);
      lisp.call(callName(1), [INNER]);
      lisp.call(symbol(name), []);
    }));
    assertEquals(toHex(await heard), expected, name);
    await settle();
    assertEquals(peer.errors.length, 1);
    assertEquals(peer.wire.ended, undefined);
  }
});

test("data over a limit aborts those who ask for it, and nobody after them", async () => {
  for (const isCall of [true, false]) {
    await using peer = new RawLisp({
      functions: { f: () => "answer" },
      limits: { values: 3 },
    });
    const expected = toHex(written((lisp) => {
      lisp.call(abortName, [INNER]);
      lisp.call(returnName(1), [OUTER, "answer"]);
    }));
    const heard = peer.hear(expected.length / 2);
    await peer.say(written((lisp) => {
      lisp.call(callName(1), [INNER]);
      if (isCall) lisp.call(symbol("F"), [1, 2, 3, 4]);
      else lisp.value([1, 2, 3, 4]);
      lisp.call(callName(1), [OUTER]);
      lisp.call(symbol("F"), []);
    }));
    assertEquals(toHex(await heard), expected);
    assertEquals(peer.wire.ended, undefined);
  }
});

test("an argument that unwinds keeps those behind it from being performed", async () => {
  await using pair = lispPair();
  const performed: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  pair.far.serve({
    note: (x: unknown) => void performed.push(x),
    throws() {
      throw new Error("It was to fail.");
    },
    later: () => gate.promise.then(() => Promise.reject(new Error("Later."))),
    "cl:list": (...items: unknown[]) => (performed.push("list"), items),
  });
  const { remoteValue, remote } = pair.near;
  const fates = [
    fate(
      remoteValue["cl:list"](form("note", 1), form("throws"), form("note", 2)),
    ),
    fate(
      remoteValue["cl:list"](form("note", 3), form("later"), form("note", 4)),
    ),
  ];
  // Nobody waits for these; what comes behind them comes all the same.
  remote["cl:list"](form("missing"), form("note", 5));
  remote["cl:list"](form("later"), form("note", 6));
  const last = remoteValue["cl:list"](form("note", 7));
  await settle();
  gate.resolve();
  assertEquals(listOf(await last).length, 1);
  for (const one of await Promise.all(fates)) assert(!one.startsWith("value"));
  assertEquals(performed, [1, 3, 7, "list"]);
  assertEquals(pair.far.stats().callsRunning, 0);
  assertEquals([pair.near.ended, pair.far.ended], [undefined, undefined]);
});

test("what calls for a value hold is released, however they end", async () => {
  await using peer = new RawLisp({
    limits: { window: 8_000 },
    functions: {
      later: async () => await "short",
      fails: () => Promise.reject(new Error("It was to fail.")),
    },
  });
  const text = "x".repeat(900);
  // Four windows' worth of each: what is not released stops the reading.
  for (let round = 0; round < 36; round++) {
    for (const name of ["LATER", "FAILS", "MISSING"]) {
      await peer.say(ask(name, text));
      assert(await hearAll(peer, 1) > 0, `round ${round}`);
    }
  }
  await settle();
  assertEquals(peer.wire.stats().callsRunning, 0);
  assertEquals(peer.wire.ended, undefined);
});

test("what data holds that is sent back is released as well", async () => {
  await using peer = new RawLisp({
    limits: { window: 8_000, sendPause: 500 },
    functions: { f: () => "answer" },
  });
  const echo = written((lisp) => {
    lisp.saves = false;
    lisp.call(callName(1), [INNER]);
    lisp.value("x".repeat(900));
  });
  for (let round = 0; round < 12; round++) {
    // The second and third wait until the first one is read.
    await peer.say(join(echo, echo, echo));
    await hearAll(peer, 2_700);
    await settle();
  }
  await peer.say(ask("F"));
  assert(await hearAll(peer, 1) > 0);
  assertEquals(peer.wire.ended, undefined);
});

/** Hands over only as many bytes at a time as it is told to. */
class Slow implements Transport {
  readonly address: Transport["address"];
  readonly local = true;
  readonly #inner: Transport;
  #take: ((count: number) => void) | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
    this.address = inner.address;
  }

  /** Has the write that waits take so many bytes, or all. */
  take(most = Infinity): void {
    const take = this.#take;
    this.#take = undefined;
    take?.(most);
  }

  read(): Promise<Uint8Array | null> {
    return this.#inner.read();
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const most = await new Promise<number>((resolve) => this.#take = resolve);
    return await this.#inner.write(bytes.subarray(0, most));
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.take();
    this.#inner.close();
  }
}

test("data is sent back in the order in which it came", async () => {
  const [here, there] = memoryTransports();
  const slow = new Slow(there);
  const wire = makeWire(slow, {
    dialect: cmucl(),
    limits: { sendPause: 500 },
    onError() {},
  });
  let heard = "";
  (async () => {
    for (let chunk; (chunk = await here.read()) !== null;) {
      heard += new TextDecoder().decode(chunk);
    }
  })().catch(() => {});
  const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(900));
  const say = (text: string) =>
    here.write(written((lisp) => {
      lisp.saves = false;
      lisp.call(callName(1), [INNER]);
      lisp.value(text);
    }));
  // The first leaves, and nobody takes it: the next two wait.
  for (const text of texts.slice(0, 3)) await say(text);
  await settle();
  // Now there is room, though the first has not left whole.
  slow.take(800);
  await settle();
  assert(wire.stats().outputWaiting < 500);
  await say(texts[3]!);
  await settle();
  for (let round = 0; round < 10; round++) {
    slow.take();
    await settle();
  }
  const order = heard.match(/a{900}|b{900}|c{900}|d{900}/g);
  assertEquals(order?.map((text) => text[0]), ["a", "b", "c", "d"]);
  here.close();
  wire.abort();
  await wire.closed;
});

/** A list of many lists of one: a few bytes each, and far more in memory. */
function lists(count: number): unknown[] {
  return Array.from({ length: count }, () => [nil]);
}

test("objects hold memory until they are taken, or their calls are answered", async () => {
  const gates: (() => void)[] = [];
  const hold = () => new Promise<void>((resolve) => gates.push(resolve));
  await using peer = new RawLisp({ functions: { hold } });
  const { wire } = peer;
  const held = () => wire.stats().memoryHeld;
  await peer.say(written((lisp) => lisp.value(lists(1_000))));
  await settle();
  const one = held();
  assert(one > 50_000, `${one}`);
  await wire.getObject();
  assertEquals(held(), 0);
  await peer.say(ask("HOLD", lists(1_000)));
  await peer.say(written((lisp) => {
    lisp.saves = false;
    lisp.call(symbol("HOLD"), [lists(1_000)]);
  }));
  await settle();
  assert(held() > one * 1.9, `${held()}`);
  for (const open of gates) open();
  await settle();
  assertEquals(held(), 0);
  assertEquals(wire.ended, undefined);
});

test("objects are left where they are while memory is short", async () => {
  await using peer = new RawLisp({ limits: { memory: 2 ** 20 } });
  const { wire } = peer;
  const bytes = written((lisp) => {
    lisp.saves = false;
    lisp.value(lists(2_000));
  });
  const said = (async () => {
    for (let count = 0; count < 40; count++) await peer.say(bytes.slice());
  })();
  await settle();
  const { memoryHeld, inbox } = wire.stats();
  assert(memoryHeld > 2 ** 19 && memoryHeld < 2 ** 20, `${memoryHeld}`);
  assert(inbox < 20, `${inbox}`);
  // What is taken makes room for the others, and none is lost.
  for (let count = 0; count < 40; count++) {
    assertEquals((await wire.getObject() as unknown[]).length, 2_000);
  }
  await said;
  assertEquals(wire.stats().memoryHeld, 0);
  assertEquals(peer.errors, []);
});

test("what is heavier than there is room for fails by itself", async () => {
  await using peer = new RawLisp({
    limits: { memory: 2 ** 20 },
    functions: { f: () => "answer" },
  });
  const many = written((lisp) => {
    lisp.call(callName(1), [INNER]);
    lisp.call(symbol("F"), [lists(60_000)]);
  });
  // Each list is a pair, its item and its end; saved symbols make them short.
  assert(many.length < 60_000 * 12 + 500, `${many.length}`);
  const expected = toHex(written((lisp) => lisp.call(abortName, [INNER])));
  const heard = peer.hear(expected.length / 2);
  await peer.say(many);
  assertEquals(toHex(await heard), expected);
  assertEquals(peer.wire.stats().memoryHeld, 0);
  assertEquals(peer.wire.ended, undefined);
});

test("what waits for room leaves when there is some", async () => {
  await using peer = new RawLisp({ limits: { sendPause: 2_000 } });
  const { wire } = peer;
  await wire.opened;
  const text = "x".repeat(900);
  const fates = Array.from({ length: 12 }, () => fate(wire.remote.note(text)));
  const calls = Array.from({ length: 3 }, () => fate(wire.remoteValue.f(text)));
  await settle();
  const { outputWaiting } = wire.stats();
  assert(outputWaiting < 4_000, `${outputWaiting} wait`);
  await hearAll(peer, 15 * 900);
  assertEquals(await Promise.all(fates), Array(12).fill("value undefined"));
  assertEquals(wire.stats().callsWaiting, 0);
  wire.abort();
  assertEquals(
    await Promise.all(calls),
    Array(3).fill("aborted maybeExecuted"),
  );
});

test("calls that wait for their turn are not sent when they are given up", async () => {
  await using pair = lispPair({ limits: { calls: 1 } });
  let served = 0;
  const gates: ((value: unknown) => void)[] = [];
  pair.far.serve({
    wait() {
      served++;
      return new Promise((resolve) => gates.push(resolve));
    },
  });
  await pair.near.opened;
  const first = pair.near.remoteValue.wait();
  const counted = countedSignal();
  const { signal } = counted;
  const given = [1, 2].map(() =>
    fate(pair.near.with({ signal }).remoteValue.wait())
  );
  const last = pair.near.remoteValue.wait();
  assertEquals(pair.near.stats().callsWaiting, 3);
  counted.controller.abort();
  assertEquals(await Promise.all(given), Array(2).fill("cancelled notSent"));
  assertEquals(pair.near.stats().callsWaiting, 1);
  await settle();
  assertEquals(served, 1);
  gates[0]!("first");
  assertEquals(await first, "first");
  await settle();
  gates[1]!("last");
  assertEquals(await last, "last");
  assertEquals(served, 2);
});

test("the end of a wire tells calls that wait from those that left", async () => {
  await using pair = lispPair({ limits: { calls: 1 } });
  pair.far.serve({ wait: () => new Promise(() => {}) });
  const fates = [1, 2].map(() => fate(pair.near.remoteValue.wait()));
  await settle();
  pair.near.abort();
  assertEquals(await Promise.all(fates), [
    "aborted maybeExecuted",
    "aborted notSent",
  ]);
});

test("functions that a CMUCL called learn of the wire's end", async () => {
  const signals: AbortSignal[] = [];
  await using pair = lispPair();
  pair.far.serve({
    wait(this: { signal: AbortSignal }) {
      signals.push(this.signal);
      return new Promise((resolve) =>
        this.signal.addEventListener("abort", resolve)
      );
    },
  });
  const waits = fate(pair.near.remoteValue.wait());
  pair.near.remote.wait();
  await settle();
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
  pair.far.abort();
  assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
  assertEquals((await waits).split(" ")[1], "maybeExecuted");
});
