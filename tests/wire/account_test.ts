/** The account of all that the wires of a server hold. */

import { assert, assertEquals } from "@std/assert";
import type { WireError } from "../../wire/base/errors.ts";
import {
  Account,
  type AccountEntry,
  type Holder,
  Memory,
  SharedMemory,
} from "../../wire/base/limits.ts";
import { PIECE } from "../../wire/codec/frames.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { call, frame, Raw, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** Something that holds as much as a test says. */
class Pretender implements Holder {
  /** How much of what it holds is only kept to be used again. */
  spare = 0;
  ended: WireError | undefined;
  readonly #entry: AccountEntry;

  constructor(account: Account, public holds = 0) {
    this.#entry = account.enter(this);
  }

  total(): number {
    return this.holds + this.spare;
  }

  trim(): void {
    this.spare = 0;
  }

  end(reason: WireError): void {
    this.ended = reason;
    this.holds = 0;
    this.#entry.end();
  }

  /** Holds so much from now on, and tells. */
  async hold(bytes: number): Promise<void> {
    this.holds = bytes;
    this.#entry.tell();
    await settle();
  }

  /** Whether it may be read on by now. */
  reads(): { isDone: boolean } {
    const state = { isDone: true };
    const pause = this.#entry.pause();
    if (pause === undefined) return state;
    state.isDone = false;
    pause.then(() => state.isDone = true);
    return state;
  }

  leave(): void {
    this.#entry.leave();
  }
}

function accountOf(most = 1_000) {
  const clock = new FakeClock();
  const told: string[] = [];
  const account = new Account(most, clock, ({ code }) => told.push(code));
  return { account, clock, told };
}

test("Account counts what wires hold until they leave", async () => {
  const { account } = accountOf();
  const one = new Pretender(account, 10);
  const other = new Pretender(account);
  assertEquals(account.held, 10);
  await one.hold(100);
  await other.hold(300);
  assertEquals(account.held, 400);
  await other.hold(50);
  assertEquals(account.held, 150);
  one.leave();
  assertEquals(account.held, 50);
  await one.hold(1_000);
  one.leave();
  assertEquals(account.held, 50);
});

test("beyond what all may hold the heaviest wire ends, and no other", async () => {
  const { account, told } = accountOf();
  const heavy = new Pretender(account, 600);
  const middle = new Pretender(account, 300);
  const light = new Pretender(account);
  await light.hold(100);
  assertEquals(told, []);
  await light.hold(101);
  assertEquals(heavy.ended?.code, "busy");
  const text = `${heavy.ended?.message}`;
  for (const part of ["600 bytes", "1001 of 1000", '"serverTotal"']) {
    assert(text.includes(part), text);
  }
  assertEquals([middle.ended, light.ended], [undefined, undefined]);
  assertEquals(account.held, 401);
  assertEquals(told, ["busy"]);
});

test("as many wires end as hold too much, the heaviest first", async () => {
  const { account } = accountOf();
  const wires = [300, 280, 240, 170].map((most) =>
    new Pretender(account, most)
  );
  wires[3]!.holds = 500;
  await wires[2]!.hold(260);
  assertEquals(wires.map(({ ended }) => ended !== undefined), [
    ...[false, false, false],
    true,
  ]);
  wires[2]!.holds = 500;
  await wires[0]!.hold(500);
  assertEquals(wires.map(({ ended }) => ended !== undefined), [
    ...[true, false],
    ...[false, true],
  ]);
  assertEquals(account.held, 780);
});

test("a wire that holds less than it has told is not taken for heavy", async () => {
  const { account, told } = accountOf();
  const past = new Pretender(account, 900);
  const other = new Pretender(account);
  past.holds = 0;
  other.spare = 100;
  await other.hold(500);
  assertEquals([past.ended, other.ended], [undefined, undefined]);
  assertEquals(account.held, 600);
  // Nor does anybody release anything for it.
  assertEquals(other.spare, 100);
  assertEquals(told, []);
});

test("what wires keep to use it again is released before one ends", async () => {
  const { account, told } = accountOf();
  const keeping = new Pretender(account);
  keeping.spare = 500;
  await keeping.hold(300);
  assertEquals(keeping.spare, 500);
  const other = new Pretender(account);
  await other.hold(400);
  assertEquals(keeping.spare, 0);
  assertEquals(account.held, 700);
  assertEquals(told, []);
});

