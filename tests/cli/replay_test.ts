/**
 * The command `replay`: the calls of a recording, made again.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Outcome, ReplayedWire } from "../../cli/_replayed_wire.ts";
import { Recorder } from "../../cli/_recording.ts";
import {
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type RemoteObject,
  type TappedMessage,
  type Transport,
  values,
  valueType,
  type Wire,
  type WireOptions,
} from "../../mod.ts";
import { createRequestServer } from "../../server/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { remoteCaller } from "../../wire/mod.ts";
import { patientRun, withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";

const CLI = `${import.meta.dirname}/../../cli.ts`;

/** Bytes of a wire, in the order in which they passed. */
type Passed = [from: "client" | "server", bytes: Uint8Array][];

/** A transport of a client, whose bytes are kept. */
function kept(transport: Transport, passed: Passed): Transport {
  return {
    address: transport.address,
    local: true,
    async read() {
      const chunk = await transport.read();
      if (chunk !== null) passed.push(["server", chunk.slice()]);
      return chunk;
    },
    write(bytes) {
      passed.push(["client", bytes.slice()]);
      return transport.write(bytes);
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** What passes while a client does something with a server. */
async function recorded(
  functions: object,
  work: (wire: Wire) => Promise<void>,
  options: WireOptions = {},
): Promise<Passed> {
  const passed: Passed = [];
  const [here, there] = memoryTransports();
  const near = makeWire(kept(here, passed), options);
  const far = makeWire(there, { ...options, onError: () => {} });
  far.serve(functions as Record<string, () => void>);
  await work(near);
  await near.close();
  await far.closed;
  return passed;
}

/** Replays that with another server; gives what became of each call. */
async function replayed(
  passed: Passed,
  functions: object,
  more: {
    deadline?: number;
    wants?: (name: string) => boolean;
    inTurn?: boolean;
  } = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let far: Wire | undefined;
  const wire = new ReplayedWire(1, {
    connect(isLisp: boolean, tap: (message: TappedMessage) => void) {
      const [here, there] = memoryTransports();
      const dialect = isLisp ? cmucl() : undefined;
      far = makeWire(there, { dialect, onError: () => {} });
      far.serve(functions as Record<string, () => void>);
      return Promise.resolve(makeWire(here, { dialect, tap }));
    },
    wants: () => true,
    deadline: 60_000,
    inTurn: false,
    onOutcome: (outcome) => void outcomes.push(outcome),
    ...more,
  });
  for (const [from, bytes] of passed) await wire.replay(from, bytes, 0);
  await wire.end();
  await far?.closed;
  return outcomes;
}

/** The same, in few words. */
async function compared(
  passed: Passed,
  functions: object,
  more?: Parameters<typeof replayed>[2],
): Promise<string[]> {
  const outcomes = await replayed(passed, functions, more);
  return outcomes.map(({ call, is, recorded, now }) =>
    is === "same"
      ? `${call} same`
      : is === "different"
      ? `${call}: ${recorded} / ${now}`
      : `${call} not: ${is.notRepeated}`
  );
}

test("replay waits for answers longer than a timer of the platform can", async () => {
  const functions = {
    soon: () => new Promise<void>((resolve) => setTimeout(resolve, 30)),
  };
  const passed = await recorded(functions, async (wire) => {
    await wire.call("soon", []);
  });
  for (const deadline of [2 ** 40, Infinity]) {
    const [outcome] = await replayed(passed, functions, { deadline });
    assertEquals(outcome?.is, "same");
  }
});

test("a replay makes calls again, and tells answers that differ", async () => {
  const functions = {
    add: (a: number, b: number) => a + b,
    both: () => values(1, new Map([["a", 2n]])),
    fail: (text: string) => {
      throw Object.assign(new TypeError(text), { code: 7 });
    },
    old: () => 1,
    note: () => {},
  };
  const passed = await recorded(functions, async (wire) => {
    await wire.call("add", [40, 2]);
    await Promise.all([1, 2, 3].map((n) => wire.call("add", [n, n])));
    await wire.call("both", [], true);
    await wire.call("fail", ["a"]).catch(() => {});
    await wire.call("old", []);
    await wire.send("note", []);
  });
  const same = await compared(passed, functions);
  assertEquals(same.length, 7);
  assert(same.every((line) => line.endsWith(" same")), same.join("\n"));
  const { old: _, ...rest } = functions;
  const changed = await compared(passed, {
    ...rest,
    add: (a: number, b: number) => a === 2 ? "?" : a + b,
    both: () => values(1, new Map([["a", 3n]])),
    fail: (text: string) => {
      throw new RangeError(text);
    },
  });
  assertEquals(changed.filter((line) => !line.endsWith("same")), [
    'add(2, 2): 4 / "?"',
    'both(): [1, Map { "a" => 2n }] / [1, Map { "a" => 3n }]',
    'fail("a"): threw TypeError: "a" { code: 7 } / threw RangeError: "a"',
    changed.at(-1)!,
  ]);
  assertMatch(changed.at(-1)!, /^old\(\): 1 \/ failed with noSuchFunction: /);
  const some = await compared(passed, rest, {
    wants: (name) => name === "add",
  });
  assertEquals(some.length, 4);
});

test("a replay uses the objects and results of this time", async () => {
  const make = (step: number) => ({
    counter: (start: number) => {
      let count = start;
      return makeRemoteObject({
        next: () => count += step,
        same: () => count,
      });
    },
    // The object has another slot this time.
    ...(step === 2 ? { other: () => {} } : {}),
    isMine: (counter: { same(): number }) => counter.same(),
    half: (n: number) => n / 2,
  });
  const passed = await recorded(make(1), async (wire) => {
    using counter = await wire.call("counter", [5]) as RemoteObject<object>;
    await remoteCaller(counter).call("next", [], false);
    await wire.call("isMine", [counter]);
    await wire.call("half", [wire.call("half", [12])]);
  });
  const lines = await compared(passed, make(1));
  assertEquals(lines, [
    "counter(5) same",
    "next() same",
    "isMine(<own 0>) same",
    ...lines.slice(3),
  ]);
  assertEquals(lines.slice(3).sort(), [
    "half(12) same",
    "half(<result 0>) same",
  ]);
  const changed = await compared(passed, make(2));
  assertEquals(changed[1], "next(): 6 / 7");
});

test("a replay compares streams, and sends those of the client again", async () => {
  const make = (last: number) => ({
    async *count(to: number) {
      for (let n = 1; n <= to; n++) yield n === to ? last : n;
    },
    bytes: () =>
      new ReadableStream({
        start(controller) {
          const parts = last === 3 ? [[1, 2], [3]] : [[1], [2], [last]];
          for (const part of parts) {
            controller.enqueue(new Uint8Array(part));
          }
          controller.close();
        },
      }),
    async sum(numbers: AsyncIterable<number>) {
      let sum = 0;
      for await (const n of numbers) sum += n;
      return sum;
    },
    // deno-lint-ignore require-yield -- it fails before
    async *broken() {
      throw new Error(`broken ${last}`);
    },
  });
  const passed = await recorded(make(3), async (wire) => {
    for (const name of ["count", "bytes", "broken"]) {
      const stream = await wire.call(name, [3]) as AsyncIterable<unknown>;
      try {
        for await (const _ of stream);
      } catch {
        // That is recorded.
      }
    }
    const numbers = async function* () {
      yield* [1, 2, 3];
    };
    await wire.call("sum", [numbers()]);
    // What the client cancelled is not compared.
    const endless = await wire.call("count", [1e9]) as AsyncIterable<number>;
    for await (const n of endless) if (n === 3) break;
  });
  const same = await compared(passed, make(3));
  assertEquals(same, [
    "count(3) same",
    "stream ~0 same",
    "bytes(3) same",
    "stream ~1 same",
    "broken(3) same",
    "stream ~2 same",
    "sum(<stream 0>) same",
    "count(1000000000) same",
  ]);
  const changed = await compared(passed, make(4));
  assertEquals(changed.filter((line) => !line.endsWith(" same")), [
    "stream ~0: 3 items: 1, 2, 3 / 3 items: 1, 2, 4",
    "stream ~1: 1 items: bytes 010203 / 1 items: bytes 010204",
    'stream ~2: 1 items: threw Error: "broken 3" / 1 items: threw Error: "broken 4"',
  ]);
});

test("a replay tells what it cannot repeat, and goes on", async () => {
  class Point {}
  const point = valueType({
    name: "point",
    test: (value): value is Point => value instanceof Point,
    toData: () => 1,
    fromData: () => new Point(),
  });
  const functions = { take: () => 1, object: () => makeRemoteObject({}) };
  const passed = await recorded(functions, async (wire) => {
    await wire.call("take", [() => {}]);
    await wire.call("take", [[makeRemoteObject({})]]);
    await wire.call("take", [new Point()]);
    using object = await wire.call("object", []) as Disposable;
    await wire.call("take", [object]);
    await wire.call("take", [1]);
  }, { valueTypes: [point] });
  assertEquals(await compared(passed, { take: () => 1, object: () => 2 }), [
    "take(<function 0>) not: it passes a function of the client's",
    "take([<object 1>]) not: it passes an object of the client's",
    'take(<point 1>) not: it holds a value of the declared type "point"',
    "object(): <object 0> / 2",
    "take(<own 0>) not: it needs an object that did not come this time",
    "take(1) same",
  ]);
});

test("a replay waits for an answer as long as it may", async () => {
  const passed = await recorded({ f: () => 1 }, async (wire) => {
    await wire.call("f", []);
  });
  const never = { f: () => new Promise(() => {}) };
  assertEquals(await compared(passed, never, { deadline: 20 }), [
    "f(): 1 / no answer within 20 ms",
  ]);
});

test("a replay makes calls in the order of their answers, if asked to", async () => {
  // The first call to come is answered last, once.
  const make = (isTurned: boolean) => {
    const done: string[] = [];
    const later = Promise.withResolvers<void>();
    return {
      put: async (name: string) => {
        if (name === "a" && isTurned) await later.promise;
        done.push(name);
        later.resolve();
        return name;
      },
      half: (n: number) => n / 2,
      list: () => done,
    };
  };
  const passed = await recorded(make(true), async (wire) => {
    await Promise.all(["a", "b"].map((name) => wire.call("put", [name])));
    await wire.call("half", [wire.call("half", [12])]);
    await wire.call("list", []);
  });
  const last = (lines: string[]) => lines.at(-1);
  assertEquals(
    last(await compared(passed, make(false))),
    'list(): ["b", "a"] / ["a", "b"]',
  );
  const inTurn = await compared(passed, make(false), { inTurn: true });
  assertEquals([inTurn.length, last(inTurn)], [5, "list() same"]);
});

test("a replay speaks CMUCL's protocol where the recording does", async () => {
  const list = { "cl:list": (...items: unknown[]) => items };
  const passed = await recorded(list, async (wire) => {
    await wire.call("cl:list", [1, "two"]);
    await wire.call("cl:list", [3], true);
  }, { dialect: cmucl() });
  assertEquals(await compared(passed, list), [
    'COMMON-LISP:LIST(1, "two") same',
    "COMMON-LISP:LIST(3) same",
  ]);
  assertEquals(
    await compared(passed, { "cl:list": (item: unknown) => item }),
    [
      'COMMON-LISP:LIST(1, "two"): [1, "two"] / 1',
      "COMMON-LISP:LIST(3): [[3]] / [3]",
    ],
  );
});

test("cli.ts replay ends with 1 where an answer differs", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const passed = await recorded(
      { add: (a: number, b: number) => a + b, evil: () => 1 },
      async (wire) => {
        await wire.call("add", [40, 2]);
        await wire.call("evil", []);
      },
    );
    const recorder = new Recorder(path, "somewhere", 0);
    recorder.open(1, "a client", 0);
    for (const [from, bytes] of passed) recorder.bytes(1, from, bytes, 1);
    recorder.over(1, undefined, 2);
    await recorder.close();
    let evil: unknown = 1;
    await using server = createRequestServer(0, {
      functions: { add: (a: number, b: number) => a + b, evil: () => evil },
    });
    const target = `127.0.0.1:${server.port}`;
    const run = async (...more: string[]) => {
      const { code, stdout, stderr } = await patientRun(
        ["-A", CLI, "replay", ...more, path, target],
        { stdin: "null", env: { NO_COLOR: "1" } },
      ).output();
      const [out, err] = [stdout, stderr].map((bytes) =>
        new TextDecoder().decode(bytes)
      );
      return [code, out, err];
    };
    assertEquals(await run(), [
      0,
      "2 answers compared: 2 the same, 0 different\n",
      "",
    ]);
    evil = "\x1b[2J\n";
    assertEquals(await run(), [
      1,
      'wire 1, evil()\n  recorded: 1\n  now:      "\\u001b[2J\\n"\n' +
      "2 answers compared: 1 the same, 1 different\n",
      "",
    ]);
    assertEquals(await run("--name", "a*"), [
      0,
      "1 answer compared: 1 the same, 0 different\n",
      "",
    ]);
    for (const filter of [["--name", "zzz"], ["--wire", "99"]]) {
      const [code, out, err] = await run(...filter);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(String(err), "Nothing was compared");
    }
    const [code, out] = await run("--json");
    assertEquals(code, 1);
    assertEquals(String(out).trimEnd().split("\n").map((l) => JSON.parse(l)), [
      {
        wire: 1,
        call: "evil()",
        is: "different",
        recorded: "1",
        now: '"\\u001b[2J\\n"',
      },
      { same: 1, different: 1, notRepeated: 0 },
    ]);
    await Deno.writeTextFile(path, "{}\n");
    const [failed, , error] = await run("--json");
    assertEquals(failed, 1);
    assertMatch(JSON.parse(String(error)).error.message, /is no recording/);
  });
});

test("cli.ts replay ends where a recording opens a wire that is open", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const passed = await recorded(
      { add: (a: number, b: number) => a + b },
      async (wire) => void await wire.call("add", [40, 2]),
    );
    const recorder = new Recorder(path, "somewhere", 0);
    for (let times = 0; times < 2; times++) {
      recorder.open(1, "a client", 0);
      for (const [from, bytes] of passed) recorder.bytes(1, from, bytes, 1);
    }
    recorder.over(1, undefined, 2);
    await recorder.close();
    await using server = createRequestServer(0, {
      functions: { add: (a: number, b: number) => a + b },
    });
    const { code, stderr } = await patientRun(
      ["-A", CLI, "replay", "--json", path, `127.0.0.1:${server.port}`],
      { stdin: "null" },
    ).output();
    assertEquals(code, 1);
    const { error } = JSON.parse(new TextDecoder().decode(stderr));
    assertEquals(error.code, "badRecording");
    assertMatch(
      error.message,
      /^Line \d+ of .* opens the wire 1, which is open/,
    );
  });
});
