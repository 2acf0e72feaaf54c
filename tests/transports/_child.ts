/**
 * A child that serves its parent. What its argument says it does besides:
 * "exits" or "prints first" before there is a wire, "silent" makes none,
 * "stays" has more to do, "stubborn" as well, and does not end when asked to;
 * "writes" tells how much of a megabyte one write takes.
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { processes } from "../../host/processes.ts";
import { stdioWire } from "../../transports/child.ts";

const [, , how = ""] = process.argv;
if (how === "exits") process.exit(7);
if (how === "prints first") console.log("Welcome to this program!");
if (how === "stubborn") process.on("SIGTERM", () => {});
if (how === "writes") {
  const count = await processes("A test").stdio()
    .write(new Uint8Array(1_000_000));
  writeSync(2, `${count}`);
  process.exit();
}
if (how !== "silent") {
  const wire = stdioWire({
    onError() {},
    functions: {
      double: (n: number) => n * 2,
      ask: () => wire.remoteValue.name(),
      log(...values: unknown[]) {
        console.log(...values);
        console.info("info");
        console.table([{ a: 1 }]);
        console.group("group");
        console.groupEnd();
        console.count("count");
      },
      exit: (code: number) => process.exit(code),
      noise: () =>
        void writeSync(1, new TextEncoder().encode("noise! ".repeat(20))),
      environment: () => [process.cwd(), process.env["OF_A_TEST"]],
      echo: (value: unknown) => value,
    },
  });
}
if (["stays", "silent", "stubborn"].includes(how)) {
  setInterval(() => {}, 1_000);
}
