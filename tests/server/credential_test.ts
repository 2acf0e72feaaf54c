/**
 * One meaning a word: `requireCredential` is what one demands, `credential`
 * what one shows, at servers and at clients.
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  type RequestServerOptions,
  startUpServer,
  type StartUpServerOptions,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { framed, hello } from "../_raw_peer.ts";
import { failure } from "../wire/_failure.ts";
import type { Message } from "../../wire/codec/messages.ts";

for (const credential of ["open sesame", "", undefined, null, 42]) {
  test(`createRequestServer() that demands nothing refuses credential: ${JSON.stringify(credential)}`, () => {
    const options = { credential } as RequestServerOptions;
    const error = assertThrows(
      () => void createRequestServer(0, undefined, options).destroy(),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    if (credential === "" || credential === 42 || credential === null) return;
    assertMatch(error.message, /"credential" is a secret that this side shows/);
    assertMatch(error.message, /Did you mean "requireCredential"/);
    assert(!error.message.includes("sesame"), error.message);
  });
}

test("startUpServer() refuses listener.credential, and says what is meant", () => {
  const options = { service: 0, listener: { credential: "x".repeat(16) } };
  const error = assertThrows(
    () => void startUpServer(options as StartUpServerOptions).kill(),
    WireError,
    'There is no option "credential" of listener; did you mean "requireCredential"?',
  ) as WireError;
  assertEquals(error.code, "invalidArgument");
});

test("a client demands a credential of its server", async () => {
  const served: string[] = [];
  await using server = createRequestServer(0, undefined, {
    requireCredential: "of the client",
    credential: "of the server",
    functions: { note: (text: string) => void served.push(text) },
  });
  const connect = (options: ConnectOptions) =>
    connectToRemoteServer("127.0.0.1", server.port, undefined, options);
  const credential = "of the client";
  const requireCredential = "of the server";
  {
    await using wire = await connect({ credential, requireCredential });
    await wire.remoteValue.note("both");
  }
  {
    // A client that demands nothing does not look.
    await using wire = await connect({ credential });
    await wire.remoteValue.note("one");
  }
  const wrong = await failure(
    connect({ credential, requireCredential: "of another" }),
  );
  assertEquals(wrong.code, "refused");
  const missing = await failure(connect({ requireCredential }));
  assertEquals(missing.code, "refused");
  assertEquals(served, ["both", "one"]);
});

/** All that a server sends to a peer that says hello with a credential. */
async function shown(port: number, credential: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const writer = conn.writable.getWriter();
  await writer.write(framed({ ...hello(), credential } as Message));
  let text = "";
  try {
    for await (const chunk of conn.readable) {
      text += new TextDecoder("latin1").decode(chunk);
      if (text.includes("of the server")) break;
    }
  } catch (error) {
    // The server closed it while something was under way.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

test("a server shows its credential only to clients that have shown theirs", async () => {
  await using server = createRequestServer(0, {
    requireCredential: "of the client",
    credential: "of the server",
    onError() {},
  });
  const { port } = server;
  assertMatch(await shown(port, "of the client"), /WIRE.*of the server/s);
  for (const credential of ["", "of the clien", "of the server!"]) {
    const text = await shown(port, credential);
    assert(text !== "" && !text.includes("WIRE"), JSON.stringify(text));
    assertMatch(text, /refused/);
  }
});

test("a client that demands a credential refuses a server that shows none", async () => {
  await using server = createRequestServer(0);
  const error = await failure(
    connectToRemoteServer("127.0.0.1", server.port, undefined, {
      requireCredential: "of the server",
    }),
  );
  assertEquals(error.code, "refused");
});
