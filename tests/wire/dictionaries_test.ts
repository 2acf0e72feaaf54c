/** Objects with many keys are objects like others, whatever their keys are. */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { decodeValue } from "../../wire/codec/codec.ts";
import { TAG } from "../../wire/codec/value_kinds.ts";
import { codeOf } from "./_codec.ts";
import { anyPair } from "./_pair.ts";

/** Keys that objects know without having them. */
const KNOWN = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
];

/** An object with so many keys besides one, which comes at a place. */
function made(count: number, at: number, key: string, value: unknown): object {
  const entries: [string, unknown][] = Array.from(
    { length: count },
    (_, n) => [`key ${n}`, n],
  );
  entries.splice(at, 0, [key, value]);
  return Object.fromEntries(entries);
}

/** Gives objects the setter that Deno alone leaves out. */
function withProtoSetter(): Disposable {
  const before = Object.getOwnPropertyDescriptor(Object.prototype, "__proto__");
  Object.defineProperty(Object.prototype, "__proto__", {
    get() {
      return Object.getPrototypeOf(this);
    },
    set(prototype) {
      Object.setPrototypeOf(this, prototype);
    },
    configurable: true,
  });
  return {
    [Symbol.dispose]() {
      delete (Object.prototype as { __proto__?: unknown })["__proto__"];
      if (before !== undefined) {
        Object.defineProperty(Object.prototype, "__proto__", before);
      }
    },
  };
}

test("keys that prototypes know are keys, in objects of every size", async () => {
  using _ = withProtoSetter();
  const [near, far] = anyPair({}, {
    functions: { echo: (x: unknown) => x },
  });
  for (const key of KNOWN) {
    for (const count of [0, 3, 63, 64, 65, 200]) {
      for (const value of [{ polluted: true }, null, 1]) {
        const object = made(count, count >> 1, key, value);
        // Often enough for code to be made for it.
        for (let time = 0; time < 3; time++) {
          const echo = await near.remoteValue.echo(object) as object;
          assertEquals(
            Object.getPrototypeOf(echo) === Object.prototype,
            true,
            `${key} among ${count}`,
          );
          assertEquals(Object.keys(echo), Object.keys(object));
          const { value: came } = Object.getOwnPropertyDescriptor(echo, key)!;
          assertEquals(came, value);
          assertEquals("polluted" in echo, false);
        }
      }
    }
  }
  assertEquals("polluted" in {}, false);
  near.abort();
  await far.closed;
});

test("decodeValue() refuses a key that comes twice, among few keys and among many", () => {
  for (const count of [2, 20, 129, 500]) {
    const writer = new ByteWriter();
    const write = (twice: number) => {
      writer.clear();
      // No key sets.
      writer.varint(0);
      writer.byte(TAG.dictionary);
      writer.varint(count);
      for (let at = 0; at < count; at++) {
        writer.text(`key ${at === count - 1 ? twice : at}`);
        writer.byte(at & 0x7f);
      }
      return writer.written();
    };
    assertEquals(Object.keys(decodeValue(write(-1)) as object).length, count);
    for (const twice of [0, count - 1 >> 1, count - 2]) {
      assertEquals(codeOf(() => decodeValue(write(twice))), "malformed");
    }
  }
});
