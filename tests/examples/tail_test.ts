import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { denoRun } from "../../examples/archive/deno.ts";
import type { Item, Position, Tail } from "../../examples/tail/protocol.ts";
import {
  connectToRemoteServer,
  DEFAULT_LIMITS,
  type RemoteStream,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { EXAMPLES, start, startServer, withFolder } from "./_run.ts";

function startTail(folder: string, port = 0) {
  return startServer(
    "--allow-net=127.0.0.1",
    `--allow-read=${folder}`,
    `${EXAMPLES}/tail/server.ts`,
    `--port=${port}`,
    folder,
  );
}

function startClient(port: number, ...logs: string[]) {
  const client = `${EXAMPLES}/tail/client.ts`;
  return start("--allow-net=127.0.0.1", client, `--port=${port}`, ...logs);
}

function connect(port: number) {
  return connectToRemoteServer<Tail>("127.0.0.1", port);
}

const LOGS = ["a.log", "b.log"];
/** After how many lines the writer renames its logs. */
const ROTATE = 150;

/** All that was ever written to a log. */
async function written(folder: string, log: string): Promise<string> {
  let text = "";
  for (let version = 1;; version++) {
    const file = `${folder}/${log}.${version}`;
    const part = await Deno.readTextFile(file).catch(() => undefined);
    if (part === undefined) break;
    text += part;
  }
  return text + await Deno.readTextFile(`${folder}/${log}`);
}

test("tail/client.ts prints every byte once, while its server dies and logs are renamed", () =>
  withFolder(async (folder) => {
    for (const log of LOGS) {
      await Deno.writeTextFile(`${folder}/${log}`, "The beginning\n");
    }
    await using first = await startTail(folder);
    const { port } = first;
    await using both = startClient(port, ...LOGS);
    await using one = startClient(port, "b.log");
    // What is renamed before they begin is not theirs.
    await both.prints(/^a.log: The beginning/m);
    await both.prints(/^b.log: The beginning/m);
    await one.prints(/^The beginning/m);
    await using writer = start(
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      `${EXAMPLES}/tail/writer.ts`,
      `--rotate=${ROTATE}`,
      folder,
      ...LOGS,
    );
    const printed = (line: number) =>
      Promise.all([
        both.prints(new RegExp(`^a.log: line ${line} of a`, "m")),
        both.prints(new RegExp(`^b.log: line ${line} of b`, "m")),
        one.prints(new RegExp(`^line ${line} of b`, "m")),
      ]);
    await printed(100);
    await first.end("SIGKILL");
    // Meanwhile the logs grow on, and are renamed twice.
    await writer.prints(/500 lines/);
    await using second = await startTail(folder, port);
    await printed(500);
    const ended = await second.end("SIGTERM");
    await writer.prints(/700 lines/);
    await using third = await startTail(folder, port);
    await printed(700);
    const { stdout } = await writer.end("SIGTERM");
    const last = Number(/ended after (\d+) lines/.exec(stdout)?.[1]);
    await printed(last);

    const [all, bytes] = [await both.end("SIGTERM"), await one.end("SIGTERM")];
    // Before what they printed: one that ended too soon says why.
    const said = `${all.stderr}\n${bytes.stderr}\n${ended.stderr}`;
    assertEquals([all.code, bytes.code, ended.code], [0, 0, 0], said);
    for (const log of LOGS) {
      const prefix = `${log}: `;
      const lines = all.stdout.split("\n")
        .filter((line) => line.startsWith(prefix))
        .map((line) => `${line.slice(prefix.length)}\n`);
      assertEquals(lines.join(""), await written(folder, log));
    }
    assertEquals(bytes.stdout, await written(folder, "b.log"));
    assertEquals(
      all.stdout.length,
      prefixed(await written(folder, "a.log")) +
        prefixed(await written(folder, "b.log")),
    );
    assertMatch(bytes.stderr, /^tail: .*Trying again\.$/m);
    assertEquals(ended.stderr, "");
    assertEquals((await third.end("SIGTERM")).stderr, "");
  }));

/** How long a text is, with `a.log: ` in front of each line. */
function prefixed(text: string): number {
  return text.length + 7 * (text.split("\n").length - 1);
}

/** How many bytes a log has that is too large for any window. */
const LARGE = 8 * 1024 * 1024;

/** Bytes that are told apart by their place. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 9));
}

/** Takes a place, and then so many bytes. */
async function take(
  items: AsyncIterator<Item>,
  count: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const { value } = await items.next();
    if (!(value instanceof Uint8Array)) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

test("tail() reads no further ahead than its consumer's window", () =>
  withFolder(async (folder) => {
    const large = pattern(LARGE);
    await Deno.writeFile(`${folder}/idle.log`, large);
    await Deno.writeFile(`${folder}/busy.log`, large);
    await using server = await startTail(folder);
    await using wire = await connect(server.port);
    const { tail, progress } = wire.remoteValue;
    const idle = (await tail("idle.log", "start"))[Symbol.asyncIterator]();
    assertEquals(((await idle.next()).value as Position).offset, 0);
    // The other one shares the wire, and is taken to its end.
    const busy = (await tail("busy.log", "start"))[Symbol.asyncIterator]();
    assertEquals(await take(busy, LARGE), large);

    const read = new Map((await progress()).map((p) => [p.name, p.read]));
    assertEquals(read.get("busy.log"), LARGE);
    // A window, and the piece that was read when it was full.
    const most = DEFAULT_LIMITS.streamWindow + 64 * 1024;
    const ahead = read.get("idle.log")!;
    assert(ahead > 0 && ahead <= most, `${ahead} bytes were read ahead`);

    // Nothing is lost by that.
    assertEquals(await take(idle, LARGE), large);
    await Promise.all([idle.return?.(), busy.return?.()]);
    // Who leaves does not wait for the server's end of it.
    while ((await progress()).length > 0);
  }));

test("tail/client.ts holds its server up when nobody reads, and goes on in mid-stream", () =>
  withFolder(async (folder) => {
    const large = pattern(LARGE);
    await Deno.writeFile(`${folder}/large.log`, large);
    await using first = await startTail(folder);
    const { port } = first;
    const args = [`${EXAMPLES}/tail/client.ts`, `--port=${port}`, "large.log"];
    const client = denoRun(["--allow-net=127.0.0.1", ...args], {
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const bytes = new Uint8Array(LARGE);
    let at = 0;
    const output = client.stdout.getReader();
    const readTo = async (end: number) => {
      while (at < end) {
        const { value } = await output.read();
        if (!value) throw new Error(`The client ended after ${at} bytes.`);
        bytes.set(value, at);
        at += value.length;
      }
    };
    try {
      await readTo(LARGE / 8);
      await using wire = await connect(port);
      const [{ read } = { read: 0 }] = await wire.remoteValue.progress();
      // Windows and pipes between the two hold less than that.
      assert(read >= at && read < LARGE / 4, `${read} bytes were read`);
      await first.end("SIGKILL");
      await using _second = await startTail(folder, port);
      await readTo(LARGE);
      assertEquals(bytes, large);
    } finally {
      client.kill("SIGTERM");
      assertEquals((await output.read()).done, true);
      await client.status;
    }
  }));

test("tail() ends with the loop, with cancel(), and with the wire", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a.log`, "one\n");
    await using server = await startTail(folder);
    await using wire = await connect(server.port);
    await using other = await connect(server.port);
    const { tail, progress } = wire.remoteValue;
    for await (const item of await tail("a.log", "start")) {
      if (item instanceof Uint8Array) break; // at the end of the log
    }
    while ((await progress()).length > 0);
    const stream = await tail("a.log", "start");
    await stream.cancel("enough");
    assertEquals(await progress(), []);
    const held: RemoteStream<Item> = await other.remoteValue.tail(
      "a.log",
      "end",
    );
    const items = held[Symbol.asyncIterator]();
    assertEquals(((await items.next()).value as Position).offset, 4);
    assertEquals((await progress()).length, 1);
    other.abort();
    await assertRejects(() => items.next(), Error, "aborted");
    // The server learns of it when the connection ends.
    while ((await progress()).length > 0);
  }));

const REFUSED: [name: unknown, from: unknown, message: string][] = [
  ["../a.log", "start", "A log's name"],
  ["..", "start", "A log's name"],
  [".", "start", "A log's name"],
  ["", "start", "A log's name"],
  ["/etc/passwd", "start", "A log's name"],
  ["inner/a.log", "start", "A log's name"],
  ["inner\\a.log", "start", "A log's name"],
  ["C:a.log", "start", "A log's name"],
  ["a.log\0", "start", "A log's name"],
  [".hidden", "start", "A log's name"],
  ["a".repeat(256), "start", "A log's name"],
  [["a.log"], "start", "A log's name"],
  [{ length: 1 }, "start", "A log's name"],
  [undefined, "start", "A log's name"],
  ["link.log", "start", "There is no log link.log"],
  ["inner", "start", "There is no log inner"],
  ["none.log", "start", "There is no log none.log"],
  ["a.log", "middle", "A tail begins"],
  ["a.log", null, "A tail begins"],
  ["a.log", 0, "A tail begins"],
  ["a.log", { file: "x", offset: -1 }, "A tail begins"],
  ["a.log", { file: "x", offset: 0.5 }, "A tail begins"],
  ["a.log", { file: "x", offset: 2 ** 60 }, "A tail begins"],
  ["a.log", { file: 1, offset: 0 }, "A tail begins"],
];

test("tail() knows no way out of its folder", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/logs/inner`, { recursive: true });
    for (const name of ["a.log", "logs/.hidden", "logs/inner/a.log"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "secret");
    }
    await Deno.writeTextFile(`${folder}/logs/a.log`, "public");
    await Deno.symlink(`${folder}/a.log`, `${folder}/logs/link.log`);
    await using server = await startTail(`${folder}/logs`);
    await using wire = await connect(server.port);
    const { tail, logs, progress } = wire.remoteValue;
    assertEquals(await logs(), ["a.log"]);
    for (const [name, from, message] of REFUSED) {
      const taken = async () => {
        for await (const _ of await tail(name as string, from as "start"));
      };
      await assertRejects(taken, Error, message);
    }
    // Nor where a client makes up the place that it goes on behind.
    for (
      const place of [
        { file: "../a.log", offset: -1 },
        { file: "../a.log", offset: "0" },
        { file: ["../a.log"], offset: 0 },
        ["../a.log", 0],
        "../a.log",
        17,
      ]
    ) {
      const metadata = { "remote-wire-behind": JSON.stringify(place) };
      const { remoteValue } = wire.with({ metadata });
      const taken = async () => {
        for await (const _ of await remoteValue.tail("a.log", "start"));
      };
      await assertRejects(taken, Error, "A tail begins");
    }
    assertEquals(await progress(), []);
    assertEquals((await server.end("SIGTERM")).stderr, "");
  }));

test("tail/client.ts tells what it cannot do, and ends", () =>
  withFolder(async (folder) => {
    await using server = await startTail(folder);
    const { code, stderr } = await startClient(server.port, "none").ended();
    assertEquals(code, 1);
    assertMatch(stderr, /^tail: none: There is no log none\.$/m);
    await server.end("SIGTERM");
    const late = await startClient(server.port).ended();
    assertEquals(late.code, 1);
    assertMatch(late.stderr, /nobody listens there/);
  }));
