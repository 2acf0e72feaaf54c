/**
 * Streams of lines: lines without end, lines that are none, and peers that
 * leave the program's output, or their own, lying.
 *
 * @module
 */

import type { Arena } from "./_arena.ts";
import type { Attack, Catalogue, Road, Siege } from "./_attack.ts";
import { type Bytes, join, times, utf8 } from "./_bytes.ts";
import { doorOf } from "./_roads.ts";
import type { HostilePeer } from "./_peer.ts";

const MIB = 1024 * 1024;
const LINES: readonly Road[] = ["lines", "lines tls"];

/** So often nothing more is taken: then it is taken for stuck. */
const STILL = 20;
const LOOK = 10;

/** Says much; resolves when all is said, or nothing more is taken. */
async function pour(peer: HostilePeer, bytes: Bytes): Promise<void> {
  let isOver = false;
  const end = () => isOver = true;
  peer.say(bytes).then(end, end);
  let before = -1;
  for (let still = 0; still < STILL && !isOver; still++) {
    if (peer.said !== before) still = 0;
    before = peer.said;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/** Lines of 1,000 bytes, a mebibyte of them. */
const MUCH = times(1_049, utf8(`${"x".repeat(999)}\n`));

/** Whoever does not read shows nothing. */
const mute = () => Promise.resolve();

/** What spoils a stream: it ends, and its function has failed. */
function bad(
  name: string,
  lured: "limit" | "malformed",
  says: () => Bytes,
): Attack[] {
  return [
    { name, says, promise: "closes" },
    {
      name: `${name}, to a client`,
      says,
      promise: "closes",
      over: ["client lines"],
      lured,
    },
  ];
}

/** One connection after the other, each of which does the same. */
function many(
  name: string,
  count: number,
  each: (peer: HostilePeer) => Promise<unknown>,
): Siege {
  return {
    name: `${count} connections, one after the other: ${name}`,
    async siege(arena) {
      for (let n = 0; n < count; n++) {
        const peer = await arena.roads.connect(LINES[n % LINES.length]!);
        await each(peer);
        peer.close();
      }
    },
    promise: "nothing of them stays",
  };
}

/** Lets time pass until a victim has closed what it has to close. */
async function untilFew(arena: Arena, descriptors: number): Promise<void> {
  while ((await arena.victim.ask.state(false)).descriptors > descriptors) {
    await arena.pass(1_000);
  }
}

/** What it asks for is not read, and what is asked is over. */
function unread(name: string, says: Bytes): Siege {
  return {
    name,
    async siege(arena) {
      const { descriptors } = await arena.victim.ask.state(false);
      const peers: HostilePeer[] = [];
      for (const road of LINES) {
        const peer = await arena.roads.connect(road);
        await peer.say(says);
        peers.push(peer);
        await arena.newcomer(doorOf(road)!);
      }
      await untilFew(arena, descriptors);
      for (const peer of peers) peer.close();
    },
    promise: "it is closed when `closeTimeout` is up, whatever its peer does",
  };
}

export const LINE_STREAMS: Catalogue = {
  kind: "streams of lines",
  about:
    "What nobody reads stays with its sender, and no line is longer than it may be.",
  victim: { doors: ["lines", "lines tls"] },
  over: LINES,
  async alive(peer) {
    await peer.say(utf8("alive?\n"));
    await peer.hearUntil(utf8("alive?\n"));
  },
  attacks: [
    {
      name: "128 MiB to a function that does not read",
      async run(peer) {
        await peer.say(utf8("hold\n"));
        await pour(peer, times(128, utf8(`${"x".repeat(MIB - 1)}\n`)));
      },
      promise: "goes on",
      alive: mute,
      and: "what nobody reads is not taken",
      grows: 48,
    },
    {
      name: "64 MiB of lines whose answers it does not read",
      // A client of Deno's TLS stays until what it has written is taken.
      over: ["lines"],
      run: (peer) => pour(peer, times(64, MUCH)),
      promise: "goes on",
      alive: mute,
      and: "a function that waits for room reads no further",
      grows: 32,
    },
    {
      name: "lines that ask for 50 MB, which is written without waiting",
      run: (peer) => pour(peer, times(10, utf8("print 5000\n"))),
      promise: "goes on",
      alive: mute,
      and: "what is beyond `maxOutput` is not held",
      holds: 2,
    },
    ...bad("a line of 16 MiB", "limit", () => times(16, utf8("x".repeat(MIB)))),
    ...bad(
      "one byte more than a line may have",
      "limit",
      () => utf8(`${"x".repeat(65_537)}\n`),
    ),
    ...bad(
      "a line that is not UTF-8",
      "malformed",
      () => new Uint8Array([97, 0xff, 0xfe, 10]),
    ),
    ...bad(
      "a surrogate, as UTF-8",
      "malformed",
      () => new Uint8Array([0xed, 0xa0, 0x80, 10]),
    ),
    ...bad(
      "half a character, and the end of the line",
      "malformed",
      () => new Uint8Array([0xe2, 0x82, 10]),
    ),
    {
      name: "a line as long as it may be",
      says: () => utf8(`${"x".repeat(65_536)}\r\n`),
      run: (peer) => peer.hearUntil(utf8("xxx\n")),
      promise: "goes on",
    },
    {
      name: "100,000 lines of nothing",
      async run(peer) {
        const said = peer.say(join(utf8("\n".repeat(100_000)), utf8("end\n")));
        await peer.hearUntil(utf8("\nend\n"));
        await said;
      },
      promise: "goes on",
    },
    {
      name: "NULs, carriage returns and escapes, as lines",
      says: () => utf8("\0\r\0\x1b[2J\r\n\r\r\n"),
      run: (peer) => peer.hearUntil(utf8("\r\n")),
      promise: "goes on",
    },
    {
      name: "1,000 lines in one-byte writes",
      async run(peer) {
        for (const byte of utf8("ab\n".repeat(1_000))) {
          await peer.say(new Uint8Array([byte]));
        }
      },
      promise: "goes on",
    },
    {
      name: "a line that is begun, and not finished",
      says: () => utf8("beg"),
      promise: "goes on",
      async alive(peer) {
        await peer.say(utf8("un\n"));
        await peer.hearUntil(utf8("begun\n"));
      },
      and: "it is held as far as it has come",
    },
    {
      name: "half a line, and the end of its direction",
      says: () => utf8("half"),
      run: (peer) => peer.end(),
      promise: "closes",
      and: "a line without its end is a line",
    },
    {
      name: "the end of its direction at once",
      run: (peer) => peer.end(),
      promise: "closes",
    },
    {
      name: "64 MiB behind a function that is over",
      says: () => utf8("leave\n"),
      run: (peer) => pour(peer, times(64, MUCH)),
      promise: "closes",
      reads: false,
      grows: 32,
    },
    {
      name: "64 MiB behind a function that has failed",
      says: () => utf8("fail\n"),
      run: (peer) => pour(peer, times(64, MUCH)),
      promise: "closes",
      reads: false,
      grows: 32,
    },
    unread(
      "900 KB that it asked for and does not read, from a function that is over",
      utf8("print 900\nleave\n"),
    ),
    unread(
      "900 KB that it asked for and does not read, from one that has failed",
      utf8("print 900\nfail\n"),
    ),
    many(
      "a line, and closed before its answer",
      200,
      (peer) => peer.say(utf8("hello\n")),
    ),
    many("half a line, and closed", 200, (peer) => peer.say(utf8("hel"))),
    many("a function that fails", 100, async (peer) => {
      await peer.say(utf8("fail at once\n"));
      await peer.hearAllBytes();
    }),
  ],
};
