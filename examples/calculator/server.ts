/**
 * A server that calculates:
 *
 *     deno run --allow-net examples/calculator/server.ts [port]
 *
 * Port 0 takes a free one. Ctrl-C ends it, once calls under way are done.
 *
 * @module
 */

import { createRequestServer, formatAddress, values } from "../../mod.ts";
import "../_one_line.ts";
import type { Calculator } from "./calculator.ts";

const [port = "7000"] = Deno.args;

const server = createRequestServer(Number(port), (wire, address) => {
  const peer = formatAddress(address);
  console.log(`${peer} connected`);
  wire.serve<Calculator>({
    add: (a, b) => a + b,
    divmod: (a, b) => values(Math.floor(a / b), a % b),
    half(n) {
      if (n % 2 !== 0) throw new RangeError(`${n} is odd`);
      return n / 2;
    },
    think(milliseconds) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve(42), milliseconds);
        // Nobody waits any more: the caller gave up, or its wire ended.
        this.signal.onabort = () => {
          clearTimeout(timer);
          reject(this.signal.reason);
        };
      });
    },
    show: (text) => console.log(`${peer} says: ${text}`),
  });
  return {
    accept: true,
    onDeath: (reason) => console.log(`${peer} left: ${reason.message}`),
  };
});

console.log(`listening on ${formatAddress(server.address)}`);
Deno.addSignalListener("SIGINT", () => server.shutdown());
