/** authenticate() says who a client is, and whatever is no answer refuses it. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type CallContext,
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  type Middleware,
  type Peer,
  Refusal,
  type RequestServer,
  type RequestServerOptions,
  type Wire,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";

/** Longer than any test, in milliseconds. */
const NEVER = 2 ** 31 - 1;

function connect(
  server: RequestServer,
  options: ConnectOptions = {},
): Promise<Wire> {
  return connectToRemoteServer("127.0.0.1", server.port, options);
}

/** Who comes in. */
const IDENTITIES: Record<string, unknown> = {
  "a text": "alice",
  "an empty text": "",
  "a number": 0,
  "true": true,
  "an object": { name: "alice" },
};

for (const [what, identity] of Object.entries(IDENTITIES)) {
  for (const isLater of [false, true]) {
    test(`authenticate() lets in whom it answers ${what}${isLater ? ", later" : ""}`, async () => {
      await using server = createRequestServer(0, {
        authenticate: () => isLater ? Promise.resolve(identity) : identity,
      });
      await using _wire = await connect(server);
      assertEquals([...server.wires].map((wire) => wire.identity), [identity]);
    });
  }
}

/** Who is refused, what it hears, and whether `onError` is told. */
const REFUSALS: Record<string, [() => unknown, code: string, RegExp, boolean]> =
  {
    "undefined": [() => undefined, "refused", /not recognized/, false],
    "null": [() => null, "refused", /not recognized/, false],
    "false": [() => false, "refused", /not recognized/, false],
    "a Refusal": [
      () => new Refusal("refused", "Alice is on holiday."),
      "refused",
      /Alice is on holiday/,
      false,
    ],
    "a Refusal of a code of its own": [
      () => new Refusal("holiday", "Until Monday."),
      "refused",
      /Until Monday/,
      false,
    ],
    "a Refusal that is busy": [
      () => new Refusal("busy", "Come again."),
      "busy",
      /Come again/,
      false,
    ],
    "an error": [() => new Error("secret"), "refused", /not recognized/, true],
  };

/** How an answer gets out. */
const WAYS: Record<string, (make: () => unknown) => unknown> = {
  "returned": (make) => make(),
  "promised": (make) => Promise.resolve(make()),
  "thrown": (make) => {
    throw make();
  },
  "rejected": (make) => Promise.reject(make()),
};

for (const [what, [make, code, text, isTold]] of Object.entries(REFUSALS)) {
  for (const [way, answer] of Object.entries(WAYS)) {
    const isThrown = way === "thrown" || way === "rejected";
    const isError = make() instanceof Error;
    // A program that throws undefined has a fault, and says nothing.
    if (isThrown && !isError) continue;
    test(`authenticate() refuses by ${what}, ${way}`, async () => {
      const told: string[] = [];
      let connected = 0;
      await using server = createRequestServer(0, {
        authenticate: () => answer(make),
        onConnect: () => ++connected > 0,
        onError: (_error, where) => told.push(where),
      });
      const error = await failure(connect(server));
      assertEquals(error.code, code);
      assertMatch(error.message, text);
      assert(!error.message.includes("secret"), error.message);
      assertEquals(connected, 0);
      const isHere = told.some((where) => where.startsWith("authenticate"));
      assertEquals(isHere, isTold, told.join());
    });
  }
}

interface User {
  readonly name: string;
}

test("a wire, a served function and middleware know who calls, by its type", async () => {
  const seen: string[] = [];
  type UserWire = Wire<Record<never, never>, Record<never, never>, User>;
  const note: Middleware<UserWire> = (call, next) => {
    seen.push(`middleware ${call.wire.identity.name}`);
    return next();
  };
  await using server = createRequestServer(0, {
    authenticate: ({ credential }): User | undefined =>
      credential === undefined ? undefined : { name: credential },
    onConnect: (wire) => {
      seen.push(`onConnect ${wire.identity.name}`);
      wire.serve({ late: () => wire.identity.name });
      return true;
    },
    serveThrough: [note],
    functions: {
      whoAmI(this: CallContext<UserWire>): string {
        return this.identity.name;
      },
    },
  });
  await using alice = await connect(server, { credential: "alice" });
  await using bob = await connect(server, { credential: "bob" });
  assertEquals(await alice.remoteValue.whoAmI(), "alice");
  assertEquals(await bob.remoteValue.whoAmI(), "bob");
  assertEquals(await bob.remoteValue.late(), "bob");
  assertEquals(seen, [
    "onConnect alice",
    "onConnect bob",
    "middleware alice",
    "middleware bob",
    "middleware bob",
  ]);
  // Nobody was asked who the server is.
  assertEquals(alice.identity, undefined);
});

