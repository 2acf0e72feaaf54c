/**
 * What this side of a fuzzed wire does: what it serves, and what its program
 * does with it.
 *
 * @module
 */

import {
  makeRemoteObject,
  type RemoteStream,
  values,
  type Wire,
} from "../../wire/mod.ts";
import { type Harness, Planned } from "./_harness.ts";
import type { Cursor } from "./_wire_words.ts";

const NAMES = ["f", "g", ""];

/** This side. */
export class Program {
  readonly #harness: () => Harness;
  readonly #controllers: AbortController[] = [];
  /** What came and may be used again. */
  readonly #kept: unknown[] = [];
  readonly #given: (() => unknown)[] = [];
  readonly #results: unknown[] = [];

  /** @param harness Tells the harness, which is there before anything runs. */
  constructor(harness: () => Harness) {
    this.#harness = harness;
  }

  get #wire(): Wire {
    return this.#harness().wire;
  }

  /** What the wire serves. */
  readonly functions = {
    echo: (...all: unknown[]) => all[0],
    give: () => this.#function(),
    take: (...all: unknown[]) => void this.#kept.push(...all),
    stream: (count: unknown) => this.#items(count),
    wait: (time: unknown) => this.sleep(typeof time === "number" ? time : 9),
    fail: () => {
      throw new Planned("planned");
    },
    callBack: async (call: unknown) => {
      if (typeof call !== "function") throw new Planned("no function");
      const given = Promise.resolve(call(1, () => 2));
      return await this.#expected("a call back", given);
    },
    keep: (...all: unknown[]) => {
      this.#kept.push(...all);
      return makeRemoteObject({ use: () => all.length, self: () => all });
    },
    drain: async (...all: unknown[]) => {
      const streams = all.filter(isStream);
      const consumed = streams.map((one) => this.#consume(one, 9));
      await this.#expected("a drain", Promise.all(consumed));
      return streams.length;
    },
    many: (...all: unknown[]) => values(...all, this.#function()),
  };

  /** Resolves in virtual time. */
  sleep(delay: number): Promise<void> {
    return this.#harness().sleep(delay);
  }

  /** A promise that has to settle, and is waited for. */
  #expected<T>(what: string, promise: Promise<T>): Promise<T> {
    this.#harness().expect(what, promise);
    return promise;
  }

  #function(): () => unknown {
    const given = () => this.#kept.length;
    this.#given.push(given);
    return given;
  }

  async *#items(count: unknown): AsyncGenerator<unknown> {
    const most = typeof count === "number" ? count % 50 : 3;
    for (let item = 0; item < most; item++) {
      if (item % 4 === 3) await this.sleep(10);
      this.#harness().count(100);
      yield item % 2 === 0 ? item : [new Uint8Array(item * 3), "item"];
    }
  }

  /** Reads a stream, to its end or for a while. */
  async #consume(stream: RemoteStream<unknown>, most: number): Promise<void> {
    if (most === 0) return await stream.cancel();
    for await (const item of stream) {
      this.#kept.push(item);
      if (--most === 0) break;
    }
  }

  /** What the program sends by reference, and as streams. */
  #argument(cursor: Cursor): unknown {
    switch (cursor.below(8)) {
      case 0:
        return this.#function();
      case 1:
        return this.#items(cursor.byte());
      case 2:
        return "y".repeat(cursor.pick([0, 40, 1_200]));
      case 3:
        return this.#results.at(-1);
      case 4:
        return this.#kept.at(-1 - cursor.below(3));
      case 5:
        return Array.from({ length: cursor.below(30) }, (_, n) => `${n}`);
      default:
        return cursor.byte();
    }
  }

  /** A call, in one of the ways to make one. */
  #call(cursor: Cursor): void {
    const args = Array.from(
      { length: cursor.below(3) },
      () => this.#argument(cursor),
    );
    this.#harness().count(4_000 * args.length);
    const name = cursor.pick(NAMES);
    const controller = new AbortController();
    const how = cursor.byte();
    const remotes = (how & 1) === 0 ? this.#wire : this.#wire.with({
      signal: controller.signal,
      ...((how & 2) === 0 ? {} : { deadline: 50 + how }),
    });
    this.#controllers.push(controller);
    const target = this.#kept.at(-1);
    let result: Promise<unknown>;
    if ((how & 4) !== 0 && typeof target === "function") {
      result = Promise.resolve(target(...args));
    } else if ((how & 8) !== 0) {
      result = remotes.remoteValues[name]!(...args);
    } else if ((how & 16) !== 0) {
      result = remotes.remote[name]!(...args);
    } else {
      result = remotes.remoteValue[name]!(...args);
      this.#results.push(result);
    }
    const what = `call ${name}`;
    this.#harness().expect(what, result.then((it) => this.#kept.push(it)));
  }

  /** One step. */
  step(cursor: Cursor): void {
    const harness = this.#harness();
    const wire = this.#wire;
    switch (cursor.below(16)) {
      case 0:
        this.#controllers[cursor.below(4)]?.abort();
        return;
      case 1:
        return harness.expect("getObject", wire.getObject());
      case 2:
        harness.count(1_000);
        return harness.expect(
          "outputObject",
          wire.outputObject(this.#argument(cursor)),
        );
      case 3:
        return harness.expect("ping", wire.ping());
      case 4:
        if (cursor.below(4) === 0) harness.expect("close", wire.close());
        return;
      case 5:
        if (cursor.below(8) === 0) wire.abort(new Planned("planned"));
        return;
      case 6:
      case 7: {
        const kept = this.#kept.filter(isStream).at(-1 - cursor.below(2));
        const most = cursor.below(4);
        if (kept === undefined) return;
        return harness.expect("a stream", this.#consume(kept, most));
      }
      case 8: {
        const kept = this.#kept[cursor.below(4)];
        if (isDisposable(kept)) kept[Symbol.dispose]();
        return;
      }
      case 9: {
        const given = this.#given[cursor.below(3)];
        if (given !== undefined) wire.forgetRemoteTranslation(given);
        return;
      }
      case 10:
        return void harness.read();
      case 11:
        return harness.expect("forceOutput", wire.forceOutput());
      default:
        return this.#call(cursor);
    }
  }
}

function isStream(value: unknown): value is RemoteStream<unknown> {
  return typeof value === "object" && value !== null && "cancel" in value &&
    Symbol.asyncIterator in value;
}

function isDisposable(value: unknown): value is Disposable {
  return (typeof value === "object" || typeof value === "function") &&
    value !== null && Symbol.dispose in value;
}
