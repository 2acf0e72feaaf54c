/**
 * What is exported is documented with an example, which `deno test --doc` runs.
 */

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../_test.ts";
import { ROOT } from "./_pages.ts";

/** What of `deno doc --json` is looked at. */
interface Declaration {
  readonly kind: string;
  readonly location: { readonly filename: string; readonly line: number };
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
  readonly def?: { readonly hasBody?: boolean };
}
interface Exported {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}
interface Documentation {
  readonly nodes: Readonly<Record<string, { symbols: readonly Exported[] }>>;
}

/** Exported as types only, for the type checker and for dialects. */
const TYPES_ONLY = new Set(["REFERENCE", "DECLARED", "ValueTypes"]);

/** Types that programs name. */
const TYPES: ReadonlySet<string> = new Set([
  ...["CallChanges", "CallOptions", "ClientTls", "Clock", "CmuclOptions"],
  ...["Connect", "ConnectAnswer", "ConnectOptions", "ContractOptions"],
  ...["Declared", "FunctionDefinition", "FunctionInfo", "Functions"],
  ...["KeepConnectedOptions", "KeptCallOptions", "LineStreamOptions"],
  ...["ListenerOptions", "Middleware", "MiddlewareCall", "NotSendable"],
  ...["OnConnect", "Received", "RemoteFunction", "RemoteObject"],
  ...["RemoteObjectOptions", "RemotePromise", "Remotes", "RemoteSend"],
  ...["RemoteStream", "RemoteValue", "RemoteValues", "RequestServerOptions"],
  ...["Sendable", "ServedFunctions", "ServerTls", "StartUpServerOptions"],
  ...["StreamFunction", "Transport", "ValueType", "WireLimits"],
  ...["WireOptions", "WireStats"],
]);

/** Whether a declaration is one that has an example. */
function needsExample(name: string, { kind }: Declaration): boolean {
  if (TYPES_ONLY.has(name)) return false;
  return ["class", "function", "variable"].includes(kind) || TYPES.has(name);
}

/** What an entry point exports. */
async function exported(path: string): Promise<Exported[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", path],
    cwd: ROOT,
  }).output();
  const { nodes }: Documentation = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

test("what is exported has an example", async () => {
  const names = new Set<string>();
  const without = new Set<string>();
  for (const [entry, path] of Object.entries(config.exports)) {
    if (entry === "./cli") continue;
    for (const { name, declarations } of await exported(path)) {
      names.add(name);
      for (const declaration of declarations) {
        if (!needsExample(name, declaration)) continue;
        // What implements overloads is not one of them.
        const { def, jsDoc, location } = declaration;
        if (declarations.length > 1 && def?.hasBody) continue;
        if (jsDoc?.tags?.some(({ kind }) => kind === "example")) continue;
        without.add(`${name}, ${location.filename}:${location.line}`);
      }
    }
  }
  assertEquals([...without], []);
  assertEquals([...TYPES, ...TYPES_ONLY].filter((n) => !names.has(n)), []);
});
