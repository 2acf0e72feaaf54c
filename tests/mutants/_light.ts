/**
 * Planted bugs of light wires, and of the small codec.
 *
 * @module
 */

import type { BuggyFile } from "./_mutant.ts";

const WIRE = [
  "transports/light_test.ts",
  "transports/light_hostile_test.ts",
] as const;

export const LIGHT: readonly BuggyFile[] = [
  {
    file: "wire/codec/small_values.ts",
    tests: ["wire/small_values_test.ts", ...WIRE],
    bugs: [
      {
        name: "a small reader weighs nothing",
        find: "if (weighs <= most && weighs <= this.#room) return;",
        replace: "if (weighs >= 0) return;",
      },
      {
        name: "a small reader takes a Set with a member twice",
        find: 'if (set.add(item).size === size) this.#repeated("Set");',
        replace: "set.add(item);",
      },
      {
        name: "a small reader takes a stream for nothing",
        find: 'throw declined("stream", "streams");',
        replace: "return void this.varint();",
      },
      {
        name: "a small reader takes keys that collide",
        find: "if (this.#cost?.add(key) !== false) return;",
        replace: "if (this.#cost?.add(key) !== undefined) return;",
      },
      {
        name: "a small writer forgets how deep it is",
        find: "if (depth >= nesting) throw tooNested(nesting);",
        replace: "",
      },
      {
        name: "a small writer sends −0 as 0",
        find: "if (Object.is(value | 0, value)) {",
        replace: "if ((value | 0) === value) {",
      },
    ],
  },
  {
    file: "wire/light/_reader.ts",
    tests: ["transports/light_hostile_test.ts", "transports/light_test.ts"],
    bugs: [
      {
        name: "a light wire takes a second hello",
        find: 'throw malformed("A second hello came.");',
        replace: "return;",
      },
      {
        name: "a light wire takes a reset under a message in pieces",
        find: "if (this.#pieces.count === 0) return;",
        replace: "return;",
      },
      {
        name: "a light wire takes names of a table that it declines",
        find: "if (index > 0) {",
        replace: "if (index > 1) {",
      },
      {
        name: "what fails alone ends a light wire",
        find:
          "if (!isA(error, WireError) || !ALONE.includes(error.code)) throw",
        replace: "if (ALONE.length > 0) throw",
      },
    ],
  },
  {
    file: "wire/light/_calls.ts",
    tests: [...WIRE],
    bugs: [
      {
        name: "a one-way call of a light wire waits without end",
        find: "if (!call.isSettled) this.#guard(call, options);",
        replace: "if (isCall && !call.isSettled) this.#guard(call, options);",
      },
      {
        name: "a light wire sends more calls than its peer takes",
        find: "this.#underWay < calls && this.#callBytes < window + message;",
        replace: "this.#callBytes < window + message;",
      },
      {
        name: "a light wire sends one-way calls beyond the window",
        find: "? this.#sendBytes < window",
        replace: "? this.#sendBytes < Infinity",
      },
      {
        name: "a light wire does not tell that a call is given up",
        find: 'this.#output.send({ kind: "cancel", id: call.id });',
        replace: "",
      },
      {
        name: "a call that a light wire never sent may have run",
        find: `const sent = call.position < this.#output.handed`,
        replace: `const sent = call.position <= Infinity`,
      },
      {
        name: "a light wire takes an answer to no call",
        find:
          "    this.#fail(call, () => new WireError(code, message));\n    this.#over(call);",
        replace:
          "    this.#fail(call, () => new WireError(code, message));\n    this.#slots[id] = call;",
      },
    ],
  },
  {
    file: "wire/light/_serving.ts",
    tests: [...WIRE],
    bugs: [
      {
        name: "a light wire serves calls while nobody reads its answers",
        find: "if (this.#parked.size === 0 && this.#options.output.hasRoom) {",
        replace: "if (this.#parked.size === 0) {",
      },
      {
        name: "a call of a light wire begins when its deadline has passed",
        find: "if (isLate(context)) throw tooLate();",
        replace: "",
      },
      {
        name: "a light wire serves an id twice",
        find: "if (this.#running.has(id) || this.#parked.has(id)) {",
        replace: "if (this.#parked.has(id)) {",
      },
      {
        name: "a light wire holds what has been answered",
        find:
          "    if (this.#running.get(id) !== running) return false;\n    this.#give(running);",
        replace: "    if (this.#running.get(id) !== running) return false;",
      },
      {
        name: "a light wire gives no credit for what is over",
        find: "this.#window.consumed(running.cost);",
        replace: "",
      },
      {
        name: "a light wire waits for functions that nobody waits for",
        find: "    for (const [id, running] of [...this.#running]) {",
        replace: "    for (const [id, running] of []) {",
      },
    ],
  },
  {
    file: "wire/light/_output.ts",
    tests: [...WIRE],
    bugs: [
      {
        name: "a light wire sends pieces of one byte too many",
        find: "const PIECE_HEADER = 8;",
        replace: "const PIECE_HEADER = 2;",
      },
      {
        name: "a light wire cuts an answer before it is accepted",
        find: "} else if (this.#isOpen) {",
        replace: "} else if (size > 0) {",
      },
    ],
  },
  {
    file: "wire/light/light_wire.ts",
    tests: [...WIRE],
    bugs: [
      {
        name: "a light wire takes calls behind a close",
        find: "if (!this.lifetime.isPeerDraining) return;",
        replace: 'if (what !== "") return;',
      },
      {
        name: "a light wire sends what it says was not sent",
        find: "if (!polite) output.stop();",
        replace: "",
      },
      {
        name: "a light wire answers cancels for who takes nothing",
        find: `    this.#checkTaken();
    this.#serving.cancel(id);`,
        replace: "    this.#serving.cancel(id);",
      },
      {
        name: "a light wire talks to a stranger",
        find: "if (isA(error, WireError)) return this.end(error, !isStranger);",
        replace: "if (isA(error, WireError)) return this.end(error, false);",
      },
    ],
  },
  {
    file: "wire/light/_watch.ts",
    tests: ["transports/light_test.ts"],
    bugs: [
      {
        name: "a light wire that slept takes its peer for dead",
        find: "this.#receivedAt += busy;",
        replace: "",
      },
      {
        name: "a light wire does not see that nothing is taken",
        find: "now - output.progressAt > limits.stall",
        replace: "now < 0",
      },
    ],
  },
];
