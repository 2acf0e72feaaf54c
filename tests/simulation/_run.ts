/**
 * Runs a plan, and looks afterwards whether everything is as it should be.
 *
 * @module
 */

import {
  DEFAULT_LIMITS,
  makeWire,
  type Middleware,
  type Wire,
  WireError,
  type WireLimits,
  type WireOptions,
} from "../../wire/mod.ts";
import {
  keepConnected,
  type KeptConnection,
} from "../../wire/reconnect/keep_connected.ts";
import { type Once, onceInMemory } from "../../wire/once/once.ts";
import { countedSignal } from "../wire/_listeners.ts";
import { makeActor } from "./_actor.ts";
import { checkBounds, checkGone, checkQuiet } from "./_checks.ts";
import type { Subject } from "./_deeds.ts";
import { Ledger } from "./_ledger.ts";
import { Connection } from "./_network.ts";
import { type Allowance, Operator } from "./_operations.ts";
import { type Gate, mayFail, noticeTime, type Plan } from "./_plan.ts";
import { Random } from "./_random.ts";
import { World } from "./_world.ts";

/** How long all operations may take, in virtual milliseconds. */
const PATIENCE = 600_000;
/** How long it takes at most until everything is told that is left. */
const QUIET = 45_000;
/** How long what is left may take after that: closing, and its time limits. */
const AFTERMATH = 120_000;

/** How long an end takes at most, once it is to end. */
const LONGEST_CLOSE = 11_000;

/** Of no larger window every byte is accounted for. */
const SMALL_WINDOW = 100_000;
/** In so many virtual milliseconds something is there, and answered. */
const ROUND_TRIP = 5_000;

const SECRET = "open sesame";
/** Middleware that does nothing. */
const THROUGH: Middleware = (_call, next) => next();

/** What came of a run. */
export interface Outcome {
  /** What was found wrong; empty where all is well. */
  readonly faults: readonly string[];
  /** How many events it took. */
  readonly events: number;
}

/** Promises that were rejected and that nobody handled, of the run at hand. */
let unhandled: unknown[] = [];
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  unhandled.push(event.reason);
});

/** Runs a plan. */
export async function runPlan(plan: Plan): Promise<Outcome> {
  unhandled = [];
  const world = new World();
  world.pace = plan.pace ?? 0;
  const ledger = new Ledger();
  const { getRandomValues } = crypto;
  const { digest } = crypto.subtle;
  const random = new Random(plan.seed);
  // Nonces and back-offs are to be the same in each run of a plan.
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    if (array instanceof Uint32Array) array.set(array.map(() => random.seed()));
    return array;
  };
  // Another thread would compute it, and in a time of its own.
  crypto.subtle.digest = (_algorithm, data) =>
    Promise.resolve(shortDigest(data as Uint8Array<ArrayBuffer>));
  try {
    const run = new Run(plan, world, ledger, random);
    await (plan.isKept ? run.kept() : run.plain());
  } catch (error) {
    ledger.fault(`the run itself failed: ${(error as Error)?.stack ?? error}`);
  } finally {
    crypto.getRandomValues = getRandomValues;
    crypto.subtle.digest = digest;
  }
  ledger.check();
  for (const reason of unhandled) {
    ledger.fault(`a rejection was not handled: ${Deno.inspect(reason)}`);
  }
  return { faults: ledger.faults, events: world.events };
}

/** What tells bytes apart, if nobody is after two that are the same. */
function shortDigest(bytes: Uint8Array): ArrayBuffer {
  let hash = 2_166_136_261;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16_777_619);
  return Uint32Array.of(hash, bytes.length).buffer;
}

/** A wire, and what is known of it. */
interface Known {
  readonly wire: Wire;
  readonly end: 0 | 1;
  deaths: number;
}

/** Two ends of one connection. */
type Pair = readonly [Wire, Wire];

/** One run. */
class Run {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #random: Random;
  /** All wires that were made. */
  readonly #wires: Known[] = [];
  /** What ends the wires of each end at once. */
  readonly #signals = [countedSignal(), countedSignal()] as const;
  readonly #once: Once;
  #isEnding = false;

