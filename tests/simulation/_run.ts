/**
 * Runs a plan, and looks afterwards whether everything is as it should be.
 *
 * @module
 */

import {
  DEFAULT_LIMITS,
  keepConnected,
  type KeptConnection,
  makeWire,
  type Wire,
  WireError,
  type WireOptions,
} from "../../wire/mod.ts";
import { makeActor } from "./_actor.ts";
import { Ledger } from "./_ledger.ts";
import { Connection } from "./_network.ts";
import { type Allowance, Operator, type Subject } from "./_operations.ts";
import type { Plan } from "./_plan.ts";
import { Random } from "./_random.ts";
import { World } from "./_world.ts";

/** How long all operations may take, in virtual milliseconds. */
const PATIENCE = 600_000;
/** How long what is left may take after that: closing, and its time limits. */
const AFTERMATH = 120_000;

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
  const ledger = new Ledger();
  const { getRandomValues } = crypto;
  const random = new Random(plan.seed);
  // Nonces and back-offs are to be the same in each run of a plan.
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    if (array instanceof Uint32Array) array.set(array.map(() => random.seed()));
    return array;
  };
  try {
    const run = new Run(plan, world, ledger, random);
    await (plan.isKept ? run.kept() : run.plain());
  } catch (error) {
    ledger.fault(`the run itself failed: ${(error as Error)?.stack ?? error}`);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
  ledger.check();
  for (const reason of unhandled) {
    ledger.fault(`a rejection was not handled: ${Deno.inspect(reason)}`);
  }
  return { faults: ledger.faults, events: world.events };
}

/** One run. */
class Run {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #random: Random;
  /** All wires that were made. */
  readonly #wires: Wire[] = [];
  readonly #deaths = new Map<Wire, number>();
  #isEnding = false;

  constructor(plan: Plan, world: World, ledger: Ledger, random: Random) {
    this.#plan = plan;
    this.#world = world;
    this.#ledger = ledger;
    this.#random = random;
  }

