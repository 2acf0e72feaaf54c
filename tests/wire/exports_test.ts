/** Objects that a peer knows of: hard to guess, and gone when forgotten. */

import { assert, assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  type RemoteObject,
  type WireError,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { call, type Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { anyPair } from "./_pair.ts";

test("no nonce comes a second time, however many objects pass", async () => {
  await using peer = new RawPeer({
    functions: {
      give: (count: number) => Array.from({ length: count }, () => () => {}),
    },
  });
  await peer.open();
  const nonces: number[] = [];
  // Many at once, and one after the other in the same place.
  for (const count of [1, 62, 1, 1, 1, 63, 64, 65, 128, 500]) {
    await peer.tell(call(0, "give", count));
    const given = (await peer.hear("return"))?.value as Raw[];
    for (const { passed } of given) {
      const { slot, nonce } = passed as { slot: number; nonce: number };
      nonces.push(nonce);
      await peer.tell({ kind: "release", slot, nonce, count: 1 });
    }
  }
  await settle();
  assertEquals(peer.wire.stats().objectsExported, 0);
  // 32 random bits each: two of 886 are the same once in ten thousand runs.
  assert(new Set(nonces).size >= nonces.length - 1);
  assertEquals(nonces.slice(0, 64).includes(0), false);
});

interface Made {
  add(n: number): number;
}

test("forgetRemoteTranslation() forgets what makeRemoteObject() made", async () => {
  for (const by of ["object", "reference", "another reference", "function"]) {
    const object = { add: (n: number) => n + 1 };
    const made = by === "function" ? object.add : makeRemoteObject(object);
    const [near, far] = anyPair({ onError() {} }, {
      onError() {},
      functions: { give: () => made },
    });
    const given = await near.remoteValue.give() as unknown as RemoteObject<
      Made
    >;
    const add = () =>
      by === "function"
        ? (given as unknown as Made["add"])(1)
        : given.remoteValue.add(1);
    assertEquals(await add(), 2);
    const { signal } = given;
    far.forgetRemoteTranslation(
      by === "object" || by === "function"
        ? (by === "object" ? object : object.add)
        : by === "reference"
        ? made
        : makeRemoteObject(object),
    );
    const error = await Promise.resolve(add())
      .catch((error: WireError) => error) as WireError;
    assert(
      ["noSuchObject", "released", "forgotten"].includes(error.code),
      `${by}: ${error.code}`,
    );
    await near.ping();
    assertEquals(signal.aborted, true, by);
    // Sent again, it is another one.
    const again = await near.remoteValue.give() as unknown as RemoteObject<
      Made
    >;
    const sum = by === "function"
      ? await (again as unknown as Made["add"])(1)
      : await again.remoteValue.add(1);
    assertEquals(sum, 2);
    near.abort();
    await Promise.all([near.closed, far.closed]);
  }
});

test("a forgotten object's place is not another's until it is released", async () => {
  const objects = [() => 1, () => 2, () => 3];
  await using peer = new RawPeer({
    functions: { give: (n: number) => objects[n]! },
  });
  await peer.open();
  const give = async (n: number) => {
    await peer.tell(call(0, "give", n));
    const { passed } = (await peer.hear("return"))?.value as Raw;
    return passed as { slot: number; nonce: number };
  };
  const first = await give(0);
  peer.wire.forgetRemoteTranslation(objects[0]!);
  await peer.hear("forget");
  const second = await give(1);
  assert(second.slot !== first.slot);
  await peer.tell({ kind: "release", ...first, count: 1 });
  await settle();
  const third = await give(2);
  assertEquals(third.slot, first.slot);
  assert(third.nonce !== first.nonce);
  await peer.tell(
    { kind: "release", ...second, count: 1 },
    { kind: "release", ...third, count: 1 },
  );
  await settle();
  assertEquals(peer.wire.ended, undefined);
  assertEquals(peer.wire.stats().objectsExported, 0);
});

/** A peer to which a wire passes one object as often as it asks. */
async function peerGiven(given: object) {
  const peer = new RawPeer({ functions: { give: () => given } });
  await peer.open();
  const give = async () => {
    await peer.tell(call(0, "give"));
    const { passed } = (await peer.hear("return"))?.value as Raw;
    const { slot, nonce } = passed as { slot: number; nonce: number };
    return { slot, nonce };
  };
  return { peer, give };
}

test("a release of what was forgotten leaves a later export alone", async () => {
  const object = () => {};
  const { peer, give } = await peerGiven(object);
  await using _ = peer;
  const first = await give();
  peer.wire.forgetRemoteTranslation(object);
  const second = await give();
  await peer.tell({ kind: "release", ...first, count: 1 });
  assertEquals(await give(), second);
  assertEquals(peer.wire.stats().objectsExported, 1);
});

test("onRelease is not called for what its owner has forgotten", async () => {
  let released = 0;
  const object = {};
  const onRelease = () => void released++;
  const { peer, give } = await peerGiven(
    makeRemoteObject(object, { onRelease }),
  );
  await using _ = peer;
  const forgotten = await give();
  peer.wire.forgetRemoteTranslation(object);
  const held = await give();
  await peer.tell({ kind: "release", ...forgotten, count: 1 });
  await settle();
  assertEquals(released, 0);
  await peer.tell({ kind: "release", ...held, count: 1 });
  await settle();
  assertEquals(released, 1);
});

test("objects that were released make room for those that wait to be sent", async () => {
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({ onError() {} }, {
    limits: { calls: 1, objects: 1 },
    functions: {
      block: () => new Promise<void>((resolve) => gates.push(resolve)),
      take: (given: Disposable) => given[Symbol.dispose](),
    },
  });
  await near.opened;
  for (let round = 0; round < 4; round++) {
    const blocked = near.remoteValue.block();
    const waits = near.remoteValue.take(() => {});
    await settle();
    gates.shift()!();
    await Promise.all([blocked, waits]);
    await settle();
    assertEquals(near.stats().objectsExported, 0, `round ${round}`);
  }
  await near.close();
  await far.closed;
});

test("a release overtakes neither what waits nor what leaves in pieces", async () => {
  for (const size of [1, 1_000_000]) {
    const gates: (() => void)[] = [];
    const used: number[] = [];
    const [near, far] = anyPair({ onError() {} }, {
      limits: { window: size === 1 ? 1 : 2_000_000, frame: 1_024 },
      functions: {
        give: () => makeRemoteObject({ n: 7 }),
        wait: () => new Promise<void>((resolve) => gates.push(resolve)),
        use: (given: { n: number }) => void used.push(given.n),
      },
    });
    const given = await near.remoteValue.give() as unknown as Disposable;
    if (size === 1) near.remote.wait();
    near.remote.use(given, new Uint8Array(size));
    given[Symbol.dispose]();
    await settle();
    for (const open of gates) open();
    await near.forceOutput();
    await near.ping();
    assertEquals(used, [7], `${size}`);
    assertEquals(far.stats().objectsExported, 0);
    await near.close();
    await far.closed;
  }
});
