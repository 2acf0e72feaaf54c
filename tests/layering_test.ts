/**
 * The floors of the house: imports point down only, the core imports nothing
 * but its own files, and `wire/` knows nothing of Deno.
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "./_test.ts";

const ROOT = new URL("../", import.meta.url).href;

/** What `deno info --json` tells of a module. */
interface Module {
  specifier: string;
  dependencies?: {
    specifier: string;
    code?: { specifier?: string };
    type?: { specifier?: string };
  }[];
}

async function graph(entry: string): Promise<Map<string, Module>> {
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", new URL(entry, ROOT).href],
  }).output();
  assertEquals(code, 0);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: Module[];
  };
  return new Map(
    modules.map((module) => [module.specifier.replace(ROOT, ""), module]),
  );
}

/** The floor of a module of the core, from the ground up. */
const FLOORS: readonly (readonly string[])[] = [
  ["wire/_brand.ts"],
  [
    "wire/errors.ts",
    "wire/_thenable.ts",
    "wire/_queue.ts",
    "wire/_spare_buffers.ts",
    "wire/_lazy_map.ts",
    "wire/_same_text.ts",
    "wire/_ascii.ts",
    "wire/_shown_bytes.ts",
    "wire/_shown.ts",
    "wire/_raw_bytes.ts",
    "wire/_maker.ts",
    "wire/_hash_cost.ts",
    "wire/_collision_free.ts",
    "wire/multiple_values.ts",
    "wire/_described.ts",
    "wire/_value_tags.ts",
    "wire/_shape.ts",
    "wire/_standard_schema.ts",
  ],
  ["wire/_option_keys.ts"],
  [
    "wire/address.ts",
    "wire/clock.ts",
    "wire/_credential.ts",
    "wire/_arguments.ts",
    "wire/_given.ts",
    "wire/_report.ts",
    "wire/_odd_values.ts",
    "wire/_own_trouble.ts",
    "wire/_line_buffer.ts",
    "wire/limits.ts",
    "wire/bytes.ts",
    "wire/introspection.ts",
    "wire/_passing.ts",
    "wire/_method.ts",
    "wire/_misfit.ts",
    "wire/_validation.ts",
    "wire/declared_error.ts",
  ],
  [
    "wire/_decision.ts",
    "wire/frames.ts",
    "wire/messages.ts",
    "wire/_guarded_signal.ts",
    "wire/_exports.ts",
    "wire/_left_alone.ts",
    "wire/_reentry.ts",
    "wire/tables.ts",
    "wire/_pieces.ts",
    "wire/_binary_values.ts",
    "wire/_error_values.ts",
    "wire/transport.ts",
    "wire/services.ts",
    "wire/_waiting_deadline.ts",
    "wire/_carries_stream.ts",
    "wire/_call_streams.ts",
    "wire/_token_bucket.ts",
    "wire/_ripe_calls.ts",
  ],
  [
    "wire/_death.ts",
    "wire/_value_scanner.ts",
    "wire/_layout.ts",
    "wire/_line_output.ts",
    "wire/_served.ts",
    "wire/context.ts",
    "wire/call_options.ts",
  ],
  ["wire/values.ts", "wire/_value_reader.ts"],
  [
    "wire/_message_writer.ts",
    "wire/_message_reader.ts",
    "wire/_plain_writer.ts",
    "wire/_plain_reader.ts",
  ],
  [
    "wire/codec.ts",
    "wire/single_value.ts",
    "wire/line_stream.ts",
    "wire/remote_types.ts",
  ],
  [
    "wire/_byte_output.ts",
    "wire/remote.ts",
    "wire/_sendable.ts",
  ],
  [
    "wire/output.ts",
    "wire/_farewell.ts",
    "wire/remote_object.ts",
    "wire/_thrown.ts",
  ],
  ["wire/_backlog.ts", "wire/_forecast.ts"],
  [
    "wire/_stream_sink.ts",
    "wire/_turnstile.ts",
    "wire/_window.ts",
    "wire/_watch.ts",
    "wire/_call_promise.ts",
    "wire/_imports.ts",
    "wire/_results.ts",
  ],
  [
    "wire/middleware.ts",
    "wire/_served_calls.ts",
    "wire/_stream_source.ts",
    "wire/_pending_call.ts",
  ],
  [
    "wire/calls.ts",
    "wire/handlers.ts",
    "wire/inbox.ts",
    "wire/_call_through.ts",
  ],
  ["wire/_outbound.ts", "wire/streams.ts"],
  [
    "wire/_opening.ts",
    "wire/_leaving.ts",
    "wire/_exporter.ts",
    "wire/_importer.ts",
  ],
  ["wire/contract_types.ts"],
  ["wire/_signature.ts"],
  ["wire/_fingerprint.ts", "wire/_guard.ts"],
  ["wire/contract.ts"],
  ["wire/_checked_caller.ts"],
  [
    "wire/dialect.ts",
    "wire/objects.ts",
    "wire/_telemetry.ts",
    "wire/_plain_route.ts",
  ],
  ["wire/_link.ts"],
  ["wire/wire.ts"],
  [
    "wire/pair.ts",
    "wire/keep_options.ts",
    "wire/_kept_promise.ts",
  ],
  ["wire/_backoff.ts", "wire/_waiting_calls.ts"],
  ["wire/_supervisor.ts", "wire/_kept_calls.ts"],
  ["wire/keep_connected.ts"],
  ["wire/mod.ts"],
  [
    "tls/transport.ts",
    "server/_socket_file.ts",
    "server/_descriptors.ts",
    "server/_tally.ts",
    "server/_newcomers.ts",
    "server/_connect_answer.ts",
    "server/_announce.ts",
    "server/_services.ts",
    "server/server_process.ts",
    "server/listener/introduction.ts",
    "server/listener/options.ts",
    "server/listener/inside/tokens.ts",
    "client/_attempt.ts",
    "client/_dial.ts",
    "client/_services.ts",
  ],
  ["server/_listen.ts", "client/_tls.ts"],
  [
    "client/_open_connection.ts",
    "server/_accept.ts",
    "server/_tls.ts",
    "server/listener/attempts.ts",
    "server/listener/safety.ts",
    "server/listener/type_ahead.ts",
    "server/listener/inside/modules.ts",
    "server/listener/inside/script.ts",
    "server/listener/inside/supervisor.ts",
  ],
  ["server/listener/inside/compile.ts"],
  ["server/listener/inside/evaluator.ts"],
  ["server/listener/answers.ts", "server/listener/programs.ts"],
  ["server/listener/command.ts"],
  ["server/listener/evaluator_process.ts"],
  ["server/listener/session.ts"],
  ["server/listener/listener.ts", "server/stream_server.ts"],
  [
    "server/request_server.ts",
    "server/start_up_server.ts",
    "client/connect.ts",
    "client/open_tcp_stream.ts",
    "client/lookup_host_entry.ts",
  ],
  ["server/mod.ts", "client/mod.ts"],
  ["mod.ts"],
];

