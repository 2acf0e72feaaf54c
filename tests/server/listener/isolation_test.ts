/**
 * What one session does harms neither the others nor the server.
 */

import { assert, assertEquals } from "@std/assert";
import { connectToReset } from "../../_reset.ts";
import { holdTimers } from "../../_held_timers.ts";
import { test } from "../../_test.ts";
import { startListener } from "./_client.ts";

const LOST = "the variables are lost.\ntest> ";
/** In milliseconds; no test waits for it, and nothing else takes as long. */
const EVALUATION = 987_654;
const PATIENT = { limits: { evaluation: EVALUATION } };
const TOO_LONG = /took too long: more than 987654 ms/;

/** Inputs that no session survives, and what is said of them. */
const HARM: [string, string, RegExp][] = [
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
  ["Deno.exit()", "Deno.exit(3)", /left by Deno.exit/],
  ["close()", "self.close()", /left by .* close/],
  [
    "a signal to itself",
    "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})",
    /ended by itself/,
  ],
  [
    "a recursion without bound",
    "(function f() { f() })()",
    /RangeError: Maximum call stack/,
  ],
];

/** Inputs that never end by themselves. */
const ENDLESS: [string, string][] = [
  ["an endless loop", "for (;;);"],
  ["a promise that never settles", "await new Promise(() => {})"],
  [
    "Workers without bound",
    "for (;;) new Worker('data:text/javascript,for(;;);', { type: 'module' });",
  ],
  ["input taken away", "for await (const _ of Deno.stdin.readable);"],
];

for (const [what, input] of ENDLESS) {
  test(`A session ends at ${what} when it has taken too long`, async () => {
    using timers = holdTimers(EVALUATION);
    await using listener = startListener(PATIENT);
    await using other = await listener.session("other");
    await other.say("let kept = 42", "other> ");
    await using client = await listener.session();
    await client.say("let lost = 1");
    await client.stream.writeLine(`console.log("begun"); ${input}`);
    await client.until("begun\n");
    assertEquals(timers.count, 1);
    timers.runOut();
    const said = await client.until(LOST);
    assert(TOO_LONG.test(said), said);
    assertEquals(await client.say("typeof lost"), '"undefined"\n');
    assertEquals(await other.say("kept", "other> "), "42\n");
    assertEquals(listener.errors, []);
  });
}

for (const [what, input, reason] of HARM) {
  test(`A session ends at ${what}, and nothing else does`, async () => {
    await using listener = startListener(PATIENT);
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
  using timers = holdTimers(EVALUATION);
  await using listener = startListener(PATIENT);
  await using client = await listener.session();
  // The answer is there before the loop begins, unless the machine is slow.
  await client.stream.writeLine(
    "setTimeout(() => { console.log('loop'); for (;;); }, 500)",
  );
  await client.until("loop\n");
  await timers.isSet; // The process is asked for a sign of life.
  timers.runOut();
  const said = await client.until(LOST);
  assert(TOO_LONG.test(said), said);
  assertEquals(await client.say("1"), "1\n");
});

/** What evaluations leave running, each worse than what is free. */
const LEFT: [string, string][] = [
  [
    "a Worker",
    "new Worker('data:text/javascript,for(;;);', { type: 'module' })",
  ],
  [
    "a timer that yields",
    "setInterval(() => { const t = Date.now() + 20; while (Date.now() < t); })",
  ],
  [
    "a promise",
    "(async () => { for (;;) { await new Promise((r) => setTimeout(r)); for (let i = 0; i < 1e7; i++); } })()",
  ],
];

for (const [what, input] of LEFT) {
  test(`A session ends at ${what} that an evaluation left running for too long`, async () => {
    await using listener = startListener({ limits: { processor: 200 } });
    await using client = await listener.session();
    await client.say(`let lost = 1; ${input}; 2`);
    const said = await client.until(LOST);
    assert(/too much of the processor: more than 200 ms/.test(said), said);
    assertEquals(await client.say("typeof lost"), '"undefined"\n');
    assertEquals(listener.errors, []);
  });
}

test("An evaluation itself may use its time, and a little goes on after it", async () => {
  await using listener = startListener({ limits: { processor: 300 } });
  await using client = await listener.session();
  await client.say("let n = 0; setInterval(() => n++, 20)");
  assertEquals(
    await client.say(
      "{ const t = Date.now() + 1_500; while (Date.now() < t); } 'done'",
    ),
    '"done"\n',
  );
  assertEquals(
    await client.say(
      "n < 5 && await new Promise((r) => setTimeout(r, 500)); n > 5",
    ),
    "true\n",
  );
});

test("A session ends that forges answers to go on unseen", async () => {
  await using listener = startListener(PATIENT);
  await using client = await listener.session();
  await client.stream.writeLine(
    "{ const e = new TextEncoder().encode('\\x1edone\\n\\x1epong\\n'); for (;;) Deno.stdout.writeSync(e) }",
  );
  const said = await client.until(LOST);
  assert(/answered what it was not asked/.test(said), said);
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

test("A loop ends when its client closes the connection", async () => {
  await using listener = startListener({
    limits: { evaluation: EVALUATION, afterEnd: 1 },
  });
  const client = await listener.session();
  await client.stream.writeLine("console.log('begun'); for (;;);");
  await client.until("begun\n");
  await client.stream.closeWrite();
  // The process is over when the session is: nothing else waits for it.
  listener.server.kill();
  await listener.server.finished;
  client.stream.abort();
});

test("A loop ends at once when its client resets the connection", async () => {
  // Were it an orderly end, the session would go on for so long.
  await using listener = startListener({
    limits: { evaluation: EVALUATION, afterEnd: 876_543 },
  });
  const client = await connectToReset(listener.server.port);
  client.write("test\nconsole.log('begun'); for (;;);\n");
  await client.until("begun\n");
  await client.reset();
  listener.server.kill();
  await listener.server.finished;
});

/** The memory of this test's own thread. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

test("Output that a client does not read is bounded", async () => {
  const stall = 765_432;
  using timers = holdTimers(stall);
  await using listener = startListener({
    limits: { evaluation: EVALUATION, stall },
  });
  await using reader = await listener.session("reader");
  const client = await listener.session();
  await client.stream.writeLine(
    "console.log('begun'); for (;;) console.log('x'.repeat(1e5))",
  );
  // Nobody reads: the listener takes a bounded part, then waits, while the
  // other session goes on.
  const before = memory();
  for (let waiting, rounds = 0; rounds < 100; rounds++) {
    assertEquals(await reader.say("1", "reader> "), "1\n");
    if (timers.oldest !== waiting || waiting === undefined) rounds = 0;
    waiting = timers.oldest;
  }
  assert(memory() - before < 20 * 2 ** 20);
  timers.runOut();
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
