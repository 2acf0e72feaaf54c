/**
 * The npm package: built, packed, and installed into an empty project.
 *
 * Without Node and npm these tests are skipped, and say so. With
 * REMOTE_WIRE_PEERS=required they run in Node 20, 22 and 24 and in Bun.
 */

import { assert, assertEquals } from "@std/assert";
import * as esbuild from "npm:esbuild@^0.25";
import ts from "npm:typescript@^5.9";
import { BUILD, type Size, sizes } from "../../.ci/npm.ts";
import config from "../../deno.json" with { type: "json" };
import { createRequestServer } from "../../mod.ts";
import { connectToRemoteServer } from "../../node/mod.ts";
import { project, run, runtimes } from "./_project.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const CERTIFICATES = `${HERE}../tls`;

/** How large programs may be that import this, in bytes after gzip. */
const MOST: Readonly<Record<string, number>> = {
  "node { connectToRemoteServer }": 90_000,
  "node { createRequestServer }": 102_000,
  "node { openTcpStream }": 37_000,
  "wire { makeWire }": 77_000,
  "websocket { connectWebSocket }": 79_500,
  "light { connectLight }": 30_000,
  "lines { LineStream }": 5_600,
  "codec { encodeValue }": 10_500,
};

/** Makes JavaScript of a program, without its types. */
async function compiled(name: string, folder: string): Promise<string> {
  const outfile = `${folder}/${name}.js`;
  await esbuild.build({
    format: "esm",
    target: BUILD.target!,
    entryPoints: [`${HERE}_${name}.ts`],
    outfile,
  });
  return outfile;
}

/** What the compiler says of a program that has the package. */
function complaints(path: string): string[] {
  const program = ts.createProgram([path], {
    strict: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    // What `@types/node` has of the web platform, too.
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts"],
    types: [],
  });
  return ts.getPreEmitDiagnostics(program)
    .map(({ messageText, file }) =>
      `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`
    );
}

const found = await runtimes();

Deno.test({
  name: "the npm package works where it is installed",
  ignore: found.length === 0,
  // esbuild's own process outlives a build.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const folder = await project();
    const installed = `${folder}/node_modules/@remote/wire`;
    try {
      const program = await compiled("program", folder);
      for (const { name, command } of found) {
        await t.step(`${name} runs a program that uses it`, async () => {
          const printed = await run(
            [...command, program, CERTIFICATES],
            folder,
          );
          assertEquals([printed.code, printed.out.trim()], [
            0,
            "all is well",
          ], printed.err);
        });
        await t.step(`${name} and Deno talk to each other`, async () => {
          await using server = createRequestServer(0, {
            functions: { add: (a: number, b: number) => a + b },
          });
          const file = `${folder}/client.js`;
          await Deno.writeTextFile(
            file,
            `import { connectToRemoteServer } from "@remote/wire/node";
const wire = await connectToRemoteServer("127.0.0.1", ${server.port});
console.log(await wire.remoteValue.add(40, 2));
await wire.close();`,
          );
          const { out, err } = await run([...command, file], folder);
          assertEquals(out.trim(), "42", err);
        });
      }

      await t.step("each entry point loads, with its types", async () => {
        const entries = Object.keys(config.exports)
          .filter((entry) => entry !== "./cli");
        const lines = entries.map((entry, at) =>
          `import * as m${at} from "@remote/wire${
            entry.slice(1)
          }"; if (Object.keys(m${at}).length === 0) throw new Error("${entry}");`
        );
        const path = `${folder}/entries.mts`;
        await Deno.writeTextFile(path, lines.join("\n"));
        assertEquals(complaints(path), []);
        await Deno.rename(path, `${folder}/entries.mjs`);
        const { code, err } = await run(
          ["node", `${folder}/entries.mjs`],
          folder,
        );
        assertEquals(code, 0, err);
      });

      await t.step("it has no dependencies, and source maps", async () => {
        const manifest = JSON.parse(
          await Deno.readTextFile(`${installed}/package.json`),
        ) as Record<string, unknown>;
        assertEquals(
          ["dependencies", "peerDependencies", "scripts"]
            .filter((key) => key in manifest),
          [],
        );
        for (const name of ["index", "node", "wire"]) {
          const text = await Deno.readTextFile(`${installed}/${name}.js`);
          assert(text.includes(`sourceMappingURL=${name}.js.map`), name);
          const map = await Deno.readTextFile(`${installed}/${name}.js.map`);
          assert(JSON.parse(map).version === 3);
        }
      });

      await t.step("esbuild takes of it what a program imports", async () => {
        const measured: readonly Size[] = await sizes(installed);
        console.table(
          Object.fromEntries(measured.map(({ what, ...of }) => [what, of])),
        );
        assertEquals(measured.map(({ what }) => what), Object.keys(MOST));
        for (const { what, gzip } of measured) {
          assert(gzip <= MOST[what]!, `${what}: ${gzip} bytes after gzip`);
        }
      });
    } finally {
      await esbuild.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("the entry point for Node works in Deno, too", async () => {
  await using server = createRequestServer(0, {
    functions: { add: (a: number, b: number) => a + b },
  });
  await using wire = await connectToRemoteServer("127.0.0.1", server.port);
  assertEquals(await wire.remoteValue.add(40, 2), 42);
});
