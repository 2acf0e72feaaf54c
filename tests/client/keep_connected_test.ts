import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Calculator } from "../../examples/calculator/calculator.ts";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  type RequestServer,
  type Wire,
  type WireError,
} from "../../mod.ts";
import { EXAMPLES, type RunningServer, startServer } from "../examples/_run.ts";
import { test } from "../_test.ts";

const SERVER = ["--allow-net", `${EXAMPLES}/calculator/server.ts`];

/** Starts the server again; the port may be busy for a moment. */
async function restart(port: number): Promise<RunningServer> {
  for (let left = 20;; left--) {
    try {
      return await startServer(...SERVER, `${port}`);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Waits for things that happen one after the other. */
function events(): {
  add(event: string): void;
  has(event: string): Promise<void>;
} {
  const happened = new Map<string, PromiseWithResolvers<void>>();
  const of = (event: string) => {
    const known = happened.get(event) ?? Promise.withResolvers<void>();
    happened.set(event, known);
    return known;
  };
  return {
    add: (event) => of(event).resolve(),
    has: (event) => of(event).promise,
  };
}

test("keepConnected() outlives a server that is killed and started again", async () => {
  let server = await startServer(...SERVER, "0");
  const { port } = server;
  const seen = events();
  const kept = keepConnected(
    (signal) =>
      connectToRemoteServer<Calculator>("127.0.0.1", port, undefined, {
        signal,
      }),
    {
      backoff: { least: 10, most: 50 },
      onConnected: (wire, { connection }) => {
        seen.add(`connected ${connection}`);
        return wire.remoteValue.add(0, 0);
      },
      onLost: ({ code }) => seen.add(code),
    },
  );
  try {
    assertEquals(await kept.remoteValue.add(40, 2), 42);
    const running = assertRejects(() => kept.remoteValue.think(60_000));
    await kept.remoteValue.add(1, 1); // the server is thinking by now
    await server.end("SIGKILL");
    const error = await running as WireError;
    assertEquals([error.code, error.sent], ["connectionLost", "maybeExecuted"]);
    const waiting = [1, 2, 3].map((n) => kept.remoteValue.add(n, n));
    await seen.has("connectionRefused");
    server = await restart(port);
    assertEquals(await Promise.all(waiting), [2, 4, 6]);
    await seen.has("connected 2");
    assert(kept.stats().attempts >= 3);
    assertEquals(kept.stats().connections, 2);
  } finally {
    await kept.close();
    const { code } = await server.end("SIGINT");
    assertEquals(code, 0);
  }
});

function portOf(server: RequestServer): number {
  return "port" in server.address ? server.address.port : 0;
}

test("keepConnected() serves again on each wire, in time for the first call", async () => {
  const answers = [0, 1].map(() => Promise.withResolvers<unknown>());
  let count = 0;
  const onConnect = (wire: Wire) => {
    const answer = answers[count++]!;
    wire.remoteValue.name().then(answer.resolve, answer.reject);
    return true;
  };
  await using server = createRequestServer(0, onConnect);
  await using kept = keepConnected(
    () => connectToRemoteServer("127.0.0.1", portOf(server)),
    {
      backoff: { least: 1 },
      onConnected: (wire, { connection }) =>
        wire.serve({ name: () => `client ${connection}` }),
    },
  );
  assertEquals(await answers[0]!.promise, "client 1");
  kept.wire!.abort();
  assertEquals(await answers[1]!.promise, "client 2");
});

test("keepConnected() ends for good when the credential is refused", async () => {
  await using server = createRequestServer(0, undefined, {
    requireCredential: "open sesame",
  });
  const kept = keepConnected((signal) =>
    connectToRemoteServer("127.0.0.1", portOf(server), undefined, {
      credential: "open barley",
      signal,
    })
  );
  const error = await assertRejects(() => kept.remoteValue.name()) as WireError;
  assertEquals([error.code, error.sent], ["refused", "notSent"]);
  assertEquals((await kept.closed).code, "refused");
  assertEquals(kept.stats().attempts, 1);
});
