/**
 * Fuzzes what comes before a wire is open: frames up to the hello, the hello,
 * and what it tells of a contract.
 *
 * @module
 */

import { contract } from "../../wire/contract/contract.ts";
import {
  checkTold,
  contractSummary,
  signaturesOf,
} from "../../wire/contract/_rules.ts";
import { limitRange, resolveLimits } from "../../wire/base/limits.ts";
import { HELLO_LIMITS, KIND } from "../../wire/codec/messages.ts";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { constantTimeEqual } from "../../wire/base/checks.ts";
import { knownProtocol, shownBytes } from "../../wire/base/errors.ts";
import type { StandardSchema } from "../../wire/contract/contract_types.ts";
import { RAW } from "../_raw_values.ts";
import type { Random } from "../simulation/_random.ts";
import { mutateBytes, mutateHead } from "./_mutate.ts";
import { mutateFrames } from "./_mutate_frames.ts";
import { mutateText } from "./_mutate_text.ts";
import {
  type Bytes,
  chunks,
  Fault,
  inRoom,
  outcome,
  type Target,
} from "./_target.ts";

/** A schema that tells a JSON Schema. */
function told(json: Record<string, unknown>): StandardSchema {
  return {
    "~standard": {
      version: 1,
      vendor: "fuzz",
      validate: (value) => ({ value }),
      jsonSchema: { input: () => json },
    },
  };
}

const POINT = {
  type: "object",
  properties: { x: { type: "number" }, tag: { enum: ["a", "b", 3, null] } },
  required: ["x"],
};
const NESTED = {
  anyOf: [
    { type: "array", items: { type: ["string", "null", "boolean"] } },
    { type: "array", prefixItems: [POINT, { const: "z" }], items: false },
    { type: "object", additionalProperties: { type: "array", items: POINT } },
  ],
};

const OURS = signaturesOf(contract({
  f: { args: [told({ type: "number" })], result: told(POINT), version: "1" },
  g: {
    args: [told(NESTED)],
    rest: told({ type: "string" }),
    results: [told(NESTED), told({ type: "boolean" })],
    errors: { Broken: told(POINT), Other: null },
  },
  "": { args: [] },
}));

/** Text that means something in what is told of a contract. */
const WORDS = [
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  '"',
  "[1,",
  '"f"',
  '"g"',
  "null",
  '"or"',
  '"list"',
  '"map"',
  '"tuple"',
  '"any"',
  '"string"',
  '"number"',
  '"boolean"',
  '"true"',
  '"x?"',
  '"__proto__"',
  '["or",',
  '["list",',
  "[[[[",
  "1e99",
  "-1",
  "\\ud800",
];

/** What comes of a text that is told of a contract. */
function compare(text: string): string {
  return outcome(() => {
    checkTold(text, OURS);
    return text.startsWith("[1,") ? "it fits" : "it tells nothing";
  });
}

/** What comes of the first frames, as a wire reads them. */
function greet(bytes: Bytes, cut: number): string {
  const limits = resolveLimits({ helloFrame: 4_096 });
  const decoder = new CollectingDecoder(limits, {
    importer: RAW,
    awaitsHello: true,
  });
  let isGreeted = false;
  const kinds: string[] = [];
  for (const chunk of chunks(bytes, cut)) {
    decoder.feed(chunk);
    for (let message; (message = decoder.next()) !== undefined;) {
      kinds.push(message.kind);
      if (message.kind === "hello") {
        for (const name of HELLO_LIMITS) {
          const { least, most } = limitRange(name);
          const limit = message.limits[name];
          if (least <= limit && limit <= most) continue;
          throw new Fault(`the limit ${name} is ${limit}`);
        }
        isGreeted = true;
        decoder.greet();
        kinds.push(
          String(constantTimeEqual(message.credential, "open sesame")),
        );
        checkTold(message.contract, OURS);
      } else if (!isGreeted && message.kind !== "abort") {
        throw new Fault(`a ${message.kind} came before the hello`);
      }
      // This side accepts when the peer does, so that all kinds are read.
      if (message.kind === "accept") decoder.open();
    }
  }
  decoder.finish();
  return [...new Set(kinds)].join();
}

function mutateContract(input: Bytes, random: Random, other: Bytes): Bytes {
  return mutateText(input, random, other, 2, WORDS);
}

/**
 * The first byte chooses between the first frames of a wire and the text of a
 * contract; the second how the frames are cut.
 */
export const handshake: Target = {
  name: "handshake",

  mutate(input, random, other) {
    if (random.chance(0.05)) return mutateHead(input, random, 2);
    if ((input[0]! & 1) !== 0) return mutateContract(input, random, other);
    return random.chance(0.5)
      ? mutateFrames(input, random, other, 2)
      : mutateBytes(input, random, other, [...Object.values(KIND), 0, 127], 2);
  },

  run(input, isCounted) {
    const [mode = 0, cut = 0] = input;
    const bytes = input.slice(2);
    if ((mode & 1) !== 0) {
      const text = new TextDecoder().decode(bytes);
      return inRoom(bytes.length, isCounted, () => compare(text));
    }
    const shown = shownBytes(bytes);
    // deno-lint-ignore no-control-regex -- these are what must not be there
    if (/[\0-\x1f\x7f-\x9f]/.test(shown)) {
      throw new Fault(`control characters are shown: ${JSON.stringify(shown)}`);
    }
    const came = inRoom(
      bytes.length,
      isCounted,
      () => outcome(() => greet(bytes, cut)),
    );
    return `${knownProtocol(bytes) ?? ""} ${came}`;
  },
};

/** What this side tells of its contract: where fuzzing begins. */
export const TOLD: string = contractSummary(OURS, 16_384, "");
