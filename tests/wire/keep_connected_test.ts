import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WireError, type WireErrorCode } from "../../wire/mod.ts";
import {
  keepConnected,
  type KeepConnectedOptions,
  type KeptConnection,
} from "../../wire/reconnect/keep_connected.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate, lost, nobody, Place } from "./_keeping.ts";

test("keepConnected() connects, and tells of each wire before calls leave", async () => {
  const seen: string[] = [];
  await using place = new Place({
    async onConnected(wire, { connection, attempt, waiting }) {
      seen.push(`${connection} ${attempt} ${waiting} ${place.kept.state}`);
      await wire.remoteValue.note("first");
    },
  });
  const { kept } = place;
  assertEquals([kept.state, kept.wire], ["connecting", undefined]);
  const sum = kept.remoteValue.add(40, 2);
  await kept.opened;
  assertEquals(await sum, 42);
  assertEquals(kept.state, "connected");
  assertEquals(seen, ["1 1 1 connecting"]);
  assertEquals(place.heard, ["note(first)", "add(40,2)"]);
});

test("keepConnected() connects again, and tells each time", async () => {
  await using place = new Place({}, {
    answer: (attempt) => attempt === 2 ? nobody() : undefined,
  });
  const { kept } = place;
  await settle();
  await place.advance(10_000);
  await place.die();
  assertEquals([kept.state, kept.wire, kept.ended], [
    "waiting",
    undefined,
    undefined,
  ]);
  const sum = kept.remoteValue.add(1, 1);
  await place.advance(49);
  assertEquals(place.attempts.length, 1);
  await place.advance(1 + 50);
  assertEquals(await sum, 2);
  assertEquals(place.told, [
    "connected 1/1 (0)",
    "lost connectionLost: 0, 50 (0)",
    "failed connectionRefused: 1, 50 (1)",
    "connected 2/2 (1)",
  ]);
  assertEquals(kept.stats(), {
    attempts: 3,
    connections: 2,
    moved: 0,
    repeated: 0,
    waiting: 0,
  });
});

test("keepConnected() connects again when the peer closes", async () => {
  await using place = new Place();
  await settle();
  await place.far[0]!.close();
  await place.advance(50);
  assertEquals(await place.kept.remoteValue.add(1, 2), 3);
  assertEquals(place.told[1], "lost closed: 1, 50 (0)");
});

test("keepConnected() waits longer each time, up to the most", async () => {
  await using place = new Place({
    backoff: { least: 10, most: 100, factor: 3 },
    random: () => 0.9,
  }, { answer: nobody });
  await place.advance(400);
  assertEquals(
    place.told.map((line) => line.split(", ")[1]),
    ["9 (0)", "27 (0)", "81 (0)", "90 (0)", "90 (0)", "90 (0)", "90 (0)"],
  );
  assertEquals(place.attempts, [1, 2, 3, 4, 5, 6, 7]);
});

test("keepConnected() ends where its random numbers are none", async () => {
  for (const share of [NaN, -0.5, 1.5, "0.5", undefined]) {
    await using place = new Place({ random: () => share as number }, {
      answer: nobody,
    });
    await place.advance(1_000);
    assertEquals(place.attempts, [1]);
    assertEquals(place.kept.ended?.code, "invalidArgument");
  }
});

test("keepConnected() asks a server that accepts and dies no faster", async () => {
  await using place: Place = new Place({
    async onConnected() {
      await undefined;
      // Once it is connected, the peer dies.
      place.kept.remote.note("x").then(() => place.kept.wire!.abort(lost()));
    },
  });
  await place.advance(600_000);
  // After 50 + 100 + … + 12,800 = 25,550 ms, one each 15 s.
  const expected = 10 + Math.floor((600_000 - 25_550) / 15_000);
  const { attempts, connections } = place.kept.stats();
  assertEquals([attempts, connections], [expected, expected]);
});

test("keepConnected() begins anew only after a healthy connection", async () => {
  await using place = new Place({ backoff: { healthy: 1_000 } }, {
    answer: (attempt) => attempt <= 3 ? nobody() : undefined,
  });
  await place.advance(350);
  await place.advance(999);
  await place.die();
  await place.advance(400);
  await place.advance(1_000);
  await place.die();
  assertEquals(place.told.slice(3), [
    "connected 1/4 (0)",
    "lost connectionLost: 4, 400 (0)",
    "connected 2/5 (0)",
    "lost connectionLost: 0, 50 (0)",
  ]);
});

