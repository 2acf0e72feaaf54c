/**
 * A wire between two processes of Node, beside `node:net` between the same.
 *
 * @module
 */

import type { Study } from "../_study.ts";
import type { Compared } from "./_compare.ts";
import { mediumStudy } from "./_medium_study.ts";

/** Builds the program, as one file. */
async function build(file: string): Promise<void> {
  // Only here: it needs packages of npm.
  const { BUILD } = await import("../../.ci/npm.ts");
  const esbuild = await import("npm:esbuild@^0.25");
  await esbuild.build({
    ...BUILD,
    entryPoints: [new URL("./_node_program.ts", import.meta.url).pathname],
    outfile: file,
  });
  await esbuild.stop();
}

/** The first line that a process prints. */
async function firstLine(child: Deno.ChildProcess): Promise<string> {
  let text = "";
  for await (
    const part of child.stdout.pipeThrough(new TextDecoderStream())
  ) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text;
}

/** The study. */
export const node: Study = mediumStudy(
  "node",
  "node:net, in Node",
  async ({ rounds, seconds, place }) => {
    const file = await Deno.makeTempFile({ suffix: ".mjs" });
    try {
      await build(file);
      const server = new Deno.Command("node", {
        args: [file, "serve"],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      await place([server.pid]);
      const ports = JSON.parse(await firstLine(server));
      const options = [ports.wire, ports.raw, rounds, seconds].map(String);
      const { stdout, success } = await new Deno.Command("node", {
        args: [file, "measure", ...options],
        stderr: "inherit",
      }).output();
      await server.stdin.close();
      await server.status;
      if (!success) throw new Error("The program in Node failed.");
      return JSON.parse(new TextDecoder().decode(stdout)) as Compared;
    } finally {
      await Deno.remove(file);
    }
  },
);
