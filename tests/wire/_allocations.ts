/**
 * A program that prints how many bytes of heap a call takes: request, answer
 * and promise, both ends in one process; and how many an idle pair of wires
 * keeps, and takes until then. `economy_test.ts` runs it, without
 * optimizing compilers and with room for all garbage, so that what is counted
 * does not depend on when these come to work.
 *
 * @module
 */

import { wirePair } from "../../wire/mod.ts";

const AT_ONCE = 256;
const ROUNDS = 16;

const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("Run with --v8-flags=--expose-gc.");

interface Adder {
  add(a: number, b: number): number;
  note(n: number): void;
}
const [near, far] = wirePair<Adder>();
far.serve<Adder>({ add: (a, b) => a + b, note() {} });

async function calls(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const sums: Promise<number>[] = [];
    for (let n = 0; n < AT_ONCE; n++) sums.push(near.remoteValue.add(n, 1));
    for (const sum of sums) await sum;
  }
}

async function sends(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < AT_ONCE; n++) near.remote.note(n);
    await near.remoteValue.add(0, 0);
  }
}

async function bytesOf(
  action: (rounds: number) => Promise<void>,
): Promise<number> {
  await action(4);
  gc!();
  const before = Deno.memoryUsage().heapUsed;
  await action(ROUNDS);
  const after = Deno.memoryUsage().heapUsed;
  return Math.round((after - before) / ROUNDS / AT_ONCE);
}

const PAIRS = 200;
const pairs: unknown[] = [];

async function open(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const [one, other] = wirePair<Adder>();
    pairs.push(one, other);
    other.serve<Adder>({ add: (a, b) => a + b, note() {} });
    await one.remoteValue.add(n, 1);
  }
}

async function pairBytes(): Promise<{ kept: number; taken: number }> {
  await open(50);
  gc!();
  const before = Deno.memoryUsage().heapUsed;
  await open(PAIRS);
  const taken = Deno.memoryUsage().heapUsed - before;
  gc!();
  const kept = Deno.memoryUsage().heapUsed - before;
  return { kept: Math.round(kept / PAIRS), taken: Math.round(taken / PAIRS) };
}

console.log(JSON.stringify({
  call: await bytesOf(calls),
  send: await bytesOf(sends),
  pair: await pairBytes(),
}));
Deno.exit();
