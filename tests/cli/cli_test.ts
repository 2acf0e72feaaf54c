/**
 * The command line, as its users run it: processes of their own.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import config from "../../deno.json" with { type: "json" };
import {
  type Ended,
  patientRun,
  type RunningServer,
  start,
  startServer,
  withFolder,
} from "../examples/_run.ts";
import { test } from "../_test.ts";
import { CLI, cli } from "./_cli.ts";

const MODULE = `${import.meta.dirname}/_module.ts`;
const TLS = `${import.meta.dirname}/../tls`;

/** Serves the module by the command line, while something is done. */
async function serving(
  work: (address: string, server: RunningServer) => Promise<void>,
): Promise<void> {
  const server = await startServer("-A", CLI, "serve", "--port=0", MODULE);
  let ended: Ended | undefined;
  try {
    await work(`127.0.0.1:${server.port}`, server);
  } finally {
    ended = await server.end("SIGTERM");
  }
  assertEquals([ended.code, ended.stderr], [0, ""]);
  assertMatch(
    ended.stdout,
    /^serving add, bytes, count, divmod, ([\w.]+, )*users.roles.list, wait; listening on /,
  );
}

const LIST =
  `add(number, 1 | "a" | 2, ...(string | null)[][]): { sum: number; note?: unknown }
  throws TooLarge, Odd
  Adds.
  Two lines.
bytes()
count(_)
divmod(_, _)
echo()
fail()
kinds()
metadata()
more.half(_)
nothing()
objects()
refuse()
show(_)
users.get(_)
users.roles.list()
wait()
`;

test("cli.ts serve, list and ping work together", async () => {
  await serving(async (address) => {
    const list = await cli(["list", address]);
    assertEquals(list, { code: 0, stdout: LIST, stderr: "" });
    const json = await cli(["list", "--json", address]);
    const names = JSON.parse(json.stdout).map((info: { name: string }) =>
      info.name
    );
    assertEquals(names.slice(0, 2), ["add", "bytes"]);
    const ping = await cli(["ping", address]);
    assertMatch(ping.stdout, /^127\.0\.0\.1:\d+ answered in \d+\.\d\d ms\n$/);
  });
});

/** Options, the name and its arguments, and what is printed. */
const CALLS: [string[], string[], string][] = [
  [[], ["add", "40", "2"], "42\n"],
  // What stands behind the name is an argument.
  [[], ["add", "-1", '"--json"'], "-1--json\n"],
  [[], ["divmod", "17", "5"], "3\n2\n"],
  [[], ["users.get", "7"], "user 7\n"],
  [[], ["more.half", "7"], "3.5\n"],
  [["--json"], ["divmod", "17", "5"], "3\n2\n"],
  [[], ["nothing"], ""],
  [["--json"], ["nothing"], "null\n"],
  [["--json"], ["echo"], ""],
  [[], ["echo"], ""],
  [
    [],
    ["echo", "text", "'", '"40"', "1e3", "True", "null", '{"a": [true]}', ""],
    "text\n'\n40\n1000\nTrue\nnull\n{ a: [ true ] }\n\n",
  ],
  [
    ["--metadata", "a=b=c", "--metadata=d="],
    ["metadata"],
    '{ a: "b=c", d: "" }\n',
  ],
  [[], ["count", "3"], "1\n2\n3\n"],
  [[], ["bytes"], "one\ntwo\nthree"],
  [[], ["objects"], "[remote object]\n[remote object]\n"],
  [
    ["--json"],
    ["objects"],
    '{"$RemoteObject":null}\n{"$RemoteObject":null}\n',
  ],
  // A terminal would get the bell written out; a pipe gets it as it is.
  [
    [],
    ["kinds"],
    '{ a: 1n, b: Map(1) { "k" => Set(1) { 1 } }, c: Uint8Array(2) [ 0, 0 ] }\nline\u0007\n',
  ],
  [
    ["--json"],
    ["kinds"],
    '{"a":{"$BigInt":"1"},"b":{"$Map":[["k",{"$Set":[1]}]]},"c":{"$Uint8Array":"AAA="}}\n"line\\u0007"\n',
  ],
];

