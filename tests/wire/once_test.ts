import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type CallContext,
  makeRemoteObject,
  type OnceKey,
  Refusal,
  type RemoteError,
  values,
  type Wire,
  type WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import {
  type KvLike,
  type KvSteps,
  type Once,
  onceIn,
  onceInKv,
  onceInMemory,
  type OnceStore,
} from "../../wire/once/once.ts";
import { encodeValue } from "../../wire/codec/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, lost, Place } from "./_keeping.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

/** Two ends, of which the far one remembers. */
class Pair implements AsyncDisposable {
  readonly near: Wire;
  readonly far: Wire;
  readonly reports: string[] = [];
  runs = 0;

  constructor(once: Once | undefined, far: Any = {}, near: WireOptions = {}) {
    [this.near, this.far] = wirePair(near, {
      once,
      onError: (error: unknown, where: string) =>
        this.reports.push(`${where}: ${(error as Error).message}`),
      ...far,
    }) as [Wire, Wire];
    const ran = <T>(value: T): T => {
      this.runs++;
      return value;
    };
    this.far.serve({
      add: (a: number, b: number) => ran(a + b),
      both: () => ran(values(1, new Date(0))),
      fail: () => {
        throw Object.assign(new RangeError(`run ${++this.runs}`), { at: 7 });
      },
      refuse: () => {
        throw new Refusal("tooLate", `run ${++this.runs}`);
      },
      object: () => ran(makeRemoteObject({})),
      metadata(this: CallContext) {
        return ran({ ...this.metadata });
      },
    });
  }

  /** What a call with a key comes to. */
  call(key: Any, name: string, ...args: unknown[]): Promise<string> {
    return told(this.near.call(name, args, false, { once: key }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.near.abort();
    await Promise.all([this.near.closed, this.far.closed]);
  }
}

function told(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => JSON.stringify(value) ?? "undefined",
    (error) => `${error.code ?? error.name} ${error.sent ?? error.message}`,
  );
}

test("with({ once }) has a call run once for its key, and answered each time", async () => {
  await using pair = new Pair(onceInMemory());
  for (let turn = 0; turn < 3; turn++) {
    assertEquals(await pair.call("a", "add", 40, 2), "42");
    assertEquals(pair.runs, 1);
  }
  assertEquals(await pair.call("b", "add", 40, 2), "42");
  assertEquals(await pair.call(true, "add", 40, 2), "42");
  assertEquals(await pair.call(true, "add", 40, 2), "42");
  assertEquals(await pair.call(false, "add", 40, 2), "42");
  assertEquals(pair.runs, 5);
});

test("with({ once }) remembers what was thrown, refused and several values", async () => {
  await using pair = new Pair(onceInMemory());
  const { near } = pair;
  for (let turn = 0; turn < 2; turn++) {
    const error = await near.call("fail", [], false, { once: "f" })
      .catch((error) => error) as RemoteError;
    assertEquals([error.name, error.message, error.data], [
      "RangeError",
      "run 1",
      { at: 7 },
    ]);
    const refusal = await near.call("refuse", [], false, { once: "r" })
      .catch((error) => error) as WireError;
    assertEquals([refusal.code, refusal.message], ["tooLate", "run 2"]);
    const { remoteValues, remoteValue } = near.with({ once: "v" });
    assertEquals(await remoteValues.both!(), [1, new Date(0)]);
    assertEquals(await remoteValue.both!(), 1);
  }
  assertEquals(pair.runs, 3);
});

test("a key that was used with other arguments, or another function, is refused", async () => {
  await using pair = new Pair(onceInMemory());
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  const refused = /^keyReused .*The key of this call/;
  assert(refused.test(await pair.call("a", "add", 1, 3)));
  assert(refused.test(await pair.call("a", "both", 1, 2)));
  // Also while the first runs, whichever of them that is.
  const told = await Promise.all([
    pair.call("b", "add", 1, 2),
    pair.call("b", "add", 2, 2),
  ]);
  const [came, ...others] = told.filter((each) => !refused.test(each));
  assert(came === "3" || came === "4", `${told}`);
  assertEquals(others, []);
  assertEquals(pair.runs, 2);
});

test("a repeat waits while the first run goes on, and outlives its wire", async () => {
  const once = onceInMemory();
  const gate = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  let runs = 0;
  const aborted: boolean[] = [];
  const functions = {
    wait(this: CallContext) {
      runs++;
      begun.resolve();
      return gate.promise.then((text) => {
        aborted.push(this.signal.aborted);
        return text;
      });
    },
  };
  await using first = new Pair(once, { functions });
  await using second = new Pair(once, { functions });
  const lostCall = fate(first.near.call("wait", [], false, { once: "w" }));
  await begun.promise;
  first.far.abort();
  assertEquals(await lostCall, "peerAborted maybeExecuted");
  const again = second.call("w", "wait");
  await second.near.ping();
  gate.resolve("done");
  assertEquals(await again, '"done"');
  assertEquals([runs, aborted], [1, [false]]);
});

test("a call that runs once is still cancelled by its caller", async () => {
  const heard = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  await using pair = new Pair(onceInMemory(), {
    functions: {
      wait(this: CallContext) {
        const { signal } = this;
        begun.resolve();
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            heard.resolve(signal.reason.code);
            reject(new Error("stopped"));
          })
        );
      },
    },
  });
  const controller = new AbortController();
  const options = { once: "w", signal: controller.signal };
  const call = fate(pair.near.call("wait", [], false, options));
  await begun.promise;
  controller.abort();
  assertEquals(await call, "cancelled maybeExecuted");
  assertEquals(await heard.promise, "cancelled");
  assertEquals(await pair.call("w", "wait"), "Error stopped");
});

