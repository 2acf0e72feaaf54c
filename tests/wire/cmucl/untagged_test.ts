/** The bytes beside the objects. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type CallContext,
  type Wire,
  type WireError,
  wirePair,
} from "../../../wire/mod.ts";
import { cmucl, Cons, nil, symbol, untagged } from "../../../wire/cmucl/mod.ts";
import { settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { fromHex, lispPair, RawLisp, toHex } from "./_lisp.ts";

/** A pair that reads no object by itself. */
function untaggedPair() {
  const held = { dialect: cmucl({ untagged: true }) };
  return lispPair(held, held);
}

test("Untagged carries bytes, numbers, bignums and strings", async () => {
  await using pair = untaggedPair();
  using out = untagged(pair.near);
  using into = untagged(pair.far);
  out.outputByte(0);
  out.outputByte(255);
  for (const number of [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1]) {
    out.outputNumber(number);
  }
  for (const value of [0, 1, -1, 2n ** 31n, -(2n ** 64n), 2 ** 53 - 1]) {
    out.outputBignum(value);
  }
  out.outputString("");
  out.outputString("caf\xe9");
  const forced = out.forceOutput();
  assertEquals([await into.getByte(), await into.getByte()], [0, 255]);
  const numbers = [0, 1, 2, 3].map(() => into.getNumber());
  assertEquals(await Promise.all(numbers), [0, -1, 2 ** 31 - 1, -(2 ** 31)]);
  assertEquals(await into.getNumber(false), 2 ** 32 - 1);
  const bignums = [0, 1, 2, 3, 4, 5].map(() => into.getBignum());
  assertEquals(await Promise.all(bignums), [
    0,
    1,
    -1,
    2n ** 31n,
    -(2n ** 64n),
    BigInt(2 ** 53 - 1),
  ]);
  assertEquals([await into.getString(), await into.getString()], [
    "",
    "caf\xe9",
  ]);
  await forced;
});

test("Untagged writes what CMUCL's functions write", async () => {
  await using peer = new RawLisp();
  await peer.wire.opened;
  using out = untagged(peer.wire);
  out.outputByte(7);
  out.outputNumber(-2);
  out.outputBignum(-(2n ** 32n));
  out.outputString("\xff");
  out.outputObject(nil);
  const list = [1];
  out.outputObject(list, true);
  out.outputObject(list, true);
  const expected = "07" + "fffffffe" + "fffffffe0000000100000000" +
    "00000001ff" + "0a0000000009000000034e494c0000000b434f4d4d4f4e2d4c495350" +
    "0a000000010d07000000010b00000000" + "0b00000001";
  assertEquals(toHex(await peer.hear(expected.length / 2)), expected);
});

test("Untagged reads what comes byte by byte", async () => {
  const dialect = cmucl({ untagged: true });
  await using peer = new RawLisp({}, dialect);
  using into = untagged(peer.wire);
  const reading = Promise.all([
    into.getNumber(),
    into.getBignum(),
    into.getString(),
    into.getObject(),
    into.getByte(),
  ]);
  const hex = "fffffffe" + "fffffffe0000000100000000" + "00000001ff" +
    "0d0700000001070000000263";
  for (const byte of fromHex(hex)) await peer.say(new Uint8Array([byte]));
  assertEquals(await reading, [
    -2,
    -(2n ** 32n),
    "\xff",
    new Cons(1, 2),
    0x63,
  ]);
});

test("Untagged.listen() tells whether a byte has come", async () => {
  await using peer = new RawLisp({}, cmucl({ untagged: true }));
  using into = untagged(peer.wire);
  assert(!into.listen());
  const saying = peer.say(fromHex("01"));
  await settle();
  assert(into.listen());
  assertEquals(await into.getByte(), 1);
  assert(!into.listen());
  await saying;
});

test("untagged() gets a served function what stands behind its call", async () => {
  await using pair = lispPair();
  const took: unknown[] = [];
  pair.far.serve({
    async take(this: CallContext<Wire>, count: number) {
      using into = untagged(this.wire);
      let sum = 0;
      for (let n = 0; n < count; n++) sum += await into.getByte();
      took.push(sum);
    },
    after: (value: unknown) => void took.push(value),
  });
  await pair.near.opened;
  using out = untagged(pair.near);
  pair.near.remote.take(3);
  for (const byte of [1, 2, 3]) out.outputByte(byte);
  pair.near.remote.after("after");
  out[Symbol.dispose]();
  await pair.near.ping();
  assertEquals(took, [6, "after"]);
});

