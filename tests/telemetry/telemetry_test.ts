/**
 * Spans and durations of two processes, as a collector gets them.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoRun } from "../../examples/archive/deno.ts";
import { test } from "../_test.ts";

/** What is looked at of a span. */
interface Span {
  process: string;
  scope: string;
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  attributes: Record<string, unknown>;
  status: { code?: number; message?: string };
}

const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

type Attribute = { key: string; value: Record<string, unknown> };
type Export = {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      scope: { name: string };
      spans: (Omit<Span, "attributes"> & { attributes: Attribute[] })[];
    }[];
  }[];
};

function plain(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
  );
}

function spansOf({ resourceSpans }: Export): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        ...span,
        scope: scope.name,
        process: String(plain(resource.attributes)["service.name"]),
        attributes: plain(span.attributes),
      }))
    )
  );
}

/** How often calls were counted, by process, histogram and attributes. */
type Counts = Record<string, number>;

type Metrics = {
  resourceMetrics: {
    resource: { attributes: Attribute[] };
    scopeMetrics: {
      scope: { name: string };
      metrics: {
        name: string;
        unit: string;
        histogram: {
          dataPoints: {
            attributes: Attribute[];
            count: number | string;
            sum: number;
            explicitBounds: number[];
          }[];
        };
      }[];
    }[];
  }[];
};

/** The durations of calls that are told: each is a sum over all calls so far. */
function countsOf({ resourceMetrics }: Metrics): Counts {
  const counts: Counts = {};
  for (const { resource, scopeMetrics } of resourceMetrics) {
    const process = plain(resource.attributes)["service.name"];
    for (const { scope, metrics } of scopeMetrics) {
      if (scope.name !== "@remote/wire") continue;
      for (const { name, unit, histogram } of metrics) {
        assertEquals(unit, "s");
        for (const point of histogram.dataPoints) {
          assertEquals(point.explicitBounds[0], 0.005);
          assert(point.sum >= 0 && point.sum < 1000);
          const {
            "rpc.method": method,
            "error.type": error,
            ...others
          } = plain(point.attributes);
          assertEquals(others, { "rpc.system.name": "remote_wire" });
          const key = [process, name, method, ...error ? [error] : []];
          counts[key.join(" ")] = Number(point.count);
        }
      }
    }
  }
  return counts;
}

/** What two programs told, and what the client printed. */
interface Collected {
  readonly spans: Span[];
  readonly counts: Counts;
  readonly out: string;
}

/** Runs the two programs, and gives what they told. */
async function collect(isOn: boolean): Promise<Collected> {
  const spans: Span[] = [];
  const counts: Counts = {};
  const collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      if (request.url.endsWith("/v1/metrics")) {
        Object.assign(counts, countsOf(await request.json()));
      }
      if (!request.url.endsWith("/v1/traces")) return new Response("{}");
      spans.push(...spansOf(await request.json()));
      return Response.json({});
    },
  );
  const url = `http://127.0.0.1:${collector.addr.port}`;
  const program = (name: string, arg: string) =>
    denoRun(["--no-check", "-A", `${import.meta.dirname}/_${name}.ts`, arg], {
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      env: {
        ...isOn ? { OTEL_DENO: "true" } : {},
        OTEL_SERVICE_NAME: name,
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_DENO_CONSOLE: "ignore",
      },
    });
  const server = program("server", `${url}/inside`).spawn();
  const printed = server.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  const [, port = ""] = (await printed.read()).value?.match(/:(\d+)\n/) ?? [];
  const client = await program("client", port).output();
  await printed.cancel();
  const { success } = await server.status;
  await collector.shutdown();
  assertEquals([success, client.success], [true, true]);
  return { spans, counts, out: new TextDecoder().decode(client.stdout).trim() };
}

test("wires make spans and durations of calls in both processes where OpenTelemetry is on", async () => {
  const { spans, counts, out } = await collect(true);
  const find = (process: string, name: string, kind: number, at = 0) => {
    const found =
      spans.filter((span) =>
        span.process === process && span.name === name && span.kind === kind
      )[at];
    assert(found !== undefined, `${process}, ${name}`);
    return found!;
  };

  // user → front → front → GET, back → back; user → note → note.
  const user = find("client", "user", INTERNAL);
  const asked = find("client", "front", CLIENT);
  const served = find("server", "front", SERVER);
  const fetched = find("server", "GET", CLIENT);
  const askedBack = find("server", "back", CLIENT);
  const servedBack = find("client", "back", SERVER);
  const noted = find("client", "note", CLIENT);
  const chain: [Span, Span][] = [
    [asked, user],
    [served, asked],
    [fetched, served],
    [askedBack, served],
    [servedBack, askedBack],
    [noted, user],
    [find("server", "note", SERVER), noted],
  ];
  for (const [child, parent] of chain) {
    assertEquals(child.parentSpanId, parent.spanId, child.name);
    assertEquals(child.traceId, user.traceId, child.name);
  }

  const port = String(asked.attributes["server.port"]);
  assertMatch(port, /^\d+$/);
  assertEquals({ ...asked.attributes, "server.port": "" }, {
    "rpc.system.name": "remote_wire",
    "rpc.method": "front",
    "network.transport": "tcp",
    "server.address": "127.0.0.1",
    "server.port": "",
  });
  assertEquals(served.attributes["network.peer.address"], "127.0.0.1");
  assertEquals([asked.scope, served.scope], ["@remote/wire", "@remote/wire"]);
  assertEquals(served.status.code ?? 0, 0);

  for (
    const [name, type, message] of [
      ["fail", "RangeError", "it fails"],
      ["refused", "permissionDenied", "it is refused"],
    ] as const
  ) {
    const both = [find("client", name, CLIENT), find("server", name, SERVER)];
    for (const span of both) {
      assertEquals(span.status, { code: ERROR, message });
      assertEquals(span.attributes["error.type"], type);
    }
    assertEquals(both[1]!.parentSpanId, both[0]!.spanId);
    assert(both[0]!.traceId !== user.traceId, "a trace of its own");
  }

  // Nonsense is replaced; where there is no room, a trace begins anew.
  const later = (process: string, kind: number, at: number) =>
    find(process, "note", kind, at);
  assertEquals(
    later("server", SERVER, 1).parentSpanId,
    later("client", CLIENT, 1).spanId,
  );
  assertEquals(later("server", SERVER, 2).parentSpanId, "");
  const { traceId, spanId } = find("client", "traceparent", CLIENT);
  assertEquals(out, `00-${traceId}-${spanId}-01`);

  assertEquals(counts, {
    "client rpc.client.call.duration fail RangeError": 1,
    "client rpc.client.call.duration front": 1,
    "client rpc.client.call.duration note": 3,
    "client rpc.client.call.duration refused permissionDenied": 1,
    "client rpc.client.call.duration traceparent": 1,
    "client rpc.server.call.duration back": 1,
    "server rpc.client.call.duration back": 1,
    "server rpc.server.call.duration fail RangeError": 1,
    "server rpc.server.call.duration front": 1,
    "server rpc.server.call.duration note": 3,
    "server rpc.server.call.duration refused permissionDenied": 1,
    "server rpc.server.call.duration traceparent": 1,
  });
});

test("wires make neither spans nor metrics where OpenTelemetry is off", async () => {
  const nothing = { spans: [], counts: {}, out: "undefined" };
  assertEquals(await collect(false), nothing);
});
