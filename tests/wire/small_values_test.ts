/**
 * The small reader and writer of values beside the whole ones: what one writes
 * the other reads, and what one refuses the other does.
 */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LIMITS, resolveLimits } from "../../wire/base/limits.ts";
import { ByteReader, ByteWriter } from "../../wire/codec/bytes.ts";
import { SmallReader, SmallWriter } from "../../wire/codec/small_values.ts";
import { ReceiveTables } from "../../wire/codec/tables.ts";
import { ValueReader } from "../../wire/codec/value_reader.ts";
import { NO_SHAPES, ValueWriter } from "../../wire/codec/value_writer.ts";
import { RAW, Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { fromHex, Point, valueOf, VECTORS } from "../_vectors.ts";
import { codeOf, concat, randomNumbers } from "./_codec.ts";
import { exactly } from "./_exact.ts";
import { below, pick, randomBytes, randomValue } from "./_random_values.ts";

const LIMITS = resolveLimits();

function writeSmall(value: unknown, limits = LIMITS): Uint8Array {
  const writer = new SmallWriter(limits, 0, limits.message);
  writer.write(value);
  return writer.buffer.subarray(0, writer.position);
}

function readSmall(bytes: Uint8Array, limits = LIMITS): unknown {
  const reader = new SmallReader(limits);
  reader.turnTo(bytes, 0, bytes.length);
  reader.begin(Infinity, Infinity);
  const value = reader.read();
  reader.finish();
  if (reader.failure !== undefined) throw reader.failure;
  return value;
}

function writeWhole(value: unknown): Uint8Array {
  const writer = new ByteWriter();
  new ValueWriter(writer, NO_SHAPES, LIMITS, { exporter: RAW }).write(value);
  return writer.written().slice();
}

function readWhole(bytes: Uint8Array): unknown {
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  const values = new ValueReader(reader, new ReceiveTables(0), LIMITS);
  values.begin();
  const value = values.read();
  reader.finish();
  return value;
}

/** Whether a value has what the small ones lack. */
function isWhole(value: unknown): boolean {
  const found = new Set<unknown>([value]);
  for (const part of found) {
    if (part instanceof Raw || part instanceof Point) return true;
    if (part instanceof Map) { for (const each of part) found.add(each); }
    else if (part instanceof Set) { for (const each of part) found.add(each); }
    else if (ArrayBuffer.isView(part)) continue;
    else if (typeof part === "object" && part !== null) {
      for (const each of Object.values(part)) found.add(each);
      if (part instanceof Error) found.add(part.cause);
    }
  }
  return false;
}

/** The vectors that are data alone, and refer to no key set. */
const PLAIN = VECTORS.values.filter(({ keySets = [], value }) =>
  keySets.length === 0 && !isWhole(valueOf(value))
);

test("SmallReader reads the values of the vectors that are data", () => {
  assert(PLAIN.length > 60);
  for (const { hex, value, name } of PLAIN) {
    const expected = valueOf(value);
    const came = readSmall(fromHex(hex));
    assertEquals(exactly(came), exactly(expected), name);
    if (came instanceof Error) {
      assertEquals(came.stack, (expected as Error).stack, name);
    }
  }
});

test("SmallReader refuses what it declines, or is gone, among the vectors", () => {
  const others = VECTORS.values.filter((vector) => !PLAIN.includes(vector));
  assert(others.length > 10);
  const codes = new Set(
    others.map(({ hex }) => codeOf(() => readSmall(fromHex(hex)))),
  );
  assertEquals(
    [...codes].sort(),
    ["malformed", "noSuchObject", "resultGone", "unsupportedValue"],
  );
});

test("SmallWriter writes what ValueReader reads, of the vectors", () => {
  for (const { value, name } of PLAIN) {
    const sent = valueOf(value);
    assertEquals(exactly(readWhole(writeSmall(sent))), exactly(sent), name);
  }
});

test("SmallReader refuses every vector that is cut, and one with a byte behind it", () => {
  for (const { hex, name } of PLAIN) {
    const bytes = fromHex(hex);
    const ends = bytes.length < 300
      ? Array.from(bytes, (_, end) => end)
      : [0, 1, 5, bytes.length - 1];
    for (const end of ends) {
      const code = codeOf(() => readSmall(bytes.slice(0, end)));
      assertEquals(code, "malformed", `${name}, cut at ${end}`);
    }
    const longer = concat([bytes, Uint8Array.of(0)]);
    assertEquals(codeOf(() => readSmall(longer)), "malformed", name);
  }
});

test("the small and the whole codec carry whatever random value", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const value = randomValue(randomNumbers(seed));
    const exact = exactly(value);
    assert(exactly(readWhole(writeSmall(value))) === exact, `seed ${seed}`);
    assert(exactly(readSmall(writeWhole(value))) === exact, `seed ${seed}`);
    assert(exactly(readSmall(writeSmall(value))) === exact, `seed ${seed}`);
  }
});

