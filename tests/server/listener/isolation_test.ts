/**
 * What one session does harms neither the others nor the server.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../_test.ts";
import { startListener } from "./_client.ts";

const LOST = "the variables are lost.\ntest> ";
const SHORT = { limits: { evaluation: 1_000 } };
const PATIENT = { limits: { evaluation: 600_000 } };

/** Inputs that no session survives, and what is said of them. */
const HARM: [string, string, RegExp][] = [
  ["an endless loop", "for (;;);", /took too long: more than 1000 ms/],
  ["a promise that never settles", "await new Promise(() => {})", /too long/],
  [
    "a heap without bound",
    "const a = []; for (;;) a.push(new Array(1e5).fill(Math.random()))",
    /ran out of memory: it may have 256 MiB/,
  ],
  [
    "buffers without bound",
    "const b = []; for (;;) b.push(new Uint8Array(1e7).fill(1))",
    /ran out of memory/,
  ],
  [
    "one huge buffer",
    "new Uint8Array(4e9).fill(1).length",
    /ran out of memory/,
  ],
  [
    "a string without bound",
    "let s = 'x'; const k = []; for (;;) k.push((s += s).slice(1).split(''))",
    /ran out of memory|Invalid string length/,
  ],
  [
    "Workers without bound",
    "for (;;) new Worker('data:text/javascript,for(;;);', { type: 'module' })",
    /too long|ran out of memory/,
  ],
  ["Deno.exit()", "Deno.exit(3)", /left by Deno.exit/],
  ["close()", "self.close()", /left by .* close/],
  [
    "a signal to itself",
    "process.kill(process.pid, 'SIGKILL'); for (;;);",
    /ended by itself|too long/,
  ],
  [
    "input taken away",
    "for await (const _ of Deno.stdin.readable);",
    /too long/,
  ],
  [
    "a recursion without bound",
    "(function f() { f() })()",
    /RangeError: Maximum call stack/,
  ],
];

for (const [what, input, reason] of HARM) {
  test(`A session ends at ${what}, and nothing else does`, async () => {
    await using listener = startListener(SHORT);
    await using other = await listener.session("other");
    await other.say("let kept = 42", "other> ");
    await using client = await listener.session();
    await client.say("let lost = 1");
    await client.stream.writeLine(input);
    const said = await client.until("test> ");
    assert(reason.test(said), said);
    const isLost = said.includes("variables are lost");
    assertEquals(
      await client.say("typeof lost"),
      isLost ? '"undefined"\n' : '"number"\n',
    );
    assertEquals(await other.say("kept", "other> "), "42\n");
    assertEquals(listener.errors, []);
  });
}

test("A loop between inputs is ended too", async () => {
  await using listener = startListener({ limits: { evaluation: 500 } });
  await using client = await listener.session();
  await client.say("setTimeout(() => { for (;;); }), 0");
  assert((await client.until(LOST)).includes("too long"));
  assertEquals(await client.say("1"), "1\n");
});

test(":interrupt ends an evaluation", async () => {
  await using listener = startListener(PATIENT);
  await using client = await listener.session();
  await client.stream.writeLine("console.log('begun'); for (;;);");
  await client.until("begun\n");
  await client.stream.writeLine(":interrupt");
  assert((await client.until(LOST)).includes("It was interrupted"));
  assertEquals(await client.say("1"), "1\n");
});

for (const how of ["resets the connection", "closes the connection"]) {
  test(`A loop ends when its client ${how}`, async () => {
    await using listener = startListener({
      limits: { evaluation: 600_000, afterEnd: 1 },
    });
    const client = await listener.session();
    await client.stream.writeLine("console.log('begun'); for (;;);");
    await client.until("begun\n");
    if (how.startsWith("resets")) client.stream.abort();
    else await client.stream.closeWrite();
    // The process is over when the session is: nothing else waits for it.
    listener.server.kill();
    await listener.server.finished;
    client.stream.abort();
  });
}

/** The memory of this test's own thread. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

test("Output that a client does not read is bounded", async () => {
  await using listener = startListener({
    limits: { evaluation: 600_000, stall: 500 },
  });
  await using reader = await listener.session("reader");
  const client = await listener.session();
  await client.stream.writeLine(
    "console.log('begun'); for (;;) console.log('x'.repeat(1e5))",
  );
  // Nobody reads: the listener takes a bounded part, then ends the session.
  const before = memory();
  let isOver = false;
  listener.failed.then(() => isOver = true);
  while (!isOver) assertEquals(await reader.say("1", "reader> "), "1\n");
  assert(memory() - before < 20 * 2 ** 20);
  assertEquals((await listener.failed as { code: string }).code, "stalled");
  client.stream.abort();
});

test("A line that is too long ends its session, and says why", async () => {
  await using listener = startListener({ limits: { line: 1_000 } });
  await using client = await listener.session();
  await client.stream.writeLine("x".repeat(1_001));
  const said = await client.until(null);
  assert(said.includes("longer than 1000 bytes"), said);
  await client.stream.close();
  await using other = await listener.session();
  await other.stream.write(new Uint8Array([0xff, 10]));
  assert((await other.until(null)).includes("not UTF-8"));
});

test("An input of too many lines is refused, and forgotten", async () => {
  await using listener = startListener({ limits: { input: 1_000 } });
  await using client = await listener.session();
  await client.stream.writeLine("[");
  for (let line = 0; line < 11; line++) {
    await client.stream.writeLine(`"${"x".repeat(90)}",`);
  }
  await client.until("more than 1000 characters\n");
  await client.until("test> ");
  assertEquals(await client.say("1"), "1\n");
});

test("A client that says nothing is sent away in the end", async () => {
  await using listener = startListener({ limits: { idle: 50 } });
  await using client = await listener.session();
  const said = await client.until(null);
  assert(said.includes("Nothing came for 50 ms"), said);
});

test("There are no more sessions than the limit", async () => {
  await using listener = startListener({ limits: { sessions: 1 } });
  const first = await listener.session();
  const second = await listener.connect();
  await second.until("name> ");
  await second.stream.writeLine("second");
  assert((await second.until(null)).includes("1 sessions already"));
  await first.stream.writeLine(":quit");
  await first.until(null);
  await first.stream.close();
  await second.stream.close();
});
