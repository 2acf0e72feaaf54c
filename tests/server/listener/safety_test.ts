import { assert, assertEquals, assertThrows } from "@std/assert";
import { openTcpStream } from "../../../client/mod.ts";
import {
  DEFAULT_LISTENER_LIMITS,
  startUpServer,
  type StartUpServerOptions,
} from "../../../server/mod.ts";
import { resolveListenerLimits } from "../../../server/listener/options.ts";
import { WireError } from "../../../wire/mod.ts";
import { isLoopback } from "../../../wire/transport/transport.ts";
import { holdTimers } from "../../_held_timers.ts";
import { test } from "../../_test.ts";
import { Client, startListener } from "./_client.ts";

const CREDENTIAL = "correct horse battery staple";
const folder = new URL("../../tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, folder));
const tls = { cert: read("server.pem"), key: read("server.key") };

test("isLoopback() knows this machine's own addresses", () => {
  for (
    const host of [
      "127.0.0.1",
      "127.1.2.3",
      "localhost",
      "LocalHost",
      "::1",
      "[::1]",
      "::ffff:127.0.0.1",
    ]
  ) assertEquals(isLoopback(host), true, host);
  for (
    const host of [
      "0.0.0.0",
      "::",
      "10.0.0.1",
      "192.168.1.1",
      "example.com",
      "localhost.example.com",
      "127.0.0.1.example.com",
      "128.0.0.1",
      "",
    ]
  ) assertEquals(isLoopback(host), false, host);
});

const REFUSED: [string, StartUpServerOptions, RegExp][] = [
  ["nothing", {}, /a credential and TLS are missing/],
  ["no credential", { tls }, /a credential is missing/],
  ["no TLS", { listener: { requireCredential: CREDENTIAL } }, /TLS is missing/],
  [
    "a short credential",
    { tls, listener: { requireCredential: "short" } },
    /at least 16/,
  ],
  [
    "two lines of it",
    { tls, listener: { requireCredential: `${CREDENTIAL}\n.` } },
    /single line/,
  ],
];

for (const [what, options, message] of REFUSED) {
  test(`startUpServer() refuses a listener beyond loopback with ${what}`, () => {
    for (const address of ["0.0.0.0", "::", "example.com"]) {
      const error = assertThrows(
        () => startUpServer({ service: 0, address, ...options }),
        WireError,
      );
      assertEquals(error.code, "invalidArgument");
      assert(message.test(error.message), error.message);
    }
  });
}

test("startUpServer() serves beyond loopback with both", async () => {
  await using server = startUpServer({
    service: 0,
    address: "0.0.0.0",
    tls,
    listener: { requireCredential: CREDENTIAL },
  });
  const stream = await openTcpStream("localhost", server.port, {
    tls: { caCerts: [read("ca.pem")] },
  });
  await using client = new Client(stream);
  await client.until("name> ");
  await client.say("alice", "credential> ");
  const hello = await client.say(CREDENTIAL, "alice> ");
  assert(hello.startsWith("; Hello, alice."), hello);
  assertEquals(await client.say("1 + 1", "alice> "), "2\n");
  await stream.writeLine(":quit");
  await client.until(null);
});

test("startUpServer() may serve streams beyond loopback without either", async () => {
  await using server = startUpServer({
    service: 0,
    address: "0.0.0.0",
    function: async () => {},
  });
  assert(server.port > 0);
});

/** First lines after which a connection is closed, and what is answered. */
const BAD_NAMES: [string, RegExp][] = [
  [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n1 + 1\n",
    /^; This is a listener.*\nname> $/,
  ],
  ["POST / HTTP/1.1\r\n\r\nalice\n1 + 1\n", /name> $/],
  ["1 + 1\n", /That is no name/],
  ["\n", /That is no name/],
  ['"\\u001b[2J"\n', /That is no name/],
  ["x".repeat(20_000), /name> $/],
];

for (const [sent, answer] of BAD_NAMES) {
  test(`A listener closes at ${JSON.stringify(sent.slice(0, 20))}`, async () => {
    await using listener = startListener();
    await using client = await listener.connect();
    await client.until(";");
    client.stream.write(sent);
    const said = ";" + await client.until(null).catch(() => "name> ");
    assert(answer.test(said) || said === ";name> ", said);
    assert(!said.includes("2\n") && !said.includes("Hello"), said);
  });
}

test("A listener asks for the credential, and closes at a wrong one", async () => {
  await using listener = startListener({ requireCredential: CREDENTIAL });
  for (
    const wrong of ["", "wrong", CREDENTIAL + "x", CREDENTIAL.toUpperCase()]
  ) {
    await using client = await listener.connect();
    await client.until("name> ");
    await client.say("alice", "credential> ");
    client.stream.write(`${wrong}\nconsole.log("evaluated")\n`);
    const said = await client.until(null).catch(() => "");
    assert(!said.includes("evaluated\n") && !said.includes("Hello"), said);
  }
  await using client = await listener.connect();
  await client.until("name> ");
  await client.say("alice", "credential> ");
  assert((await client.say(CREDENTIAL, "alice> ")).includes("Hello"));
});

test("A listener turns away who failed too often", async () => {
  await using listener = startListener({
    requireCredential: CREDENTIAL,
    limits: { attempts: 2, attemptEvery: 3_600_000 },
  });
  // Both are connected before either has failed.
  const clients = [];
  for (let count = 0; count < 3; count++) {
    const client = await listener.connect();
    await client.until("name> ");
    await client.say("alice", "credential> ");
    clients.push(client);
  }
  const answers = [];
  for (const [index, client] of clients.entries()) {
    await client.stream.writeLine(index === 2 ? CREDENTIAL : "wrong");
    answers.push(await client.until(null));
    await client.stream.close();
  }
  assert(answers[0]!.includes("not the credential"), answers[0]);
  assert(answers[1]!.includes("not the credential"), answers[1]);
  assert(answers[2]!.includes("Too many attempts"), answers[2]);
  await using late = await listener.connect();
  assert((await late.until(null)).includes("Too many attempts"));
});

test("A listener takes no more than 16 KiB before the credential", async () => {
  await using listener = startListener({ requireCredential: CREDENTIAL });
  await using client = await listener.connect();
  await client.until("name> ");
  const name = `${" ".repeat(10_000)}alice`;
  await client.say(name, "credential> ");
  client.stream.write("x".repeat(7_000));
  const said = await client.until(null).catch(() => "");
  assert(!said.includes("Hello"));
  assertEquals((listener.errors[0] as WireError).code, "limit");
});

test("A listener waits for a stranger, but not for ever", async () => {
  const introduction = 654_321;
  using timers = holdTimers(introduction);
  await using listener = startListener({ limits: { introduction } });
  await using slow = await listener.connect();
  await slow.until("name> ");
  assertEquals(timers.count, 1);
  timers.runOut();
  await slow.until(null).catch(() => "");
  assertEquals((listener.errors[0] as WireError).code, "timeout");
  await using other = await listener.session();
  assertEquals(await other.say("1"), "1\n");
});

test("A silent stranger gives way to who comes next", async () => {
  await using listener = startListener({ limits: { strangers: 1 } });
  await using slow = await listener.connect();
  await slow.until("name> ");
  await using second = await listener.session();
  assertEquals(await second.say("1"), "1\n");
  assert((await slow.until(null)).includes("Others wait"));
  const [told] = listener.errors as WireError[];
  assertEquals(told!.code, "busy");
  assert(told!.message.includes('"strangers"'), told!.message);
});

test("Hundreds of silent strangers keep nobody out of a listener", async () => {
  await using listener = startListener();
  const silent: Deno.Conn[] = [];
  for (let n = 0; n < 300; n++) {
    silent.push(
      await Deno.connect({ hostname: "127.0.0.1", port: listener.server.port }),
    );
  }
  await using client = await listener.session();
  assertEquals(await client.say("40 + 2"), "42\n");
  for (const conn of silent) conn.close();
});

test("A session without an input gives way, and one with an input does not", async () => {
  await using listener = startListener({
    limits: { sessions: 2, yieldAfter: 1 },
  });
  await using busy = await listener.session("busy");
  assertEquals(await busy.say("let kept = 42; kept", "busy> "), "42\n");
  await using silent = await listener.session("silent");
  // It has done nothing for long enough by then.
  await new Promise((resolve) => setTimeout(resolve, 5));
  await using third = await listener.session("third");
  assert((await silent.until(null)).includes("Others wait"));
  assertEquals(await third.say("1", "third> "), "1\n");
  assertEquals(await busy.say("kept", "busy> "), "42\n");
  await using late = await listener.connect();
  await late.until("name> ");
  await late.stream.writeLine("late");
  assert((await late.until(null)).includes("2 sessions already"));
});

test("A listener tells its owner of wrong credentials", async () => {
  await using listener = startListener({
    requireCredential: CREDENTIAL,
    limits: { attempts: 2, attemptEvery: 1e9 },
  });
  for (let n = 0; n < 6; n++) {
    await using client = await listener.connect();
    await client.stream.write(`"name"\nguess number ${n} of many\n`);
    await client.until(null);
  }
  const codes = (listener.errors as WireError[]).map(({ code }) => code);
  assertEquals(codes.slice(0, 2), ["refused", "busy"]);
  for (const error of listener.errors as WireError[]) {
    assert(!error.message.includes("guess"), error.message);
  }
});

test("DEFAULT_LISTENER_LIMITS are what the documentation says", () => {
  assertEquals(DEFAULT_LISTENER_LIMITS, {
    sessions: 16,
    strangers: 64,
    introduction: 60_000,
    introductionBytes: 16_384,
    attempts: 5,
    attemptEvery: 10_000,
    line: 65_536,
    input: 262_144,
    ahead: 262_144,
    start: 30_000,
    evaluation: 10_000,
    processor: 20_000,
    memory: 268_435_456,
    stall: 10_000,
    idle: 3_600_000,
    yieldAfter: 10_000,
    afterEnd: 2_000,
  });
});

test("resolveListenerLimits() refuses unknown limits and odd values", () => {
  assertEquals(resolveListenerLimits({ line: 5 }).line, 5);
  assertEquals(resolveListenerLimits({ evaluation: 7 }).processor, 14);
  assertEquals(
    resolveListenerLimits({ evaluation: 7, processor: 9 }).processor,
    9,
  );
  for (
    const limits of [{ lines: 1 }, { line: 0 }, { memory: 1_000 }, {
      idle: 0.5,
    }]
  ) {
    const error = assertThrows(() => resolveListenerLimits(limits), WireError);
    assertEquals(error.code, "invalidArgument");
  }
});
