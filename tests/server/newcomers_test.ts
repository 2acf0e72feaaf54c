import { assert, assertEquals } from "@std/assert";
import { Arrival } from "../../server/_admission.ts";
import { Newcomers, type NewcomersOptions } from "../../server/_newcomers.ts";
import { test } from "../_test.ts";

/** A connection of a network, that a test has speak or leave. */
class Guest {
  readonly arrival: Arrival;
  isClosed = false;
  hasSpoken = false;
  #read = Promise.withResolvers<number | null>();

  constructor(network: string) {
    const address = { transport: "tcp", hostname: network, port: 1 } as const;
    this.arrival = new Arrival(
      {
        read: () => this.#read.promise,
        write: (bytes) => Promise.resolve(bytes.length),
        closeWrite: () => Promise.resolve(),
        close: () => this.isClosed = true,
      },
      address,
      network,
    );
  }

  /** Sends its first bytes. */
  async speak(): Promise<void> {
    this.hasSpoken = true;
    this.#read.resolve(5);
    await settle();
  }

  /** Closes its side. */
  async leave(): Promise<void> {
    this.#read.resolve(null);
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined;
}

/** Newcomers, and what became of them. */
class House {
  readonly begun: Guest[] = [];
  readonly ended: Guest[] = [];
  readonly turnedAway: Guest[] = [];
  readonly newcomers: Newcomers<Guest>;
  readonly shut = new Set<string>();
  readonly #guests = new Map<Arrival, Guest>();

