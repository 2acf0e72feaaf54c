/**
 * Planted bugs of bytes and values.
 *
 * @module
 */

import { type BuggyFile, SIMULATION } from "./_mutant.ts";

export const CODEC: readonly BuggyFile[] = [
  {
    file: "wire/codec/bytes.ts",
    tests: ["wire/bytes_test.ts", "wire/detours_test.ts"],
    bugs: [
      {
        name: "a key is taken for another of its hash",
        find: "known !== undefined && isText(known, buffer, start, count)",
        replace: "known !== undefined",
      },
      {
        name: "overlong text of three bytes is taken",
        find: "unit < 0x800 || unit >> 11 === 0x1b",
        replace: "unit >> 11 === 0x1b",
      },
      {
        name: "a short text has a character that ends behind it",
        find: "if (at !== end || length > LONGEST_WIDE) return undefined;",
        replace: "if (length > LONGEST_WIDE) return undefined;",
      },
      {
        name: "what the bound leaves no room for is left out",
        find: "    this.reserve(size + count);\n",
        replace: "",
      },
      {
        name: "a dictionary has a key of the last one",
        find: `buffer[position] !== length ||
      !isText(key, buffer, start, length)`,
        replace: "buffer[position] !== length",
        tests: ["wire/dictionaries_test.ts"],
      },
      {
        name: "half of a surrogate pair is sent",
        find: "if (point < 0x10000) throw illFormed();",
        replace: "",
      },
    ],
  },
  {
    file: "wire/codec/value_kinds.ts",
    tests: ["wire/binary_values_test.ts"],
    bugs: [
      {
        name: "the highest byte of a bigint is lost",
        find: "? Math.clz32(high) >> 3",
        replace: "? Math.max(1, Math.clz32(high) >> 3)",
      },
      {
        name: "a word of a bigint is read twice",
        find: "magnitude = at === start ? word : magnitude << 64n | word;",
        replace: "magnitude = magnitude << 64n | word | magnitude;",
      },
    ],
  },
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
        find: "if (!(length > 0 && length <= this.limit)) {",
        replace: "if (!(length > 0 && length < this.limit)) {",
      },
      {
        name: "an empty frame is taken",
        find: "if (!(length > 0 && length <= this.limit)) {",
        replace: "if (!(length <= this.limit)) {",
      },
      {
        name: "a frame of any size is taken where the limit is no number",
        find: "if (!(length > 0 && length <= this.limit)) {",
        replace: "if (length === 0 || length > this.limit) {",
        tests: ["wire/given_test.ts"],
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
        find: "new Uint8Array(room)",
        replace: "new Uint8Array(size)",
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
        find: "entries >= this.most ||",
        replace: "entries > this.most ||",
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
    ],
  },
  {
    file: "wire/codec/codec.ts",
    tests: [
      "wire/single_value_test.ts",
      "wire/memory_test.ts",
      "wire/stream_sink_test.ts",
      "wire/inbox_test.ts",
    ],
    bugs: [
      {
        name: "a kept message is overwritten by what comes next",
        find: "const own = isOwned ? body : body.slice();",
        replace: "const own = body;",
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
      "wire/stream_parts_test.ts",
      "wire/vectors_test.ts",
      SIMULATION,
    ],
    bugs: [
      {
        name: "metadata may have a key twice",
        find:
          'if (key in metadata) throw malformed("Metadata has a key only once.");',
        replace: "",
      },
      {
        name: "references of a message over a limit are kept",
        find: `  attachments.drop();
  return { failure };`,
        replace: "  return { failure };",
      },
      {
        name: "references behind a value over a limit are kept",
        find: "this.#values.skipValues(1);",
        replace: "",
      },
      {
        name: "bytes that came in part count for nothing",
        find: "return isOwn ? bytes?.bytes.length ?? 0 : 0;",
        replace: "return 0;",
      },
      {
        name: "an item as large as a window is refused",
        find: "if (this.size > mostBytes) throw",
        replace: "if (this.size >= mostBytes) throw",
        tests: ["wire/stream_edges_test.ts"],
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
        name: "a key that comes twice among many is taken",
        find: "return (before & bit) === 0;",
        replace: "return true;",
      },
      {
        name: "values nest one deeper than the limit",
        find: "if (depth >= this.#nesting) {",
        replace: "if (depth > this.#nesting) {",
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
        find: "setOwn(object, key, this.#member(key, depth));",
        replace: "object[key] = this.#member(key, depth);",
      },
      {
        name: "a dictionary's function then is called by who awaits it",
        find:
          'return key === "then" ? this.readThen(depth) : this.read(depth);',
        replace: "return this.read(depth);",
      },
      {
        name: "a key comes twice behind those of the last dictionary",
        find: "const seen = first === 0 && count > FEW_MEMBERS",
        replace: "const seen = count > FEW_MEMBERS",
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
        name: "progress is told of each read",
        find: "if (frames.rest === 0) this.#tellPart(receiver, whole);",
        replace: "this.#tellPart(receiver, whole);",
        tests: ["wire/progress_test.ts"],
      },
      {
        name: "a peer may reset tables under an unfinished message",
        find: `    if (this.#pieces.count > 0) {
      throw malformed("Tables`,
        replace: `    if (this.#pieces.count > 99) {
      throw malformed("Tables`,
      },
      {
        name: "a peer calls before it was let in",
        find:
          "if (this.#allowed !== undefined && !frames.continues) this.#check(kind);",
        replace: "",
      },
      {
        name: "a stream that has to wait for a result is ended",
        find: ".take()?.undo(isA(error, NotReady));",
        replace: ".take()?.undo();",
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
        find: 'return key === "__proto__" ? `[${name}]` : name;',
        replace: "return name;",
        tests: ["wire/maker_test.ts"],
      },
      {
        name: "generated code leaves a function under then",
        find: 'const read = key === "then" ? "readThen" : "read";',
        replace: 'const read = "read";',
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
