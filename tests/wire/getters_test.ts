/** Getters of values that are being sent, and what they do to the same wire. */

import { assertEquals } from "@std/assert";
import { makeRemoteObject, type Wire, wirePair } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { anyPair } from "./_pair.ts";
import { Producers } from "./_producers.ts";

/** Two ends, and what sends a value whose getter does something. */
function ends() {
  const [near, far] = wirePair();
  far.serve({
    echo: (value: unknown) => value,
    wait: (): Promise<never> => new Promise(() => {}),
    open: () => makeRemoteObject({ name: () => "n" }),
    async *items() {
      for (let n = 0; n < 3_000; n++) yield await n;
    },
  });
  const within = async (act: (wire: Wire) => void) => {
    const value = {
      text: "before",
      get x() {
        act(near);
        return 1;
      },
    };
    const came = await near.remoteValue.echo(value);
    assertEquals(came, { text: "before", x: 1 });
  };
  return { near, far, within };
}

test("a getter may abort a call", async () => {
  const { near, far, within } = ends();
  const controller = new AbortController();
  const call = near.with(controller).remoteValue.wait()
    .catch((error: unknown) => error);
  // The peer has it by now, and the next one is on its way.
  await near.ping();
  const large = near.with(controller).remoteValue
    .echo(new Uint8Array(3_000_000)).catch((error: unknown) => error);
  await within(() => controller.abort());
  for (const error of [await call, await large]) {
    assertEquals((error as { code: string }).code, "cancelled");
  }
  assertEquals(await near.remoteValue.echo(2), 2);
  near.abort();
  await far.closed;
});

test("a getter may abort a large call that nothing came before", async () => {
  const { near, far } = ends();
  await near.opened;
  const controller = new AbortController();
  const large = fate(
    near.with(controller).remoteValue.echo(new Uint8Array(3_000_000)),
  );
  await near.outputObject({
    get x() {
      controller.abort();
      return 1;
    },
  });
  assertEquals(await large, "cancelled notSent");
  // What was sent of it is abandoned: no call came that could be cancelled.
  assertEquals(await near.remoteValue.echo(2), 2);
  assertEquals(far.stats().callsServed, 1);
  await near.close();
});

test("a getter may release a reference", async () => {
  const { near, far, within } = ends();
  const opened = await near.remoteValue.open();
  assertEquals(far.stats().objectsExported, 1);
  await within(() => opened[Symbol.dispose]());
  await near.ping();
  assertEquals(far.stats().objectsExported, 0);
  await near.close();
});

test("a getter may release a reference that is in the same large message", async () => {
  const { near, far } = ends();
  const opened = await near.remoteValue.open();
  let came: unknown;
  far.serve({ take: (object: object) => void (came = object) });
  await near.remoteValue.take(
    opened,
    {
      get x() {
        opened[Symbol.dispose]();
        return 1;
      },
    },
    new Uint8Array(1_000_000),
  );
  assertEquals(Object.keys(came as object), ["name"]);
  await near.ping();
  assertEquals(far.stats().objectsExported, 0);
  await near.close();
});

test("a getter may put an object out of reach", async () => {
  const { near, far, within } = ends();
  const own = {};
  await near.remoteValue.echo(makeRemoteObject(own));
  await within((wire) => wire.forgetRemoteTranslation(own));
  assertEquals(await near.remoteValue.echo(2), 2);
  near.abort();
  await far.closed;
});

test("a getter may take items of a stream, and cancel one", async () => {
  const { near, far, within } = ends();
  const taken: Promise<IteratorResult<number>>[] = [];
  const stream = await near.remoteValue.items();
  const iterator = stream[Symbol.asyncIterator]();
  await within(() => {
    for (let n = 0; n < 3_000; n++) taken.push(iterator.next());
  });
  const items = await Promise.all(taken);
  assertEquals(items.map(({ value }) => value), [...Array(3_000).keys()]);
  const reason = Symbol("cannot be sent");
  const other = await near.remoteValue.items();
  let cancelled: Promise<void> | undefined;
  await within(() => cancelled = other.cancel(reason));
  await cancelled;
  await iterator.next();
  assertEquals(near.stats().streamsReceiving, 0);
  assertEquals(far.stats().streamsSending, 0);
  await near.close();
});

test("a getter may close its wire", async () => {
  const { near, far, within } = ends();
  let closed: Promise<void> | undefined;
  await within((wire) => closed = wire.close());
  await closed;
  assertEquals([near.ended?.code, far.ended?.code], ["closed", "closed"]);
});

/** Two ends, the far one of which takes one call of each kind at a time. */
async function waitingEnds() {
  const [near, far] = anyPair({ onError() {} }, {
    limits: { window: 1, calls: 1 },
    functions: {
      echo: (x: unknown) => x,
      wait: (): Promise<never> => new Promise(() => {}),
    },
  });
  await near.opened;
  const fill = () => {
    near.remote.wait();
    near.remoteValue.wait().catch(() => {});
    near.outputObject("first");
  };
  const end = async () => {
    near.abort();
    await Promise.all([near.closed, far.closed]);
  };
  return { near, far, fill, end };
}

const WAYS: Record<string, (wire: Wire, value: unknown) => Promise<unknown>> = {
  "a call": (wire, value) => wire.remoteValue.echo(value),
  "a one-way call": (wire, value) => wire.remote.echo(value),
  "a message": (wire, value) => wire.outputObject(value),
};

