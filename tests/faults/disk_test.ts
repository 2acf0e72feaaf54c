/** The disk is full, for what writes: command line, servers, examples. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  RemoteError,
} from "../../mod.ts";
import type { Archive } from "../../examples/archive/archive.ts";
import { runArgs } from "../../examples/archive/deno.ts";
import { withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";

const HERE = import.meta.dirname;
const CLI = `${HERE}/../../cli.ts`;

/** Runs a program from a shell, which says with what: `exec "$@"`. */
function start(shell: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", shell, "sh", Deno.execPath(), ...runArgs(["-A", ...args])],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The port that a server prints. */
async function portOf(child: Deno.ChildProcess): Promise<number> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "";;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`It printed: ${text}`);
    text += value;
    const port = /(?:^|:)(\d+)\n/.exec(text)?.[1];
    if (port === undefined) continue;
    await reader.cancel();
    return Number(port);
  }
}

/** Ends a process. @returns What it said on its error output. */
async function end(child: Deno.ChildProcess): Promise<string> {
  child.kill("SIGKILL");
  const { stderr } = child;
  const said = await new Response(stderr).text();
  await child.status;
  return said;
}

if (Deno.build.os === "linux") {
  for (const name of ["one", "many"]) {
    test(`cli.ts call, its output on a full disk: it ends with 1 and says why (${name})`, async () => {
      await using server = createRequestServer(0, {
        functions: {
          one: () => 1,
          async *many() {
            for (let n = 0; n < 1_000; n++) yield n;
          },
        },
        onError() {},
      });
      const shell = 'exec "$@" > /dev/full';
      const at = `127.0.0.1:${server.port}`;
      const { code, stderr } = await start(shell, CLI, "call", at, name)
        .output();
      assertEquals(code, 1);
      assertMatch(
        new TextDecoder().decode(stderr),
        /^The output cannot be written: No space left on device.*\n$/,
      );
    });
  }

  for (const args of [["--help"], ["--version"], ["call", "--help"]]) {
    test(`cli.ts ${args.join(" ")}, its output on a full disk: it ends with 1 and says why`, async () => {
      const { code, stderr } = await start(
        'exec "$@" > /dev/full',
        CLI,
        ...args,
      )
        .output();
      assertEquals(code, 1);
      assertMatch(
        new TextDecoder().decode(stderr),
        /^The output cannot be written: No space left on device.*\n$/,
      );
    });
  }

  test("cli.ts serve, its output on a full disk: it serves all the same, and ends as it would", () =>
    withFolder(async (folder) => {
      const path = `${folder}/wire.sock`;
      const module = `${HERE}/../cli/_module.ts`;
      const shell = 'exec "$@" > /dev/full';
      const child = start(shell, CLI, "serve", "--unix", path, module);
      // What it could not say on one output, it says on the other.
      const reader = child.stderr.pipeThrough(new TextDecoderStream())
        .getReader();
      assertMatch((await reader.read()).value!, /No space left on device/);
      await using wire = await connectToRemoteServer("", 0, { path });
      assertEquals(await wire.call("more.half", [4]), 2);
      child.kill("SIGTERM");
      const [{ code }, reason] = await Promise.all([child.status, wire.closed]);
      assertEquals([code, reason.code], [0, "closed"]);
      await reader.cancel();
      await child.stdout.cancel();
    }));

  test("cli.ts serve --processes, its outputs on a full disk: what ends is replaced, and it ends as it would", async () => {
    await using probe = createRequestServer(0);
    const { port } = probe;
    await probe.shutdown();
    const child = start(
      'exec "$@" > /dev/full 2> /dev/full',
      CLI,
      ...["serve", "--processes=2", `--port=${port}`],
      `${HERE}/../cli/_processes_module.ts`,
    );
    let hasEnded = false;
    const ended = child.output().finally(() => hasEnded = true);
    /** Calls until a process answers that is not this one; gives its number. */
    const another = async (known?: number): Promise<number> => {
      for (;;) {
        assert(!hasEnded, "It has ended.");
        try {
          await using wire = await connectToRemoteServer<{ pid(): number }>(
            "127.0.0.1",
            port,
          );
          const pid = await wire.remoteValue.pid();
          if (pid !== known) return pid;
        } catch {
          // Nobody listens yet, or who did was killed.
        }
      }
    };
    const first = await another();
    Deno.kill(first, "SIGKILL");
    await another(first);
    child.kill("SIGUSR2");
    await another(first);
    child.kill("SIGTERM");
    assertEquals((await ended).code, 0);
  });

  test("a server whose error output is on a full disk goes on", async () => {
    const shell = 'exec "$@" 2> /dev/full';
    const child = start(shell, `${HERE}/_failing_server.ts`);
    await using wire = await connectToRemoteServer(
      "127.0.0.1",
      await portOf(child),
    );
    for (let n = 0; n < 50; n++) {
      await wire.send("fail", []);
      assertEquals(await wire.call("echo", [n]), n);
    }
    assertEquals(await end(child), "");
  });

  test("the archive's server, its disk full: what does not fit fails, leaves nothing behind, and is not told of; the rest goes on", () =>
    withFolder(async (folder) => {
      // Files of 16 KB at most; without the signal that would end the process.
      const shell = 'trap "" XFSZ; ulimit -f 32; exec "$@"';
      const server = `${HERE}/../../examples/archive/server.ts`;
      const child = start(shell, server, "--port=0", `--folder=${folder}`);
      await using wire = await connectToRemoteServer<Archive>(
        "127.0.0.1",
        await portOf(child),
      );
      const { put, enter, list } = wire.remoteValue;
      const small = await put(new Uint8Array(10_000));
      const error = await put(new Uint8Array(100_000)).catch((e) => e);
      assertEquals(error instanceof RemoteError, true, String(error));
      const objects = [...Deno.readDirSync(`${folder}/objects`)];
      assertEquals(objects.map(({ name }) => name), [small]);
      // The index is a file as well.
      let entered = 0;
      const paths = Array.from(
        { length: 200 },
        (_, n) => `${n}${"x".repeat(200)}`,
      );
      for (const path of paths) {
        if (await enter(path, [small]).catch(() => undefined)) entered++;
      }
      assertEquals(entered > 10 && entered < paths.length, true, `${entered}`);
      assertEquals((await list(0)).length, entered);
      await end(child);
    }));
}