test("with({ once }) refuses what cannot be remembered", async () => {
  await using pair = new Pair(onceInMemory());
  assert(
    /^unsupportedValue .*values alone/
      .test(await pair.call("a", "add", () => 1, 2)),
  );
  assertEquals(pair.runs, 0);
  for (let turn = 0; turn < 2; turn++) {
    assert(
      /^unsupportedValue .*cannot be remembered/
        .test(await pair.call("b", "object")),
    );
    assertEquals(pair.runs, 1);
  }
  const sent = pair.near.with({ once: true }).remote.add!(1, 2);
  assertEquals(await told(sent), "invalidArgument notSent");
  for (const once of ["", "x".repeat(1_001), "\ud800", 1, null, {}, []]) {
    const text = await told(
      pair.near.call("add", [1, 2], false, { once: once as Any }),
    );
    assert(/^invalidArgument .*"once" of a call/.test(text), text);
  }
  assertEquals(pair.runs, 1);
});

test("with({ once }) runs nothing where the peer remembers nothing", async () => {
  await using pair = new Pair(undefined);
  assertEquals(await pair.call(true, "add", 1, 2), "noSuchFunction notSent");
  assertEquals(pair.runs, 0);
  const dialect = cmucl();
  const [lisp, other] = wirePair({ dialect }, { dialect });
  const call = lisp.call("add", [1, 2], false, { once: true });
  assertEquals(await told(call), "noSuchFunction notSent");
  lisp.abort();
  await Promise.all([lisp.closed, other.closed]);
});

test("the key of a call is not passed on with its metadata", async () => {
  await using pair = new Pair(onceInMemory());
  const { remoteValue } = pair.near.with({
    once: true,
    metadata: { tenant: "blue" },
  });
  assertEquals(await remoteValue.metadata!(), { tenant: "blue" } as Any);
});

test("middleware sees each call that runs once, a repeat too, and may refuse it", async () => {
  const seen: string[] = [];
  await using pair = new Pair(onceInMemory(), {
    serveThrough: [(call: Any, next: Any) => {
      seen.push(call.name);
      if (seen.length === 3) throw new Refusal("refused", "Not you.");
      return next();
    }],
  });
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  assertEquals(await pair.call("a", "add", 1, 2), "refused Not you.");
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  assertEquals(seen, ["wire:once", "add", "add", "add"]);
  assertEquals(pair.runs, 1);
});

test("keys of different identities are different keys", async () => {
  const once = onceInMemory();
  const served = (identity: unknown, keeps: Once = once) =>
    new Pair(keeps, { authenticate: () => identity });
  await using ali = served("Ali");
  await using eve = served("Eve");
  assertEquals(await ali.call("a", "add", 1, 2), "3");
  assertEquals(await eve.call("a", "add", 5, 5), "10");
  // Whose key it is has to be told where the identity is no text.
  await using object = served({ name: "Ali" });
  assertEquals(await object.call("a", "add", 1, 2), "storeFailed notSent");
  assert(object.reports[0]?.includes('give the option "owner"'));
  const owner = ({ wire }: Any) => wire.identity.name;
  await using named = served({ name: "Ali" }, onceInMemory({ owner }));
  assertEquals(await named.call("a", "add", 1, 2), "3");
  const broken = onceInMemory({
    owner: () => {
      throw new Error("planned");
    },
  });
  await using none = served("Ali", broken);
  assertEquals(await none.call("a", "add", 1, 2), "storeFailed notSent");
  assertEquals(none.reports, ["owner: planned"]);
  assertEquals([object.runs, none.runs], [0, 0]);
});

