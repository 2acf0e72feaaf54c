/**
 * Calls, messages and streams one after the other over one wire, each of
 * another kind and with a value of another shape: what arrives is what left.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  RemoteError,
  values,
  type Wire,
  WireError,
} from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { exactly } from "./_exact.ts";
import { cut, everyRow, SHAPES, texts } from "./_succession.ts";

const MADE = Object.values(SHAPES);
const NAMES = Object.keys(SHAPES);

/** What arrived at one end, as text. */
type Got = string[];

/** What each end serves. */
function served(got: Got) {
  return {
    take: (value: unknown) => void got.push(exactly(value)),
    echo: (value: unknown) => value,
    give: (shape: number) => MADE[shape]!(),
    async giveLater(shape: number) {
      for (let turn = 0; turn < 20; turn++) await undefined;
      return MADE[shape]!();
    },
    giveAll: (shape: number) => values("first", MADE[shape]!(), 3),
    fail(shape: number) {
      throw new TypeError("failed", { cause: MADE[shape]!() });
    },
    failOddly(shape: number) {
      throw MADE[shape]!();
    },
    async *items(shape: number) {
      yield MADE[shape]!();
      yield "last";
    },
    // deno-lint-ignore require-yield -- it fails before its first item
    async *broken(shape: number) {
      throw new TypeError("broken", { cause: MADE[shape]!() });
    },
    async drain(stream: AsyncIterable<unknown>) {
      for await (const item of stream) got.push(exactly(item));
    },
  };
}

/** One end that acts, and what arrives at the other. */
interface From {
  readonly wire: Wire;
  readonly peer: Wire;
  readonly got: Got;
}

const causeOf = async (call: Promise<unknown>) => {
  const error = await assertRejects(() => call, RemoteError);
  return (error as RemoteError).cause;
};

/** A stream's bytes arrive in parts. */
function whole(items: unknown[]): string {
  const bytes = items.filter((item) => item instanceof Uint8Array);
  return bytes.length === 0
    ? exactly(items)
    : exactly([Uint8Array.from(bytes.flatMap((part) => [...part]))]);
}

/** Every kind of message, as programs make it. */
const KINDS: Readonly<
  Record<string, (from: From, shape: number) => Promise<void>>
> = {
  async call({ wire, got }, shape) {
    await wire.remoteValue.take(MADE[shape]!());
    assertEquals(got.splice(0), [exactly(MADE[shape]!())]);
  },
  async echo({ wire }, shape) {
    const came = await wire.remoteValue.echo(MADE[shape]!());
    assertEquals(exactly(came), exactly(MADE[shape]!()));
  },
  async give({ wire }, shape) {
    const came = await wire.remoteValue.give(shape);
    assertEquals(exactly(came), exactly(MADE[shape]!()));
  },
  async late({ wire }, shape) {
    const [late, soon] = await Promise.all([
      wire.remoteValue.giveLater(shape),
      wire.remoteValue.echo("soon"),
    ]);
    assertEquals(exactly([late, soon]), exactly([MADE[shape]!(), "soon"]));
  },
  async all({ wire }, shape) {
    const came = await wire.remoteValues.giveAll(shape);
    assertEquals(exactly(came), exactly(["first", MADE[shape]!(), 3]));
  },
  async thrown({ wire }, shape) {
    const cause = await causeOf(wire.remoteValue.fail(shape));
    assertEquals(exactly(cause), exactly(MADE[shape]!()));
  },
  async thrownValue({ wire }, shape) {
    const error = await assertRejects(
      () => wire.remoteValue.failOddly(shape),
      RemoteError,
    );
    if (NAMES[shape] === "error") return assertEquals(error.message, "gone");
    const { data } = error as RemoteError;
    assertEquals(exactly(data), exactly(MADE[shape]!()));
  },
  async oneWay({ wire, got }, shape) {
    for (const args of [[1], ["two"], [MADE[shape]!()], ["four"], [5]]) {
      wire.remote.take(...args);
    }
    await wire.remoteValue.echo(1);
    const all = [1, "two", MADE[shape]!(), "four", 5];
    assertEquals(got.splice(0), all.map(exactly));
  },
  async message({ wire, peer }, shape) {
    wire.outputObject(MADE[shape]!());
    assertEquals(exactly(await peer.getObject()), exactly(MADE[shape]!()));
  },
  async item({ wire }, shape) {
    const items: unknown[] = [];
    for await (const item of await wire.remoteValue.items(shape)) {
      items.push(item);
    }
    if (NAMES[shape] === "bytes") assertEquals(items.pop(), "last");
    const made = [MADE[shape]!()];
    if (NAMES[shape] !== "bytes") made.push("last");
    assertEquals(whole(items), exactly(made));
  },
  async argumentStream({ wire, got }, shape) {
    await wire.remoteValue.drain((async function* () {
      yield [MADE[shape]!()];
    })());
    assertEquals(got.splice(0), [exactly([MADE[shape]!()])]);
  },
  async streamError({ wire }, shape) {
    const stream = await wire.remoteValue.broken(shape);
    const cause = await causeOf(
      (async () => {
        for await (const _ of stream);
      })(),
    );
    assertEquals(exactly(cause), exactly(MADE[shape]!()));
  },
  async cancelledStream({ wire }, shape) {
    const stream = await wire.remoteValue.items(shape);
    await stream.cancel(MADE[shape]!());
  },
  async abandoned({ wire }, shape) {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      wire.with({ signal }).remoteValue.giveLater(shape),
      wire.with({ signal }).remoteValue.echo(MADE[shape]!()),
    ];
    controller.abort();
    for (const call of calls) await assertRejects(() => call, WireError);
  },
  async refused({ wire }, shape) {
    const value = [texts(9), MADE[shape]!(), Symbol()];
    const error = await assertRejects(
      () => wire.remoteValue.take(value),
      WireError,
    );
    assertEquals((error as WireError).code, "unsupportedValue");
  },
  async overLimit({ wire }, shape) {
    let value = MADE[shape]!();
    for (let level = 0; level < 70; level++) value = [value, texts(9)];
    const error = await assertRejects(
      () => wire.remoteValue.echo(value),
      WireError,
    );
    assertEquals((error as WireError).code, "limit");
  },
  async nestedCall({ wire, got }, shape) {
    let code = "";
    const value = {
      texts: texts(9),
      get call() {
        wire.remoteValue.take(MADE[shape]!()).catch((error: WireError) => {
          code = error.code;
        });
        return 1;
      },
    };
    await wire.remoteValue.take(value);
    assertEquals(code, "invalidArgument");
    assertEquals(got.splice(0), [exactly({ texts: texts(9), call: 1 })]);
  },
};

