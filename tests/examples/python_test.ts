/**
 * A peer in another language: `examples/python/`, written from
 * `docs/protocol.md` alone. Without Python 3.11 or later its tests are skipped,
 * and say so; CI installs it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  RemoteError,
  type Wire,
  type WireError,
} from "../../mod.ts";
import { mayTestWith } from "../_programs.ts";
import { test } from "../_test.ts";
import { fromHex, toHex, VECTORS } from "../_vectors.ts";
import {
  EXAMPLES,
  listening,
  run,
  type RunningServer,
  startOther,
  startServer,
} from "./_run.ts";

const FOLDER = `${EXAMPLES}/python`;
const BARE = ["--no-config", "--no-remote", "--no-npm", "--allow-net"];
const CALCULATOR = `${EXAMPLES}/calculator`;

const hasPython = await mayTestWith("python3", [
  "-c",
  "import sys; sys.exit(sys.version_info < (3, 11))",
]);
const testWithPython = hasPython ? test : Deno.test.ignore;

/** Starts a program of the folder. */
function python(program: string, ...args: string[]) {
  return startOther("python3", "-B", `${FOLDER}/${program}`, ...args);
}

function startPython(): Promise<RunningServer> {
  return listening(python("server.py", "0"));
}

testWithPython("examples/python has 200 lines of code at most", async () => {
  const files = ["wire.py", "client.py", "server.py"];
  const texts = await Promise.all(
    files.map((name) => Deno.readTextFile(`${FOLDER}/${name}`)),
  );
  const lines = texts.join("\n").split("\n").filter((line) => line.trim());
  assert(lines.length <= 200, `${lines.length}`);
});

testWithPython(
  "python/client.py calls calculator/server.ts, and closes",
  async () => {
    const server = await startServer(...BARE, `${CALCULATOR}/server.ts`, "0");
    const client = await python("client.py", `${server.port}`).ended();
    const { stdout } = await server.end("SIGINT");
    assertEquals(client, {
      code: 0,
      stdout: [
        "40 + 2 = 42",
        "half(7) threw a RangeError: 7 is odd",
        "think(60000) takes too long",
        "closed The wire has ended.",
        "",
      ].join("\n"),
      stderr: "",
    });
    assertMatch(
      stdout,
      /^listening on \S+\n(\S+) connected\n\1 says: Thank you\.\n\1 left: The wire was closed\.\n$/,
    );
  },
);

testWithPython(
  "calculator/client.ts calls python/server.py, and closes",
  async () => {
    await using server = await startPython();
    const { port } = server;
    const client = await run(
      ...BARE,
      `${CALCULATOR}/client.ts`,
      "127.0.0.1",
      `${port}`,
    );
    await server.prints(/closed/);
    assertEquals(client, {
      code: 0,
      stdout: [
        "40 + 2 = 42",
        "17 / 5 = 3, rest 2",
        "half(7) threw a ValueError: 7 is odd",
        'think(60000) failed with "deadline": The call of "think" was not answered within 100 ms, its deadline.',
        "",
      ].join("\n"),
      stderr: "",
    });
    assertEquals(
      server.stdout,
      `listening on 127.0.0.1:${port}\nThank you.\nclosed The wire has ended.\n`,
    );
  },
);

testWithPython("python/client.py calls python/server.py", async () => {
  await using server = await startPython();
  const client = await python("client.py", `${server.port}`).ended();
  assertEquals([client.code, client.stderr], [0, ""]);
  assertMatch(client.stdout, /^40 \+ 2 = 42\nhalf\(7\) threw a ValueError/);
});

testWithPython(
  "python/client.py is called by the server that it calls",
  async () => {
    const greetings: unknown[] = [];
    const server = createRequestServer(0, (wire: Wire) => {
      wire.serve({
        async add(a: number, b: number) {
          greetings.push(await wire.remoteValue.greet!("server"));
          return a + b;
        },
        show() {},
        half: () => Promise.reject(new RangeError("no")),
        think: () => new Promise(() => {}),
      });
      return true;
    });
    const port = "port" in server.address ? server.address.port : 0;
    const client = await python("client.py", `${port}`).ended();
    await server.shutdown();
    assertEquals([client.code, client.stderr], [0, ""]);
    assertMatch(client.stdout, /closed/);
    assertEquals(greetings, ["Hello server."]);
  },
);

/** What an echo brings back. */
const VALUES: readonly [sent: unknown, back: unknown][] = [
  [null, null],
  [undefined, null],
  [true, true],
  [-33, -33],
  [2 ** 40, 2 ** 40],
  [0.1, 0.1],
  [-0, -0],
  [Infinity, Infinity],
  ["a \u{1d11e} \0", "a \u{1d11e} \0"],
  ["x".repeat(60_000), "x".repeat(60_000)],
  [Uint8Array.of(0, 255), Uint8Array.of(0, 255)],
  [[1, ["two", [3]]], [1, ["two", [3]]]],
  [{ x: 1, y: { z: [] } }, { x: 1, y: { z: [] } }],
];

