import { assertEquals } from "@std/assert";
import { toScript } from "../../../../server/listener/inside/script.ts";
import { test } from "../../../_test.ts";

const TEXTS: [string, string, string][] = [
  ["1 + 1;", "", "give((1 + 1\n));"],
  ["const x = 1;", '"x"', "(x = 1);"],
  ["let x;", '"x"', "(x = undefined);"],
  ["var x, y = 2, z;", '"x","y","z"', "(x = undefined,y = 2,z = undefined);"],
  ["const { a } = b;", '"a"', "({ a } = b);"],
  ["const [a, b = f(1, 2)] = c;", '"a","b","f"', "([a, b = f(1, 2)] = c);"],
  ["let x = 1;\nx;", '"x"', "(x = 1);\ngive((x\n));"],
  [
    "function f(a) {\n  return a;\n}",
    '"f"',
    "f = function (a) {\n  return a;\n};",
  ],
  ["async function* g() {\n}", '"g"', "g = async function* () {\n};"],
  ["f();\nfunction f() {\n}", '"f"', "f = function () {\n};\nf();"],
  [
    "class A extends B {\n  x = 1;\n}",
    '"A"',
    "A = class A extends B {\n  x = 1;\n};",
  ],
  ["for (const x of y) {\n  x;\n}", "", "for (const x of y) {\n  x;\n}"],
  ["if (a) {\n  b;\n}\nelse c;", "", "if (a) {\n  b;\n}\nelse c;"],
  ["do {\n  a;\n}\nwhile (b);", "", "do {\n  a;\n}\nwhile (b);"],
  ["try {\n  a;\n} catch (e) {\n}", "", "try {\n  a;\n} catch (e) {\n}"],
  ["throw a;", "", "throw a;"],
  ["a: for (;;) {\n}", "", "a: for (;;) {\n}"],
  ["using x = y;", "", "using x = y;"],
  ["x = {\n  a: 1\n};\n(y);", "", "x = {\n  a: 1\n};\ngive(((y)\n));"],
  ["`;\n${1}`;", "", "give((`;\n${1}`\n));"],
  ["await f();", "", "give((await f()\n));"],
  ["", "", ""],
];

for (const [text, names, expected] of TEXTS) {
  test(`toScript() rewrites ${JSON.stringify(text)}`, () => {
    const script = toScript(text, "give", "declare");
    assertEquals(
      script,
      `declare([${names}]);` + (expected && "\n" + expected),
    );
  });
}