for (const [what, send] of Object.entries(WAYS)) {
  for (const waits of [true, false]) {
    test(`a getter in ${what} that ${waits ? "waits" : "is sent"} may end its wire`, async () => {
      const { near, fill, end } = await waitingEnds();
      if (waits) fill();
      const value = {
        get x() {
          near.abort();
          return 1;
        },
      };
      assertEquals(await fate(send(near, value)), "aborted notSent");
      await end();
    });

    test(
      `a getter in ${what} that ${
        waits ? "waits" : "is sent"
      } may end its wire before a stream`,
      async () => {
        const { near, fill, end } = await waitingEnds();
        if (waits) fill();
        const producers = new Producers();
        const value = {
          get x() {
            near.abort();
            return 1;
          },
          stream: producers.readable(),
        };
        assertEquals(await fate(send(near, value)), "aborted notSent");
        await producers.ended(1);
        await end();
      },
    );
  }
}

test("a getter may abort the one-way call that it is in", async () => {
  const { near, fill, end } = await waitingEnds();
  fill();
  const controller = new AbortController();
  const value = {
    get x() {
      controller.abort();
      return 1;
    },
  };
  const given = fate(near.with(controller).remote.echo(value));
  // The next one is not taken for that.
  let isSent = false;
  near.remote.echo(2).then(() => isSent = true, () => {});
  assertEquals(await given, "cancelled notSent");
  await settle();
  assertEquals([isSent, near.ended], [false, undefined]);
  await end();
});

for (const way of ["remote", "remoteValue"] as const) {
  test(`a getter that calls leaves the streams behind it to the signal of its ${way} call`, async () => {
    const { near, end } = await waitingEnds();
    const producers = new Producers();
    const [outer, inner] = [new AbortController(), new AbortController()];
    const value = {
      get x() {
        for (const other of ["remote", "remoteValue"] as const) {
          near.with(inner)[other].echo(1).catch(() => {});
        }
        return 1;
      },
      stream: producers.readable(),
    };
    fate(near.with(outer)[way].wait(value));
    await near.ping();
    inner.abort();
    outer.abort();
    await producers.ended(1);
    await end();
  });
}

test("a getter may abort a one-way call that others wait behind", async () => {
  const { near, end } = await waitingEnds();
  near.remote.wait();
  const controller = new AbortController();
  const given = fate(near.with(controller).remote.wait());
  const behind = near.remoteValue.echo(2);
  await near.outputObject({
    get x() {
      controller.abort();
      return 1;
    },
  });
  assertEquals(await given, "cancelled notSent");
  assertEquals(await behind, 2);
  await end();
});

test("a getter that calls leaves results among the arguments as they are", async () => {
  const [near, far] = anyPair({ onError() {} }, {
    functions: { echo: (x: unknown) => x },
  });
  await near.opened;
  const base = near.remoteValue.echo(1);
  let refused: unknown;
  const value = {
    get first() {
      refused = fate(near.remoteValue.echo(0));
      return 0;
    },
    second: base,
  };
  assertEquals(await near.call("echo", [value]), { first: 0, second: 1 });
  assertEquals(await refused, "invalidArgument undefined");
  await near.close();
  await far.closed;
});

/** Ways to send a value whose stream ends with a signal that a getter aborts. */
const ABORTED: Record<
  string,
  (
    end: ReturnType<Wire["with"]>,
    stream: AsyncIterable<number>,
    abort: () => number,
  ) => unknown
> = {
  "a stream behind a getter that aborts its call ends with the call": async (
    end,
    stream,
    abort,
  ) => {
    const value = {
      get first() {
        return abort();
      },
      stream,
    };
    const error = await end.remoteValue.keep!(value)
      .catch((error: unknown) => error) as { code: string };
    assertEquals(error.code, "cancelled");
  },
  "a stream ends with the signal that a getter of its one-way call aborts": (
    end,
    stream,
    abort,
  ) =>
    end.remote.keep!({
      stream,
      get last() {
        return abort();
      },
    }),
};

for (const [name, keep] of Object.entries(ABORTED)) {
  test(name, async () => {
    const kept: AsyncIterable<unknown>[] = [];
    const [near, far] = anyPair({ onError() {} }, {
      functions: {
        keep: ({ stream }: { stream: AsyncIterable<unknown> }) =>
          void kept.push(stream),
      },
    });
    await near.opened;
    const controller = new AbortController();
    async function* items() {
      for (;;) yield await 1;
    }
    await keep(near.with(controller), items(), () => {
      controller.abort();
      return 0;
    });
    await near.ping();
    const taken = kept[0]![Symbol.asyncIterator]().next();
    const why = await taken.catch((error: unknown) => error) as {
      code: string;
    };
    assertEquals(why.code, "cancelled");
    near.abort();
    await far.closed;
  });
}

test("the options of a call are read once", async () => {
  const { near, far } = ends();
  const good = {
    deadline: 1_000,
    signal: new AbortController().signal,
    metadata: { a: "b" },
    streams: "free",
    onProgress() {},
  };
  for (const [key, value] of Object.entries(good)) {
    for (const kind of ["remoteValue", "remote"] as const) {
      let asked = 0;
      const options = {
        get [key]() {
          if (asked++ > 0) throw new Error("asked again");
          return value;
        },
      };
      await near.with(options as object)[kind].echo!(1);
      assertEquals(asked, 1, `${key} of ${kind}`);
    }
  }
  near.abort();
  await far.closed;
});