/** Two ends; each reads at most so many bytes at once. */
function ends(most: number): [From, From] {
  const transports = memoryTransports().map((end) =>
    most === Infinity ? end : cut(end, most)
  );
  const gots: [Got, Got] = [[], []];
  const [near, far] = transports.map((transport, at) =>
    makeWire(transport, {
      functions: served(gots[at]!),
      limits: { frame: 1_024 },
      onError(error) {
        throw error;
      },
    })
  ) as [Wire, Wire];
  return [
    { wire: near, peer: far, got: gots[1] },
    { wire: far, peer: near, got: gots[0] },
  ];
}

/**
 * Goes through kinds and shapes.
 *
 * @param most How many bytes are read at once.
 * @param turn Which end acts in a step.
 */
async function follow(
  most: number,
  steps: number,
  turn: (step: number) => number,
): Promise<void> {
  const kinds = Object.entries(KINDS);
  const kindOrder = everyRow(kinds.length, 3);
  const shapeOrder = everyRow(MADE.length, 3);
  const sides = ends(most);
  const past: string[] = [];
  for (let step = 0; step < steps; step++) {
    const [kind, act] = kinds[kindOrder[step % kindOrder.length]!]!;
    const shape = shapeOrder[step % shapeOrder.length]!;
    past.push(`${kind} of ${NAMES[shape]}`);
    try {
      await act(sides[turn(step) % 2]!, shape);
    } catch (cause) {
      throw new Error(`behind ${past.slice(-4).join(", ")}`, { cause });
    }
  }
  assert(sides.every(({ wire }) => wire.ended === undefined));
  await sides[0].wire.close();
  await sides[1].wire.closed;
}

test("Wire carries every kind behind every two others, one way", async () => {
  await follow(Infinity, 4_930, () => 0);
});

test("Wire carries every kind behind every two others, by turns", async () => {
  await follow(Infinity, 1_800, (step) => step);
  await follow(Infinity, 1_800, (step) => step >> 1);
});

test("Wire carries every kind behind others where chunks are small", async () => {
  await follow(7, 700, (step) => step >> 2);
  await follow(301, 700, (step) => step >> 1);
});

/** Calls that are all under way at once. */
test("Wire carries all shapes at once, in both directions", async () => {
  const sides = ends(Infinity);
  const order = everyRow(MADE.length, 3);
  for (let at = 0; at < order.length; at += 60) {
    await Promise.all(
      order.slice(at, at + 60).flatMap((shape, step) =>
        sides.map(async ({ wire }) => {
          const name = ["echo", "give", "giveLater"][step % 3]!;
          const argument = name === "echo" ? MADE[shape]!() : shape;
          const came = await wire.remoteValue[name](argument);
          assertEquals(exactly(came), exactly(MADE[shape]!()));
        })
      ),
    );
  }
  await sides[0].wire.close();
  await sides[1].wire.closed;
});
