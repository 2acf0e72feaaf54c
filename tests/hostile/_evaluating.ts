/**
 * Clients of a listener: those that have no name yet, those that leave
 * something running, and those that take nothing.
 *
 * @module
 */

import type { Arena } from "./_arena.ts";
import type { Catalogue, Siege } from "./_attack.ts";
import { type Bytes, times, utf8 } from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";
import { Crowd, hasTwoAddresses } from "../server/_crowd.ts";

const SECRET = "correct horse battery staple";
const PROMPT = utf8("mallory> ");

/** A session, whose client knows the secret and means no good. */
async function session(arena: Arena): Promise<HostilePeer> {
  const peer = await arena.roads.connect("listener");
  await peer.hearUntil(utf8("name> "));
  await peer.say(utf8('"mallory"\n'));
  await peer.hearUntil(utf8("credential> "));
  await peer.say(utf8(`${SECRET}\n`));
  await peer.hearUntil(PROMPT);
  return peer;
}

/** Says something in a session, and is gone. */
function left(name: string, code: string, promise: string): Siege {
  return {
    name,
    async siege(arena) {
      const peer = await session(arena);
      await peer.say(utf8(`${code}\n`));
      await peer.hearUntil(PROMPT);
      peer.close();
    },
    promise,
  };
}

/** Says something in a session that stops its evaluation. */
function ended(name: string, code: string, promise: string): Siege {
  return {
    name,
    async siege(arena) {
      const peer = await session(arena);
      await peer.say(utf8(`${code}\n`));
      await peer.hearUntil(utf8("The process of this session ended"));
      peer.close();
    },
    promise,
  };
}

/** Strangers that say something and stay. */
function strangers(name: string, says: Bytes): Siege {
  return {
    name,
    async siege(arena) {
      await using crowd = new Crowd();
      const most = hasTwoAddresses ? 100 : 30;
      await crowd.come(arena.victim.ports.listener!, most, says);
      await arena.newcomer("listener");
    },
    promise: "a newcomer gets in",
  };
}

/** What is no introduction: it ends the connection. */
function bad(name: string, says: () => Bytes): Siege {
  return {
    name,
    async siege(arena) {
      const peer = await arena.roads.connect("listener");
      peer.say(says());
      await peer.hearAllBytes();
      peer.close();
    },
    promise: "the connection is closed",
  };
}

export const EVALUATING: Catalogue = {
  kind: "clients of a listener",
  about:
    "Whoever may evaluate may compute, in a process of its own, for a while; nobody else may.",
  victim: { doors: ["listener"], credential: SECRET },
  attacks: [
    strangers("100 strangers of another address that say nothing", utf8("")),
    strangers("100 strangers of another address with half a name", utf8('"ma')),
    bad("a name of 1 MiB", () => times(1_024 * 1_024, utf8("x"))),
    bad(
      "names without end, none of which is one",
      () => times(10_000, utf8("no name\n")),
    ),
    bad("a name that is not UTF-8", () => new Uint8Array([0xff, 0xfe, 10])),
    bad("a request of HTTP that evaluates", () =>
      utf8(
        'POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"mallory"\nDeno.exit()\n',
      )),
    bad(
      "a wrong credential",
      () => utf8('"mallory"\nwrong horse battery staple\n'),
    ),
    left(
      "a timer that goes on for ever",
      "setInterval(() => { globalThis.n = (globalThis.n ?? 0) + 1 }, 1); 0",
      "it ends with its session",
    ),
    left(
      "a loop in the background",
      "(async () => { for (;;) await 0 })(); 0",
      "it ends with its session",
    ),
    left(
      "20 MB of output in the background",
      "setTimeout(() => { for (let n = 0; n < 20; n++) console.log('x'.repeat(1e6)) }, 10); 0",
      "it ends with its session",
    ),
    ended(
      "memory without end",
      "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))",
      "the process ends at `memory`, and no other",
    ),
    ended(
      "an end of the process",
      "process.kill(process.pid, 'SIGKILL')",
      "the session goes on in a new one",
    ),
    {
      name: "100 MB of output that it does not read",
      async siege(arena) {
        const before = await arena.victim.ask.state(true);
        const peer = await session(arena);
        await peer.say(
          utf8("for (let n = 0; n < 100; n++) console.log('x'.repeat(1e6))\n"),
        );
        await arena.newcomer("listener");
        const { memory } = await arena.victim.ask.state(true);
        const held = memory - before.memory;
        if (held > 32 * 1024 * 1024) throw new Error(`${held} bytes are held`);
        peer.close();
      },
      promise: "it is held back, and what is held of it is bounded",
    },
    {
      name: "inputs without end, while one is evaluated",
      async siege(arena) {
        const before = await arena.victim.ask.state(true);
        const peer = await session(arena);
        await peer.say(utf8("await new Promise(() => {})\n"));
        peer.say(times(32, utf8(`${"1;".repeat(30_000)}\n`.repeat(16))));
        await arena.newcomer("listener");
        const { memory } = await arena.victim.ask.state(true);
        const held = memory - before.memory;
        if (held > 16 * 1024 * 1024) throw new Error(`${held} bytes are held`);
        peer.close();
        // Who does not read on sees nothing of it until the evaluation is over.
        await arena.pass(15_000);
      },
      promise: "`ahead` of them are read, and the rest waits",
    },
    {
      name: "12 sessions at a time",
      async siege(arena) {
        // Who shows the secret counts as a guess until it is read.
        const peers: HostilePeer[] = [];
        while (peers.length < 12) peers.push(await session(arena));
        await Promise.all(peers.map(async (peer) => {
          await peer.say(utf8("1 + 1\n"));
          await peer.hearUntil(utf8("2\n"));
        }));
        await arena.newcomer("listener");
        for (const peer of peers) peer.close();
      },
      promise: "nothing of them stays",
    },
  ],
};
