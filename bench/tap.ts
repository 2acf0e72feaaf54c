/**
 * What the commands `tap` and `inspect` cost: calls and bytes through them,
 * beside a proxy that only copies, and beside no proxy. Each is a process of its
 * own, and they take turns: `deno task run -A bench/tap.ts [ROUNDS]`.
 *
 * @module
 */

import {
  connectToRemoteServer,
  createRequestServer,
  type Wire,
} from "../mod.ts";
import { usedBy } from "./_process_time.ts";

const CLI = new URL("../cli.ts", import.meta.url).pathname;
const HOST = "127.0.0.1";
const LARGE = new Uint8Array(1024 * 1024);

/** What copies bytes, and nothing else. */
async function copy(target: number): Promise<void> {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  console.error(`copying ${HOST}:${(listener.addr as Deno.NetAddr).port} →`);
  const pass = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await from.read(buffer)) !== null;) {
      for (let at = 0; at < count;) {
        at += await to.write(buffer.subarray(at, count));
      }
    }
    await to.closeWrite();
  };
  for await (const client of listener) {
    const server = await Deno.connect({ hostname: HOST, port: target });
    client.setNoDelay(true);
    server.setNoDelay(true);
    Promise.all([pass(client, server), pass(server, client)])
      .catch(() => {}).finally(() => {
        client.close();
        server.close();
      });
  }
}

/** A proxy that runs. */
interface Running extends AsyncDisposable {
  readonly port: number;
  /** Milliseconds of processor time that it has used, all threads together. */
  used(): number;
}

/** Starts a process, and waits until it tells where it listens. */
async function start(args: string[], reads: boolean): Promise<Running> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...configOf(), ...args],
    stdout: reads ? "piped" : "null",
    stderr: "piped",
  }).spawn();
  // Whoever reads, reads all.
  if (reads) void child.stdout.pipeTo(new WritableStream()).catch(() => {});
  let text = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (/:(\d+) →/.test(text)) break;
  }
  return {
    used: () => usedBy(child.pid),
    port: Number(/:(\d+) →/.exec(text)?.[1]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** How this process was told where the standard library is. */
function configOf(): string[] {
  const map = Deno.env.get("REMOTE_WIRE_STD") === "npm";
  return map
    ? [
      "--import-map",
      new URL("../.ci/npm_import_map.json", import.meta.url).pathname,
    ]
    : [];
}

/** Calls, many under way. */
async function calls(wire: Wire): Promise<number> {
  await Promise.all(
    Array.from({ length: 256 }, (_, k) => wire.call("add", [k, 1])),
  );
  return 256;
}

/** Calls, one after the other. */
async function turns(wire: Wire): Promise<number> {
  await wire.call("add", [40, 2]);
  return 1;
}

/** MiB, as large arguments. */
async function bytes(wire: Wire): Promise<number> {
  await Promise.all([1, 2, 3].map(() => wire.call("length", [LARGE])));
  return 3;
}

/** Objects with texts and lists: items of a stream. */
async function items(wire: Wire): Promise<number> {
  const stream = await wire.call("items", [5_000]) as AsyncIterable<unknown>;
  for await (const _ of stream);
  return 5_000;
}

const LOADS = { calls, turns, bytes, items };

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

async function compare(rounds: number): Promise<void> {
  await using server = createRequestServer(0, {
    functions: {
      add: (a: number, b: number) => a + b,
      length: (bytes: Uint8Array) => bytes.length,
      async *items(count: number) {
        for (let n = 0; n < count; n++) {
          yield { id: n, name: `item ${n}`, tags: ["a", "b"], at: n / 3 };
        }
      },
    },
  });
  const target = server.port;
  const self = new URL(import.meta.url).pathname;
  const taps = [CLI, "tap"];
  const way = [":0", `${HOST}:${target}`];
  await using plain = await start([self, "copy", String(target)], false);
  await using quiet = await start([...taps, "--kind", "abort", ...way], false);
  await using shown = await start([...taps, ...way], true);
  await using page = await start([CLI, "inspect", ...way], true);
  const proxies = {
    plain,
    "tap, filtered": quiet,
    "tap, all shown": shown,
    inspect: page,
  };
  for (const [load, run] of Object.entries(LOADS)) {
    const found = new Map<string, { rate: number; used: number }[]>();
    for (let round = 0; round <= rounds; round++) {
      for (const [name, proxy] of Object.entries(proxies)) {
        const measured = await measure(proxy, run);
        // The first round is for warming up.
        if (round === 0) found.set(name, []);
        else found.get(name)!.push(measured);
      }
    }
    const of = (name: string, what: "rate" | "used") =>
      median(found.get(name)!.map((each) => each[what]));
    for (const name of Object.keys(proxies)) {
      const [rate, used] = [of(name, "rate"), of(name, "used")];
      const ratio = (used / of("plain", "used")).toFixed(2);
      console.log(
        `${load.padEnd(6)} ${name.padEnd(15)} ${
          rate.toFixed(0).padStart(7)
        } /s, ${(rate / of("plain", "rate")).toFixed(2)} of plain; ${
          (used * 1_000).toFixed(2).padStart(8)
        } µs of CPU each, ${ratio} of plain`,
      );
    }
  }
}

/** What passes in a second, and the processor time of the proxy for each. */
async function measure(
  { port, used }: Running,
  run: (wire: Wire) => Promise<number>,
): Promise<{ rate: number; used: number }> {
  await using wire = await connectToRemoteServer(HOST, port);
  const [before, begun] = [used(), performance.now()];
  let count = 0;
  while (performance.now() - begun < 1_500) count += await run(wire);
  const time = performance.now() - begun;
  return { rate: count / time * 1_000, used: (used() - before) / count };
}

const [first, port] = Deno.args;
if (first === "copy") await copy(Number(port));
else await compare(Number(first ?? 5));
