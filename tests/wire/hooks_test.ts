/**
 * Hooks that throw, at once or later: each error is reported once, nothing
 * else is harmed, and the peer learns nothing of it.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Middleware,
  systemClock,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { contract, type StandardSchema } from "../../wire/contract/contract.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
} from "../../wire/reconnect/keep_connected.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { guardedController } from "../../wire/base/report.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { macrotask, unhandledIn } from "./_unhandled.ts";

// deno-lint-ignore no-explicit-any -- whatever a wire of nothing known has
type Any = any;

const SECRET = "the password is 1234";

/** Ways in which a hook fails. */
const THROWS: Record<string, () => Any> = {
  "at once": () => {
    throw new Error(SECRET);
  },
  "later": async () => {
    await 0;
    throw new Error(SECRET);
  },
  "by a thenable": () => ({
    then: (_: unknown, failed: (error: Error) => void) =>
      failed(new Error(SECRET)),
  }),
};

/** Lines that go to the console meanwhile. */
async function consoleOf(work: () => unknown): Promise<string[]> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (text: string) => void lines.push(text);
  try {
    await work();
  } finally {
    console.error = error;
  }
  return lines;
}

/** Keeps what is told. */
function notes() {
  const told: string[] = [];
  const onError = (error: unknown, where: string) =>
    void told.push(`${where}: ${(error as Error).message}`);
  return { told, onError };
}

