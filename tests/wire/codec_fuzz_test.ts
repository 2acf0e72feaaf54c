/** Seeded random bytes and values: the codec never throws but WireErrors. */

import { assert, assertEquals } from "@std/assert";
import { resolveLimits } from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import type { OverLimit } from "../../wire/codec/message_collector.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { fromHex, VECTORS } from "../_vectors.ts";
import {
  codeOf,
  concat,
  decodeAll,
  encodeAll,
  newDecoder,
  newEncoder,
  randomNumbers,
} from "./_codec.ts";
import { exactly, exactMessages } from "./_exact.ts";
import {
  below,
  KEYS,
  pick,
  type Random,
  randomBytes,
  randomText,
  randomValue,
} from "./_random_values.ts";

test("encodeValue() and decodeValue() keep whatever random value", () => {
  for (let seed = 1; seed <= 600; seed++) {
    const value = randomValue(randomNumbers(seed));
    const arrived = decodeValue(encodeValue(value));
    assert(exactly(arrived) === exactly(value), `seed ${seed}`);
  }
});

/** Any number that a varint, or a nonce, can be. */
function randomId(random: Random): number {
  return below(random, 2 ** pick(random, [1, 8, 32]));
}

/** A reference, a stream or a result. */
function randomRaw(random: Random): Raw {
  const [slot, nonce, id] = [0, 0, 0].map(() => randomId(random)) as [
    number,
    number,
    number,
  ];
  const isFunction = random() < 0.5;
  return new Raw(pick(random, [
    { as: "object", slot, nonce, isFunction },
    { as: "own", slot, nonce },
    { as: "stream", id },
    { as: "result", id },
  ]));
}

/** Something that a wire sends: data, and perhaps more than that. */
function randomContent(random: Random, depth = 3): unknown {
  const value = randomValue(random, depth);
  if (random() < 0.6) return value;
  const raw = randomRaw(random);
  return pick(random, [
    raw,
    [raw, value],
    { a: raw, b: value },
    new Set([raw]),
  ]);
}

/** Parts that some calls have and others lack. */
function randomExtras(random: Random, mayBeResult: boolean): object {
  const targets = [
    { slot: randomId(random), nonce: randomId(random) },
    ...mayBeResult ? [{ result: randomId(random) }] : [],
  ];
  const key = pick(random, KEYS);
  return {
    ...random() < 0.3 ? { target: pick(random, targets) } : {},
    ...random() < 0.3 ? { metadata: { [key]: randomText(random), x: "" } } : {},
  };
}

function randomCall(random: Random): Message {
  const call = {
    name: pick(random, KEYS),
    args: Array.from(
      { length: below(random, 4) },
      () => randomContent(random, 4),
    ),
    deadline: pick(random, [0, 1, 5_000]),
  };
  if (random() < 0.5) {
    return { kind: "send", ...call, ...randomExtras(random, false) };
  }
  const id = randomId(random);
  const wantsValues = random() < 0.5;
  const extras = randomExtras(random, true);
  return { kind: "call", id, wantsValues, ...call, ...extras };
}

/** A message about streams or references. */
function randomNews(random: Random): Message {
  const id = randomId(random);
  const [slot, nonce, amount] = [id, randomId(random), randomId(random)];
  const bytes = randomBytes(random, below(random, 100));
  switch (below(random, 8)) {
    case 0:
      return { kind: "release", slot, nonce, count: amount };
    case 1:
      return { kind: "forget", slot, nonce };
    case 2:
      return { kind: "streamValue", id, value: randomContent(random) };
    case 3:
      return { kind: "streamBytes", id, bytes };
    case 4:
      return { kind: "streamEnd", id };
    case 5:
      return { kind: "streamError", id, thrown: randomContent(random) };
    case 6:
      return { kind: "streamCancel", id, reason: randomContent(random) };
    default:
      return { kind: "streamCredit", id, amount };
  }
}

function randomMessage(random: Random): Message {
  const id = randomId(random);
  switch (below(random, 8)) {
    case 0:
      return { kind: "message", value: randomContent(random) };
    case 1:
    case 2:
      return randomCall(random);
    case 3:
      return { kind: "return", id, value: randomContent(random) };
    case 4: {
      const values = [randomContent(random, 4), randomContent(random, 4)];
      return { kind: "returnValues", id, values };
    }
    case 5:
      return { kind: "throw", id, thrown: randomContent(random) };
    default:
      return randomNews(random);
  }
}

