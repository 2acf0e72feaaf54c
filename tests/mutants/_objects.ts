/**
 * Planted bugs of references.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const OBJECTS: readonly BuggyFile[] = [
  {
    file: "wire/objects/objects.ts",
    tests: [
      "wire/exports_test.ts",
      "wire/hostile_objects_test.ts",
      "wire/remote_object_test.ts",
      "wire/hello_limits_test.ts",
      "wire/lifetimes_fuzz_test.ts",
      "wire/lost_references_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a release of nothing is taken",
        find: "|| count === 0 || count > found.count",
        replace: "|| count > found.count",
      },
      {
        name: "an object is released more often than it was sent",
        find: "|| count === 0 || count > found.count",
        replace: "|| count === 0",
      },
      {
        name: "objects that were released count against the peer's limit",
        find: "if (place.isKnown) this.#known--;",
        replace: "",
      },
      {
        name: "the release of a forgotten object removes its next export",
        find: "found.value = {};",
        replace: "",
      },
      {
        name: "the owner of a forgotten object is told of its release",
        find: "if (onRelease === undefined || isForgotten) return;",
        replace: "if (onRelease === undefined) return;",
      },
      {
        name: "nonces are used again",
        find: "this.#nonces = crypto.getRandomValues(new Uint32Array(DRAWN));",
        replace:
          "if (this.#nonces.length === 0) this.#nonces = crypto.getRandomValues(new Uint32Array(DRAWN));",
      },
      {
        name: "an object in the place of another is taken for that",
        find: "} else if (place.nonce !== nonce) {",
        replace: "} else if (place.slot !== slot) {",
      },
      {
        name: "an object more than the limit is held",
        find: "if (this.#bySlot.size >= most) {",
        replace: "if (this.#bySlot.size > most) {",
      },
      {
        name: "owners are not told of releases when the wire ends",
        find: "if (place !== undefined) this.#released(place);",
        replace: "",
      },
      {
        name: "a peer may guess at references without end",
        find: "if (++this.#misses > MISSES) {",
        replace: "if (this.#misses > MISSES) {",
      },
      {
        name: "an object that was forgotten can be called",
        find: "return found.isForgotten ? undefined : found;",
        replace: "return found;",
      },
      {
        name: "the signal of a released reference does not abort",
        find: "this.#controller?.abort(reason);",
        replace: "",
      },
    ],
  },
  {
    file: "wire/objects/objects.ts",
    tests: [
      "wire/exports_test.ts",
      "wire/hostile_objects_test.ts",
      "wire/remote_object_test.ts",
      "wire/incoming_calls_test.ts",
      "wire/hello_limits_test.ts",
      "wire/lifetimes_fuzz_test.ts",
      "wire/streams_unsent_test.ts",
      "wire/thenables_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a reference that came twice is released once",
        find: "count: received }",
        replace: "count: 1 }",
      },
      {
        name: "what a message exported stays exported when it is not sent",
        find:
          "for (const place of this.places) this.#exports.decrement(place);",
        replace: "",
      },
      {
        name: "streams of a message that nobody wants go on",
        find: "for (const sink of this.sinks) sink.cancel();",
        replace: "",
      },
      {
        name: "references of a message that nobody wants are kept",
        find: "for (const place of this.places) place.dispose();",
        replace: "",
      },
      {
        name: "a reference of another wire is sent as the peer's own",
        find:
          "if (place instanceof Import && this.#tables.imports.has(place)) {",
        replace: "if (place instanceof Import) {",
      },
      {
        name: "what one message exported is undone with the next",
        find: `  take(): SentAttachments | undefined {
    const attachments = this.#attachments;
    this.#attachments = undefined;`,
        replace: `  take(): SentAttachments | undefined {
    const attachments = this.#attachments;`,
      },
      {
        name: "streams that a function has taken end when it throws",
        find: "if (!sink.isTaken) sink.cancel(reason);",
        replace: "sink.cancel(reason);",
      },
      {
        name: "the peer's word is the only limit of objects",
        find: "this.#most = Math.min(most, this.#options.limits.objects);",
        replace: "this.#most = most;",
      },
      {
        name: "a function under the key then stays one",
        find: `    if (typeof value !== "function") return value;`,
        replace: `    if (typeof value === "function") return value;`,
      },
      {
        name: "a reference to what is gone is taken for undefined",
        find: `      incoming.failure ??= new WireError(
        "noSuchObject",`,
        replace: `      void new WireError(
        "noSuchObject",`,
      },
    ],
  },
];
