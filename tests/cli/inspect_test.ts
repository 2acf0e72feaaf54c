/**
 * The command `inspect`: what its page is told, and the page in a real browser.
 * Without Chromium the tests of the latter are skipped, and say so.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pageDigest } from "../../.ci/inspector_page.ts";
import { endpoint } from "../../cli/_addresses.ts";
import { serveInspector } from "../../cli/_inspect_server.ts";
import type {
  About,
  Inspection,
  MessageRow,
  News,
  ValueNode,
} from "../../cli/_inspection.ts";
import { Inspector, type Keeps } from "../../cli/_inspector.ts";
import { DIGEST } from "../../cli/_inspector_page.ts";
import { Latencies } from "../../cli/_latencies.ts";
import { ByteProxy } from "../../cli/_proxy.ts";
import { Recorder } from "../../cli/_recording.ts";
import { witness } from "../../cli/_tap_command.ts";
import { hexDump, ValueTree } from "../../cli/_value_tree.ts";
import { Model } from "../../cli/inspector/model.ts";
import {
  type AnyFunctions,
  connectToRemoteServer,
  createRequestServer,
  makeRemoteObject,
  type Wire,
} from "../../mod.ts";
import { connectWebSocket } from "../../transports/websocket.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { startChromium, type Tab } from "../_chromium.ts";
import { mayTestWith } from "../_programs.ts";
import { patientRun, withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";

const hasChromium = await mayTestWith("chromium", ["--version"]);
const testWithChromium = hasChromium ? test : Deno.test.ignore;
const CLI = `${import.meta.dirname}/../../cli.ts`;
const HOST = "127.0.0.1";
const MARKUP = '<img src="x" onerror="globalThis.wasRun = true"><b>bold</b>';

const FUNCTIONS = {
  add: (a: number, b: number) => a + b,
  greet: (name: string) => `Hello, ${name}`,
  fail(): never {
    throw new RangeError("This is out of range");
  },
  async *count(n: number) {
    for (let i = 0; i < n; i++) yield i;
  },
  bytes: () => new Uint8Array([1, 2, 0x41]),
  twice: async (f: { remoteValue: { run(n: number): Promise<number> } }) =>
    await f.remoteValue.run(21),
};

/** A proxy in front of a server, which an inspector sees. */
function proxyTo(port: number, inspector: Inspector): ByteProxy {
  return new ByteProxy({
    listen: endpoint(":0", "LISTEN", true),
    target: endpoint(`${HOST}:${port}`, "TARGET"),
    own: undefined,
    tls: undefined,
    timeout: 10_000,
    witness: witness(inspector),
  });
}

/** Something that works in front of a server, and an inspector that sees it. */
async function inspected(
  work: (
    inspector: Inspector,
    wire: Wire,
    ports: { proxy: number },
  ) => Promise<void>,
  keeps: Keeps = {},
): Promise<void> {
  await using server = createRequestServer(0, {
    functions: FUNCTIONS as unknown as AnyFunctions,
  });
  const inspector = new Inspector(keeps);
  const proxy = proxyTo(server.port, inspector);
  const port = Number(proxy.address.split(":").at(-1));
  try {
    const wire = await connectToRemoteServer(HOST, port);
    await work(inspector, wire, { proxy: port });
    await wire.close();
  } finally {
    await proxy.close();
  }
}

/** All that an inspector tells, as it is now. */
function told(inspector: Inspector): News {
  const place = { message: 0, change: 0 };
  const first = inspector.news(place, 0);
  const messages = [...first.messages];
  for (;;) {
    const more = inspector.news(place, 0);
    if (more.messages.length === 0) return { ...first, messages };
    messages.push(...more.messages);
  }
}

