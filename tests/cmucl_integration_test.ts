/**
 * Against a real CMU Common Lisp, in both directions.
 *
 * Where CMUCL is not installed, this says so and is skipped; with
 * `REMOTE_WIRE_PEERS=required` that is a failure. `.ci/install_peers` installs
 * it. Where the machine cannot run the CMUCL that it has, this is skipped.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  connectToRemoteServer,
  createRequestServer,
  values,
  type Wire,
  WireError,
} from "../mod.ts";
import {
  cmucl,
  Cons,
  form,
  keyword,
  nil,
  RemoteAbort,
  RemoteObject,
  remoteObjectEq,
  remoteValueBind,
  symbol,
  t,
  untagged,
} from "../wire/cmucl/mod.ts";
import { findLisp, type LispServer, runLisp, startLisp } from "./_cmucl.ts";
import { run, startServer } from "./examples/_run.ts";
import { test } from "./_test.ts";

const lisp = await findLisp();
const { version } = lisp;
const EXERCISES = "tests/lisp/exercises.lisp";
const BIG = 2n ** 65535n + 12345n;

if (lisp.version !== undefined) {
  console.log(`Testing against CMUCL: ${version}.`);
} else {
  const why =
    `SKIPPED: no test ran against a real CMU Common Lisp, for ${lisp.why}.`;
  console.warn(`\n${"*".repeat(72)}\n${why}\n${"*".repeat(72)}\n`);
  const isRequired = Deno.env.get("REMOTE_WIRE_PEERS") === "required";
  if (isRequired && lisp.missing === "absent") {
    test("CMUCL is installed here, by .ci/install_peers", () => {
      assert(false, why);
    });
  }
}

/** Defines a test with a CMUCL that serves, and a wire to it. */
function withLisp(
  name: string,
  fn: (wire: Wire, lisp: LispServer) => Promise<void>,
  functions = {},
): void {
  if (version === undefined) {
    Deno.test.ignore(name, () => {});
    return;
  }
  test(name, async () => {
    await using lisp = await startLisp(EXERCISES);
    const wire = await connectToRemoteServer(
      "127.0.0.1",
      lisp.port,
      undefined,
      { dialect: cmucl(), functions, onError() {} },
    );
    await fn(wire, lisp);
    await wire.close();
  });
}

withLisp("CMUCL echoes all kinds of data", async (wire) => {
  const echoed = [
    0,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    2n ** 31n,
    -(2n ** 31n) - 1n,
    BIG,
    -BIG,
    "",
    "caf\xe9 \xff\x00",
    "x".repeat(100_000),
    nil,
    [],
    t,
    keyword("TEST"),
    symbol("CAR", "COMMON-LISP"),
    symbol("|Bar|"),
    symbol("mixed Case"),
    [1, "two", [symbol("THREE")], [[]], nil],
    new Cons(1, 2),
    new Cons(1, new Cons("two", keyword("THREE"))),
    new RemoteObject(1, -2, 3),
  ];
  for (const value of echoed) {
    assertEquals(await wire.remoteValue.echo(value), emptied(value));
  }
  // The symbols come from the caches the second time.
  assertEquals(await wire.remoteValue.echo(echoed), emptied(echoed));
});

/** A value as it comes back: the empty list is nil. */
function emptied(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.length === 0 ? nil : value.map(emptied);
}

withLisp("CMUCL echoes the largest of everything", async (wire) => {
  const list = Array.from({ length: 200_000 }, (_, n) => n);
  assertEquals((await wire.remoteValue.echo(list)).length, list.length);
  const text = "x".repeat(2 ** 20);
  assertEquals((await wire.remoteValue.echo(text)).length, text.length);
  assertEquals(
    await wire.remoteValue.echo(2n ** 65536n - 1n),
    2n ** 65536n - 1n,
  );
  let nested: unknown = 1;
  for (let depth = 0; depth < 63; depth++) nested = [nested];
  assertEquals(await wire.remoteValue.echo(nested), nested);
  const args = Array.from({ length: 255 }, (_, n) => n);
  assertEquals(await wire.remoteValue["cl:+"](...args), 32_385);
});

withLisp("CMUCL calculates, formats, compiles", async (wire) => {
  const { remoteValue } = wire;
  assertEquals(await remoteValue["CL:+"](1, 2), 3);
  assertEquals(await remoteValue["cl:expt"](3, 200), 3n ** 200n);
  assertEquals(await remoteValue["cl:format"](nil, "~R", 42), "forty-two");
  assertEquals(await remoteValue["cl:find-package"](keyword("NONE")), nil);
  const [n, lambda] = [symbol("N"), symbol("LAMBDA", "CL")];
  const body = [symbol("*", "CL"), n, n];
  await remoteValue["cl:compile"](symbol("SQUARE"), [lambda, [n], body]);
  assertEquals(await remoteValue.square(12), 144);
});

