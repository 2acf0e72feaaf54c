/** Peers of a light wire that break the protocol, or know no measure. */

import { assert, assertEquals } from "@std/assert";
import { connectLight, type LightWire } from "../../transports/light.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import { KIND, type Message } from "../../wire/codec/messages.ts";
import {
  memoryTransports,
  type Transport,
  type WireError,
} from "../../wire/mod.ts";
import type { Attack } from "../hostile/_attack.ts";
import { allCatalogues } from "../hostile/_catalogues.ts";
import { PROGRAM } from "../hostile/_program.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import {
  call,
  frame,
  framed,
  framedBy,
  hello,
  RawEnd,
  send,
} from "../_raw_peer.ts";
import { RAW, Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { fromHex, VECTORS } from "../_vectors.ts";
import { concat, randomNumbers } from "../wire/_codec.ts";
import { below } from "../wire/_random_values.ts";
import { unhandledIn } from "../wire/_unhandled.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const never = () => new Promise(() => {});
const FUNCTIONS = { ...PROGRAM, never };
/** What opens a wire, as a peer says it. */
const OPENING = framed(hello(), { kind: "accept" });

/** What is larger is left to the tests of whole wires. */
const MOST_BYTES = 500_000;

/** A light wire, and the end of its peer. */
class Victim extends RawEnd implements AsyncDisposable {
  readonly #wire: Promise<LightWire>;
  /** Why it has ended, or was never opened. */
  readonly ended: Promise<WireError>;

  constructor(limits: object = {}) {
    const [here, there] = memoryTransports();
    super(here);
    this.#wire = connectLight(there, {
      functions: FUNCTIONS,
      limits: { close: 1_000_000, ...limits },
      onError() {},
    });
    this.ended = this.#wire.then(({ closed }) => closed, (error) => error);
  }

  get wire(): Promise<LightWire> {
    return this.#wire;
  }

  /** Whether it still answers. */
  async answers(id = 77): Promise<boolean> {
    await this.tell(call(id, "echo", 42));
    for (;;) {
      const answer = await this.hear("return", "fail", "throw");
      if (answer === undefined) return false;
      if (answer.id === id) {
        return answer.kind === "return" && answer.value === 42;
      }
    }
  }

  async [Symbol.asyncDispose]() {
    this.close();
    await this.ended;
  }
}

/** The code with which a light wire ends that is told this. */
async function codeAfter(bytes: Bytes, limits?: object): Promise<string> {
  await using victim = new Victim(limits);
  const heard = victim.hearOut();
  await victim.say(bytes);
  await victim.end();
  const { code } = await victim.ended;
  await heard;
  return code;
}

const opened = (...parts: Bytes[]) => concat([OPENING, ...parts]);
const raw = (passed: Raw["passed"]) => new Raw(passed);
const REFERENCE = raw({ as: "object", slot: 0, nonce: 1, isFunction: true });

/** Messages without definitions, as a small peer sends them. */
function plain(...messages: Message[]): Bytes {
  const encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });
  encoder.adapt(true, 0);
  return framedBy(encoder, ...messages);
}

function text(of: string): number[] {
  const bytes = [...new TextEncoder().encode(of)];
  return [bytes.length, ...bytes];
}

/** The kinds of frames without content. */
const [ACCEPT, RESET, CLOSE, FINISH] = [2, 4, 0x30, 0x31].map((kind) =>
  frame(kind)
) as [Bytes, Bytes, Bytes, Bytes];