test("keepConnected() gives up after that many attempts", async () => {
  const deaths: WireError[] = [];
  await using place = new Place(
    { attempts: 3, onDeath: (reason) => deaths.push(reason) },
    { answer: nobody },
  );
  const { kept } = place;
  const call = assertRejects(() => kept.remoteValue.add(1, 2));
  await place.advance(1_000);
  const reason = await kept.closed;
  assertEquals(reason.code, "connectionRefused");
  assertEquals(
    reason.message,
    "Gave up after 3 attempts in a row: Nobody listens.",
  );
  assertEquals(deaths, [reason]);
  assertEquals([kept.ended, kept.signal.reason], [reason, reason]);
  assertEquals(kept.state, "closed");
  const error = await call as WireError;
  assertEquals([error.code, error.sent], ["connectionRefused", "notSent"]);
  assertEquals(error.cause, reason);
  assertEquals(
    await fate(kept.remoteValue.add(1, 2)),
    "connectionRefused notSent",
  );
  assertEquals(await assertRejects(() => kept.opened), reason);
  assertEquals(place.told.at(-1), "failed connectionRefused: 3, undefined (1)");
});

test("keepConnected() gives up sooner where it has never been connected", async () => {
  {
    await using place = new Place({ openAttempts: 1 }, { answer: nobody });
    await place.advance(1_000);
    assertEquals(
      place.kept.ended?.message,
      "Gave up after 1 attempt: Nobody listens.",
    );
  }
  // The second and the fifth lead to a wire.
  let made = 0;
  await using place = new Place({ openAttempts: 2, attempts: 5 }, {
    answer: () => ++made % 3 === 2 ? undefined : nobody(),
  });
  await place.advance(200);
  assertEquals(place.kept.state, "connected");
  await place.die();
  await place.advance(2_000);
  assertEquals(place.kept.ended, undefined);
  assertEquals(place.kept.stats().connections, 2);
});

test("keepConnected() counts what failed before the first connection by itself", async () => {
  let made = 0;
  await using place = new Place({ openAttempts: 9, attempts: 2 }, {
    answer: () => ++made === 5 ? undefined : nobody(),
  });
  await place.advance(3_000);
  assertEquals(place.kept.state, "connected");
  await place.die();
  assertEquals(place.kept.ended, undefined);
  await place.advance(1_000);
  assertEquals(
    place.kept.ended?.message,
    "Gave up after 2 attempts in a row: Nobody listens.",
  );
  assertEquals(place.attempts.length, 6);
});

test("keepConnected() knows which failures are final", async () => {
  const cases: [WireErrorCode, boolean][] = [
    ["refused", true],
    ["unsupportedVersion", true],
    ["invalidArgument", true],
    ["permissionDenied", true],
    ["contractMismatch", true],
    ["connectionRefused", false],
    ["unknownHost", false],
    ["tlsFailed", false],
    ["notAWire", false],
    ["peerAborted", false],
  ];
  for (const [code, isFinal] of cases) {
    await using place = new Place({}, {
      answer: (attempt) =>
        attempt === 1 ? new WireError(code, "no") : undefined,
    });
    await place.advance(1_000);
    assertEquals(place.kept.ended?.code, isFinal ? code : undefined, code);
    assertEquals(place.attempts.length, isFinal ? 1 : 2, code);
  }
});

test("keepConnected() lets retry() decide, unless that throws", async () => {
  const errors: unknown[] = [];
  const failing = (retry: KeepConnectedOptions["retry"], code: WireErrorCode) =>
    new Place({ retry, attempts: 4, onError: (error) => errors.push(error) }, {
      answer: () => new WireError(code, "no"),
    });
  {
    await using place = failing((_reason, failures) => failures < 3, "refused");
    await place.advance(1_000);
    assertEquals(place.attempts.length, 3);
    assertEquals(place.kept.ended?.message, "Reconnecting was given up: no");
  }
  await using place = failing(() => {
    throw new Error("undecided");
  }, "connectFailed");
  await place.advance(1_000);
  assertEquals(place.attempts.length, 4);
  assertEquals(errors.map(String), Array(3).fill("Error: undecided"));
});

