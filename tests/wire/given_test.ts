/**
 * Slips of the keys are found out when a thing is made, and not when it is used.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  decodeValue,
  encodeValue,
  formatAddress,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  remoteCaller,
  type RemoteObject,
  Wire,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import {
  cmucl,
  form,
  keyword,
  LispTap,
  readSymbol,
  remoteObjectEq,
  remoteValueBind,
  symbol,
} from "../../wire/cmucl/mod.ts";
import {
  FrameDecoder,
  MessageTap,
  messageText,
  WireTap,
} from "../../wire/codec/mod.ts";
import { contract } from "../../wire/contract/contract.ts";
import { findService, LineStream, servicePort } from "../../wire/lines/mod.ts";
import { onceInMemory } from "../../wire/once/once.ts";
import { transportCases } from "../../wire/testing/mod.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
} from "../../wire/reconnect/keep_connected.ts";
import { connectLight } from "../../transports/light.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { Place } from "./_keeping.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

/** What is thrown, which has to be `invalidArgument` and to name something. */
function refused(make: () => unknown, ...words: string[]): void {
  const error = assertThrows(make, WireError) as WireError;
  assertEquals(error.code, "invalidArgument", error.message);
  for (const word of words) assert(error.message.includes(word), error.message);
}

for (const name of ["onDeath", "onError", "confirm"]) {
  test(`makeWire() refuses "${name}" that is no function`, () => {
    for (const value of [5, "x", null, {}]) {
      if (name === "onDeath" && value === null) continue;
      const [one, other] = memoryTransports();
      refused(() => makeWire(one, { [name]: value }), `"${name}"`, "function");
      one.close();
      other.close();
    }
  });
}

test('makeWire() refuses "requireCredential" that is there and undefined', async () => {
  const [one, other] = memoryTransports();
  refused(
    () => makeWire(one, { requireCredential: undefined } as Any),
    '"requireCredential" is undefined',
    "Leave the option out",
  );
  // What a side shows may be undefined.
  const wire = makeWire(one, { credential: undefined });
  wire.abort();
  other.close();
  await wire.closed;
});

test("wirePair() leaves no end behind where the other's options are wrong", async () => {
  const ended = Promise.withResolvers<WireError>();
  refused(
    () => wirePair({ onDeath: ended.resolve }, { onError: 5 as Any }),
    '"onError"',
  );
  assertEquals((await ended.promise).code, "invalidArgument");
});

test("wire.onDeath() refuses what is no function", async () => {
  const [near, far] = wirePair();
  refused(() => near.onDeath("x" as Any), "onDeath()", '"x"');
  near.abort();
  refused(() => near.onDeath(undefined as Any), "onDeath()");
  await far.closed;
});

test("serve() refuses an array of functions", async () => {
  const [near, far] = wirePair();
  refused(() => near.serve([() => 1] as Any), "array", "names");
  refused(() => near.serve([] as Any), "array");
  near.abort();
  await far.closed;
});

test("wire.call() and wire.send() without arguments pass none", async () => {
  const [near, far] = wirePair();
  const sent = Promise.withResolvers<number>();
  far.serve({
    count: (...args: unknown[]) => args.length,
    note: (...args: unknown[]) => sent.resolve(args.length),
  });
  assertEquals(await near.call("count"), 0);
  await near.send("note");
  assertEquals(await sent.promise, 0);
  await using kept = keepConnected(() => Promise.resolve(near));
  assertEquals(await kept.call("count"), 0);
});

const NO_CONTRACTS: [unknown, ...string[]][] = [
  [{ f: undefined }, '"f"', "undefined"],
  [{ f: null }, '"f"', "null"],
  [{ f: { args: {} } }, '"args" of "f"', "array"],
  [{ f: { args: "x" } }, '"args" of "f"', '"x"'],
  [{ f: { results: 5 } }, '"results" of "f"', "5"],
  [{ f: { errors: [] } }, '"errors" of "f"', "array"],
  [{ f: { errors: null } }, '"errors" of "f"', "null"],
];
for (const [definition, ...words] of NO_CONTRACTS) {
  test(`contract() refuses ${JSON.stringify(definition)}`, () => {
    refused(() => contract(definition as Any), ...words);
  });
}

for (
  const name of [
    "onConnected",
    "onLost",
    "onDeath",
    "onError",
    "retry",
    "random",
  ]
) {
  test(`keepConnected() refuses "${name}" that is no function`, () => {
    let attempts = 0;
    const connect = () => Promise.reject(attempts++);
    for (const value of [5, "x", true, null]) {
      if (name === "onDeath" && value === null) continue;
      refused(() => keepConnected(connect, { [name]: value }), `"${name}"`);
    }
    assertEquals(attempts, 0);
  });
}

