/**
 * A short run of the fuzzer, every input of its corpus, and those that failed
 * once. `deno task fuzz` runs longer.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { entries } from "./_corpus.ts";
import { execute, fails, fuzz } from "./_fuzzer.ts";
import { shrink } from "./_shrink.ts";
import { type Bytes, Fault, type Target } from "./_target.ts";
import { TARGETS } from "./_targets.ts";

/** How many executions each target gets: some half a second of them. */
const EXECUTIONS: Record<string, number> = {
  frames: 4_000,
  values: 1_500,
  wire: 250,
  handshake: 1_500,
  cmucl: 1_500,
  lines: 1_500,
};

for (const target of TARGETS) {
  const { name } = target;
  const corpus = entries("corpus", name);
  const failed = entries("failed", name);

  test(`fuzzing ${name} finds nothing in its corpus`, async () => {
    assert(corpus.length > 5, `${corpus.length}`);
    for (const { input } of corpus) await execute(target, input);
  });

  for (const { name: file, input } of failed) {
    test(`fuzzing ${name} finds nothing more in ${file}`, async () => {
      await execute(target, input);
    });
  }

  test(`fuzzing ${name} finds nothing in a short run`, async () => {
    const inputs = [...corpus, ...failed].map(({ input }) => input);
    const executions = EXECUTIONS[name]!;
    const result = await fuzz({
      target,
      corpus: inputs,
      seed: 1,
      executions,
      time: Infinity,
    });
    const { failure } = result;
    assertEquals(
      failure && `${failure.input.toHex()}: ${failure.error}`,
      null,
      `Run "deno task fuzz --targets ${name} --seed 1": it makes the input smaller.`,
    );
    assertEquals(result.executions, executions + inputs.length);
    assert(result.outcomes > 50, `only ${result.outcomes} outcomes`);
  });
}

/** A target with a mistake in it. */
function mistaken(found: (input: Bytes) => void): Target {
  return {
    name: "mistaken",
    mutate: TARGETS[0]!.mutate,
    run(input) {
      found(input);
      return `${input.length}`;
    },
  };
}

const START = [Uint8Array.of(0, 0, 0, 0, 0, 3, 1, 2, 3)];
const OFTEN = { corpus: START, executions: 20_000, time: Infinity };

test("fuzz() finds a mistake, the same with the same seed", async () => {
  const target = mistaken((input) => {
    if (input.indexOf(0x50) > 4) throw new RangeError("found");
  });
  const runs = [];
  for (const seed of [7, 7, 8]) {
    runs.push(await fuzz({ target, seed, ...OFTEN }));
  }
  const [one, same, other] = runs.map(({ failure, executions }) => {
    assert(failure !== null, "nothing was found");
    return [failure?.input, executions];
  });
  assertEquals(one, same);
  assert(String(one) !== String(other), `${one}`);
});

test("shrink() makes a failing input as small as it can be", async () => {
  const target = mistaken((input) => {
    if (input.includes(9) && input.length > 3) throw new RangeError("found");
  });
  const large = Uint8Array.from({ length: 200 }, (_, index) => index);
  const least = await shrink(large, (input) => fails(target, input));
  assertEquals(least.toSorted(), Uint8Array.of(0, 0, 0, 9));
});

test("fuzz() finds rejections that nobody handles", async () => {
  const target: Target = {
    name: "careless",
    mutate: TARGETS[0]!.mutate,
    async run() {
      Promise.reject(new Error("nobody handles this"));
      return await Promise.resolve("");
    },
  };
  const { failure } = await fuzz({ target, seed: 1, ...OFTEN });
  assert(failure?.error instanceof Fault, `${failure?.error}`);
  assert(/nobody handles this/.test(String(failure?.error)));
});

test("Target finds a decoder that loses, or changes, what came", async () => {
  const [frames] = TARGETS;
  const { FrameDecoder } = await import("../../wire/codec/frames.ts");
  const { next } = FrameDecoder.prototype;
  FrameDecoder.prototype.next = function () {
    const isThere = next.call(this);
    if (isThere && this.end - this.start > 3) this.end--;
    return isThere;
  };
  try {
    const inputs = entries("corpus", "frames").map(({ input }) => input);
    const found = await Promise.all(inputs.map((one) => fails(frames!, one)));
    assert(found.includes(true), "nothing was found");
  } finally {
    FrameDecoder.prototype.next = next;
  }
});
