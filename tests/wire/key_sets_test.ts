/** Code for key sets is generated when it is worth that, whoever chooses them. */

import { assertEquals } from "@std/assert";
import { Encoder } from "../../wire/codec/codec.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { DEFAULT_LIMITS } from "../../wire/mod.ts";
import { test } from "../_test.ts";

/** How many functions were made of text while something ran. */
function compiled(run: () => void): number {
  const { Function } = globalThis;
  let count = 0;
  globalThis.Function = new Proxy(Function, {
    apply(target, self, parts) {
      count++;
      return Reflect.apply(target, self, parts);
    },
  });
  try {
    run();
  } finally {
    globalThis.Function = Function;
  }
  return count;
}

/** Objects of so many key sets, so many of each, there and back. */
class Traffic {
  readonly #writer = new ByteWriter();
  readonly #encoder = new Encoder(this.#writer, DEFAULT_LIMITS);
  readonly #decoder = new CollectingDecoder(DEFAULT_LIMITS);

  pass(sets: number, objects: number): void {
    for (let set = 0; set < sets; set++) {
      const list = Array.from(
        { length: objects },
        (_, n) => ({ [`a${set}`]: n, b: n }),
      );
      this.#send(list);
    }
  }

  /** The tables of both ends are emptied. */
  reset(): void {
    this.#encoder.reset();
    this.#feed();
    assertEquals(this.#decoder.next(), undefined);
  }

  #send(value: unknown): void {
    this.#encoder.encode({ kind: "message", value });
    this.#encoder.define(0);
    this.#feed();
    assertEquals(this.#decoder.next(), { kind: "message", value });
    assertEquals(this.#decoder.next(), undefined);
  }

  #feed(): void {
    this.#decoder.feed(this.#writer.written(0).slice());
    this.#writer.position = 0;
  }
}

// The code that makes short texts is generated once in a process.
new Traffic().pass(500, 2);

test("frequent key sets have generated code, at both ends", () => {
  const traffic = new Traffic();
  assertEquals(compiled(() => traffic.pass(1, 7)), 0);
  assertEquals(compiled(() => traffic.pass(1, 1)), 2);
  assertEquals(compiled(() => traffic.pass(1, 100)), 0);
});

test("a peer that changes its key sets all the time has no code generated", () => {
  const traffic = new Traffic();
  const count = compiled(() => {
    for (let round = 0; round < 5; round++) {
      traffic.pass(500, 12);
      traffic.reset();
    }
  });
  // Of both ends: the first one.
  assertEquals(count, 2);
});

test("key sets that stay have generated code in the end", () => {
  const traffic = new Traffic();
  const count = compiled(() => {
    for (let round = 0; round < 60; round++) traffic.pass(10, 10);
  });
  assertEquals(count, 2 * 10);
});
