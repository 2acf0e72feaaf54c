/**
 * Where attacks take place: a victim, bystanders, and an eye on what is held.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  ALL,
  type Attack,
  type Catalogue,
  type Outcome,
  type Road,
  type Siege,
} from "./_attack.ts";
import { type Bystander, bystander, Watching } from "./_bystander.ts";
import type { Bytes } from "./_bytes.ts";
import { hello } from "../_raw_peer.ts";
import { type HostilePeer, isForeign } from "./_peer.ts";
import { doorOf, Roads } from "./_roads.ts";
import type { Door, Ending, State } from "./_victim.ts";
import { startVictim, type Victim } from "./_victim_process.ts";

/** After so long, an attack or its end is taken for hanging. */
const PATIENCE = 60_000;
/** What may remain of one: compiled code, buffers that are kept for the next. */
const LITTER = 16 * 1024 * 1024;
/** Watches of bystanders share timers at some moments, and at others not. */
const SPARE_TIMERS = 4;
const MIB = 1024 * 1024;
/** A process that looks at its clock so often is not busy; milliseconds. */
const TICK = 200;
/** How often an attacker does something, and bystanders do. */
const STEP = 1_000;
/** Longer than any time limit: keepalive has 50 seconds. */
const LONGEST = 60_000;

/** What one attack did, for a table. */
export interface Account {
  /** By how many roads it came at a time. */
  roads: number;
  /** Bytes that were sent, on all roads together. */
  sent: number;
  /** Bytes that the victim held while the attack lasted. */
  held: number;
}

/** Where attacks take place. */
export class Arena implements AsyncDisposable {
  readonly victim: Victim;
  readonly roads: Roads;
  readonly #bystanders: readonly Bystander[];
  readonly #catalogue: Catalogue;
  /** What is held by nothing but bystanders. */
  readonly #quiet: State;
  #watching: Watching | undefined;

  private constructor(
    victim: Victim,
    roads: Roads,
    bystanders: readonly Bystander[],
    catalogue: Catalogue,
    quiet: State,
  ) {
    this.victim = victim;
    this.roads = roads;
    this.#bystanders = bystanders;
    this.#catalogue = catalogue;
    this.#quiet = quiet;
  }

  /** Makes one for attacks of a kind. */
  static async open(catalogue: Catalogue): Promise<Arena> {
    const { prints = false } = catalogue;
    const victim = await startVictim({ prints, ...catalogue.victim });
    const roads = new Roads(victim);
    const bystanders = await Promise.all(
      victim.doors.map((door) => bystander(door, victim)),
    );
    for (const each of bystanders) await each.round(0);
    const quiet = await victim.ask.state(true);
    return new Arena(victim, roads, bystanders, catalogue, quiet);
  }

  /** How many bystanders there are. */
  get bystanders(): number {
    return this.#bystanders.length;
  }

  /**
   * Carries an attack out, and checks what is promised.
   *
   * @param attack The attack.
   * @param account Learns what was sent and held, if it is given.
   */
  async bear(attack: Attack | Siege, account?: Account): Promise<void> {
    const watching = this.#watching = new Watching(this.#bystanders);
    try {
      await inTime(
        "siege" in attack ? attack.siege(this) : this.#attack(attack, account),
        "The attack",
      );
    } finally {
      await inTime(watching.stop(), "What bystanders asked");
    }
    await this.settle();
  }

