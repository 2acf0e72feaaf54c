/**
 * A thread of `node:worker_threads` that serves its parent. What its data says
 * it does besides: "throws" throws at once, "silent" never calls
 * `parentWire()`.
 */

import process from "node:process";
import { workerData } from "node:worker_threads";
import { parentWire, transfer } from "../../transports/worker.ts";

if (workerData === "throws") throw new RangeError("no thread today");
if (workerData === "late") {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
if (workerData === "silent") setInterval(() => {}, 1_000);
else {
  const wire = parentWire({
    onError() {},
    functions: {
      double: (n: number) => n * 2,
      ask: () => wire.remoteValue.name(),
      back: (bytes: Uint8Array) => transfer(bytes),
      exit: (code: number) => process.exit(code),
      fail: () =>
        void setTimeout(() => {
          throw new Error("out of order");
        }),
      busy() {
        for (;;);
      },
    },
  });
}