/** The dialect of CMUCL, which the core does not reach. */
const CMUCL_FLOORS: readonly (readonly string[])[] = [
  [
    "wire/cmucl/symbols.ts",
    "wire/cmucl/octets.ts",
    "wire/cmucl/_input.ts",
    "wire/cmucl/errors.ts",
    "wire/cmucl/remote_objects.ts",
  ],
  [
    "wire/cmucl/cons.ts",
    "wire/cmucl/form.ts",
    "wire/cmucl/opcodes.ts",
    "wire/cmucl/_names.ts",
  ],
  ["wire/cmucl/_tokens.ts", "wire/cmucl/writer.ts"],
  ["wire/cmucl/reader.ts", "wire/cmucl/_output.ts"],
  ["wire/cmucl/_requests.ts", "wire/cmucl/_reading.ts"],
  ["wire/cmucl/_session.ts"],
  ["wire/cmucl/untagged.ts"],
  ["wire/cmucl/dialect.ts"],
  ["wire/cmucl/mod.ts"],
];

const floorOf = new Map(
  FLOORS.flatMap((files, floor) => files.map((file) => [file, floor])),
);

test("mod.ts reaches only relative imports that point down the floors", async () => {
  const modules = await graph("mod.ts");
  for (const [file, module] of modules) {
    const floor = floorOf.get(file) ?? -1;
    assert(floor >= 0, `${file} stands on no floor of this test`);
    for (const dependency of module.dependencies ?? []) {
      const { specifier } = dependency;
      assert(
        specifier.startsWith("./") || specifier.startsWith("../"),
        `${file} imports ${specifier}, which is not relative`,
      );
      const target = (dependency.code ?? dependency.type)?.specifier
        ?.replace(ROOT, "") ?? "";
      const below = floorOf.get(target) ?? Infinity;
      assert(
        below < floor,
        `${file} imports ${target}, which is not below it`,
      );
    }
  }
  assertEquals([...floorOf.keys()].sort(), [...modules.keys()].sort());
});

