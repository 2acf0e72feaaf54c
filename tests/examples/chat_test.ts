import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Chat,
  type Ears,
  LONGEST_LINE,
  type Member,
  MOST_BEHIND,
} from "../../examples/chat/protocol.ts";
import {
  connectToRemoteServer,
  makeRemoteObject,
  RemoteError,
  type RemoteObject,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { EXAMPLES, type Running, start, startServer } from "./_run.ts";

const CLIENT = `${EXAMPLES}/chat/client.ts`;

function startChat() {
  const server = `${EXAMPLES}/chat/server.ts`;
  return startServer("--allow-net=127.0.0.1", server, "--port=0");
}

function connect(port: number) {
  return connectToRemoteServer<Chat>("127.0.0.1", port);
}

/** Starts a client, and waits until it is in the room. */
async function join(port: number, name: string): Promise<Running> {
  const options = [`--port=${port}`, name, "den"];
  const client = start("--allow-net=127.0.0.1", CLIENT, ...options);
  await client.prints(/ is in den/);
  return client;
}

test("The chat tells everybody who speaks, who comes, who goes and who dies", async () => {
  await using server = await startChat();
  await using ann = await join(server.port, "ann");
  await using bob = await join(server.port, "bob");
  await using cid = await join(server.port, "cid");
  await using dan = await join(server.port, "dan");
  await ann.prints(/dan has joined/);

  await ann.write("Hello all.\n");
  await Promise.all([bob, cid, dan].map((c) => c.prints(/Hello all/)));
  await bob.write("\n  Grüße\tvon 😀 \n/who\n/nonsense\n");
  await Promise.all([ann, cid, dan].map((c) => c.prints(/Grüße/)));
  await bob.prints(/there are \/who/);

  const killed = await cid.end("SIGKILL");
  await Promise.all([ann, bob, dan].map((c) => c.prints(/cid has left/)));
  await ann.write("Who was that?\n");
  await Promise.all([bob, dan].map((c) => c.prints(/Who was that/)));
  // One leaves by a word, one by the end of its input.
  await dan.write("/quit\n");
  const left = await dan.ended();
  await Promise.all([ann, bob].map((c) => c.prints(/dan has left/)));
  await bob.closeInput();
  const gone = await bob.ended();
  await ann.prints(/bob has left/);
  // The server ends; whoever is there learns of it.
  const ended = await server.end("SIGTERM");
  const last = await ann.ended();

  const DEAD = "* cid has left: The connection closed without a goodbye: " +
    "the peer's process may have died.";
  assertEquals(lines(last.stdout), [
    "* ann is in den, with nobody else",
    "* bob has joined",
    "* cid has joined",
    "* dan has joined",
    "<bob> Grüße von 😀",
    DEAD,
    "* dan has left",
    "* bob has left",
  ]);
  assertEquals(lines(gone.stdout), [
    "* bob is in den, with ann",
    "* cid has joined",
    "* dan has joined",
    "<ann> Hello all.",
    "* here: ann, bob, cid, dan",
    "* there are /who and /quit",
    DEAD,
    "<ann> Who was that?",
    "* dan has left",
  ]);
  assertEquals(lines(killed.stdout), [
    "* cid is in den, with ann, bob",
    "* dan has joined",
    "<ann> Hello all.",
    "<bob> Grüße von 😀",
  ]);
  assertEquals(lines(left.stdout), [
    "* dan is in den, with ann, bob, cid",
    "<ann> Hello all.",
    "<bob> Grüße von 😀",
    DEAD,
    "<ann> Who was that?",
  ]);
  assertEquals([gone.code, gone.stderr, left.code, left.stderr], [
    0,
    "",
    0,
    "",
  ]);
  assertEquals([last.code, last.stderr], [1, "chat: The wire was closed.\n"]);
  // Nothing was left behind that the server would warn of.
  assertEquals([ended.code, ended.stderr], [0, ""]);
});

test("A member that takes nothing holds nobody up, and misses the rest", async () => {
  await using server = await startChat();
  await using slow = await join(server.port, "slow");
  await using ann = await join(server.port, "ann");
  await using bob = await join(server.port, "bob");
  await ann.prints(/bob has joined/);
  // Its answer tells that nothing is under way to it.
  await slow.prints(/bob has joined/);
  await slow.write("/who\n");
  await slow.prints(/here:/);
  slow.signal("SIGSTOP");
  const SAID = 3 * MOST_BEHIND;
  for (let i = 0; i < SAID; i += 25) {
    const said = Array.from({ length: 25 }, (_, j) => `line ${i + j}\n`);
    await ann.write(said.join(""));
    await bob.prints(new RegExp(`^<ann> line ${i + 24}$`, "m"));
  }
  slow.signal("SIGCONT");
  await slow.prints(new RegExp(`were missed|line ${SAID - 1}$`, "m"));
  await ann.write("Back?\n");
  await slow.prints(/Back\?/);
  for (const client of [slow, ann, bob]) await client.closeInput();
  const [late, , quick] = await Promise.all(
    [slow, ann, bob].map((client) => client.ended()),
  );
  const heard = lines(late!.stdout).slice(4);
  const all = Array.from({ length: SAID }, (_, i) => `<ann> line ${i}`);
  assertEquals(heard.slice(0, MOST_BEHIND), all.slice(0, MOST_BEHIND));
  assertEquals(
    heard.slice(MOST_BEHIND, MOST_BEHIND + 2),
    [`* too slow: ${SAID - MOST_BEHIND} lines were missed`, "<ann> Back?"],
  );
  assertEquals(lines(quick!.stdout).slice(1, 1 + SAID), all);
  assertEquals((await server.end("SIGTERM")).stderr, "");
});

const NO_EARS: Ears = {
  said: () => {},
  joined: () => {},
  left: () => {},
  missed: () => {},
};

test("The chat's server refuses what it should, and keeps nothing of it", async () => {
  await using server = await startChat();
  await using wire = await connect(server.port);
  const { join } = wire.remoteValue;
  const ears = makeRemoteObject(NO_EARS);
  using member = await join("Den", "Ann", ears);
  const { say, names, leave } = member.remoteValue;
  const refused: [
    call: (...args: never[]) => Promise<unknown>,
    args: unknown[],
    message: string,
  ][] = [
    [join, ["den", "ANN", ears], "is called ANN already"],
    [join, ["den", "", ears], "name of a member"],
    [join, ["den", "a b", ears], "name of a member"],
    [join, ["den", "a".repeat(21), ears], "name of a member"],
    [join, ["../den", "bob", ears], "name of a room"],
    [join, [["den"], "bob", ears], "name of a room"],
    [join, ["den", "bob"], "call-backs by reference"],
    [join, ["den", "bob", {}], "call-backs by reference"],
    [say, [""], "one line"],
    [say, ["a\nb"], "one line"],
    [say, ["\x1b[2J"], "one line"],
    [say, ["a".repeat(LONGEST_LINE + 1)], "one line"],
    [say, [{ length: 1 }], "one line"],
  ];
  for (const [call, args, message] of refused) {
    await assertRejects(() => call(...args as never[]), RemoteError, message);
  }
  assertEquals(await names(), ["Ann"]);
  await assertRejects(
    () =>
      (member as RemoteObject<Member & { tell(): void }>).remoteValue.tell(),
    Error,
    "no function",
  );
  await leave();
  await leave();
  await assertRejects(() => say("a"), RemoteError, "Ann is not in the room");
  // All ears are released by now, and names are free again.
  await wire.ping();
  assertEquals(wire.stats().objectsExported, 0);
  using again = await join("den", "ann", ears);
  assertEquals(await again.remoteValue.names(), ["ann"]);
  assertEquals((await server.end("SIGTERM")).stderr, "");
});

test("A member whose ears never answer is told no more than it may be", async () => {
  await using server = await startChat();
  await using deaf = await connect(server.port);
  await using wire = await connect(server.port);
  let heard = 0;
  const never = new Promise<void>(() => {});
  using _ = await deaf.remoteValue.join(
    "den",
    "deaf",
    makeRemoteObject({ ...NO_EARS, said: () => (heard++, never) }),
  );
  using ann = await wire.remoteValue.join(
    "den",
    "ann",
    makeRemoteObject(NO_EARS),
  );
  for (let i = 0; i < 2 * MOST_BEHIND; i++) await ann.remoteValue.say(`${i}`);
  // Calls of which none is ever answered begin by and by.
  while (heard < MOST_BEHIND - 1) await deaf.ping();
  for (let pings = 0; pings < 10; pings++) await deaf.ping();
  assert(heard <= MOST_BEHIND, `${heard} were heard`);
  // They would answer at its leave only: so it takes none.
  deaf.abort();
});

test("chat/client.ts wants a name", async () => {
  await using client = start(CLIENT);
  const { code, stderr } = await client.ended();
  assertEquals([code, stderr], [2, "What is your name? See --help.\n"]);
});

function lines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