/** What becomes of bytes: a value, or an error's code. */
function outcome(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array) {
  let value: unknown;
  const code = codeOf(() => void (value = read(bytes)));
  return code === undefined ? exactly(value) : `refused: ${code}`;
}

test("SmallReader takes and refuses mutations as ValueReader does", () => {
  let taken = 0;
  for (let seed = 1; seed <= 4_000; seed++) {
    const random = randomNumbers(seed);
    const bytes = seed % 10 === 0
      ? randomBytes(random, below(random, 60))
      : Uint8Array.from(writeWhole(randomValue(random, 4)));
    for (let n = below(random, 4); n > 0 && bytes.length > 0; n--) {
      bytes[below(random, bytes.length)] = pick(random, [
        below(random, 256),
        0xc0 + below(random, 0x20),
        0,
        0xff,
      ]);
    }
    const whole = outcome(readWhole, bytes);
    const small = outcome(readSmall, bytes);
    if (!whole.startsWith("refused")) taken++;
    // Values by themselves have no references, which wires may have.
    const isGone = /noSuchObject|resultGone/.test(small);
    if (isGone) assertEquals(whole, "refused: malformed", `seed ${seed}`);
    else assertEquals(small, whole, `seed ${seed}`);
  }
  assert(taken > 500, `${taken} were taken`);
});

/** What has a key, or a member, twice; and what only seems to. */
const TWICE: readonly [string, string | undefined][] = [
  ["d5 02 01 01", "malformed"],
  ["d5 02 01 c4 01", "malformed"],
  ["d5 02 00 c9 80 00 00 00", "malformed"],
  ["d5 02 ca 7f f8*1 00*6 ca 7f f8*1 00*6", "malformed"],
  ["d4 02 81 61 00 81 61 00", "malformed"],
  ["d3 02 01 61 00 01 61 00", "malformed"],
  ["d3 02 01 61 00 01 62 00", undefined],
  ["d5 02 d0 00*8 d0 00*8", undefined],
  ["d5 02 01 cb 01 01", undefined],
  // Objects that return, and results, may be equal, which nobody can know.
  ["d5 02 d8 00 00*4 d8 00 00*4", "noSuchObject"],
  ["d4 02 01 da 00 01 da 00", "resultGone"],
];

test("SmallReader takes no key twice", () => {
  for (const [hex, code] of TWICE) {
    assertEquals(codeOf(() => readSmall(fromHex(hex))), code, hex);
  }
});

test("the small codec keeps to limits", () => {
  const few = resolveLimits({ nesting: 3, values: 10, bigint: 2 });
  const deep = [[[[1]]]];
  const many = Array(11).fill(0);
  for (const value of [deep, many, 2n ** 16n, new Map([[deep, 1]])]) {
    assertEquals(codeOf(() => writeSmall(value, few)), "limit");
    const bytes = writeSmall(value);
    assertEquals(codeOf(() => readSmall(bytes, few)), "limit");
  }
  for (const value of [[[[]]], Array(10).fill(0), 2n ** 16n - 1n]) {
    assertEquals(
      exactly(readSmall(writeSmall(value, few), few)),
      exactly(value),
    );
  }
  const message = { ...DEFAULT_LIMITS, message: 4_096 };
  const large = new Uint8Array(4_096);
  assertEquals(codeOf(() => writeSmall(large, message)), "limit");
  assertEquals(writeSmall(large.subarray(0, 4_093), message).length, 4_096);
});