  async #attack(attack: Attack, account?: Account): Promise<void> {
    const peers: HostilePeer[] = [];
    await this.victim.ask.deaths();
    const { resident } = await this.victim.ask.state(
      attack.grows !== undefined,
    );
    try {
      await this.#carryOut(attack, peers);
      await this.#checkGrowth(attack, resident);
      if (attack.holds !== undefined || account !== undefined) {
        await this.#weigh(attack, peers, account);
      }
    } finally {
      close(peers);
    }
    for (const { dialled, road } of peers) {
      // Whatever they were, its client has ended.
      if (dialled !== undefined) await inTime(dialled, road);
    }
  }

  /** Over all roads at a time. */
  async #carryOut(attack: Attack, peers: HostilePeer[]): Promise<void> {
    const { run, says, promise } = attack;
    const bytes = says?.();
    await Promise.all(
      this.#roads(attack).map((road) =>
        on(road, async () => {
          const peer = await this.roads.connect(road);
          peers.push(peer);
          await begin(attack, peer, bytes);
          await run?.(peer);
        })
      ),
    );
    const goesOn = promise === "goes on";
    if (goesOn) await this.#passTime(attack, peers);
    const checked = Promise.all(peers.map((peer) =>
      on(
        peer.road,
        () => goesOn ? this.#checkAlive(attack, peer) : checkEnd(attack, peer),
      )
    ));
    const over = Promise.all([checked, this.#checkDeaths(attack)]);
    if (!goesOn) await this.#passTime(attack, peers, over);
    await over;
  }

  /** Lets as much time pass as any limit has, or until something is over. */
  async #passTime(
    { meanwhile }: Attack,
    peers: readonly HostilePeer[],
    over?: Promise<unknown>,
  ): Promise<void> {
    if (this.#catalogue.takesTime !== true) return;
    let isOver = false;
    const end = () => isOver = true;
    over?.then(end, end);
    for (let passed = 0; passed < LONGEST && !isOver; passed += STEP) {
      if (meanwhile !== undefined) await Promise.all(peers.map(meanwhile));
      await this.pass(STEP);
    }
  }

  /**
   * Lets time pass for the victim, bit by bit: it is not to think that it was
   * busy, nor that bystanders are silent.
   *
   * @param time In milliseconds.
   */
  async pass(time: number): Promise<void> {
    for (let passed = 0; passed < time; passed += TICK) {
      await this.victim.ask.advance(TICK);
    }
    await this.#watching?.nextRound();
  }

  #roads({ over }: Attack): readonly Road[] {
    return over ?? this.#catalogue.over ?? ALL;
  }

  /** Through which doors wires come that the attack makes. */
  #doors(attack: Attack): readonly Door[] {
    if (attack.before === "hello") return [];
    return this.#roads(attack).map(doorOf).filter((door) =>
      door !== undefined && !/lines|listener/.test(door)
    ) as Door[];
  }

  async #checkAlive({ alive }: Attack, peer: HostilePeer): Promise<void> {
    const check = alive ?? this.#catalogue.alive;
    try {
      if (check === undefined) await peer.checkAlive();
      else await check(peer);
    } catch (error) {
      // Why, its victim may know.
      const deaths = await this.victim.ask.deaths();
      throw new Error(
        [(error as Error).message, ...deaths.map(({ message }) => message)]
          .join(" "),
        { cause: error },
      );
    }
  }

  async #weigh(
    { holds }: Attack,
    peers: readonly HostilePeer[],
    account: Account | undefined,
  ): Promise<void> {
    const most = peers.length * (holds ?? 0) * MIB + LITTER;
    const { memory } = await this.#state(account === undefined ? most : 0);
    const held = memory - this.#quiet.memory;
    if (account !== undefined) {
      account.roads = peers.length;
      account.held = held;
      account.sent = peers.reduce((sum, { said }) => sum + said, 0);
    }
    if (holds === undefined) return;
    assert(held <= most, `${held / MIB} MiB are held, and not ${most / MIB}.`);
  }

  async #checkGrowth({ grows }: Attack, before: number): Promise<void> {
    if (grows === undefined) return;
    const { resident } = await this.victim.ask.state(true);
    const grown = (resident - before) / MIB;
    assert(grown <= grows, `The process grew by ${grown} MiB, not ${grows}.`);
  }

  /** Whether the wires of servers ended as they should. */
  async #checkDeaths(attack: Attack): Promise<void> {
    const expected = codeOf(attack.promise);
    if (expected === undefined) return;
    const doors = this.#doors(attack);
    const deaths: Ending[] = [];
    await patiently(async () => {
      deaths.push(...await this.victim.ask.deaths());
      return deaths.length >= doors.length ? undefined : "Wires have not ended";
    });
    for (const { code, door, message } of deaths) {
      assertEquals(code, expected, `over ${door}: ${message}`);
    }
  }

  /** Somebody new comes by a road, is served, and goes. */
  async newcomer(road: Road): Promise<void> {
    const door = doorOf(road)!;
    const one = await inTime(bystander(door, this.victim), "A newcomer");
    await one.round(1);
    await one.close();
  }

  /** Waits until the victim has so many wires at least. */
  async gatherWires(least: number): Promise<void> {
    await patiently(async () => {
      const { wires } = await this.victim.ask.state(false);
      return wires >= least ? undefined : `only ${wires} wires are there`;
    });
  }

  /** Waits until its servers have no more wires than so many. */
  async settleWires(most: number): Promise<void> {
    await patiently(async () => {
      const { wires } = await this.victim.ask.state(false);
      return wires <= most ? undefined : `${wires} wires are left`;
    });
  }

  /** Waits until nothing is held but what was before. */
  async settle(): Promise<void> {
    await this.victim.ask.release();
    await patiently(async () => this.#excess(await this.#state(LITTER)));
  }

  /** What is held, garbage included where so many bytes more are with it. */
  async #state(most: number): Promise<State> {
    const now = await this.victim.ask.state(false);
    return now.memory <= this.#quiet.memory + most
      ? now
      : await this.victim.ask.state(true);
  }

  /** What is held that was not before. */
  #excess(now: State): string | undefined {
    const { wires, descriptors, timers, memory } = this.#quiet;
    if (now.wires > wires) return `${now.wires} wires are left`;
    if (now.descriptors > descriptors) {
      return `${now.descriptors} descriptors are open, and not ${descriptors}`;
    }
    if (now.timers > timers + SPARE_TIMERS) {
      return `${now.timers} timers are set, and not ${timers}`;
    }
    if (now.memory > memory + LITTER) {
      return `${now.memory / MIB} MiB are held, and not ${memory / MIB}`;
    }
    return undefined;
  }

  /** Ends it; the victim must have printed nothing, or as it should. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#bystanders.map((each) => each.close()));
    const { said, code } = await this.victim.end();
    assertEquals(code, 0, said.slice(0, 4_000));
    if (this.#catalogue.prints === true) checkPrinted(said);
    else assertEquals(said, "");
  }
}

async function begin(
  { before, reads = true }: Attack,
  peer: HostilePeer,
  bytes: Bytes | undefined,
): Promise<void> {
  if (!isForeign(peer.road)) {
    if (reads) peer.listen();
    if (reads && before === "hello" && peer.dialled !== undefined) {
      // Time passes for a client when it is through TLS, however long that took.
      await inTime(peer.hear("hello"), "The client's hello");
    }
    if (before === undefined) await peer.open();
    if (before === "accept") await peer.tell(hello());
  }
  if (bytes !== undefined) await peer.say(bytes);
}

/** The code with which a wire is to end. */
function codeOf(promise: Outcome): string | undefined {
  if (promise === "goes on") return undefined;
  return promise === "closes" ? "notAWire" : promise;
}

