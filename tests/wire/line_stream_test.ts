import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  LINE_STREAM_DEFAULTS,
  LineStream,
  type LineStreamOptions,
} from "../../wire/lines/line_stream.ts";
import {
  memoryTransports,
  type Transport,
} from "../../wire/transport/transport.ts";
import type { WireError } from "../../wire/base/errors.ts";
import { test } from "../_test.ts";
import { unhandledIn } from "./_unhandled.ts";

/** A peer that sends these chunks, then ends; and what it was sent. */
function scripted(
  chunks: readonly (string | number[] | Error)[],
  most = Infinity,
): { transport: Transport; sent: () => string; closed: () => number } {
  const queue = [...chunks];
  let sent = "";
  let closed = 0;
  const transport: Transport = {
    address: { transport: "tcp", hostname: "127.0.0.1", port: 7 },
    read() {
      const chunk = queue.shift();
      if (chunk instanceof Error) return Promise.reject(chunk);
      if (chunk === undefined) return Promise.resolve(null);
      return Promise.resolve(
        typeof chunk === "string"
          ? new TextEncoder().encode(chunk)
          : new Uint8Array(chunk),
      );
    },
    write(bytes) {
      const taken = bytes.subarray(0, most);
      sent += new TextDecoder().decode(taken);
      return Promise.resolve(taken.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => void closed++,
  };
  return { transport, sent: () => sent, closed: () => closed };
}

async function linesOf(
  chunks: readonly (string | number[])[],
  options: LineStreamOptions = {},
): Promise<string[]> {
  const stream = new LineStream(scripted(chunks).transport, options);
  const lines = await Array.fromAsync(stream.lines());
  await stream.close();
  return lines;
}

const TEXT = "plain\r\n\n\r\nÄ€😀\n\ufeffmark\na\rb\r\n\rlast";
const LINES = ["plain", "", "", "Ä€😀", "\ufeffmark", "a\rb", "\rlast"];

test("lines() gives the same lines however the bytes are chopped", async () => {
  const bytes = [...new TextEncoder().encode(TEXT)];
  assertEquals(await linesOf([bytes]), LINES);
  assertEquals(await linesOf(bytes.map((byte) => [byte])), LINES);
  for (let at = 0; at <= bytes.length; at++) {
    assertEquals(await linesOf([bytes.slice(0, at), bytes.slice(at)]), LINES);
  }
});

test("readLine() gives null at the end of the stream, again and again", async () => {
  const stream = new LineStream(scripted(["one\n"]).transport);
  assertEquals(await stream.readLine(), "one");
  assertEquals(await stream.readLine(), null);
  assertEquals(await stream.readLine(), null);
  await stream.close();
});

test("readLine() serves several readers in their order", async () => {
  const stream = new LineStream(scripted(["1\n2", "\n3\n"]).transport);
  const lines = await Promise.all([1, 2, 3, 4].map(() => stream.readLine()));
  assertEquals(lines, ["1", "2", "3", null]);
  await stream.close();
});

test("readLine() takes a line of exactly the longest length", async () => {
  for (const end of ["\n", "\r\n", ""]) {
    assertEquals(await linesOf(["12345" + end], { maxLineLength: 5 }), [
      "12345",
    ]);
  }
});

test("readLine() takes the longest line wherever its end is cut", async () => {
  const text = "12345\r\n12345\n12345\r\n\r\n1234\r\r\n";
  const lines = ["12345", "12345", "12345", "", "1234\r"];
  for (let size = 1; size <= text.length; size++) {
    const chunks: string[] = [];
    for (let at = 0; at < text.length; at += size) {
      chunks.push(text.slice(at, at + size));
    }
    assertEquals(await linesOf(chunks, { maxLineLength: 5 }), lines, `${size}`);
  }
});

test("readLine() refuses one byte more, a \\r or not, as soon as it is there", async () => {
  for (const over of ["123456", "12345\r\r", "12345\r6", "12345\r\r\n"]) {
    for (const size of [1, over.length]) {
      const chunks = size === 1 ? [...over] : [over];
      let asked = 0;
      const { transport } = scripted(chunks);
      const stream = new LineStream({
        ...transport,
        read: () => {
          asked++;
          return transport.read();
        },
      }, { maxLineLength: 5 });
      const error = await assertRejects(() => stream.readLine()) as WireError;
      assertEquals(error.code, "limit", JSON.stringify(over));
      // It does not wait for more than one byte beyond.
      assertEquals(asked <= 7, true, `${asked} of ${JSON.stringify(over)}`);
      await stream.close();
    }
  }
});

const BAD: [string, (string | number[] | Error)[], string, RegExp][] = [
  ["a line that is too long", ["123456\n"], "limit", /Line 1 is longer than 5/],
  ["one whose end never comes", ["123", "4567"], "limit", /longer than 5/],
  ["one that is not UTF-8", ["ok\n", [0xff, 10]], "malformed", /Line 2 is not/],
  ["half a character at the end", [[0xe2, 0x82]], "malformed", /not UTF-8/],
  ["a lost connection", [new Error("reset")], "connectionLost", /was lost/],
];

for (const [what, chunks, code, message] of BAD) {
  test(`readLine() rejects at ${what}, and stays so`, async () => {
    const stream = new LineStream(scripted(chunks).transport, {
      maxLineLength: 5,
    });
    if (chunks[0] === "ok\n") await stream.readLine();
    for (let again = 0; again < 2; again++) {
      const error = await assertRejects(() => stream.readLine()) as WireError;
      assertEquals(error.code, code);
      assertEquals(message.test(error.message), true, error.message);
      assertEquals(error.message.includes("127.0.0.1:7"), true);
    }
    await stream.close();
  });
}

test("readLine() may raise or lower the longest length", async () => {
  const stream = new LineStream(scripted(["123456\n123\n"]).transport, {
    maxLineLength: 5,
  });
  assertEquals(await stream.readLine({ maxLength: 6 }), "123456");
  const error = await assertRejects(() =>
    stream.readLine({ maxLength: 2 })
  ) as WireError;
  assertEquals(error.code, "limit");
  await stream.close();
});

test("readLine() refuses a length that bounds nothing", async () => {
  const stream = new LineStream(scripted(["123456\n"]).transport);
  for (const maxLength of [NaN, Infinity, 0, -1, 1.5, 2 ** 31, "6", null]) {
    const error = await assertRejects(() =>
      stream.readLine({ maxLength: maxLength as number })
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes('"maxLength"'), error.message);
  }
  assertEquals(await stream.readLine({ maxLength: 2 ** 31 - 1 }), "123456");
  await stream.close();
});

test("writeLine() collects what is written in a tick, and writes all of it", async () => {
  const { transport, sent } = scripted([], 3);
  const stream = new LineStream(transport);
  stream.writeLine("Hello self.");
  stream.write("Ä");
  stream.write(new Uint8Array([33]));
  assertEquals(sent(), "");
  await stream.forceOutput();
  assertEquals(sent(), "Hello self.\nÄ!");
  await stream.close();
});

test("write() copies bytes, which may be changed at once", async () => {
  const { transport, sent } = scripted([]);
  const stream = new LineStream(transport);
  const bytes = new Uint8Array([65]);
  stream.write(bytes);
  bytes[0] = 66;
  await stream.close();
  assertEquals(sent(), "A");
});

test("write() copies a Buffer, too, and refuses what is neither text nor bytes", async () => {
  const { transport, sent } = scripted([]);
  const stream = new LineStream(transport);
  const bytes = Buffer.from("A");
  stream.write(bytes);
  bytes[0] = 66;
  const strange = [new ArrayBuffer(1), [65], 65, null, undefined, {}];
  for (const data of strange) {
    const written = stream.write(data as Uint8Array);
    const error = await assertRejects(() => written) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
  await stream.close();
  assertEquals(sent(), "A");
});

test("close() ends in time over a transport whose closeWrite() never does", async () => {
  const { transport, closed } = scripted([]);
  const stuck = Object.assign(Object.create(transport), {
    closeWrite: () => new Promise(() => {}),
  });
  const stream = new LineStream(stuck, { closeTimeout: 1 });
  await stream.close();
  assertEquals(closed(), 1);
});

test("write() refuses a lone surrogate, and writing when closed", async () => {
  const stream = new LineStream(scripted([]).transport);
  const bad = await assertRejects(() => stream.write("\ud800")) as WireError;
  assertEquals(bad.code, "unsupportedValue");
  await stream.close();
  const late = await assertRejects(() => stream.writeLine("x")) as WireError;
  assertEquals(late.code, "closed");
});

test("writeLine() waits for room, and fails where nobody waits", async () => {
  const [one, other] = memoryTransports();
  const stream = new LineStream(one, { outputPause: 10, maxOutput: 30 });
  let hasRoom = false;
  await stream.write("1234567890");
  const waiting = stream.write("1").then(() => hasRoom = true);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(hasRoom, false);
  assertEquals((await other.read())?.length, 10);
  assertEquals(hasRoom, false);
  const reading = other.read();
  await waiting;
  stream.write("x".repeat(31));
  stream.write("y");
  const error = await assertRejects(() => stream.forceOutput()) as WireError;
  assertEquals(error.code, "stalled");
  await reading;
  stream.abort();
  other.close();
});

test("close() sends what waits, ends a read with null, and closes once", async () => {
  const [one, other] = memoryTransports();
  const near = new LineStream(one);
  const far = new LineStream(other);
  near.writeLine("bye");
  const reading = near.readLine();
  const closing = near.close();
  assertEquals(await far.readLine(), "bye");
  assertEquals(await far.readLine(), null);
  await far.close();
  await closing;
  await near.close();
  await near.closed;
  assertEquals(await reading, null);
});

test("abort() fails reads and writes with its reason, once", async () => {
  const { transport, closed } = scripted([]);
  const [one, other] = memoryTransports();
  const stream = new LineStream(one);
  const reason = new Error("enough");
  const reading = assertRejects(() => stream.readLine());
  stream.writeLine("x");
  const writing = assertRejects(() => stream.forceOutput());
  stream.abort(reason);
  assertEquals(await reading, reason);
  assertEquals(await writing, reason);
  assertEquals(await assertRejects(() => stream.readLine()), reason);
  assertEquals(await assertRejects(() => stream.writeLine("y")), reason);
  other.close();
  const second = new LineStream(transport);
  second.abort();
  second.abort();
  await second.close();
  assertEquals(closed(), 1);
});

test("close() and abort() end a stream whose transport's close() fails", async () => {
  const fails: (() => unknown)[] = [
    () => Promise.reject(new Error("no")),
    () => {
      throw new Error("no");
    },
  ];
  for (const close of fails) {
    for (const end of ["close", "abort"] as const) {
      const { transport } = scripted([]);
      const unhandled = await unhandledIn(async () => {
        const stream = new LineStream({
          ...transport,
          close: close as () => void,
        });
        await stream[end]();
        await stream.closed;
      });
      assertEquals(unhandled, []);
    }
  }
});

test("readable and lines take turns, and writable ends with closeWrite()", async () => {
  const stream = new LineStream(
    scripted(["head\nbody 1\n", "body 2"]).transport,
  );
  assertEquals(await stream.readLine(), "head");
  assertEquals(
    await new Response(stream.readable).text(),
    "body 1\nbody 2",
  );
  await stream.close();

  const { transport, sent } = scripted([]);
  const out = new LineStream(transport);
  await new Blob(["one", "two"]).stream().pipeTo(out.writable);
  assertEquals(sent(), "onetwo");
  await assertRejects(() => out.write("more"));
  await out.close();
});

test("new LineStream() refuses options out of range", () => {
  for (const maxLineLength of [0, -1, 1.5, NaN, 2 ** 31]) {
    let code = "";
    try {
      new LineStream(scripted([]).transport, { maxLineLength });
    } catch (error) {
      code = (error as WireError).code;
    }
    assertEquals(code, "invalidArgument");
  }
});

test("LINE_STREAM_DEFAULTS are what the documentation says", () => {
  assertEquals(LINE_STREAM_DEFAULTS, {
    maxLineLength: 65_536,
    outputPause: 65_536,
    maxOutput: 1_048_576,
    closeTimeout: 10_000,
  });
});