test("cli.ts call prints values, each on a line", async () => {
  await serving(async (address) => {
    for (const [options, words, stdout] of CALLS) {
      const expected = { code: 0, stdout, stderr: "" };
      assertEquals(
        await cli(["call", ...options, address, ...words]),
        expected,
      );
      if (options.length === 0) continue;
      assertEquals(
        await cli(["call", address, ...options, ...words]),
        expected,
      );
    }
  });
});

test("cli.ts call ends with whoever reads its output", async () => {
  await serving(async (address) => {
    const child = patientRun(["-A", CLI, "call", address, "count", "1e9"], {
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, stderr], [0, ""]);
  });
});

test("cli.ts call --one-way waits for no answer", async () => {
  await serving(async (address, server) => {
    const sent = await cli([
      "call",
      "--one-way",
      address,
      "show",
      "Thank you.",
    ]);
    assertEquals(sent, { code: 0, stdout: "", stderr: "" });
    await server.prints(/shown: Thank you\.\n/);
  });
});

test("cli.ts call fails with code 1 and a readable error", async () => {
  await serving(async (address) => {
    const failures: [string[], RegExp][] = [
      [["fail"], /^fail threw RangeError: it is\\u\{1b\}\[31m odd\n$/],
      [["refuse"], /^permissionDenied: You may not\.\n$/],
      [["missing"], /^noSuchFunction: The peer serves no function "missing"/],
      [["--deadline", "30", "wait"], /^deadline: .* within 30 ms/],
      [["--metadata", `k=${"x".repeat(8_192)}`, "nothing"], /^limit: /],
    ];
    for (const [args, message] of failures) {
      const { code, stdout, stderr } = await cli(["call", address, ...args]);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, message);
    }
  });
});

