import { assert, assertEquals, assertMatch } from "@std/assert";
import { prometheusText } from "../../examples/metrics/prometheus.ts";
import { connectToRemoteServer, createRequestServer } from "../../mod.ts";
import { test } from "../_test.ts";
import { EXAMPLES, startServer } from "./_run.ts";

/** A line of the text format: a comment, or a sample. */
const LINE =
  /^(# (HELP|TYPE) remote_wire_\w+ .+|remote_wire_\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)+\})? \d+(\.\d+)?(e-?\d+)?)$/;

test("metrics/server.ts tells Prometheus what was called", async () => {
  const server = await startServer(
    ...["--no-config", "--no-remote", "--no-npm", "--allow-net"],
    `${EXAMPLES}/metrics/server.ts`,
    "0",
    "0",
  );
  await server.prints(/metrics at \S+\n/);
  const url = /metrics at (\S+)/.exec(server.stdout)![1]!;
  {
    await using wire = await connectToRemoteServer("127.0.0.1", server.port);
    await wire.remoteValue.add(40, 2);
    await wire.remoteValue.half(7).catch(() => {});
    const answer = await fetch(url);
    assertMatch(answer.headers.get("content-type")!, /^text\/plain; version=/);
    const text = await answer.text();
    for (const line of text.trimEnd().split("\n")) assertMatch(line, LINE);
    for (
      const line of [
        "remote_wire_wires 1",
        "remote_wire_calls_total 2",
        'remote_wire_function_errors_total{function="half"} 1',
        'remote_wire_function_duration_seconds_count{function="add"} 1',
      ]
    ) assert(text.split("\n").includes(line), line);
  }
  const other = await fetch(new URL("/", url));
  assertEquals([other.status, await other.text()], [404, "See /metrics.\n"]);
  const { code, stderr } = await server.end("SIGINT");
  assertEquals([code, stderr], [0, ""]);
});

test("prometheusText() writes names of functions as labels can have them", async () => {
  const name = 'a"b\\c\nd';
  await using server = createRequestServer(0, {
    functions: { [name]: () => 1 },
    measure: true,
  });
  await using wire = await connectToRemoteServer("127.0.0.1", server.port);
  await (wire.remoteValue as Record<string, () => Promise<number>>)[name]!();
  const text = prometheusText(server.stats());
  assert(text.includes('running{function="a\\"b\\\\c\\nd"} 0\n'), text);
  for (const line of text.trimEnd().split("\n")) assertMatch(line, LINE);
});