test("authenticate() is told of the peer, and its secret is in no log", async () => {
  const peers: Peer[] = [];
  await using server = createRequestServer(0, {
    authenticate: (peer) => peers.push(peer),
  });
  await using _wire = await connect(server, { credential: "open sesame" });
  await using _other = await connect(server);
  const [peer, other] = peers;
  assertEquals(peer!.address.transport, "tcp");
  assertEquals(peer!.certificate, undefined);
  assertEquals(peer!.credential, "open sesame");
  assertEquals(other!.credential, undefined);
  for (const inspected of [Deno.inspect(peer), JSON.stringify(peer)]) {
    assert(!inspected.includes("sesame"), inspected);
  }
  for (const secret of ["open sesam", "open sesame!", "", undefined]) {
    assertEquals(peer!.shows(secret), false, secret);
    assertEquals(other!.shows(secret), false, secret);
  }
  assertEquals(peer!.shows("open sesame"), true);
});

test("what authenticate() refuses counts as a guess, and who is to come again does not", async () => {
  await using server = createRequestServer(0, {
    authenticate: ({ credential = "" }) => {
      if (credential.startsWith("later")) throw new Refusal("busy", "Later.");
      return credential === "alice" || undefined;
    },
    limits: { attempts: 3, attemptEvery: NEVER },
    onError() {},
  });
  const show = (credential: string) =>
    connect(server, { credential }).then(
      (wire) => wire.close().then(() => "in"),
      (error) => `${error.code} ${/too many/.exec(error.message) ?? ""}`,
    );
  for (let n = 0; n < 5; n++) assertEquals(await show(`later ${n}`), "busy ");
  // The same again is no guess.
  for (let n = 0; n < 5; n++) assertEquals(await show("one"), "refused ");
  assertEquals(await show("alice"), "in");
  for (const guess of ["two", "three"]) {
    assertEquals(await show(guess), "refused ");
  }
  for (const guess of ["alice", "four"]) {
    assertEquals(await show(guess), "busy too many");
  }
});

test("guesses that were begun together are made up for", async () => {
  const gate = Promise.withResolvers<undefined>();
  let asked = 0;
  const all = Promise.withResolvers<void>();
  const COUNT = 12;
  await using server = createRequestServer(0, {
    authenticate: () => {
      if (++asked === COUNT) all.resolve();
      return gate.promise;
    },
    // Ten more failures than there may be: 10 times as long is nobody heard.
    limits: { attempts: 2, attemptEvery: 3_600_000 },
    onError() {},
  });
  const guesses = Array.from(
    { length: COUNT },
    (_, n) => failure(connect(server, { credential: `guess ${n}` })),
  );
  await all.promise;
  gate.resolve(undefined);
  const codes = (await Promise.all(guesses)).map(({ code }) => code);
  assertEquals(new Set(codes), new Set(["refused"]));
  const error = await failure(connect(server, { credential: "next" }));
  assertEquals(error.code, "busy");
  const wait = Number(/in (\d+) ms/.exec(error.message)![1]);
  assert(wait > 9 * 3_600_000, error.message);
});

test("requireCredential takes several secrets, so that they can be changed", async () => {
  await using server = createRequestServer(0, {
    requireCredential: ["the old one", "the new one"],
    onError() {},
  });
  for (const credential of ["the old one", "the new one"]) {
    await using _wire = await connect(server, { credential });
  }
  for (const credential of ["the old one,the new one", "another"]) {
    const error = await failure(connect(server, { credential }));
    assertEquals(error.code, "refused");
  }
});

/** Options that would leave a gate open, or mean two things. */
const WRONG: [object, RegExp][] = [
  [{ authenticate: undefined }, /"authenticate" is undefined/],
  [{ authenticate: null }, /"authenticate" is a function/],
  [{ authenticate: "alice" }, /"authenticate" is a function/],
  [
    { authenticate: () => true, requireCredential: "x" },
    /take each other's place.*peer\.shows/,
  ],
  [{ requireCredential: [] }, /array without any secret/],
  [{ requireCredential: [""] }, /requireCredential\[0\]/],
  [{ requireCredential: ["a", undefined] }, /requireCredential\[1\]/],
  [{ requireCredential: ["a", 5] }, /requireCredential\[1\]/],
];

for (const [options, text] of WRONG) {
  test(`createRequestServer() refuses ${Deno.inspect(options)}`, () => {
    const error = assertThrows(
      () => void createRequestServer(0, options as RequestServerOptions),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
  });
}

test("a server that authenticates may show a secret, to whom it knows", async () => {
  await using server = createRequestServer(0, {
    authenticate: (peer) => peer.shows("of the client") ? "client" : undefined,
    credential: "of the server",
    onError() {},
  });
  const requireCredential = "of the server";
  await using _wire = await connect(server, {
    credential: "of the client",
    requireCredential,
  });
  const error = await failure(
    connect(server, { credential: "of another", requireCredential }),
  );
  assertEquals(error.code, "refused");
});
