/**
 * What a terminal is given by the command line when a server is out to seize
 * it: in names, values, streams, errors, and in what it tells of itself.
 */

import { assert, assertEquals } from "@std/assert";
import { main } from "../../cli/_main.ts";
import {
  connectToRemoteServer,
  createRequestServer,
  Refusal,
  WireError,
} from "../../mod.ts";
import { DESCRIBED } from "../../wire/rpc/served.ts";
import { startServer } from "../examples/_run.ts";
import { test } from "../_test.ts";

/** One of each: C0, DEL, C1, and every character that turns the direction. */
const CONTROLS = [
  "\x00\x07\x08\x0b\x1b[2J\x1b]0;title\x07\x7f",
  "\x80\x84\x85\x9b31m\x9c\x9d0;title\x9c",
  "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
  "\u2028\u2029\u206a\u206f",
].join("");
/** Hides what was printed before it. */
const HIDING = "before\rafter";
const EVIL = CONTROLS + HIDING;

/** What no terminal may get; ends of lines and tabs may pass. */
const FORBIDDEN =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]|\r(?!\n)/;

function evilError(): Error {
  return Object.assign(new Error(EVIL, { cause: new Error(EVIL) }), {
    name: EVIL,
    [EVIL]: EVIL,
  });
}

function described(): object {
  return {
    name: EVIL,
    arity: 1,
    doc: `${EVIL}\n${EVIL}`,
    contract: {
      args: [{ const: EVIL }, { enum: [EVIL] }, {
        properties: { [EVIL]: { type: EVIL } },
      }],
      result: { anyOf: [{ type: EVIL }] },
      errors: [EVIL, "A\nforged(): line"],
    },
  };
}

/** The bytes of a text, cut everywhere, with stray C1 bytes between. */
function choppedBytes(): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(`${EVIL}größer\r\nline\r`);
  return ReadableStream.from([
    ...Array.from(bytes, (byte) => new Uint8Array([byte])),
    new Uint8Array([0x9b, 0x33, 0x31, 0x6d, 0xff, 0xe2, 0x80]),
  ]);
}

const functions: Record<string, (...args: unknown[]) => unknown> = {
  [EVIL]: () => EVIL,
  text: () => EVIL,
  keys: () => ({
    [EVIL]: EVIL,
    map: new Map<unknown, unknown>([[EVIL, EVIL], [{ [EVIL]: 1 }, [EVIL]]]),
    set: new Set([EVIL]),
  }),
  error: evilError,
  aggregate: () => new AggregateError([evilError()], EVIL),
  tricky: () => ({ toJSON: () => EVIL, toString: () => EVIL }),
  bytes: () => new TextEncoder().encode(EVIL),
  byteStream: choppedBytes,
  async *texts() {
    yield EVIL;
    yield { [EVIL]: EVIL };
  },
  throws() {
    throw evilError();
  },
  throwsText() {
    throw EVIL;
  },
  forges() {
    throw new Error("no\nlocalhost:7000 answered in 0.50 ms");
  },
  refuses() {
    throw new Refusal("refused", EVIL);
  },
  async *breaks() {
    yield EVIL;
    throw evilError();
  },
};
Object.defineProperty(functions[EVIL], DESCRIBED, { value: described() });