const WRONG: [string[], string][] = [
  [[], "A command is missing."],
  [["dance"], "There is no command dance."],
  [["lst"], "There is no command lst; did you mean list?"],
  [["--loud"], "There is no option --loud."],
  [
    ["ping", "--timeot=5", ":7000"],
    "There is no option --timeot; did you mean --timeout?",
  ],
  [["list"], "ADDRESS is missing."],
  [["list", "localhost"], "Where to connect to is HOST:PORT"],
  [["list", "localhost"], ":PORT of this machine, unix:PATH, ws://HOST:PORT/"],
  [["list", ":7000", "more"], '"more" is a word too many.'],
  [["list", ":7000", "--loud"], "There is no option --loud."],
  [["list", "localhost:0"], "A port is a number from 1 to 65535, not 0."],
  [["list", "--port", "1", ":7000"], "list has no option --port."],
  [["ping", ":7000", "--deadline", "1"], "ping has no option --deadline."],
  [["serve", "--json", "./x.ts"], "serve has no option --json."],
  [["listen", "--metadata", "a=b"], "listen has no option --metadata."],
  [["call", ":7000"], "The function's name is missing."],
  ...['{"x": 1', "[1,", '"open', "01", "0x10", "-v", " {x}"].map((
    text,
  ): [string[], string] => [
    ["call", ":7000", "f", "fine", text],
    `Argument 2 of f begins like JSON, and is not JSON: ${text} (`,
  ]),
  [
    ["call", ":7000", "f", "fine", "--json"],
    "Argument 2 of f looks like an option: --json. Options stand before",
  ],
  [
    ["call", ":7000", "f", "-it's"],
    `If it is a text, write '"-it'\\''s"'. See --help.`,
  ],
  [["call", "--deadline", "soon", ":7000", "f"], "--deadline wants a number"],
  [["call", "--deadline=", ":7000", "f"], "--deadline wants a value."],
  [["call", "--deadline", "0", ":7000", "f"], "wants milliseconds above 0"],
  [["ping", "--timeout", "0", ":7000"], "wants milliseconds above 0"],
  [["ping", "--timeout", "NaN", ":7000"], "--timeout wants a number"],
  [
    ["ping", "--timeout", "-1", ":7000"],
    "--timeout wants milliseconds above 0, or Infinity, and not -1.",
  ],
  [
    ["ping", "--tls", "--timeout=-.5", ":7000"],
    "--timeout wants milliseconds above 0, or Infinity, and not -.5.",
  ],
  [
    ["call", ":7000", "--repeat", "-2", "f", "-3"],
    "--repeat wants a number above 0, and not -2.",
  ],
  [
    ["bench", "--seconds", "1", "--repeat", "2", ":7000", "f"],
    "leave one of them out.",
  ],
  [["serve", "--port", "-1", "x"], "--port wants a number from 0, and not -1."],
  [
    ["serve", "--port", "65536", "x"],
    "A port is a number from 0 to 65535, not",
  ],
  [["listen", "--port", "1.5"], "A port is a number from 0 to 65535, not 1.5."],
  ...["port", "hostname", "cert", "key", "client-ca", "processes"].map((
    name,
  ): [string[], string] => [
    ["serve", "--unix", "/tmp/x.sock", `--${name}`, "1", "x"],
    `--${name} is for a port, and --unix says that there is none.`,
  ]),
  [["ping", "--tls", "--unix", "/tmp/x.sock"], "a Unix socket speaks no TLS."],
  [["ping", "--tls", "unix:/tmp/x.sock"], "a Unix socket speaks no TLS."],
  [
    ["list", "https://localhost:7000/x"],
    "For a WebSocket there write wss://localhost:7000/x.",
  ],
  [["call", "--metadata", "x", ":7000", "f"], "--metadata wants KEY=TEXT"],
  [
    ["serve", "--credential-env", "WIRE_SECRET", "./x.ts"],
    "Did you mean --require-credential-env",
  ],
  [
    ["listen", "--credential-env", "WIRE_SECRET"],
    "Did you mean --require-credential-env",
  ],
  [
    ["ping", "--credential-env", "WIRE_NO_SUCH", ":7000"],
    "There is nothing in the variable",
  ],
  [
    ["ping", "--ask-credential", ":7000"],
    "--ask-credential asks on a terminal",
  ],
  [
    ["ping", "--ask-credential", "--credential-env", "WIRE_SECRET", ":7000"],
    "give one of them",
  ],
  [
    ["ping", "--ca", "/no/such/file", ":7000"],
    "--ca /no/such/file cannot be read",
  ],
  [["serve"], "The module is missing."],
  [
    ["serve", `${TLS}/../_test.ts`, "--cert", `${TLS}/server.pem`],
    "--cert and --key go together.",
  ],
  [
    ["serve", `${TLS}/../_test.ts`, "--client-ca", `${TLS}/client_ca.pem`],
    "--client-ca goes with --cert and --key.",
  ],
  [["ping", "--cert", `${TLS}/client.pem`, ":7000"], "go together."],
  [["listen", "--insecure"], "--insecure"],
  [
    ["serve", `${TLS}/../../wire/codec/messages.ts`, "x"],
    '"x" is a word too many.',
  ],
  [
    ["serve", `${TLS}/../../wire/session/dialect.ts`],
    "exports no function, nor an object of nothing but functions.",
  ],
];