  /** Two ends over one connection. */
  async plain(): Promise<void> {
    const { link, operations, ending } = this.#plan;
    const connection = new Connection(this.#world, this.#random, link);
    const ends = [this.#wire(connection, 0), this.#wire(connection, 1)];
    for (const wire of ends) {
      this.#take(wire, `messages to end ${ends.indexOf(wire)}`);
    }
    const operator = new Operator(this.#world, this.#ledger, this.#allowance());
    const all = operations.map((operation) =>
      operator.run(ends[operation.by] as unknown as Subject, operation)
    );
    if (ending.at > 0) {
      this.#world.after(ending.at, () => this.#end(ends));
    }
    await this.#settle(Promise.all(all), "operations");
    if (ending.at === 0 && ends.every((wire) => wire.ended === undefined)) {
      await this.#checkQuiet(ends);
    }
    if (ending.at === 0) this.#end(ends);
    await this.#checkOver();
  }

  /** A connection that is made again, to a server that comes and goes. */
  async kept(): Promise<void> {
    const { operations, outages } = this.#plan;
    const world = this.#world;
    let isDown = false;
    let connections: Connection[] = [];
    const kept: KeptConnection = keepConnected(
      async () => {
        await world.sleep(this.#random.int(0, 20));
        if (isDown) throw new WireError("connectionRefused", "planned");
        const connection = new Connection(
          world,
          this.#random,
          this.#plan.link,
        );
        connections.push(connection);
        this.#take(
          this.#wire(connection, 1),
          `messages over connection ${connections.length}`,
        );
        return this.#wire(connection, 0);
      },
      {
        clock: world,
        random: () => this.#random.next(),
        onError: () => {},
        timeout: 60_000,
      },
    );
    for (const { at, time } of outages) {
      world.after(at, () => {
        isDown = true;
        for (const connection of connections) {
          connection.cut(this.#random.chance(0.5));
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
    for (const wire of this.#wires) wire.abort();
    await this.#checkOver();
  }

  #allowance(): Allowance {
    const { limits, link, ending, isKept } = this.#plan;
    return {
      isKept,
      isGraceful: !isKept && link.cut === undefined && ending.how !== "abort" &&
        limits.every(({ calls, window }) =>
          calls === undefined && window === undefined
        ),
      isTight: limits.some((limits) => Object.keys(limits).length > 0),
      mayEnd: () => this.#isEnding || isKept || link.cut !== undefined,
    };
  }

  #wire(connection: Connection, end: 0 | 1): Wire {
    const options: WireOptions = {
      clock: this.#world,
      limits: this.#plan.limits[end],
      functions: makeActor(this.#world, this.#ledger, end),
      // One-way calls and streams of wires that end have nowhere else to go.
      onError: () => {},
      onDeath: () => {
        this.#deaths.set(wire, (this.#deaths.get(wire) ?? 0) + 1);
      },
    };
    const wire = makeWire(connection.ends[end], options);
    this.#wires.push(wire);
    return wire;
  }

  /** Takes typed messages as they come. */
  async #take(wire: Wire, channel: string): Promise<void> {
    for (;;) {
      try {
        const [order] = await wire.getObject() as [number];
        this.#ledger.taken(channel, order);
      } catch {
        // One over a limit, or the end.
        if (wire.ended !== undefined) return;
      }
    }
  }

  #end(ends: readonly Wire[]): void {
    this.#isEnding = true;
    const { how, by } = this.#plan.ending;
    if (how === "abort") ends[by]!.abort(new Error("planned"));
    else ends[by]!.close();
    if (how === "closeBoth") ends[1 - by]!.close();
  }

  /** Waits; it is a fault where nothing more happens before that is settled. */
  async #settle(until: Promise<unknown>, what: string): Promise<void> {
    if (await this.#world.run(until, PATIENCE)) return;
    this.#ledger.fault(`${what} never settled`);
  }

  /** Everything was given back, while the wire still stands. */
  async #checkQuiet(ends: readonly Wire[]): Promise<void> {
    await this.#world.pass(60_000);
    if (ends.some((wire) => wire.ended !== undefined)) return;
    ends.forEach((wire, end) => {
      this.#checkFlow(end, wire, ends[1 - end]!);
      const stats = wire.stats();
      for (
        const name of [
          "callsPending",
          "callsWaiting",
          "callsRunning",
          "objectsExported",
          "objectsImported",
          "streamsReceiving",
          "streamsSending",
          "inbox",
          "outputWaiting",
        ] as const
      ) {
        if (stats[name] !== 0) {
          this.#ledger.fault(`end ${end}: ${name} is ${stats[name]}, not 0`);
        }
      }
    });
  }

  /** Both ends account for the same bytes, and nothing is held. */
  #checkFlow(end: number, wire: Wire, peer: Wire): void {
    const { sent } = wire.stats().flow;
    const { received, streamSpare } = peer.stats().flow;
    for (const channel of ["calls", "sends", "messages"] as const) {
      if (sent[channel] !== received[channel]) {
        this.#ledger.fault(
          `end ${end}: ${
            sent[channel]
          } bytes of ${channel} are under way, and the peer knows of ${
            received[channel]
          }`,
        );
      }
    }
    if (sent.calls !== 0) this.#ledger.fault(`end ${end}: calls hold bytes`);
    const { window = DEFAULT_LIMITS.window } = this.#plan.limits[1 - end]!;
    if (Math.max(sent.sends, sent.messages) * 4 >= Math.max(window, 4)) {
      this.#ledger.fault(`end ${end}: credit of a quarter was not told`);
    }
    if (streamSpare !== Math.floor(window / 2)) {
      this.#ledger.fault(`end ${end}: ${streamSpare} bytes are spare`);
    }
  }

  /** Every wire has ended, once, and left nothing behind. */
  async #checkOver(): Promise<void> {
    const gone = Promise.all(this.#wires.map((wire) => wire.closed));
    await this.#settle(gone, "the wires' end");
    await this.#world.pass(AFTERMATH);
    for (const wire of this.#wires) {
      const deaths = this.#deaths.get(wire) ?? 0;
      if (deaths !== 1) this.#ledger.fault(`onDeath ran ${deaths} times`);
      const { callsPending, callsRunning, streamsReceiving, streamsSending } =
        wire.stats();
      const left = callsPending + callsRunning + streamsReceiving +
        streamsSending;
      if (left > 0) this.#ledger.fault("a wire that ended holds something");
    }
    if (this.#world.pending > 0) {
      this.#ledger.fault(`${this.#world.pending} timers were left behind`);
    }
  }
}