/** What ends it as malformed, behind the opening. */
const MALFORMED: Readonly<Record<string, Bytes>> = {
  "a second hello": framed(hello()),
  "a second accept": ACCEPT,
  "a frame of no bytes": new Uint8Array(4),
  "an unknown kind": frame(0x77),
  "bytes behind a frame's content": frame(0x30, 0),
  "content that is not there": frame(0x20, 0, 0),
  "a definition": frame(3, 0, 1, 97),
  "the index of a name": frame(0x12, 0, 0, 1, 0, 0),
  "a key set": frame(0x10, 0xb0),
  "a key set of a long index": frame(0x10, 0xd2, 0),
  "a string section": frame(0x90, 0x83, 97, 98, 99, 0, 3),
  "a batch": frame(0x19, 1, 1, 1),
  "a stream": plain(call(0, "echo", raw({ as: "stream", id: 0 }))),
  "an item of a stream": frame(0x50, 0, 1),
  "bytes of a stream": frame(0x51, 0, 1),
  "the end of a stream": frame(0x52, 0),
  "a stream's error": frame(0x53, 0, 1),
  "a stream's cancel": frame(0x54, 0, 1),
  "a stream's credit": frame(0x55, 0, 1),
  "a stream's failure": frame(0x56, 0, 0, 0),
  "a reference": plain(call(0, "echo", REFERENCE)),
  "a release": frame(0x40, 0, 0, 0, 0, 1, 1),
  "an answer to no call": framed({ kind: "return", id: 0, value: 1 }),
  "a failure of no call": frame(0x16, 0, 0, 0),
  "more cancels than calls": framed({ kind: "cancel", id: 0 }),
  "credit for nothing": framed({ kind: "credit", channel: "sends", amount: 1 }),
  "credit for messages": framed({
    kind: "credit",
    channel: "messages",
    amount: 1,
  }),
  "credit of no channel": frame(0x18, 2, 1),
  "unknown flags": frame(0x12, 0, 16, 0, 0, 0),
  "an unknown target": frame(0x12, 0, 4, 2, 0, 0, 0),
  "a one-way call that wants values": frame(0x11, 1, 0, 0, 0),
  "a one-way call on a result": frame(0x11, 4, 1, 0, 0, 0, 0),
  "metadata with a key twice": frame(
    ...[0x12, 0, 8, 0, 1, 97],
    ...[2, 1, 107, 0, 1, 107, 0, 0],
  ),
  "an id that is used": plain(call(0, "never"), call(0, "echo")),
  "a second close": concat([plain(call(0, "never")), CLOSE, CLOSE]),
  "a finish without a close": FINISH,
  "a call behind a close": concat([
    plain(call(0, "never")),
    CLOSE,
    plain(call(1, "echo")),
  ]),
  "a one-way call behind a close": concat([
    plain(call(0, "never")),
    CLOSE,
    plain(send("note")),
  ]),
  "a message behind a close": concat([
    plain(call(0, "never")),
    CLOSE,
    frame(0x10, 1),
  ]),
  "a piece of an unknown flag": frame(5, 0, 2, 9, 1),
  "a piece of a message of no bytes": frame(5, 0, 0, 0, 1),
  "an empty piece": frame(5, 0, 0, 9),
  "more bytes than the message has": frame(5, 0, 0, 1, 0x10, 1),
  "a reset in pieces": frame(5, 0, 0, 1, 4),
  "a definition in pieces": frame(5, 0, 0, 4, 3, 0, 1, 97),
  "a piece in pieces": frame(5, 0, 0, 5, 5, 0, 0, 1, 0x30),
  "a batch in pieces": frame(5, 0, 0, 4, 0x19, 1, 1, 1),
  "a reset under a message in pieces": concat([frame(5, 0, 0, 9, 0x10), RESET]),
  "too many messages in pieces": concat(
    Array.from({ length: 9 }, (_, n) => frame(5, n, 0, 9, 0x10)),
  ),
  "a text that is no UTF-8": frame(0x10, 0x81, 0xff),
  "a varint that is too long": frame(0x17, 0x80, 0),
};

test("what a receiver must notice ends a light wire", async () => {
  for (const [name, bytes] of Object.entries(MALFORMED)) {
    await using victim = new Victim();
    const hearing = victim.hearAbort();
    await victim.say(opened(bytes));
    assertEquals((await hearing)?.code, "malformed", name);
    assertEquals((await victim.ended).code, "malformed", name);
  }
});

/** Limits, and calls that are beyond them. */
const BEYOND: readonly [object, ...Message[]][] = [
  [{ calls: 1 }, call(0, "never"), call(1, "never")],
  [
    { window: 100, message: 4_096 },
    ...[0, 1, 2].map((id) => call(id, "never", "x".repeat(3_000))),
  ],
  [
    { window: 100 },
    ...[0, 1].map(() => send("never", "x".repeat(100))),
  ],
  [{ message: 4_096 }, call(0, "echo", "x".repeat(5_000))],
  [{ frame: 1_024 }, call(0, "echo", "x".repeat(2_000))],
];

