import { assert, assertEquals, assertMatch } from "@std/assert";
import type { WireError } from "../../../mod.ts";
import { test } from "../../_test.ts";
import { startListener } from "./_client.ts";

/** What one says in a session, line by line, and what comes back. */
const CONVERSATIONS: Record<string, [string, string | RegExp][]> = {
  "values of expressions": [
    ["40 + 2", "42\n"],
    ['"text"', '"text"\n'],
    [
      "[1, { a: 2 }, new Map([[1, 2]])]",
      "[ 1, { a: 2 }, Map(1) { 1 => 2 } ]\n",
    ],
    ["{ a: 1, b: 2 }", "{ a: 1, b: 2 }\n"],
    ["undefined", "undefined\n"],
    ["Promise.resolve(3)", "Promise { 3 }\n"],
    ["1; 2; 3", "3\n"],
    ["", ""],
    ["// nothing", ""],
  ],
  "await": [
    ["await Promise.resolve(7)", "7\n"],
    [
      "const later = await new Promise<number>((r) => setTimeout(r, 1, 8))",
      "undefined\n",
    ],
    ["later", "8\n"],
    ["for await (const n of [1, 2]) console.log(n)", "1\n2\nundefined\n"],
  ],
  "several values": [
    ['values(1, "two", [3])', '1\n"two"\n[ 3 ]\n'],
    ["_", "1\n"],
    ["values()", ""],
  ],
  "the last values": [
    ["1", "1\n"],
    ["2", "2\n"],
    ["[_, __]", "[ 2, 1 ]\n"],
    ["undefined", "undefined\n"],
    ["__", "2\n"],
  ],
  "variables": [
    ["const x: number = 1, [y, { z }] = [2, { z: 3 }]", "undefined\n"],
    ["x + y + z", "6\n"],
    ["let x", "undefined\n"],
    ["x", "undefined\n"],
    ["const x = 5", "undefined\n"],
    ["var v; v = x", "5\n"],
    [
      "const { length, ...rest } = { length: 1, more: 2 }; rest",
      "{ more: 2 }\n",
    ],
    ["const name = 1; const location = 2", "undefined\n"],
    ["name + location", "3\n"],
  ],
  "functions and classes": [
    ["double(4); function double(n: number) { return n * 2 }", "undefined\n"],
    ["double(21)", "42\n"],
    ["async function* two() { yield 1; yield 2 }", "undefined\n"],
    ["await Array.fromAsync(two())", "[ 1, 2 ]\n"],
    [
      "class A<T> { #t: T; constructor(t: T) { this.#t = t } get t() { return this.#t } }",
      "undefined\n",
    ],
    ["new A<string>('x').t", '"x"\n'],
    ["double.name", '"double"\n'],
  ],
  "types": [
    ["interface Point { x: number }", "undefined\n"],
    ["type N = number | string", "undefined\n"],
    ["enum Color { Red, Green = 'g' }", "undefined\n"],
    ["Color.Green as string", '"g"\n'],
    ["({ x: 1 }) satisfies { x: number }", "{ x: 1 }\n"],
  ],
  "modules": [
    [
      'import { n as m } from "data:text/javascript,export const n = 7"',
      "undefined\n",
    ],
    ["m", "7\n"],
    ["export const exported = 8", "undefined\n"],
    ["exported", "8\n"],
  ],
  "errors": [
    [
      'throw new RangeError("boom")',
      "Uncaught RangeError: boom\n    at input-1\n",
    ],
    ["_error.message", '"boom"\n'],
    ["nothing", /^Uncaught ReferenceError: nothing is not defined\n/],
    ["throw { code: 7 }", "Uncaught { code: 7 }\n"],
    ["throw undefined", "Uncaught undefined\n"],
    ["throw Object.freeze(new Error('cold'))", /^Uncaught Error: cold\n/],
    [
      "x = = 2",
      /^Uncaught SyntaxError: Expression expected\n[^]*1 \| x = = 2\n/,
    ],
    ["a b", /^Uncaught SyntaxError: /],
    ["1 }", /^Uncaught SyntaxError: .*\}/],
    ["const y = 'open", /^Uncaught SyntaxError: /],
    [
      "function f() { g() }; function g() { throw new Error('deep') }",
      "undefined\n",
    ],
    ["f()", /Error: deep\n {4}at g \(input-\d+\)\n {4}at f \(input-\d+\)\n/],
    ["({ get x() { throw 1 } })", /x: \[Getter\]/],
    [
      "({ [Symbol.for('Deno.customInspect')]() { throw new Error('ugly') } })",
      /ugly/,
    ],
    ["1 + 1", "2\n"],
  ],
  "output": [
    ['console.log("out"); console.error("err"); 1', "out\nerr\n1\n"],
    ['Deno.stdout.writeSync(new TextEncoder().encode("raw")), 5', "raw5\n"],
    ['"\\x1edone\\n"', '"\\x1edone\\n"\n'],
  ],
};

