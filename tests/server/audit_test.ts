/** onAudit hears of every connection that is refused, and why. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  formatAddress,
  type RefusedEvent,
  type RequestServer,
  type RequestServerOptions,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { framed, hello } from "../_raw_peer.ts";
import { startListener } from "./listener/_client.ts";
import type { Message } from "../../wire/codec/messages.ts";

/** Says bytes to a server, and hears it out. */
async function say(port: number, bytes: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const writer = conn.writable.getWriter();
  await writer.write(bytes);
  try {
    for await (const _ of conn.readable);
  } catch {
    // It was reset.
  }
}

async function tryToConnect(
  { port }: RequestServer,
  credential?: string,
): Promise<void> {
  await connectToRemoteServer("127.0.0.1", port, { credential }).then(
    (wire) => wire.close(),
    () => {},
  );
}

/** Ways to be refused, what is told, and the identity that is known by then. */
const REFUSALS: Record<string, {
  options?: RequestServerOptions;
  come?: (server: RequestServer) => Promise<void>;
  code: string;
  text: RegExp;
  cause?: string;
  identity?: unknown;
}> = {
  "a wrong credential": {
    options: { requireCredential: "open sesame" },
    code: "refused",
    text: /credential is missing or wrong/,
  },
  "authenticate, which fails": {
    options: {
      authenticate: () => new Error("the database is down"),
    },
    code: "refused",
    text: /not recognized/,
    cause: "the database is down",
  },
  "onConnect": {
    options: { authenticate: () => "alice", onConnect: () => false },
    code: "refused",
    text: /was not accepted/,
    identity: "alice",
  },
  "the limit of wires": {
    options: { limits: { wires: 1 }, authenticate: () => "alice" },
    come: async (server) => {
      await using _wire = await connectToRemoteServer(
        "127.0.0.1",
        server.port,
      );
      await tryToConnect(server);
    },
    code: "busy",
    text: /has 1 wires/,
    identity: "alice",
  },
  "noise": {
    come: ({ port }) => say(port, new TextEncoder().encode("GET / HTTP/1.1\n")),
    code: "notAWire",
    text: /HTTP/,
  },
  "another version": {
    come: ({ port }) =>
      say(port, framed({ ...hello(), version: 9 } as Message)),
    code: "unsupportedVersion",
    text: /version 9/,
  },
  "its address": {
    options: { deny: ["127.0.0.1"] },
    code: "refused",
    text: /may not connect: it is in "deny"/,
  },
};

for (const [what, refusal] of Object.entries(REFUSALS)) {
  for (const isFaulty of [false, true]) {
    test(`onAudit hears of a refusal by ${what}${isFaulty ? ", and may throw" : ""}`, async () => {
      const events: RefusedEvent[] = [];
      const troubles: string[] = [];
      const { options, come = tryToConnect, code, text } = refusal;
      {
        await using server = createRequestServer(0, {
          ...options,
          onAudit: (event) => {
            events.push(event);
            if (isFaulty) throw new Error("the disk is full");
          },
          onError: (_error, where) => troubles.push(where),
        });
        await come(server);
      }
      assertEquals(events.length, 1);
      const { refused, reason, address, identity, functionName } = events[0]!;
      assertEquals([refused, reason.code], ["connection", code]);
      assertMatch(reason.message, text);
      assertMatch(formatAddress(address), /^127\.0\.0\.1:\d+$/);
      assertEquals([identity, functionName], [refusal.identity, undefined]);
      const cause = reason.cause as Error | undefined;
      assertEquals(cause?.message, refusal.cause);
      const own = troubles.filter((where) => where.startsWith("onAudit"));
      assertEquals(own.length, isFaulty ? 1 : 0);
    });
  }
}

test("onAudit hears of each of many refusals, and of nobody who just left", async () => {
  const events: RefusedEvent[] = [];
  await using server = createRequestServer(0, {
    requireCredential: "open sesame",
    limits: { attempts: 2, attemptEvery: 2 ** 31 - 1 },
    onAudit: (event) => events.push(event),
    onError() {},
  });
  for (let n = 0; n < 5; n++) await tryToConnect(server, `guess ${n}`);
  assertEquals(
    events.map(({ reason }) => reason.code),
    ["refused", "refused", "busy", "busy", "busy"],
  );
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  conn.close();
  await server.shutdown();
  assertEquals(events.length, 5);
});

test("a connection that is accepted is told of to nobody", async () => {
  const events: RefusedEvent[] = [];
  {
    await using server = createRequestServer(0, {
      authenticate: () => "alice",
      onAudit: (event) => events.push(event),
    });
    await tryToConnect(server);
    const wire = await connectToRemoteServer("127.0.0.1", server.port);
    wire.abort("enough");
    await wire.closed;
  }
  assertEquals(events, []);
});

test("a listener tells onAudit of wrong credentials; it takes several", async () => {
  const events: RefusedEvent[] = [];
  const secrets = ["the first secret of two", "the second secret of two"];
  await using listener = startListener({ requireCredential: secrets }, {
    onAudit: (event) => events.push(event),
  });
  const come = async (credential: string, end: string | null) => {
    await using client = await listener.connect();
    await client.until("name> ");
    await client.say("test", "credential> ");
    await client.stream.writeLine(credential);
    return await client.until(end);
  };
  assertMatch(await come("a wrong secret of two", null), /not the credential/);
  for (const secret of secrets) await come(secret, "test> ");
  assertEquals(events.map(({ reason }) => reason.code), ["refused"]);
  assertMatch(events[0]!.reason.message, /showed a wrong credential/);
});
