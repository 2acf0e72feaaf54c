/**
 * `serve --processes`: several processes on one port, and their parent.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  connectToRemoteServer,
  keepConnected,
  type KeptConnection,
  type Wire,
} from "../../mod.ts";
import {
  type Ended,
  patientRun,
  type RunningServer,
  startServer,
  withFolder,
} from "../examples/_run.ts";
import { test } from "../_test.ts";

const CLI = `${import.meta.dirname}/../../cli.ts`;
const MODULE = `${import.meta.dirname}/_processes_module.ts`;
const HOST = "127.0.0.1";

/** What the module exports. */
interface Module {
  pid(): number;
  hold(ask: () => Promise<void>): string;
}

/** Serves the module by so many processes. */
function serving(count: number): Promise<RunningServer> {
  const flags = ["--port=0", `--processes=${count}`];
  return startServer("-A", CLI, "serve", ...flags, MODULE);
}

/** Has the command line fail. */
async function failing(...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await patientRun(
    ["-A", CLI, "serve", "--port=0", ...args],
    { stdin: "null", env: { NO_COLOR: "1" } },
  ).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Connects, again and again if need be. */
function connected(
  port: number,
  idempotent: "pid"[] = ["pid"],
): KeptConnection<Module> {
  return keepConnected(
    (signal) => connectToRemoteServer<Module>(HOST, port, { signal }),
    { idempotent },
  );
}

/** Asks for processes until there are so many that were not known. */
async function newPids(
  port: number,
  count: number,
  known = new Set<number>(),
): Promise<Set<number>> {
  const found = new Set<number>();
  while (found.size < count) {
    // With a process that dies go those that wait to be accepted by it.
    await using client = connected(port);
    const pid = await client.remoteValue.pid();
    if (!known.has(pid)) found.add(pid);
  }
  return found;
}

/** Whether there is such a process. */
function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

if (Deno.build.os === "linux") {
  test("serve --processes goes on when one of its processes is killed under load", async () => {
    await using server = await serving(3);
    const { port } = server;
    const pids = await newPids(port, 3);
    const [victim] = pids as Set<number> & [number];
    const clients = Array.from({ length: 8 }, () => connected(port));
    let isOver = false;
    let calls = 0;
    const working = Promise.all(clients.map(async ({ remoteValue }) => {
      while (!isOver) {
        await remoteValue.pid();
        calls++;
      }
    }));
    while (calls < 1_000) await clients[0]!.remoteValue.pid();
    Deno.kill(victim!, "SIGKILL");
    // It is replaced, and calls go on meanwhile.
    const [replacement] = await newPids(port, 1, pids);
    assert(!pids.has(replacement!));
    isOver = true;
    await working;
    for (const client of clients) await client.close();
    const { code, stdout, stderr } = await server.end("SIGTERM");
    assertEquals(code, 0);
    assertMatch(
      stderr,
      /^Process \d+ ended: .*SIGKILL.*started in its place\.\n$/,
    );
    assertMatch(stdout, /those of 1 that died untold; 1 replaced\n$/);
  });

  test("serve --processes restarts at SIGHUP, and no call fails or is lost", async () => {
    await using server = await serving(3);
    const { port } = server;
    // Each process has a call that outlasts the order to go.
    const wires = new Map<number, Wire<Module>>();
    while (wires.size < 3) {
      const wire = await connectToRemoteServer<Module>(HOST, port);
      const pid = await wire.remoteValue.pid();
      if (wires.has(pid)) await wire.close();
      else wires.set(pid, wire);
    }
    const held = await Promise.all([...wires].map(async ([pid, wire]) => {
      const asked = Promise.withResolvers<void>();
      const answered = Promise.withResolvers<void>();
      const outcome = wire.remoteValue.hold(() => {
        asked.resolve();
        return answered.promise;
      });
      await asked.promise;
      return { pid, outcome, release: answered.resolve };
    }));
    server.signal("SIGUSR2");
    const [, earlier] =
      (await server.prints(/together: .* (\d+) calls? served/))!;
    // None of these is repeated: whatever is lost fails.
    const clients = Array.from({ length: 8 }, () => connected(port, []));
    const pids = new Set<number>();
    let isOver = false;
    let calls = 0;
    const working = Promise.all(clients.map(async ({ remoteValue }) => {
      while (!isOver) {
        pids.add(await remoteValue.pid());
        calls++;
      }
    }));
    while (calls < 1_000) await new Promise((f) => setTimeout(f, 1));
    server.signal("SIGHUP");
    await server.prints(/ \(1 of 3\)\n/);
    // Once more, when this is done.
    server.signal("SIGHUP");
    server.signal("SIGHUP");
    await Promise.all(held.map(async ({ pid, outcome, release }) => {
      await server.prints(new RegExp(`takes the place of process ${pid} `));
      assert(isAlive(pid));
      release();
      assertEquals(await outcome, "done");
    }));
    await server.prints(/ \(3 of 3\)\n[^]* \(3 of 3\)\n/);
    isOver = true;
    await working;
    for (const client of clients) await client.close();
    assert([...wires.keys()].every((pid) => !isAlive(pid)));
    assert(pids.size > 3, `${pids.size} processes have answered`);
    const { code, stdout, stderr } = await server.end("SIGTERM");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.match(/ \(\d of 3\)/g)?.length, 6);
    assertEquals(
      stdout.trimEnd().split("\n").at(-1),
      `together: ${calls + Number(earlier)} calls served; 0 replaced`,
    );
  });

  test("serve --processes goes on as it is where a restart fails", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/module.ts`;
      const write = (text: string) => Deno.writeTextFile(path, text);
      await write("export const version = () => 1;");
      await using server = await startServer(
        ...["-A", CLI, "serve", "--port=0", "--processes=2", path],
      );
      const { port } = server;
      await using client = keepConnected(
        (signal) =>
          connectToRemoteServer<{ version(): number }>(HOST, port, { signal }),
      );
      assertEquals(await client.remoteValue.version(), 1);
      await write("export const version = () => {");
      server.signal("SIGHUP");
      await server.complains(/The restart stopped at process 1 of 2/);
      assertEquals(await client.remoteValue.version(), 1);
      await write("setTimeout(Deno.exit); export const version = () => 3;");
      server.signal("SIGHUP");
      await server.complains(/stopped[^]*stopped .* it exited with code 0/);
      assertEquals(await client.remoteValue.version(), 1);
      // This one never gets to listen, and hears of no signal.
      const stuck = "console.log(`stuck: ${Deno.pid}`); while (true);";
      await write(stuck);
      server.signal("SIGHUP");
      const [, pid] = (await server.complains(/stuck: (\d+)\n/))!;
      assertEquals(await client.remoteValue.version(), 1);
      Deno.kill(Number(pid), "SIGKILL");
      await server.complains(/stopped[^]*stopped[^]*stopped at process 1 of 2/);
      await write("export const version = () => 2;");
      server.signal("SIGHUP");
      await server.prints(/ \(2 of 2\)\n/);
      // The last one may still have to tell its clients that it goes.
      while (await client.remoteValue.version() !== 2);
      await client.close();
      await write(stuck);
      server.signal("SIGHUP");
      await server.complains(/stuck[^]*stuck: (\d+)\n/);
      const { code, stdout } = await server.end("SIGTERM");
      assertEquals(code, 0);
      // The one that ended at once may not have told by then that it listens.
      assertMatch(
        stdout,
        /calls? served(, .* 1 that died untold)?; 0 replaced\n$/,
      );
    });
  });

  test("serve --processes finishes what is under way at SIGTERM, and sums up", async () => {
    await using server = await serving(2);
    const { port } = server;
    const pids = await newPids(port, 2);
    await using wire = await connectToRemoteServer<Module>(HOST, port);
    pids.delete(await wire.remoteValue.pid());
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const holding = wire.remoteValue.hold(() => {
      asked.resolve();
      return answered.promise;
    });
    await asked.promise;
    server.signal("SIGUSR2");
    await server.prints(/together: 1 wire, 1 call running, /);
    server.signal("SIGTERM");
    // The other one, which has nothing under way, does not wait.
    while ([...pids].some(isAlive)) await new Promise((f) => setTimeout(f, 10));
    answered.resolve();
    assertEquals(await holding, "done");
    const { code, stdout, stderr } = await server.ended();
    assertEquals([code, stderr], [0, ""]);
    const [, before] = /together: .* (\d+) calls served, /.exec(stdout) ?? [];
    assertEquals(
      stdout.trimEnd().split("\n").at(-1),
      `together: ${before} calls served; 0 replaced`,
    );
  });

  test("serve --processes gives up where all end at once, and says why", async () => {
    const { code, stderr } = await failing(
      "--processes=2",
      `${import.meta.dirname}/_short_lived_module.ts`,
    );
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /Gave up: each of the 2 processes ended 5 times in a row .* it exited with code 7\.\n$/,
    );
  });

  test("serve --processes refuses what makes no sense", async () => {
    for (
      const [args, message] of [
        [["--processes=0", MODULE], /a number from 1 to 1024, not 0/],
        [["--processes=1.5", MODULE], /not 1\.5/],
        [["--processes=2", "--unix=/x", MODULE], /--unix says/],
        [["--processes=2", "./none.ts"], /cannot be loaded/],
      ] as const
    ) {
      const { code, stderr } = await failing(...args);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, message);
    }
  });
}