/** Messages of a kind. */
function ofKind({ messages }: News, kind: string): MessageRow[] {
  return messages.filter((message) => message.kind === kind);
}

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("an inspector tells of calls, functions, wires and values", () =>
  inspected(async (inspector, wire) => {
    assertEquals(await wire.call("add", [40, 2]), 42);
    await assertRejects(() => wire.call("fail", []));
    assertEquals(await Array.fromAsync(await wire.call("count", [3]) as []), [
      0,
      1,
      2,
    ]);
    await until(() => ofKind(told(inspector), "streamEnd").length === 1);
    const news = told(inspector);
    assertEquals(news.missed, 0);
    assertEquals(news.skipped, 0);
    const [call] = ofKind(news, "call");
    const [answer] = ofKind(news, "return");
    assertEquals([call!.name, call!.way], ["add", "to-server"]);
    assertEquals([answer!.name, answer!.way], ["add", "to-client"]);
    assertEquals(answer!.text, "return #0 add = 42");
    assert(answer!.latency! >= 0);
    const args = inspector.message(call!.number)!
      .find(({ label }) => label === "args");
    assertEquals(args!.items!.map(({ text }) => text), ["40", "2"]);
    assertEquals(ofKind(news, "throw")[0]!.name, "fail");
    assertEquals(ofKind(news, "return")[1]!.streams, [0]);

    const [state] = news.wires;
    assertEquals([state!.calls, state!.errors], [3, 1]);
    assertEquals(state!.flow["to-server"].window, 4 * 1024 * 1024);
    assertEquals(state!.flow["to-server"].pending, 0);
    assertEquals(state!.flow["to-server"].calls, 0);
    assertEquals(state!.closed, undefined);
    const functions = news.functions.map(({ name, count, errors }) =>
      `${name} ${count} ${errors}`
    );
    assertEquals(functions, ["add 1 0", "fail 1 1", "count 1 0"]);
    for (const { buckets, count } of news.functions) {
      assertEquals(buckets.reduce((sum, each) => sum + each), count);
    }
  }));

test("an inspector tells of the calls and streams under way, until the wire ends", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = createRequestServer(0, {
    functions: {
      wait: () => promise,
      async *forever() {
        for (;;) yield new Uint8Array(1_000);
      },
    },
  });
  const inspector = new Inspector();
  const proxy = proxyTo(server.port, inspector);
  const port = Number(proxy.address.split(":").at(-1));
  const wire = await connectToRemoteServer(HOST, port);
  const waiting = wire.call("wait", []);
  const stream = await wire.call("forever", []);
  const credit = () => told(inspector).wires[0]!.streams[0]?.credit;
  await until(() => (credit() ?? 1) <= 0);
  const [state] = told(inspector).wires;
  assertEquals(state!.flow["to-server"].pending, 1);
  assert(state!.flow["to-server"].calls > 64);
  assertEquals([state!.open, state!.streams[0]!.way], [1, "to-client"]);
  assert(state!.streams[0]!.items >= 20);
  wire.abort(new Error("enough"));
  await assertRejects(() => waiting);
  resolve();
  await until(() => told(inspector).wires[0]!.closed !== undefined);
  const [after] = told(inspector).wires;
  assertEquals([after!.open, after!.flow["to-server"].pending], [0, 0]);
  await stream;
  await proxy.close();
});

test("an inspector forgets the oldest messages, and tells how many a page missed", () =>
  inspected(async (inspector, wire) => {
    const place = { message: 0, change: 0 };
    await wire.call("add", [0, 0]);
    const first = inspector.news(place, 0);
    assertEquals(first.missed, 0);
    for (let i = 0; i < 50; i++) await wire.call("add", [i, 0]);
    const { messages, missed } = inspector.news(place, 0);
    assertEquals(messages.length, 10);
    assertEquals(messages.at(-1)!.number - messages[0]!.number, 9);
    assertEquals(
      missed,
      messages[0]!.number - first.messages.at(-1)!.number - 1,
    );
    assertEquals(inspector.message(1), undefined);
    assert(inspector.message(messages[0]!.number) !== undefined);
  }, { messages: 10 }));

test("an inspector counts what comes too fast, and shows no call without its answer", () =>
  inspected(async (inspector, wire) => {
    const calls = Array.from({ length: 500 }, (_, i) => wire.call("add", [i]));
    await Promise.all(calls);
    const news = told(inspector);
    const [add] = news.functions;
    assertEquals(add!.count, 500);
    assert(news.skipped > 0);
    const shown = ofKind(news, "call").length;
    assertEquals(ofKind(news, "return").length, shown);
    assert(shown < 500);
    const pairs = [...ofKind(news, "call"), ...ofKind(news, "return")];
    assertEquals(news.skipped + pairs.length, 1_000);
  }, { perSecond: 3 }));

