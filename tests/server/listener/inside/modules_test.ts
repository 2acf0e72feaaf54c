import { assertEquals } from "@std/assert";
import { withoutModuleSyntax } from "../../../../server/listener/inside/modules.ts";
import { test } from "../../../_test.ts";

const TEXTS: [string, string][] = [
  ['import "m"', 'await import("m")'],
  ['import d from "m"', 'const { default: d } = await import("m")'],
  ['import * as all from "m";', 'const all = await import("m");'],
  [
    'import d, * as all from "m"',
    'const all = await import("m"), { default: d } = all',
  ],
  [
    'import { a, b as c, type T } from "m"',
    'const { a, b: c } = await import("m")',
  ],
  [
    'import d, { a } from "m"',
    'const { default: d, a } = await import("m")',
  ],
  ['import type { T } from "m"; 1', "; 1"],
  ['import type T from "m"', ""],
  [
    'import type, { a } from "m"',
    'const { default: type, a } = await import("m")',
  ],
  [
    'import x from "m" with { type: "json" }; x',
    'const { default: x } = await import("m", { with: { type: "json" } }); x',
  ],
  [
    'import {\n  a,\n} from "m"\nimport "n"\na',
    'const { a } = await import("m")\nawait import("n")\na',
  ],
  ["export const x = 1", "const x = 1"],
  ["export function f() {}\nexport class A {}", "function f() {}\nclass A {}"],
  ['await import("m")', 'await import("m")'],
  ["import.meta.url", "import.meta.url"],
  ["`import 'x'`", "`import 'x'`"],
  ["f({ import: 1, export: 2 })", "f({ import: 1, export: 2 })"],
  ["import", "import"],
  ["import {", "import {"],
];

for (const [text, expected] of TEXTS) {
  test(`withoutModuleSyntax() turns ${text.split("\n")[0]}`, () => {
    assertEquals(withoutModuleSyntax(text), expected);
  });
}
