import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  type CallContext,
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  LineStream,
  makeRemoteObject,
  memoryTransports,
  type Middleware,
  type RemoteObject,
  type Wire,
  WireError,
  wirePair,
} from "../../mod.ts";
import { remoteCaller } from "../../wire/mod.ts";
import { spawnRemote } from "../../transports/child.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { test } from "../_test.ts";

/** Whoever writes JavaScript may pass anything. */
// deno-lint-ignore no-explicit-any -- that is what is tested
type Any = any;

function refused(action: () => unknown, text: RegExp): void {
  const error = assertThrows(action) as WireError;
  assert(error instanceof WireError, String(error));
  assertEquals(error.code, "invalidArgument");
  assertMatch(error.message, text);
}

async function rejected(promise: Promise<unknown>, text: RegExp) {
  const error = await assertRejects(() => promise) as WireError;
  assertEquals(error.code, "invalidArgument");
  assertMatch(error.message, text);
}

/** Options of a call that are wrong. */
const WRONG: [Any, RegExp][] = [
  [{ deadlin: 5 }, /did you mean "deadline"/],
  [{ timeout: 5 }, /no option "timeout".*signal, deadline, metadata/],
  [{ __proto__: null, sginal: 5 }, /did you mean "signal"/],
  [null, /null/],
  ["soon", /a string/],
  [[], /object/],
  [[5], /object/],
  [new AbortController().signal, /object of the kind AbortSignal/],
  [new Map([["deadline", 5]]), /object of the kind Map/],
  [Promise.resolve({ deadline: 5 }), /object of the kind Promise/],
];

test("with() refuses options that there are not", async () => {
  const [near, far] = wirePair();
  far.serve({ f: () => 1, object: () => makeRemoteObject({ f: () => 2 }) });
  const object = await near.remoteValue.object() as RemoteObject<object>;
  const own = makeRemoteObject({});
  const kept = keepConnected(() => Promise.resolve(near));
  for (const [options, text] of WRONG) {
    for (const one of [near, object, own, kept]) {
      refused(() => one.with(options), text);
    }
    for (const one of [near, kept] as Wire[]) {
      await rejected(one.call("f", [], false, options), text);
      await rejected(one.send("f", [], options), text);
    }
    const caller = remoteCaller(object);
    await rejected(caller.call("f", [], false, options), text);
    await rejected(caller.send("f", [], options), text);
    await rejected(near.listFunctions(options), text);
  }
  refused(() => near.with({ idempotent: true } as Any), /no option/);
  const known = { deadline: undefined, signal: undefined, metadata: undefined };
  assertEquals(await near.with(known).remoteValue.f(), 1);
  assertEquals(await near.with({}).remoteValue.f(), 1);
  assertEquals(await kept.with({ idempotent: true }).remoteValue.f(), 1);
  object[Symbol.dispose]();
  await kept.close();
  await far.closed;
});

test("with() takes the context of a call, whatever else it has", async () => {
  const [near, far] = wirePair();
  const kept = keepConnected(() => Promise.resolve(far));
  const seen: unknown[] = [];
  near.serve({
    see(this: CallContext) {
      seen.push([this.metadata.tenant, this.deadline! <= 5_000]);
    },
  });
  far.serve({
    async pass(this: CallContext<Wire>) {
      await this.wire.with(this).remoteValue.see();
      await kept.with(this).remoteValue.see();
    },
  });
  const metadata = { tenant: "blue" };
  await near.with({ metadata, deadline: 5_000 }).remoteValue.pass();
  assertEquals(seen, [["blue", true], ["blue", true]]);
  await kept.close();
  await near.closed;
});

test("a kept call that waits keeps what its context says", async () => {
  const [near, far] = wirePair();
  const gate = Promise.withResolvers<Wire>();
  const kept = keepConnected(() => gate.promise);
  far.serve({
    tenant(this: CallContext) {
      return this.metadata.tenant;
    },
  });
  class Context {
    get metadata() {
      return { tenant: "blue" };
    }
    get deadline() {
      return 60_000;
    }
    get signal(): AbortSignal {
      return new AbortController().signal;
    }
  }
  const tenant = kept.with(new Context()).remoteValue.tenant();
  gate.resolve(near);
  assertEquals(await tenant, "blue");
  await kept.close();
  await far.closed;
});

