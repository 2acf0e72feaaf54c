/**
 * Wires over a real NATS server: sessions, and all that may happen to them.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createRequestServer,
  keepConnected,
  type RequestServerOptions,
  type Wire,
  type WireError,
} from "../../mod.ts";
import { isOpening, ROOT } from "../../transports/_nats_session.ts";
import { connectNats, serveNats } from "../../transports/nats.ts";
import { test } from "../_test.ts";
import {
  heldRelay,
  type Nats,
  type NatsServer,
  natsTest,
  natsTransports,
} from "./_nats.ts";

const FUNCTIONS = {
  echo: (value: unknown) => value,
  add: (a: number, b: number) => a + b,
  callBack: async (fn: (n: number) => number) => await fn(20) + 1,
  async *each(count: number) {
    for (let n = 0; n < count; n++) yield await n;
  },
  never: () => new Promise<void>(() => {}),
};

interface Serving extends AsyncDisposable {
  readonly server: ReturnType<typeof createRequestServer>;
  readonly service: Awaited<ReturnType<typeof serveNats>>;
}

/** A server behind a name. */
async function serving(
  nats: Nats,
  name: string,
  options: RequestServerOptions = { functions: FUNCTIONS },
): Promise<Serving> {
  const server = createRequestServer(null, { onError() {}, ...options });
  const service = await serveNats(server, nats, name);
  return {
    server,
    service,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

type Subscribing = Parameters<Nats["subscribe"]>[1];

const quiet = { onError() {} };

function codeOf(promise: PromiseLike<unknown>): Promise<string> {
  return Promise.resolve(promise).then(
    () => "it went well",
    (error: WireError) => error.code,
  );
}

/** A server, a client, and what listens in between them. */
interface Tapped {
  readonly wire: Wire;
  readonly far: Wire;
  /** What the client has sent to the server's end, and where that is. */
  readonly there: { subject: string; reply: string; data: Uint8Array }[];
  /** Somebody else at NATS. */
  readonly other: Nats;
}

/** A session whose subjects somebody else has seen. */
async function tapped(
  server: NatsServer,
  use: (tapped: Tapped) => Promise<void>,
): Promise<void> {
  const [near, far, other] = [
    await server.connect(),
    await server.connect(),
    await server.connect(),
  ];
  const there: Tapped["there"] = [];
  other.subscribe(`${ROOT}.tapped.*`, {
    callback: (_, message) => {
      const { subject, reply, data } =
        message as unknown as Tapped["there"][number];
      there.push({ subject, reply, data: new Uint8Array(data) });
    },
  });
  await other.flush();
  await using serving_ = await serving(far, "tapped");
  const wire = await connectNats(near, "tapped", {
    ...quiet,
    probe: Infinity,
  });
  await wire.remoteValue.echo("one");
  // Until it has no more to say.
  for (let count = -1; count < there.length;) {
    count = there.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await near.flush();
    await other.flush();
  }
  await use({ wire, far: [...serving_.server.wires][0]!, there, other });
  wire.abort();
  await wire.closed;
}

natsTest("wires over NATS do what wires do", async (server) => {
  const [near, far] = [await server.connect(), await server.connect()];
  await using _ = await serving(far, "calculator");
  const wire = await connectNats(near, "calculator");
  assertEquals(wire.address, { transport: "nats", name: "calculator" });
  assertEquals(await wire.remoteValue.add(40, 2), 42);
  assertEquals(await wire.remoteValue.callBack((n: number) => n * 2), 41);
  const bytes = new Uint8Array(3_000_000).fill(7);
  for (const value of [bytes, bytes.subarray(0, 9), bytes.subarray(0, 9_000)]) {
    const echoed = await wire.remoteValue.echo(value);
    // Those of the client's package are of a class of Node's.
    assertEquals(Object(echoed).constructor, Uint8Array);
    assertEquals(echoed, value);
  }
  let items = 0;
  const stream = await wire.remoteValue.each(1_000) as AsyncIterable<number>;
  for await (const _ of stream) items++;
  assertEquals(items, 1_000);
  await wire.close();
  assertEquals((await wire.closed).code, "closed");
});

natsTest("both ends may use one connection", async (server) => {
  const nats = await server.connect();
  await using _ = await serving(nats, "self");
  await using wire = await connectNats(nats, "self");
  assertEquals(await wire.remoteValue.add(1, 2), 3);
});

natsTest(
  "servers of a name share its clients, and a wire stays with one",
  async (server) => {
    const nats = await server.connect();
    const who = (name: string) => ({ functions: { who: () => name } });
    await using _one = await serving(
      await server.connect(),
      "team",
      who("one"),
    );
    await using _two = await serving(
      await server.connect(),
      "team",
      who("two"),
    );
    const wires = await Promise.all(
      Array.from({ length: 32 }, () => connectNats(nats, "team")),
    );
    const first = await Promise.all(
      wires.map((wire) => wire.remoteValue.who()),
    );
    assertEquals(new Set(first), new Set(["one", "two"]));
    const again = await Promise.all(
      wires.map((wire) => wire.remoteValue.who()),
    );
    assertEquals(again, first);
    await Promise.all(wires.map((wire) => wire.close()));
  },
);

natsTest("the server's gate decides on wires over NATS", async (server) => {
  const nats = await server.connect();
  await using _ = await serving(await server.connect(), "secret", {
    functions: FUNCTIONS,
    requireCredential: "a long secret",
    limits: { wires: 1 },
  });
  const connect = (credential: string) =>
    connectNats(nats, "secret", { credential, ...quiet });
  assertEquals(await codeOf(connect("another secret")), "refused");
  const wire = await connect("a long secret");
  assertEquals(await codeOf(connect("a long secret")), "busy");
  assertEquals(await wire.remoteValue.add(1, 1), 2);
  await wire.close();
});

natsTest("who asks for a name that nobody has is told so", async (server) => {
  const nats = await server.connect();
  const error = await assertRejects(() =>
    connectNats(nats, "nobody")
  ) as WireError;
  assertEquals(error.code, "connectionRefused");
  assert(error.message.includes("remote-wire.v1.nobody"), error.message);
});

natsTest(
  "a peer whose connection is gone is noticed by no responders",
  async (server) => {
    const [near, far] = [await server.connect(), await server.connect()];
    const limits = { keepaliveIdle: 2 ** 31 - 1 };
    await using serving_ = await serving(far, "gone", {
      functions: FUNCTIONS,
      limits,
    });
    const first = await connectNats(near, "gone", { limits, ...quiet });
    const call = codeOf(first.remoteValue.never());
    await far.close();
    assertEquals((await first.closed).code, "connectionLost");
    assertEquals(await call, "connectionLost");
    const [wire] = serving_.server.wires;
    assertEquals(
      (await wire?.closed)?.code ?? "connectionLost",
      "connectionLost",
    );
  },
);

natsTest(
  "a client that is gone is noticed by its server, though both were idle",
  async (server) => {
    const [near, far] = [await server.connect(), await server.connect()];
    const limits = { keepaliveIdle: 2 ** 31 - 1 };
    await using serving_ = await serving(far, "left", {
      functions: FUNCTIONS,
      limits,
    });
    const wire = await connectNats(near, "left", { limits, ...quiet });
    await wire.remoteValue.add(1, 1);
    const [there] = serving_.server.wires;
    await near.close();
    const { code, message } = await there!.closed;
    assertEquals(code, "connectionLost");
    assert(message.includes("no responders"), message);
    assertEquals((await wire.closed).code, "connectionLost");
  },
);

natsTest(
  "a NATS server that is killed ends its wires, and none begins meanwhile",
  async (server) => {
    const [near, far] = [await server.connect(), await server.connect()];
    await using serving_ = await serving(far, "killed");
    const wire = await connectNats(near, "killed", quiet);
    const call = codeOf(wire.remoteValue.never());
    const [there] = serving_.server.wires;
    await server.kill();
    assertEquals((await wire.closed).code, "connectionLost");
    assertEquals((await there!.closed).code, "connectionLost");
    assertEquals(await call, "connectionLost");
    assertEquals(await codeOf(connectNats(near, "killed")), "connectFailed");
  },
);

natsTest("a kept wire returns when the NATS server does", async (server) => {
  const [near, far] = [await server.connect(), await server.connect()];
  await using _ = await serving(far, "kept");
  const kept = keepConnected(() => connectNats(near, "kept", quiet), {
    backoff: { least: 20, most: 20 },
  });
  assertEquals(await kept.remoteValue.add(1, 2), 3);
  await server.kill();
  await server.restart();
  assertEquals(
    await kept.with({ idempotent: true }).remoteValue.add(3, 4),
    7,
  );
  await kept.close();
});

natsTest(
  "a reconnect of the NATS client ends its wires, and harms no others",
  async (server) => {
    const [near, far, other] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    await using _ = await serving(far, "moved");
    const wire = await connectNats(near, "moved", quiet);
    const beside = await connectNats(other, "moved", quiet);
    await near.reconnect();
    const { code, message } = await wire.closed;
    assertEquals(code, "connectionLost");
    assert(message.includes("NATS"), message);
    assertEquals(await beside.remoteValue.add(1, 2), 3);
    await beside.close();
  },
);

natsTest(
  "a connection that its owner closes or drains ends its wires",
  async (server) => {
    for (const end of ["close", "drain"] as const) {
      const [near, far] = [await server.connect(), await server.connect()];
      await using _ = await serving(far, end);
      const wire = await connectNats(near, end, quiet);
      await near[end]();
      assertEquals((await wire.closed).code, "connectionLost");
      assertEquals(await codeOf(connectNats(near, end)), "connectFailed");
    }
  },
);

natsTest(
  "a message that is lost ends the wire, and so does one that is doubled or reordered",
  async (server) => {
    // What a program sees of a message, published by somebody else.
    const numbers: [string, (last: number) => number][] = [
      ["lost", (last) => last + 2],
      ["doubled", (last) => last],
      ["reordered", (last) => last - 1],
    ];
    for (const [what, number] of numbers) {
      await tapped(server, async ({ wire, far, there, other }) => {
        const { subject, reply, data } = there.at(-1)!;
        const message = data.slice();
        const view = new DataView(message.buffer);
        view.setUint32(1, number(view.getUint32(1)));
        other.publish(subject, message, { reply });
        const error = await far.closed;
        assertEquals(error.code, "connectionLost", what);
        assert(/lost, doubled or reordered/.test(error.message), error.message);
        // The other end hears of it as well.
        assertEquals((await wire.closed).code === "closed", false);
      });
    }
  },
);

natsTest(
  "messages of strangers are ignored",
  (server) =>
    tapped(server, async ({ wire, there, other }) => {
      const { subject, reply, data } = there.at(-1)!;
      for (const bytes of [data, new Uint8Array(), new Uint8Array(100_000)]) {
        for (const end of [subject, reply]) {
          other.publish(end, bytes);
          other.publish(end, bytes, { reply: "_INBOX.stranger" });
        }
      }
      await other.flush();
      assertEquals(await wire.remoteValue.echo("two"), "two");
    }),
);

natsTest(
  "what comes for a wire that has ended harms nothing",
  (server) =>
    tapped(server, async ({ wire, far, there, other }) => {
      await wire.close();
      await far.closed;
      for (const { subject, reply, data } of there) {
        other.publish(subject, data, { reply });
        other.publish(reply, data, { reply: subject });
      }
      await other.flush();
      const next = await connectNats(other, "tapped");
      assertEquals(await next.remoteValue.add(1, 2), 3);
      await next.close();
    }),
);

natsTest("what no wire sends ends the wire, typed", async (server) => {
  const NEXT = -1;
  const cases: [number[], string][] = [
    [[2, 0], "malformed"],
    [[9, NEXT], "malformed"],
    [[3, NEXT, 0, 0, 0], "malformed"],
    [[3, NEXT, 255, 255, 255, 255], "malformed"],
    [[4, NEXT, 1], "malformed"],
  ];
  for (const [shape, code] of cases) {
    await tapped(server, async ({ far, there, other }) => {
      const { subject, reply, data } = there.at(-1)!;
      const last = new DataView(data.buffer).getUint32(1);
      const number = [24, 16, 8, 0].map((bits) => last + 1 >>> bits & 255);
      const bytes = shape.flatMap((each) => each === NEXT ? number : [each]);
      other.publish(subject, Uint8Array.from(bytes), { reply });
      assertEquals((await far.closed).code, code, JSON.stringify(shape));
    });
  }
});

natsTest(
  "a peer that sends more than it may ends its wire",
  (server) =>
    tapped(server, async ({ far, there, other }) => {
      const { subject, reply, data } = there.at(-1)!;
      let last = new DataView(data.buffer).getUint32(1);
      // The bytes of no frame, at once: its end comes after the first of them.
      for (let count = 0; count < 8; count++) {
        const message = new Uint8Array(900_000);
        message[0] = 2;
        new DataView(message.buffer).setUint32(1, ++last);
        other.publish(subject, message, { reply });
      }
      const { code } = await far.closed;
      assert(["limit", "malformed"].includes(code), code);
    }),
);

natsTest(
  "what is no request for a wire is counted, and harms nothing",
  async (server) => {
    const [near, far] = [await server.connect(), await server.connect()];
    await using serving_ = await serving(far, "asked");
    const { subject } = serving_.service;
    near.publish(subject, "hello", { reply: "_INBOX.hello" });
    near.publish(subject, new Uint8Array(5));
    // It is not sent where somebody else may listen.
    let heard = 0;
    near.subscribe("orders.new", { callback: () => heard++ });
    near.publish(subject, new Uint8Array(5), { reply: "orders.new" });
    await near.flush();
    await using wire = await connectNats(near, "asked");
    assertEquals(await wire.remoteValue.add(1, 1), 2);
    interface Stats {
      endpoints: { num_requests: number; num_errors: number }[];
    }
    const answer = await near.request("$SRV.STATS.asked");
    const [stats] = answer.json<Stats>().endpoints;
    assertEquals([stats?.num_requests, stats?.num_errors], [4, 3]);
    assertEquals([heard, serving_.server.wires.size], [0, 1]);
  },
);

natsTest("who asked for a wire and is gone leaves nothing", async (server) => {
  const [near, far] = [await server.connect(), await server.connect()];
  await using serving_ = await serving(far, "knock");
  const reply = "_INBOX.knock";
  const accepted = new Promise((resolve) =>
    near.subscribe(reply, { callback: resolve })
  );
  near.publish(serving_.service.subject, new Uint8Array(5), { reply });
  await accepted;
  await near.close();
  // Its server need not wait for a hello until time is up.
  const { server: theirs } = serving_;
  await theirs.destroy();
  await theirs.finished;
});

natsTest("chunks fit into what the NATS server takes", async (server) => {
  const [near, far] = [await server.connect(), await server.connect()];
  assertEquals(near.info?.max_payload, 4_096);
  await using _ = await serving(far, "small");
  await using wire = await connectNats(near, "small");
  const bytes = new Uint8Array(500_000).fill(9);
  assertEquals(await wire.remoteValue.echo(bytes), bytes);
}, "max_payload: 4096");

natsTest(
  "a NATS server that takes next to nothing is refused",
  async (server) => {
    const nats = await server.connect();
    assertEquals(await codeOf(connectNats(nats, "tiny")), "invalidArgument");
  },
  "max_payload: 512",
);

natsTest(
  "a wire whose reader is slow slows no other of the same connection",
  async (server) => {
    const [near, far] = [await server.connect(), await server.connect()];
    const taking = Promise.withResolvers<void>();
    await using _ = await serving(far, "slow", {
      functions: {
        ...FUNCTIONS,
        async take(items: AsyncIterable<Uint8Array>) {
          await taking.promise;
          let sum = 0;
          for await (const item of items) sum += item.length;
          return sum;
        },
      },
    });
    const slow = await connectNats(near, "slow", quiet);
    const quick = await connectNats(near, "slow", quiet);
    let made = 0;
    async function* items() {
      for (; made < 200; made++) yield await new Uint8Array(100_000);
    }
    const sum = slow.remoteValue.take(items());
    const bytes = new Uint8Array(1_000_000);
    for (let n = 0; n < 20; n++) {
      assertEquals(await quick.remoteValue.echo(bytes), bytes);
    }
    // Its producer was held, and goes on.
    assert(made < 200, `${made} items were made though nobody took them`);
    taking.resolve();
    assertEquals(await sum, 20_000_000);
    await Promise.all([slow.close(), quick.close()]);
  },
);

natsTest(
  "a slow consumer that NATS cuts loses its wires, typed, and others stay",
  async (server) => {
    await using relay = await heldRelay(server.port);
    const far = await server.connect();
    const stuck = await server.connect({
      servers: `127.0.0.1:${relay.port}`,
      reconnect: false,
    });
    const other = await server.connect();
    await using serving_ = await serving(far, "consumer", {
      functions: { ...FUNCTIONS, load: () => new Uint8Array(4_000_000) },
      limits: { keepaliveIdle: 2 ** 31 - 1 },
    });
    const limits = { keepaliveIdle: 2 ** 31 - 1 };
    const wires = await Promise.all(
      Array.from(
        { length: 24 },
        () => connectNats(stuck, "consumer", { limits, ...quiet }),
      ),
    );
    const beside = await connectNats(other, "consumer", quiet);
    const theirs = [...serving_.server.wires];
    relay.hold();
    const calls = wires.map((wire) => codeOf(wire.remoteValue.load()));
    // The server is told by NATS, whose client cannot be reached.
    const ended = await Promise.race(theirs.map((wire) => wire.closed));
    assertEquals(ended.code, "connectionLost");
    assert(ended.message.includes("no responders"), ended.message);
    assertEquals(await beside.remoteValue.add(1, 2), 3);
    relay.release();
    assertEquals(
      new Set(await Promise.all(calls)),
      new Set(["connectionLost"]),
    );
    await beside.close();
    await stuck.close();
  },
  'max_pending: 2MB\nwrite_deadline: "500ms"',
);

natsTest("servers answer the service protocol of NATS", async (server) => {
  const nats = await server.connect();
  await using serving_ = await serving(nats, "listed");
  const { id, subject } = serving_.service;
  for (const verb of ["PING", "INFO", "STATS"]) {
    for (const rest of ["", ".listed", `.listed.${id}`]) {
      const answer = await nats.request(`$SRV.${verb}${rest}`);
      const told = answer.json<Record<string, unknown>>();
      assertEquals(
        [told.type, told.name, told.id, told.version],
        [
          `io.nats.micro.v1.${verb.toLowerCase()}_response`,
          "listed",
          id,
          "0.0.0",
        ],
      );
    }
  }
  const info = (await nats.request("$SRV.INFO.listed"))
    .json<{ description: string; endpoints: { subject: string }[] }>();
  assertEquals(info.endpoints[0]?.subject, subject);
  const { started } = (await nats.request("$SRV.STATS.listed"))
    .json<{ started: string }>();
  assert(!Number.isNaN(Date.parse(started)));
  await serving_.service.stop();
  await assertRejects(() => nats.request("$SRV.PING.listed"));
});

natsTest(
  "a server that stops sends clients to others, and keeps its wires",
  async (server) => {
    const [near, one, two] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    await using first = await serving(one, "rolling");
    const wires = await Promise.all(
      Array.from({ length: 4 }, () => connectNats(near, "rolling")),
    );
    await using second = await serving(two, "rolling");
    const connecting = Array.from(
      { length: 50 },
      () => connectNats(near, "rolling"),
    );
    const stopped = first.service.stop();
    wires.push(...await Promise.all(connecting));
    await stopped;
    wires.push(await connectNats(near, "rolling"));
    assert(second.server.wires.size > 0);
    for (const wire of wires) assertEquals(await wire.remoteValue.add(1, 2), 3);
    await Promise.all(wires.map((wire) => wire.close()));
    // A server that is shut down asks for none either.
    await second.server.shutdown();
    assertEquals(
      await codeOf(connectNats(near, "rolling")),
      "connectionRefused",
    );
  },
);

natsTest(
  "who asks a server in the moment in which it stops is sent to another",
  async (server) => {
    const [near, one, two] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    // What comes for the first one is held until it stops.
    const came = Promise.withResolvers<() => void>();
    const held = new Proxy(one, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "subscribe") return value.bind(target);
        return (subject: string, options: Subscribing) =>
          target.subscribe(subject, {
            ...options,
            callback: (error, message) =>
              subject.endsWith(".moment")
                ? came.resolve(() => options.callback(error, message))
                : options.callback(error, message),
          });
      },
    });
    await using first = await serving(held, "moment");
    const connecting = connectNats(near, "moment", quiet);
    const release = await came.promise;
    await using second = await serving(two, "moment");
    const stopped = first.service.stop();
    release();
    const wire = await connecting;
    assertEquals(await wire.remoteValue.add(1, 2), 3);
    assertEquals(
      [first.server.wires.size, second.server.wires.size],
      [0, 1],
    );
    await stopped;
    await wire.close();
  },
);