/** What fails alone, and with which code. */
const FAILURES: readonly [what: string, sent: unknown, code: string][] = [
  ["a bigint", 1n, "unsupportedValue"],
  ["a date", new Date(0), "unsupportedValue"],
  ["a Map", new Map([[1, 2]]), "unsupportedValue"],
  ["a function", () => 1, "limit"],
  ["a stream", new ReadableStream(), "limit"],
  ["a string beyond a frame", "x".repeat(70_000), "limit"],
];

testWithPython(
  "python/server.py and a wire call each other, and fail as they should",
  async () => {
    await using server = await startPython();
    const wire = await connectToRemoteServer<
      Record<string, (...args: unknown[]) => unknown>
    >(
      "127.0.0.1",
      server.port,
      {
        onError() {},
        functions: {
          add: (a: number, b: number) => a + b,
          fails: () => {
            throw new RangeError("no");
          },
        },
      },
    );
    const { remoteValue, remoteValues, remote } = wire;
    for (const [sent, back] of VALUES) {
      assertEquals(await remoteValue.echo!(sent), back);
    }
    for (const [what, sent, code] of FAILURES) {
      const error = await remoteValue.echo!(sent).catch((error: unknown) =>
        error
      );
      assertEquals((error as WireError).code, code, what);
    }
    const words = Array.from({ length: 50 }, (_, n) => `word ${n}`);
    for (let n = 0; n < 3; n++) {
      assertEquals(await remoteValue.echo!(words), words);
    }
    // Errors of each kind.
    const missing = await remoteValue.missing!().catch((error: unknown) =>
      error
    );
    assertEquals((missing as WireError).code, "noSuchFunction");
    const odd = await remoteValue.half!(7).catch((error: unknown) => error);
    assert(odd instanceof RemoteError && odd.name === "ValueError");
    // It calls back, and what fails here is raised there.
    assertEquals(await remoteValue.ask!("add", 40, 2), 42);
    const raised = await remoteValue.ask!("fails").catch((error: unknown) =>
      error
    );
    assert(raised instanceof RemoteError && raised.name === "RemoteError");
    assertMatch(raised.message, /RangeError.*no/);
    // Several values, and one; many at once, and what needs another's result.
    assertEquals(await remoteValues.divmod!(17, 5), [3, 2]);
    assertEquals(await remoteValues.echo!(1), [1]);
    const many = Array.from({ length: 200 }, (_, n) => remoteValue.add!(n, 1));
    assertEquals(await Promise.all(many), many.map((_, n) => n + 1));
    assertEquals(await remoteValue.echo!(remoteValue.add!(1, 2)), 3);
    // More than a window of one-way calls and messages goes by credit.
    const large = "x".repeat(60_000);
    for (let n = 0; n < 100; n++) {
      await remote.echo!(large);
      await wire.outputObject(large);
    }
    assertEquals(await remoteValue.add!(1, 1), 2);
    await wire.close();
    await server.prints(/closed/);
    assertEquals(wire.ended?.code, "closed");
    assertMatch(server.stdout, /\nclosed The wire has ended\.\n$/);
  },
);

testWithPython(
  "python/wire.py reads the golden vectors of the values that it has",
  async () => {
    const program = `
import json, sys
sys.path.insert(0, sys.argv[1])
import wire
kinds = {}
for name, data in json.load(sys.stdin):
    body = wire.Body(bytes.fromhex(data))
    try:
        value = body.value()
        assert body.read() == b"", name
        again = wire.Body(wire.value(value)).value()
        assert repr(again) == repr(value) or again == value or isinstance(value, Exception), name
        kinds[name] = "read"
    except wire.WireError as error:
        kinds[name] = error.args[0]
print(json.dumps(kinds))
`;
    const child = startOther("python3", "-B", "-c", program, FOLDER);
    const vectors = VECTORS.values.map((
      { name, hex },
    ) => [name, toHex(fromHex(hex))]);
    await child.write(JSON.stringify(vectors));
    await child.closeInput();
    const { code, stdout, stderr } = await child.ended();
    assertEquals([code, stderr], [0, ""]);
    const kinds: Record<string, string> = JSON.parse(stdout);
    const lacking = /^(unsupportedValue|resultGone)$/;
    for (const { name, hex } of VECTORS.values) {
      const tag = fromHex(hex)[0]!;
      const has = tag < 0xb0 || tag >= 0xe0 || tag >= 0xc0 && tag <= 0xca ||
        [0xcd, 0xce, 0xd1, 0xd3, 0xd6].includes(tag);
      if (!has) assertMatch(kinds[name]!, lacking, name);
    }
    assert(Object.values(kinds).filter((kind) => kind === "read").length > 60);
  },
);
