/**
 * A server that Prometheus can watch:
 *
 *     deno run --allow-net examples/metrics/server.ts [port] [metrics port]
 *
 * Port 0 takes a free one. The metrics are at http://127.0.0.1:9464/metrics.
 *
 * @module
 */

import { createRequestServer, formatAddress } from "../../mod.ts";
import "../_one_line.ts";
import { CONTENT_TYPE, prometheusText } from "./prometheus.ts";

const [port = "7000", metricsPort = "9464"] = Deno.args;

const server = createRequestServer(Number(port), {
  functions: {
    add: (a: number, b: number) => a + b,
    half(n: number) {
      if (n % 2 !== 0) throw new RangeError(`${n} is odd`);
      return n / 2;
    },
  },
  measure: true,
});

// On loopback: what a server does is nobody else's business.
const metrics = Deno.serve(
  {
    hostname: "127.0.0.1",
    port: Number(metricsPort),
    onListen: ({ port }) =>
      console.log(`metrics at http://127.0.0.1:${port}/metrics`),
  },
  (request) =>
    new URL(request.url).pathname === "/metrics"
      ? new Response(prometheusText(server.stats()), {
        headers: { "content-type": CONTENT_TYPE },
      })
      : new Response("See /metrics.\n", { status: 404 }),
);

console.log(`listening on ${formatAddress(server.address)}`);
Deno.addSignalListener("SIGINT", async () => {
  await Promise.all([server.shutdown(), metrics.shutdown()]);
  Deno.exit();
});
