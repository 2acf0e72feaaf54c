/**
 * Commands in the documentation: tasks, files and flags that they name are
 * there, and what can run here does.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import {
  connectToRemoteServer,
  createRequestServer,
  startUpServer,
} from "../../mod.ts";
import { denoRun } from "../../examples/archive/deno.ts";
import { withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";
import { type Block, readPages, ROOT } from "./_pages.ts";

/** The folder of the repository, as a path. */
const FOLDER = decodeURIComponent(ROOT.pathname);
/** Programs that are none of this repository's. */
const OUTSIDE = new Set(["nc", "telnet", "openssl", "sudo", "cmucl", "git"]);

/** A command, and where it stands. */
interface Command {
  readonly place: string;
  readonly words: readonly string[];
}

/** The commands of a block: lines that end in a backslash go on. */
function commandsOf({ text }: Block): string[][] {
  return text.replaceAll(/\\\n\s*/g, "").split("\n")
    .map((line) => line.replace(/\s*#.*$/, "").trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/));
}

async function allCommands(): Promise<Command[]> {
  return (await readPages()).flatMap(({ path, blocks }) =>
    blocks.filter(({ info }) => info === "sh").flatMap((block) =>
      commandsOf(block).map((words) => ({
        place: `${path}:${block.line}: ${words.join(" ")}`,
        words,
      }))
    )
  );
}

/** The program that Deno runs, and what stands before and behind it. */
function denoProgram(words: readonly string[]) {
  const isTask = words[1] === "task" && words[2] === "run";
  if (words[0] !== "deno" || !(isTask || words[1] === "run")) return undefined;
  const rest = words.slice(isTask ? 3 : 2);
  const at = rest.findIndex((word) => !word.startsWith("-"));
  return {
    flags: rest.slice(0, at),
    file: rest[at] ?? "",
    args: rest.slice(at + 1),
  };
}

const decoder = new TextDecoder();

/** The help of a program, or whatever else it prints; of one of its commands. */
async function help(file: string, command: string[]): Promise<string> {
  const args = ["-A", `${FOLDER}${file}`, ...command, "--help"];
  const { stdout } = await denoRun(args, {
    stdin: "null",
    stderr: "inherit",
  }).output();
  return decoder.decode(stdout);
}

test("commands in the documentation name tasks that there are", async () => {
  const named = (await readPages()).flatMap(({ path, text }) =>
    [...text.matchAll(/deno(?:@[\d.]+)? task ([\w:]+)/g)]
      .map(([, task]) => `${path}: ${task}`)
  );
  assert(named.length > 15);
  assertEquals(
    named.filter((name) => !((name.split(": ")[1] ?? "") in config.tasks)),
    [],
  );
});

test("commands in the documentation name programs and flags that there are", async () => {
  const commands = await allCommands();
  assert(commands.length > 10);
  for (const { place, words } of commands) {
    const [program = ""] = words;
    assert(program === "deno" || OUTSIDE.has(program), place);
    for (const path of words.filter((word) => /\/.+\.(ts|lisp)$/.test(word))) {
      assert((await Deno.stat(`${FOLDER}${path}`)).isFile, place);
    }
    const run = denoProgram(words);
    const isBench = words[1] === "task" && words[2] === "bench";
    const file = isBench ? "bench/main.ts" : run?.file;
    const args = isBench ? words.slice(3) : run?.args ?? [];
    const flags = args.filter((word) => word.startsWith("--"));
    if (file === undefined || flags.length === 0) continue;
    // Its commands have flags of their own.
    const command = file === "cli.ts" ? args.slice(0, 1) : [];
    const text = await help(file, command);
    for (const flag of flags) assert(text.includes(flag), `${place}: ${flag}`);
  }
});

test("programs in the documentation start with the permissions that it gives them", async () => {
  const preload = new URL("_any_port.ts", import.meta.url).href;
  const started = (await allCommands()).map(async ({ place, words }) => {
    const run = denoProgram(words);
    if (run === undefined || !run.file.includes("/")) return;
    // What waits for clients is ended after its first line, and so are clients.
    const child = denoRun([
      ...["--no-check", "--quiet", "--no-prompt", `--preload=${preload}`],
      ...[...run.flags, run.file, ...run.args],
    ], {
      cwd: FOLDER,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(child.stderr).text();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    await child.stdout.cancel();
    if (value !== undefined) child.kill("SIGKILL");
    await child.status;
    const stderr = await errors;
    if (value !== undefined) assertEquals(stderr, "", place);
    // Without a server, that is all that a client can say.
    else assertMatch(stderr, /nobody listens there/i, place);
  });
  await Promise.all(started);
});

test("the README's first programs work as they stand", () =>
  withFolder(async (folder) => {
    // A clone has the examples, too, one of which deno.json names.
    for (const part of [...config.publish.include, "examples"]) {
      await Deno.symlink(`${FOLDER}${part}`, `${folder}/${part}`);
    }
    const readme = (await readPages()).find(({ path }) => path === "README.md");
    const { port, listener } = freePort();
    listener.close();
    for (const { text } of readme!.blocks) {
      const name = /^\/\/ (\w+\.ts)$/m.exec(text)?.[1];
      if (name === undefined) continue;
      const here = text.replaceAll("7000", `${port}`);
      await Deno.writeTextFile(`${folder}/${name}`, here);
    }
    const deno = (program: string) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-net", program],
        cwd: folder,
        // Neither JSR nor a cache is needed.
        env: { JSR_URL: "http://127.0.0.1:1/", DENO_DIR: `${folder}/cache` },
        stdin: "null",
      });
    const server = deno("server.ts").spawn();
    try {
      await listening(port);
      const { stdout, stderr } = await deno("client.ts").output();
      assertEquals(decoder.decode(stderr), "");
      assertEquals(decoder.decode(stdout), "42\n3\n2\n1\n");
    } finally {
      server.kill("SIGKILL");
      await server.status;
    }
  }));

/** A port that nobody listens on. */
function freePort() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: listener.addr.port, listener };
}

