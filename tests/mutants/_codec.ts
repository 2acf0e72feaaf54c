/**
 * Planted bugs of bytes and values.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const CODEC: readonly BuggyFile[] = [
  {
    file: "wire/codec/frames.ts",
    tests: [
      "wire/frames_test.ts",
      "wire/pieces_test.ts",
      "wire/keepalive_test.ts",
      "wire/hostile_test.ts",
    ],
    bugs: [
      {
        name: "a frame of the largest size is refused",
        find: "if (length === 0 || length > this.limit) {",
        replace: "if (length === 0 || length >= this.limit) {",
      },
      {
        name: "an empty frame is taken",
        find: "if (length === 0 || length > this.limit) {",
        replace: "if (length > this.limit) {",
      },
      {
        name: "one more message may be unfinished",
        find: "if (this.#unfinished.length >= pieces) {",
        replace: "if (this.#unfinished.length > pieces) {",
      },
      {
        name: "an empty piece is taken",
        find:
          "if (count === 0 || unfinished.length + count > unfinished.size) {",
        replace: "if (unfinished.length + count > unfinished.size) {",
      },
      {
        name: "an abandoned message stays unfinished",
        find: "if (found !== undefined) this.#forget(found);",
        replace: "",
      },
      {
        name: "a stream that ends in the middle of a piece has ended well",
        find: "return this.#carried + this.rest;",
        replace: "return this.#carried;",
      },
      {
        name: "memory is taken for what was announced",
        find: "new Uint8Array(Math.min(size, room))",
        replace: "new Uint8Array(size)",
      },
      {
        name: "a piece goes to the message before",
        find: "if (this.#last === unfinished) this.#last = undefined;",
        replace: "",
      },
    ],
  },
  {
    file: "wire/codec/tables.ts",
    tests: [
      "wire/tables_test.ts",
      "wire/codec_test.ts",
      "wire/renewal_test.ts",
      "wire/memory_test.ts",
      "wire/key_sets_test.ts",
      "wire/succession_test.ts",
    ],
    bugs: [
      {
        name: "a table holds one name too many",
        find: "entries >= TABLE_ENTRIES ||",
        replace: "entries > TABLE_ENTRIES ||",
      },
      {
        name: "the last name is remembered across a reset",
        find: `    this.#names.clear();
    this.#lastName = undefined;`,
        replace: "    this.#names.clear();",
      },
      {
        name: "the last key set is remembered across a reset",
        find: `    this.#last = undefined;
    this.#fresh = [];`,
        replace: "    this.#fresh = [];",
      },
      {
        name: "a full table is taken for malformed",
        find: "this.#names.length > TABLE_ENTRIES ||",
        replace: "this.#names.length >= TABLE_ENTRIES ||",
      },
      {
        name: "a key set may hold a key twice",
        find: "if (new Set(keys).size !== size) {",
        replace: "if (new Set(keys).size > size) {",
      },
      {
        name: "a reset empties key sets that somebody has borrowed",
        find: `    this.#names = [];
    this.#shapes = [];`,
        replace: `    this.#names = [];
    this.#shapes.length = 0;`,
      },
      {
        name: "the bytes of a table are counted across a reset",
        find: `    this.#shapes = 0;
    this.#bytes = 0;`,
        replace: "    this.#shapes = 0;",
      },
    ],
  },
  {
    file: "wire/codec/single_value.ts",
    tests: [
      "wire/single_value_test.ts",
      "wire/memory_test.ts",
      "wire/stream_sink_test.ts",
      "wire/inbox_test.ts",
    ],
    bugs: [
      {
        name: "borrowed key sets are never returned",
        find: "this.#lent?.giveBack();",
        replace: "",
      },
      {
        name: "a kept message is overwritten by what comes next",
        find: "const own = isOwned ? body : body.slice();",
        replace: "const own = body;",
      },
      {
        name: "what stands behind a value is ignored",
        find: `  reader.finish();
  return { value, weight: values.weight };`,
        replace: "  return { value, weight: values.weight };",
      },
    ],
  },
  {
    file: "wire/codec/message_reader.ts",
    tests: [
      "wire/codec_test.ts",
      "wire/message_receiver_test.ts",
      "wire/metadata_test.ts",
      "wire/value_limits_test.ts",
      "wire/plain_test.ts",
      "wire/protocol_test.ts",
      "wire/hello_limits_test.ts",
      "wire/hostile_test.ts",
      "wire/hostile_objects_test.ts",
      "wire/memory_test.ts",
      "wire/streams_test.ts",
      "wire/vectors_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "metadata has one entry too many",
        find: "if (index >= METADATA_ENTRIES ||",
        replace: "if (index > METADATA_ENTRIES ||",
      },
      {
        name: "metadata may have a key twice",
        find:
          'if (key in metadata) throw malformed("Metadata has a key only once.");',
        replace: "",
      },
      {
        name: "references of a message over a limit are kept",
        find: `  arrived.drop();
  return { failure };`,
        replace: "  return { failure };",
      },
      {
        name: "references behind a value over a limit are kept",
        find: "this.#values.passOver(1);",
        replace: "",
      },
      {
        name: "an item as large as a window is refused",
        find: "if (this.size > mostBytes) throw",
        replace: "if (this.size >= mostBytes) throw",
      },
      {
        name: "a peer's limit may be below its least",
        find: "if (limit < least || limit > most) {",
        replace: "if (limit > most) {",
      },
      {
        name: "a one-way call in a row may have no argument",
        find: "if (count === 0 || count > this.#mostInRow) {",
        replace: "if (count > this.#mostInRow) {",
      },
      {
        name: "the rest of a message is ignored",
        find: `      this.#reader.finish();
      values.end();`,
        replace: "      values.end();",
      },
      {
        name: "a failure is told of the next message as well",
        find: "    this.#failure = undefined;\n    this.weight = 0;",
        replace: "    this.weight = 0;",
      },
      {
        name: "one-way calls in a row begin again after a pause",
        find: "this.#row = undefined;\n    this.#calls",
        replace: "this.#calls",
      },
    ],
  },
  {
    file: "wire/codec/value_reader.ts",
    tests: [
      "wire/values_test.ts",
      "wire/value_limits_test.ts",
      "wire/codec_test.ts",
      "wire/string_section_test.ts",
      "wire/dictionaries_test.ts",
      "wire/odd_values_test.ts",
      "wire/successive_calls_test.ts",
      "wire/succession_test.ts",
      "wire/thenables_test.ts",
      "wire/weight_limits_test.ts",
      "wire/memory_test.ts",
      "wire/hostile_test.ts",
    ],
    bugs: [
      {
        name: "values nest one deeper than the limit",
        find: "if (depth >= this.#nesting) {",
        replace: "if (depth > this.#nesting) {",
      },
      {
        name: "a Map may hold a key twice",
        find: "if (map.set(key, item).size === size && !isObject(key)) {",
        replace: "if (map.set(key, item).size < size) {",
      },
      {
        name: "a list claims more values than there are bytes",
        find: "if (count > this.#reader.remaining) {",
        replace: "if (count > this.#reader.remaining * 99) {",
      },
      {
        name: "text that is left over is ignored",
        find:
          "    if (left > 0) {\n      throw malformed(\n        `The strings",
        replace:
          "    if (left > 9) {\n      throw malformed(\n        `The strings",
      },
      {
        name: "a string section outlives its message",
        find: `    this.#weight = 0;
    this.#section = undefined;
    this.#unchecked`,
        replace: `    this.#weight = 0;
    this.#unchecked`,
      },
      {
        name: "a dictionary sets the prototype of its object",
        find: "      setOwn(object, key, value);",
        replace: "      object[key] = value;",
      },
      {
        name: "a dictionary's function then is called by who awaits it",
        find: 'const isThen = key === "then";',
        replace: "const isThen = false;",
      },
      {
        name: "references behind a value over a limit are taken twice",
        find: "const isKnown = known-- > 0;",
        replace: "const isKnown = --known > 0;",
      },
      {
        name: "a message may weigh anything",
        find: "if (this.#weight > Math.min(room, allowed)) throw",
        replace: "if (this.#weight > room) throw",
      },
    ],
  },
  {
    file: "wire/codec/value_writer.ts",
    tests: [
      "wire/values_test.ts",
      "wire/codec_test.ts",
      "wire/string_section_test.ts",
      "wire/changing_values_test.ts",
      "wire/value_limits_test.ts",
      "wire/succession_test.ts",
      "wire/vectors_test.ts",
    ],
    bugs: [
      {
        name: "minus zero loses its sign",
        find: "(value !== 0 || 1 / value > 0)",
        replace: "(value !== 0 || value === 0)",
      },
      {
        name: "a text that is not ASCII goes into the string section",
        find: "if (count !== length) this.#fitsSection = false;",
        replace: "",
      },
      {
        name: "a Map that grew while it was sent is cut off",
        find: 'if (left !== 0) throw changed("Map");',
        replace: "",
      },
      {
        name: "a value one deeper than the peer takes is sent",
        find: "if (depth >= nesting) {",
        replace: "if (depth > nesting) {",
      },
      {
        name: "values of a message before count for the next",
        find: "    this.#fitsSection = true;\n    this.#section = hasSection",
        replace: "    this.#section = hasSection",
      },
    ],
  },
  {
    file: "wire/codec/codec.ts",
    tests: [
      "wire/codec_test.ts",
      "wire/codec_parts_test.ts",
      "wire/handshake_test.ts",
      "wire/protocol_test.ts",
      "wire/hostile_test.ts",
      "wire/pieces_test.ts",
      "wire/changing_values_test.ts",
      "wire/pipelining_test.ts",
      "wire/pipelining_edges_test.ts",
      "wire/value_limits_test.ts",
      "wire/succession_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "a peer may reset tables under an unfinished message",
        find: `    if (this.#pieces.count > 0) {
      throw malformed("Tables`,
        replace: `    if (this.#pieces.count > 99) {
      throw malformed("Tables`,
      },
      {
        name: "a peer calls before it was let in",
        find: "if (!this.#isOpen && !frames.continues) this.#checkEarly(kind);",
        replace: "",
      },
      {
        name: "a stream that has to wait for a result is ended",
        find: ".take()?.undo(isA(error, NotReady));",
        replace: ".take()?.undo();",
      },
      {
        name: "a byte array that became shorter is sent as it was",
        find: 'if (bytes.length !== count) throw changed("byte array");',
        replace: "",
      },
      {
        name: "a message in one frame may be larger than a message",
        find: "if (size > message) throw tooMany(size, message);",
        replace: "",
      },
      {
        name: "frames of any size are taken before the peer is let in",
        find: "const frame = awaitsHello ? limits.helloFrame : limits.frame;",
        replace: "const frame = limits.frame;",
      },
      {
        name: "the bound of a message stays for those behind it",
        find: "    this.writer.bound = Infinity;",
        replace: "",
      },
      {
        name: "definitions larger than a frame are sent",
        find: "    this.tables.entryLimit = limits.frame;",
        replace: "",
      },
    ],
  },
  {
    file: "wire/codec/_objects.ts",
    tests: [
      "wire/generated_code_test.ts",
      "wire/codec_test.ts",
      "wire/thenables_test.ts",
      "wire/hash_cost_test.ts",
      "wire/collision_free_test.ts",
      "wire/odd_values_test.ts",
    ],
    bugs: [
      {
        name: "generated code sets the prototype of its object",
        find: '`${key === "__proto__" ? `[${name}]` : name}: values',
        replace: "`${name}: values",
      },
      {
        name: "generated code leaves a function under then",
        find: 'const read = key === "then" ? "readThen" : "read";',
        replace: 'const read = "read";',
      },
      {
        name: "keys that collide cost nothing after the table has grown",
        find: "    this.#buckets = buckets;",
        replace: "    this.#buckets = new Uint32Array(buckets.length);",
      },
      {
        name: "minus zero is a key of its own where keys collide",
        find: "this.put(key === 0 ? 0 as K : key, value);",
        replace: "this.put(key, value);",
      },
    ],
  },
  {
    file: "wire/codec/passing.ts",
    tests: [
      "wire/pipelining_test.ts",
      "wire/pipelining_edges_test.ts",
      "wire/streams_unsent_test.ts",
      "wire/left_alone_test.ts",
      "wire/given_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "who asks late whether a result is there waits for ever",
        find: "    this.#isOver = true;\n    for (const listener",
        replace: "    for (const listener",
      },
      {
        name: "results are put into objects of this side",
        find: "} else if (isHolder(part) && !own.has(part)) {",
        replace: "} else if (isHolder(part)) {",
      },
      {
        name: "a stream that somebody reads is cancelled",
        find: "if (!stream.locked) await stream.cancel(reason);",
        replace: "await stream.cancel(reason);",
        why:
          "A ReadableStream that is locked refuses to be cancelled, and the rejection is left alone.",
      },
    ],
  },
];
