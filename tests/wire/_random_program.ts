/**
 * Random programs over a wire: each side passes objects, functions and streams
 * about, calls what it got, releases it and forgets it, and checks that it
 * always is what its tag says.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  RemoteError,
  type RemoteStream,
  type Wire,
  WireError,
} from "../../wire/mod.ts";
import { below, type Random, turns } from "./_choppy.ts";
import {
  ask,
  type Held,
  References,
  type Tagged,
  type Thing,
  Things,
} from "./_random_things.ts";

/** What may become of a call while the wire lives, besides its answer. */
const FAILURES = [
  "limit",
  "cancelled",
  "released",
  "noSuchObject",
  "unsupportedValue",
];

/** One end of a wire, and its half of the program. */
export class Side {
  /** Generators that began, and those whose `finally` ran. */
  readonly generators = { begun: 0, ended: 0 };
  /** What calls came to: answers, and the codes of errors. */
  readonly outcomes: Record<string, number> = {};
  /** Whether the wire may end at any time. */
  mayEnd = false;

  readonly #random: Random;
  readonly #things: Things;
  readonly #references: References;
  readonly #tasks = new Set<Promise<void>>();
  #isOver = false;
  #wire: Wire | undefined;

  /** What went wrong, first. */
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param name What the tags of its objects begin with.
   * @param random Where chance comes from.
   * @param forgotten What both sides know of what either has forgotten.
   */
  constructor(name: string, random: Random, forgotten: Set<string>) {
    this.#random = random;
    this.#things = new Things(name, random, forgotten);
    this.#references = new References(random, forgotten);
  }

  /** Its end of the wire. */
  get wire(): Wire {
    return this.#wire!;
  }

