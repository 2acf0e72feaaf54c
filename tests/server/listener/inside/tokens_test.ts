import { assertEquals } from "@std/assert";
import { tokenize } from "../../../../server/listener/inside/tokens.ts";
import { test } from "../../../_test.ts";

const TEXTS: [string, string[]][] = [
  ["a+b // c", ["a", "+", "b"]],
  ["/* ( */ a /* ) */", ["a"]],
  ["\"a\\\"(\" + 'b\\'['", ['"a\\"("', "+", "'b\\'['"]],
  ["`a ( ${b(`${c}`)} ) d`", [
    "`a ( ${",
    "b",
    "(",
    "`${",
    "c",
    "}`",
    ")",
    "} ) d`",
  ]],
  ["`\\${` + `\\`$`", ["`\\${`", "+", "`\\`$`"]],
  ["x = /[/)]\\/(/g.test(s)", [
    "x",
    "=",
    "/[/)]\\/(/g",
    ".",
    "test",
    "(",
    "s",
    ")",
  ]],
  ["a / b / c", ["a", "/", "b", "/", "c"]],
  ["f(1) / 2 / g", ["f", "(", "1", ")", "/", "2", "/", "g"]],
  ["return /[(]/", ["return", "/[(]/"]],
  ["1.5e-3 + 0xff_ff + 12n", ["1.5e-3", "+", "0xff_ff", "+", "12n"]],
  ["a?.b ?? c => ...d", ["a", "?.", "b", "?", "?", "c", "=>", "...", "d"]],
  ["#p @dec ünïcode $_", ["#p", "@dec", "ünïcode", "$_"]],
];

for (const [text, expected] of TEXTS) {
  test(`tokenize() takes ${text} apart`, () => {
    const { tokens, isOpen, stray } = tokenize(text);
    assertEquals(tokens.map((token) => token.text), expected);
    assertEquals([isOpen, stray], [false, undefined]);
    for (const { start, end, text: part } of tokens) {
      assertEquals(text.slice(start, end), part);
    }
  });
}

const WHOLE: [string, boolean, string?][] = [
  ["f(", true],
  ["f(1)", false],
  ["{ a: [1, 2 }", true, "}"],
  ["`abc", true],
  ["`abc${", true],
  ["`abc${d}", true],
  ["`abc${d}e`", false],
  ["/* abc", true],
  ["// abc (", false],
  ["'abc", false],
  ["a)", false, ")"],
  ["", false],
  ["/", false],
  ["\\", false],
  ["\ud800", false],
];

for (const [text, expected, strayBracket] of WHOLE) {
  test(`tokenize() sees whether ${JSON.stringify(text)} is open`, () => {
    const { isOpen, stray } = tokenize(text);
    assertEquals(stray, strayBracket);
    if (stray === undefined) assertEquals(isOpen, expected);
  });
}

test("tokenize() tells depth, and what begins a line", () => {
  const { tokens } = tokenize("a({\n  b\n})\n/* x\n */ c");
  assertEquals(
    tokens.map(({ text, depth, startsLine }) => [text, depth, startsLine]),
    [
      ["a", 0, true],
      ["(", 0, false],
      ["{", 1, false],
      ["b", 2, true],
      ["}", 1, true],
      [")", 0, false],
      ["c", 0, true],
    ],
  );
});

test("tokenize() gets through any text, and keeps its order", () => {
  const signs = ["`", "${", "}", "{", "(", ")", "/", "*", "'", '"', "\\", "\n"];
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 500; round++) {
    const text = Array.from(
      { length: random(30) },
      () => random(3) ? signs[random(signs.length)] : "ab1 ",
    ).join("");
    let at = 0;
    for (const token of tokenize(text).tokens) {
      assertEquals(token.start >= at && token.end > token.start, true, text);
      at = token.end;
    }
    assertEquals(at <= text.length, true);
  }
});