test("one wire may hold more while the others hold less than a quarter", async () => {
  const { account, told } = accountOf();
  const alone = new Pretender(account);
  const other = new Pretender(account, 249);
  await alone.hold(5_000);
  assertEquals(alone.reads(), { isDone: true });
  assertEquals(told, []);
  await other.hold(250);
  assertEquals(alone.ended?.code, "busy");
  assertEquals(other.ended, undefined);
});

test("a wire that ends is counted until it has left, and does not end again", async () => {
  const { account, told } = accountOf();
  const wires = Array.from({ length: 4 }, () => new Pretender(account));
  const slow = wires[0]!;
  slow.end = function (reason) {
    // It has that much left to say.
    Pretender.prototype.end.call(this, reason);
    this.holds = 500;
  };
  for (const wire of wires.slice(1)) await wire.hold(200);
  await slow.hold(600);
  assertEquals(told, ["busy", "busy"]);
  assertEquals(account.held, 900);
  await wires[3]!.hold(350);
  assertEquals(told, ["busy", "busy", "busy"]);
  assertEquals(wires[3]!.ended?.code, "busy");
  slow.leave();
  assertEquals(account.held, 200);
});

test("near the end a wire waits that holds more than the average", async () => {
  const { account, clock } = accountOf();
  const heavy = new Pretender(account, 400);
  const light = new Pretender(account, 150);
  const other = new Pretender(account, 200);
  assertEquals(heavy.reads(), { isDone: true });
  await other.hold(201);
  const reading = heavy.reads();
  assertEquals(reading.isDone, false);
  assertEquals([light.reads(), other.reads()], [
    { isDone: true },
    { isDone: true },
  ]);
  assertEquals(clock.timers, 1);
  // What is held no more is found out soon.
  other.holds = 100;
  await clock.advance(49);
  assertEquals(reading.isDone, false);
  await clock.advance(1);
  assertEquals(reading.isDone, true);
  assertEquals(clock.timers, 0);
});

test("a wire that waits is read on after a second all the same", async () => {
  const { account, clock } = accountOf();
  const heavy = new Pretender(account, 500);
  new Pretender(account, 300);
  const reading = heavy.reads();
  await clock.advance(999);
  assertEquals(reading.isDone, false);
  await clock.advance(1);
  assertEquals(reading.isDone, true);
  assertEquals(heavy.reads().isDone, false);
});

test("a wire that ends or leaves while it waits goes on, and leaves no timer", async () => {
  const { account, clock } = accountOf();
  const one = new Pretender(account, 400);
  const other = new Pretender(account, 401);
  new Pretender(account, 10);
  const readings = [one.reads(), other.reads()];
  await settle();
  assertEquals(readings.map(({ isDone }) => isDone), [false, false]);
  one.leave();
  await settle();
  assertEquals(readings.map(({ isDone }) => isDone), [true, false]);
  await other.hold(1_000);
  assertEquals(readings[1], { isDone: false });
  other.end({ code: "busy" } as WireError);
  await settle();
  assertEquals(readings[1], { isDone: true });
  assertEquals(clock.timers, 0);
});

test("Memory.room() is no more than the account has left, but for a wire's share", async () => {
  const { account } = accountOf(1_000_000);
  const shared = new SharedMemory(1_000_000, 10, account);
  const memory = new Memory(1_000_000, shared);
  const holder = { total: () => memory.held, trim() {}, end() {} };
  memory.enter(holder);
  const other = new Pretender(account, 600_000);
  assertEquals(memory.room(0), 400_000);
  await other.hold(950_000);
  assertEquals(memory.room(0), 100_000);
  // Where the others hold little, its own limit is all there is.
  await other.hold(100_000);
  memory.hold(850_000);
  memory.tell();
  assertEquals(memory.room(0), 150_000);
  memory.leave();
  assertEquals(account.held, 100_000);
});

/** A wire in an account, and its peer. */
class Counted extends RawPeer {
  readonly account: Account;

  constructor() {
    const account = new Account(1e9, new FakeClock());
    const functions = {
      hold: () => new Promise(() => {}),
      give: (size: number) => new Uint8Array(size),
      async giveLater(size: number) {
        await new Promise((resolve) => setTimeout(resolve));
        return new Uint8Array(size);
      },
      make: () => Array.from({ length: 100 }, () => () => {}),
    };
    const sharedMemory = new SharedMemory(1e9, 1, account);
    super({ functions }, { sharedMemory });
    this.account = account;
  }
}