/** A store whose steps fail when it is told so. */
class FrailStore implements OnceStore {
  keeps = 1_000;
  lease: number | undefined;
  failing = "";
  readonly notes = new Map<string, Uint8Array>();

  #step<T>(name: string, step: () => T): Promise<T> {
    if (this.failing !== name) return Promise.resolve(step());
    return Promise.reject(new Error(`${name} failed`));
  }
  name(): Promise<string> {
    return this.#step("name", () => "frail");
  }
  claim(key: string, note: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#step("claim", () => {
      const known = this.notes.get(key);
      if (known === undefined) this.notes.set(key, note);
      return known;
    });
  }
  put(key: string, note: Uint8Array): Promise<void> {
    return this.#step("put", () => void this.notes.set(key, note));
  }
  get(key: string): Promise<Uint8Array | undefined> {
    return this.#step("get", () => this.notes.get(key));
  }
}

test("where the store is down nothing runs, and that is told", async () => {
  const store = new FrailStore();
  await using pair = new Pair(onceIn(store));
  for (const failing of ["name", "claim"]) {
    store.failing = failing;
    assertEquals(await pair.call("a", "add", 1, 2), "storeFailed notSent");
  }
  assertEquals(pair.runs, 0);
  assertEquals(
    pair.reports.splice(0),
    ["asking whether the call has run: claim failed"],
  );
  // It ran, and what came of it is lost: the caller has it, and nobody else.
  store.failing = "put";
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  assertEquals(pair.reports, [
    'remembering what came of "add": put failed',
  ]);
  store.failing = "";
  assertEquals(
    await pair.call("a", "add", 1, 2),
    "outcomeUnknown maybeExecuted",
  );
  assertEquals(pair.runs, 1);
});

test("a note that is none is neither believed nor run, and that is told", async () => {
  const clock = new FakeClock();
  const store = new FrailStore();
  store.lease = 1_000;
  await using pair = new Pair(onceIn(store, { clock }));
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  const [key] = store.notes.keys();
  const garbage = [
    new Uint8Array(),
    new Uint8Array([255, 255, 255, 255]),
    ...[
      null,
      "note",
      {},
      [],
      ["print"],
      [1, 0],
      ["print", NaN],
      ["print", 0, "done"],
      ["print", 0, []],
      ["print", 0, ["value "]],
      ["print", 0, ["values", 7]],
      ["print", 0, ["refused", "code", 7]],
    ].map((each) => encodeValue(each)),
  ];
  for (const each of garbage) {
    store.notes.set(key!, each);
    const told = await pair.call("a", "add", 1, 2);
    assertEquals(told, "outcomeUnknown maybeExecuted");
    assertMatch(pair.reports.pop()!, /^once: .* "add" is no note of it/);
  }
  // Also where a call waits for what comes of another's run.
  const gate = Promise.withResolvers<number>();
  pair.far.serve({ wait: () => gate.promise });
  const first = pair.call("w", "wait");
  await settleAll();
  const other = new FrailStore();
  other.lease = 1_000;
  for (const [key, note] of store.notes) other.notes.set(key, note);
  await using second = new Pair(onceIn(other, { clock }));
  second.far.serve({ wait: () => gate.promise });
  const repeat = second.call("w", "wait");
  await settleAll();
  for (const key of other.notes.keys()) other.notes.set(key, garbage[1]!);
  clock.advance(50);
  await settleAll();
  assertEquals(await repeat, "outcomeUnknown maybeExecuted");
  gate.resolve(1);
  assertEquals(await first, "1");
});