test("ValueTree shows whatever came, within bounds, and keeps nothing of it", () => {
  const bytes = new Uint8Array([0x41, 0, 0xff]);
  const tree = new ValueTree();
  const nodes = tree.members({
    text: "a\nb",
    number: -0,
    big: 2n ** 600n,
    none: undefined,
    value: undefined,
    bytes,
    map: new Map([[{ a: 1 }, new Set([1])]]),
    holes: [1, , 3], // deno-lint-ignore no-sparse-arrays -- as they may come
    floats: new Float64Array([0.5]),
    date: new Date(0),
    error: Object.assign(new RangeError("bad"), { extra: [1] }),
    stream: Object.assign(Object.create(null), { reference: "stream", id: 3 }),
  });
  bytes.fill(7);
  const by = (label: string) => nodes.find((node) => node.label === label);
  const parts = (label: string) =>
    by(label)!.items!.map(({ label, text }) => `${label}: ${text}`);
  assertEquals(by("text")!.text, "a\nb");
  assertEquals(by("number")!.text, "-0");
  assertEquals(by("none"), undefined);
  assertEquals(by("value")!.text, "undefined");
  assertEquals(by("bytes")!.hex, hexDump(new Uint8Array([0x41, 0, 0xff])));
  assertMatch(by("bytes")!.hex!, /^0000 {2}41 00 ff +A\.\.$/);
  assertEquals(parts("map"), ["{ a: 1 }: Set [1]"]);
  assertEquals(parts("holes"), ["0: 1", "2: 3"]);
  assertEquals(parts("floats"), ["0: 0.5"]);
  assertEquals(by("date")!.text, "1970-01-01T00:00:00.000Z");
  assertEquals(parts("error"), [
    "name: RangeError",
    "message: bad",
    "extra: [1]",
  ]);
  assertEquals(tree.streams, [3]);

  const count = (nodes: readonly ValueNode[]): number =>
    nodes.reduce((sum, { items = [] }) => sum + 1 + count(items), 0);
  const wide = new ValueTree().members({ args: Array(1_000_000).fill(0) });
  assert(count(wide) <= 4_000);
  assert(wide[0]!.left! > 900_000);
  let deep: unknown = 0;
  for (let i = 0; i < 900; i++) deep = [deep];
  assert(count(new ValueTree().members({ deep })) < 100);
  const [long] = new ValueTree().members({ text: "x".repeat(1_000_000) });
  assertEquals(long!.text.length + long!.left!, 1_000_000);
  assert(long!.text.length <= 65_536);
});

test("Latencies tells quantiles within a tenth, whatever comes", () => {
  const latencies = new Latencies();
  assertEquals(latencies.quantile(0.5), 0);
  for (let i = 1; i <= 1_000; i++) latencies.add(i / 10);
  for (const [part, time] of [[0.5, 50], [0.9, 90], [0.99, 99]] as const) {
    const error = Math.abs(latencies.quantile(part) / time - 1);
    assert(error < 0.1, `${part}: ${latencies.quantile(part)}`);
  }
  for (const strange of [0, -1, 1e12, 1e-12]) latencies.add(strange);
  assertEquals(latencies.buckets.reduce((sum, each) => sum + each), 1_004);
  assertEquals(latencies.most, 1e12);
});

test("the page's model pairs calls of both sides with their answers and streams", () =>
  inspected(async (inspector, wire) => {
    await wire.call("add", [40, 2]);
    await assertRejects(() => wire.call("fail", []));
    await Array.fromAsync(await wire.call("count", [3]) as []);
    const run = makeRemoteObject({ run: (n: number) => n * 2 });
    assertEquals(await wire.call("twice", [run]), 42);
    await until(() => ofKind(told(inspector), "streamEnd").length === 1);
    const model = new Model();
    model.take(told(inspector));
    const shown = model.calls.map(({ text, answerText, outcome, way, items }) =>
      [way, text, answerText, outcome, items].join("|")
    );
    assertEquals(shown, [
      "to-server|add(40, 2)|= 42|answered|0",
      'to-server|fail()|threw RangeError: "This is out of range"|failed|0',
      "to-server|count(3)|= <stream 0>|answered|3",
      "to-server|twice(<object 0>)|= 42|answered|0",
      "to-client|run(21) on <object 0>|= 42|answered|0",
    ]);
  }));

