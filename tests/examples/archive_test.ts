import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Archive } from "../../examples/archive/archive.ts";
import { sha256 } from "../../examples/archive/digest.ts";
import { connectToRemoteServer, RemoteError } from "../../mod.ts";
import { test } from "../_test.ts";
import { EXAMPLES, run, startServer, withFolder } from "./_run.ts";

const SERVER = `${EXAMPLES}/archive/server.ts`;
const CLIENT = `${EXAMPLES}/archive/client.ts`;

/** 5 MiB and a bit, no two parts of which are the same. */
function largeFile(): Uint8Array {
  const words = new Uint32Array(5 * 2 ** 18 + 3);
  for (let i = 0; i < words.length; i++) words[i] = i * 2654435761;
  return new Uint8Array(words.buffer);
}

const FILES: Record<string, Uint8Array> = {
  "empty.txt": new Uint8Array(),
  "every-byte.bin": Uint8Array.from({ length: 256 }, (_, i) => i),
  "large.bin": largeFile(),
  "naïve 日本 😀.txt": new TextEncoder().encode("one\ntwo\r\nthrée 😀\n"),
  "inner/copy of empty": new Uint8Array(),
  "inner/deeper/lines.txt": new TextEncoder().encode("thrée\nfour"),
};

/** What a walk leaves out. */
const SKIPPED = [".git/config", "inner/node_modules/module/index.js"];