test("keepConnected() says that a function that connects returns no wire", async () => {
  for (const wire of [undefined, 5, {}]) {
    await using kept = keepConnected((() => Promise.resolve(wire)) as Any);
    const error = await failure(kept.opened);
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes('"return"'), error.message);
  }
});

/** Has `onConnected` fail with one text after the other. */
async function told(texts: (string | undefined)[]): Promise<string[]> {
  const heard: string[] = [];
  const options: KeepConnectedOptions = {
    onConnected() {
      const text = texts.shift();
      if (text !== undefined) throw new Error(text);
    },
    onError: (error, where) =>
      heard.push(`${where}: ${(error as Error).message}`),
    backoff: { least: 1, most: 1 },
  };
  await using place = new Place(options);
  while (texts.length > 0) {
    await settle();
    if (place.kept.state === "connected") await place.die();
    await place.advance(1);
  }
  await settle();
  return heard;
}

test("keepConnected() tells onError what onConnected throws, the same once in a row", async () => {
  const seen = await told(["one", "one", "one", "two", "one", undefined]);
  assertEquals(seen, ["one", "two", "one"].map((t) => `onConnected: ${t}`));
});

test("keepConnected() tells it again after onConnected has succeeded", async () => {
  const seen = await told(["one", "one", undefined, "one", undefined]);
  assertEquals(seen, ["onConnected: one", "onConnected: one"]);
});

const TRANSPORT = memoryTransports()[0];
const near = new LineStream(memoryTransports()[0]);
const lisp = cmucl();
const reference = lisp.makeRemoteObject({});
const tap = () => new WireTap(() => {}, () => new MessageTap());
const BYTES = encodeValue(1);
const never = () => new Promise<Wire>(() => {});

/** Neither bytes, nor a text, nor a function. */
const NOTHING: Any[] = [undefined, null, 5, true, 5n, Symbol(), {}, []];
const NO_BYTES: Any[] = [...NOTHING, "text", () => {}, new Uint16Array(1)];
const NO_TEXT: Any[] = [...NOTHING, () => {}, BYTES];
const NO_FUNCTION: Any[] = [...NOTHING, "text", BYTES];
const NO_OBJECT: Any[] = [null, 5, true, 5n, Symbol(), "text", []];
const NO_CLOCK: Any[] = [5, true, {}, [], "", () => {}, { now: 1 }];