test("an inspector tells of CMUCL's protocol, which has no windows", async () => {
  const dialect = cmucl();
  await using server = createRequestServer(0, {
    dialect,
    functions: { "COMMON-LISP::+": (a: number, b: number) => a + b },
  });
  const inspector = new Inspector();
  const proxy = proxyTo(server.port, inspector);
  const port = Number(proxy.address.split(":").at(-1));
  const wire = await connectToRemoteServer(HOST, port, { dialect });
  wire.send("COMMON-LISP::+", [1, 1]);
  assertEquals(await wire.call("COMMON-LISP::+", [40, 2]), 42);
  assertEquals(told(inspector).wires[0]!.flow["to-server"].sends, 0);
  const { wires, functions } = told(inspector);
  assertEquals(wires[0]!.calls, 1);
  assertEquals(wires[0]!.flow["to-server"].window, undefined);
  assertEquals(functions.map(({ count }) => count), [1]);
  await wire.close();
  await proxy.close();
});

test("the page's model tells calls without an answer, once no more can come", () =>
  inspected(async (inspector, wire) => {
    await wire.call("add", [40, 2]);
    const { wires: [state], ...news } = told(inspector);
    const of = (...kinds: string[]) =>
      news.messages.filter(({ kind }) => kinds.includes(kind));
    const wires = [{ ...state!, closed: state!.opened + 1 }];
    const isBehind = true;
    const outcomes = (...all: News[]) => {
      const model = new Model();
      for (const each of all) model.take(each);
      return model.calls.map(({ outcome }) => outcome).join();
    };
    const call = { ...news, messages: of("call"), wires: [] };
    const answer = { ...news, messages: of("return"), wires: [] };
    assertEquals(outcomes(call), "waiting");
    assertEquals(outcomes({ ...call, wires }), "lost");
    // That a wire has ended is told before its last messages.
    assertEquals(outcomes({ ...call, wires, isBehind }, answer), "answered");
    assertEquals(
      outcomes({ ...call, wires, isBehind }, { ...answer, messages: [] }),
      "lost",
    );
    // Its answer may have been forgotten, or come later.
    const missed = { ...answer, messages: [], missed: 5 };
    assertEquals(outcomes(call, missed), "missed");
    assertEquals(outcomes(call, missed, answer), "answered");
  }));

/** A page's server for a test, which ends with it. */
async function served(
  inspector: Inspector,
): Promise<{ url: URL; secret: string } & AsyncDisposable> {
  const about: About = { target: "T", source: "S", isRecording: false };
  const page = await serveInspector(inspector, about, 0);
  const url = new URL(page.url);
  const secret = url.hash.slice(1);
  url.hash = "";
  return { url, secret, [Symbol.asyncDispose]: () => page.close() };
}

