/**
 * The cases that a transport has to pass, for any test framework.
 *
 * @module
 */

import { shown, WireError } from "../base/errors.ts";
import { checkHook, checkOptionKeys } from "../base/checks.ts";
import { checkTime } from "../base/clock.ts";
import { makeRemoteObject } from "../rpc/remote.ts";
import {
  type ByteDuplex,
  checkWritten,
  type Transport,
  transportOf,
} from "../transport/transport.ts";
import { makeWire, type Wire } from "../wire.ts";
import {
  expect,
  expectBytes,
  expectSame,
  inCase,
  Patience,
  pause,
} from "./_expect.ts";
import { BROKEN, Hampered, type Hampering, HAMPERINGS } from "./_hampered.ts";

/** The two ends of one connection. */
export type Connected = readonly [
  Transport | ByteDuplex,
  Transport | ByteDuplex,
];

/** How thorough the cases are. */
export interface TransportCaseOptions {
  /**
   * How long a case waits for one thing, in milliseconds.
   *
   * @default {30000}
   */
  patience?: number | undefined;
  /**
   * At how many places the connection is cut, each on a new connection; by
   * default at every byte of a short conversation, some hundreds.
   *
   * @default {Infinity}
   */
  cuts?: number | undefined;
  /**
   * How many bytes a transport may take while nobody reads. Fewer tell sooner
   * that it holds whatever it is given.
   *
   * @default {67108864}
   */
  mostHeld?: number | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof TransportCaseOptions, true>> = {
  patience: true,
  cuts: true,
  mostHeld: true,
};

/** One case. */
export interface TransportCase {
  /** What is tried. */
  readonly name: string;
  /**
   * Tries it on connections of its own, and closes them.
   *
   * @throws {WireError} What the transport does wrong, as a rejection:
   * `invalidArgument`, or `timeout` for what never settles.
   */
  readonly run: () => Promise<void>;
}

/**
 * The cases that a transport has to pass: those of its interface, then a
 * conversation of two wires over it, as it is and hampered in every way that a
 * transport may be, and at last its end, at every byte and by errors of either
 * side.
 *
 * @param makePair Makes a new connection, and gives its two ends.
 * @param options How thorough the cases are.
 * @returns The cases, one test each.
 * @throws {WireError} `invalidArgument` for what makes no connections, and for
 * unusable options.
 *
 * @example In the place of `test` stands `Deno.test`, or that of `node:test`, of Bun
 * ```ts
 * import { streamTransport } from "@remote/wire";
 * import { transportCases } from "@remote/wire/testing";
 *
 * function makePair() {
 *   const there = new TransformStream<Uint8Array, Uint8Array>();
 *   const back = new TransformStream<Uint8Array, Uint8Array>();
 *   return [
 *     streamTransport({ readable: back.readable, writable: there.writable }),
 *     streamTransport({ readable: there.readable, writable: back.writable }),
 *   ] as const;
 * }
 * const cases = transportCases(makePair, { cuts: 10 });
 * const test = (name: string, run: () => Promise<void>) => ({ name, run });
 * const tests = cases.map(({ name, run }) => test(name, run));
 * if (tests.length < 10) throw new Error();
 * ```
 */
export function transportCases(
  makePair: () => Connected | Promise<Connected>,
  options: TransportCaseOptions = {},
): TransportCase[] {
  checkHook(makePair, "What transportCases() makes connections by");
  checkOptionKeys(options, OPTION_KEYS, "transportCases()");
  const { patience = 30_000, cuts = Infinity, mostHeld = 2 ** 26 } = options;
  checkTime(patience, "patience");
  checkCount(cuts, "cuts");
  checkCount(mostHeld, "mostHeld");
  const kit = new Kit(makePair, new Patience(patience));
  const cases: Record<string, () => Promise<void>> = {
    "bytes arrive as they left, in order": () => kit.bytes(),
    "what is written is left alone": () => kit.leavesBytesAlone(),
    "the end of one direction leaves the other": () => kit.halfClose(),
    "close() settles what is under way": () => kit.close(),
    "who does not read slows who writes": () => kit.backPressure(mostHeld),
  };
  for (const [name, how] of Object.entries(HAMPERINGS)) {
    cases[`wires converse: ${name}`] = () => kit.conversation(how);
  }
  for (const at of ["read", "write"] as const) {
    for (const side of ["near", "far"] as const) {
      cases[`wires end where ${at}() of the ${side} end throws`] = () =>
        kit.errors(side, at);
    }
  }
  cases["wires end wherever the connection is cut"] = () => kit.cut(cuts);
  return Object.entries(cases).map(([name, trial]) => ({
    name,
    run: () =>
      trial().catch((error) => {
        throw inCase(name, error);
      }),
  }));
}

/** With what is no number a case would try next to nothing. */
function checkCount(count: unknown, name: keyof TransportCaseOptions): void {
  if (typeof count === "number" && count >= 1) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is a number from 1 up, and not ${shown(count)}.`,
  );
}

/** What the far wire serves in a conversation, and the near one calls. */
interface Served {
  echo(value: unknown): unknown;
  each(count: number): AsyncIterable<number>;
  sum(items: AsyncIterable<number>): Promise<number>;
  callBack(fn: (n: number) => number): Promise<number>;
  counter(): { next(): number };
  never(): Promise<void>;
  note(n: number): void;
  noted(): number[];
}

function serve(wire: Wire): void {
  const noted: number[] = [];
  wire.serve({
    echo: (value: unknown) => value,
    async *each(count: number) {
      for (let n = 0; n < count; n++) yield await n;
    },
    async sum(items: AsyncIterable<number>) {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
    callBack: async (fn: (n: number) => number) => await fn(20) + 1,
    counter() {
      let count = 0;
      return makeRemoteObject({ next: () => ++count });
    },
    never: () => new Promise(() => {}),
    note: (n: number) => void noted.push(n),
    noted: () => noted,
  });
}

/** Bytes that are not the same everywhere. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let n = 0; n < size; n++) bytes[n] = n * 31 ^ n >> 8;
  return bytes;
}

/** The largest value of a conversation, in bytes: several frames take it. */
const LARGE = 300_000;

/** Reads one end, as a wire does: the next chunk as soon as one has come. */
class Inlet {
  /** Resolves when there is nothing more to read. */
  readonly done: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  readonly #patience: Patience;
  #size = 0;
  #isOver = false;
  #came = Promise.withResolvers<void>();

  constructor(end: Transport, patience: Patience) {
    this.#patience = patience;
    this.#came.promise.catch(() => {});
    this.done = this.#run(end).catch((error) => this.#came.reject(error));
  }

  /** Takes so many bytes, or all to the end. */
  async take(most = Infinity): Promise<Uint8Array> {
    while (this.#size < most && !this.#isOver) {
      await this.#patience.for(this.#came.promise, "read()");
    }
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks.splice(0)) {
      all.set(chunk, at);
      at += chunk.length;
    }
    const count = Math.min(most, all.length);
    this.#chunks.push(all.subarray(count));
    this.#size -= count;
    return all.subarray(0, count);
  }

  async #run(end: Transport): Promise<void> {
    while (!this.#isOver) {
      const chunk = await end.read();
      if (chunk === null) {
        this.#isOver = true;
      } else {
        this.#chunks.push(new Uint8Array(chunk));
        this.#size += chunk.length;
      }
      const came = this.#came;
      this.#came = Promise.withResolvers<void>();
      this.#came.promise.catch(() => {});
      came.resolve();
    }
  }
}

/** Runs the cases over connections that it makes. */
class Kit {
  readonly #makePair: () => Connected | Promise<Connected>;
  readonly #patience: Patience;
  readonly #inlets = new WeakMap<Transport, Inlet>();

  constructor(
    makePair: () => Connected | Promise<Connected>,
    patience: Patience,
  ) {
    this.#makePair = makePair;
    this.#patience = patience;
  }

  /** Two ends, which are closed at the end of the case. */
  async #pair(): Promise<[Transport, Transport]> {
    const made: unknown = await this.#patience.for(
      Promise.resolve(this.#makePair()),
      "making a connection",
    );
    const [near, far] = Array.isArray(made) ? made : [];
    return [transportOf(near), transportOf(far)];
  }

  async #withPair(
    use: (near: Transport, far: Transport) => Promise<void>,
  ): Promise<void> {
    const [near, far] = await this.#pair();
    try {
      await use(near, far);
    } finally {
      near.close();
      far.close();
      // What is left of either is over when there is nothing more to read.
      for (const end of [near, far]) {
        await this.#patience.for(this.#inlet(end).done, "read() after close()");
      }
    }
  }

  /** What reads an end; one for each. */
  #inlet(end: Transport): Inlet {
    const inlet = this.#inlets.get(end) ?? new Inlet(end, this.#patience);
    this.#inlets.set(end, inlet);
    return inlet;
  }

  /** Writes all of some bytes. */
  async #write(end: Transport, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const { length } = rest;
      const count = await this.#patience.for(end.write(rest), "write()");
      rest = rest.subarray(checkWritten(count, rest, length));
    }
  }

  bytes(): Promise<void> {
    return this.#withPair(async (near, far) => {
      const ends = [[near, this.#inlet(far)], [
        far,
        this.#inlet(near),
      ]] as const;
      for (const size of [1, 2, 255, 256, 4_097, 65_536, 300_001]) {
        const bytes = pattern(size);
        for (const [from, to] of ends) {
          await this.#write(from, bytes.slice());
          expectBytes(await to.take(size), bytes, `${size} bytes`);
        }
      }
    });
  }

  leavesBytesAlone(): Promise<void> {
    return this.#withPair(async (near, far) => {
      const bytes = pattern(5_000);
      const given = bytes.slice();
      const inlet = this.#inlet(far);
      await this.#write(near, given);
      expectBytes(given, bytes, "write() changed the bytes that it was given");
      // The wire writes into them again.
      given.fill(0);
      await this.#write(near, bytes.slice());
      expectBytes(
        await inlet.take(5_000),
        bytes,
        "write() still used its bytes when its promise had settled",
      );
    });
  }

  halfClose(): Promise<void> {
    return this.#withPair(async (near, far) => {
      const [here, there] = [this.#inlet(near), this.#inlet(far)];
      await this.#write(near, pattern(10));
      const closing = near.closeWrite();
      expectBytes(await there.take(), pattern(10), "before the end");
      await this.#write(far, pattern(20));
      expectBytes(
        await here.take(20),
        pattern(20),
        "what came from the end that did not end",
      );
      await this.#patience.for(closing, "closeWrite()");
    });
  }

  async close(): Promise<void> {
    for (const isPeer of [false, true]) {
      await this.#withPair(async (near, far) => {
        const reading = near.read();
        (isPeer ? far : near).close();
        near.close();
        near.close();
        await this.#patience.failure(reading, "read() when it was closed");
        await this.#patience.failure(far.read(), "read() of the other end");
        await this.#patience.failure(near.read(), "read() after close()");
        await this.#patience.failure(
          Promise.resolve().then(() => near.write(pattern(9))),
          "write() after close()",
        );
        await this.#patience.failure(
          Promise.resolve().then(() => near.closeWrite()),
          "closeWrite() after close()",
        );
      });
    }
  }

  backPressure(mostHeld: number): Promise<void> {
    return this.#withPair(async (near) => {
      const bytes = pattern(65_536);
      for (let held = 0; held < mostHeld;) {
        const writing = near.write(bytes);
        if (await this.#isStuck(writing)) return;
        held += await writing;
      }
      expect(
        false,
        `write() took ${mostHeld} bytes of which the peer has read none. It has to settle only when the peer takes what came before.`,
      );
    });
  }

  /** Whether a write waits for the peer, as far as one can see. */
  async #isStuck(writing: Promise<number>): Promise<boolean> {
    return await this.#patience.isPending(writing, 1) &&
      await this.#patience.isPending(writing, 200);
  }

  /** Two wires over a connection, both hampered. */
  async #wires(
    near: Hampering,
    far: Hampering = near,
  ): Promise<{ near: Wire<Served>; far: Wire; ends: Hampered[] }> {
    const pair = await this.#pair();
    const ends = [new Hampered(pair[0], near), new Hampered(pair[1], far)];
    const [one, other] = ends.map((end) => makeWire(end, { onError() {} }));
    serve(other as Wire);
    return {
      near: one as unknown as Wire<Served>,
      far: other as Wire,
      ends,
    };
  }

  async conversation(how: Hampering): Promise<void> {
    const { near, far } = await this.#wires(how);
    try {
      await this.#patience.for(near.opened, "the hello of both wires");
      await this.#values(near, how.largest ?? LARGE);
      await this.#flows(near, far);
      await this.#patience.for(near.close(), "closing a wire");
      for (const wire of [near, far]) {
        const { code, message } = await this.#patience.for(
          wire.closed,
          "the end of a wire",
        );
        expect(code === "closed", `a wire ended by itself: ${message}`);
      }
    } finally {
      await this.#end(near, far);
    }
  }

  async #values(near: Wire<Served>, size: number): Promise<void> {
    const { echo } = near.remoteValue;
    const wait = <T>(promise: PromiseLike<T>, what: string) =>
      this.#patience.for(Promise.resolve(promise), what);
    const value = [1, -0.5, "text", "Ω".repeat(99), null, 2n ** 70n, [[]]];
    expectSame(await wait(echo(value), "a call"), value, "a call");
    const many = await wait(
      Promise.all(Array.from({ length: 300 }, (_, n) => echo(n))),
      "300 calls at a time",
    );
    expectSame(many.at(-1), 299, "300 calls at a time");
    for (let n = 0; n < 20; n++) await wait(echo(n), "calls in a row");
    const large = wait(echo(pattern(size)), "a large value");
    // What fails first is told; the other has nobody then who waits for it.
    large.catch(() => {});
    expectSame(await wait(echo(7), "a call beside it"), 7, "a call beside it");
    expectBytes(await large as Uint8Array, pattern(size), "a large value");
    for (let n = 0; n < 100; n++) near.remote.note(n);
    const noted = await wait(near.remoteValue.noted(), "one-way calls");
    expectSame(noted.join(), [...noted.keys()].join(), "one-way calls");
    expect(noted.length === 100, `one-way calls: ${noted.length} of 100 came.`);
  }

  async #flows(near: Wire<Served>, far: Wire): Promise<void> {
    const wait = <T>(promise: PromiseLike<T>, what: string) =>
      this.#patience.for(Promise.resolve(promise), what);
    const { remoteValue } = near;
    let last = -1;
    for await (const n of await wait(remoteValue.each(500), "a stream")) {
      expect(n === last + 1, `a stream: item ${n} came after ${last}.`);
      last = n;
      // Now and then its consumer is slow.
      if (n % 100 === 0) await pause(0);
    }
    expect(last === 499, `a stream ended after ${last + 1} of 500 items.`);
    async function* items() {
      for (let n = 1; n <= 100; n++) yield await n;
    }
    const sum = await wait(remoteValue.sum(items()), "a stream sent");
    expectSame(sum, 5_050, "a stream sent");
    const back = remoteValue.callBack((n) => n * 2);
    expectSame(await wait(back, "a call-back"), 41, "a call-back");
    const counter = await wait(
      near.call("counter", []) as Promise<
        { remoteValue: { next(): Promise<number> } } & Disposable
      >,
      "a reference",
    );
    await wait(counter.remoteValue.next(), "a call of a reference");
    const count = await wait(counter.remoteValue.next(), "its second call");
    counter[Symbol.dispose]();
    expectSame(count, 2, "an object by reference");
    const giveUp = new AbortController();
    const given = near.with({ signal: giveUp.signal }).remoteValue.never();
    giveUp.abort();
    const error = await this.#patience.failure(
      Promise.resolve(given),
      "a call that is given up",
    );
    expectSame((error as WireError).code, "cancelled", "a call given up");
    await far.outputObject({ last: true });
    const message = await wait(near.getObject(), "a typed message");
    expectSame((message as { last: unknown }).last, true, "a typed message");
  }

  async errors(side: "near" | "far", at: "read" | "write"): Promise<void> {
    for (const after of [0, 1, 2]) {
      const broken: Hampering = { throws: { at, after } };
      const { near, far } = await this.#wires(
        side === "near" ? broken : {},
        side === "far" ? broken : {},
      );
      try {
        const own: Wire = side === "near" ? near as unknown as Wire : far;
        await this.#endsWell(near, far);
        const { message } = await own.closed;
        expect(message.includes(BROKEN), `a wire lost its error: ${message}`);
      } finally {
        await this.#end(near, far);
      }
    }
  }

  async cut(most: number): Promise<void> {
    // How long it is, where nothing is cut.
    const whole = await this.#wires({});
    await this.#short(whole.near);
    const size = whole.ends[0]!.sent;
    await this.#end(whole.near, whole.far);
    const step = Math.max(1, Math.ceil(size / Math.max(1, most)));
    for (let cutAfter = 0; cutAfter < size; cutAfter += step) {
      const { near, far } = await this.#wires({ cutAfter }, {});
      try {
        await this.#endsWell(near, far);
      } catch (error) {
        throw inCase(`cut after ${cutAfter} bytes`, error);
      } finally {
        await this.#end(near, far);
      }
    }
  }

  /** A short conversation, over which a connection is cut. */
  async #short(near: Wire<Served>): Promise<unknown> {
    const calls = [near.remoteValue.echo("x".repeat(99))];
    await Promise.resolve();
    calls.push(near.remoteValue.echo(["more"]), near.remoteValue.echo(1));
    await Promise.allSettled(calls);
    return await near.remoteValue.echo(2);
  }

  /** Whether two wires end, with all that they have under way. */
  async #endsWell(near: Wire<Served>, far: Wire): Promise<void> {
    const never = this.#patience.failure(
      Promise.resolve(near.remoteValue.never()),
      "a call when the connection is gone",
    );
    never.catch(() => {});
    await this.#patience.failure(
      this.#short(near),
      "calls when the connection is gone",
    );
    for (const wire of [near, far]) {
      // Only one of them may have noticed, where nobody writes any more.
      const { code } = await this.#patience.for(
        wire.closed,
        "the end of a wire whose connection is gone",
      );
      expect(code !== "malformed", "bytes changed where it was cut.");
    }
    const error = await never;
    expect(error instanceof WireError, `a call failed with ${String(error)}`);
  }

  async #end(near: Wire<Served>, far: Wire): Promise<void> {
    near.abort();
    far.abort();
    const closed = Promise.all([near.closed, far.closed]);
    await this.#patience.for(closed, "the end of wires that are aborted");
  }
}
