/**
 * What the type checker says where something cannot be sent: the reason, and
 * what to do, in the first lines of the message.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "../_test.ts";

const ROOT = new URL("../../", import.meta.url);

const PREAMBLE = `
import { type Wire, values, type Values } from "${new URL("mod.ts", ROOT)}";

class Sealed {
  #secret = 1;
  open() {
    return this.#secret;
  }
}
interface Api {
  search(pattern: RegExp): void;
  options(x: { deep: { tag: symbol } }): void;
  wait(x: { until: Promise<number> }): void;
  add(x: { deep: { n: number } }, n: number): number;
  stop(signal: AbortSignal): void;
  save(x: Sealed): void;
  map(cb: (j: number) => string): void;
  tag(): symbol;
  find(): { hits: { at: RegExp }[] };
  users: { get(id: number): string };
}
declare const wire: Wire<Api>;
declare const far: Wire<object, Pick<Api, "find">>;
`;

/** A line that does not pass, and what is said of it. */
const SNIPPETS: readonly (readonly [string, string])[] = [
  [
    "wire.remoteValue.search(/x/);",
    "A RegExp cannot be sent. Send its source and its flags.",
  ],
  [
    'wire.remoteValue.options({ deep: { tag: Symbol("x") } });',
    "A symbol cannot be sent. Send its description.",
  ],
  [
    "wire.remoteValue.wait({ until: Promise.resolve(1) });",
    "A promise cannot be sent. Await it first, and send its value.",
  ],
  ...[
    "wire.remoteValue.add({ deep: { n: Promise.resolve(1) } }, 1);",
    "wire.remoteValue.add({ deep: { n: 1 } }, Promise.resolve(1));",
    "wire.remoteValue.add({ deep: { n: wire.ping() } }, 1);",
  ].map((line) =>
    [
      line,
      "Only the promise of a call can be sent. Await any other, and send its value.",
    ] as const
  ),
  [
    "wire.remoteValue.stop(AbortSignal.timeout(1));",
    "An AbortSignal cannot be sent. Call by with({ signal }): the function has this.signal.",
  ],
  [
    "wire.remoteValue.save(new Sealed());",
    "An instance of a class cannot be sent. Send a plain object with its data, pass it by reference with makeRemoteObject(), or declare it with valueType() and Declared<T>.",
  ],
  [
    "wire.remoteValue.map((j) => j);",
    "Type 'number' is not assignable to type 'string | Promise<string>'.",
  ],
  [
    "await wire.remoteValue.tag();",
    'ResultNotSendable<"A symbol cannot be sent. Send its description.">',
  ],
  [
    "await wire.remoteValues.find();",
    'ResultNotSendable<"A RegExp cannot be sent. Send its source and its flags.">',
  ],
  [
    "far.serve({ find: () => ({ hits: [{ at: /x/ }] }) });",
    "A RegExp cannot be sent. Send its source and its flags.",
  ],
  [
    "wire.outputObject(new WeakMap());",
    "What is held weakly cannot be sent. Send a Map, a Set or the object.",
  ],
];

/** What `deno check` says of a program, by the number of the line. */
async function complaints(program: string): Promise<Map<number, string>> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-config", "--quiet", file],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 1);
    const name = file.replace(/^.*[/\\]/, "");
    const place = new RegExp(`^    at \\S*${name}:(\\d+):\\d+$`, "m");
    return new Map(
      new TextDecoder().decode(stderr).split(/^(?=TS\d+ )/m)
        .flatMap((text) => {
          const line = text.match(place)?.[1];
          return line === undefined ? [] : [[Number(line), text] as const];
        }),
    );
  } finally {
    await Deno.remove(file);
  }
}

test("the type checker says why something cannot be sent, and what to do", async () => {
  const lines = SNIPPETS.map(([line]) => line);
  const found = await complaints([PREAMBLE, ...lines].join("\n"));
  const first = PREAMBLE.split("\n").length + 1;
  SNIPPETS.forEach(([line, expected], index) => {
    const said = found.get(first + index);
    assert(said !== undefined, `Nothing is said of: ${line}`);
    assert(said!.includes(expected), said);
    // Nobody reads further.
    assert(said!.indexOf(expected) < 400, said);
  });
  assertEquals(found.size, SNIPPETS.length);
});