/** The first line of the answer to a request that is written by hand. */
async function ask(url: URL, headers: Record<string, string>, path = "/") {
  const conn = await Deno.connect({ hostname: HOST, port: Number(url.port) });
  const lines = Object.entries({ connection: "close", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  await conn.write(new TextEncoder().encode(text));
  const reader = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  await reader.cancel();
  return value.split("\r\n")[0];
}

test("the inspector's page is for browsers of this machine that have its address", async () => {
  await using page = await served(new Inspector());
  const { url, secret } = page;
  const { host } = url;
  const response = await fetch(url);
  assertMatch(await response.text(), /<title>Wire inspector<\/title>/);
  assertMatch(
    response.headers.get("content-security-policy")!,
    /default-src 'none'; script-src 'self';/,
  );
  assertEquals(url.hostname, HOST);
  assertMatch((await ask(url, { host }))!, / 200 /);
  assertMatch((await ask(url, { host: `localhost:${url.port}` }))!, / 200 /);
  // A name of somebody else's that leads here.
  for (const wrong of ["evil.example", `evil.example:${url.port}`, HOST]) {
    assertMatch((await ask(url, { host: wrong }))!, / 403 /);
  }
  const upgrade = {
    host,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const knock = (more: Record<string, string>) =>
    ask(url, { ...upgrade, ...more }, "/wire");
  assertMatch((await knock({ origin: url.origin }))!, / 101 /);
  for (const origin of ["http://evil.example", "null", `https://${host}`]) {
    assertMatch((await knock({ origin }))!, / 403 /);
  }
  assertMatch((await knock({ host: "evil.example" }))!, / 403 /);
  const wire = new URL("wire", url.href.replace("http", "ws"));
  await assertRejects(() => connectWebSocket(wire), Error, "credential");
  await assertRejects(
    () => connectWebSocket(wire, { credential: secret.replace(/./g, "0") }),
    Error,
    "credential",
  );
  await using mine = await connectWebSocket<Inspection>(wire, {
    credential: secret,
  });
  assertEquals((await mine.remoteValue.about()).target, "T");
});

test("a page that reads nothing slows no wire, and is told what it missed", () =>
  inspected(async (inspector, wire) => {
    await using page = await served(inspector);
    const url = new URL("wire", page.url.href.replace("http", "ws"));
    await using mine = await connectWebSocket<Inspection>(url, {
      credential: page.secret,
    });
    const news = (await mine.remoteValue.follow())[Symbol.asyncIterator]();
    await news.next();
    // More than may be under way to the page.
    const text = "x".repeat(500);
    for (let i = 0; i < 1_000; i++) await wire.call("greet", [text]);
    let missed = 0;
    let last = 0;
    const newest = told(inspector).messages.at(-1)!.number;
    while (last < newest) {
      const { value, done } = await news.next();
      if (done) throw new Error("There is more");
      missed += value.missed;
      last = value.messages.at(-1)?.number ?? last;
    }
    assert(missed > 0);
    await news.return?.();
  }, { messages: 100, perSecond: Infinity }));

test("the page that is published is made of what is in cli/inspector/", async () => {
  assertEquals(
    DIGEST,
    await pageDigest(),
    "deno run -A .ci/inspector_page.ts --write",
  );
});

/** Runs the command until the work is done; gives what it printed at last. */
async function withInspect(
  args: string[],
  work: (url: string) => Promise<void>,
): Promise<void> {
  const child = patientRun(["-A", CLI, "inspect", "--json", ...args], {
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const [line, rest] = child.stdout.tee();
  void rest.cancel();
  let text = "";
  for await (const part of line.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  try {
    await work(JSON.parse(text).url);
  } finally {
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
  }
}

/** The texts of the rows that show. */
const ROWS = (view: string) =>
  `[...document.querySelectorAll("#${view} li")]
    .map((row) => row.querySelector(".text").innerText).join("\\n")`;

/** Chooses in the form. */
async function choose(tab: Tab, field: string, value: string): Promise<void> {
  await tab.evaluate(`(() => {
    const field = document.querySelector("#${field}");
    field.value = ${JSON.stringify(value)};
    field.dispatchEvent(new Event("input", { bubbles: true }));
  })()`);
}

testWithChromium(
  "cli.ts inspect shows live calls in a browser, filtered, and one in full",
  async () => {
    await using server = createRequestServer(0, {
      functions: FUNCTIONS as unknown as AnyFunctions,
    });
    const listener = Deno.listen({ hostname: HOST, port: 0 });
    const { port } = listener.addr;
    listener.close();
    const args = [`${HOST}:${port}`, `${HOST}:${server.port}`];
    await withInspect(args, async (url) => {
      await using chromium = await startChromium();
      const tab = await chromium.open(url);
      await tab.until(
        `document.querySelector("#calls .empty").innerText === "No wire has come yet."`,
      );
      const wire = await connectToRemoteServer(HOST, port);
      await wire.call("add", [40, 2]);
      await wire.call("greet", [MARKUP]);
      await wire.call("fail", []).catch(() => {});
      await Array.fromAsync(await wire.call("count", [3]) as []);
      await tab.until(`${ROWS("calls")}.includes("add(40, 2) = 42")`);
      await tab.until(`${ROWS("calls")}.includes("3 items")`);
      assertMatch(
        String(await tab.evaluate(ROWS("calls"))),
        /count\(3\) .*\nfail\(\) threw RangeError: .*\ngreet\(.*\nadd\(/,
      );
      assertEquals(
        await tab.evaluate(`document.querySelectorAll("#calls .bad").length`),
        1,
      );

      await choose(tab, "name", "gr*t");
      await tab.until(`/^greet\\([^\\n]*$/.test(${ROWS("calls")})`);
      await tab.click("#calls li");
      await tab.until(
        `document.querySelectorAll("#parts .tree").length > 1`,
      );
      const shown = String(
        await tab.evaluate(`document.querySelector("#parts").innerText`),
      );
      assert(shown.includes(JSON.stringify(MARKUP)), shown);
      assert(shown.includes("return to the client"), shown);
      // What a peer sends is text, and never markup.
      assertEquals(
        await tab.evaluate(`[document.querySelectorAll("img, b").length,
          typeof globalThis.wasRun].join()`),
        "0,undefined",
      );

      await choose(tab, "name", "");
      await choose(tab, "kind", "+failures");
      await tab.until(`/^fail\\(\\)[^\\n]*$/.test(${ROWS("calls")})`);
      await choose(tab, "kind", "");
      await choose(tab, "way", "to-client");
      await tab.until(`${ROWS("calls")} === ""`);
      await tab.click("#tab-messages");
      await tab.until(`${ROWS("messages")}.includes("#0 add = 42")`);
      assertEquals(
        await tab.evaluate(`${ROWS("messages")}.includes("add(40, 2)")`),
        false,
      );
      await choose(tab, "way", "");
      await tab.click("#tab-functions");
      await tab.until(
        `document.querySelectorAll("#functions li rect").length >= 4`,
      );
      await tab.click("#tab-wires");
      await tab.until(
        `document.querySelector(".wire")?.innerText.includes("4 calls, 1 error")`,
      );

      await tab.click("#tab-calls");
      await tab.click("#pause");
      await wire.call("add", [1, 1]);
      // It is there, and does not show: the other page is told.
      const other = await chromium.open(url);
      await other.until(`${ROWS("calls")}.includes("add(1, 1) = 2")`);
      assertEquals(
        await tab.evaluate(`${ROWS("calls")}.includes("add(1, 1)")`),
        false,
      );
      await tab.send("Page.bringToFront");
      await tab.click("#pause");
      await tab.until(`${ROWS("calls")}.includes("add(1, 1) = 2")`);
      assertEquals([tab.printed, other.printed], [[], []]);
      await wire.close();
      await tab.click("#tab-wires");
      await tab.until(
        `document.querySelector(".wire")?.innerText.includes("closed after")`,
      );
    });
  },
);

testWithChromium(
  "cli.ts inspect --read shows a recording, and bytes that are no message",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/calls.jsonl`;
      const recorder = new Recorder(path, "db.example:7000", 1_000_000);
      recorder.open(1, "1.2.3.4:5", 1_000_000);
      const other = new TextEncoder().encode("GET / HTTP/1.1");
      recorder.bytes(1, "client", other, 1_000_001);
      recorder.over(1, undefined, 1_000_010);
      await recorder.close();
      await withInspect(["--read", path], async (url) => {
        await using chromium = await startChromium();
        const tab = await chromium.open(url);
        await tab.until(
          `document.querySelector("#state").innerText === "Recording"`,
        );
        assertMatch(
          String(
            await tab.evaluate(`document.querySelector("#where").innerText`),
          ),
          /^calls\.jsonl, recorded of db\.example:7000$/,
        );
        await tab.click("#tab-messages");
        await tab.until(`document.querySelector("#kinds option") !== null`);
        await choose(tab, "kind", "undecoded");
        await tab.until(`${ROWS("messages")} !== ""`);
        await tab.click("#messages li:last-child");
        await tab.until(`document.querySelector("#parts pre") !== null`);
        assertMatch(
          String(
            await tab.evaluate(`document.querySelector("#parts").innerText`),
          ),
          /why: .*\n[^]*0000 {2}47 45 54 20 2f /,
        );
        assertEquals(tab.printed, []);
      });
    }),
);

test("cli.ts inspect says what is wrong with its words", async () => {
  const run = async (...args: string[]) => {
    const { code, stderr } = await patientRun(["-A", CLI, "inspect", ...args], {
      stdin: "null",
    }).output();
    return `${code} ${new TextDecoder().decode(stderr)}`;
  };
  assertMatch(await run(":0"), /^2 TARGET is missing/);
  assertMatch(await run("--read", "/nowhere"), /^1 .*cannot be read/);
  assertMatch(await run("--read", "a", "b"), /^2 .*a word too many/);
  assertMatch(await run("--port", "70000", ":0", "a:1"), /^2 A port is/);
  assertMatch(await run(":7202", "localhost:7202"), /^2 .* the same place/);
  using taken = Deno.listen({ hostname: HOST, port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  assertMatch(
    await run("--port", `${port}`, ":0", "a:1"),
    /^1 addressInUse: Cannot listen on 127\.0\.0\.1:\d+: it is in use\. Choose/,
  );
});
