import { assertEquals } from "@std/assert";
import { constantTimeEqual } from "../../wire/base/checks.ts";
import { test } from "../_test.ts";

test("constantTimeEqual() tells texts apart, those with NULs too", () => {
  const texts = ["", "\0", "\0\0", "a", "a\0", "\0a", "ab", "ba", "ä", "😀"];
  for (const one of texts) {
    for (const other of texts) {
      assertEquals(
        constantTimeEqual(one, other),
        one === other,
        `${one} ${other}`,
      );
    }
  }
});

test("constantTimeEqual() looks at every character, wherever the first difference is", () => {
  /** How many characters are looked at. */
  const looks = (left: string, right: string): number => {
    const { charCodeAt, codePointAt, at } = String.prototype;
    let count = 0;
    const counting = <T extends (this: string, index: number) => unknown>(
      original: T,
    ) =>
      function (this: string, index: number) {
        count++;
        return original.call(this, index);
      };
    Object.assign(String.prototype, {
      charCodeAt: counting(charCodeAt),
      codePointAt: counting(codePointAt),
      at: counting(at),
    });
    try {
      constantTimeEqual(left, right);
    } finally {
      Object.assign(String.prototype, { charCodeAt, codePointAt, at });
    }
    return count;
  };
  const secret = "correct horse";
  const all = looks(secret, secret);
  assertEquals(all >= secret.length, true);
  for (let index = 0; index < secret.length; index++) {
    const guess = secret.slice(0, index) + "#" + secret.slice(index + 1);
    assertEquals(looks(secret, guess), all, guess);
    assertEquals(looks(guess, secret), all, guess);
  }
});