test("keepConnected() counts a failing onConnected as a failed attempt", async () => {
  let attempt = 0;
  await using place: Place = new Place({
    onConnected() {
      if (++attempt === 1) throw new Error("no login");
      return attempt === 2 ? Promise.reject(lost()) : undefined;
    },
  });
  const sum = place.kept.remoteValue.add(1, 2);
  await settle();
  assertEquals(place.kept.wire, undefined);
  await place.advance(50);
  await place.advance(100);
  assertEquals(await sum, 3);
  assertEquals(place.heard, ["add(1,2)"]);
  assertEquals(place.told, [
    "failed aborted: 1, 50 (1)",
    "failed connectionLost: 2, 100 (1)",
  ]);
  assertEquals(
    place.far[0]!.ended?.message,
    "The peer ended the wire: A fault on its own side.",
  );
  assertEquals(place.kept.stats().connections, 1);
});

test("keepConnected() ends an attempt that hangs", async () => {
  const waiting = () => new Promise<never>(() => {});
  await using place = new Place({ onConnected: waiting, timeout: 500 });
  await place.advance(500);
  assertEquals(place.told, ["failed timeout: 1, 50 (0)"]);
  assertEquals((await place.far[0]!.closed).code, "peerAborted");
});

test("keepConnected() notices a death within onConnected", async () => {
  await using place: Place = new Place({
    onConnected(wire) {
      queueMicrotask(() => wire.abort(lost()));
      return new Promise(() => {});
    },
  });
  await settle();
  assertEquals(place.told, ["failed connectionLost: 1, 50 (0)"]);
});

test("keepConnected() takes whatever its connecting function throws", async () => {
  const clock = new FakeClock();
  const reasons: string[] = [];
  const kept = keepConnected(() => {
    throw new TypeError("not yet");
  }, {
    clock,
    onLost: ({ code, message }) => reasons.push(`${code} ${message}`),
  });
  await settle();
  await kept.close();
  assertEquals(reasons, ["connectFailed Cannot connect: not yet"]);
});

test("keepConnected() reports what its callbacks throw", async () => {
  const errors: string[] = [];
  const fail = (what: string) => () => {
    throw new Error(what);
  };
  await using place: Place = new Place({
    attempts: 2,
    onLost: (_reason, { failures }) =>
      failures === 1 ? fail("lost")() : Promise.reject(new Error("later")),
    onDeath: fail("death"),
    onError: (error, where) => errors.push(`${where}: ${error}`),
  }, { answer: nobody });
  await place.advance(1_000);
  assertEquals(errors, [
    "onLost: Error: lost",
    "onDeath: Error: death",
    "onLost: Error: later",
  ]);
});

test("keepConnected() refuses options out of their range", () => {
  const add = () => {};
  const cases: [string, KeepConnectedOptions][] = [
    ["backoff.least", { backoff: { least: 0 } }],
    ["backoff.most", { backoff: { least: 100, most: 99 } }],
    ["backoff.most", { backoff: { most: NaN } }],
    ["backoff.healthy", { backoff: { healthy: "5" as unknown as number } }],
    ["attempts", { attempts: "5" as unknown as number }],
    ["timeout", { timeout: "soon" as unknown as number }],
    ["backoff.factor", { backoff: { factor: 0.5 } }],
    ["backoff.healthy", { backoff: { healthy: -1 } }],
    ["attempts", { attempts: 0 }],
    ["openAttempts", { openAttempts: 0 }],
    ["timeout", { timeout: NaN }],
    ["repeats", { repeats: -1 }],
    ["waiting", { waiting: -1 }],
    ["idempotent", { idempotent: new Map([["add", true]]) as never }],
    ["idempotent", { idempotent: [add] as never }],
  ];
  for (const [name, options] of cases) {
    const error = assertThrows(() => {
      keepConnected(() => Promise.reject(nobody()), options);
    }) as WireError;
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes(`"${name}"`), error.message);
  }
  const wire = Promise.reject(nobody());
  wire.catch(() => {});
  const error = assertThrows(() => {
    keepConnected(wire as unknown as () => never);
  }) as WireError;
  assertEquals(error.code, "invalidArgument");
});

test("KeptConnection has the types of both ends", async () => {
  interface Calculator {
    add(a: number, b: number): number;
  }
  const refused = (kept: KeptConnection<Calculator>) => {
    // @ts-expect-error: an argument of another type
    kept.remoteValue.add("1", 2);
    // @ts-expect-error: no such function
    kept.with({ idempotent: true }).remote.subtract(1, 2);
  };
  assertEquals(refused.length, 1);
  await using place = new Place();
  const kept = place.kept as unknown as KeptConnection<Calculator>;
  const sum: number = await kept.remoteValue.add(1, 2);
  const [same]: [number] = await kept.remoteValues.add(1, 2);
  assertEquals([sum, same], [3, 3]);
});
