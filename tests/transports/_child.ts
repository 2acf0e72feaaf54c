/**
 * A child that serves its parent. What its argument says it does besides:
 * "exits" or "prints first" before there is a wire, "silent" makes none,
 * "stays" has more to do, "stubborn" as well, and does not end when asked to.
 */

import { stdioWire } from "../../transports/child.ts";

const [how = ""] = Deno.args;
if (how === "exits") Deno.exit(7);
if (how === "prints first") console.log("Welcome to this program!");
if (how === "stubborn") Deno.addSignalListener("SIGTERM", () => {});
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
      exit: (code: number) => Deno.exit(code),
      noise: () =>
        void Deno.stdout.writeSync(
          new TextEncoder().encode("noise! ".repeat(20)),
        ),
      environment: () => [Deno.cwd(), Deno.env.get("OF_A_TEST")],
      echo: (value: unknown) => value,
    },
  });
}
if (["stays", "silent", "stubborn"].includes(how)) {
  setInterval(() => {}, 1_000);
}
