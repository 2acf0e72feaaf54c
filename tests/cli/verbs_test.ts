/**
 * Commands that look at a server: describe, bench, top, talk; what call takes
 * for arguments; and what shells complete.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  createRequestServer,
  type RequestServer,
  type RequestServerOptions,
  startUpServer,
} from "../../mod.ts";
import { acceptWebSocket } from "../../transports/websocket.ts";
import { sleep } from "../../cli/_client_commands.ts";
import { typeText } from "../../cli/_types.ts";
import { DESCRIBED } from "../../wire/rpc/served.ts";
import { start, startServer, withFolder } from "../examples/_run.ts";
import { findLisp, startLisp } from "../_cmucl.ts";
import { test } from "../_test.ts";
import { CLI, cli } from "./_cli.ts";

const MODULE = `${import.meta.dirname}/_module.ts`;

const functions = {
  add: (a: number, b: number) => a + b,
  echo: (...args: unknown[]) => args,
  fail() {
    throw new RangeError("odd");
  },
  async *count(to: number) {
    for (let n = 1; n <= to; n++) yield n;
  },
};

/** Has a server while something is done. */
async function serving(
  work: (address: string, server: RequestServer) => Promise<void>,
  options: RequestServerOptions = { functions },
): Promise<void> {
  await using server = createRequestServer(0, { onError() {}, ...options });
  await work(`127.0.0.1:${server.port}`, server);
}

test("cli.ts call takes what call --json has printed", async () => {
  const given = [
    { at: new Date(0), id: 2n ** 64n, big: 2 ** 60 },
    new Map([[1n, new Set([new RangeError("odd", { cause: NaN })])]]),
  ];
  const served = { give: () => given, echo: (value: unknown) => value };
  await serving(async (address) => {
    const printed = await cli(["call", "--json", address, "give"]);
    const again = ["call", "--json", address, "echo", "-"];
    assertEquals(await cli(again, {}, printed.stdout), printed);
    const wrong = await cli(["call", address, "echo", '{"$Date": 1}']);
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertMatch(
      wrong.stderr,
      /^Argument 1 of echo: \{"\$Date": …\} stands for/,
    );
  }, { functions: served });
});

test("cli.ts call tells all of what a function threw", async () => {
  const thrown = {
    error: () =>
      Object.assign(new RangeError("odd", { cause: new TypeError("why") }), {
        at: new Date(0),
      }),
    text: () => "some text",
    value: () => ({ code: 7n }),
    nothing: () => undefined,
    many: () => new AggregateError([new Error("a")], "b"),
  };
  const functions = {
    fail(what: keyof typeof thrown) {
      throw thrown[what]();
    },
  };
  await serving(async (address) => {
    for (
      const [what, json, text] of [
        [
          "error",
          '{"code":"thrown","message":"fail threw RangeError: odd","thrown":{"$Error":{"name":"RangeError","message":"odd","cause":{"$Error":{"name":"TypeError","message":"why"}},"at":{"$Date":"1970-01-01T00:00:00.000Z"}}}}',
          'fail threw RangeError: odd\n  caused by TypeError: "why"\n  with { at: 1970-01-01T00:00:00.000Z }\n',
        ],
        [
          "text",
          '{"code":"thrown","message":"fail threw some text","thrown":"some text"}',
          "fail threw some text\n",
        ],
        [
          "value",
          '{"code":"thrown","message":"fail threw { code: 7n }","thrown":{"code":{"$BigInt":"7"}}}',
          "fail threw { code: 7n }\n",
        ],
        [
          "nothing",
          '{"code":"thrown","message":"fail threw undefined","thrown":null}',
          "fail threw undefined\n",
        ],
        [
          "many",
          '{"code":"thrown","message":"fail threw AggregateError: b","thrown":{"$Error":{"name":"AggregateError","message":"b","errors":[{"$Error":{"name":"Error","message":"a"}}]}}}',
          'fail threw AggregateError: b\n  of [Error: "a"]\n',
        ],
      ] as const
    ) {
      const told = await cli(["call", "--json", address, "fail", what]);
      assertEquals(told, {
        code: 1,
        stdout: "",
        stderr: `{"error":${json}}\n`,
      });
      const said = await cli(["call", address, "fail", what]);
      assertEquals(said, { code: 1, stdout: "", stderr: text });
    }
  }, { functions });
});