/** What is called, what it is given, and what the message says of it. */
const GIVEN: [string, Any[], (given: Any) => unknown, string][] = [
  ["new Wire()", NO_TEXT, (x) => new Wire(x), "transport"],
  ["new Wire()", ["", "text"], (x) => new Wire(x), "transport"],
  [
    "options of new Wire()",
    [5, true, [], "text", () => {}],
    (x) => new Wire(TRANSPORT, x),
    "options",
  ],
  ["decodeValue()", NO_BYTES, (x) => decodeValue(x), "Uint8Array"],
  [
    "MessageTap.read()",
    NO_BYTES,
    (x) => new MessageTap().read(x),
    "Uint8Array",
  ],
  [
    "MessageTap.each()",
    NO_FUNCTION,
    (x) => new MessageTap().each(BYTES, x),
    "function",
  ],
  ["LispTap.read()", NO_BYTES, (x) => new LispTap().read(x), "Uint8Array"],
  [
    "LispTap.each()",
    NO_FUNCTION,
    (x) => new LispTap().each(BYTES, x),
    "function",
  ],
  [
    "new WireTap()",
    NO_FUNCTION,
    (x) => new WireTap(x, () => new MessageTap()),
    "function",
  ],
  [
    "decoders of a WireTap",
    NO_FUNCTION,
    (x) => new WireTap(() => {}, x),
    "function",
  ],
  [
    "a decoder of a WireTap",
    NOTHING,
    (x) => new WireTap(() => {}, () => x),
    "each()",
  ],
  ["WireTap.read()", NO_BYTES, (x) => tap().read("sent", x, 0), "Uint8Array"],
  [
    "WireTap.read() of a direction",
    [...NO_TEXT, "up", "constructor"],
    (x) => tap().read(x, BYTES, 0),
    '"sent"',
  ],
  ["WireTap.end()", [...NO_TEXT, "up"], (x) => tap().end(x, 0), '"sent"'],
  [
    "messageText()",
    [...NO_FUNCTION, { kind: "ping" }, { kind: 5, fields: {} }],
    (x) => messageText(x),
    "messageText()",
  ],
  ["findService()", NO_TEXT, (x) => findService(x, "ftp"), "text"],
  ["name of findService()", NO_TEXT, (x) => findService("", x), "text"],
  ["file of servicePort()", NOTHING, (x) => servicePort("ftp", x), "read()"],
  ["LineStream.writeLine()", NO_TEXT, (x) => near.writeLine(x), "text"],
  ["readSymbol()", NO_TEXT, (x) => readSymbol(x), "text"],
  ["symbol()", NO_TEXT, (x) => symbol(x), "text"],
  ["package of symbol()", NO_TEXT.slice(1), (x) => symbol("A", x), "text"],
  ["keyword()", NO_TEXT, (x) => keyword(x), "text"],
  ["form()", NO_TEXT, (x) => form(x), "text"],
  [
    "remoteObjectEq()",
    NO_FUNCTION,
    (x) => remoteObjectEq(x, reference),
    "remote",
  ],
  [
    "remoteObjectEq()",
    NO_FUNCTION,
    (x) => remoteObjectEq(reference, x),
    "remote",
  ],
  [
    "remoteObjectLocal()",
    NO_FUNCTION,
    (x) => lisp.remoteObjectLocal(x),
    "remote",
  ],
  [
    "remoteObjectValue()",
    NO_FUNCTION,
    (x) => lisp.remoteObjectValue(x),
    "remote",
  ],
  [
    "formatAddress()",
    [...NO_FUNCTION, { transport: "tcp", hostname: 5 }, { transport: 5 }],
    (x) => formatAddress(x),
    "address",
  ],
  [
    "Contract.implement()",
    [...NO_OBJECT, undefined, new Map()],
    (x) => contract({ f: {} }).implement(x),
    "implement()",
  ],
  ["transportCases()", NO_FUNCTION, (x) => transportCases(x), "function"],
  [
    "a pair of transportCases()",
    NOTHING,
    (x) => transportCases(() => x)[0]!.run(),
    "transport",
  ],
  [
    "clock of keepConnected()",
    NO_CLOCK,
    (clock) => keepConnected(never, { clock }),
    '"clock"',
  ],
  [
    "clock of onceInMemory()",
    NO_CLOCK,
    (clock) => onceInMemory({ clock }),
    '"clock"',
  ],
  [
    "clock of connectLight()",
    NO_CLOCK,
    (clock) => connectLight(memoryTransports()[0], { clock }),
    "clock",
  ],
];

for (const [what, all, call, word] of GIVEN) {
  test(`${what} refuses ${all.length} things that it cannot take: ${word}`, async () => {
    for (const given of all) {
      const error = await assertRejects(
        async () => await call(given),
        WireError,
      );
      assertEquals(error.code, "invalidArgument", error.message);
      assert(error.message.includes(word), error.message);
    }
    // What fails later would be nobody's.
    await settle();
  });
}

test("new Wire() refuses hooks, a signal and a gate as makeWire() does", () => {
  for (
    const [options, word] of [
      [{ onError: 5 }, '"onError"'],
      [{ onDeath: 5 }, '"onDeath"'],
      [{ signal: 5 }, "AbortSignal"],
      [{ confirm: undefined }, '"confirm" is undefined'],
      [{ clock: {} }, '"clock"'],
    ] as const
  ) refused(() => new Wire(TRANSPORT, options as Any), word);
});

test("makeWire() leaves the streams alone where its options are wrong", () => {
  const pair = new TransformStream<Uint8Array, Uint8Array>();
  refused(() => makeWire(pair, { onDeath: 5 as Any }), '"onDeath"');
  assertEquals([pair.readable.locked, pair.writable.locked], [false, false]);
});

test("a wire whose transport has an odd address ends with an error", async () => {
  for (const hostname of [undefined, null, 5, {}, []] as Any[]) {
    const [here, there] = memoryTransports();
    const address = { transport: "tcp", hostname, port: 1 } as const;
    const wire = makeWire({
      address,
      read: () => here.read(),
      write: (bytes) => here.write(bytes),
      closeWrite: () => here.closeWrite(),
      close: () => here.close(),
    });
    there.close();
    assertEquals((await wire.closed).code, "connectionLost");
    refused(() => makeWire(wire as Any), "transport");
    const transport = { ...TRANSPORT, address } as Any;
    refused(
      () => makeWire(transport, { credential: "secret" }),
      "in the clear",
    );
  }
});

