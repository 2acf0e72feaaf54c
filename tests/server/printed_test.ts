/** What a server prints where nobody gave it an onError, and where to. */

import { assert, assertEquals } from "@std/assert";
import { connectToRemoteServer, openTcpStream } from "../../mod.ts";
import { test } from "../_test.ts";

const PROGRAM = new URL("_printing_server.ts", import.meta.url).pathname;

/** Starts the server. */
async function start(how: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", "--allow-net", PROGRAM, how],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const out = texts(child.stdout);
  const [, port, linesPort] = await out.until(/ports (\d+) (\d+)\n/);
  return { child, out, port: Number(port), linesPort: Number(linesPort) };
}

/** Reads text bit by bit. */
function texts(stream: ReadableStream<Uint8Array>) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  return {
    /** Reads until something has been said. */
    async until(wanted: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const found = wanted.exec(said);
        if (found !== null) return found;
        const { done, value } = await reader.read();
        if (done) throw new Error(`This was all: ${said.slice(-1_000)}`);
        said += value;
      }
    },
    /** Reads the rest. */
    async rest(): Promise<string> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return said;
        said += value;
      }
    },
  };
}

/** Has a server print more than any pipe holds. */
async function fill(port: number): Promise<void> {
  for (let n = 0; n < 20; n++) {
    await using wire = await connectToRemoteServer("127.0.0.1", port);
    for (let m = 0; m < 20; m++) await wire.send("fail", ["x".repeat(10_000)]);
    assertEquals(await wire.remoteValue.echo(n), n);
  }
}

test("a server whose error output is full goes on, and tells what it did not print", async () => {
  const { child, out, port, linesPort } = await start("never");
  // Nobody reads what it prints. Where that stops it, this never comes to an end.
  await fill(port);
  for (let n = 0; n < 100; n++) {
    await using stream = await openTcpStream("127.0.0.1", linesPort);
    stream.writeLine("fail");
    assertEquals(await stream.readLine().catch(() => null), null);
  }
  await using stream = await openTcpStream("127.0.0.1", linesPort);
  stream.writeLine("hello");
  assertEquals(await stream.readLine(), "hello");
  // Somebody reads again.
  const errors = texts(child.stderr);
  await errors.until(/^@remote\/wire: error in one-way call of "fail"/);
  await using wire = await connectToRemoteServer("127.0.0.1", port);
  let isTold = false;
  const told = errors.until(/\n@remote\/wire: … and \d+ more reports/)
    .then(() => isTold = true);
  while (!isTold) {
    await wire.send("fail", ["x"]);
    await wire.remoteValue.echo(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await told;
  child.kill();
  const printed = await errors.rest();
  for (const report of printed.split(/\n(?! {4})/)) {
    assert(/^@remote\/wire: |^$/.test(report), report);
    assert(report.length < 4_200, `${report.length}`);
  }
  await out.rest();
  await child.status;
});

for (const how of ["before", "later"]) {
  test(`reports go to a console.error that a program replaced (${how})`, async () => {
    const { child, out, port } = await start(how);
    {
      await using wire = await connectToRemoteServer("127.0.0.1", port);
      await wire.send("fail", ["as planned"]);
      await wire.remoteValue.echo(1);
    }
    await out.until(/own: @remote\/wire: error in .*as planned/);
    child.kill();
    await out.rest();
    assertEquals(await texts(child.stderr).rest(), "");
    await child.status;
  });
}