  constructor(options: Partial<NewcomersOptions<Guest>> = {}) {
    this.newcomers = new Newcomers({
      most: 4,
      perNetwork: 2,
      patience: 1e6,
      longestWait: 1e6,
      readsAhead: true,
      mayBegin: (network) => !this.shut.has(network),
      begin: (arrival) => {
        const guest = this.#guests.get(arrival)!;
        this.begun.push(guest);
        return guest;
      },
      hasSpoken: (guest) => guest.hasSpoken,
      end: (guest) => this.ended.push(guest),
      turnAway: (arrival) => this.turnedAway.push(this.#guests.get(arrival)!),
      ...options,
    });
  }

  /** Somebody comes. */
  come(network = "a"): Guest {
    const guest = new Guest(network);
    this.#guests.set(guest.arrival, guest);
    this.newcomers.enter(guest.arrival);
    return guest;
  }

  /** So many come. */
  crowd(count: number, network = "a"): Guest[] {
    return Array.from({ length: count }, () => this.come(network));
  }

  [Symbol.dispose](): void {
    this.newcomers.close();
  }
}

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("Newcomers begins at once where there is room, and has others wait", async () => {
  using house = new House();
  const [one, two, three] = house.crowd(3) as [Guest, Guest, Guest];
  assertEquals(house.begun, [one, two]);
  assertEquals([house.newcomers.size, house.newcomers.waiting], [2, 1]);
  await one.speak();
  house.newcomers.left(one);
  assertEquals(house.begun, [one, two, three]);
  assertEquals(house.newcomers.waiting, 0);
});

test("Newcomers has room for one network whatever another does", () => {
  using house = new House();
  house.crowd(50, "a");
  const [b] = house.crowd(1, "b");
  assertEquals([house.begun.length, house.begun.at(-1)], [3, b]);
});

test("Newcomers begins with who speaks, however many silent ones wait before", async () => {
  using house = new House();
  const crowd = house.crowd(20);
  await crowd[17]!.speak();
  assertEquals(house.begun.length, 3);
  assertEquals(house.begun[2], crowd[17]);
  assertEquals(house.ended, []);
});

test("Newcomers begins with no more than there is room for when they speak", async () => {
  using house = new House({ most: 100 });
  const crowd = house.crowd(20);
  for (const guest of crowd) await guest.speak();
  // Two that were silent when they began, and two that had spoken.
  assert(house.newcomers.size <= 4, `${house.newcomers.size}`);
});

test("Newcomers has room for others when the silent ones of a network speak late", async () => {
  using house = new House();
  const crowd = house.crowd(8);
  // These were silent when they began; the others began as they spoke.
  const [one, two, ...others] = crowd as [Guest, Guest, ...Guest[]];
  for (const guest of others) await guest.speak();
  await one.speak();
  await two.speak();
  // A while later that is seen.
  await new Promise((resolve) => setTimeout(resolve, 100));
  house.crowd(2, "b");
  assertEquals(house.begun.length, 6);
});

test("Newcomers has no more room than before when a network that had too many is gone", async () => {
  using house = new House();
  const [a1, a2, a3, a4, a5] = house.crowd(5) as [
    ...[Guest, Guest, Guest, Guest, Guest],
  ];
  for (const guest of [a3, a4, a1, a2]) await guest.speak();
  // All four are counted as speakers once somebody has looked: two too many.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await a5.leave();
  for (const guest of [a1, a2, a3, a4]) house.newcomers.left(guest);
  assertEquals([house.newcomers.size, house.newcomers.waiting], [0, 0]);
  for (const network of ["b", "c"]) {
    const [, , third, fourth] = house.crowd(4, network);
    await third!.speak();
    await fourth!.speak();
  }
  const late = house.come("d");
  await late.speak();
  assertEquals(house.begun.includes(late), false);
  assertEquals(house.newcomers.size, 8);
});

test("Newcomers takes turns between networks", async () => {
  using house = new House({ most: 2, perNetwork: 2 });
  const crowd = house.crowd(6, "a");
  for (const guest of crowd) await guest.speak();
  const other = house.come("b");
  await other.speak();
  assertEquals(house.begun.includes(other), false);
  const before = house.begun.length;
  house.newcomers.left(house.begun[0]!);
  house.newcomers.left(house.begun[1]!);
  house.newcomers.left(house.begun[2]!);
  house.newcomers.left(house.begun[3]!);
  assert(house.begun.slice(before, before + 2).includes(other));
});

test("Newcomers ends the oldest of the network that has the most", async () => {
  using house = new House({ most: 3, perNetwork: 2, patience: 1 });
  const [a1, a2] = house.crowd(2, "a") as [Guest, Guest];
  const b1 = house.come("b");
  house.come("c");
  await until(() => house.begun.length === 4);
  assertEquals(house.ended, [a1]);
  assertEquals(house.ended.includes(b1) || house.ended.includes(a2), false);
});

test("Newcomers has ever less patience with a network whose members have to go", async () => {
  using house = new House({ most: 8, patience: 200, longestWait: 1e6 });
  // With a patience that stays, that would take fifty times as long.
  house.crowd(100);
  await until(() => house.begun.length === 100);
  assertEquals(house.ended.length, 98);
});

test("Newcomers forgets who leaves while waiting", async () => {
  using house = new House();
  const crowd = house.crowd(5);
  await crowd[3]!.leave();
  assertEquals([house.newcomers.waiting, crowd[3]!.isClosed], [2, true]);
});

test("Newcomers turns away who has waited for too long", async () => {
  using house = new House({ longestWait: 50 });
  const crowd = house.crowd(5);
  await until(() => house.turnedAway.length === 3);
  assertEquals(house.turnedAway, crowd.slice(2));
  assertEquals(house.newcomers.waiting, 0);
});

test("Newcomers keeps no more than thousands waiting, and the last ones", () => {
  using house = new House();
  const crowd = house.crowd(4_096 + 2 + 10);
  assertEquals(house.newcomers.waiting, 4_096);
  assertEquals(house.turnedAway, crowd.slice(2, 12));
  const other = house.come("b");
  assertEquals(house.begun.at(-1), other);
});

test("Newcomers does not begin where the server may not", () => {
  using house = new House();
  house.shut.add("a");
  house.crowd(2, "a");
  const b = house.come("b");
  assertEquals(house.begun, [b]);
  house.shut.clear();
  house.newcomers.advance();
  assertEquals(house.begun.length, 3);
});

test("Newcomers.shed() spares the young unless it is urgent, and the smaller network", () => {
  using house = new House();
  const few = house.crowd(3, "b");
  house.crowd(10, "a");
  assertEquals(house.newcomers.shed(2, false), 0);
  assertEquals(house.newcomers.shed(3, true), 3);
  assertEquals(
    house.turnedAway.some((guest) => few.includes(guest)),
    false,
  );
});

test("Newcomers.close() closes who waits", () => {
  const house = new House();
  const crowd = house.crowd(5);
  house.newcomers.close();
  assertEquals(crowd.map(({ isClosed }) => isClosed), [
    false,
    false,
    true,
    true,
    true,
  ]);
  assertEquals(house.come().isClosed, true);
});