  constructor(plan: Plan, world: World, ledger: Ledger, random: Random) {
    this.#plan = plan;
    this.#world = world;
    this.#ledger = ledger;
    this.#random = random;
    this.#once = onceInMemory({ clock: world });
    world.onLook = () => {
      for (const { wire, end } of this.#wires) {
        if (wire.ended !== undefined) continue;
        checkBounds(ledger, wire, this.#limitsOf(end));
      }
    };
    for (const [end, signal] of this.#signals.entries()) {
      ledger.listening(`the wires of end ${end}`, signal);
    }
  }

  /** Two ends over one connection, or two. */
  async plain(): Promise<void> {
    const { link, second, operations, ending } = this.#plan;
    const links = second === undefined ? [link] : [link, second];
    const pairs = links.map((link, index) => {
      const connection = new Connection(this.#world, this.#random, link);
      const pair = [
        this.#wire(connection, 0, index),
        this.#wire(connection, 1, index),
      ] as const;
      for (const [end, wire] of pair.entries()) {
        this.#take(wire, `messages to end ${end} over connection ${index}`);
      }
      return pair;
    });
    const operator = new Operator(this.#world, this.#ledger, this.#allowance());
    const all = operations.map((operation) => {
      const subjects = pairs.map((pair) =>
        pair[operation.by] as unknown as Subject
      );
      const own = subjects[operation.wire ?? 0]!;
      return operator.run(own, operation, subjects.find((one) => one !== own));
    });
    const ends = () => pairs.forEach((pair) => this.#end(pair));
    if (ending.at > 0) this.#world.after(ending.at, ends);
    await this.#settle(Promise.all(all), "operations");
    if (ending.at === 0) {
      await this.#checkQuiet(pairs);
      ends();
    }
    await this.#checkOver();
  }

  /** A connection that is made again, to a server that comes and goes. */
  async kept(): Promise<void> {
    const { operations, outages } = this.#plan;
    const world = this.#world;
    const mayDrain = outages.some(({ isDrain }) => isDrain);
    let isDown = false;
    let connections: [Connection, Wire][] = [];
    let made = 0;
    const kept: KeptConnection = keepConnected(
      async () => {
        await world.sleep(this.#random.int(0, 20));
        if (isDown) throw new WireError("connectionRefused", "planned");
        const connection = new Connection(
          world,
          this.#random,
          this.#plan.link,
        );
        // While one is being closed, what goes over the next may come first;
        // and what it did not send by its end is sent over the next then.
        const late = mayDrain ? this.#ledger.sent : 0;
        const server = this.#wire(connection, 1, ++made, late);
        connections.push([connection, server]);
        this.#take(server, `messages over connection ${made}`, late);
        return this.#wire(connection, 0, made);
      },
      {
        clock: world,
        random: () => this.#random.next(),
        onError: () => {},
        timeout: 60_000,
      },
    );
    for (const { at, time, isDrain } of outages) {
      world.after(at, () => {
        isDown = true;
        for (const [connection, server] of connections) {
          if (isDrain) server.close();
          else connection.cut(this.#random.chance(0.5));
        }
        connections = [];
        world.after(time, () => isDown = false);
      });
    }
    const operator = new Operator(world, this.#ledger, this.#allowance());
    const all = operations.map((operation) =>
      operator.run(kept as unknown as Subject, operation)
    );
    await this.#settle(Promise.all(all), "operations");
    this.#isEnding = true;
    const closing = kept.close();
    await this.#settle(closing, "closing");
    for (const { wire } of this.#wires) wire.abort();
    await this.#checkOver();
  }

  #allowance(): Allowance {
    const { limits, ending, isKept, outages } = this.#plan;
    const isFrail = mayFail(this.#plan);
    const isRoomy = limits.every(({ calls, window }) =>
      calls === undefined && window === undefined
    );
    const isSudden = ending.how === "abort" || ending.how === "signal";
    return {
      isKept,
      isGraceful: !isKept && !isFrail && !isSudden && isRoomy,
      isMoving: isKept && !isFrail && isRoomy &&
        outages.every(({ isDrain }) => isDrain === true),
      isTight: limits.some((limits) => Object.keys(limits).length > 0),
      mayEnd: () => this.#isEnding || isKept || isFrail,
    };
  }

  #limitsOf(end: 0 | 1) {
    return { ...DEFAULT_LIMITS, ...this.#plan.limits[end] };
  }

  #wire(connection: Connection, end: 0 | 1, index = 0, late = 0): Wire {
    const world = this.#world;
    const peer = end === 0 ? 1 : 0;
    const { streamWindow } = this.#limitsOf(peer);
    const through = this.#plan.isThrough?.[end] ? [THROUGH] : [];
    const options: WireOptions = {
      clock: world,
      limits: this.#plan.limits[end],
      functions: makeActor(
        world,
        this.#ledger,
        `end ${end} of connection ${index}`,
        streamWindow,
        noticeTime(this.#plan),
        late,
      ),
      signal: this.#signals[end].signal,
      serveThrough: through,
      callThrough: through,
      once: this.#once,
      // One-way calls and streams of wires that end have nowhere else to go.
      onError: () => {},
      onDeath: () => known.deaths++,
      ...this.#gate(this.#plan.gates?.[end]),
      ...this.#secret(this.#plan.gates?.[peer]),
    };
    const wire = makeWire(connection.ends[end], options);
    const known: Known = { wire, end, deaths: 0 };
    this.#wires.push(known);
    return wire;
  }

  /** What decides on the peer. */
  #gate(gate: Gate | undefined): Partial<WireOptions> {
    if (gate === undefined) return {};
    const { time, answer, secret } = gate;
    const decide = () => {
      if (answer === "throw") throw new Error("planned");
      return answer === "yes";
    };
    return {
      confirm: time === 0 ? decide : () => this.#world.sleep(time).then(decide),
      ...secret === "none" ? {} : { requireCredential: SECRET },
    };
  }

  /** What the peer's gate is shown. */
  #secret(gate: Gate | undefined): Partial<WireOptions> {
    if (gate === undefined || gate.secret === "none") return {};
    return { credential: gate.secret === "right" ? SECRET : "open barley" };
  }

  /** Takes typed messages as they come. */
  async #take(wire: Wire, channel: string, late = 0): Promise<void> {
    for (;;) {
      try {
        const [order] = await wire.getObject() as [number];
        this.#ledger.taken(channel, order, late);
      } catch {
        // One over a limit, or the end.
        if (wire.ended !== undefined) return;
      }
    }
  }

  #end(ends: Pair): void {
    this.#isEnding = true;
    const { how, by } = this.#plan.ending;
    this.#world.after(LONGEST_CLOSE, () => {
      if (ends[by].ended === undefined) {
        this.#ledger.fault(`end ${by} did not end though it was to`);
      }
    });
    const reason = new Error("planned");
    if (how === "abort") ends[by].abort(reason);
    else if (how === "signal") this.#signals[by].controller.abort(reason);
    else this.#close(ends[by]);
    if (how === "closeBoth") this.#close(ends[by === 0 ? 1 : 0]);
  }

  async #close(wire: Wire): Promise<void> {
    try {
      await wire.close();
    } catch (error) {
      this.#ledger.fault(`close() failed: ${error}`);
    }
  }

  /** Waits; it is a fault where nothing more happens before that is settled. */
  async #settle(until: Promise<unknown>, what: string): Promise<void> {
    if (await this.#world.run(until, PATIENCE)) return;
    this.#ledger.fault(`${what} never settled`);
  }

  /** Everything was released, while the wires still stand. */
  async #checkQuiet(pairs: readonly Pair[]): Promise<void> {
    const { link, second } = this.#plan;
    const stalls = [link.stall, second?.stall].map((stall) =>
      stall === undefined ? 0 : stall.at + stall.time - this.#world.now()
    );
    await this.#world.pass(Math.max(0, ...stalls) + QUIET);
    const { mayEnd } = this.#allowance();
    for (const pair of pairs) {
      const reason = pair.map((wire) => wire.ended).find((one) => one);
      if (reason !== undefined) {
        if (!mayEnd()) this.#ledger.fault(`it ended by itself: ${reason}`);
        continue;
      }
      for (const end of [0, 1] as const) {
        // A ping may just be on its way.
        const isBusy = pair.some((wire) => wire.stats().outputWaiting > 0);
        if (isBusy) await this.#world.pass(ROUND_TRIP);
        const peer = end === 0 ? 1 : 0;
        const limits = this.#limitsOf(peer);
        checkQuiet(this.#ledger, end, pair[end], pair[peer], limits);
        await this.#checkWindows(pair[end], pair[peer], limits);
      }
    }
  }

  /**
   * Credit is told in quarters: where more is sent, every byte comes back that
   * was not told before.
   */
  async #checkWindows(
    wire: Wire,
    peer: Wire,
    { window, message }: Readonly<WireLimits>,
  ): Promise<void> {
    if (window > SMALL_WINDOW) return;
    const text = "x".repeat(Math.min(Math.ceil(window / 4), message - 200));
    const ways = {
      sends: () => wire.remote.flush!(text),
      messages: () => wire.outputObject([this.#ledger.next(), text]),
    };
    for (const channel of ["sends", "messages"] as const) {
      const open = () => peer.stats().flow.received[channel];
      for (let parts = window / text.length; open() > 0 && parts > 0; parts--) {
        // Some limits are too small for that, too.
        let isRefused = false;
        const sent = ways[channel]().catch(() => isRefused = true);
        await this.#settle(sent, "what is sent when all is quiet");
        if (isRefused) break;
        await this.#world.pass(ROUND_TRIP);
        if (parts > 1 || open() === 0) continue;
        this.#ledger.fault(`${open()} bytes of ${channel} never come back`);
      }
    }
  }

  /** Every wire has ended, once, and left nothing behind. */
  async #checkOver(): Promise<void> {
    const gone = Promise.all(this.#wires.map(({ wire }) => wire.closed));
    await this.#settle(gone, "the wires' end");
    await this.#world.pass(AFTERMATH);
    for (const { wire, deaths } of this.#wires) {
      checkGone(this.#ledger, wire, deaths);
    }
    if (this.#world.pending > 0) {
      this.#ledger.fault(`${this.#world.pending} timers were left behind`);
    }
  }
}
