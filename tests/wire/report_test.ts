import { assert, assertEquals } from "@std/assert";
import { RemoteError, WireError, wirePair } from "../../wire/mod.ts";
import { reporter, reportToConsole } from "../../wire/base/report.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** What is printed meanwhile. */
async function printed(work: () => unknown): Promise<string[]> {
  const { error } = console;
  const lines: string[] = [];
  console.error = (...parts: unknown[]) => void lines.push(parts.join(" "));
  try {
    await work();
  } finally {
    console.error = error;
  }
  return lines;
}

test("reportToConsole() prints nothing that moves a cursor, or looks like another report", async () => {
  const odd = "a\x1b[2J\r\n@remote/wire: error in onConnect: no\x9b\u202e";
  const [text = ""] = await printed(() =>
    reportToConsole(new WireError("limit", odd), "here")
  );
  // deno-lint-ignore no-control-regex -- these are what is looked for
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), text);
  const lines = text.split("\n");
  assert(lines[0]!.startsWith("@remote/wire: error in here: a\\u{1b}[2J"));
  for (const line of lines.slice(1)) assert(line.startsWith("    "), line);
});

test("reportToConsole() prints stacks and causes, and no more than some thousand characters", async () => {
  const cause = new RangeError("why");
  const [text = ""] = await printed(() =>
    reportToConsole(new Error("what", { cause }), "here")
  );
  assert(text.includes("Error: what\n"), text);
  assert(text.includes("caused by RangeError: why"), text);
  const endless = new RemoteError({
    name: "Error",
    message: "x".repeat(100_000),
    functionName: "f",
  });
  const [long = ""] = await printed(() => reportToConsole(endless, "here"));
  assert(long.length < 5_000, `${long.length}`);
});

test("reportToConsole() prints whatever was thrown", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const things = [undefined, null, 1n, Symbol("s"), { a: 1 }, "text", proxy];
  for (const thing of things) {
    const [text = ""] = await printed(() => reportToConsole(thing, "here"));
    assert(text.startsWith("@remote/wire: error in here: "), text);
  }
});

test("reporter() prints some errors of a second, and how many more there were", async () => {
  const lines = await printed(() => {
    const report = reporter(undefined);
    for (let index = 0; index < 1_000; index++) report("no", "a loop");
  });
  assert(lines.length >= 20 && lines.length < 200, `${lines.length}`);
});

test("reportToConsole() prints no more than some thousand characters of controls", async () => {
  const [text = ""] = await printed(() =>
    reportToConsole("\x1b".repeat(100_000), "here")
  );
  assert(text.length < 5_000, `${text.length}`);
  assert(text.includes("\\u{1b}"), text.slice(0, 100));
});

test("the wires of a process print together so many errors of a second, and how many more there were", async () => {
  const { now } = performance;
  try {
    const later = (seconds: number) =>
      performance.now = () => now.call(performance) + seconds * 1_000;
    later(10);
    const lines = await printed(() => {
      for (let wire = 0; wire < 200; wire++) {
        const report = reporter(undefined);
        for (let n = 0; n < 10; n++) report("no", "a loop");
      }
    });
    assertEquals(lines.length, 100);
    later(20);
    const [line] = await printed(() => reporter(undefined)("yes", "a loop"));
    assertEquals(
      line,
      "@remote/wire: … and 1900 more reports, which were not printed.\n" +
        "@remote/wire: error in a loop: yes",
    );
  } finally {
    performance.now = now;
  }
});

test("a console.error that throws harms nobody", () => {
  const { error } = console;
  console.error = () => {
    throw new Error("no");
  };
  try {
    reportToConsole("what", "here");
  } finally {
    console.error = error;
  }
});

test("a peer's names are printed short and in quotation marks", async () => {
  const lines = await printed(async () => {
    const [near, far] = wirePair();
    near.send(`\n@remote/wire: ${"x".repeat(5_000)}`, []);
    await near.forceOutput();
    await settle();
    near.abort();
    await far.closed;
  });
  const [line = ""] = lines;
  assertEquals(line.split("\n").length, 1, line);
  assert(line.includes('one-way call of "\\n@remote/wire: xxx'), line);
  assert(line.length < 500, line);
});