test("calls beyond the limits of a light wire end it", async () => {
  for (const [limits, ...messages] of BEYOND) {
    const code = await codeAfter(opened(plain(...messages)), limits);
    assertEquals(code, "malformed", JSON.stringify(limits));
  }
});

const nested = (depth: number): unknown => depth ? [nested(depth - 1)] : 0;

/** Calls that fail alone, and how. */
const ALONE: readonly [Message, string][] = [
  [call(0, "echo", raw({ as: "own", slot: 0, nonce: 1 })), "noSuchObject"],
  [call(0, "echo", raw({ as: "result", id: 0 })), "resultGone"],
  [
    { ...call(0, "x"), target: { slot: 0, nonce: 1 } } as Message,
    "noSuchObject",
  ],
  [{ ...call(0, "x"), target: { result: 0 } } as Message, "resultGone"],
  [call(0, "missing"), "noSuchFunction"],
  [call(0, "toString"), "noSuchFunction"],
  [call(0, "__proto__"), "noSuchFunction"],
  [call(0, "wire:functions"), "noSuchFunction"],
  [call(0, "echo", nested(64)), "limit"],
  [call(0, "echo", 1n << 800n), "limit"],
];

test("what fails alone is answered, and a light wire goes on", async () => {
  await using victim = new Victim({ nesting: 60, bigint: 100 });
  await victim.say(OPENING);
  for (const [message, code] of ALONE) {
    await victim.say(plain(message));
    const answer = await victim.hear("fail", "return");
    assertEquals([answer?.kind, (answer as { code: string }).code], [
      "fail",
      code,
    ]);
  }
  // A type that is not declared, and far more memory than bytes.
  await victim.say(frame(0x12, 0, 0, 0, ...text("echo"), 1, 0xdc, 1, 97, 1));
  assertEquals((await victim.hear("fail"))?.code, "unsupportedValue");
  const maps = Array(60_000).fill([0xd4, 0]).flat();
  await victim.say(
    frame(0x12, 0, 0, 0, ...text("echo"), 1, 0xd1, 0xe0, 0xd4, 3, ...maps)
      .subarray(0, 4 + 65_000),
  );
  await victim.say(RESET);
  await victim.say(frame(0x41, 0, 0, 0, 0, 1));
  await victim.say(frame(5, 9, 1));
  assertEquals((await victim.ended).code, "malformed");
});

test("what is to be ignored is ignored", async () => {
  await using victim = new Victim();
  await victim.say(opened(
    RESET,
    frame(0x41, 0, 0, 0, 0, 1),
    frame(5, 9, 1),
    frame(0x21, 0, 0, 0, 0),
  ));
  await victim.tell({ kind: "ping", token: 5 });
  const pong = await victim.hear("pong") as { token: number } | undefined;
  assertEquals(pong?.token, 5);
  await victim.say(frame(0x12, 1, 0, 0, ...text("echo"), 1, 42));
  assertEquals((await victim.hear("return"))?.value, 42);
});

test("the first bytes of a light wire's peer are a hello, or it is left", async () => {
  const strangers: [Bytes, string][] = [
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), "notAWire"],
    [frame(1, 0x57, 0x49, 0x52, 0x46, 1, 0, 14), "notAWire"],
    [frame(2), "notAWire"],
    [framed(call(0, "echo")), "notAWire"],
    [new Uint8Array([0, 1, 0, 0, 1]), "notAWire"],
    [frame(0x32, 4, ...text("busy").slice(1), 0), "busy"],
    [
      frame(1, 0x57, 0x49, 0x52, 0x45, 1, 0, 13, ...Array(13).fill(1)),
      "malformed",
    ],
    [
      frame(1, 0x57, 0x49, 0x52, 0x45, 2, ...framed(hello()).subarray(10)),
      "unsupportedVersion",
    ],
    [new Uint8Array(0), "connectionLost"],
    [framed(hello()).subarray(0, 20), "connectionLost"],
  ];
  for (const [bytes, code] of strangers) {
    assertEquals(await codeAfter(bytes), code, String(bytes));
  }
});

