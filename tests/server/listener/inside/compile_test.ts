import { assertEquals, assertRejects } from "@std/assert";
import {
  compile,
  syntaxProblem,
  tidyStack,
} from "../../../../server/listener/inside/compile.ts";
import { test } from "../../../_test.ts";

const CODE: [string, string][] = [
  ["const x: number = 1", "const x = 1;"],
  ["interface A { x: number }", ""],
  ["{ a: 1 }", "({ a: 1 });"],
  ["{ let a = 1; f(a) }", "{ let a = 1; f(a); }"],
  ["f<string>(a as B, c!)", "f(a, c);"],
  ["await x", "await x;"],
  ['import a from "m"', 'const { default: a } = await import("m");'],
];

for (const [text, expected] of CODE) {
  test(`compile() strips ${text}`, async () => {
    const code = await compile(text);
    assertEquals(code.replace(/\s+/g, " ").trim(), expected);
  });
}

const MISTAKES: [string, number][] = [
  ["x = = 1", 1],
  ["1;\nx = = 1", 2],
  ["1 +", 2],
  ["if (x)\n", 3],
  ["f(", 2],
];

for (const [text, line] of MISTAKES) {
  test(`syntaxProblem() tells the line of ${JSON.stringify(text)}`, async () => {
    const error = await assertRejects(() => compile(text));
    const problem = syntaxProblem(error);
    assertEquals(problem.line, line);
    assertEquals(problem.text.startsWith("SyntaxError: "), true, problem.text);
    assertEquals(problem.text.includes("blob:"), false, problem.text);
  });
}

test("tidyStack() leaves the frames of inputs", () => {
  const error = new Error("x");
  error.stack = [
    "Error: x",
    "    at f (input-3, <anonymous>:2:7)",
    "    at eval (input-4, <anonymous>:3:1)",
    "    at take (blob:null/1234:5:6)",
    "    at op (ext:core/00.js:1:2)",
  ].join("\n");
  tidyStack(error);
  assertEquals(error.stack, "Error: x\n    at f (input-3)\n    at input-4");
  tidyStack(Object.freeze(new Error("cold")));
  tidyStack("no error");
  tidyStack(undefined);
});