async function checkEnd(attack: Attack, peer: HostilePeer): Promise<void> {
  const { promise, isTold = true, reads = true, lured } = attack;
  const isWire = !isForeign(peer.road);
  if (reads && !isWire) {
    await inTime(peer.hearAllBytes(), "The end of the connection");
  }
  const abort = reads && isWire
    ? await inTime(peer.hearAbort(), "The end of the wire")
    : undefined;
  const client = peer.dialled && await inTime(peer.dialled, "The client");
  if (reads && isWire) {
    const told = isTold && promise !== "closes" ? promise : undefined;
    // Of what was not told, the client knows why.
    assertEquals(abort?.code, told, (abort ?? client)?.message);
  }
  if (client === undefined) return;
  assertEquals(client.code, lured ?? codeOf(promise), client.message);
}

/** What a terminal must not get. */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/;
/** What a pipe holds, and what waits in front of it, both and some more. */
const MOST_PRINTED = 256 * 1024;
/** A report and its end. */
const LONGEST_REPORT = 4_200;

/** Whether reports are what they should be: few, short, harmless, nobody's else. */
function checkPrinted(said: string): void {
  assert(said.length > 0, "Nothing was printed.");
  assert(said.length <= MOST_PRINTED, `${said.length} characters were printed`);
  assert(!UNSAFE.test(said), "What was printed is not harmless.");
  for (const report of said.split(/\n(?! {4})/)) {
    const begins = /^(@remote\/wire: (error in |… and \d+ more )|$)/.test(
      report,
    );
    assert(begins, `This looks like no report: ${report.slice(0, 100)}`);
    assert(report.length <= LONGEST_REPORT, `${report.length} characters`);
  }
}

function close(peers: readonly HostilePeer[]): void {
  for (const peer of peers) peer.close();
}

/** Says over which road something failed. */
async function on(road: Road, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`Over ${road}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Fails where something hangs. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${what} has not come to an end.`)),
    PATIENCE,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks until nothing is wrong any more. */
async function patiently(
  look: () => Promise<string | undefined>,
): Promise<void> {
  const begun = performance.now();
  for (let pause = 2;; pause = Math.min(100, pause * 2)) {
    const wrong = await look();
    if (wrong === undefined) return;
    if (performance.now() - begun > PATIENCE) throw new Error(`${wrong}.`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
