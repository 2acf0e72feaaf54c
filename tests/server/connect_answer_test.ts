import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  type OnConnect,
  values,
  type Wire,
  WireError,
  wirePair,
} from "../../mod.ts";
import { test } from "../_test.ts";

/** A promise of some library's own making, which asks when it is awaited. */
class Query {
  constructor(readonly value: unknown) {}
  then(
    found: (value: unknown) => void,
    failed: (error: unknown) => void,
  ): void {
    if (this.value instanceof Error) failed(this.value);
    else found(this.value);
  }
}

/** What came of a connection whose server answers so. */
async function outcome(
  onConnect: unknown,
): Promise<{ code: string; text: string; errors: string[] }> {
  const errors: string[] = [];
  await using server = createRequestServer(0, onConnect as OnConnect, {
    functions: { secret: () => "for members" },
    onError: (error, where) => {
      assertEquals(where, "onConnect");
      errors.push((error as Error).message);
    },
  });
  try {
    await using wire = await connectToRemoteServer("127.0.0.1", server.port);
    return { code: await wire.remoteValue.secret(), text: "", errors };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    assertEquals(server.wires.size, 0);
    return { code: error.code, text: error.message, errors };
  }
}

const LETS_IN: Record<string, unknown> = {
  "no function": undefined,
  "null, as in the seed": null,
  "true": () => true,
  "a promise of true": () => Promise.resolve(true),
  "a query that finds true": () => new Query(true),
  "an object": () => ({ accept: true }),
  "an object whose onDeath is null": () => ({ accept: true, onDeath: null }),
  "one value": () => values(true),
  "two values": () => values(true, () => {}),
  "two values, the second null": () => values(true, null),
  "a promise of two values": () => Promise.resolve(values(true, undefined)),
};
for (const [what, onConnect] of Object.entries(LETS_IN)) {
  test(`onConnect lets in with ${what}`, async () => {
    const { code, errors } = await outcome(onConnect);
    assertEquals([code, errors], ["for members", []]);
  });
}

const REFUSES: Record<string, () => unknown> = {
  "false": () => false,
  "a promise of false": () => Promise.resolve(false),
  "a query that finds false": () => new Query(false),
  "a function with a then": () =>
    Object.assign(() => {}, {
      then: (found: (value: unknown) => void) => found(false),
    }),
  "an object": () => ({ accept: false, onDeath: () => {} }),
  "two values": () => values(false, () => {}),
};
for (const [what, onConnect] of Object.entries(REFUSES)) {
  test(`onConnect refuses with ${what}`, async () => {
    const { code, errors } = await outcome(onConnect);
    assertEquals([code, errors], ["refused", []]);
  });
}

const SLIPS: Record<string, () => unknown> = {
  "nothing": () => undefined,
  "null": () => null,
  "a number": () => 1,
  "a text": () => "true",
  "an array": () => [true],
  "a Map": () => new Map([["accept", true]]),
  "a function": () => () => true,
  "an empty object": () => ({}),
  "an object without accept": () => ({ onDeath: () => {} }),
  "accept being undefined": () => ({ accept: undefined }),
  "accept being 1": () => ({ accept: 1 }),
  "accept being a promise": () => ({ accept: Promise.resolve(true) }),
  "a misspelt accept": () => ({ acept: true }),
  "a misspelt onDeath": () => ({ accept: true, onDeth: () => {} }),
  "an onDeath that is none": () => ({ accept: true, onDeath: "bye" }),
  "a getter that throws": () => ({
    get accept(): boolean {
      throw new Error("a secret of the server");
    },
  }),
  "a then that throws": () => ({
    get then(): unknown {
      throw new Error("a secret of the server");
    },
  }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({ accept: true }, {});
    revoke();
    return proxy;
  },
  "no values": () => values(),
  "three values": () => values(true, null, 1),
  "values of another kind": () => values(1, () => {}),
  "an error": () => {
    throw new Error("a secret of the server");
  },
  "a rejected promise": () =>
    Promise.reject(new Error("a secret of the server")),
  "a query that fails": () => new Query(new Error("a secret of the server")),
};
for (const [what, onConnect] of Object.entries(SLIPS)) {
  test(`onConnect refuses, and it is told, with ${what}`, async () => {
    const { code, text, errors } = await outcome(onConnect);
    assertEquals([code, errors.length], ["refused", 1]);
    assert(!text.includes("secret"), text);
  });
}

test("onConnect without accept is told what to answer", async () => {
  const { errors } = await outcome(() => ({ onDeath: () => {} }));
  assert(errors[0]!.includes("{ accept: true, onDeath }"), errors[0]);
});

test("a refused connection's death function does not run", async () => {
  const deaths: string[] = [];
  for (const accept of [false, true]) {
    await using server = createRequestServer(
      0,
      () => values(accept, () => deaths.push(String(accept))),
    );
    const wire = await connectToRemoteServer("127.0.0.1", server.port)
      .catch(() => undefined);
    await wire?.close();
    await server.shutdown();
  }
  assertEquals(deaths, ["true"]);
});

test("a wire may die while onConnect decides", async () => {
  const asked = Promise.withResolvers<Wire>();
  const decided = Promise.withResolvers<void>();
  const died = Promise.withResolvers<string>();
  await using server = createRequestServer(0, async (wire) => {
    asked.resolve(wire);
    await decided.promise;
    return { accept: true, onDeath: (reason) => died.resolve(reason.code) };
  });
  const controller = new AbortController();
  const connecting = assertRejects(() =>
    connectToRemoteServer("127.0.0.1", server.port, undefined, {
      signal: controller.signal,
    })
  );
  const wire = await asked.promise;
  controller.abort();
  await connecting;
  await wire.closed;
  decided.resolve();
  assertEquals(await died.promise, "peerAborted");
  assertEquals(server.wires.size, 0);
});

const UNCONFIRMED: Record<string, () => unknown> = {
  "nothing": () => undefined,
  "1": () => 1,
  "a promise of nothing": () => Promise.resolve(undefined),
  "a query that fails": () => new Query(new Error("a secret")),
  "an error": () => {
    throw new Error("a secret");
  },
};
for (const [what, confirm] of Object.entries(UNCONFIRMED)) {
  test(`makeWire() refuses a peer when confirm answers ${what}`, async () => {
    const errors: unknown[] = [];
    const there = new TransformStream<Uint8Array, Uint8Array>();
    const back = new TransformStream<Uint8Array, Uint8Array>();
    const near = makeWire({
      readable: back.readable,
      writable: there.writable,
    });
    const far = makeWire(
      { readable: there.readable, writable: back.writable },
      {
        confirm: confirm as unknown as () => boolean,
        onError: (error) => errors.push(error),
      },
    );
    const error = await assertRejects(() => near.opened, WireError);
    assertEquals((error as WireError).code, "refused");
    assert(!(error as WireError).message.includes("secret"));
    await far.closed;
    assertEquals(errors.length, 1);
  });
}

test("wirePair() confirms where nobody is asked", async () => {
  const [near, far] = wirePair();
  await Promise.all([near.opened, far.opened]);
  await Promise.all([near.close(), far.close()]);
});