test("the vectors that are refused end a light wire as well", async () => {
  assert(VECTORS.refused.length > 50);
  for (const { name, frames } of VECTORS.refused) {
    const code = await codeAfter(opened(...frames.map(fromHex)));
    assertEquals(code, "malformed", name);
  }
});

test("the attacks on wires that are bytes alone are none on a light one", async () => {
  let count = 0;
  for (const { attacks: all, kind } of await allCatalogues()) {
    const attacks = all as readonly Attack[];
    if (/CMUCL|lines|listener/.test(kind)) continue;
    for (const { name, says, run, over, before, promise } of attacks) {
      const isWire = over === undefined || over.includes("client tcp");
      if (says === undefined || run !== undefined || !isWire) continue;
      // A light wire takes typed messages at once: it tells of them.
      if (/messages that nobody takes/.test(name)) continue;
      // There is no object that a peer could guess.
      if (name.startsWith("65 ")) continue;
      const bytes = says();
      if (bytes.length > MOST_BYTES) continue;
      count++;
      const heard = before === "hello"
        ? new Uint8Array()
        : before === "accept"
        ? framed(hello())
        : OPENING;
      const code = await codeAfter(concat([heard, bytes]));
      const where = `${kind}: ${name}`;
      if (promise === "closes") assertEquals(code, "notAWire", where);
      else if (promise === "malformed") {
        assertEquals(code, "malformed", where);
      } else {
        // It goes on until it hears the end; or its hello declines this.
        assert(["connectionLost", "malformed", promise].includes(code), where);
      }
    }
  }
  assert(count > 100, `${count} attacks`);
});

/** What a peer says in a session, by itself. */
const SESSION = [
  call(0, "echo", [1, "two", { a: new Map([[1, new Set(["b"])]]) }]),
  call(1, "never"),
  send("note", 1),
  { kind: "cancel", id: 1 },
  { kind: "ping", token: 9 },
  { kind: "message", value: new Date(5) },
  call(2, "count", 1n, new Uint8Array(9), new TypeError("t", { cause: 1 })),
] as const;