natsTest(
  "what is read of NATS are bytes, whatever its client has",
  async (server) => {
    const nats = await server.connect();
    const [near, far] = await natsTransports(nats, nats);
    await far.write(new Uint8Array(9));
    const chunk = await near.read();
    assertEquals([chunk?.constructor, chunk?.length], [Uint8Array, 9]);
    near.close();
    far.close();
  },
);

const ACCOUNTS = `
authorization {
  users = [
    { user: server, password: x, permissions: {
      subscribe: ["remote-wire.v1.jobs", "remote-wire.v1.jobs.>", "$SRV.>"]
      publish: ["_INBOX.>"]
    } }
    { user: client, password: x, permissions: {
      subscribe: ["_INBOX.>"]
      publish: ["remote-wire.v1.jobs", "remote-wire.v1.jobs.>"]
    } }
    { user: deaf, password: x, permissions: {
      subscribe: ["_INBOX_deaf.>"]
      publish: ["remote-wire.v1.jobs", "remote-wire.v1.jobs.>"]
    } }
    { user: nobody, password: x, permissions: {
      subscribe: ["_INBOX.>"], publish: ["other"]
    } }
  ]
}`;

natsTest(
  "accounts need the subjects that the documents name, and no others",
  async (server) => {
    const as = (user: string) => server.connect({ user, pass: "x" });
    const [far, near, deaf, nobody] = [
      await as("server"),
      await as("client"),
      await as("deaf"),
      await as("nobody"),
    ];
    await using _ = await serving(far, "jobs");
    const wire = await connectNats(near, "jobs");
    assertEquals(await wire.remoteValue.add(1, 2), 3);
    await wire.close();
    const forbidden = await assertRejects(() =>
      connectNats(nobody, "jobs", quiet)
    ) as WireError;
    assertEquals(forbidden.code, "permissionDenied");
    assert(forbidden.message.includes("docs/nats.md"), forbidden.message);
    assertEquals(
      await codeOf(connectNats(deaf, "jobs", quiet)),
      "permissionDenied",
    );
    const server_ = createRequestServer(null);
    assertEquals(
      await codeOf(serveNats(server_, near, "jobs")),
      "permissionDenied",
    );
    await server_.shutdown();
  },
  ACCOUNTS,
);