test("SmallWriter refuses a list whose length is none", () => {
  for (const length of [-5, 1.5, NaN, Infinity, "2"]) {
    const list = new Proxy([1, 2, 3], {
      get: (target, key) =>
        key === "length" ? length : Reflect.get(target, key),
    });
    for (const value of [list, [list], new Map([[1, list]])]) {
      assertEquals(codeOf(() => writeSmall(value)), "unsupportedValue");
    }
    const writer = new SmallWriter(LIMITS, 0, LIMITS.message);
    assertEquals(codeOf(() => writer.writeList(list)), "unsupportedValue");
  }
});

test("SmallReader bounds what values take in memory", () => {
  const reader = new SmallReader(LIMITS);
  const weighs = (bytes: Uint8Array, most: number, room: number) => {
    reader.turnTo(bytes, 0, bytes.length);
    reader.begin(most, room);
    return codeOf(() => reader.read());
  };
  // Two bytes each, and some hundred in memory.
  const maps = writeSmall(Array.from({ length: 10_000 }, () => new Map()));
  assertEquals(weighs(maps, 16 * maps.length, Infinity), "limit");
  assertEquals(weighs(maps, Infinity, 1_000_000), "limit");
  assertEquals(weighs(maps, Infinity, Infinity), undefined);
  const numbers = writeSmall(Array.from({ length: 10_000 }, (_, n) => n));
  assertEquals(weighs(numbers, 16 * numbers.length, Infinity), undefined);
});

test("SmallReader makes no table whose keys collide", () => {
  // The engine's hash of these integers is the same in many low bits.
  const chosen: number[] = [];
  const hash = (key: number) => {
    let bits = ~key + (key << 15) | 0;
    bits ^= bits >>> 12;
    bits = bits + (bits << 2) | 0;
    bits ^= bits >>> 4;
    bits = Math.imul(bits, 2_057);
    return (bits ^ bits >>> 16) & 0x3fff;
  };
  for (let key = 0; chosen.length < 1_000; key++) {
    if (hash(key) === 7) chosen.push(key);
  }
  assertEquals(codeOf(() => readSmall(writeWhole(new Set(chosen)))), "limit");
  const entries = chosen.map((key) => [key, 0] as const);
  assertEquals(codeOf(() => readSmall(writeWhole(new Map(entries)))), "limit");
  const others = Array.from({ length: 1_000 }, (_, n) => n * 3);
  assertEquals(readSmall(writeWhole(new Set(others))), new Set(others));
});

/** What cannot be sent, what its error says, and whether a whole wire can. */
const UNSENDABLE: readonly [unknown, RegExp, boolean][] = [
  [() => 1, /function/, true],
  [Symbol("a"), /symbol/, false],
  [Promise.resolve(1), /promise/, false],
  [new ReadableStream(), /stream/, true],
  [(async function* () {})(), /stream/, true],
  [new (class Point {})(), /Point/, false],
  ["\ud800", /surrogate/, false],
  [{ a: [new Map([[1, () => 1]])] }, /function/, true],
];

test("SmallWriter says what it does not send, and what does", () => {
  for (const [value, text, isElsewhere] of UNSENDABLE) {
    let message = "";
    const code = codeOf(() => {
      try {
        writeSmall(value);
      } catch (error) {
        message = (error as Error).message;
        throw error;
      }
    });
    assertEquals(code, "unsupportedValue");
    assert(text.test(message), message);
    assertEquals(message.includes("./websocket"), isElsewhere, message);
  }
});