test("mutations of a session end a light wire by a typed error, or do nothing", async () => {
  const frames = SESSION.map((message) => plain(message as Message));
  const codes = new Map<string, number>();
  const unhandled = await unhandledIn(async () => {
    for (let seed = 1; seed <= 1_500; seed++) {
      const random = randomNumbers(seed);
      const bytes = concat(frames.slice(below(random, 4)));
      for (let n = below(random, 4); n > 0; n--) {
        bytes[below(random, bytes.length)] = below(random, 256);
      }
      const cut = random() < 0.3 ? below(random, bytes.length) : bytes.length;
      const code = await codeAfter(opened(bytes.subarray(0, cut)));
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  });
  assertEquals(unhandled, []);
  for (const code of codes.keys()) {
    assert(
      ["malformed", "connectionLost", "closed", "peerAborted"].includes(code),
      code,
    );
  }
  assert(codes.get("malformed")! > 200 && codes.get("connectionLost")! > 200);
});

test("what calls hold is bounded by memory", async () => {
  await using victim = new Victim({ memory: 1024 * 1024 });
  await victim.say(OPENING);
  // A thousand empty maps are 2 kB, and 200 kB in memory.
  const maps = Array(1_000).fill([0xd4, 0]).flat();
  const arg = [1, 0xd1, 0xe8, 7, ...maps];
  const codes: (string | undefined)[] = [];
  for (let id = 0; id < 8; id++) {
    await victim.say(frame(0x12, id, 0, 0, ...text("never"), ...arg));
  }
  await victim.say(frame(0x12, 100, 0, 0, ...text("echo"), 1, 42));
  for (;;) {
    const answer = await victim.hear("fail", "return");
    if (answer?.kind !== "fail") break;
    codes.push(answer.code);
  }
  assert(codes.length >= 2 && codes.length < 8, String(codes));
  assertEquals(new Set(codes), new Set(["limit"]));
  // What is answered holds nothing any more.
  await using other = new Victim({ memory: 1024 * 1024 });
  await other.say(OPENING);
  for (let n = 0; n < 20; n++) {
    await other.say(frame(0x12, 0, 0, 0, ...text("later"), ...arg));
    assertEquals((await other.hear("return", "fail"))?.kind, "return");
  }
});

test("a large answer waits until its caller has accepted", async () => {
  await using victim = new Victim();
  await victim.tell(hello());
  await victim.hear("accept");
  const large = ["x".repeat(20_000)];
  await victim.say(frame(0x12, 0, 0, 0, ...text("count"), 0));
  await victim.hear("return");
  const body = [0xd1, 1, 0xcd, 0xa0, 0x9c, 1];
  const units = new TextEncoder().encode(large[0]);
  await victim.say(
    frame(0x12, 0, 0, 0, ...text("echo"), 1, ...body, ...units),
  );
  await victim.tell({ kind: "ping", token: 1 });
  assertEquals((await victim.hear("pong", "return"))?.kind, "pong");
  await victim.tell({ kind: "accept" });
  assertEquals((await victim.hear("return"))?.value, large);
});

test("answers that nobody reads do not pile up", async () => {
  const [here, there] = memoryTransports();
  const peer = new RawEnd(here);
  let served = 0;
  const connecting = connectLight(there, {
    functions: {
      large() {
        served++;
        return new Uint8Array(100_000);
      },
    },
    limits: { sendPause: 300_000 },
    onError() {},
  });
  await peer.say(OPENING);
  const light = await connecting;
  const calls = Array.from(
    { length: 200 },
    (_, id) =>
      frame(
        0x12,
        ...(id < 128 ? [id] : [id & 127 | 128, 1]),
        0,
        0,
        ...text("large"),
        0,
      ),
  );
  await peer.say(concat(calls));
  await settle();
  assert(served < 10, `${served} were served`);
  let answers = 0;
  while (answers < 200 && await peer.hear("return")) answers++;
  assertEquals([answers, served], [200, 200]);
  light.abort();
  peer.close();
  await light.closed;
});

test("a peer that takes nothing cannot have answers pile up without end", async () => {
  const limits = { sendPause: 1_000, sendMost: 2_000, sendEnd: 1_000 };
  const cancelled = concat([
    frame(0x12, 2, 0, 0, ...text("echo"), 0),
    framed({ kind: "cancel", id: 2 }),
  ]);
  const attacks = { pings: framed({ kind: "ping", token: 1 }), cancelled };
  for (const [name, attack] of Object.entries(attacks)) {
    const [here, there] = memoryTransports();
    let takes = true;
    const held: Transport = {
      address: there.address,
      read: (unfinished) => there.read(unfinished),
      write: (bytes) => takes ? there.write(bytes) : new Promise(() => {}),
      closeWrite: () => there.closeWrite(),
      close: () => there.close(),
    };
    const peer = new RawEnd(here);
    const clock = new FakeClock();
    const functions = FUNCTIONS;
    const connecting = connectLight(held, { limits, functions, clock });
    await peer.say(OPENING);
    const light = await connecting;
    takes = false;
    // This answer fills what may wait before calls do.
    const filling = [0xcd, 0xe8, 7, ...Array(1_000).fill(97)];
    await peer.say(frame(0x12, 0, 0, 0, ...text("echo"), 1, ...filling));
    for (let n = 0; n < 1_000; n++) await peer.say(attack);
    await settle();
    assertEquals(light.ended?.code, "stalled", name);
    await clock.advance(10_000);
    await light.closed;
    peer.close();
  }
});

test("what a light wire says was not sent is not sent", async () => {
  const [here, there] = memoryTransports();
  const peer = new RawEnd(here);
  let made: Promise<unknown> | undefined;
  const connecting: Promise<LightWire> = connectLight(there, {
    functions: {
      back() {
        made = light.remoteValue.pay!(1).catch((error: unknown) => error);
      },
    },
    onError() {},
  });
  await peer.say(OPENING);
  const light = await connecting;
  const heard = peer.hear("call");
  await settle();
  // One chunk: the wire has ended before the turn has.
  await peer.say(concat([
    frame(0x11, 0, 0, ...text("back"), 0),
    framed({ kind: "abort", code: "aborted", message: "" }),
  ]));
  await light.closed;
  assertEquals((await made as WireError).sent, "notSent");
  assertEquals(await heard, undefined);
  peer.close();
});

test("the kinds that a light wire takes are those of the protocol", () => {
  // A kind that is added has to be declined, or read, by wire/light/.
  assertEquals(Object.keys(KIND).length, 29);
});