test("a note that became another call's while one waits for it is not its own", async () => {
  const clock = new FakeClock();
  const store = new FrailStore();
  store.lease = 1_000;
  const served = () => ({ functions: { wait: () => gate.promise } });
  const gate = Promise.withResolvers<number>();
  await using first = new Pair(onceIn(store, { clock }), served());
  await using second = new Pair(onceIn(store, { clock }), served());
  const call = first.call("w", "wait", 1);
  await settleAll();
  const again = second.call("w", "wait", 1);
  await settleAll();
  const [key] = store.notes.keys();
  store.notes.set(key!, encodeValue(["another", 0, ["value", 7]]));
  await clock.advance(50);
  await settleAll();
  assertMatch(await again, /^keyReused /);
  gate.resolve(1);
  assertEquals(await call, "1");
});

test("onceInKv() takes no entry that is not bytes for none", async () => {
  const entries = new Map<string, unknown>();
  const read = (key: string[]) => ({
    value: entries.get(key.join()) ?? null,
    versionstamp: entries.has(key.join()) ? "1" : null,
  });
  const set = (key: string[], value: unknown) => {
    entries.set(key.join(), value);
    return Promise.resolve();
  };
  const kv: KvLike = {
    get: (key) => Promise.resolve(read(key)),
    set,
    atomic: () => {
      let ok = true;
      const steps: KvSteps = {
        check({ key, versionstamp }) {
          ok = read(key).versionstamp === versionstamp;
          return steps;
        },
        set(key, value) {
          if (ok) set(key, value);
          return steps;
        },
        commit: () => Promise.resolve({ ok }),
      };
      return steps;
    },
  };
  await using pair = new Pair(onceInKv(kv));
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  assertEquals(await pair.call("a", "add", 1, 2), "3");
  const key = [...entries.keys()].find((key) => key.includes("calls"))!;
  for (const each of ["3", null, 7, {}]) {
    entries.set(key, each);
    assertEquals(
      await pair.call("a", "add", 1, 2),
      "outcomeUnknown maybeExecuted",
    );
    assertEquals(entries.get(key), each);
  }
  assertEquals(pair.runs, 1);
});

test("onceInMemory() refuses new calls when it is full, and forgets old ones", async () => {
  const clock = new FakeClock();
  for (const limit of [{ records: 2 }, { bytes: 700 }]) {
    await using pair = new Pair(
      onceInMemory({ ...limit, keeps: 1_000, clock }),
    );
    assertEquals(await pair.call("a", "add", 1, 1), "2");
    clock.standStill(500);
    assertEquals(await pair.call("b", "add", 2, 2), "4");
    assertEquals(await pair.call("c", "add", 3, 3), "storeFailed notSent");
    assertEquals(await pair.call("a", "add", 1, 1), "2");
    clock.standStill(500);
    // "a" is as old as it may be, and "b" is not.
    assertEquals(await pair.call("c", "add", 3, 3), "6");
    assertEquals(await pair.call("b", "add", 2, 2), "4");
    assertEquals(pair.runs, 3);
  }
});

test("a sign of life does not overwrite what came of a call", async () => {
  const clock = new FakeClock();
  const writing = Promise.withResolvers<void>();
  const notes: number[] = [];
  class SlowStore extends FrailStore {
    override async put(key: string, note: Uint8Array): Promise<void> {
      if (notes.push(note.length) === 1) await writing.promise;
      await super.put(key, note);
    }
  }
  const store = new SlowStore();
  store.lease = 1_000;
  const gate = Promise.withResolvers<number>();
  const functions = { wait: () => gate.promise };
  await using pair = new Pair(onceIn(store, { clock }), { functions });
  const call = pair.call("w", "wait");
  await pair.near.ping();
  await settleAll();
  await clock.advance(200);
  gate.resolve(42);
  await settleAll();
  assertEquals(notes.length, 1);
  writing.resolve();
  assertEquals(await call, "42");
  assertEquals(notes.length, 2);
  assertEquals(await pair.call("w", "wait"), "42");
});

test("onceIn() bounds how many calls run at a time", async () => {
  const gate = Promise.withResolvers<number>();
  const begun = Promise.withResolvers<void>();
  const functions = { wait: () => (begun.resolve(), gate.promise) };
  await using pair = new Pair(onceInMemory({ running: 1 }), { functions });
  const first = pair.call("a", "wait");
  // What the keys are made of is digested on other threads, in any order.
  await begun.promise;
  assertEquals(await pair.call("b", "wait"), "storeFailed notSent");
  const again = pair.call("a", "wait");
  gate.resolve(1);
  assertEquals(await Promise.all([first, again]), ["1", "1"]);
  assertEquals(await pair.call("b", "wait"), "1");
});

