/**
 * Streams of lines: lines without end, lines that are none, and peers that
 * leave the program's output, or their own, lying.
 *
 * @module
 */

import type { Catalogue, Road } from "./_attack.ts";
import { type Bytes, times, utf8 } from "./_bytes.ts";
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

export const LINE_STREAMS: Catalogue = {
  kind: "streams of lines",
  about:
    "What nobody reads stays with its sender, and no line is longer than it may be.",
  victim: { doors: ["lines", "lines tls"] },
  over: LINES,
  attacks: [
    {
      name: "128 MiB to a function that does not read",
      async run(peer) {
        await peer.say(utf8("hold\n"));
        await pour(peer, times(128, utf8(`${"x".repeat(MIB - 1)}\n`)));
      },
      promise: "goes on",
      alive: () => Promise.resolve(),
      and: "what nobody reads is not taken",
      grows: 48,
    },
  ],
};