test("cli.ts ends with code 2 where the command line makes no sense", async () => {
  for (const [args, message] of WRONG) {
    const { code, stdout, stderr } = await cli(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assert(
      stderr.includes(message) && stderr.endsWith("See --help.\n"),
      stderr,
    );
  }
});

test("cli.ts serve tells why a module cannot be loaded, in plain text", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/broken.ts`;
    await Deno.writeTextFile(path, 'import "./none.ts";\n');
    for (const processes of [[], ["--processes", "1"]]) {
      const { code, stdout, stderr } = await cli(
        ["serve", "--port", "0", ...processes, path],
        // Colors are wanted, even by what writes into a pipe.
        { NO_COLOR: "", FORCE_COLOR: "1" },
      );
      assertEquals([code, stdout], [2, ""], stderr);
      assert(stderr.includes(`${path} cannot be loaded: Module`), stderr);
      assertMatch(stderr, /\n +at file:.*broken\.ts:1:8\n$/);
    }
  });
});

test("cli.ts names what is like a function that is not served", async () => {
  await serving(async (address) => {
    for (
      const [name, advice] of [
        ["ad", '; did you mean "add"?'],
        ["user.get", '; did you mean "users.get"?'],
        ["zzzzzz", `. "list ${address}" prints what is served there.`],
      ] as const
    ) {
      for (const command of ["call", "bench"]) {
        const told = await cli([command, address, name]);
        const stderr =
          `noSuchFunction: The peer serves no function "${name}"${advice}\n`;
        assertEquals(told, { code: 1, stdout: "", stderr });
      }
    }
    const { stderr } = await cli(["describe", address, "ad"]);
    assertMatch(stderr, /no function "ad"; did you mean "add"\?\n$/);
    const lisp = await cli(["lisp", address, "(+ 1 2)"]);
    assertEquals(lisp.code, 1);
    assertMatch(lisp.stderr, /What listens there may be no CMUCL/);
  });
});

test("cli.ts call tells of sizes and of credentials what to do", async () => {
  await using server = createRequestServer(0, undefined, {
    functions: { length: (text: string) => text.length },
    requireCredential: "a secret",
    onError() {},
  });
  if (server.address.transport !== "tcp") throw new Error();
  const address = `127.0.0.1:${server.address.port}`;
  const call = (secret: string, ...args: string[]) =>
    cli(["call", "--credential-env", "S", "--text", address, ...args], {
      S: secret,
    });
  await withFolder(async (folder) => {
    const path = `${folder}/large`;
    await Deno.writeTextFile(path, "x".repeat(5_000_000));
    const large = await call("a secret", "length", `@${path}`);
    assertMatch(
      large.stderr,
      /^limit: The peer takes messages of up to 4194304 bytes .* has more/,
    );
  });
  for (
    const { code, stderr } of [
      await call("another", "length", "x"),
      await cli(["ping", address]),
    ]
  ) {
    assertEquals(code, 1);
    assertMatch(stderr, /^refused: .* --credential-env, or .*--ask-credential/);
  }
});

const VERBS = [
  ...["list", "describe", "call", "ping", "bench", "top", "talk"],
  ...["lisp", "serve", "listen", "tap", "inspect", "replay", "completions"],
];

test("cli.ts tells what it can do, and its version", async () => {
  for (const args of [["--help"], ["-h"]]) {
    const { code, stdout } = await cli(args);
    assertEquals(code, 0);
    for (const word of VERBS) assert(stdout.includes(`\n  ${word} `), word);
  }
  for (const verb of VERBS) {
    const { code, stdout } = await cli([verb, "--help"]);
    assertEquals(code, 0);
    assert(stdout.startsWith("usage: deno run -A "), stdout);
    assert(stdout.split("\n")[0]!.includes(`cli.ts ${verb} `), stdout);
    assertMatch(stdout, /\nexamples?:\n {2}/);
    assertMatch(stdout, /\nThe exit code is 0/);
    for (const line of stdout.split("\n")) assert(line.length <= 80, line);
  }
  const late = await cli(["list", ":1", "--help"]);
  assertMatch(late.stdout, /cli\.ts list \[OPTION…\] ADDRESS\n/);
  const version = await cli(["--version"]);
  assertEquals(version.stdout, `@remote/wire ${config.version}\n`);
});

test("cli.ts serve says in one line that it cannot listen", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/taken.sock`;
    using _unix = Deno.listen({ transport: "unix", path });
    using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    for (const where of [["--unix", path], ["--port", `${tcp.addr.port}`]]) {
      const { code, stdout, stderr } = await cli(["serve", ...where, MODULE]);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^addressInUse: .*\n$/);
    }
  });
});

