import { assert, assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import {
  DEFAULT_LIMITS,
  limitRange,
  resolveLimits,
  type WireLimits,
} from "../../wire/base/limits.ts";
import { test } from "../_test.ts";

test("DEFAULT_LIMITS are these", () => {
  assertEquals({ ...DEFAULT_LIMITS }, {
    message: 4_194_304,
    frame: 65_600,
    helloFrame: 16_384,
    nesting: 64,
    values: 262_144,
    bigint: 8_192,
    calls: 1_000,
    pieces: 8,
    window: 4_194_304,
    streams: 100,
    streamWindow: 262_144,
    memory: 134_217_728,
    objects: 10_000,
    tableEntries: 1_024,
    cancels: 1_000,
    cancelsPerSecond: 33,
    sendPause: 4_194_304,
    sendMost: 67_108_864,
    sendEnd: 16_777_216,
    stall: 10_000,
    keepaliveIdle: 30_000,
    keepaliveDeath: 20_000,
    hello: 10_000,
    frameProgress: 30_000,
    close: 10_000,
    cmuclString: 1_048_576,
    cmuclCache: 4_096,
    cmuclBignum: 2_048,
    wires: 2_000,
    wiresPerAddress: 1_000,
    wiresBeforeHello: 128,
    handshakesPerAddress: 64,
    yieldAfter: 30_000,
    attempts: 10,
    attemptEvery: 1_000,
    serverMemory: 536_870_912,
    serverTotal: 167_772_160,
  });
  assert(Object.isFrozen(DEFAULT_LIMITS));
});

test("resolveLimits() completes what it is given", () => {
  assertEquals({ ...resolveLimits() }, { ...DEFAULT_LIMITS });
  assertEquals({ ...resolveLimits({}) }, { ...DEFAULT_LIMITS });
  assertEquals(
    { ...resolveLimits({ calls: 3, nesting: 7 }) },
    { ...DEFAULT_LIMITS, calls: 3, nesting: 7 },
  );
  const absent = { calls: undefined } as unknown as Partial<WireLimits>;
  assertEquals(resolveLimits(absent).calls, 1_000);
});

test("resolveLimits() lets all wires be of one address where only their number is given", () => {
  const { wires, wiresPerAddress } = resolveLimits({ wires: 5_000 });
  assertEquals([wires, wiresPerAddress], [5_000, 5_000]);
  const both = resolveLimits({ wires: 5_000, wiresPerAddress: 7 });
  assertEquals([both.wires, both.wiresPerAddress], [5_000, 7]);
  assertEquals(resolveLimits({ wiresPerAddress: 7 }).wires, 2_000);
});

const NAMES = Object.keys(DEFAULT_LIMITS) as (keyof WireLimits)[];

test("resolveLimits() takes each limit from its least to its most", () => {
  for (const name of NAMES) {
    const { least, most } = limitRange(name);
    assert(least <= DEFAULT_LIMITS[name] && DEFAULT_LIMITS[name] <= most);
    for (const value of [least, most]) {
      assertEquals(resolveLimits({ [name]: value })[name], value);
    }
    for (const value of [least - 1, most + 1, -1, 1.5, NaN, Infinity]) {
      const error = assertThrows(() => resolveLimits({ [name]: value }));
      assert(error instanceof WireError);
      assertEquals(error.code, "invalidArgument");
      assert(error.message.includes(`"${name}"`), error.message);
      assert(error.message.includes(`${least} to ${most}`), error.message);
    }
  }
});

test("resolveLimits() refuses what is no number", () => {
  for (const value of ["1000", null, 10n, [], {}, true]) {
    const limits = { calls: value } as unknown as Partial<WireLimits>;
    const error = assertThrows(() => resolveLimits(limits));
    assert(error instanceof WireError && error.code === "invalidArgument");
  }
});

test("resolveLimits() refuses what holds no limits, and would be left out in silence", () => {
  class Limits {
    get calls() {
      return 7;
    }
  }
  assertEquals(resolveLimits(new Limits()).calls, 7);
  assertEquals(resolveLimits(Object.create({ calls: 8 })).calls, 8);
  for (
    const limits of [
      new Map([["calls", 7]]),
      Promise.resolve({ calls: 7 }),
      [],
      () => ({ calls: 7 }),
    ] as unknown[]
  ) {
    const error = assertThrows(() =>
      resolveLimits(limits as Partial<WireLimits>)
    );
    assert(error instanceof WireError && error.code === "invalidArgument");
  }
});

test("resolveLimits() refuses a limit that does not exist, and names the nearest, or all", () => {
  assertThrows(
    () => resolveLimits({ clals: 1 } as Partial<WireLimits>),
    WireError,
    'There is no limit "clals"; did you mean "calls"?',
  );
  for (const name of ["toString", "constructor", ""]) {
    const limits = { [name]: 1 } as Partial<WireLimits>;
    const error = assertThrows(() => resolveLimits(limits));
    assert(error instanceof WireError);
    assertEquals(error.code, "invalidArgument");
    for (const known of NAMES) assert(error.message.includes(known));
  }
});