test("call() refuses what is neither true nor false, and harms no wire", async () => {
  const [near, far] = wirePair();
  far.serve({ f: () => 1, object: () => makeRemoteObject({ f: () => 2 }) });
  const object = await near.remoteValue.object() as RemoteObject<object>;
  const kept = keepConnected(() => Promise.resolve(near));
  for (const caller of [near, kept, remoteCaller(object)]) {
    for (const wantsValues of [null, 0, 1, "", "no", {}, []] as Any[]) {
      const error = await failure(caller.call("f", [], wantsValues));
      assertEquals(error.code, "invalidArgument");
      assert(error.message.includes("wantsValues"), error.message);
    }
    await caller.call("f", [], undefined as Any);
  }
  assertEquals(near.ended, undefined);
  object[Symbol.dispose]();
  await kept.close();
  await far.closed;
});

test("wire.forgetRemoteTranslation() refuses what can be no reference", async () => {
  const [near, far] = wirePair();
  for (const value of [undefined, null, 5, "x", true, 5n, Symbol()] as Any[]) {
    refused(() => near.forgetRemoteTranslation(value), "an object");
  }
  near.forgetRemoteTranslation({});
  near.forgetRemoteTranslation(() => {});
  near.abort();
  await far.closed;
});

test("remoteValueBind() refuses what is no list of arguments", async () => {
  const dialect = cmucl();
  const [near, far] = wirePair({ dialect }, { dialect });
  for (const args of [undefined, null, 5, "", {}, () => {}] as Any[]) {
    const error = await failure(remoteValueBind(near, 2, "cl:floor", args));
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes("array"), error.message);
  }
  near.abort();
  await far.closed;
});

test("a FrameDecoder whose limit is no number takes no frame", () => {
  for (const limit of [undefined, NaN, "x", {}, null] as Any[]) {
    const frames = new FrameDecoder(limit);
    frames.feed(new Uint8Array([0, 0, 0, 1, 7]));
    const error = assertThrows(() => frames.next(), WireError);
    assertEquals(error.code, "malformed");
  }
});

test("new WireError() takes null for no options", () => {
  const error = new WireError("closed", "over", null as Any);
  assertEquals([error.code, error.cause, error.sent], [
    "closed",
    undefined,
    undefined,
  ]);
});

test("KeptConnection refuses a mark that is neither true nor false", async () => {
  const [near, far] = wirePair();
  const kept = keepConnected(() => Promise.resolve(near));
  for (const idempotent of [null, 1, "true", {}, []] as Any[]) {
    refused(() => kept.with({ idempotent }), '"idempotent"');
    for (const how of ["call", "send"] as const) {
      const error = await failure(
        how === "call"
          ? kept.call("f", [], false, { idempotent })
          : kept.send("f", [], { idempotent }),
      );
      assertEquals(error.code, "invalidArgument");
      assert(error.message.includes('"idempotent"'), error.message);
    }
  }
  await kept.close();
  await far.closed;
});

test("KeptConnection.resume() says what it is given, and what came", async () => {
  const [near, far] = wirePair();
  await using kept = keepConnected(() => Promise.resolve(near));
  const all: [Any, Any, string][] = [
    ...NO_FUNCTION.map((open): [Any, Any, string] => [open, {}, "function"]),
    ...[undefined, null, 5, "text", {}, () => {}].map(
      (stream): [Any, Any, string] => [() => stream, {}, "gives a stream"],
    ),
    ...[null, 5, "text", []].map(
      (metadata): [Any, Any, string] => [() => [], { metadata }, "metadata"],
    ),
  ];
  for (const [open, options, word] of all) {
    const error = await failure(kept.resume(open, options).next());
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes(word), error.message);
  }
  near.abort();
  await far.closed;
});

test("keepConnected() takes another wire's close for no close of its own", async () => {
  const [other] = wirePair();
  await other.close();
  const closed = () => other.call("f");
  const rejecting = keepConnected(closed as Any, { attempts: 1 });
  const reason = await rejecting.closed;
  assertEquals(reason.code, "connectFailed");
  assert(reason.message.includes("closed"), reason.message);

  const [near, far] = wirePair();
  const unprepared = keepConnected(() => Promise.resolve(near), {
    attempts: 1,
    onConnected: closed,
    onError() {},
  });
  assertEquals((await unprepared.closed).code, "aborted");
  await far.closed;
});