if (Deno.build.os !== "windows") {
  test("cli.ts call ends at once at Ctrl-C", async () => {
    const called = Promise.withResolvers<void>();
    await using server = createRequestServer(0, undefined, {
      functions: {
        wait() {
          called.resolve();
          return new Promise(() => {});
        },
      },
    });
    if (server.address.transport !== "tcp") throw new Error();
    const address = `127.0.0.1:${server.address.port}`;
    await using calling = start("-A", CLI, "call", address, "wait");
    await called.promise;
    const { code, stdout } = await calling.end("SIGINT");
    assertEquals([code, stdout], [130, ""]);
  });

  test("cli.ts serve ends at once at Ctrl-C, and leaves no socket", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/wire.sock`;
      await using server = start("-A", CLI, "serve", "--unix", path, MODULE);
      await server.prints(/listening on .*\n/);
      const calling = cli(["call", "--unix", path, "wait"]);
      await server.prints(/waiting\n/);
      const { code } = await server.end("SIGINT");
      assertEquals(code, 130);
      assertEquals((await calling).code, 1);
      await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    });
  });

  test("cli.ts serve finishes what is under way at SIGTERM, and ends at once at another", async () => {
    const server = await startServer("-A", CLI, "serve", "--port=0", MODULE);
    const calling = cli(["call", `127.0.0.1:${server.port}`, "wait"]);
    await server.prints(/waiting\n/);
    server.signal("SIGTERM");
    // It listens no more: it has taken notice.
    while (await isListening(server.port));
    const { code } = await server.end("SIGTERM");
    assertEquals(code, 130);
    assertEquals((await calling).code, 1);
  });
}

/** Whether somebody listens at a port. */
async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

test("cli.ts speaks over Unix sockets", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/wire.sock`;
    const server = createRequestServer(0, undefined, {
      path,
      functions: { add: (a: number, b: number) => a + b },
    });
    await server.ready;
    const call = await cli(["call", "--unix", path, "add", "40", "2"]);
    assertEquals(call, { code: 0, stdout: "42\n", stderr: "" });
    assertEquals((await cli(["list", "--unix", path])).stdout, "add(_, _)\n");
    await server.shutdown();
  });
});

test("cli.ts speaks TLS, and shows a secret from the environment", async () => {
  const server = createRequestServer(0, undefined, {
    tls: {
      cert: await Deno.readTextFile(`${TLS}/server.pem`),
      key: await Deno.readTextFile(`${TLS}/server.key`),
    },
    requireCredential: "open sesame",
    functions: { add: (a: number, b: number) => a + b },
    introspection: false,
  });
  if (server.address.transport !== "tls") throw new Error();
  const address = `localhost:${server.address.port}`;
  const trusted = ["--ca", `${TLS}/ca.pem`, "--credential-env", "WIRE_SECRET"];
  const secret = { WIRE_SECRET: "open sesame" };
  const runs: [string[], Record<string, string>, number, RegExp][] = [
    [[...trusted, address, "add", "40", "2"], secret, 0, /^42\n$/],
    [
      [...trusted, address, "add", "40", "2"],
      { WIRE_SECRET: "please" },
      1,
      /^refused: /,
    ],
    [["--tls", address, "add", "40", "2"], secret, 1, /^tlsFailed: /],
    [
      [
        "--ca",
        `${TLS}/ca.pem`,
        "--tls-name",
        "elsewhere.example",
        address,
        "add",
      ],
      secret,
      1,
      /^tlsFailed: .*another name/,
    ],
  ];
  for (const [args, env, code, output] of runs) {
    const ended = await cli(["call", ...args], env);
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(ended.stdout + ended.stderr, output);
  }
  const list = await cli(["list", ...trusted, address], secret);
  assertEquals(list.code, 1);
  assertMatch(list.stderr, /^noSuchFunction: The peer does not tell/);
  await server.shutdown();
});

test("cli.ts shows its certificate, and no secret in the clear", async () => {
  const server = createRequestServer(0, {
    tls: {
      cert: await Deno.readTextFile(`${TLS}/server.pem`),
      key: await Deno.readTextFile(`${TLS}/server.key`),
      clientCa: [await Deno.readTextFile(`${TLS}/client_ca.pem`)],
    },
    authenticate: ({ certificate }) => certificate?.subject.CN?.[0],
    functions: { add: (a: number, b: number) => a + b },
    onError() {},
  });
  const ca = ["--ca", `${TLS}/ca.pem`];
  const own = ["--cert", `${TLS}/client.pem`, "--key", `${TLS}/client.key`];
  const address = `localhost:${server.port}`;
  const secret = ["--credential-env", "WIRE_SECRET"];
  // An address that is for documentation: nobody is there.
  const far = "192.0.2.1:7000";
  const soon = ["--timeout", "1"];
  const runs: [string[], number, RegExp][] = [
    [["call", ...ca, ...own, address, "add", "40", "2"], 0, /^42\n$/],
    [["call", ...ca, address, "add", "40", "2"], 1, /as --cert and --key/],
    [["ping", ...secret, far], 1, /^invalidArgument: .*--tls; .* --insecure/],
    [["ping", ...secret, "--insecure", ...soon, far], 1, /^(?!invalid)\w+: /],
  ];
  for (const [args, code, output] of runs) {
    const ended = await cli(args, { WIRE_SECRET: "open sesame" });
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(ended.stdout + ended.stderr, output);
  }
  await server.shutdown();
});

