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
import { packed, project, run, runtimes } from "./_project.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const CERTIFICATES = `${HERE}../tls`;

/** How large programs may be that import this, in bytes after gzip. */
const MOST: Readonly<Record<string, number>> = {
  "node { connectToRemoteServer }": 92_700,
  "node { createRequestServer }": 104_700,
  "node { openTcpStream }": 38_700,
  "wire { makeWire }": 78_900,
  "websocket { connectWebSocket }": 81_700,
  "light { connectLight }": 30_000,
  "lines { LineStream }": 5_700,
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
    // What the documents ask for.
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
    types: [],
  });
  return ts.getPreEmitDiagnostics(program)
    .map(({ messageText, file }) =>
      `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`
    );
}

/** The programs of a page, by the names in their first lines. */
function programsIn(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)]
      .map(([, name, text]) => [name!, text!]),
  );
}

/** A program that listens. */
interface Listening extends AsyncDisposable {
  /** The port that it printed. */
  readonly port: string;
}

/** Writes a program to the file that a command ends with, and starts it. */
async function start(
  command: readonly string[],
  text: string,
): Promise<Listening> {
  const [program = "", ...args] = command;
  await Deno.writeTextFile(
    args.at(-1)!,
    `${text}process.stdin.on("end", () => process.exit()).resume();`,
  );
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const printed = child.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  let all = "";
  let port: string | undefined;
  while (port === undefined) {
    const { value, done } = await printed.read();
    if (done) throw new Error(`${args.at(-1)} printed no port: ${all}`);
    all += value;
    port = /port (\d+)\n/.exec(all)?.[1];
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
      await printed.cancel();
    },
  };
}

const found = await runtimes();

Deno.test({
  name: "the npm package works where it is installed",
  ignore: found.length === 0,
  // esbuild's own process outlives a build.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const built = await Deno.makeTempDir({ prefix: "wire-npm-" });
    const folder = await project(await packed(built), "ws@^8.18.0");
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

      await t.step("the programs of its README run", async () => {
        const readme = await Deno.readTextFile(`${installed}/README.md`);
        const programs = programsIn(readme);
        assertEquals(
          [...programs.keys()],
          ["server.mjs", "client.mjs", "web.mjs", "page.mjs"],
        );
        for (const { command } of found) {
          for (
            const [server, client, port, prints] of [
              ["server.mjs", "client.mjs", "7000", "42 3 2 1"],
              ["web.mjs", "page.mjs", "8000", "42"],
            ] as const
          ) {
            const text = programs.get(server)!;
            assert(text.includes(port), server);
            await using listening = await start(
              [...command, `${folder}/${server}`],
              text.replace(port, "0"),
            );
            const path = `${folder}/${client}`;
            // As the README says: Node 20 has no WebSocket.
            await Deno.writeTextFile(
              path,
              `globalThis.WebSocket ??= (await import("ws")).WebSocket;
${programs.get(client)!.replace(port, listening.port)}`,
            );
            const { out, err } = await run([...command, path], folder);
            assertEquals(out.trim().split("\n").join(" "), prints, err);
          }
        }
      });

      await t.step("its documents lead nowhere that is not there", async () => {
        for (const name of ["README.md", "CHANGELOG.md"]) {
          const text = await Deno.readTextFile(`${installed}/${name}`);
          assert(!text.includes("jsr:"), name);
          const links = [...text.matchAll(/\]\(([^)]+)\)/g)]
            .map(([, target]) => target!);
          assertEquals(links.filter((to) => !to.startsWith("https://")), []);
        }
        const readme = await Deno.readTextFile(`${installed}/README.md`);
        for (const entry of Object.keys(config.exports)) {
          if (entry === "." || entry === "./cli") continue;
          assert(readme.includes(`${entry.slice(1)}\``), entry);
        }
      });

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
      await Deno.remove(built, { recursive: true });
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