test("Untagged.getObject() performs calls, and gives their values", async () => {
  await using peer = new RawLisp({
    functions: {
      f: (n: number) => n * 2,
      "cl:list": (...items: unknown[]) => Promise.resolve(items),
    },
  }, cmucl({ untagged: true }));
  using into = untagged(peer.wire);
  const f = "0900000001460000001" + "0434f4d4d4f4e2d4c4953502d55534552";
  const saying = peer.say(
    fromHex(`01${f}0700000015` + `00${f.replace("46", "47")}`),
  );
  assertEquals(await into.getObject(), 42);
  const error = await assertRejects(() => into.getObject()) as WireError;
  assertEquals(error.code, "noSuchFunction");
  await saying;
});

test("Untagged.getObject() fails with the wire that ends while it performs a call", async () => {
  await using pair = untaggedPair();
  let begun = 0;
  pair.far.serve({
    wait: () => {
      begun++;
      return new Promise(() => {});
    },
  });
  using into = untagged(pair.far);
  pair.near.remote.wait();
  const object = into.getObject();
  while (begun === 0) await new Promise((resolve) => setTimeout(resolve));
  pair.far.abort("planned");
  const error = await assertRejects(() => object) as WireError;
  assertEquals(error, pair.far.ended);
});

test("a read that waits when Untagged is disposed of takes no object's bytes", async () => {
  await using pair = lispPair({ dialect: cmucl({ untagged: true }) });
  const into = untagged(pair.near);
  const byte = into.getByte();
  await pair.near.opened;
  await settle();
  into[Symbol.dispose]();
  const error = await assertRejects(() => byte) as WireError;
  assertEquals(error.code, "invalidArgument");
  using again = untagged(pair.near);
  const late = again.getObject();
  pair.far.outputObject(5);
  assertEquals(await late, 5);
});

test("Untagged refuses what is no byte and no number", async () => {
  await using pair = lispPair();
  await pair.near.opened;
  using out = untagged(pair.near);
  const wrong = [
    () => out.outputByte(256),
    () => out.outputByte(-1),
    () => out.outputByte(1.5),
    () => out.outputNumber(2 ** 32),
    () => out.outputNumber(-(2 ** 31) - 1),
    () => out.outputBignum(0.5),
    () => out.outputBignum(2 ** 53),
    () => out.outputBignum("12" as never),
    () => out.outputString(12 as never),
    () => out.outputString(undefined as never),
  ];
  for (const step of wrong) {
    assertEquals((assertThrows(step) as WireError).code, "invalidArgument");
  }
  assertThrows(() => out.outputString("\u0100"));
  assertThrows(() => out.outputObject(1.5));
  assertEquals(pair.near.stats().messagesSent, 0);
});

test("Untagged refuses lengths over the limits", async () => {
  for (const hex of ["ffffffff", "00100001"]) {
    await using peer = new RawLisp({}, cmucl({ untagged: true }));
    using into = untagged(peer.wire);
    const reading = into.getString();
    const saying = peer.say(fromHex(hex));
    assertEquals(
      (await assertRejects(() => reading) as WireError).code,
      "limit",
    );
    await saying;
  }
  await using peer = new RawLisp({}, cmucl({ untagged: true }));
  using into = untagged(peer.wire);
  const reading = into.getBignum();
  const saying = peer.say(fromHex("fffff7ff"));
  assertEquals((await assertRejects(() => reading) as WireError).code, "limit");
  await saying;
});

test("Untagged fails what waits when the wire ends", async () => {
  await using pair = untaggedPair();
  using into = untagged(pair.far);
  const reading = into.getNumber();
  const second = into.getByte();
  second.catch(() => {});
  pair.near.abort();
  await assertRejects(() => reading);
  await assertRejects(() => second);
});

test("untagged() is for one at a time, and for this dialect", async () => {
  await using pair = lispPair();
  const first = untagged(pair.near);
  const error = assertThrows(() => untagged(pair.near)) as WireError;
  assertEquals(error.code, "invalidArgument");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await assertRejects(() => first.getByte());
  using _second = untagged(pair.near);
  const [one, other] = wirePair();
  assertThrows(() => untagged(one));
  await Promise.all([one.close(), other.close()]);
  assert(symbol("X") !== symbol("X"));
});