test("cli.ts does with the calculator what the README shows", async () => {
  const root = `${import.meta.dirname}/../..`;
  const readme = await Deno.readTextFile(`${root}/README.md`);
  const [, session = ""] = /```console\n(\$ deno run -A cli\.ts [^`]*)```/
    .exec(readme) ?? [];
  const server = await startServer(
    "--allow-net",
    `${root}/examples/calculator/server.ts`,
    "0",
  );
  const sameTime = (text: string) => text.replace(/\d+\.\d\d ms/, "0.50 ms");
  let seen = "";
  for (
    const [, command = ""] of session.matchAll(
      /^\$ deno run -A cli\.ts (.*)$/gm,
    )
  ) {
    const args = command.replace(":7000", `:${server.port}`).split(" ");
    const { stdout, stderr } = await cli(args);
    const output = (stdout + stderr).replace(`:${server.port}`, ":7000");
    seen += `$ deno run -A cli.ts ${command}\n${sameTime(output)}`;
  }
  await server.end("SIGTERM");
  assert(session.length > 300);
  assertEquals(seen, sameTime(session));
});

test("cli.ts listen runs a listener", async () => {
  const child = patientRun(["-A", CLI, "listen", "--port", "0"], {
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  const port = Number(/:(\d+)/.exec(value)?.[1]);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const greeting = new Uint8Array(1_000);
  const size = await conn.read(greeting) ?? 0;
  assertMatch(new TextDecoder().decode(greeting.subarray(0, size)), /listener/);
  conn.close();
  child.kill("SIGTERM");
  await reader.cancel();
  assertEquals((await child.status).code, 0);
});

if (Deno.build.os !== "windows") {
  test("cli.ts serve ends after SIGTERM, whatever its module has under way", async () => {
    const module = `${import.meta.dirname}/_busy_module.ts`;
    const server = await startServer("-A", CLI, "serve", "--port=0", module);
    const calling = cli(["call", `127.0.0.1:${server.port}`, "work"]);
    await server.prints(/working\n/);
    const { code } = await server.end("SIGTERM");
    assertEquals(code, 0);
    assertEquals(await calling, { code: 0, stdout: "done\n", stderr: "" });
  });
}

test("cli.ts names flags where the module names options", async () => {
  await withFolder(async (folder) => {
    const note = `${folder}/note.txt`;
    await Deno.writeTextFile(note, "nothing secret\n");
    const port = ["--port", "0"];
    const cert = ["--cert", `${TLS}/server.pem`];
    const key = ["--key", `${TLS}/server.key`];
    await using plain = createRequestServer(0);
    await using safe = createRequestServer(0, {
      tls: {
        cert: await Deno.readTextFile(`${TLS}/server.pem`),
        key: await Deno.readTextFile(`${TLS}/server.key`),
      },
      onError() {},
    });
    const runs: [string[], number, string][] = [
      [
        ["listen", ...port, "--hostname", "0.0.0.0"],
        1,
        "--require-credential-env",
      ],
      [["serve", ...port, ...key, "--cert", note, MODULE], 2, "--cert"],
      [["serve", ...port, ...cert, "--key", note, MODULE], 2, "--key"],
      [["ping", "--ca", note, "localhost:1"], 2, "--ca"],
      [["ping", "--tls", `localhost:${plain.port}`], 1, "--tls"],
      [["ping", `localhost:${safe.port}`], 1, "give --tls"],
    ];
    for (const [args, code, flag] of runs) {
      const ended = await cli(args);
      assertEquals([ended.code, ended.stdout], [code, ""], ended.stderr);
      assert(ended.stderr.includes(flag), ended.stderr);
      assert(
        !/\btls\b|listener\.|address out|nothing secret/.test(
          ended.stderr.replaceAll(/--tls(-name)?\b/g, ""),
        ),
        ended.stderr,
      );
    }
  });
});
