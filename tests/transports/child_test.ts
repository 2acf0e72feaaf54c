import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import type { Wire, WireError } from "../../mod.ts";
import { type SpawnOptions, spawnRemote } from "../../transports/child.ts";
import { test } from "../_test.ts";
import { commandOf } from "./_beside.ts";

function start(how: string, options: SpawnOptions = {}): Promise<Wire> {
  return spawnRemote([...commandOf("_child"), how], {
    onError() {},
    ...options,
  });
}

/** Whether a process lives. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** Waits until a process has ended. */
async function gone(pid: number): Promise<void> {
  for (let isThere = true; isThere; isThere = lives(pid)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function pidOf({ address }: Wire): number {
  assert(address.transport === "process");
  return (address as { pid: number }).pid;
}

test("spawnRemote() and stdioWire() make a wire", async () => {
  const folder = realpathSync(mkdtempSync(`${tmpdir()}/wire-`));
  const wire = await start("serves", {
    functions: { name: () => "the parent" },
    cwd: folder,
    env: { OF_A_TEST: "yes" },
  });
  assertEquals(await wire.remoteValue.double(21), 42);
  assertEquals(await wire.remoteValue.ask(), "the parent");
  assertEquals(await wire.remoteValue.environment(), [folder, "yes"]);
  const bytes = new Uint8Array(1_000_000).fill(5);
  assertEquals(await wire.remoteValue.echo(bytes), bytes);
  const pid = pidOf(wire);
  await wire.close();
  assertEquals((await wire.closed).code, "closed");
  await gone(pid);
  rmdirSync(folder);
});

test("a child writes bit by bit, for its parent is seen to take some", () => {
  const [program, ...args] = commandOf("_child");
  const { stdout, stderr } = spawnSync(program, [...args, "writes"]);
  const count = Number(stderr.toString());
  assert(count > 0 && count <= 64 * 1024, stderr.toString());
  assertEquals(stdout.length, count);
});

test("what the console of a child prints does not break its wire", () => {
  // Its error output is that of its parent, which is therefore one of its own.
  const [program, ...args] = commandOf("_parent");
  const { stdout, stderr, status } = spawnSync(program, args, {
    encoding: "utf8",
  });
  assertEquals([status, stdout], [0, "8\n"], stderr);
  for (const part of [/hello \{ from: /, /info/, /a/, /group/, /count: 1/]) {
    assertMatch(stderr, part);
  }
});

test("the reason of a child's death has its exit code, or its signal", async () => {
  const wire = await start("serves");
  wire.remote.exit(3);
  const exited = await wire.closed;
  assertEquals(exited.code, "connectionLost");
  assertMatch(exited.message, /process \d+ was lost: it exited with code 3/);
  const other = await start("serves");
  process.kill(pidOf(other), "SIGKILL");
  assertMatch((await other.closed).message, /it was ended by SIGKILL/);
});

const FAILURES: Record<string, [string, SpawnOptions, string, RegExp]> = {
  "that exits at once": ["exits", {}, "connectionLost", /exited with code 7/],
  "that prints something": [
    "prints first",
    {},
    "notAWire",
    /Welcome to this program/,
  ],
  "that never answers": ["silent", { timeout: 50 }, "timeout", /50 ms/],
};

for (const [what, [how, options, code, text]] of Object.entries(FAILURES)) {
  test(`spawnRemote() names a child ${what}`, async () => {
    const error = await assertRejects(() => start(how, options)) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
  });
}

test("noise on the output of a child is shown", async () => {
  const wire = await start("serves");
  wire.remote.noise();
  const { code, message } = await wire.closed;
  assertEquals(code, "malformed");
  assertMatch(message, /noise! noise!/);
});

test("a child ends with its wire, though it has more to do", async () => {
  const closing = await start("stays");
  const aborted = await start("stays");
  const pids = [pidOf(closing), pidOf(aborted)];
  await closing.close();
  aborted.abort();
  await aborted.closed;
  for (const pid of pids) await gone(pid);
});

test("a child that does not end when it is asked to is killed", async () => {
  const wire = await start("stubborn");
  const pid = pidOf(wire);
  wire.abort();
  await wire.closed;
  assert(lives(pid));
  await gone(pid);
});

test("a child is left alone by the option leave", async () => {
  const wire = await start("stays", { leave: true });
  const pid = pidOf(wire);
  await wire.close();
  assert(lives(pid));
  process.kill(pid, "SIGKILL");
  await gone(pid);
});

test("a program that sends back what it gets leads to this side itself", async () => {
  const functions = { double: (n: number) => n * 2 };
  const wire = await spawnRemote(["cat"], { functions });
  assertEquals(await wire.remoteValue.double(21), 42);
  const unknown = await assertRejects(() =>
    wire.remoteValue.environment()
  ) as WireError;
  assertEquals(unknown.code, "noSuchFunction");
  await wire.close();
  const secrets = { credential: "parent", requireCredential: "child" };
  const refused = await assertRejects(() =>
    spawnRemote(["cat"], { functions, ...secrets, onError() {} })
  ) as WireError;
  assertEquals(refused.code, "refused");
});

test("spawnRemote() names what cannot be started", async () => {
  const cases: [unknown, SpawnOptions, string, RegExp][] = [
    [["/no/such/program"], {}, "connectFailed", /Cannot start \/no\/such/],
    ["deno run", {}, "invalidArgument", /takes a program and its arguments/],
    [[], {}, "invalidArgument", /takes a program/],
    [["a", 1], {}, "invalidArgument", /takes a program/],
    [
      ["a"],
      { leaev: true } as SpawnOptions,
      "invalidArgument",
      /did you mean "leave"/,
    ],
  ];
  for (const [command, options, code, text] of cases) {
    const error = await assertRejects(() =>
      spawnRemote(command as [string], options)
    ) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
  }
});