withLisp("CMUCL returns one value, two to five, and more", async (wire) => {
  const list = [1, 2, 3, 4, 5, 6, 7];
  for (const count of [1, 2, 3, 4, 5, 6, 7]) {
    const bound = await remoteValueBind(wire, count, "cl:values-list", [list]);
    assertEquals(bound, list.slice(0, count));
  }
  assertEquals(await remoteValueBind(wire, 3, "cl:floor", [17, 5]), [
    3,
    2,
    nil,
  ]);
  assertEquals(await wire.remoteValues["cl:floor"](17, 5), [3, 2]);
  assertEquals(await wire.remoteValues["cl:values"](), []);
  assertEquals(await wire.remoteValue["cl:values"](), nil);
});

withLisp("CMUCL takes one-way calls, and several at a time", async (wire) => {
  const { remoteValue } = wire;
  for (let n = 0; n < 10; n++) wire.remote.note(n);
  const sums = Array.from({ length: 50 }, (_, n) => remoteValue["cl:1+"](n));
  const notes = remoteValue["take-notes"]();
  assertEquals(await Promise.all(sums), sums.map((_, n) => n + 1));
  assertEquals(await notes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert(await wire.ping() >= 0);
});

withLisp("CMUCL sends data that is no answer", async (wire) => {
  await wire.outputObject(["unasked", 1]);
  await wire.remoteValue["say-objects"]();
  const got: unknown[] = [];
  for (let n = 0; n < 5; n++) got.push(await wire.getObject());
  assertEquals(got, [1, "two", keyword("THREE"), new Cons(4, 5), nil]);
});

withLisp("CMUCL unwinds, and goes on", async (wire, lisp) => {
  const { remoteValue } = wire;
  const failing = [
    remoteValue["cl:car"](5),
    remoteValue["cl:error"]("because"),
    remoteValue["no-such-function"](),
    remoteValue.echo(symbol("X", "NO-SUCH-PACKAGE")),
    remoteValue.echo(form("cl:/", 1, 0)),
    remoteValueBind(wire, 2, "cl:car", [5]),
    wire.remoteValues["cl:car"](5),
  ];
  for (const call of failing) {
    const error = await call.catch((e: unknown) => e);
    assert(error instanceof RemoteAbort, String(error));
  }
  assertEquals(await remoteValue["cl:+"](1, 2), 3);
  assert(lisp.printed().includes("because"));
});

withLisp("CMUCL and Deno call each other, 100 deep each way", async (wire) => {
  assertEquals(await wire.remoteValue.countdown(200), 200);
}, {
  async countdown(this: CallContext<Wire>, n: number) {
    return n > 0 ? 1 + await this.wire.remoteValue.countdown(n - 1) : 0;
  },
});

withLisp("CMUCL calls back in every way", async (wire) => {
  const [a, b, c, d, e, f] = ["a", "b", "c", "d", "e", "f"];
  assertEquals(await wire.remoteValue["call-deno"](), [
    42,
    [a, b],
    [a, b, c],
    [a, b, c, d],
    [a, b, c, d, e],
    [a, b, c, d, e, f],
    keyword("NONE"),
    keyword("UNWOUND"),
    keyword("UNWOUND"),
    2n ** 100n + 1n,
  ]);
}, {
  add: (one: number | bigint, other: number | bigint) =>
    BigInt(one) + BigInt(other),
  five: () => values("a", "b", "c", "d", "e", "f"),
  fail: () => Promise.reject(new Error("kept at home")),
});

withLisp("CMUCL performs forms as it reads them", async (wire) => {
  const vector = await wire.remoteValue["wire:make-remote-object"](
    form("cl:make-array", 3, keyword("INITIAL-ELEMENT"), 7),
  );
  const its = form("wire:remote-object-value", vector);
  const sum = form("cl:reduce", symbol("+", "CL"), its);
  assertEquals(await wire.remoteValue["cl:list"](sum, form("cl:length", its)), [
    21,
    3,
  ]);
});

withLisp("CMUCL and Deno hold each other's objects", async (wire) => {
  const { remoteValue } = wire;
  const lisp = cmucl();
  const thing = await remoteValue["its-reference"]();
  assert(!lisp.remoteObjectLocal(thing));
  assert(remoteObjectEq(thing, await remoteValue["its-reference"]()));
  assertEquals(await remoteValue["is-it"](thing), t);
  assertEquals(await remoteValue.about(thing), [t, t, t, t]);
  const own = { name: "an object of Deno's" };
  const reference = lisp.makeRemoteObject(own);
  assertEquals(await remoteValue.about(reference), [t, nil, t, nil]);
  assertEquals(
    await remoteValue.same(reference, lisp.makeRemoteObject(own)),
    t,
  );
  const home = await remoteValue.echo(reference);
  assert(lisp.remoteObjectValue(home) === own);
  await remoteValue["forget-it"]();
  const error = await remoteValue["is-it"](thing).catch((e: unknown) => e);
  assert(error instanceof RemoteAbort);
});

withLisp("CMUCL reads and writes untagged data", async (wire) => {
  using raw = untagged(wire);
  const read = wire.remoteValue["read-untagged"]();
  const list = [1, "two"];
  raw.outputByte(255);
  raw.outputNumber(-2);
  raw.outputNumber(2 ** 32 - 2);
  raw.outputBignum(-(2n ** 70n));
  raw.outputString("caf\xe9");
  raw.outputObject(list, true);
  raw.outputObject(list, true);
  await raw.forceOutput();
  raw[Symbol.dispose]();
  assertEquals(await read, [
    255,
    -2,
    2n ** 32n - 2n,
    -(2n ** 70n),
    "caf\xe9",
    list,
    t,
  ]);
  using into = untagged(wire);
  await wire.remote["write-untagged-here"]();
  await readUntagged(into);
  assert(!into.listen());
});

/** Reads what `write-untagged` writes. */
async function readUntagged(raw: ReturnType<typeof untagged>): Promise<void> {
  assertEquals(await raw.getByte(), 255);
  assertEquals(await raw.getNumber(), -2);
  assertEquals(await raw.getNumber(false), 2 ** 32 - 2);
  assertEquals(await raw.getBignum(), -(2n ** 70n));
  assertEquals(await raw.getString(), "caf\xe9");
  const once = await raw.getObject();
  assertEquals(once, [1, 2, 3]);
  assert(await raw.getObject() === once);
}

withLisp(
  "CMUCL's half an answer, of a value that it cannot send",
  async (wire) => {
    const { remoteValue } = wire;
    const root = remoteValue["cl:sqrt"](2);
    const sum = remoteValue["cl:+"](1, 2);
    assertEquals(await sum, 3);
    // The next answer became its value, which is none.
    assertEquals(await root, nil);
    assertEquals(await remoteValue["cl:+"](2, 2), 4);
  },
);

withLisp("CMUCL's death fails what waits, and runs onDeath", async (wire) => {
  const deaths: WireError[] = [];
  wire.onDeath((reason) => void deaths.push(reason));
  const error = await assertRejects(() => wire.remoteValue.die());
  assert(error instanceof WireError);
  assertEquals([error.code, error.sent], ["connectionLost", "maybeExecuted"]);
  await wire.closed;
  assertEquals(deaths.length, 1);
});

/** Defines a test of a CMUCL that connects. */
const asServer = version === undefined ? Deno.test.ignore : test;

asServer("CMUCL makes its own wire, untagged from the first byte", async () => {
  const died = Promise.withResolvers<void>();
  const spoken = Promise.withResolvers<void>();
  await using server = createRequestServer(0, (wire) => {
    const raw = untagged(wire);
    readUntagged(raw).then(() => {
      raw.outputNumber(-7);
      raw.outputObject([keyword("DONE"), 2n ** 40n]);
    }).then(spoken.resolve, spoken.reject);
    return { accept: true, onDeath: () => died.resolve() };
  }, { dialect: cmucl({ untagged: true }) });
  const port = "port" in server.address ? server.address.port : 0;
  const printed = await runLisp(port, "tests/lisp/own_wire.lisp");
  assert(printed.endsWith("-7 (:DONE 1099511627776) T\n"), printed);
  await Promise.all([spoken.promise, died.promise]);
});

asServer("examples/cmucl/call_lisp.ts calls a CMUCL", async () => {
  await using lisp = await startLisp();
  const { code, stdout, stderr } = await run(
    "--allow-net",
    "examples/cmucl/call_lisp.ts",
    String(lisp.port),
  );
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assert(stdout.includes("2^100 = 1267650600228229401496703205376n"), stdout);
  assert(stdout.includes("nineteen") || stdout.includes("MCMXCIX"), stdout);
  assert(stdout.includes("the squares: 1, 4, 9, 16, 25, 36, 49"), stdout);
  assert(stdout.includes("the vector has 3 items"), stdout);
  assert(stdout.includes("calls within calls: 100"), stdout);
  assert(stdout.includes("unwound at the peer"), stdout);
  console.log(stdout);
});

asServer("examples/cmucl/client.lisp calls serve_lisp.ts", async () => {
  const server = await startServer(
    "--allow-net",
    "examples/cmucl/serve_lisp.ts",
    "0",
  );
  const printed = await runLisp(server.port, "examples/cmucl/client.lisp");
  // Its last words are one way: they may arrive after its end.
  await server.prints(/ left: /);
  const { code, stdout, stderr } = await server.end("SIGINT");
  assertEquals(stderr, "");
  assertEquals(code, 0);
  assert(printed.includes("Hello CMUCL, this is Deno."), printed);
  assert(printed.includes("17 / 5 = 3, rest 2"), printed);
  assert(printed.includes("(1 4 9 1000000000000)"), printed);
  assert(printed.includes("counted to 2 by Deno's object"), printed);
  assert(printed.includes("the call unwound\nnor is that served"), printed);
  assert(stdout.includes("Lisp says: Good-bye."), stdout);
  assert(stdout.includes("this reason stays here"), stdout);
  console.log(`${printed}\n${stdout}`);
});