/** A connection that leads nowhere. */
function nowhere(changes: object = {}): Nats {
  const none = { closed: new Promise<void>(() => {}), unsubscribe() {} };
  return {
    publish() {},
    subscribe: () => ({ ...none, drain: () => Promise.resolve() }),
    flush: () => Promise.resolve(),
    status: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    }),
    isClosed: () => false,
    getServer: () => "nats.example:4222",
    ...changes,
  } as unknown as Nats;
}

test("connectNats() and serveNats() refuse what cannot be", async () => {
  const server = createRequestServer(null);
  const wrong: [unknown, unknown, object, RegExp][] = [
    [{}, "name", {}, /has no publish\(\)/],
    [null, "name", {}, /transport-node/],
    [nowhere(), "a.b", {}, /letters, digits/],
    [nowhere(), "", {}, /letters, digits/],
    [nowhere(), "name", { probe: -1 }, /probe/],
    [nowhere(), "name", { inboxPrefix: "a b" }, /inboxPrefix/],
    [nowhere(), "name", { prob: 1 }, /probe/],
  ];
  for (const [connection, name, options, message] of wrong) {
    for (
      const attempt of [
        () => connectNats(connection as Nats, name as string, options),
        () => serveNats(server, connection as Nats, name as string, options),
      ]
    ) {
      const error = await assertRejects(attempt) as WireError;
      assertEquals(error.code, "invalidArgument");
      assert(message.test(error.message), error.message);
    }
  }
  const error = await assertRejects(() =>
    serveNats(server, nowhere(), "name", { version: "one" })
  ) as WireError;
  assert(/"1\.2\.0"/.test(error.message), error.message);
  await server.shutdown();
});

