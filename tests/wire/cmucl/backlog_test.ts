/**
 * What waits for a CMUCL that reads slowly, or not at all, is bounded.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { RemoteObject, symbol, untagged } from "../../../wire/cmucl/mod.ts";
import { callName } from "../../../wire/cmucl/opcodes.ts";
import type { WireError } from "../../../wire/mod.ts";
import { settle } from "../../_fake_clock.ts";
import { test } from "../../_test.ts";
import { join, RawLisp, written } from "./_lisp.ts";

const LIMITS = { sendPause: 5_000, sendMost: 80_000 };
const ANSWER = "x".repeat(4_000);
const ASKER = new RemoteObject(9, 9, 4);

/** A question for one value. */
function ask(name: string, ...args: unknown[]): Uint8Array<ArrayBuffer> {
  return written((lisp) => {
    lisp.saves = false;
    lisp.call(callName(1), [ASKER]);
    lisp.call(symbol(name), args);
  });
}

for (
  const [how, compute] of [
    ["at once", () => ANSWER],
    ["asynchronously", async () => await ANSWER],
  ] as const
) {
  test(`answers to a CMUCL that are computed ${how} come, and few wait`, async () => {
    await using peer = new RawLisp({ limits: LIMITS, functions: { compute } });
    const count = 500;
    let most = 0;
    const asking = peer.say(
      join(...Array.from({ length: count }, () => ask("COMPUTE"))),
    );
    while (peer.wire.stats().callsServed < count) {
      await peer.hearNext();
      await settle();
      most = Math.max(most, peer.wire.stats().outputWaiting);
    }
    await asking;
    assert(most <= LIMITS.sendMost, `${most} bytes waited`);
    assertEquals(peer.errors, []);
  });
}

test("answers to a CMUCL that are ready all at once abort beyond sendMost", async () => {
  const gate = Promise.withResolvers<void>();
  await using peer = new RawLisp({
    limits: LIMITS,
    functions: {
      late: async (isLarge: unknown) => {
        if (isLarge === 0) return 1;
        await gate.promise;
        return ANSWER;
      },
    },
  });
  await peer.say(ask("LATE", 0));
  await peer.hearNext();
  await peer.say(join(...Array.from({ length: 100 }, () => ask("LATE", 1))));
  gate.resolve();
  await settle();
  const { outputWaiting } = peer.wire.stats();
  assert(outputWaiting <= LIMITS.sendMost + 100 * 100, `${outputWaiting}`);
  assert(peer.errors.length > 70, `${peer.errors.length} failed`);
  assert(/"sendMost": 80000/.test(peer.errors[0]!), peer.errors[0]);
  assertEquals(peer.wire.ended, undefined);
});

test("what is written for a CMUCL that does not read is refused beyond sendMost", async () => {
  const errors: WireError[] = [];
  await using peer = new RawLisp({
    limits: LIMITS,
    onError: (error) => errors.push(error as WireError),
  });
  const { wire } = peer;
  await wire.opened;
  for (let n = 0; n < 1_000; n++) {
    wire.remote.take!(ANSWER);
    wire.outputObject(ANSWER);
  }
  await settle();
  assertEquals(errors.map(({ code }) => code), ["limit"]);
  assert(wire.stats().outputWaiting < 10_000);
  const bytes = untagged(wire);
  const error = assertThrows(() => {
    for (let n = 0; n < 100; n++) bytes.outputString(ANSWER);
  });
  assertEquals((error as WireError).code, "limit");
  bytes[Symbol.dispose]();
});
