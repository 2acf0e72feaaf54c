/**
 * A Worker that serves its parent. What its name says it does besides: "late"
 * calls `parentWire()` only after a while, "throws" throws at once, "silent"
 * never calls it, "refuses" wants a secret, "again" calls it whenever its wire
 * has closed.
 */

import { transfer } from "../../transports/worker.ts";
import { parentWire } from "../../transports/worker.ts";

const how = self.name;
if (how === "throws") throw new RangeError("no worker today");
if (how === "late") await new Promise((resolve) => setTimeout(resolve, 20));
if (how !== "silent") begin();

function begin(): void {
  const wire = parentWire({
    ...(how === "refuses" ? { requireCredential: "secret" } : {}),
    onError() {},
    functions: {
      double: (n: number) => n * 2,
      ask: () => wire.remoteValue.name(),
      size: (bytes: ArrayBufferView | ArrayBuffer) => bytes.byteLength,
      back: (bytes: Uint8Array) => transfer(bytes),
      kind: (value: object) => value.constructor.name,
      close: () => self.close(),
      fail: () =>
        void setTimeout(() => Promise.reject(new Error("out of order"))),
      busy() {
        for (;;);
      },
      abort: () => wire.abort("enough"),
      async *numbers(count: number) {
        for (let n = 0; n < count; n++) yield await n;
      },
    },
  });
  if (how === "again") wire.closed.then(begin);
}
