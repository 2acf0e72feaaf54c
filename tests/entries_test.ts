/**
 * The entry points: what each exports, and how much it loads.
 */

import { assert, assertEquals } from "@std/assert";
import { loads } from "../.ci/entries.ts";
import map from "../.ci/npm_import_map.json" with { type: "json" };
import config from "../deno.json" with { type: "json" };
import { test } from "./_test.ts";

/** How many modules an entry point may load. */
const MOST_MODULES: Readonly<Record<string, number>> = {
  ".": 60,
  "./wire": 42,
  "./client": 45,
};
/** How far the figures of the documents may be off. */
const TOLERANCE = 0.1;

const found = await loads();

test("entry points load no more modules than they may", () => {
  for (const [entry, most] of Object.entries(MOST_MODULES)) {
    const { modules } = found.find((load) => load.entry === entry)!;
    assert(
      modules.length <= most,
      `${entry} loads ${modules.length} modules, more than ${most}: merge small files, or load with import() what few programs need`,
    );
  }
});

test("docs/architecture.md tells what each entry point loads", async () => {
  const page = await Deno.readTextFile(
    new URL("../docs/architecture.md", import.meta.url),
  );
  for (const { entry, modules, kib } of found) {
    const row = page.split("\n")
      .find((line) => line.startsWith(`| \`${entry}\` `)) ?? "";
    assert(row !== "", `${entry} is in the table`);
    const [told, toldKib] = row.match(/\d+(?= *\|)/g)!.map(Number);
    for (const [is, said] of [[modules.length, told], [kib, toldKib]]) {
      assert(
        Math.abs(is! / said! - 1) <= TOLERANCE,
        `${entry} loads ${modules.length} modules, ${kib} KiB: correct the table by .ci/entries.ts --write`,
      );
    }
  }
});

test("the import map for a machine without JSR has every entry point", () => {
  for (const [entry, path] of Object.entries(config.exports)) {
    if (entry === "./cli") continue;
    const name = `@remote/wire${entry.slice(1)}`;
    const mapped = (map.imports as Record<string, string>)[name];
    assertEquals(mapped, path.replace("./", "../"), name);
  }
});

test("entry points load what is theirs alone", () => {
  const rooms = (entry: string) =>
    new Set(
      found.find((load) => load.entry === entry)!.modules
        .map((path) => path.split("/").slice(0, -1).join("/")),
    );
  const without = (entry: string, ...paths: string[]) =>
    assertEquals(paths.filter((path) => rooms(entry).has(path)), []);
  const upper = ["wire/contract", "wire/reconnect", "wire/cmucl", "wire/lines"];
  for (const { entry, modules } of found) {
    const rare = modules.filter((path) => /tls|listener\/listener/.test(path));
    assertEquals(rare, [], `${entry} loads what few programs need`);
  }
  without("./wire", ...upper, "client", "server");
  without("./client", ...upper.slice(0, 3), "server");
  without("./server", ...upper.slice(0, 3), "client");
  without("./contract", "wire/native", "wire/session");
  without("./reconnect", "wire/native", "wire/contract");
  without("./broadcast", ...upper, "client", "server");
  without("./lines", "wire/codec", "wire/rpc");
  without("./codec", "wire/rpc", "wire/flow");
  without("./cmucl", "wire/native", "wire/contract");
  const transports = [
    "./websocket",
    "./light",
    "./worker",
    "./child",
    "./nats",
  ];
  for (const entry of ["./testing", ...transports]) {
    without(entry, ...upper, "client", "server");
  }
});

test("the root exports what programs name, and no machinery", async () => {
  const root = new Set(Object.keys(await import("../mod.ts")));
  const seeds = [
    ...["createRequestServer", "destroyRequestServer", "makeWire"],
    ...["connectToRemoteServer", "lookupHostEntry", "hostName"],
    ...["makeRemoteObject", "remoteObjectValue", "remoteObjectEq"],
    ...["remoteObjectLocal", "startUpServer", "openTcpStream"],
  ];
  const own = [
    ...["WireError", "RemoteError", "Refusal", "Wire", "wirePair", "Values"],
    ...["values", "isRemoteObject", "encodeValue", "decodeValue", "contract"],
    ...["keepConnected", "DeclaredError", "streamTransport", "CallContext"],
    ...["socketTransport", "memoryTransports", "DEFAULT_LIMITS", "LineStream"],
  ];
  assertEquals([...seeds, ...own].filter((name) => !root.has(name)), []);
  const machinery = [...root].filter((name) =>
    /Decoder|Encoder|Session|Dialect|^resolve|^check|REFERENCE|^LI[SN]/
      .test(name)
  );
  assertEquals(machinery, []);
});