test("serveNats() leaves no subscription behind where it fails", async () => {
  for (const fails of ["flush", "subscribe", "nothing"]) {
    const subjects = new Set<string>();
    const connection = nowhere({
      subscribe(subject: string) {
        const isLast = fails === "subscribe" && subjects.size === 3;
        if (isLast) throw new Error("connection draining");
        subjects.add(subject);
        return {
          closed: new Promise(() => {}),
          unsubscribe: () => subjects.delete(subject),
          drain: () => Promise.resolve(subjects.delete(subject)),
        };
      },
      flush: () =>
        fails === "flush"
          ? Promise.reject(new Error("disconnected"))
          : Promise.resolve(),
    });
    await using server = createRequestServer(null);
    const serving = serveNats(server, connection, "name");
    if (fails === "nothing") {
      const service = await serving;
      assertEquals(subjects.has(service.subject), true);
      await service.stop();
    } else assertEquals(await codeOf(serving), "connectFailed");
    assertEquals([...subjects], []);
  }
});

test("connectNats() says so where the connection to NATS is being closed", async () => {
  const connection = nowhere({
    subscribe() {
      throw new Error("connection draining");
    },
  });
  assertEquals(await codeOf(connectNats(connection, "name")), "connectFailed");
});

test("connectNats() shows no secret to whoever is on the way to NATS", async () => {
  const options = { credential: "a long secret", timeout: 20 };
  const connect = (changes: object, more: object = {}) =>
    codeOf(connectNats(nowhere(changes), "name", { ...options, ...more }));
  assertEquals(await connect({}), "invalidArgument");
  assertEquals(await connect({}, { insecure: true }), "timeout");
  const info = { max_payload: 1_048_576, tls_required: true };
  assertEquals(await connect({ info }), "timeout");
  assertEquals(await connect({ getServer: () => "[::1]:4222" }), "timeout");
});

