/**
 * The two forms of `createRequestServer()` and `connectToRemoteServer()`: with
 * options third, and, as in the seed, with a function or nil in their place.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  lookupHostEntry,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  openTcpStream,
  type RequestServer,
  startUpServer,
  type Wire,
  type WireError,
  wirePair,
} from "../../mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";

// deno-lint-ignore no-explicit-any -- what the types forbid is tried
type Any = any;

const functions = { one: () => 1 };
const HOST = "127.0.0.1";

/** Whether a client gets in, and what it gets. */
async function asked(server: RequestServer): Promise<unknown> {
  try {
    await using wire = await connectToRemoteServer(HOST, server.port);
    return await wire.remoteValue.one();
  } catch (error) {
    return (error as WireError).code;
  } finally {
    await server.shutdown();
  }
}

test("createRequestServer() takes options, a function, both or null", async () => {
  const accepts = (wire: Wire) => {
    wire.serve(functions);
    return true;
  };
  const refuses = () => false;
  const make = createRequestServer as (...args: Any[]) => RequestServer;
  const cases: [Any[], unknown][] = [
    [[{ functions }], 1],
    [[{ functions }, undefined], 1],
    [[{ functions }, null], 1],
    [[{ onConnect: accepts }], 1],
    [[{ onConnect: refuses, functions }], "refused"],
    [[{ onConnect: null, functions }], 1],
    [[accepts], 1],
    [[accepts, null], 1],
    [[accepts, {}], 1],
    [[refuses, { functions }], "refused"],
    [[refuses, { functions, onConnect: null }], "refused"],
    [[null, { functions }], 1],
    [[undefined, { functions }], 1],
    [[null, { onConnect: refuses, functions }], "refused"],
    [[null, null], "noSuchFunction"],
    [[null], "noSuchFunction"],
    [[], "noSuchFunction"],
  ];
  for (const [args, expected] of cases) {
    assertEquals(await asked(make(0, ...args)), expected, Deno.inspect(args));
  }
});

test("onDeath of a client is an option, an argument or null", async () => {
  await using server = createRequestServer(0, { functions });
  const connect = (...args: Any[]): Promise<Wire> =>
    (connectToRemoteServer as Any)(HOST, server.port, ...args);
  const died = Promise.withResolvers<string>();
  let count = 0;
  const onDeath = (reason: WireError) => {
    if (++count === 4) died.resolve(reason.code);
  };
  const cases: Any[][] = [
    ...[[onDeath], [onDeath, null], [{ onDeath }], [null, { onDeath }]],
    ...[[], [null], [undefined], [null, null], [{}], [{ onDeath: null }]],
  ];
  for (const args of cases) {
    const wire = await connect(...args);
    assertEquals(await wire.remoteValue.one(), 1);
    await wire.close();
  }
  assertEquals(await died.promise, "closed");
  assertEquals(count, 4);
});

test("onDeath does not hear of a connection that never stood", async () => {
  let heard = 0;
  await using server = createRequestServer(0, { onConnect: () => false });
  const onDeath = () => void heard++;
  const error = await failure(
    connectToRemoteServer(HOST, server.port, { onDeath }),
  );
  assertEquals([error.code, heard], ["refused", 0]);
});

/** What neither form takes. */
const WRONG: [(hook: string) => Any[], RegExp][] = [
  [(hook) => [() => true, { [hook]: () => true }], /on\w+ twice/],
  [() => [{}, {}], /options twice/],
  [() => [{}, () => true], /options twice/],
  [() => [5], /options, which are an object, or on\w+,.* and not 5/],
  [() => ["secret"], /and not "secret"/],
  [() => [true], /and not true/],
  [() => [[]], /not an array/],
  [() => [null, 5], /are an object.* not 5/],
  [() => [null, () => true], /are an object.* not a function/],
  [() => [() => true, "x"], /are an object.* not a string/],
  [() => [Promise.resolve({})], /not an object of the kind Promise/],
  [() => [new AbortController().signal], /kind AbortSignal/],
  [(hook) => [{ [hook]: 5 }], /The option "on\w+" is a function, not 5/],
  [(hook) => [null, { [hook]: "x" }], /The option "on\w+" is a function/],
  [(hook) => [{ [hook.toLowerCase()]: () => true }], /did you mean "on\w+"/],
];

test("createRequestServer() and connectToRemoteServer() refuse anything else", async () => {
  for (const [args, text] of WRONG) {
    const error = assertThrows(() => {
      void (createRequestServer as Any)(0, ...args("onConnect")).destroy();
    }) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
    assertMatch(error.message, /onConnect|createRequestServer/);
    const rejected = await failure(
      (connectToRemoteServer as Any)(HOST, 1, ...args("onDeath")),
    );
    assertEquals(rejected.code, "invalidArgument");
    assertMatch(rejected.message, text);
    assertMatch(rejected.message, /onDeath|connectToRemoteServer/);
  }
});

test("an onConnect or a confirm that is undefined is refused: it would let everybody in", async () => {
  const words = / is undefined: the variable .* Leave the option out/;
  for (
    const make of [
      () => createRequestServer(0, { onConnect: undefined } as Any).destroy(),
      () => wirePair({ confirm: undefined } as Any),
    ]
  ) {
    const error = assertThrows(() => void make()) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, words);
  }
  const accepts = () => true;
  const server = createRequestServer(
    0,
    accepts,
    { onConnect: undefined, functions } as Any,
  );
  assertEquals(await asked(server), 1);
});

test("null stands for no options, and for no hook", async () => {
  const [near, far] = wirePair(null, { onDeath: null });
  const [one, other] = memoryTransports();
  const made = makeWire(one, null);
  const kept = keepConnected(() => Promise.resolve(near), null);
  await using silent = keepConnected(() => Promise.resolve(made), {
    onDeath: null,
  });
  await kept.opened;
  other.close();
  makeRemoteObject({}, null);
  cmucl(null);
  await using server = startUpServer({
    service: 0,
    announce: null,
    function: (stream) => void stream.writeLine("hello"),
  });
  await using stream = await openTcpStream(HOST, server.port, null);
  assertEquals(await stream.readLine(null), "hello");
  await failure(lookupHostEntry("", null));
  await kept.close();
  silent.abort();
  await Promise.all([far.closed, made.closed]);
});

test("a host is a bigint below 2 ** 32, too", async () => {
  await using server = createRequestServer(0, { functions });
  for (const host of [0x7f000001, 0x7f000001n]) {
    await using wire = await connectToRemoteServer(host, server.port);
    assertEquals(await wire.remoteValue.one(), 1);
  }
  await using lines = startUpServer({
    service: 0,
    function: (stream) => void stream.writeLine("hello"),
  });
  await using stream = await openTcpStream(0x7f000001n, lines.port);
  assertEquals(await stream.readLine(), "hello");
  for (const host of [-1n, 2n ** 32n, 2n ** 64n + 0x7f000001n]) {
    for (
      const asking of [
        connectToRemoteServer(host, server.port),
        openTcpStream(host, lines.port),
        lookupHostEntry(host),
      ]
    ) assertEquals((await failure(asking)).code, "invalidArgument");
  }
  cmucl({ host: 0x7f000001n });
  assertThrows(() => cmucl({ host: 2n ** 32n }));
});
