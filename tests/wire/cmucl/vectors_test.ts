/**
 * Bytes that a real CMUCL sent, in both directions, whole and byte by byte.
 */

import { assert, assertEquals } from "@std/assert";
import { ByteWriter } from "../../../wire/codec/bytes.ts";
import { cmucl, RemoteObject, symbol } from "../../../wire/cmucl/mod.ts";
import { type LispCall, LispReader } from "../../../wire/cmucl/reader.ts";
import { LispWriter } from "../../../wire/cmucl/writer.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";
import type { Wire } from "../../../wire/mod.ts";
import { test } from "../../_test.ts";
import { fromHex, join, RawLisp, toHex } from "./_lisp.ts";

interface Vectors {
  wireHost: string;
  wirePid: number;
  cases: { name: string; request: string; reply: string }[];
}

const { wireHost, wirePid, cases }: Vectors = JSON.parse(
  Deno.readTextFileSync(new URL("vectors.json", import.meta.url)),
);
const HOST = Number(wireHost);
const FIRST_ID = 100;

const big = 10n ** 30n;
const ECHO_LIST = [1, "two", symbol("THREE")];

/** What each request calls, and what its value is. */
const CALLS: readonly [fn: string, args: unknown[], value: unknown][] = [
  ["ADD", [40, 2], 42],
  ["ADD", [-1, -1], -2],
  ["ECHO", [2 ** 31 - 1], 2 ** 31 - 1],
  ["ECHO", [-(2 ** 31)], -(2 ** 31)],
  ["ADD", [2 ** 31 - 1, 1], 2n ** 31n],
  ["ADD", [-(2 ** 31), -1], -(2n ** 31n) - 1n],
  ["ADD", [big, 1], big + 1n],
  ["ADD", [-big, 1], -big + 1n],
  ["HELLO", ["deno"], "hi deno"],
  ["ECHO", [""], ""],
  ["ECHO", ["caf\xe9 \xfc\xff"], "caf\xe9 \xfc\xff"],
  ["BIG-STRING", [5_000], "x".repeat(5_000)],
  ["ECHO", [ECHO_LIST], ECHO_LIST],
];

/** The functions that the real CMUCL had. */
const FUNCTIONS = {
  add: (a: number | bigint, b: number | bigint) => BigInt(a) + BigInt(b),
  echo: (value: unknown) => value,
  hello: (name: string) => `hi ${name}`,
  "big-string": (length: number) => "x".repeat(length),
};

/** Feeds bytes in pieces of a size, and collects the objects. */
function readAll(bytes: Uint8Array, size: number): unknown[] {
  const reader = new LispReader(resolveLimits());
  const objects: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    reader.input.feed(bytes.subarray(at, at + size));
    for (let next; (next = reader.next()) !== undefined;) {
      assertEquals(next.error, undefined);
      objects.push(next.value);
    }
    reader.input.keep();
  }
  assert(!reader.unfinished);
  return objects;
}

function remote(index: number): RemoteObject {
  return new RemoteObject(HOST, wirePid, FIRST_ID + index);
}

for (const size of [1, 2, 7, 1_000_000]) {
  test(`LispReader reads a real CMUCL's requests, ${size} bytes at a time`, () => {
    const bytes = join(...cases.map(({ request }) => fromHex(request)));
    const objects = readAll(bytes, size) as LispCall[];
    assertEquals(objects.length, cases.length * 2);
    CALLS.forEach(([fn, args], index) => {
      const ask = objects[index * 2]!;
      const call = objects[index * 2 + 1]!;
      assertEquals(String(ask.fn), "WIRE::DO-1-VALUE-CALL");
      assertEquals(ask.args, [remote(index)]);
      assertEquals(String(call.fn), `COMMON-LISP-USER::${fn}`);
      assertEquals(call.args, args);
    });
  });

  test(`LispReader reads a real CMUCL's replies, ${size} bytes at a time`, () => {
    const bytes = join(...cases.map(({ reply }) => fromHex(reply)));
    const objects = readAll(bytes, size) as LispCall[];
    assertEquals(objects.length, cases.length);
    CALLS.forEach(([, , value], index) => {
      const answer = objects[index]!;
      assertEquals(String(answer.fn), "WIRE::RETURN-1-VALUE");
      assertEquals(answer.args, [remote(index), value]);
    });
  });
}

test("LispWriter writes the requests byte for byte", () => {
  const lisp = new LispWriter(new ByteWriter(), resolveLimits());
  CALLS.forEach(([fn, args], index) => {
    lisp.bytes.position = 0;
    lisp.call(symbol("DO-1-VALUE-CALL", "WIRE"), [remote(index)]);
    lisp.call(symbol(fn), args);
    assertEquals(toHex(lisp.bytes.written()), cases[index]!.request);
  });
});

for (const isWhole of [true, false]) {
  const how = isWhole ? "whole" : "byte by byte";
  test(`Wire replies as a real CMUCL does, byte for byte, asked ${how}`, async () => {
    await using peer = new RawLisp({ functions: FUNCTIONS });
    for (const { name, request, reply } of cases) {
      const bytes = fromHex(request);
      const heard = peer.hear(reply.length / 2);
      if (isWhole) await peer.say(bytes);
      else for (const byte of bytes) await peer.say(new Uint8Array([byte]));
      assertEquals(toHex(await heard), reply, name);
    }
  });

  test(`Wire calls as a recorded client did, and takes the replies ${how}`, async () => {
    const dialect = cmucl({ host: HOST, pid: wirePid });
    // Calls and objects share their numbers, as in CMUCL.
    for (let id = 0; id < FIRST_ID; id++) dialect.makeRemoteObject({ id });
    await using peer = new RawLisp({}, dialect);
    await peer.wire.opened;
    for (const [index, [fn, args, value]] of CALLS.entries()) {
      const { request, reply } = cases[index]!;
      const called = peer.wire.remoteValue[fn](...args);
      assertEquals(toHex(await peer.hear(request.length / 2)), request);
      const bytes = fromHex(reply);
      if (isWhole) await peer.say(bytes);
      else for (const byte of bytes) await peer.say(new Uint8Array([byte]));
      assertEquals(await called, value);
    }
  });
}

test("Wire takes all replies in one chunk, and in the peer's order", async () => {
  const dialect = cmucl({ host: HOST, pid: wirePid });
  for (let id = 0; id < FIRST_ID; id++) dialect.makeRemoteObject({ id });
  await using peer = new RawLisp({}, dialect);
  const wire: Wire = peer.wire;
  await wire.opened;
  const calls = CALLS.map(([fn, args]) => wire.remoteValue[fn](...args));
  const requests = cases.map(({ request }) => request).join("");
  assertEquals(toHex(await peer.hear(requests.length / 2)), requests);
  await peer.say(join(...cases.map(({ reply }) => fromHex(reply))));
  assertEquals(
    await Promise.all(calls) as unknown[],
    CALLS.map(([, , value]) => value),
  );
});