  set wire(wire: Wire) {
    this.#wire = wire;
    this.#task(async () => {
      while (wire.ended === undefined) {
        await wire.getObject().then(
          (value) => this.#absorb(value),
          (error) => this.#check(error),
        );
      }
    });
  }

  /** What it serves. */
  readonly functions = {
    echo: (value: unknown) => (this.#absorb(value), this.#value()),
    later: async (value: unknown) => {
      this.#absorb(value);
      await turns(this.#below(40));
      return this.#value();
    },
    fail: (value: unknown) => {
      this.#absorb(value);
      const cause = this.#value();
      throw Object.assign(new Error("failed", { cause }), this.#things.any());
    },
    thing: () => this.#things.any().thing,
    thingLater: async () => {
      await turns(this.#below(40));
      return this.#things.any().thing;
    },
    whoIs: (thing: Thing | (() => string)) => {
      const tag = typeof thing === "function" ? thing() : thing.who();
      return this.#things.isHome({ tag, thing }) ? tag : "nobody";
    },
    call: async (tagged: Tagged) => {
      this.#absorb(tagged);
      return this.#things.isHome(tagged) ? tagged.tag : await ask(tagged);
    },
    stream: (value: unknown) => (this.#absorb(value), this.#stream()),
    wait: ((side: Side) =>
      async function (this: CallContext, value: unknown) {
        side.#absorb(value);
        if (side.#below(2) > 0) await turns(side.#below(100));
        else await new Promise((resolve) => this.signal.onabort = resolve);
        return side.#value();
      })(this),
  };

  /** Told of what has no other place; of nothing that was left, it hopes. */
  readonly onError = (error: unknown, where: string): void => {
    const isLeft = error instanceof WireError && error.code === "released";
    if (isLeft) this.#failure ??= { error };
    this.#count(where);
  };

  /** Does some random thing, and does not wait for it. */
  act(): void {
    const acts = [
      () => this.#call(["echo", "later", "fail"][this.#below(3)]!),
      () => this.#call("stream"),
      () => this.#callCancelled(),
      () => this.#callHeld(),
      () => this.#callGhost(),
      () => this.#pipeline(),
      () => Promise.resolve(this.#references.releaseOne()),
      () => this.wire.outputObject(this.#value()),
      () => this.wire.remote.echo!(this.#value()),
      () => Promise.resolve(this.#random() < 0.3 ? this.#forgetOne() : 0),
    ];
    const act = acts[this.#below(acts.length)]!;
    this.#task(act);
  }

  /** Releases everything, once all is done that was begun. */
  async finish(): Promise<void> {
    this.#isOver = true;
    while (this.#tasks.size > 1) {
      this.#references.releaseAll();
      await Promise.race(this.#tasks);
    }
    this.#references.releaseAll();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits for what is still going on. */
  async end(): Promise<void> {
    await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure.error;
    // A `finally` may take a while.
    await turns(1_000);
    assertEquals(this.generators.ended, this.generators.begun);
  }

  #task(run: () => Promise<unknown>): void {
    const task = (async () => {
      try {
        await run();
        this.#count("done");
      } catch (error) {
        this.#check(error);
      }
    })()
      .catch((error) => this.#failure ??= { error })
      .then(() => void this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  #below(limit: number): number {
    return below(this.#random, limit);
  }

  #count(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }

  /** Takes an error in, if it is one that there may be. */
  #check(error: unknown): void {
    if (error instanceof RemoteError) {
      this.#absorb([error.data, error.cause]);
      return this.#count("thrown");
    }
    if (!(error instanceof WireError)) throw error;
    const isEnd = this.wire.ended !== undefined &&
      (this.mayEnd || this.wire.ended.code === "closed");
    if (!isEnd && !FAILURES.includes(error.code)) throw error;
    this.#count(error.code);
  }

  /** Anything that can be sent. */
  #value(depth = 0): unknown {
    switch (this.#below(depth > 2 ? 5 : 11)) {
      case 0:
        return this.#below(1_000_000);
      case 1:
        return this.#random() < 0.15
          ? "x".repeat(this.#below(20_000))
          : "small";
      case 2:
      case 3:
        return this.#things.any();
      case 4:
        return this.#references.any() ?? null;
      case 5:
        return this.#random() < 0.5 ? this.#stream() : new Uint8Array(9_000);
      case 6:
        return new Map([[this.#below(10), this.#value(depth + 1)]]);
      case 7:
        return new Error("data", { cause: this.#value(depth + 1) });
      case 8: {
        const twice = this.#things.any();
        return [twice, new Set([twice.thing]), twice];
      }
      default:
        return Array.from(
          { length: this.#below(4) },
          () => this.#value(depth + 1),
        );
    }
  }

  #stream(): AsyncIterable<unknown> | ReadableStream<unknown> {
    const items = this.#items();
    return this.#random() < 0.5 ? items : ReadableStream.from(items);
  }

  async *#items(): AsyncGenerator<unknown> {
    this.generators.begun++;
    try {
      const count = this.#below(12);
      for (let n = 0; n < count; n++) {
        await turns(this.#below(5));
        yield this.#value(2);
      }
      if (this.#random() < 0.1) {
        throw Object.assign(new Error("stopped"), this.#things.any());
      }
    } finally {
      await turns(this.#below(10));
      this.generators.ended++;
    }
  }

  /** Takes what came, and checks that it is what it says. */
  #absorb(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    if (Symbol.asyncIterator in value) {
      return this.#task(() => this.#consume(value as RemoteStream<unknown>));
    }
    if (value instanceof Uint8Array) return;
    if (value instanceof Map) return this.#absorb([...value.values()]);
    if (value instanceof Set) return this.#absorb([...value].map(untagged));
    if (value instanceof Error) this.#absorb(value.cause);
    if (Array.isArray(value)) return value.forEach((it) => this.#absorb(it));
    if ("tag" in value && "thing" in value) return this.#come(value as Tagged);
    const extra = value as { untagged?: Held };
    if (extra.untagged !== undefined) this.#comeUntagged(extra.untagged);
  }

  #come(tagged: Tagged): void {
    // What was thrown goes without its references where there are too many.
    if (tagged.thing === "[not sent: no data]") return;
    if (this.#things.isHome(tagged)) return;
    this.#references.come(tagged);
    if (this.#isOver) this.#references.releaseAll();
  }

  /** A second arrival of what came before with its tag. */
  #comeUntagged(handle: Held): void {
    if (!("remoteValue" in handle)) return;
    handle[Symbol.dispose]();
  }

  async #consume(stream: RemoteStream<unknown>): Promise<void> {
    let left = this.#random() < 0.5 ? Infinity : this.#below(6);
    if (this.#isOver) left = 0;
    const source = this.#random() < 0.5 ? stream : stream.readable;
    if (left === 0) return await source.cancel("unwanted");
    for await (const item of source) {
      this.#absorb(item);
      await turns(this.#below(8));
      if (--left <= 0) break;
    }
  }

  async #call(name: string): Promise<void> {
    this.#absorb(await this.wire.call(name, [this.#value()]));
  }

  async #callCancelled(): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const name = ["wait", "later", "stream"][this.#below(3)]!;
    const args = [this.#value()];
    const deadline = this.#random() < 0.5 ? 60_000 : undefined;
    const options = { signal, deadline };
    const answer = this.wire.call(name, args, false, options);
    this.#task(async () => {
      await turns(this.#below(60));
      controller.abort();
    });
    this.#absorb(await answer);
  }

  async #callHeld(): Promise<void> {
    const held = this.#references.any();
    if (held === undefined) return;
    if (this.#random() < 0.5) await ask(held);
    else await this.wire.call("call", [held]);
  }

  async #callGhost(): Promise<void> {
    const ghost = this.#references.ghost();
    if (ghost !== undefined) await ask(ghost);
  }

  /** Calls a result before it is there, and passes it as an argument. */
  async #pipeline(): Promise<void> {
    const { thing, thingLater } = this.wire.remoteValue;
    const later = this.#random() < 0.5 ? thing!() : thingLater!();
    await turns(this.#below(20));
    const passed = this.wire.remoteValue.whoIs!(later);
    // One of both is not there, and fails like any function that is not.
    const [tag, handle] = await Promise.allSettled([passed, later]);
    if (handle.status === "rejected") throw handle.reason;
    const given = handle.value as Held;
    if (tag.status === "rejected") {
      given[Symbol.dispose]();
      throw tag.reason;
    }
    this.#come({ tag: tag.value as string, thing: given });
  }

  #forgetOne(): void {
    const thing = this.#things.forget();
    if (thing !== undefined) this.wire.forgetRemoteTranslation(thing);
  }
}

function untagged(thing: unknown): unknown {
  return { untagged: thing };
}
