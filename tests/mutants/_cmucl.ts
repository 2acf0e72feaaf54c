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
      {
        name: "a call within data is taken",
        find: "top !== undefined && top.call?.fn === undefined",
        replace: "top !== undefined && top.kind === undefined",
      },
      {
        name: "what is looked up holds no values",
        find: "this.#values += saved.values;",
        replace: "",
      },
      {
        name: "an object is saved under two indices",
        find:
          'if (kind === "save" && top?.kind === "save") throw savedTwice();',
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
    ],
    bugs: [
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
        name: "an answer with too many values is taken",
        find: "if (list.length !== count) {",
        replace: "if (list.length < count) {",
      },
      {
        name: "an answer overtakes others that wait for room",
        find: "if (this.#options.output.hasRoom && this.#echoes.size === 0) {",
        replace: "if (this.#options.output.hasRoom) {",
      },
      {
        name: "an answer that waited stays in the account of memory",
        find: "this.#options.memory.give(echo.excess);",
        replace: "",
      },
      {
        name: "one asker too many in a row is taken",
        find: "if (this.#askers.length >= this.#options.nesting) {",
        replace: "if (this.#askers.length > this.#options.nesting) {",
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
        name: "the timer of a close outlives the wire",
        find: "    this.#closeTimer?.();",
        replace: "",
      },
      {
        name: "a secret that CMUCL cannot show is taken for shown",
        find: 'if (credential !== "" || requireCredential !== undefined) {',
        replace: 'if (credential !== "") {',
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
      {
        name: "the longest string is refused",
        find: "if (length < 0 || length > most) {",
        replace: "if (length < 0 || length >= most) {",
      },
      {
        name: "a wire is released twice",
        find: `    if (this.#isDisposed) return;
    this.#isDisposed = true;`,
        replace: "    this.#isDisposed = true;",
      },
    ],
  },
];