test("next() refuses changes that there are not, and takes { ...call }", async () => {
  for (const side of ["serveThrough", "callThrough"] as const) {
    const through: Middleware = (call, next) =>
      call.name === "f" ? next({ ...call, args: [2] }) : next(
        { metdata: {} } as Any,
      );
    const [near, far] = side === "serveThrough"
      ? wirePair({}, { serveThrough: [through] })
      : wirePair({ callThrough: [through] });
    far.serve({ f: (n: number) => n, g: () => "ran" });
    assertEquals(await near.remoteValue.f(1), 2);
    const error = await assertRejects(() => near.remoteValue.g()) as Error;
    assertMatch(
      error.message,
      /"metdata" of next\(\); did you mean "metadata"/,
    );
    await near.close();
    await far.closed;
  }
});

test("readLine() refuses options that there are not", async () => {
  const [one, other] = memoryTransports();
  const near = new LineStream(one);
  const far = new LineStream(other);
  await rejected(near.readLine({ maxLine: 5 } as Any), /There is maxLength/);
  far.writeLine("a line");
  assertEquals(await near.readLine({ maxLength: undefined }), "a line");
  await Promise.all([near.close(), far.close()]);
});

test("a call's signal that is none is refused, and nothing is left behind", async () => {
  const [near, far] = wirePair();
  far.serve({ f: () => 1 });
  for (const signal of [new AbortController(), {}, "signal", 5] as Any[]) {
    await rejected(near.with({ signal }).remoteValue.f(), /signal/);
  }
  assertEquals(near.stats().callsPending, 0);
  assertEquals(await near.remoteValue.f(), 1);
  await near.close();
  await far.closed;
});

test("options that there are not are refused everywhere", () => {
  const never = () => new Promise<Wire>(() => {});
  const cases: [(options: Any) => unknown, Any, RegExp][] = [
    [wirePair, { limts: {} }, /"limits"/],
    [(second) => wirePair({}, second), { onEror() {} }, /"onError"/],
    [wirePair, 5, /not 5/],
    [(o) => keepConnected(never, o), { atempts: 3 }, /"attempts"/],
    [(o) => keepConnected(never, o), { backoff: { lest: 3 } }, /"least"/],
    [(o) => keepConnected(never, o), { backoff: 5 }, /backoff are an object/],
    [(o) => keepConnected(never, o), { timeout: "5" }, /"timeout".*"5"/],
    [(o) => keepConnected(never, o), { signal: {} }, /AbortSignal/],
    [(o) => makeRemoteObject({}, o), { onrelease() {} }, /"onRelease"/],
    [(o) => makeRemoteObject({}, o), { onRelease: 5 }, /onRelease/],
    [
      (o) => new LineStream(memoryTransports()[0], o),
      { maxLine: 5 },
      /maxLineLength/,
    ],
    [cmucl, { packagName: "X" }, /"packageName"/],
  ];
  for (const [action, options, text] of cases) {
    refused(() => action(options), text);
  }
});

test("options that are true or false are nothing else", async () => {
  const wire = (options: Any) => wirePair(options);
  const server = (options: Any) => createRequestServer(null, options);
  const client = (options: Any) => connectToRemoteServer("::1", 1, options);
  const flags: [string, ((options: Any) => unknown)[]][] = [
    ["sendStacks", [wire, server, client]],
    ["introspection", [wire, server, client]],
    ["telemetry", [wire, server, client]],
    ["recordCallSites", [wire, client]],
    ["measure", [server]],
    ["untagged", [cmucl]],
    ["leave", [(options: Any) => spawnRemote(["none"], options)]],
  ];
  for (const [name, all] of flags) {
    for (const make of all) {
      // A variable of the environment says so.
      const made = async () => await make({ [name]: "false" });
      await rejected(made(), new RegExp(`"${name}" is true or false.*"false"`));
    }
  }
});

test("keepConnected() takes times of any length", async () => {
  const [near, far] = wirePair();
  const kept = keepConnected(() => Promise.resolve(near), {
    timeout: Infinity,
    backoff: { least: 2 ** 32, most: Infinity, healthy: Infinity },
  });
  await kept.opened;
  await kept.close();
  await far.closed;
});