test("wire/cmucl/ stands on the core's floors, below the Wire", async () => {
  const modules = await graph("wire/cmucl/mod.ts");
  const floors = new Map(
    CMUCL_FLOORS.flatMap((files, floor) => files.map((file) => [file, floor])),
  );
  const wire = floorOf.get("wire/wire.ts") ?? -1;
  for (const [file, module] of modules) {
    const floor = floors.get(file);
    if (floor === undefined) {
      assert(
        (floorOf.get(file) ?? Infinity) < wire,
        `${file} does not stand below the Wire`,
      );
      continue;
    }
    for (const dependency of module.dependencies ?? []) {
      const { specifier } = dependency;
      assert(/^\.\.?\//.test(specifier), `${file} imports ${specifier}`);
      const target = (dependency.code ?? dependency.type)?.specifier
        ?.replace(ROOT, "") ?? "";
      const below = floors.get(target) ?? (modules.has(target) ? -1 : Infinity);
      assert(below < floor, `${file} imports ${target}, which is not below it`);
    }
  }
  const ofDialect = [...modules.keys()].filter((file) =>
    file.startsWith("wire/cmucl/")
  );
  assertEquals([...floors.keys()].sort(), ofDialect.sort());
});

test("cli.ts stands on mod.ts, and on the standard library's part for it", async () => {
  const modules = await graph("cli.ts");
  const own = [...modules].filter(([file]) => /^cli(\.ts|\/)/.test(file));
  assert(own.length > 4);
  for (const [file, { dependencies = [] }] of own) {
    for (const { specifier } of dependencies) {
      assert(
        /^(\.\/(cli\/)?_?\w+\.ts|\.\.\/mod\.ts|\.\.\/deno\.json|@std\/cli\/.+)$/
          .test(specifier),
        `${file} imports ${specifier}`,
      );
    }
  }
});

test("server/ and client/ never import each other", async () => {
  for (const [entry, other] of [["server", "client"], ["client", "server"]]) {
    const modules = await graph(`${entry}/mod.ts`);
    const strangers = [...modules.keys()].filter((file) =>
      file.startsWith(`${other}/`)
    );
    assertEquals(strangers, []);
  }
});

test("wire/ uses the web platform only", async () => {
  const files = new Set([
    ...(await graph("wire/mod.ts")).keys(),
    ...(await graph("wire/cmucl/mod.ts")).keys(),
  ]);
  assert(files.size > 40);
  for (const file of files) {
    assert(file.startsWith("wire/"), `wire/ imports ${file}`);
    const source = await Deno.readTextFile(new URL(file, ROOT));
    const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assert(!/\bDeno\b/.test(code), `${file} uses Deno`);
  }
});

test("docs/architecture.md lists every file of the floors, and no other", async () => {
  const page = await Deno.readTextFile(new URL("docs/architecture.md", ROOT));
  const [, list = ""] = /^## Floors\n([\s\S]*?)^- /m.exec(page) ?? [];
  const listed = list.matchAll(/^ {4}.*$/gm).flatMap(([line]) =>
    line.match(/[\w@]+\.ts\b/g) ?? []
  );
  const own = [...(await graph("cli.ts")).keys()].filter((file) =>
    file.startsWith("cli/")
  );
  const files = [...FLOORS.flat(), ...CMUCL_FLOORS.flat(), "cli.ts", ...own];
  const names = files.map((file) => file.split("/").at(-1));
  assertEquals([...new Set(listed)].sort(), [...new Set(names)].sort());
});