test("output of many wires waits until NATS has taken what was published", async () => {
  const flushes: (() => void)[] = [];
  let published = 0;
  const peers: ((error: null, message: object) => void)[] = [];
  const connection = nowhere({
    info: { max_payload: 1_048_576 },
    publish: (_: string, message: Uint8Array) => published += message.length,
    subscribe: (
      _: string,
      { callback }: { callback: typeof peers[number] },
    ) => {
      peers.push(callback);
      return {
        closed: new Promise(() => {}),
        unsubscribe() {},
        drain: () => Promise.resolve(),
      };
    },
    flush: () => new Promise<void>((resolve) => flushes.push(resolve)),
  });
  const { dialNats } = await import("../../transports/_nats_session.ts");
  const ends = Array.from({ length: 40 }, () => {
    const end = dialNats(connection, "many", {
      probe: Infinity,
      inboxPrefix: "_INBOX",
    });
    peers.at(-1)!(null, {
      data: Uint8Array.of(1, 0, 0, 0, 0),
      reply: `${ROOT}.many.${peers.length}`,
    });
    return end;
  });
  const bytes = new Uint8Array(200_000);
  let written = 0;
  const writing = ends.map((end) => end.write(bytes).then(() => written++));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(published < 5_000_000, `${published} bytes at once`);
  const before = written;
  while (written < 40) {
    flushes.shift()?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
  await Promise.all(writing);
  assert(before < 40);
  for (const end of ends) end.close();
});

test("isOpening() knows the request for a session", () => {
  assertEquals(isOpening(new Uint8Array(5)), true);
  assertEquals(isOpening(new Uint8Array(4)), false);
  assertEquals(isOpening(Uint8Array.of(0, 0, 0, 0, 1)), false);
});
