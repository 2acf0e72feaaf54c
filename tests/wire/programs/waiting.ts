/**
 * A Worker with a wire whose peer takes nothing any more, and on which all that
 * can wait does. It tells how much it has done while nothing happened.
 *
 * @module
 */

import {
  makeWire,
  memoryTransports,
  type Transport,
} from "../../../wire/mod.ts";

const TURNS = 50;

/** What was asked to run later, by anybody. */
let asked = 0;
const later = globalThis.setTimeout;
for (const name of ["setTimeout", "setInterval", "queueMicrotask"] as const) {
  const own = globalThis[name] as (...args: unknown[]) => unknown;
  Object.assign(globalThis, {
    [name](...args: unknown[]) {
      asked++;
      return own(...args);
    },
  });
}

/** Lets everything have its turn that can. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise((resolve) => later(resolve, 0));
  }
}

const [here, there] = memoryTransports();
let isStalled = false;
const stalling: Transport = {
  address: here.address,
  local: true,
  read: () => here.read(),
  write: (bytes) => isStalled ? new Promise(() => {}) : here.write(bytes),
  closeWrite: () => here.closeWrite(),
  close: () => here.close(),
};
const limits = { sendPause: 4_000 };
const near = makeWire(stalling, { limits, onError() {} });
const far = makeWire(there, { onError() {} });
const item = "x".repeat(1_000);
near.serve({
  async *items() {
    for (;;) yield item;
  },
  async *bytes() {
    for (;;) yield new Uint8Array(10_000);
  },
});
far.serve({ f: (text: string) => text.length });
type Endless = { [name: string]: () => AsyncIterable<unknown> };
const { remoteValue } = far as unknown as { remoteValue: Endless };
let taken = 0;
for (const name of ["items", "items", "bytes", "bytes"]) {
  (async () => {
    for await (const _ of await remoteValue[name]!()) {
      // Then the peer takes nothing any more.
      isStalled = ++taken >= 40;
    }
  })().catch(() => {});
}
await turns();
const waiting = Array.from({ length: 10 }, () => [
  near.call("f", [item]),
  near.send("f", [item]),
  near.outputObject(item),
]).flat();
waiting.push(near.forceOutput(), near.getObject());
for (const one of waiting) one.catch(() => {});
await turns();
const { outputWaiting, callsWaiting, streamsSending } = near.stats();
const [before, others] = [asked, taken];
await turns();
const worker = globalThis as unknown as {
  postMessage(told: unknown): void;
};
worker.postMessage({
  asked: asked - before,
  taken: taken - others,
  outputWaiting,
  callsWaiting,
  streamsSending,
});
near.abort();