for (const [what, lines] of Object.entries(CONVERSATIONS)) {
  test(`A session deals with ${what}`, async () => {
    await using listener = startListener();
    await using client = await listener.session();
    for (const [line, expected] of lines) {
      const said = await client.say(line);
      if (typeof expected === "string") assertEquals(said, expected, line);
      else assert(expected.test(said), `${line} printed ${said}`);
    }
    assertEquals(listener.errors, []);
  });
}

/** Inputs of several lines: the last line ends them. */
const INPUTS: [string[], string][] = [
  [["[1, 2].map((n) =>", "n * 2)"], "[ 2, 4 ]\n"],
  [["function f(", "  a: number,", ") {", "  return a", "}"], "undefined\n"],
  [["`a", "", "b`"], '"a\\n\\nb"\n'],
  [["1 +", "2"], "3\n"],
  [["if (true)", "  console.log('yes')"], "yes\nundefined\n"],
  [["/* a", "b */ 7"], "7\n"],
  [["class A", "{", "}"], "undefined\n"],
  [["function g()", "{ return 1 }"], "undefined\n"],
  [["const x =", "", "5"], "undefined\n"],
  [["(", "1", ")"], "1\n"],
];

test("A session waits until an input is whole", async () => {
  await using listener = startListener();
  await using client = await listener.session();
  for (const [lines, expected] of INPUTS) {
    for (const line of lines.slice(0, -1)) {
      assertEquals(await client.say(line, "... "), "", line);
    }
    assertEquals(await client.say(lines.at(-1)!), expected, lines.join("\n"));
  }
});

test(":cancel and :interrupt forget an input that is not whole", async () => {
  await using listener = startListener();
  await using client = await listener.session();
  await client.say("let kept = 1");
  for (const command of [":cancel", ":interrupt"]) {
    assertEquals(await client.say("if (true) {", "... "), "");
    assertEquals(await client.say(command), "");
    assertEquals(await client.say("kept"), "1\n");
  }
  assert((await client.say(":cancel")).startsWith("; No input"));
  assert((await client.say(":interrupt")).startsWith("; Nothing is being"));
});

test(":help, an unknown command and :quit", async () => {
  await using listener = startListener();
  await using client = await listener.session();
  const help = await client.say(":help");
  for (const part of ["values(", "__", ":quit", ":interrupt"]) {
    assert(help.includes(part), help);
  }
  assert((await client.say(":nonsense")).includes("no command :nonsense"));
  await client.stream.writeLine(":quit");
  assertEquals(await client.until(null), "; Goodbye, test.\n");
  await client.stream.close();
  listener.server.kill();
  await listener.server.finished;
});

test("A session's process and Worker bear the name that the client sent", async () => {
  await using listener = startListener();
  await using client = await listener.session("Ann B");
  assertEquals(await client.say("self.name", "Ann B> "), '"Ann B"\n');
  const names = listener.server.processes.map((process) => process.name);
  assertEquals(names, [`${listener.server.port} server`, "Ann B"]);
});

test("Sessions share nothing", async () => {
  await using listener = startListener();
  await using one = await listener.session();
  await using other = await listener.session();
  await one.say("globalThis.shared = 1");
  assertEquals(await other.say("typeof shared"), '"undefined"\n');
});

test("Errors in the background are printed, and survived", async () => {
  await using listener = startListener();
  await using client = await listener.session();
  for (
    const input of [
      "setTimeout(() => { throw new Error('lost') }); 0",
      "Promise.reject(new Error('lost')); 0",
    ]
  ) {
    await client.stream.writeLine(input);
    await client.until("Uncaught in the background: Error: lost");
  }
  await client.stream.writeLine("'still' + ' here'");
  await client.until('"still here"\ntest> ');
});

test("A client that ends its side gets what it was sent evaluated", async () => {
  // The process of the session may take long to start.
  await using listener = startListener({ limits: { afterEnd: 60_000 } });
  await using client = await listener.connect();
  await client.stream.write("alice\nlet n = 1\nn + 1\nn + 2");
  await client.stream.closeWrite();
  assert(
    (await client.until(null)).endsWith(
      "2\nalice> 3\nalice> \n; Goodbye, alice.\n",
    ),
  );
});

test("a session whose process cannot be started ends, and says so at both ends", async () => {
  await using listener = startListener({ deno: "/nowhere/deno" });
  const client = await listener.session();
  await client.stream.writeLine("40 + 2");
  assertEquals(
    await client.until(null),
    "; This session has no process. Try again later.\n",
  );
  const error = await listener.failed as WireError;
  assertEquals(error.code, "aborted");
  assertMatch(error.message, /no process: .*nowhere.* listener\.deno says/);
  await client.stream.close();
});