/** What the command line printed. */
interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line here, before a terminal or a pipe. */
async function run(isTerminal: boolean, args: string[]): Promise<Printed> {
  const { stdout } = Deno;
  const { error } = console;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const lines: string[] = [];
  const { write, isTerminal: was } = stdout;
  Object.assign(stdout, {
    write: (bytes: Uint8Array) => {
      chunks.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    isTerminal: () => isTerminal,
  });
  console.error = (line: string) => lines.push(`${line}\n`);
  try {
    const code = await main(args);
    return {
      code,
      stdout: await new Blob(chunks).text(),
      stderr: lines.join(""),
    };
  } finally {
    Object.assign(stdout, { write, isTerminal: was });
    console.error = error;
  }
}

/** Commands, and how they end. */
const COMMANDS: [string[], number][] = [
  [["list"], 0],
  ...Object.keys(functions).map((name): [string[], number] => [
    ["call", name],
    /^(?:throws|forges|refuses|breaks)/.test(name) ? 1 : 0,
  ]),
  [["call", `no ${EVIL}`], 1],
];

for (const json of [false, true]) {
  const flags = json ? ["--json"] : [];
  test(`a terminal gets no control from a server${json ? ", nor with --json" : ""}`, async () => {
    await using server = createRequestServer(0, undefined, {
      functions,
      onError() {},
    });
    const address = `127.0.0.1:${server.port}`;
    for (const [[command = "", ...words], code] of COMMANDS) {
      const printed = await run(true, [command, ...flags, address, ...words]);
      assertEquals(printed.code, code, printed.stderr);
      for (const text of [printed.stdout, printed.stderr]) {
        assert(!FORBIDDEN.test(text), `${words}: ${JSON.stringify(text)}`);
      }
    }
  });
}

test("a terminal gets no control from a server that sends its client away", async () => {
  await using server = createRequestServer(0, (wire) => {
    wire.abort(new WireError("busy", EVIL));
    return true;
  }, { onError() {} });
  const { code, stderr } = await run(true, [
    "ping",
    `127.0.0.1:${server.port}`,
  ]);
  assertEquals(code, 1);
  assert(!FORBIDDEN.test(stderr) && stderr.startsWith("busy: "), stderr);
});

test("a peer's message makes no line of its own", async () => {
  await using server = createRequestServer(0, undefined, { functions });
  const address = `127.0.0.1:${server.port}`;
  const { stderr } = await run(true, ["call", address, "forges"]);
  assertEquals(
    stderr,
    "forges threw Error: no\n  localhost:7000 answered in 0.50 ms\n",
  );
});

test("a pipe gets what came: text and bytes as they are, JSON that reads the same", async () => {
  await using server = createRequestServer(0, undefined, { functions });
  const address = `127.0.0.1:${server.port}`;
  const text = await run(false, ["call", address, "text"]);
  assertEquals(text.stdout, `${EVIL}\n`);
  const bytes = await run(false, ["call", address, "byteStream"]);
  assert(bytes.stdout.startsWith(`${EVIL}größer\r\nline\r`));
  const json = await run(false, ["call", "--json", address, "text"]);
  assertEquals(JSON.parse(json.stdout), EVIL);
  assert(!FORBIDDEN.test(json.stdout));
  const keys = await run(false, ["call", "--json", address, "keys"]);
  assertEquals(JSON.parse(keys.stdout)[EVIL], EVIL);
});

test("bytes that are text look like it on a terminal", async () => {
  await using server = createRequestServer(0, undefined, {
    functions: {
      bytes: () =>
        ReadableStream.from(
          ["größ", "er\r", "\nsec\tond", "\r", "x"].map((text) =>
            new TextEncoder().encode(text)
          ),
        ),
    },
  });
  const { stdout } = await run(true, [
    "call",
    `127.0.0.1:${server.port}`,
    "bytes",
  ]);
  assertEquals(stdout, "größer\r\nsec\tond\\u{d}x");
});

test("cli.ts serve prints no control of a client, nor without end", async () => {
  const root = `${import.meta.dirname}/../..`;
  const server = await startServer(
    "-A",
    `${root}/cli.ts`,
    "serve",
    "--port=0",
    `${import.meta.dirname}/_module.ts`,
  );
  const wire = await connectToRemoteServer("127.0.0.1", server.port);
  for (let n = 0; n < 1_000; n++) await wire.send(`${EVIL}\n${EVIL}`);
  assertEquals(await wire.remoteValue.add(40, 2), 42);
  await wire.close();
  const { stderr } = await server.end("SIGTERM");
  assert(!FORBIDDEN.test(stderr), JSON.stringify(stderr));
  const lines = stderr.split("\n").filter((line) => line !== "");
  assert(lines.length > 0 && lines.length < 500, `${lines.length}`);
  const known = /^(?:one-way call of "| {2}|@remote\/wire: … and \d+ more)/;
  assert(lines.every((line) => known.test(line)), lines[0]);
});