for (const [how, fail] of Object.entries(THROWS)) {
  test(`an onError that throws ${how} harms nothing`, async () => {
    let found: unknown[] = [];
    const lines = await consoleOf(async () => {
      const [near, far] = wirePair({ onError: fail }, { onError: fail });
      const boom = () => {
        throw new Error("boom");
      };
      const later = async () => {
        await 0;
        throw new Error("later");
      };
      far.serve({ boom, later, ok: () => 1 });
      found = await unhandledIn(async () => {
        near.remote.boom!();
        assertEquals(await near.remoteValue.ok!(), 1);
        near.remote.later!();
        assertEquals(await near.remoteValue.ok!(), 1);
        near.remoteValue.boom!();
        await near.ping();
        await macrotask();
        assertEquals(await near.remoteValue.ok!(), 1);
        near.abort();
        await far.closed;
      });
    });
    assertEquals(found, []);
    for (const name of ["boom", "later"]) {
      const start = `one-way call of "${name}": Error: ${name}\n`;
      assertEquals(lines.filter((line) => line.includes(start)).length, 1);
    }
    assertEquals(lines.filter((line) => line.includes(SECRET)).length, 3);
    assertEquals(lines.length, 6, lines.join("\n"));
  });

  test(`an onDeath that throws ${how} harms nothing`, async () => {
    const near = notes();
    const far = notes();
    const [one, other] = wirePair(
      { onError: near.onError, onDeath: fail },
      { onError: far.onError },
    );
    let heard = 0;
    one.onDeath(fail);
    one.onDeath(() => void heard++);
    other.onDeath(fail);
    const found = await unhandledIn(async () => {
      one.abort();
      await Promise.all([one.closed, other.closed]);
      one.onDeath(fail);
    });
    assertEquals([found, heard], [[], 1]);
    assertEquals(near.told, Array(3).fill(`onDeath: ${SECRET}`));
    assertEquals(far.told, [`onDeath: ${SECRET}`]);
  });

  test(`an onRelease that throws ${how} harms nothing`, async () => {
    const { told, onError } = notes();
    const [near, far] = wirePair({}, { onError });
    far.serve({
      object: () => makeRemoteObject({ f: () => 1 }, { onRelease: fail }),
    });
    const found = await unhandledIn(async () => {
      const object = await near.remoteValue.object!();
      object[Symbol.dispose]();
      await near.ping();
      await near.remoteValue.object!();
      assertEquals(near.ended, undefined);
      near.abort();
      await far.closed;
    });
    assertEquals(found, []);
    assertEquals(told, Array(2).fill(`onRelease: ${SECRET}`));
  });

  test(`listeners of signals that throw ${how} harm nothing`, async () => {
    const near = notes();
    const far = notes();
    const [one, other] = wirePair(
      { onError: near.onError },
      { onError: far.onError },
    );
    let after = 0;
    const gate = Promise.withResolvers<void>();
    other.serve({
      async wait(this: CallContext) {
        this.signal.addEventListener("abort", fail);
        this.signal.onabort = fail;
        this.signal.addEventListener("abort", () => void after++);
        gate.resolve();
        await new Promise(() => {});
      },
      object: () => makeRemoteObject({}),
    });
    const found = await unhandledIn(async () => {
      const reference = await one.remoteValue.object!();
      reference.signal.addEventListener("abort", fail);
      one.signal.addEventListener("abort", fail);
      one.remoteValue.wait!();
      await gate.promise;
      one.abort();
      await other.closed;
    });
    assertEquals([found, after], [[], 1]);
    assertEquals(near.told.sort(), [
      `a listener of a reference's signal: ${SECRET}`,
      `a listener of the signal: ${SECRET}`,
    ]);
    assertEquals(
      far.told,
      Array(2).fill(`a listener of the signal of "wait": ${SECRET}`),
    );
  });

  test(`a confirm that throws ${how} lets nobody in`, async () => {
    for (const dialect of [undefined, cmucl()]) {
      const { told, onError } = notes();
      const [here, there] = memoryTransports();
      const near = makeWire(here, { dialect, onError() {} });
      const far = makeWire(there, { dialect, onError, confirm: fail });
      const found = await unhandledIn(async () => {
        assertEquals((await far.closed).code, "refused");
        await near.closed;
      });
      assertEquals(found, []);
      assertEquals(told, [`confirm: ${SECRET}`]);
      assert(!near.ended!.message.includes(SECRET));
      if (dialect === undefined) assertEquals(near.ended!.code, "refused");
    }
  });

  test(`middleware that throws ${how} fails its call`, async () => {
    const { told, onError } = notes();
    const broken: Middleware = (call, next) =>
      call.name === "broken" ? fail() : next();
    const options: WireOptions = { serveThrough: [broken], onError };
    for (const far of [options, {}]) {
      const [one, other] = wirePair(
        far === options ? {} : { callThrough: [broken], onError },
        far,
      );
      other.serve({ broken: () => 1, ok: () => 1 });
      const found = await unhandledIn(async () => {
        await failure(one.remoteValue.broken!());
        assertEquals(await one.remoteValue.ok!(), 1);
        one.remote.broken!();
        assertEquals(await one.remoteValue.ok!(), 1);
        await macrotask();
      });
      assertEquals([found, one.ended], [[], undefined]);
      one.abort();
      await other.closed;
    }
    assertEquals(told.length, 2, told.join());
  });

  test(`a schema that throws ${how} tells the peer nothing`, async () => {
    const { told, onError } = notes();
    const validate = () => fail();
    const schema: StandardSchema = {
      "~standard": { version: 1, vendor: "test", validate },
    };
    const functions = contract({
      take: { args: [schema] },
      give: { result: schema },
    });
    const [near, far] = wirePair<Any, Any>(
      { expects: functions as Any, onError() {} },
      {
        serves: functions as Any,
        functions: { take: () => 1, give: () => 1 },
        onError,
      },
    );
    const found = await unhandledIn(async () => {
      const refused = await failure(near.remoteValue.take(1));
      assertEquals(refused.code, "invalidArgument");
      assert(!refused.message.includes(SECRET), refused.message);
      await near.remote.take(1);
      // What comes of one's own schemas is for oneself to know.
      const wrong = await failure(near.remoteValue.give());
      assertEquals(wrong.code, "invalidResult");
      assert(wrong.message.includes(SECRET), wrong.message);
    });
    assertEquals(found, []);
    assertEquals(told, [
      `a contract's schema: ${SECRET}`,
      `one-way call of "take": ${SECRET}`,
    ]);
    near.abort();
    await far.closed;
  });

  test(`hooks of a kept connection that throw ${how} harm nothing`, async () => {
    const { told, onError } = notes();
    const far: Wire[] = [];
    const connect = (signal: AbortSignal) => {
      signal.addEventListener("abort", fail);
      const [near, other] = wirePair({ onError() {} }, { onError() {} });
      other.serve({
        add: (a: number, b: number) => a + b,
        wait: () => new Promise(() => {}),
      });
      far.push(other);
      return Promise.resolve(near);
    };
    let attempts = 0;
    const options: KeepConnectedOptions = {
      onError,
      onLost: fail,
      onDeath: fail,
      retry: fail,
      idempotent: fail,
      onConnected: () => ++attempts === 1 ? fail() : undefined,
      backoff: { least: 1, most: 1 },
    };
    const kept = keepConnected(connect, options) as Any;
    const found = await unhandledIn(async () => {
      assertEquals(await kept.remoteValue.add(1, 2), 3);
      const lost = failure(kept.remoteValue.wait());
      await kept.wire.ping();
      kept.wire.abort();
      assertEquals((await lost).sent, "maybeExecuted");
      assertEquals(await kept.remoteValue.add(1, 2), 3);
      await kept.close();
    });
    assertEquals(found, []);
    await Promise.all(far.map((wire) => wire.closed));
    for (const wire of far) assert(!wire.ended!.message.includes(SECRET));
    const counts: Record<string, number> = {};
    for (const text of told) {
      if (text.startsWith("idempotent: The option")) continue;
      assert(text.endsWith(SECRET), text);
      const where = text.split(":")[0]!;
      counts[where] = (counts[where] ?? 0) + 1;
    }
    assertEquals(counts, {
      "a listener of the signal that connect got": 3,
      idempotent: 1,
      onConnected: 1,
      onDeath: 1,
      onLost: 2,
      retry: 2,
    });
  });
}

