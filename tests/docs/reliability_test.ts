/** The page of promises says what limits come to, and how much is tested. */

import { assert, assertEquals } from "@std/assert";
import { LIMIT_SETS } from "../../bench/memory/_limits.ts";
import { denoRun } from "../../examples/archive/deno.ts";
import {
  connectToRemoteServer,
  createRequestServer,
  DEFAULT_LIMITS,
  type WireLimits,
} from "../../mod.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { test } from "../_test.ts";
import { worstOfServer, worstOfStrangers, worstOfWire } from "./_worst.ts";

const ROOT = new URL("../../", import.meta.url);
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const page = await Deno.readTextFile(new URL("docs/reliability.md", ROOT));

/** The rows of its tables, without marks of emphasis and code. */
const ROWS = page.split("\n").filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

/** The cells behind the one that a row begins with. */
function row(first: string): string[] {
  const found = ROWS.filter(([cell]) => cell === first);
  assertEquals(found.length, 1, first);
  return found[0]!.slice(1);
}

function inMib(bytes: number): string {
  return Math.round(bytes / MIB).toLocaleString("en");
}

/** How many wires of a server stay within a GiB, of those that it may have. */
function fitting(limits: WireLimits): number {
  let wires = 0;
  while (wires < limits.wires && worstOfServer(limits, wires + 1) <= GIB) {
    wires++;
  }
  return wires;
}

test("docs/reliability.md tells what a wire, an address and a server can hold", () => {
  const worst = worstOfWire(DEFAULT_LIMITS);
  const { wires, wiresPerAddress } = DEFAULT_LIMITS;
  const figures: [string, number][] = [
    ["bytes that came, and wait", worst.came],
    ["values that were made of them", worst.values],
    ["messages in pieces that are not finished", worst.unfinished],
    ["output that the peer does not take", worst.output],
    ["references; tables of names and key sets", worst.rest],
    ["**one wire, at most**", worst.total],
    [
      "strangers, before they are accepted",
      worstOfStrangers(DEFAULT_LIMITS),
    ],
    ["one wire", worst.total],
    [
      "all wires of one address",
      worstOfServer(DEFAULT_LIMITS, wiresPerAddress),
    ],
    ["1,000 wires of a server", worstOfServer(DEFAULT_LIMITS, 1_000)],
    ["all wires of a server", worstOfServer(DEFAULT_LIMITS, wires)],
  ];
  for (const [first, bytes] of figures) {
    assertEquals(row(first).at(-1), inMib(bytes), first);
  }
});

for (const [name, changes] of Object.entries(LIMIT_SETS)) {
  const limits = resolveLimits(changes);

  test(`docs/reliability.md tells how many wires with ${name} limits fit into a GiB`, () => {
    const { message, wiresPerAddress } = limits;
    assertEquals(row(`\`${name}\``), [
      message < MIB ? `${message / 1024} KiB` : `${message / MIB} MiB`,
      inMib(worstOfWire(limits).total),
      fitting(limits).toLocaleString("en"),
      wiresPerAddress.toLocaleString("en"),
    ]);
    if (name === "default") return;
    assertEquals(limits.wires, 1_000);
    assert(worstOfServer(limits, wiresPerAddress) <= GIB);
    if (name === "smallest") assert(worstOfServer(limits, limits.wires) <= GIB);
  });

  test(`a server with ${name} limits answers, streams, and has larger messages fail`, async () => {
    await using server = createRequestServer(0, {
      limits,
      functions: {
        length: (text: string) => text.length,
        async *count(to: number) {
          for (let n = 0; n < to; n++) yield n;
        },
      },
    });
    await using wire = await connectToRemoteServer("127.0.0.1", server.port);
    const calls = Array.from(
      { length: 200 },
      (_, n) => wire.call("length", ["x".repeat(n)]),
    );
    assertEquals(await Promise.all(calls), calls.map((_, n) => n));
    let sum = 0;
    const numbers = await wire.call("count", [1_000]);
    for await (const n of numbers as AsyncIterable<number>) sum += n;
    assertEquals(sum, 499_500);
    const error = await wire.call("length", ["x".repeat(limits.message)])
      .catch((error: { code?: string }) => error);
    assertEquals((error as { code?: string }).code, "limit");
  });
}

test("whatever the peers of 1,000 wires do by default stays within a GiB", () => {
  const strangers = worstOfStrangers(DEFAULT_LIMITS);
  assert(worstOfServer(DEFAULT_LIMITS, 1_000) + strangers <= GIB);
});

test("docs/reliability.md shows sets of limits as they are", () => {
  const { smaller, smallest } = LIMIT_SETS;
  const shown = [...page.matchAll(/ limits: \{([^}]*)\}/g)].map(([, text]) =>
    Object.fromEntries(
      [...text!.matchAll(/(\w+): ([\d_]+)/g)]
        .map(([, name, value]) => [name, Number(value!.replaceAll("_", ""))]),
    )
  );
  assertEquals(shown, [smaller, smallest]);
});

test("docs/reliability.md tells the limits of promises as they are", () => {
  const told = [...page.matchAll(/`(\w+)` ([\d,]+)/g)];
  assert(told.length > 20, `${told.length}`);
  for (const [, name = "", value = ""] of told) {
    assertEquals(
      Number(value.replaceAll(",", "")),
      (DEFAULT_LIMITS as unknown as Record<string, number>)[name],
      name,
    );
  }
});

// Elsewhere there are fewer tests.
if (Deno.build.os === "linux") {
  test("docs/reliability.md tells how many tests there are", async () => {
    const script = new URL(".ci/count_tests.ts", ROOT).pathname;
    const { code, stdout, stderr } = await denoRun(
      ["-A", "--no-check", script],
      { env: { NO_COLOR: "1" } },
    ).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals(
      new TextDecoder().decode(stdout),
      `${page}\n`,
      "Run: deno task run -A .ci/count_tests.ts --write",
    );
  });
}