test("onceInMemory() forgets a call in time whose outcome it had no room for", async () => {
  const clock = new FakeClock();
  const functions = { large: () => "x".repeat(1_000) };
  const once = onceInMemory({ bytes: 900, keeps: 1_000, clock });
  await using pair = new Pair(once, { functions });
  const large = JSON.stringify("x".repeat(1_000));
  assertEquals(await pair.call("a", "large"), large);
  assertEquals(pair.reports.length, 1);
  assertEquals(await pair.call("a", "large"), "outcomeUnknown maybeExecuted");
  clock.standStill(1_000);
  assertEquals(await pair.call("a", "large"), large);
});

test("onceInMemory() and others refuse options that are out of range", () => {
  const wrong: (() => unknown)[] = [
    () => onceInMemory({ records: 0 }),
    () => onceInMemory({ bytes: -1 }),
    () => onceInMemory({ keeps: NaN }),
    () => onceInMemory({ keep: 1 } as Any),
    () => onceInMemory({ owner: "Ali" as Any }),
    () => onceIn({ keeps: 1 } as Any),
    () => onceIn(undefined as Any),
    () => onceIn(Object.assign(new FrailStore(), { lease: 1_001 })),
    () => onceIn(Object.assign(new FrailStore(), { lease: 0 })),
    () => onceInMemory({ running: 0 }),
    () => onceInKv({} as Any),
    () => onceInKv(null as Any),
    () =>
      onceInKv(
        { get() {}, set() {}, atomic() {} } as Any,
        { prefix: 5 } as Any,
      ),
    () => wirePair({ once: {} as Any }),
    () => wirePair({ once: true as Any }),
  ];
  for (const make of wrong) {
    let code: unknown;
    try {
      make();
    } catch (error) {
      code = (error as WireError).code;
    }
    assertEquals(code, "invalidArgument", String(make));
  }
});

test("another server waits for a run as long as that gives signs of life", async () => {
  const clock = new FakeClock();
  const store = new FrailStore();
  store.lease = 1_000;
  const gate = Promise.withResolvers<number>();
  let runs = 0;
  const functions = {
    wait: () => {
      runs++;
      return gate.promise;
    },
  };
  // As another process would have it: another object, the same notes.
  const other = new FrailStore();
  Object.assign(other, { lease: 1_000, notes: store.notes });
  await using first = new Pair(onceIn(store, { clock }), { functions });
  await using second = new Pair(onceIn(other, { clock }), { functions });
  const call = first.call("w", "wait");
  await first.near.ping();
  await settleAll();
  const again = second.call("w", "wait");
  await second.near.ping();
  await settleAll();
  for (let turn = 0; turn < 50; turn++) {
    await clock.advance(100);
    await settleAll();
  }
  assertEquals(runs, 1);
  gate.resolve(42);
  assertEquals(await call, "42");
  await clock.advance(100);
  assertEquals(await again, "42");
  assertEquals([runs, clock.timers], [1, 0]);
});

test("a caller that gives up waiting for another server's run leaves others to wait", async () => {
  const clock = new FakeClock();
  const store = new FrailStore();
  store.lease = 1_000;
  const gate = Promise.withResolvers<number>();
  const served = () => ({ functions: { wait: () => gate.promise } });
  await using first = new Pair(onceIn(store, { clock }), served());
  // Two wires of one process.
  const once = onceIn(store, { clock });
  await using second = new Pair(once, served());
  await using third = new Pair(once, served());
  const call = first.call("w", "wait");
  await settleAll();
  const giver = new AbortController();
  const options = { once: "w", signal: giver.signal };
  const given = told(second.near.call("wait", [], false, options));
  await settleAll();
  const again = third.call("w", "wait");
  await settleAll();
  giver.abort();
  assertMatch(await given, /^cancelled /);
  await settleAll();
  await clock.advance(50);
  await settleAll();
  gate.resolve(42);
  assertEquals(await call, "42");
  await settleAll();
  await clock.advance(50);
  assertEquals(await again, "42");
  assertEquals(clock.timers, 0);
});