test("only true lets a peer in", async () => {
  const answers: [Any, boolean][] = [
    [true, true],
    [Promise.resolve(true), true],
    [{ then: (done: (value: boolean) => void) => done(true) }, true],
    [false, false],
    [undefined, false],
    [null, false],
    [1, false],
    ["true", false],
    [{}, false],
    [[], false],
    [Promise.resolve(1), false],
    [Promise.resolve(), false],
    [{ then: (done: (value: unknown) => void) => done({}) }, false],
  ];
  for (const [answer, isWelcome] of answers) {
    for (const dialect of [undefined, cmucl()]) {
      const [here, there] = memoryTransports();
      const near = makeWire(here, { dialect, onError() {} });
      const far = makeWire(there, { dialect, confirm: () => answer });
      const opened = await far.opened.then(() => true, () => false);
      assertEquals([answer, opened], [answer, isWelcome]);
      near.abort();
      await Promise.all([near.closed, far.closed]);
    }
  }
});

test("what goes wrong on one side is told there, and not to the peer", async () => {
  let isBroken = false;
  const { told, onError } = notes();
  const clock: typeof systemClock = {
    now: () => systemClock.now(),
    after(delay, callback) {
      if (isBroken) {
        isBroken = false;
        throw new Error(SECRET);
      }
      return systemClock.after(delay, callback);
    },
  };
  const [near, far] = wirePair({ onError() {} }, { onError, clock });
  far.serve({ wait: () => new Promise(() => {}) });
  await far.opened;
  isBroken = true;
  const found = await unhandledIn(async () => {
    await failure(near.with({ deadline: 60_000 }).remoteValue.wait!());
    await near.closed;
  });
  assertEquals(found, []);
  assertEquals(
    near.ended!.message,
    "The peer ended the wire: A fault on its own side.",
  );
  assertEquals(told, [`the wire, which ends: ${SECRET}`]);
  assertEquals(far.ended!.message, `The wire failed: ${SECRET}`);
  assertEquals((far.ended!.cause as Error).message, SECRET);
});

test("a connection whose close() throws ends its wire all the same", async () => {
  const { told, onError } = notes();
  const [here, there] = memoryTransports();
  const near = makeWire({
    address: here.address,
    local: true,
    read: () => here.read(),
    write: (bytes: Uint8Array<ArrayBuffer>) => here.write(bytes),
    closeWrite: () => here.closeWrite(),
    close() {
      here.close();
      throw new Error(SECRET);
    },
  }, { onError });
  const far = makeWire(there, { onError() {} });
  await near.opened;
  const found = await unhandledIn(async () => {
    near.abort();
    assertEquals((await near.closed).code, "aborted");
    await far.closed;
  });
  assertEquals(found, []);
  assertEquals(told, [`closing the connection: ${SECRET}`]);
});

test("guardedController() makes a signal like any other", async () => {
  const told: string[] = [];
  const controller = guardedController(
    (error, where) => told.push(`${where} ${(error as Error).message}`),
    "here",
  );
  const { signal } = controller;
  assert(signal instanceof AbortSignal);
  const calls: string[] = [];
  const note = (event: Event) => void calls.push(`note ${event.type}`);
  const gone = () => void calls.push("gone");
  const object = {
    handleEvent(this: unknown) {
      calls.push(`object ${this === object}`);
    },
  };
  signal.addEventListener("abort", note);
  signal.addEventListener("abort", note);
  signal.addEventListener("abort", gone);
  signal.removeEventListener("abort", gone);
  signal.addEventListener("abort", object, { once: true });
  signal.addEventListener("abort", null as Any);
  const onabort = function (this: unknown) {
    calls.push(`onabort ${this === signal}`);
    throw new Error("no");
  };
  signal.onabort = onabort;
  assert(signal.onabort === onabort);
  const any = AbortSignal.any([signal]);
  controller.abort(new Error("reason"));
  assertEquals(calls, ["note abort", "object true", "onabort true"]);
  assertEquals([any.aborted, told], [true, ["here no"]]);
  signal.onabort = null;
  assertEquals(signal.onabort, null);
  const error = await failure(fetch("http://127.0.0.1:1/", { signal }));
  assertEquals(error.message, "reason");
  assertEquals(new WireError("closed", "x").code, "closed");
});
