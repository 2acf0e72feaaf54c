import { assertEquals } from "@std/assert";
import { Queue } from "../../wire/base/collections.ts";
import { test } from "../_test.ts";
import { randomNumbers } from "./_codec.ts";

test("Queue hands items out in the order in which they came", () => {
  const queue = new Queue<string>();
  assertEquals([queue.size, queue.peek(), queue.shift()], [
    0,
    undefined,
    undefined,
  ]);
  queue.push("a");
  queue.push("b");
  assertEquals([queue.size, queue.peek()], [2, "a"]);
  assertEquals([queue.shift(), queue.peek(), queue.size], ["a", "b", 1]);
  queue.push("c");
  assertEquals([queue.shift(), queue.shift(), queue.shift()], [
    "b",
    "c",
    undefined,
  ]);
  assertEquals(queue.size, 0);
  queue.push("d");
  assertEquals([queue.size, queue.shift()], [1, "d"]);
});

test("Queue does what a list does, whatever is pushed and shifted", () => {
  const random = randomNumbers(7);
  for (const pushes of [0.4, 0.5, 0.6]) {
    const queue = new Queue<number>();
    const list: number[] = [];
    for (let step = 0; step < 20_000; step++) {
      if (random() < pushes) {
        queue.push(step);
        list.push(step);
      } else {
        assertEquals(queue.shift(), list.shift());
      }
      assertEquals(queue.size, list.length);
      assertEquals(queue.peek(), list[0]);
    }
  }
});

test("Queue drains thousands, and goes on", () => {
  const queue = new Queue<number>();
  for (let round = 0; round < 3; round++) {
    for (let item = 0; item < 10_000; item++) queue.push(item);
    for (let item = 0; item < 10_000 - round; item++) {
      queue.shift();
    }
    assertEquals(queue.size, [0, 1, 3][round]);
  }
  assertEquals(queue.shift(), 9_997);
});

test("Queue copies each item a few times at most", () => {
  const { slice } = Array.prototype;
  let copied = 0;
  Array.prototype.slice = function (...args) {
    const copy = slice.apply(this, args);
    copied += copy.length;
    return copy;
  };
  try {
    const queue = new Queue<number>();
    for (let item = 0; item < 50_000; item++) queue.push(item);
    for (let item = 0; item < 200_000; item++) {
      queue.push(item);
      queue.shift();
    }
  } finally {
    Array.prototype.slice = slice;
  }
  assertEquals(copied <= 250_000, true, `${copied}`);
});
