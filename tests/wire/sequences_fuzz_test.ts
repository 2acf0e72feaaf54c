/**
 * Random sequences of calls whose values are random, of all types: whatever
 * came before, what arrives is what left, and after each the wire is as new. A
 * sequence that fails is shrunk to a small one.
 *
 * `WIRE_TEST_SEED` and `WIRE_TEST_RUNS` ask for other sequences, or for more.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  DEFAULT_LIMITS,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  RemoteError,
  type RemoteObject,
  values,
  type Wire,
  type WireError,
  type WireLimits,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { checkAsNew, withCodecs } from "./_as_new.ts";
import { exactly } from "./_exact.ts";
import { cut, texts } from "./_succession.ts";

const SEED = Number(Deno.env.get("WIRE_TEST_SEED") ?? 20_260_101);
const RUNS = Number(Deno.env.get("WIRE_TEST_RUNS") ?? 300);

/** Texts as programs have them: mostly short, and many in a list. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("", "then", "__proto__", "constructor", "0", "x".repeat(300)),
);

const number = fc.oneof(
  fc.integer(),
  fc.integer({ min: -40, max: 300 }),
  fc.double(),
  fc.float(),
  fc.constantFrom(-0, 2 ** 31, 2 ** 32, 2 ** 53),
);

const bytes = fc.uint8Array({ maxLength: 3_000 });

const view = fc.oneof(
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  bytes.map(({ buffer, byteOffset, byteLength }) =>
    new DataView(buffer, byteOffset, byteLength)
  ),
  bytes.map((bytes) => bytes.slice().buffer),
);

/** Often enough for a string section; few when shrunk. */
const many = fc.integer({ min: 0, max: 30 }).map(texts);

/** An object of random keys, each of which is an own property. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

/** Rows of a table have the same keys. */
const row = (cell: fc.Arbitrary<unknown>) =>
  fc.record({ t: text, u: cell }, { noNullPrototype: true });

/** Keys of an error's own that stand for themselves. */
const ERROR_PARTS = new Set(["name", "message", "stack", "cause", "errors"]);

const { value } = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(undefined, null, true, false),
    number,
    text,
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.date({ noInvalidDate: false }),
    fc.webUrl().map((url) => new URL(url)),
    bytes,
    view,
  ),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 6 }).map(objectOf),
    fc.array(row(tie("leaf")), { maxLength: 12 }),
    fc.array(fc.tuple(tie("leaf"), tie("value")), { maxLength: 6 })
      .map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 6 }).map((items) => new Set(items)),
    fc.tuple(
      text,
      tie("value"),
      fc.array(fc.tuple(text, tie("value")), { maxLength: 3 }),
    ).map(([message, cause, own]) => {
      const error = new RangeError(message.toWellFormed(), { cause });
      const entries = own.filter(([key]) => !ERROR_PARTS.has(key));
      return Object.defineProperties(
        error,
        Object.getOwnPropertyDescriptors(objectOf(entries)),
      );
    }),
    fc.array(tie("value"), { maxLength: 3 })
      .map((errors) => new AggregateError(errors, "several")),
  ),
}));

/** What arrived, as text. */
type Got = string[];

function served(got: Got) {
  return {
    take: (value: unknown) => void got.push(exactly(value)),
    echo: (value: unknown) => value,
    async later(value: unknown) {
      for (let turn = 0; turn < 20; turn++) await undefined;
      return value;
    },
    all: (...list: unknown[]) => values(...list),
    fail(value: unknown) {
      throw new TypeError("failed", { cause: value });
    },
    async *items(value: unknown) {
      yield [value];
      yield value instanceof Uint8Array ? null : value;
    },
    /** Calls what it got, with what it got, and gives an object. */
    async lend(call: (value: unknown) => unknown, value: unknown) {
      const given = call as typeof call & Disposable;
      try {
        const came = await given(value);
        return makeRemoteObject({ get: () => came });
      } finally {
        given[Symbol.dispose]();
      }
    },
    /** Takes a stream, and gives one. */
    async *pass(stream: AsyncIterable<unknown>) {
      for await (const item of stream) yield [item];
    },
  };
}

/** What a step does, and what shows that it went well. */
const STEPS: Readonly<
  Record<string, (wire: Wire, peer: Wire, value: unknown) => Promise<unknown>>