async function writeFiles(folder: string): Promise<void> {
  const skipped = SKIPPED.map((path) => [path, new Uint8Array(9)] as const);
  for (const [path, bytes] of [...Object.entries(FILES), ...skipped]) {
    const file = `${folder}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(file, bytes);
  }
}

/** A server with no permission beyond what it needs. */
function startArchive(folder: string) {
  return startServer(
    "--allow-net=127.0.0.1",
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    SERVER,
    "--port=0",
    `--folder=${folder}`,
  );
}

test("archive/client.ts puts, lists, searches and gets any files", () =>
  withFolder(async (folder) => {
    await writeFiles(`${folder}/files`);
    await Deno.mkdir(`${folder}/archive`);
    const server = await startArchive(`${folder}/archive`);
    const client = await run(
      "--allow-net=127.0.0.1",
      `--allow-read=${folder}`,
      CLIENT,
      `--port=${server.port}`,
      "--pattern=thr.e",
      `${folder}/files`,
    );
    const ended = await server.end("SIGTERM");

    assertEquals(client.code, 0, client.stderr);
    for (
      const line of [
        /^client: put 6 files: 5\.243 MB in [\d.]+ s, [\d.]+ .B\/s$/m,
        /^client: listed 6 files, 5\.243 MB$/m,
        /^client: searched 4 files for \/thr\.e\/ \(2 left out\): 2 matches$/m,
        /^client: {3}inner\/deeper\/lines\.txt:1: thrée$/m,
        /^client: {3}naïve 日本 😀\.txt:3: thrée 😀$/m,
        /^client: got 6 files: 5\.243 MB in [\d.]+ s, .*; every SHA-256 is right$/m,
        /^client: moved 10\.49 MB in .*, both ways together: \d+ calls over/m,
      ]
    ) assertMatch(client.stdout, line);
    // No bar where there is no terminal.
    assertEquals(client.stderr, "");
    assertEquals(ended.code, 0, ended.stderr);
    assertMatch(
      ended.stdout,
      /left after \d+ calls.*: The wire was closed\.$/m,
    );
    // Six parts of the large file, and three other files that are not empty.
    const objects = [...Deno.readDirSync(`${folder}/archive/objects`)];
    assertEquals(objects.length, 9);
    for (const { name } of objects) {
      const bytes = await Deno.readFile(`${folder}/archive/objects/${name}`);
      assertEquals(sha256(bytes), name);
    }

    await checkKept(`${folder}/archive`);
  }));

/** The figures of a line: bytes, seconds, and bytes a second. */
function figures(line: string): number[] {
  const units: Record<string, number> = { kB: 1e3, MB: 1e6, GB: 1e9 };
  const [, size, unit, seconds, rate, rateUnit] =
    /([\d.]+) (\w?B) in ([\d.]+) s, ([\d.]+) (\w?B)\/s/.exec(line) ?? [];
  return [
    Number(size) * (units[unit!] ?? 1),
    Number(seconds),
    Number(rate) * (units[rateUnit!] ?? 1),
  ];
}

test("archive/demo.ts prints figures that compute", async () => {
  const { code, stdout, stderr } = await run(
    "-A",
    `${EXAMPLES}/archive/demo.ts`,
    EXAMPLES,
  );
  assertEquals(code, 0, stderr);
  const [put, got, moved] = ["put", "got", "moved"].map((what) =>
    figures(new RegExp(`^client: ${what} .*$`, "m").exec(stdout)?.[0] ?? "")
  );
  for (const [bytes, seconds, rate] of [put!, got!, moved!]) {
    assert(Math.abs(rate! * seconds! / bytes! - 1) < 0.002, stdout);
  }
  assert(Math.abs(2 * put![0]! / moved![0]! - 1) < 0.002, stdout);
  assert(Math.abs(put![1]! + got![1]! - moved![1]!) < 1e-6, stdout);
});

/** Another process finds what the first one kept. */
async function checkKept(folder: string): Promise<void> {
  const server = await startArchive(folder);
  const wire = await connectToRemoteServer<Archive>("127.0.0.1", server.port);
  const archive = wire.remoteValue;
  const listed = await archive.list(0);
  assertEquals(
    new Map(listed.map(({ path, digest }) => [path, digest])),
    new Map(Object.entries(FILES).map(([path, b]) => [path, sha256(b)])),
  );
  const [part = ""] = await archive.parts("inner/deeper/lines.txt");
  assertEquals(await archive.get(part), FILES["inner/deeper/lines.txt"]);
  // What is wrong with a call arrives at its caller, and harms nobody.
  const error = await assertRejects(
    () => archive.get("../index.jsonl"),
    RemoteError,
    "A digest is a string of 64 digits",
  );
  assertEquals((error as RemoteError).name, "TypeError");
  await assertRejects(() => archive.search("(", ""), RemoteError, "Invalid");
  assertEquals(await archive.has(part), true);
  await wire.close();
  assertEquals((await server.end("SIGTERM")).code, 0);
}

test("archive/demo.ts runs both processes, and leaves nothing behind", async () => {
  const { code, stdout, stderr } = await run(
    "-A",
    `${EXAMPLES}/archive/demo.ts`,
  );
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^client: got \d+ files.*every SHA-256 is right$/m);
  assertMatch(stdout, /^server: .*: The wire was closed\.$/m);
  assertMatch(stdout, /^demo: both processes have ended well$/m);
  const [, temporary = "."] = /^server: keeps 0 files in (.+)$/m.exec(stdout) ??
    [];
  await assertRejects(() => Deno.stat(temporary), Deno.errors.NotFound);
});

test("archive/demo.ts fails when its client does", async () => {
  const { code, stdout, stderr } = await run(
    "-A",
    `${EXAMPLES}/archive/demo.ts`,
    "--nonsense",
  );
  assertEquals(code, 1);
  assertMatch(stderr, /There is no option --nonsense/);
  assertMatch(stderr, /^demo: the client ended: 2; the server ended: 0$/m);
  assertMatch(stdout, /^server: removed the temporary folder$/m);
});

const WRONG: [program: string, args: string[], message: RegExp][] = [
  [CLIENT, ["--nonsense"], /There is no option --nonsense/],
  [CLIENT, ["--port=0"], /A port is an integer from 1 to 65535, not 0/],
  [CLIENT, ["--host="], /The option --host wants a value/],
  [CLIENT, ["--pattern=("], /--pattern wants a regular expression/],
  [CLIENT, ["one", "two"], /One argument too many: two/],
  [CLIENT, [`${CLIENT}/none`], /There is no folder .*none/],
  [SERVER, ["--port", "70000"], /from 0 to 65535, not 70000/],
  [SERVER, ["--port"], /The option --port wants a value/],
  [SERVER, ["folder"], /One argument too many: folder/],
];

for (const [program, args, message] of WRONG) {
  const name = program.slice(EXAMPLES.length + 1);
  test(`${name} refuses ${args.join(" ").replace(program, "…")}`, async () => {
    const { code, stdout, stderr } = await run("-A", program, ...args);
    assertMatch(stderr, message);
    assertEquals([code, stdout], [2, ""]);
  });
}

for (const program of [CLIENT, SERVER]) {
  const name = program.slice(EXAMPLES.length + 1);
  test(`${name} --help tells its options`, async () => {
    const { code, stdout } = await run(program, "--help");
    assertEquals(code, 0);
    assertMatch(stdout, /^ {2}--port <port>/m);
  });
}

test("archive/client.ts names the permission that it lacks", async () => {
  const { code, stdout, stderr } = await run(
    "--no-prompt",
    "--allow-net",
    CLIENT,
  );
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^Requires read access .*--allow-read flag\..*\n$/);
});

test("archive/client.ts says when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, stderr } = await run("-A", CLIENT, `--port=${port}`);
  assertEquals(code, 1);
  assertMatch(stderr, new RegExp(`^client: .*127\\.0\\.0\\.1:${port}`));
});