test("cli.ts call takes JSON, files, the standard input and texts", async () => {
  await withFolder(async (folder) => {
    const json = `${folder}/a.json`;
    const notes = `${folder}/notes.txt`;
    const dashes = `${folder}/dashes.txt`;
    const bytes = `${folder}/bytes`;
    await Deno.writeTextFile(json, ' {"id": 7}\n');
    await Deno.writeTextFile(notes, "Line\n");
    await Deno.writeTextFile(dashes, "- one\n");
    await Deno.writeFile(bytes, new Uint8Array([0xff]));
    await serving(async (address) => {
      const call = async (args: string[], input = "") => {
        const { stdout, stderr } = await cli(
          ["call", "--json", address, "echo", ...args],
          {},
          input,
        );
        assertEquals(stderr, "");
        return JSON.parse(stdout);
      };
      assertEquals(await call([`@${json}`, `@${notes}`]), [
        { id: 7 },
        "Line\n",
      ]);
      assertEquals(await call(["-", "@"], "[1, 2]"), [[1, 2], "@"]);
      assertEquals(await call(["-"], "as it is\n"), ["as it is\n"]);
      assertEquals(await call(['"@home"']), ["@home"]);
      const texts = await cli(
        ["call", "--text", "--json", address, "echo", "-v", "7", `@${dashes}`],
      );
      assertEquals(JSON.parse(texts.stdout), ["-v", "7", "- one\n"]);

      const wrong: [string[], string][] = [
        [["-", "-"], "Argument 2 of echo is a second -: there is one input."],
        [[`@${folder}/none`], "Argument 1 of echo: "],
        [[`@${folder}/none`], `write '"@${folder}/none"'`],
        [[`@${dashes}`], "begins like JSON, and is not JSON"],
        [[`@${dashes}`], "If it is a text, give --text."],
        [[`@${bytes}`], `${bytes} is no text in UTF-8.`],
      ];
      for (const [args, message] of wrong) {
        const { code, stdout, stderr } = await cli(
          ["call", address, "echo", ...args],
        );
        assertEquals([code, stdout], [2, ""]);
        assert(stderr.includes(message), stderr);
      }
    });
  });
});

test("cli.ts call --repeat and --watch call again", async () => {
  await serving(async (address, server) => {
    const repeated = await cli(
      ["call", "--repeat", "3", address, "add", "40", "2"],
    );
    assertEquals(repeated.stdout, "42\n42\n42\n");
    const both = await cli(
      ["call", "--watch", "1", "--repeat", "2", address, "add", "1", "2"],
    );
    assertEquals(both.stdout, "3\n3\n");
    assertEquals(server.stats().sums.callsServed, 5);
    const none = await cli(["call", "--repeat", "0", address, "add", "1"]);
    assertEquals(none.code, 2);
    assertMatch(none.stderr, /--repeat wants an integer above 0/);
    await using watching = start(
      ...["-A", CLI, "call", "--watch", "1", address, "add", "1", "2"],
    );
    await watching.prints(/3\n3\n/);
    assertEquals((await watching.end("SIGINT")).code, 130);
  });
});

test("cli.ts list and call know unix: and ws: addresses", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/wire.sock`;
    await serving(async () => {
      const { stdout } = await cli(["call", `unix:${path}`, "add", "40", "2"]);
      assertEquals(stdout, "42\n");
    }, { path, functions });
  });
  await using server = createRequestServer(null, { functions });
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => acceptWebSocket(server, request, { idleTimeout: 0 }),
  );
  const url = `ws://127.0.0.1:${http.addr.port}/`;
  const { stdout } = await cli(["call", url, "add", "40", "2"]);
  assertEquals(stdout, "42\n");
  const { code, stderr } = await cli(["list", "--tls", url]);
  assertEquals(code, 2);
  assertMatch(stderr, /are not for WebSockets; of these wss: says it/);
  await server.shutdown();
  await http.shutdown();
});

/** A function with a contract, as a peer tells of it. */
function described(contract: object, doc?: string) {
  const served = () => {};
  const description = { name: "f", arity: 0, doc, contract };
  Object.defineProperty(served, DESCRIBED, { value: description });
  return served;
}

