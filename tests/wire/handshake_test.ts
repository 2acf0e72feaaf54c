/** The beginning of a wire: what can end it before it is open. */

import { assert, assertEquals } from "@std/assert";
import type { WireError } from "../../wire/base/errors.ts";
import type { WireLimits } from "../../wire/base/limits.ts";
import { anyPair } from "./_pair.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { framed, hello, RawPeer } from "../_raw_peer.ts";
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
      const reports: unknown[] = [];
      const peer = new RawPeer({
        clock,
        limits: { hello: 1_000 },
        confirm: () => gate.promise,
        onDeath: ({ code }) => deaths.push(code),
        onError: (error) => reports.push(error),
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
      assertEquals(reports, answer instanceof Error ? [answer] : []);
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

/** What a peer may have said when its time is up. */
const SAID:
  readonly (readonly [said: string, bytes: Uint8Array<ArrayBuffer>])[] = [
    ["nothing", new Uint8Array()],
    ["half a hello", framed(hello()).slice(0, 9)],
    ["a hello", framed(hello())],
  ];

for (const [said, bytes] of SAID) {
  for (const isServer of [false, true]) {
    // What says something else may be anything, and is told nothing by servers.
    const isTold = !isServer || said !== "half a hello";
    const side = isServer ? "a server's wire" : "a wire";
    const tells = isTold ? "tells" : "does not tell";
    test(`${side} whose peer has said ${said} in time ${tells} why it ends`, async () => {
      const clock = new FakeClock();
      const limits = { hello: 1_000 };
      await using peer = new RawPeer(
        { clock, limits },
        { peerFirst: isServer },
      );
      await peer.say(bytes);
      await settle();
      await clock.advance(1_000);
      assertEquals(peer.wire.ended?.code, "timeout");
      const heard = (await peer.hearAbort())?.code;
      assertEquals(heard, isTold ? "timeout" : undefined);
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

/** Frames so small that larger messages are cut, and may not be yet. */
const FRAMES: readonly [string, Partial<WireLimits>][] = [
  ["by default", {}],
  ["with frames that shrink", { helloFrame: 8_192, frame: 1_024 }],
  ["with frames that grow", { helloFrame: 4_096, frame: 9_000 }],
];

for (const [how, limits] of FRAMES) {
  test(`large answers wait for who decides, and calls meanwhile, ${how}`, async () => {
    const sizes = [100, 1_500, 5_000, 8_500, 20_000, 100_000];
    const asked: number[] = [];
    const [near, far] = anyPair({
      limits,
      // A decision that asks the peer, as for a challenge.
      async confirm(wire) {
        const ask = wire as unknown as typeof near;
        const values = sizes.map((size) => ask.remoteValue.bytes!(size));
        asked.push(await ask.remoteValue.bytes!(10).then(lengthOf));
        answers = Promise.all(values);
        return true;
      },
    }, {
      functions: {
        bytes: (size: number) => new Uint8Array(size),
        async *items(size: number) {
          for (let index = 0; index < 3; index++) yield new Uint8Array(size);
        },
      },
    });
    let answers: Promise<unknown[]> | undefined;
    await near.opened;
    assertEquals((await answers!).map(lengthOf), sizes);
    assertEquals(asked, [10]);
    await Promise.all([near.close(), far.close()]);
  });
}

test("a stream's large items wait for a consumer who decides", async () => {
  const gate = Promise.withResolvers<boolean>();
  const [near, far] = anyPair({ confirm: () => gate.promise }, {
    functions: {
      async *items() {
        for (let size = 1; size < 4; size++) yield "x".repeat(size * 20_000);
      },
    },
  });
  const stream = await near.remoteValue.items!() as AsyncIterable<string>;
  const lengths: number[] = [];
  const taken = (async () => {
    for await (const item of stream) lengths.push(item.length);
  })();
  await settle();
  assertEquals(lengths, []);
  gate.resolve(true);
  await taken;
  assertEquals(lengths, [20_000, 40_000, 60_000]);
  await Promise.all([near.close(), far.close()]);
});

test("large answers to who is gone before it has decided are let go", async () => {
  const [near, far] = anyPair({ confirm: () => new Promise(() => {}) }, {
    functions: { large: () => new Uint8Array(50_000) },
  });
  const call = near.remoteValue.large!().catch((error: WireError) => error);
  await settle();
  assert(far.stats().outputWaiting > 50_000, "it does not wait");
  near.abort();
  assertEquals((await call as WireError).sent, "maybeExecuted");
  await far.closed;
});

function lengthOf(bytes: unknown): number {
  return (bytes as Uint8Array).length;
}

for (const version of [0, 2, 255]) {
  test(`a peer that speaks version ${version} of the protocol is refused`, async () => {
    await using peer = new RawPeer();
    await peer.tell({ ...hello(), version } as ReturnType<typeof hello>);
    assertEquals((await peer.hearAbort())?.code, "unsupportedVersion");
    assertEquals(peer.wire.ended?.code, "unsupportedVersion");
  });
}

test("a peer announces no frame before its hello that is larger than that", async () => {
  await using peer = new RawPeer({ limits: { helloFrame: 4_096 } });
  // The length alone is enough.
  await peer.say(new Uint8Array([0, 0, 0x10, 1]));
  await peer.hearOut();
  assertEquals(peer.wire.ended?.code, "notAWire");
});