test("another server takes a run for lost that gives no sign of life", async () => {
  const clock = new FakeClock();
  const store = new FrailStore();
  store.lease = 1_000;
  const other = new FrailStore();
  Object.assign(other, { lease: 1_000, notes: store.notes });
  const gate = Promise.withResolvers<number>();
  const functions = { wait: () => gate.promise };
  await using first = new Pair(onceIn(store, { clock }), { functions });
  await using second = new Pair(onceIn(other, { clock }), { functions });
  const call = first.call("w", "wait");
  await first.near.ping();
  await settleAll();
  store.failing = "put";
  const again = second.call("w", "wait");
  await second.near.ping();
  await settleAll();
  for (let turn = 0; turn < 20; turn++) {
    await clock.advance(100);
    await settleAll();
  }
  assertEquals(await again, "outcomeUnknown maybeExecuted");
  assert(first.reports[0]?.startsWith('a sign of life of "wait"'));
  gate.resolve(1);
  assertEquals(await call, "1");
  assertEquals(clock.timers, 0);
});

/** Digests that are being computed, which takes another thread. */
const digesting = new Set<Promise<unknown>>();
const digest = crypto.subtle.digest.bind(crypto.subtle);
Object.defineProperty(crypto.subtle, "digest", {
  configurable: true,
  value(...args: Parameters<typeof digest>) {
    const made = digest(...args);
    digesting.add(made);
    made.then(() => digesting.delete(made));
    return made;
  },
});

/** Lets everything run that needs no time of the fake clock. */
async function settleAll(): Promise<void> {
  // What calls by keys is imported with the first of them.
  await import("../../wire/once/calling.ts");
  for (let quiet = 0; quiet < 3; quiet++) {
    await new Promise((resolve) => setTimeout(resolve));
    await settle();
    if (digesting.size === 0) continue;
    await Promise.all(digesting);
    quiet = -1;
  }
}

test("attempts that share a key know when it is too late, and where it may have run", async () => {
  const clock = new FakeClock();
  const once = onceInMemory({ keeps: 1_000 });
  const functions = { wait: () => new Promise(() => {}) };
  const attempt = async (key: OnceKey, keeps = once) => {
    const pair = new Pair(keeps, { functions }, { clock });
    const call = fate(pair.near.call("wait", [], false, { once: key }));
    await pair.near.ping();
    await settleAll();
    pair.near.abort(lost());
    const [how] = await Promise.all([call, pair.far.closed]);
    return how;
  };
  const key: OnceKey = { key: "w" };
  assertEquals(await attempt(key), "connectionLost maybeExecuted");
  clock.standStill(499);
  assertEquals(await attempt(key), "connectionLost maybeExecuted");
  clock.standStill(1);
  assertEquals(await attempt(key), "outcomeUnknown maybeExecuted");
  const other: OnceKey = { key: "v" };
  assertEquals(await attempt(other), "connectionLost maybeExecuted");
  const elsewhere = onceInMemory();
  assertEquals(await attempt(other, elsewhere), "outcomeUnknown maybeExecuted");
});

test("KeptConnection repeats a call that runs once, as often as it may", async () => {
  const once = onceInMemory();
  await using place = new Place({ repeats: 2 }, { far: { once } });
  const { kept } = place;
  const call = fate(kept.with({ once: true }).remoteValue.wait());
  for (let turn = 0; turn < 2; turn++) {
    await place.advance(100);
    await settleAll();
    await place.far.at(-1)!.ping();
    await settleAll();
    await place.die();
  }
  await place.advance(200);
  await settleAll();
  assertEquals(kept.stats().repeated, 2);
  place.gate.resolve();
  assertEquals(await call, "value undefined");
  assertEquals(
    await told(kept.with({ once: true }).remote.note("x")),
    "invalidArgument notSent",
  );
  assertEquals(
    await told(kept.call("add", [1, 2], false, { once: "" })),
    'invalidArgument The option "once" of a call is true, or a key: a text of 1 to 1000 units. It is not "".',
  );
  assertEquals(await told(kept.with({ once: "k" }).remoteValue.add(1, 2)), "3");
});

test("onceInKv() remembers in Deno KV what several servers share", async () => {
  const path = await Deno.makeTempDir();
  const program = new URL("programs/once_in_kv.ts", import.meta.url);
  for (const args of [[], [`${path}/kv`]]) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--unstable-kv", program.href, ...args],
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(
      text(stdout).trim().split("\n"),
      [
        "tea by the first",
        "tea by the first",
        "keyReused",
        ...["true", "true", "true", "outcomeUnknown"],
        "3 runs",
      ],
      text(stderr),
    );
  }
  await Deno.remove(path, { recursive: true });
});
