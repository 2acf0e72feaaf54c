import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  keyword,
  LispSymbol,
  nil,
  readSymbol,
  symbol,
  t,
} from "../../../wire/cmucl/mod.ts";
import { test } from "../../_test.ts";

/** What the Lisp reader makes of a text. */
const READ: readonly [text: string, name: string, packageName: string][] = [
  ["car", "CAR", "COMMON-LISP-USER"],
  ["CAR", "CAR", "COMMON-LISP-USER"],
  ["cl:car", "CAR", "COMMON-LISP"],
  ["cl::car", "CAR", "COMMON-LISP"],
  ["common-lisp:car", "CAR", "COMMON-LISP"],
  ["cl-user::f", "F", "COMMON-LISP-USER"],
  ["ext:quit", "QUIT", "EXTENSIONS"],
  ["my-package::frob", "FROB", "MY-PACKAGE"],
  ["|My Package|::|Bar|", "Bar", "My Package"],
  [":key", "KEY", "KEYWORD"],
  ["keyword:key", "KEY", "KEYWORD"],
  ["|Bar|", "Bar", "COMMON-LISP-USER"],
  ["ab|Cd|ef", "ABCdEF", "COMMON-LISP-USER"],
  ["a\\bc", "AbC", "COMMON-LISP-USER"],
  ["|a\\|b\\\\|", "a|b\\", "COMMON-LISP-USER"],
  ["||", "", "COMMON-LISP-USER"],
  ["|a:b|", "a:b", "COMMON-LISP-USER"],
  ["a\\:b", "A:B", "COMMON-LISP-USER"],
  ["|12|", "12", "COMMON-LISP-USER"],
  ["CL:+", "+", "COMMON-LISP"],
  ["1+", "1+", "COMMON-LISP-USER"],
  ["-", "-", "COMMON-LISP-USER"],
  ["*print-base*", "*PRINT-BASE*", "COMMON-LISP-USER"],
  ["\xe9t\xe9", "\xc9T\xc9", "COMMON-LISP-USER"],
  ["\xdf", "\xdf", "COMMON-LISP-USER"],
];

for (const [text, name, packageName] of READ) {
  test(`readSymbol() reads ${text} as Lisp does`, () => {
    const read = readSymbol(text);
    assertEquals([read.name, read.packageName], [name, packageName]);
    // What is printed is read back.
    assert(readSymbol(String(read)).equals(read), String(read));
  });
}

test("readSymbol() knows nil and t by every name", () => {
  for (const text of ["nil", "NIL", "cl:nil", "common-lisp::nil", "|NIL|"]) {
    assert(readSymbol(text, "MY-PACKAGE") === nil, text);
  }
  assert(readSymbol("t") === t);
  assert(readSymbol("|nil|") !== nil);
  assert(symbol("NIL", "CL") === nil);
  assert(symbol("NIL", "MY-PACKAGE") !== nil);
});

test("readSymbol() takes another package for names without one", () => {
  assertEquals(String(readSymbol("f", "MY-PACKAGE")), "MY-PACKAGE::F");
  assertEquals(String(readSymbol("cl:f", "MY-PACKAGE")), "COMMON-LISP:F");
});

test("readSymbol() refuses what Lisp reads as something else", () => {
  const texts = [
    "",
    ":",
    "cl:",
    "a:b:c",
    "a:::b",
    "12",
    "-7",
    "12.",
    ".",
    "..",
    "(f)",
    "a b",
    "'a",
    '"a"',
    "a;b",
    "|a",
    "a\\",
  ];
  for (const text of texts) {
    const error = assertThrows(() => readSymbol(text)) as { code: string };
    assertEquals(error.code, "invalidArgument", text);
  }
});

test("LispSymbol prints as Lisp does, with its package", () => {
  assertEquals(String(symbol("CAR", "COMMON-LISP")), "COMMON-LISP:CAR");
  assertEquals(String(keyword("TEST")), ":TEST");
  assertEquals(String(keyword("Test")), ":|Test|");
  assertEquals(String(symbol("A|B", "my")), "|my|::|A\\|B|");
  assertEquals(String(symbol("")), "COMMON-LISP-USER::||");
});

test("LispSymbol.equals() compares name and package", () => {
  const one = symbol("F", "P");
  assert(one.equals(new LispSymbol("F", "P")));
  assert(!one.equals(symbol("F", "Q")));
  assert(!one.equals(symbol("G", "P")));
  assert(!one.equals("P::F"));
});
