/**
 * Fuzzes CMUCL's protocol: its reader by itself, and a wire that speaks it.
 *
 * @module
 */

import { cmucl as dialect } from "../../wire/cmucl/mod.ts";
import { Cons } from "../../wire/cmucl/cons.ts";
import { OP } from "../../wire/cmucl/opcodes.ts";
import { LispCall, LispReader } from "../../wire/cmucl/reader.ts";
import { WireError } from "../../wire/base/errors.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { values } from "../../wire/mod.ts";
import { footprint } from "./_footprint.ts";
import { Harness, inHarness, Planned } from "./_harness.ts";
import { mutateBytes, mutateHead } from "./_mutate.ts";
import {
  about,
  type Bytes,
  checkHeld,
  chunks,
  Fault,
  inRoom,
  kindOf,
  type Target,
} from "./_target.ts";

const LIMITS = [
  resolveLimits(),
  resolveLimits({
    nesting: 4,
    values: 30,
    cmuclString: 20,
    cmuclBignum: 2,
    cmuclCache: 6,
    message: 4_096,
  }),
];
const WORDS = [...Object.values(OP), 1, 2, 3, 5, 255, 127, 128];

/** Reads all there is; says what came, as text that tells objects apart. */
function read(bytes: Bytes, isSmall: boolean, cut: number): string {
  const reader = new LispReader(LIMITS[isSmall ? 1 : 0]!);
  const came: string[] = [];
  let size = 0;
  const end = () => {
    for (const chunk of chunks(bytes, cut)) {
      reader.input.feed(chunk);
      for (let one; (one = reader.next()) !== undefined;) {
        size += reader.size;
        checkHeld(footprint(one.value), bytes.length, "an object");
        came.push(`${shape(one.value, 3)} ${one.error && kindOf(one.error)}`);
      }
      reader.input.keep();
      chunk.fill(0xaa);
    }
    return `${reader.unfinished}`;
  };
  let how: string;
  try {
    how = end();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    how = kindOf(error);
  }
  if (size > bytes.length) throw new Fault(`${size} bytes were read`);
  return `${came.join()} ${how}`;
}

/** What an object is, as deep as that. */
function shape(value: unknown, depth: number): string {
  if (value instanceof LispCall) {
    return depth === 0
      ? "call"
      : `call(${
        [value.fn, ...value.args].map((one) => shape(one, depth - 1))
      })`;
  }
  if (Array.isArray(value) || value instanceof Cons) {
    const list = Array.isArray(value) ? value : [value.car, value.cdr];
    if (depth === 0) return "list";
    return `list(${list.map((one) => shape(one, depth - 1))})`;
  }
  return typeof value === "object" ? value?.constructor.name ?? "" : `${value}`;
}

/** Numbers and names are not what makes an outcome a new one. */
function alike(text: string): string {
  return text.replaceAll(/-?\d+/g, "#").replaceAll(/[^ -~]+/g, "?")
    .slice(0, 60);
}

/** What comes of it where a wire reads the same. */
async function speak(
  bytes: Bytes,
  isSmall: boolean,
  cut: number,
): Promise<string> {
  let heard = 0;
  const harness = new Harness(
    {
      dialect: dialect({ host: 0x01020304, pid: 77 }),
      limits: LIMITS[isSmall ? 1 : 0],
      functions: {
        add: (a: number, b: number) => a + b,
        list: (...all: unknown[]) => all,
        pair: () => values(1, 2),
        fail: () => {
          throw new Planned("planned");
        },
        wait: () => harness.sleep(100),
      },
    },
    (chunk) => heard += chunk.length,
    true,
  );
  harness.expect("a call", harness.wire.remoteValue.f!(1, "two", [3n]));
  harness.expect("a message", harness.wire.getObject());
  for (const chunk of chunks(bytes, cut)) harness.say(chunk);
  return `${await harness.finish()} ${about(heard >> 6)}`;
}

/**
 * The first byte chooses limits, and whether a wire reads the others or a
 * reader by itself; the second how they are cut.
 */
export const cmucl: Target = {
  name: "cmucl",

  mutate(input, random, other) {
    if (random.chance(0.05)) {
      const head = mutateHead(input, random, 2);
      // A wire takes a hundred times as long.
      if (random.chance(0.8)) head[0]! &= ~2;
      return head;
    }
    return mutateBytes(input, random, other, WORDS, 2);
  },

  run(input, isCounted) {
    const [mode = 0, cut = 0] = input;
    const bytes = input.slice(2);
    const isSmall = (mode & 1) !== 0;
    if ((mode & 2) !== 0) {
      return inHarness(() => speak(bytes, isSmall, cut));
    }
    const copy = bytes.slice();
    const whole = inRoom(copy.length, isCounted, () => read(copy, isSmall, 0));
    const inParts = inRoom(
      bytes.length,
      isCounted,
      () => read(bytes, isSmall, cut || 1),
    );
    if (whole !== inParts) {
      throw new Fault(`${inParts} came in chunks, not ${whole}`);
    }
    return alike(whole);
  },
};