test("cli.ts describe --types writes an interface that compiles", async () => {
  const strange = {
    type: "object",
    properties: {
      "a-b": { type: ["integer", "null"] },
      list: { type: "array", items: { anyOf: [{ const: "x" }, { const: 1 }] } },
      pair: { type: "array", prefixItems: [{ type: "string" }, {}] },
      all: { allOf: [{ type: "object" }, { type: "object" }] },
      map: { type: "object", additionalProperties: { type: "boolean" } },
      none: { type: "object", properties: {} },
      implied: { properties: { x: { type: ["string", "string", "odd"] } } },
    },
    required: ["a-b"],
  };
  const contract = { args: [strange], rest: {}, result: null, errors: ["Odd"] };
  await serving(async (address) => {
    await withFolder(async (folder) => {
      const path = `${folder}/remote.ts`;
      const { code, stdout, stderr } = await cli(
        ["describe", "--types", path, address],
      );
      assertEquals([code, stdout, stderr], [0, `7 functions in ${path}\n`, ""]);
      const text = await Deno.readTextFile(path);
      assert(!text.includes("\u001b"), text);
      await Deno.writeTextFile(
        `${folder}/use.ts`,
        `import type { Remote } from "./remote.ts";
declare const remote: Remote;
remote.typed({ "a-b": 7, list: ["x", 1], pair: ["a", 1], map: { a: true } });
// @ts-expect-error It is needed.
remote.typed({});
remote.users.get(1);
remote["odd name"]();
remote["add.more"]();
`,
      );
      const check = await new Deno.Command(Deno.execPath(), {
        args: ["check", "--no-config", `${folder}/use.ts`],
        stderr: "null",
      }).output();
      assert(check.success, text);
    });
    const one = await cli(["describe", address, "users.get"]);
    assertEquals(
      one.stdout,
      `"users.get"(arg1: unknown, ...more: unknown[]): unknown;\n`,
    );
    const json = await cli(["describe", "--json", address, "typed"]);
    assertEquals(JSON.parse(json.stdout).contract.errors, ["Odd"]);
    const missing = await cli(["describe", "--json", address, "missing"]);
    assertEquals([missing.code, missing.stdout], [1, ""]);
    assertEquals(JSON.parse(missing.stderr).error.code, "noSuchFunction");
  }, {
    functions: {
      typed: described(contract, "Ends */ no comment.\n\u001b[31m"),
      users: { get: (id: number) => id },
      "odd name": () => {},
      "add": () => {},
      "add.more": () => {},
      "a..b": () => {},
      "": () => {},
    },
  });
});

test("typeText() writes each part of a schema once", () => {
  const types = ["object", "array", "object", "a", "b", "string"];
  let schema: object = {};
  for (let depth = 0; depth < 100; depth++) {
    schema = { type: types, properties: { x: schema }, prefixItems: [null] };
  }
  const text = typeText(schema);
  assert(text.startsWith("string | [unknown] | { x?: string |"), text);
  assert(text.length < 2_000, `${text.length}`);
  assertEquals(typeText({ type: "string", properties: {} }), "string");
});

test("cli.ts bench measures calls in closed and open loops", async () => {
  await serving(async (address, server) => {
    const before = () => server.stats().sums.callsServed;
    const closed = await cli([
      ...["bench", "--repeat", "20", "--concurrency", "4"],
      ...[address, "add", "40", "2"],
    ]);
    assertEquals([closed.code, closed.stderr], [0, ""]);
    assertMatch(
      closed.stdout,
      /^add at 127\.0\.0\.1:\d+, 4 at a time\n20 calls/,
    );
    assertMatch(closed.stdout, /\nmean \S+ \S+, p50 .* max \S+ \S+\n/);
    assertMatch(closed.stdout, /█+ \d+\n/);
    // And one to see whether it works at all.
    assertEquals(before(), 21);
    const open = await cli([
      ...["bench", "--rate", "1000", "--repeat", "10", "--json"],
      ...[address, "count", "3"],
    ]);
    const { calls, errors, latency, histogram } = JSON.parse(open.stdout);
    assertEquals([calls, errors], [10, {}]);
    assert(latency.p50 > 0 && latency.p999 <= latency.max);
    const sum = histogram.reduce((all: number, [, n]: number[]) => all + n!, 0);
    assertEquals(sum, 10);
    const failing = await cli(["bench", "--json", address, "fail"]);
    assertEquals(failing.code, 1);
    assertEquals(JSON.parse(failing.stderr).error.code, "thrown");
    const both = await cli(
      ["bench", "--rate", "1", "--concurrency", "2", address, "add"],
    );
    assertEquals(both.code, 2);
  });
});

test("cli.ts bench counts calls that fail", async () => {
  let calls = 0;
  const sometimes = () => {
    if (calls++ % 2 === 1) throw new RangeError("odd\u001b[2J");
  };
  await serving(async (address) => {
    const { code, stdout } = await cli(
      ["bench", "--repeat", "10", address, "sometimes"],
    );
    assertEquals(code, 1);
    assertMatch(
      stdout,
      /\n5 failed: sometimes threw RangeError: odd\\u\{1b\}\[2J\n/,
    );
  }, { functions: { sometimes } });
});

test("cli.ts top shows what serve --stats counts, and nobody else's", async () => {
  const server = await startServer(
    ...["-A", CLI, "serve", "--port=0", "--stats", MODULE],
  );
  try {
    const address = `127.0.0.1:${server.port}`;
    await cli(["call", address, "divmod", "17", "5"]);
    const { code, stdout, stderr } = await cli(["top", "--repeat=1", address]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /\nwires {4}1 open, 2 ever, 0 newcomers\n/);
    assertMatch(stdout, /\ndivmod +\d+ +1 +0 +0 /);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/\x1b/.test(stdout));
    const json = await cli(["top", "--repeat=1", "--json", address]);
    assertEquals(JSON.parse(json.stdout).wires.now, 1);
  } finally {
    await server.end("SIGTERM");
  }
  await serving(async (address) => {
    const { code, stderr } = await cli(["top", "--json", address]);
    assertEquals(code, 1);
    assertEquals(JSON.parse(stderr).error.code, "noSuchFunction");
  });
});