> = {
  call: (wire, _, value) => wire.remoteValue.echo(value),
  late: (wire, _, value) => wire.remoteValue.later(value),
  async all(wire, _, value) {
    const list = await wire.remoteValues.all(value, 1, value);
    assertEquals(exactly(list), exactly([value, 1, value]));
    return value;
  },
  async thrown(wire, _, value) {
    const error = await wire.remoteValue.fail(value).catch((e: unknown) => e);
    if (!(error instanceof RemoteError)) throw error;
    return error.cause;
  },
  async message(wire, peer, value) {
    wire.outputObject(value);
    return await peer.getObject();
  },
  async stream(wire, _, value) {
    let first: unknown[] = [];
    for await (const item of await wire.remoteValue.items(value)) {
      if (first.length === 0) first = item as unknown[];
    }
    return first[0];
  },
  async reference(wire, _, value) {
    const echo = (value: unknown) => value;
    using object = await wire.remoteValue.lend(echo, value) as RemoteObject<
      { get(): unknown }
    >;
    return await object.remoteValue.get();
  },
  async streams(wire, _, value) {
    const stream = await wire.remoteValue.pass((async function* () {
      yield [value];
      yield await 1;
    })());
    const items: unknown[] = [];
    for await (const item of stream) items.push(item);
    assertEquals(exactly(items), exactly([[[value]], [1]]));
    return value;
  },
  async followed(wire, _, value) {
    const echoed = wire.remoteValue.later(value);
    const [one, other] = await Promise.all([
      wire.remoteValue.echo([echoed, 1]),
      echoed,
    ]);
    assertEquals(exactly(one), exactly([value, 1]));
    return other;
  },
  async cancelled(wire, _, value) {
    const controller = new AbortController();
    const call = wire.with(controller).remoteValue.later(value);
    await settle();
    controller.abort();
    await call.catch(() => {});
    return value;
  },
  async refused(wire, _, value) {
    const call = wire.remoteValue.echo([value, Symbol("no")]);
    const error = await call.catch((error: unknown) => error);
    assertEquals((error as WireError).code, "unsupportedValue");
    return value;
  },
  async abandoned(wire, _, value) {
    const controller = new AbortController();
    const call = wire.with(controller).remoteValue.later(value);
    controller.abort();
    await call.catch(() => {});
    return value;
  },
};

/** Limits under which all of that fits, one after the other. */
const LEAST: Partial<WireLimits> = {
  frame: 1_024,
  helloFrame: 4_096,
  window: 1,
  calls: 1,
  pieces: 1,
  streams: 1,
  objects: 1,
  cancels: 1,
  cancelsPerSecond: 1,
  sendPause: 1,
  sendEnd: 1,
};

const step = fc.record({
  kind: fc.constantFrom(...Object.keys(STEPS), "oneWay"),
  isBack: fc.boolean(),
  // Texts for string sections, and what is written in one go, as often as all else.
  value: fc.oneof(value, many, fc.string({ maxLength: 12 })),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const program = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12, size: "max" }),
  most: fc.constantFrom(Infinity, Infinity, 1, 100),
  limits: fc.constantFrom<Partial<WireLimits>>({}, { frame: 1_024 }, LEAST),
});

/** Waits until all is told, and checks that both wires are as new. */
async function checked(
  ends: [Wire, Wire],
  codecs: Parameters<typeof checkAsNew>[1],
  window: number,
): Promise<void> {
  for (let again = 20; again >= 0; again--) {
    await Promise.all(ends.map((wire) => wire.ping()));
    try {
      return checkAsNew(ends, codecs, window);
    } catch (error) {
      if (again === 0) throw error;
    }
  }
}

async function run({ steps, most, limits }: {
  steps: Step[];
  most: number;
  limits: Partial<WireLimits>;
}): Promise<void> {
  const gots: [Got, Got] = [[], []];
  const [[near, far], codecs] = withCodecs(() =>
    memoryTransports().map((end, at) =>
      makeWire(most === Infinity ? end : cut(end, most), {
        functions: served(gots[at]!),
        limits,
        onError: () => {},
      })
    ) as [Wire, Wire]
  );
  const { window = DEFAULT_LIMITS.window } = limits;
  try {
    for (const { kind, isBack, value } of steps) {
      const [wire, peer, got] = isBack
        ? [far, near, gots[0]]
        : [near, far, gots[1]];
      if (kind === "oneWay") {
        for (const item of [1, value, "2"]) wire.remote.take(item);
        await wire.remoteValue.echo(0);
        assertEquals(got.splice(0), [1, value, "2"].map(exactly));
      } else {
        const came = await STEPS[kind]!(wire, peer, value);
        assertEquals(exactly(came), exactly(value), kind);
      }
      await checked([near, far], codecs, window);
    }
    assertEquals([near.ended, far.ended], [undefined, undefined]);
  } finally {
    near.abort();
    await Promise.all([near.closed, far.closed]);
  }
}

test("Wire carries random values in random sequences of calls", async () => {
  await fc.assert(fc.asyncProperty(program, run), {
    seed: SEED,
    numRuns: RUNS,
  });
});
