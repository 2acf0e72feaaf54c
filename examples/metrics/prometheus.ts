/**
 * What a server has counted, as Prometheus reads it: the text format 0.0.4.
 *
 * @module
 */

import type { ServerStats } from "../../mod.ts";

/** The type of the text. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A value, with its labels. */
type Sample = readonly [labels: Record<string, string>, value: number];

/**
 * Writes the counts of a server.
 *
 * @param stats What `server.stats()` gave.
 * @returns The text; times are in seconds.
 */
export function prometheusText(stats: ServerStats): string {
  const { wires, sums, refused, ended, limits, functions = [] } = stats;
  const plain = (value: number): Sample[] => [[{}, value]];
  const by = (label: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([name, count]): Sample => [
      { [label]: name },
      count,
    ]);
  const each = (value: (of: typeof functions[number]) => number) =>
    functions.map((of): Sample => [{ function: of.name }, value(of)]);
  return [
    family("wires", "gauge", "Open wires.", plain(wires.now)),
    family("wires_total", "counter", "Accepted wires.", plain(wires.ever)),
    family("refused_total", "counter", "Refused connections.", [
      ...by("reason", refused),
    ]),
    family("calls_refused_total", "counter", "Calls refused by quotas.", [
      ...plain(stats.callsRefused),
    ]),
    family("ended_total", "counter", "Ended wires.", by("reason", ended)),
    family("limits_total", "counter", "Limits that were reached.", [
      ...by("limit", limits),
    ]),
    family("bytes_total", "counter", "Bytes on all wires.", [
      [{ direction: "received" }, sums.bytesReceived],
      [{ direction: "sent" }, sums.bytesSent],
    ]),
    family("calls_total", "counter", "Calls that were begun.", [
      ...plain(sums.callsServed),
    ]),
    family("calls_running", "gauge", "Calls under way.", [
      ...plain(sums.callsRunning),
    ]),
    family("memory_bytes", "gauge", "Memory that wires hold.", [
      ...plain(sums.memoryHeld),
    ]),
    family("output_waiting_bytes", "gauge", "Output that waits.", [
      ...plain(sums.outputWaiting),
    ]),
    family("function_errors_total", "counter", "Calls that failed.", [
      ...each(({ errors }) => errors),
    ]),
    family("function_running", "gauge", "Calls under way, by function.", [
      ...each(({ running }) => running),
    ]),
    ...durations(functions),
  ].join("");
}

/** Quantiles, sum and count are a summary: one family of three names. */
function durations(functions: ServerStats["functions"] = []): string[] {
  const name = "function_duration_seconds";
  const quantiles = functions.flatMap(({ name, latency }): Sample[] => [
    [{ function: name, quantile: "0.5" }, latency.p50 / 1000],
    [{ function: name, quantile: "0.9" }, latency.p90 / 1000],
    [{ function: name, quantile: "0.99" }, latency.p99 / 1000],
  ]);
  const part = (value: (of: typeof functions[number]) => number) =>
    functions.map((of): Sample => [{ function: of.name }, value(of)]);
  return [
    family(name, "summary", "How long functions took.", quantiles),
    lines(`${name}_sum`, part(({ latency }) => latency.total / 1000)),
    lines(`${name}_count`, part(({ latency }) => latency.count)),
  ];
}

function family(
  name: string,
  type: "counter" | "gauge" | "summary",
  help: string,
  samples: readonly Sample[],
): string {
  return `# HELP remote_wire_${name} ${help}\n` +
    `# TYPE remote_wire_${name} ${type}\n${lines(name, samples)}`;
}

function lines(name: string, samples: readonly Sample[]): string {
  return samples.map(([labels, value]) => {
    const all = Object.entries(labels)
      .map(([key, text]) => `${key}="${escaped(text)}"`).join();
    return `remote_wire_${name}${all === "" ? "" : `{${all}}`} ${value}\n`;
  }).join("");
}

/** The value of a label: names of functions may be anything. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
