/** Both ends of a wire end it at the same moment, over each transport. */

import { assertEquals } from "@std/assert";
import type { Wire } from "../../mod.ts";
import { test } from "../_test.ts";
import { type EndOptions, type Pair, PAIRS } from "../_transports.ts";
import { fate } from "./_fate.ts";

/** A function that answers when it is told to. */
class Gate {
  readonly #entered = Promise.withResolvers<void>();
  readonly #open = Promise.withResolvers<void>();

  /** What this end is made with. */
  readonly options: EndOptions = {
    functions: {
      wait: async () => {
        this.#entered.resolve();
        await this.#open.promise;
        return "done";
      },
    },
    onError() {},
  };

  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  open(): void {
    this.#open.resolve();
  }
}

/** How the call of each end, its ending, and its wire come out. */
async function outcome(
  makePair: (near: EndOptions, far: EndOptions) => Promise<Pair>,
  endNear: (wire: Wire) => Promise<unknown>,
  endFar: (wire: Wire) => Promise<unknown>,
): Promise<string[]> {
  const gates = [new Gate(), new Gate()] as const;
  await using pair = await makePair(gates[0].options, gates[1].options);
  const { near, far } = pair;
  const calls = [near, far].map((wire) => fate(wire.remoteValue.wait()));
  await Promise.all(gates.map(({ entered }) => entered));
  const endings = [fate(endNear(near)), fate(endFar(far))];
  for (const gate of gates) gate.open();
  const reasons = [near, far].map(async ({ closed }) => (await closed).code);
  return await Promise.all([...calls, ...endings, ...reasons]);
}

const close = (wire: Wire) => wire.close();
const abort = (wire: Wire) => {
  wire.abort();
  return wire.closed;
};

for (const [transport, makePair] of Object.entries(PAIRS)) {
  test(`${transport}, both ends close at once: all calls are answered, and both wires end with closed`, async () => {
    assertEquals(
      await outcome(makePair, close, close),
      ["value done", "value done", "value", "value", "closed", "closed"],
    );
  });

  test(`${transport}, both ends abort at once: calls fail with maybeExecuted, and both wires end with aborted`, async () => {
    const failed = "aborted maybeExecuted";
    assertEquals(
      await outcome(makePair, abort, abort),
      [failed, failed, "value", "value", "aborted", "aborted"],
    );
  });

  test(`${transport}, one end closes while the other aborts: close() is over, and calls fail with maybeExecuted`, async () => {
    const [nearCall, ...rest] = await outcome(makePair, close, abort);
    // Which of the two comes first is chance, and so is what is answered.
    assertEquals(nearCall, "peerAborted maybeExecuted");
    assertEquals(rest, [
      "aborted maybeExecuted",
      "value",
      "value",
      "peerAborted",
      "aborted",
    ]);
  });
}
