import { assert, assertEquals, assertThrows } from "@std/assert";
import { sessionCommand } from "../../../server/listener/options.ts";
import { startUpServer } from "../../../server/mod.ts";
import { WireError } from "../../../wire/mod.ts";
import { test } from "../../_test.ts";
import { startListener } from "./_client.ts";

/** What a session may not do unless it is granted. */
const DENIED: [string, RegExp][] = [
  ['Deno.readTextFileSync("/etc/hosts")', /Requires read access/],
  ['Deno.writeTextFileSync("/tmp/x", "")', /Requires write access/],
  ["await fetch('http://127.0.0.1:9999')", /Requires net access/],
  ["Deno.listen({ port: 0 })", /Requires net access/],
  ['Deno.env.get("HOME")', /Requires env access/],
  ['new Deno.Command("/bin/ls").outputSync()', /Requires run access/],
  ["Deno.kill(Deno.ppid)", /Requires run access/],
  ["process.kill(process.ppid, 'SIGKILL')", /Requires run access/],
  ["Deno.hostname()", /Requires sys access/],
  ["(await import('node:fs')).readFileSync('/etc/hosts')", /read access/],
  ["await import('file:///etc/hosts')", /read access/],
  ["await import('https://example.com/mod.ts')", /Requires import access/],
  ["await import('jsr:@std/assert@1.0.0')", /no-remote/],
  ["await import('npm:left-pad@1.3.0')", /no-npm/],
  [
    `await import('data:text/javascript,import x from "file:///etc/hosts" with { type: "json" }')`,
    /read access/,
  ],
  // It needs no permission, but there is no place where it could write.
  ["await caches.open('x')", /Failed to create cache/],
  ["localStorage.setItem('a', 'b')", /localStorage/],
  ["(await import('node:inspector')).open(0)", /Requires sys access/],
];

test("A session may do nothing but compute", async () => {
  await using listener = startListener();
  await using client = await listener.session();
  for (const [input, expected] of DENIED) {
    const said = await client.say(input);
    assert(said.startsWith("Uncaught"), `${input} printed ${said}`);
    assert(expected.test(said), `${input} printed ${said}`);
  }
});

test("A session may do what the server grants, and no more", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/granted`, "granted");
  await using listener = startListener({
    permissions: { read: [folder], env: ["GRANTED"], net: false },
  });
  await using client = await listener.session();
  const path = JSON.stringify(`${folder}/granted`);
  assertEquals(
    await client.say(`Deno.readTextFileSync(${path})`),
    '"granted"\n',
  );
  assertEquals(await client.say("Deno.env.get('GRANTED')"), "undefined\n");
  for (
    const input of [
      "Deno.readTextFileSync('/etc/hosts')",
      `Deno.writeTextFileSync(${path}, '')`,
      "Deno.env.get('HOME')",
      "Deno.listen({ port: 0 })",
    ]
  ) {
    const said = await client.say(input);
    assert(/Requires \w+ access/.test(said), `${input} printed ${said}`);
  }
  await Deno.remove(folder, { recursive: true });
});

test("The environment of the server stays with it", async () => {
  if (Deno.build.os !== "linux") return;
  await using listener = startListener({ permissions: { read: true } });
  await using client = await listener.session();
  // What reads all may read all files, but not those of /proc.
  const said = await client.say("Deno.readTextFileSync('/proc/self/environ')");
  assert(said.startsWith("Uncaught NotCapable"), said);
});

for (
  const permissions of [
    { read: ["a,b"] },
    { read: "yes" },
    { everything: true },
    { net: ["--allow-all x"] },
  ]
) {
  test(`startUpServer() refuses permissions such as ${JSON.stringify(permissions)}`, () => {
    const error = assertThrows(
      () =>
        startUpServer({
          service: 0,
          // deno-lint-ignore no-explicit-any -- what the types would refuse.
          listener: { permissions: permissions as any },
        }),
      WireError,
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes("listener.permissions"));
  });
}

test("startUpServer() says what the listener needs where it may not run", async () => {
  const mod = new URL("../../../mod.ts", import.meta.url).href;
  const program = `
    import { startUpServer } from ${JSON.stringify(mod)};
    try { startUpServer({ service: 0 }); } catch (error) {
      console.log(error.code, error.message);
    }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-config",
      "--allow-net",
      `data:text/javascript,${encodeURIComponent(program)}`,
    ],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(/^permissionDenied .*--allow-run=/.test(text), text);
});

test("sessionCommand() runs another Deno where this program is one by itself", () => {
  assertEquals(sessionCommand({}).deno, Deno.execPath());
  const { build } = Deno;
  const put = (value: typeof build) =>
    Object.defineProperty(Deno, "build", { value });
  try {
    put({ ...build, standalone: true });
    assertEquals(sessionCommand({}).deno, "deno");
  } finally {
    put(build);
  }
});
