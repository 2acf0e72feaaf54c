/**
 * Planted bugs of CMUCL's protocol.
 *
 * @module
 */

import type { BuggyFile } from "./_mutant.ts";

export const CMUCL: readonly BuggyFile[] = [
  {
    file: "wire/cmucl/reader.ts",
    tests: [
      "wire/cmucl/reader_test.ts",
      "wire/cmucl/hostile_test.ts",
      "wire/cmucl/vectors_test.ts",
      "wire/cmucl/fuzz_test.ts",
    ],
    bugs: [
      {
        name: "what is saved anew under an index is counted again",
        find:
          "this.#cacheBytes += bytes - (this.#cache.get(index)?.bytes ?? 0);",
        replace: "this.#cacheBytes += bytes;",
      },
      {
        name: "objects nest one less deep than the limit",
        find: "this.#depth + height <= nesting",
        replace: "this.#depth + height < nesting",
      },
    ],
  },
  {
    file: "wire/cmucl/_reading.ts",
    tests: ["wire/cmucl/untagged_test.ts"],
    bugs: [
      {
        name: "a read of one that was disposed of waits for objects' bytes",
        find: "if (this.#holder !== holder) throw disposedOf();",
        replace: "",
      },
    ],
  },
  {
    file: "wire/cmucl/_requests.ts",
    tests: [
      "wire/cmucl/requests_test.ts",
      "wire/cmucl/calls_test.ts",
      "wire/cmucl/session_test.ts",
      "wire/cmucl/hostile_test.ts",
      "wire/cmucl/backlog_test.ts",
      "wire/cmucl/untagged_test.ts",
    ],
    bugs: [
      {
        name: "who waits for a call to be performed does not learn of the end",
        find: "for (const reject of this.#evaluating) reject(reason);",
        replace: "",
      },
      {
        name: "those who ask one after the other are answered in that order",
        find: "of askers.toReversed()",
        replace: "of askers",
      },
      {
        name: "a call that is answered stays owed",
        find: "    this.owedBytes -= owed.cost;",
        replace: "",
      },
      {
        name: "what comes behind a call with calls in it is never read",
        find: "        this.blocked--;",
        replace: "",
      },
      {
        name: "an answer overtakes others that wait for room",
        find: "if (this.#options.output.hasRoom && this.#echoes.size === 0) {",
        replace: "if (this.#options.output.hasRoom) {",
      },
    ],
  },
  {
    file: "wire/cmucl/_session.ts",
    tests: [
      "wire/cmucl/session_test.ts",
      "wire/cmucl/calls_test.ts",
      "wire/cmucl/hostile_test.ts",
    ],
    bugs: [
      {
        name: "a wire to a Lisp closes under the calls that it serves",
        find: "const isIdle = calls.wanted === 0 && incoming.running === 0 &&",
        replace: "const isIdle = calls.wanted === 0 &&",
      },
      {
        name: "two ends that wait for each other stop reading",
        find: "if (calls.pending > 0) return false;",
        replace: "",
      },
    ],
  },
  {
    file: "wire/cmucl/untagged.ts",
    tests: ["wire/cmucl/untagged_test.ts"],
    bugs: [
      {
        name: "a string of a negative length is read",
        find: "if (length < 0 || length > most) {",
        replace: "if (length > most) {",
      },
    ],
  },
];