test("Decoder gives random messages as they were, in random chunks", () => {
  const random = randomNumbers(99);
  const encoder = newEncoder();
  const decoder = newDecoder();
  for (let round = 0; round < 60; round++) {
    const messages = Array.from({ length: 10 }, () => randomMessage(random));
    const bytes = encodeAll(messages, encoder);
    encoder.writer.position = 0;
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + 1 + below(random, pick(random, [3, 50, 5_000]));
      chunks.push(bytes.slice(start, end));
      start = end;
    }
    const came = decodeAll(chunks, decoder);
    const expected = exactMessages(messages);
    assert(exactMessages(came).join() === expected.join(), `round ${round}`);
  }
});

/** Decodes hostile bytes under small limits. */
function decodeHostile(bytes: Uint8Array): (Message | OverLimit)[] {
  const limits = resolveLimits({
    frame: 4_096,
    message: 8_192,
    nesting: 8,
    values: 500,
    bigint: 16,
    pieces: 2,
  });
  return decodeAll([bytes], newDecoder(limits));
}

/** Streams of the vectors, and random ones. */
function* streams(): Iterable<Uint8Array<ArrayBuffer>> {
  for (const { frames } of VECTORS.streams) yield concat(frames.map(fromHex));
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomNumbers(seed);
    yield encodeAll(Array.from({ length: 3 }, () => randomMessage(random)));
  }
}

/** Changes some bytes, takes some out, and puts some in. */
function mutate(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
): Uint8Array<ArrayBuffer> {
  let mutated = bytes.slice();
  for (let times = 1 + below(random, 3); times > 0; times--) {
    const at = below(random, mutated.length);
    const before = mutated.subarray(0, at);
    switch (below(random, 4)) {
      case 0:
        mutated[at] = below(random, 256);
        break;
      case 1:
        mutated[at]! ^= 1 << below(random, 8);
        break;
      case 2:
        mutated = concat([before, mutated.subarray(at + 1)]);
        break;
      default: {
        const some = randomBytes(random, 1 + below(random, 3));
        mutated = concat([before, some, mutated.subarray(at)]);
      }
    }
    if (mutated.length === 0) return mutated;
  }
  return mutated;
}

const EXPECTED = [undefined, "malformed", "notAWire"];

test("Decoder ends random mutations with a WireError, or takes them", () => {
  const random = randomNumbers(4711);
  const outcomes = new Map<string | undefined, number>();
  for (const stream of streams()) {
    for (let round = 0; round < 50; round++) {
      const mutated = mutate(stream, random);
      const code = codeOf(() => decodeHostile(mutated));
      assert(EXPECTED.includes(code), `${code}: ${mutated}`);
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    }
  }
  // The mutations are neither all harmless nor all fatal.
  assert(outcomes.get(undefined)! > 300 && outcomes.get("malformed")! > 300);
});

test("Decoder survives mutations whose frames are whole", () => {
  const random = randomNumbers(815);
  for (const stream of streams()) {
    for (let round = 0; round < 40; round++) {
      const mutated = stream.slice();
      for (let at = 0; at < mutated.length;) {
        const view = new DataView(mutated.buffer, at);
        const end = at + 4 + view.getUint32(0);
        const where = at + 4 + below(random, end - at - 4);
        if (random() < 0.5) mutated[where] = below(random, 256);
        at = end;
      }
      const code = codeOf(() => decodeHostile(mutated));
      assert(EXPECTED.includes(code), `${code}: ${mutated}`);
    }
  }
});

test("decodeValue() survives random bytes", () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 5_000; round++) {
    const bytes = randomBytes(random, 1 + below(random, 60));
    bytes[0] = below(random, 2);
    const code = codeOf(() => decodeValue(bytes));
    assert([undefined, "malformed", "limit"].includes(code), `${bytes}`);
  }
});

test("decodeValue() gives what encodes to a value of the same kind", () => {
  const random = randomNumbers(2);
  let taken = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const bytes = encodeValue(randomValue(randomNumbers(seed)));
    let value: unknown;
    try {
      value = decodeValue(mutate(bytes, random));
    } catch {
      continue;
    }
    taken++;
    assertEquals(exactly(decodeValue(encodeValue(value))), exactly(value));
  }
  assert(taken > 50, `${taken}`);
});