/** Pieces of a message of so many bytes, without its last. */
function pieces(size: number): Uint8Array<ArrayBuffer> {
  const all: number[] = [];
  const varint = [size & 0x7f | 0x80, size >> 7 & 0x7f | 0x80, size >> 14];
  const part = 40_000;
  for (let at = 0; at + part < size; at += part) {
    const head = [KIND.piece, 7, PIECE.part, ...at === 0 ? varint : []];
    all.push(...frame(...head, ...new Uint8Array(part)));
  }
  return new Uint8Array(all);
}

const TEXT = "x".repeat(10_000);
const SIZE = 100_000;

/** What came by reference stays as long as a program has it. */
const KEPT: unknown[] = [];

/** What a peer says, or has said to it, that is held. */
const WAYS: Record<string, (peer: Counted) => Promise<void>> = {
  "calls that run": async (peer) => {
    for (let id = 0; id < 10; id++) await peer.tell(call(id, "hold", TEXT));
  },
  "small calls": async (peer) => {
    for (let id = 0; id < 100; id++) await peer.tell(call(id, "hold"));
  },
  "one-way calls that run": async (peer) => {
    for (let id = 0; id < 10; id++) await peer.tell(send("hold", TEXT));
  },
  "messages that nobody takes": async (peer) => {
    for (let id = 0; id < 10; id++) {
      await peer.tell({ kind: "message", value: TEXT });
    }
  },
  "values that take much": (peer) =>
    peer.tell(call(1, "hold", Array.from({ length: 700 }, () => new Map()))),
  "pieces of a message": (peer) => peer.say(pieces(150_000)),
  "a part of a frame": (peer) => {
    const bytes = frame(0x10, ...new Uint8Array(SIZE / 2 + 100));
    return peer.say(bytes.subarray(0, SIZE / 2));
  },
  "items that nobody takes": async (peer) => {
    const ids = Array.from({ length: 10 }, (_, id) => id);
    const streams = ids.map((id) => new Raw({ as: "stream", id }));
    await peer.tell(call(1, "hold", ...streams));
    for (const id of ids) {
      await peer.tell({ kind: "streamValue", id, value: TEXT });
    }
  },
  "references to its own": (peer) => peer.tell(call(1, "make")),
  "references to the peer's": async (peer) => {
    const taken = peer.wire.getObject();
    const objects = Array.from(
      { length: 100 },
      (_, slot) => new Raw({ as: "object", slot, nonce: 1, isFunction: true }),
    );
    await peer.tell({ kind: "message", value: objects });
    KEPT.push(await taken);
  },
  "names that the peer defines": async (peer) => {
    for (let id = 0; id < 60; id++) await peer.tell(call(id, `missing${id}`));
  },
  "answers that nobody reads": (peer) => peer.tell(call(1, "give", SIZE)),
  "an answer that comes later": (peer) => peer.tell(call(1, "giveLater", SIZE)),
  "calls that wait to be sent": async (peer) => {
    for (let n = 0; n < 11; n++) {
      peer.wire.remoteValue.work!(TEXT).catch(() => {});
    }
    await settle();
  },
};

/** Most of what they say is a hundred thousand bytes. */
const LEAST: Record<string, number> = {
  "a part of a frame": SIZE / 2,
  // A dozen run, until it is known how large their answers are.
  "small calls": SIZE / 4,
};

for (const [name, say] of Object.entries(WAYS)) {
  test(`a wire tells its account of ${name}`, async () => {
    const peer = new Counted();
    await peer.open({ calls: 1 });
    await settle();
    const { account } = peer;
    const before = account.held;
    assert(before < 20_000, `${before}`);
    await say(peer);
    const least = LEAST[name] ?? SIZE;
    // The wire takes what came in turns.
    for (let n = 0; n < 1_000 && account.held - before < least; n++) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert(account.held - before >= least, `${account.held - before}`);
    peer.close();
    await peer.wire.closed;
    assertEquals(account.held, 0);
  });
}

test("a wire that is not open yet tells its account of what came of a hello", async () => {
  await using peer = new Counted();
  await settle();
  const before = peer.account.held;
  const bytes = frame(KIND.hello, ...new Uint8Array(16_000));
  await peer.say(bytes.subarray(0, 8_000));
  for (let n = 0; n < 1_000 && peer.account.held - before < 8_000; n++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert(peer.account.held - before >= 8_000, `${peer.account.held}`);
});
