/**
 * Load for as long as one wants: calls, records, streams, references, cancels,
 * wires that come and go, strangers, and a kept connection whose server is
 * killed again and again. Every result is checked. Every so often both ends
 * collect their garbage and tell their memory, descriptors and tables; at the
 * end stands how these grew in an hour.
 *
 *     deno task soak [--minutes N] [--calls N] [--rate N] [--every SECONDS]
 *
 * It goes on until that many minutes are over and that many calls were made,
 * of which `--rate` may be made a second at most, and ends with code 1 if a
 * result was wrong.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  connectToRemoteServer,
  keepConnected,
  type Wire,
  type WireError,
} from "../mod.ts";
import {
  type Functions,
  functions,
  type Holdings,
  holdings,
  type Order,
} from "./soak/functions.ts";
import { number, table } from "./_table.ts";

const SERVER = new URL("soak/server.ts", import.meta.url).href;

/** A server in a process of its own. */
class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly port: number;

  private constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts it on a port, or on any. */
  static async start(port = 0): Promise<ServerProcess> {
    const flags = ["--quiet", "--no-config", "--v8-flags=--expose-gc", "-A"];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, SERVER, `${port}`],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    if (value === undefined) throw new Error("The server did not start.");
    reader.releaseLock();
    return new ServerProcess(child, Number(new TextDecoder().decode(value)));
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.stdout.cancel();
    await this.#child.status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** What all work has in common: counts, and when it ends. */
class Load {
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  readonly #wires = new Set<Wire<object, object>>();
  readonly began = performance.now();
  isOver = false;

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  check(what: string, isRight: boolean): void {
    if (!isRight && !this.isOver) this.faults.push(`${what} was wrong`);
  }

  wires(): Iterable<Wire<object, object>> {
    return this.#wires;
  }

  async connect(port: number): Promise<Wire<Functions>> {
    const wire = await connectToRemoteServer<Functions>("127.0.0.1", port);
    this.#wires.add(wire);
    void wire.closed.then(() => this.#wires.delete(wire));
    return wire;
  }

  /** Does something again and again, until it is over. */
  async repeat(what: string, work: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      try {
        await work();
      } catch (error) {
        if (this.isOver) return;
        this.faults.push(`${what}: ${error}`);
        await pause(100);
      }
    }
  }
}

/** How many calls are under way at a time. */
const BATCH = 256;
/** How long a server lives before it is killed, in milliseconds. */
const BETWEEN_KILLS = 20_000;
/** How many items a stream has. */
const ITEMS = 1_000;

/** After each other kind of work there is a pause, in milliseconds. */
const PAUSE = 10;

const pause = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function calls(load: Load, wire: Wire<Functions>): Promise<void> {
  const due = load.began + (load.counts.calls ?? 0) / rate * 1_000;
  const early = due - performance.now();
  if (early > 0) await pause(early);
  const all = Array.from(
    { length: BATCH },
    (_, n) => wire.remoteValue.add(n, 1),
  );
  const results = await Promise.all(all);
  load.check("a sum", results.every((result, n) => result === n + 1));
  load.count("calls", BATCH);
}

async function record(load: Load, wire: Wire<Functions>): Promise<void> {
  const id = load.counts.records ?? 0;
  const order: Order = {
    id,
    name: `order ${id}: 中文 ü`,
    at: new Date(id),
    total: BigInt(id) ** 5n,
    tags: new Map([["a", id], ["b", 0.5]]),
  };
  const came = await wire.remoteValue.echo(order);
  load.check(
    "a record",
    came.id === id && came.name === order.name && +came.at === id &&
      came.total === order.total && came.tags.get("a") === id,
  );
  load.count("records");
  await pause(PAUSE);
}

async function stream(load: Load, wire: Wire<Functions>): Promise<void> {
  let expected = 0;
  for await (const item of await wire.remoteValue.items(ITEMS)) {
    load.check("an item", item === expected++);
    // Some consumers have had enough before the end.
    if (load.counts.streams! % 5 === 0 && expected === 100) break;
  }
  const sum = await wire.remoteValue.sum(functions.items(ITEMS));
  load.check("a sum of items", sum === ITEMS * (ITEMS - 1) / 2);
  load.count("streams", 2);
  await pause(PAUSE);
}

async function reference(load: Load, wire: Wire<Functions>): Promise<void> {
  using counter = await wire.remoteValue.counter();
  for (let n = 1; n <= 3; n++) {
    load.check("a count", await counter.remoteValue.next() === n);
  }
  const callBack = (n: number) => Promise.resolve(n * 3);
  load.check("a call-back", await wire.remoteValue.twice(callBack) === 9);
  load.count("references", 2);
  await pause(PAUSE);
}

async function failures(load: Load, wire: Wire<Functions>): Promise<void> {
  const signal = AbortSignal.timeout(5);
  const given = await wire.with({ signal }).remoteValue.never()
    .catch((error: unknown) => error);
  load.check(
    "a cancel",
    given instanceof DOMException ||
      (given as WireError).code === "cancelled",
  );
  const late = await wire.with({ deadline: 5 }).remoteValue.never()
    .catch((error: unknown) => error);
  load.check(
    "a deadline",
    (late as WireError).code === "deadline",
  );
  const thrown = await wire.remoteValue.fail()
    .catch((error: unknown) => error);
  load.check("an error", (thrown as Error).message.includes("planned"));
  load.count("failures", 3);
  // A peer heeds so many cancels a second, and no more.
  await pause(100);
}

