/**
 * A program that sends many objects of a few key sets both ways over a wire,
 * and prints whether generated code was allowed, and whether every object came
 * through as it was. `generated_code_test.ts` runs it.
 *
 * @module
 */

import { wirePair } from "../../wire/mod.ts";

/** More of each key set than make the reader look for a faster way. */
const OBJECTS = 40;

/** Names that would do harm if they became code, or were assigned. */
const KEY_SETS: readonly (readonly string[])[] = [
  ["plain", "other", "third"],
  ["__proto__", "constructor", "prototype", "toString", "valueOf"],
  ['"];globalThis.harmed=1;//', "'];globalThis.harmed=1;//", "`${harm()}`"],
  ["__proto__", '"]: (globalThis.harmed = 1), ["x', "}; globalThis.harmed = 1"],
  ["then", "get", "set", "async", "await", "static", "return", "#private"],
  ["line\nbreak\r\u2028\u2029", "back\\slash", "\u0000", "πρ 🦕", ""],
  ["10", "0", "a", "-1", "007", "1e3"],
  ["1000000", "b", "4294967294", "4294967295"],
];

/** An object with those keys as its own data, in an object of its own. */
function objectOf(keys: readonly string[], seed: number): object {
  const object = {};
  for (const [index, key] of keys.entries()) {
    const value = index === 1 ? { [key]: seed } : seed * 100 + index;
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

/** All that can be known of plain data, as a text. */
function portrait(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  const parts = Reflect.ownKeys(value).map((key) => {
    const { value: inner, ...flags } = Object.getOwnPropertyDescriptor(
      value,
      key,
    )!;
    return `${JSON.stringify(key)}: ${portrait(inner)} ${
      JSON.stringify(Object.entries(flags).sort())
    }`;
  });
  return `${isPlain ? "plain" : "strange"} {${parts.join(", ")}}`;
}

function isCodeAllowed(): boolean {
  try {
    return new Function("return 42")() === 42;
  } catch (error) {
    if (error instanceof EvalError) return false;
    throw error;
  }
}

const [near, far] = wirePair();
let echoed = 0;
let same = 0;
const seen: string[] = [];
far.serve({
  echo(value: unknown): unknown {
    seen.push(portrait(value));
    return value;
  },
});
for (let round = 0; round < OBJECTS; round++) {
  const objects = KEY_SETS.map((keys) => objectOf(keys, round));
  seen.length = 0;
  const back: unknown[] = await Promise.all(
    objects.map((object) => near.remoteValue.echo(object)),
  );
  for (const [index, object] of objects.entries()) {
    echoed++;
    const sent = portrait(object);
    if (portrait(back[index]) === sent && seen[index] === sent) same++;
  }
}
await Promise.all([near.close(), far.close()]);
if (!("__proto__" in {})) throw new Error("Run it with unsafe __proto__.");
console.log(JSON.stringify({
  codeAllowed: isCodeAllowed(),
  echoed,
  same,
  harmed: Object.hasOwn(globalThis, "harmed") ||
    portrait({}) !== "plain {}",
}));
