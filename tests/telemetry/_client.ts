/**
 * A client whose spans a test collects.
 *
 * @module
 */

import { connectToRemoteServer } from "../../mod.ts";

const [port = ""] = Deno.args;

const wire = await connectToRemoteServer(
  "127.0.0.1",
  Number(port),
  undefined,
  { functions: { back: () => "came back" } },
);
/** Calls within a span of the program's own, where there are spans. */
async function work(): Promise<void> {
  await wire.remoteValue.front();
  await wire.remote.note();
}

if (Deno.env.get("OTEL_DENO") === "true") {
  const tracer = Deno.telemetry.tracerProvider.getTracer("test");
  await tracer.startActiveSpan("user", async (span: { end(): void }) => {
    await work();
    span.end();
  });
} else {
  await work();
}
await wire.remoteValue.fail().catch(() => {});
await wire.remoteValue.refused().catch(() => {});
await wire.with({
  metadata: { traceparent: "nonsense", big: "x".repeat(8_000) },
})
  .remoteValue.note();
// There is no room for a trace: the call goes through all the same.
await wire.with({ metadata: { full: "x".repeat(8_188) } }).remoteValue.note();
console.log(
  await wire.with({ metadata: { a: "b" } }).remoteValue.traceparent(),
);
await wire.close();