/** Wires that live for a call, and strangers. */
async function visits(load: Load, port: number): Promise<void> {
  const wire = await load.connect(port);
  load.check("a first sum", await wire.remoteValue.add(1, 2) === 3);
  const visit = load.counts.visits ?? 0;
  if (visit % 3 === 0) wire.abort();
  else await wire.close();
  if (visit % 10 === 0) {
    using stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    await stranger.write(crypto.getRandomValues(new Uint8Array(100)));
    await stranger.read(new Uint8Array(100)).catch(() => null);
  }
  load.count("visits");
  await pause(20);
}

/** A kept connection, whose server is killed and started again. */
async function kept(load: Load): Promise<void> {
  let server = await ServerProcess.start();
  const { port } = server;
  await using connection = keepConnected<Functions>(
    () => load.connect(port),
    { onError() {}, timeout: 60_000 },
  );
  const asking = load.repeat("kept", async () => {
    const sum = await connection.with({ idempotent: true, deadline: 60_000 })
      .remoteValue.add(20, 22);
    load.check("a kept sum", sum === 42);
    load.count("kept calls");
    await pause(5);
  });
  while (!load.isOver) {
    await pause(BETWEEN_KILLS);
    await server.kill();
    await pause(500);
    server = await ServerProcess.start(port);
    load.count("restarts");
  }
  await asking;
  await server.kill();
}

/** How much a figure grows in an hour: least squares. */
function slope(samples: readonly (readonly [number, number])[]): number {
  const mean = (of: (each: readonly [number, number]) => number) =>
    samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const above = mean(([at, value]) => (at - x) * (value - y));
  const below = mean(([at]) => (at - x) ** 2);
  return below === 0 ? 0 : above / below * 3_600;
}

async function soak(): Promise<boolean> {
  const minutes = Number(flags.minutes);
  const most = Number(flags.calls);
  const load = new Load();
  await using server = await ServerProcess.start();
  const { port } = server;
  const wires = await Promise.all(
    Array.from({ length: 6 }, () => load.connect(port)),
  );
  const [first, second, third, fourth, fifth, sixth] = wires as [
    ...Wire<Functions>[],
  ] as Wire<Functions>[];
  const work = [
    load.repeat("calls", () => calls(load, first!)),
    load.repeat("calls", () => calls(load, second!)),
    load.repeat("records", () => record(load, third!)),
    load.repeat("streams", () => stream(load, fourth!)),
    load.repeat("references", () => reference(load, fifth!)),
    load.repeat("failures", () => failures(load, sixth!)),
    load.repeat("visits", () => visits(load, port)),
    kept(load),
  ];
  const samples: { at: number; ends: Holdings[] }[] = [];
  const asker = await connectToRemoteServer<
    { holdings(): Promise<Holdings> }
  >("127.0.0.1", port);
  for (;;) {
    await pause(Number(flags.every) * 1_000);
    const at = (performance.now() - load.began) / 1_000;
    const ends = [
      await asker.with({ deadline: 60_000 }).remoteValue.holdings(),
      await holdings(load.wires()),
    ];
    samples.push({ at, ends });
    const told = ends.map(({ memory, resident, descriptors, tables }) =>
      `${number(memory / 1e6, 1)}/${
        number(resident / 1e6)
      } MB, ${descriptors} descriptors, ${tables} entries`
    );
    console.log(
      `${number(at / 60, 1)} min, ${
        number(load.counts.calls ?? 0)
      } calls; server ${told[0]}; client ${told[1]}`,
    );
    if (load.faults.length > 20) break;
    if (at >= minutes * 60 && (load.counts.calls ?? 0) >= most) break;
  }
  load.isOver = true;
  asker.abort();
  wires.forEach((wire) => wire.abort());
  await Promise.allSettled(work);
  report(load, samples);
  return load.faults.length === 0;
}

/** Prints what was done, and how both ends grew. */
function report(
  load: Load,
  samples: readonly { at: number; ends: Holdings[] }[],
): void {
  // What is compiled and kept at first is no slope.
  const settled = samples.slice(Math.floor(samples.length / 5));
  const grown = (end: number, of: keyof Holdings) =>
    slope(settled.map(({ at, ends }) => [at, ends[end]![of]]));
  console.log(
    "\n" + table(["in all", "count"], [
      ...Object.entries(load.counts).map(([what, count]) => [
        what,
        number(count),
      ]),
      ["faults", number(load.faults.length)],
    ]),
  );
  console.log(
    "\n" + table(
      [
        "growth in an hour",
        "memory, KB",
        "resident, KB",
        "descriptors",
        "table entries",
      ],
      ["server", "client"].map((name, end) => [
        name,
        number(grown(end, "memory") / 1_000),
        number(grown(end, "resident") / 1_000),
        number(grown(end, "descriptors"), 1),
        number(grown(end, "tables"), 1),
      ]),
    ),
  );
  for (const fault of load.faults.slice(0, 20)) console.error(fault);
}

const flags = parseArgs(Deno.args, {
  string: ["minutes", "calls", "rate", "every"],
  default: { minutes: "60", calls: "100000000", rate: "Infinity", every: "30" },
});
const rate = Number(flags.rate);
Deno.exit(await soak() ? 0 : 1);