test("cli.ts top survives whatever a server tells", async () => {
  await serving(async (address) => {
    const look = (name: string) =>
      cli(["top", "--repeat", "1", "--function", name, address]);
    const odd = await look("odd");
    assertEquals([odd.code, odd.stderr], [0, ""]);
    assertMatch(odd.stdout, /\\u\{1b\}\[2J +0 +0 +0 /);
    assertMatch(odd.stdout, /refused: a\\u\{1b\} 0/);
    const none = await look("none");
    assertEquals(none.code, 1);
    assertMatch(none.stderr, /something else than server\.stats\(\) gives/);
  }, {
    functions: {
      odd: () => ({
        sums: { callsServed: "many" },
        uptime: NaN,
        refused: { "a\u001b": "x" },
        functions: [null, { name: "\u001b[2J", calls: {}, latency: [] }],
      }),
      none: () => 7,
    },
  });
});

test("cli.ts talk sends lines, and prints what comes", async () => {
  const server = startUpServer({
    service: 0,
    function: async (stream) => {
      await stream.write("name? ");
      for await (const line of stream) await stream.writeLine(`hello ${line}`);
    },
    announce: false,
  });
  try {
    const { port } = server;
    const { code, stdout, stderr } = await cli(
      ["talk", `127.0.0.1:${port}`],
      {},
      "Ada\nBob",
    );
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, "name? hello Ada\nhello Bob\n");
  } finally {
    await server.shutdown();
  }
  const refused = await cli(["talk", "127.0.0.1:1"]);
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertMatch(refused.stderr, /^connectionRefused: /);
  const webSocket = await cli(["talk", "ws://127.0.0.1:1/"]);
  assertEquals(webSocket.code, 2);
});

test("sleep() takes no long time for a short one", async () => {
  const long = sleep(Infinity).then(() => "long");
  const short = sleep(50).then(() => "short");
  assertEquals(await Promise.race([long, short]), "short");
});

Deno.test({
  name: "cli.ts lisp has a CMUCL evaluate forms",
  ignore: (await findLisp()).version === undefined,
  async fn() {
    await using server = await startLisp();
    const address = `127.0.0.1:${server.port}`;
    const lisp = (form: string, input?: string) =>
      cli(["lisp", address, form], {}, input);
    const values = await lisp(String.raw`1 (values "a\\b" 'x) ; a note`);
    assertEquals([values.code, values.stderr], [0, ""]);
    assertEquals(values.stdout, String.raw`"a\\b"` + "\nX\n");
    const read = await lisp("-", "(list 1\n 1/2)");
    assertEquals(read.stdout, "(1 1/2)\n");
    const failed = await lisp('(error "it is odd")');
    assertEquals([failed.code, failed.stdout], [1, ""]);
    assertMatch(failed.stderr, /^SIMPLE-ERROR: [\s\S]*it is odd\n$/);
    const open = await lisp("(car");
    assertMatch(open.stderr, /^END-OF-FILE: /);
  },
});

test("cli.ts completions are scripts that shells take", async () => {
  const { stdout } = await cli(["completions", "bash", "my-wire"]);
  const complete = async (...words: string[]) => {
    const script = `${stdout}
COMP_WORDS=(${words.join(" ")} "")
COMP_CWORD=${words.length - 1}
_my_wire_completions
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout: out, success } = await new Deno.Command("bash", {
      args: ["-c", script],
    }).output();
    assert(success);
    return new TextDecoder().decode(out).trim().split("\n");
  };
  assertEquals(await complete("my-wire", "lis"), [
    ...["list", "lisp", "listen"],
  ]);
  assertEquals(await complete("my-wire", "bench", "--r"), [
    "--require-credential-env",
    "--repeat",
    "--rate",
  ]);
  const fish = await cli(["completions", "fish"]);
  assertMatch(
    fish.stdout,
    /\n.*__fish_seen_subcommand_from bench' -l rate -r\n/,
  );
  const zsh = await cli(["completions", "zsh"]);
  assertMatch(zsh.stdout, /^#compdef wire\n/);
  for (const args of [["tcsh"], ["bash", "a b"], ["bash", "--json"], []]) {
    assertEquals((await cli(["completions", ...args])).code, 2);
  }
});
