/** The beginning of a wire: what can end it before it is open. */

import { assertEquals } from "@std/assert";
import { FakeClock, settle } from "../_fake_clock.ts";
import { hello, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** Ways for a wire to die while its peer is being judged. */
const DEATHS: Record<
  string,
  (peer: RawPeer, clock: FakeClock) => Promise<void>
> = {
  "its peer goes": (peer) => peer.end(),
  "it is aborted": async (peer) => {
    peer.wire.abort("enough");
    await settle();
  },
  "its peer aborts": (peer) =>
    peer.tell({ kind: "abort", code: "aborted", message: "no" }),
  "its time is up": (_peer, clock) => clock.advance(1_000),
};

for (const [how, die] of Object.entries(DEATHS)) {
  for (const answer of [true, false, new Error("undecided")]) {
    test(`a decision of ${answer} that comes after ${how} changes nothing`, async () => {
      const clock = new FakeClock();
      const gate = Promise.withResolvers<boolean>();
      const deaths: string[] = [];
      const peer = new RawPeer({
        clock,
        limits: { hello: 1_000 },
        confirm: () => gate.promise,
        onDeath: ({ code }) => deaths.push(code),
      });
      const opened = peer.wire.opened.then(() => "open", () => "failed");
      await peer.tell(hello(), { kind: "accept" });
      await die(peer, clock);
      await settle();
      const { ended } = peer.wire;
      assertEquals(deaths.length, 1);
      if (answer instanceof Error) gate.reject(answer);
      else gate.resolve(answer);
      await settle();
      assertEquals([peer.wire.ended, await opened], [ended, "failed"]);
      assertEquals(deaths.length, 1);
      // Nobody hears that this side accepts, or why it ends, twice.
      const heard: string[] = [];
      const hearing = (async () => {
        for (;;) {
          const message = await peer.hear("accept", "abort");
          if (message === undefined) return;
          heard.push(message.kind);
        }
      })();
      await peer.end();
      await clock.advance(2_000);
      await hearing;
      assertEquals(heard.filter((kind) => kind === "accept"), []);
      await peer[Symbol.asyncDispose]();
      assertEquals(clock.timers, 0);
    });
  }
}

/** Secrets that are not "s3cret", though they may look like it. */
const OTHERS = [
  "",
  "s3cre",
  "s3cret\0",
  "s3cret\0\0",
  "\0s3cret",
  "s3cres",
  "t3cret",
  "S3CRET",
  "s3cret ",
];

test("only the very credential is let in", async () => {
  for (const credential of [...OTHERS, "s3cret"]) {
    await using peer = new RawPeer({ requireCredential: "s3cret" });
    await peer.tell({ ...hello(), credential } as ReturnType<typeof hello>);
    const heard = await peer.hear("accept", "abort");
    const isRight = credential === "s3cret";
    assertEquals(
      heard?.kind,
      isRight ? "accept" : "abort",
      JSON.stringify(credential),
    );
    if (!isRight) assertEquals(peer.wire.ended?.code, "refused");
  }
});

test("a credential with NULs is a secret of its own", async () => {
  for (const credential of ["a\0", "a", "a\0\0"]) {
    await using peer = new RawPeer({ requireCredential: "a\0" });
    await peer.tell({ ...hello(), credential } as ReturnType<typeof hello>);
    const heard = await peer.hear("accept", "abort");
    assertEquals(heard?.kind, credential === "a\0" ? "accept" : "abort");
  }
});