/** Waits until somebody listens there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test("a listener answers as docs/listener.md shows", async () => {
  const page = (await readPages()).find(({ path }) =>
    path === "docs/listener.md"
  );
  const session = page!.blocks.find(({ text }) =>
    text.startsWith("; This is")
  )!;
  const prompt = /^(\w+> )(.*)\n/gm;
  await using server = startUpServer({ service: 0 });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const inputs = [...session.text.matchAll(prompt)].map(([, , input]) => input);
  await conn.write(new TextEncoder().encode(`${inputs.join("\n")}\n`));
  // What is typed is shown by the terminal.
  assertEquals(
    (await new Response(conn.readable).text()).trimEnd(),
    session.text.replaceAll(prompt, "$1"),
  );
});

test("the certificate that docs/calls.md makes is good for both ends", () =>
  withFolder(async (folder) => {
    const command = (await allCommands())
      .find(({ words: [program] }) => program === "openssl");
    const words = command!.words.slice(1).map((word) =>
      word.replaceAll('"', "")
    );
    try {
      const { code, stderr } = await new Deno.Command("openssl", {
        args: words,
        cwd: folder,
      }).output();
      assertEquals(code, 0, decoder.decode(stderr));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.log("There is no openssl on this machine.");
      return;
    }
    const cert = await Deno.readTextFile(`${folder}/server.pem`);
    const key = await Deno.readTextFile(`${folder}/server.key`);
    await using server = createRequestServer(0, null, {
      tls: { cert, key },
      functions: { add: (a: number, b: number) => a + b },
    });
    await using wire = await connectToRemoteServer<
      { add(a: number, b: number): number }
    >("localhost", server.port, null, { tls: { caCerts: [cert] } });
    assertEquals(await wire.remoteValue.add(40, 2), 42);
  }));
