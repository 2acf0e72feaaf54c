/**
 * What a victim serves: a program that does what it is asked to, as programs
 * do.
 *
 * @module
 */

import {
  type CallContext,
  makeRemoteObject,
  type RemoteFunction,
  type RemoteStream,
  type Wire,
  WireError,
} from "../../mod.ts";

/** What is kept for a wire, and goes with it. */
const kept = new WeakMap<Wire, unknown[]>();

function keep(wire: Wire, ...what: unknown[]): number {
  const list = kept.get(wire) ?? [];
  list.push(...what);
  kept.set(wire, list);
  return list.length;
}

/** What failed with what, or the value. */
async function outcome(result: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await result };
  } catch (error) {
    return { code: error instanceof WireError ? error.code : String(error) };
  }
}

/** The functions. `this.wire` is the peer's that called. */
export const PROGRAM = {
  echo: (x: unknown) => x,
  count: (...args: unknown[]) => args.length,
  later: async (x: unknown) => await x,
  /** Answers when its caller gives up. */
  wait(this: CallContext<Wire>) {
    const { signal } = this;
    return new Promise((_, reject) =>
      signal.onabort = () => reject(signal.reason)
    );
  },
  /** Holds what came, and never answers. */
  hold(this: CallContext<Wire>, ...what: unknown[]) {
    const { signal } = this;
    return new Promise((_, reject) =>
      signal.onabort = () => reject([signal.reason, what.length])
    );
  },
  /** Never answers. */
  waitForEver: () => new Promise(() => {}),
  note() {},
  fail() {
    throw new RangeError("as planned");
  },
  /** Fails with whatever its caller says. */
  failWith(text: string) {
    throw new Error(text, { cause: new Error(text) });
  },
  fat: (size: number) => "x".repeat(size),
  give: () => makeRemoteObject({ use: (x: unknown) => x }),
  giveFunction: () => () => 1,
  /** A program that lets go of what came. */
  drop() {},
  keep(this: CallContext<Wire>, ...what: unknown[]) {
    return keep(this.wire, ...what);
  },
  /** A stream of items of some size. */
  async *items(count: number, size: number) {
    const item = new Uint8Array(size);
    for (let n = 0; n < count; n++) yield item;
  },
  async drain(stream: RemoteStream<unknown>) {
    let count = 0;
    for await (const _item of stream) count++;
    return count;
  },
  /** Takes some items of a stream, and leaves. */
  async sip(stream: RemoteStream<unknown>, most: number) {
    let count = 0;
    for await (const _item of stream) if (++count >= most) break;
    return count;
  },
  /** Asks the peer; gives what came of it. */
  ask(this: CallContext<Wire>, name: string, ...args: unknown[]) {
    return outcome(this.wire.remoteValue[name]!(...args));
  },
  /** The same for all values. */
  askValues(this: CallContext<Wire>, name: string) {
    return outcome(this.wire.remoteValues[name]!());
  },
  /** The same, and does not wait. */
  askSoon(this: CallContext<Wire>, name: string, count: number) {
    for (let n = 0; n < count; n++) this.wire.remoteValue[name]!();
  },
  /** The same, and gives up. */
  async askAndGiveUp(this: CallContext<Wire>, name: string, count: number) {
    const controller = new AbortController();
    const { remoteValue } = this.wire.with({ signal: controller.signal });
    const asked = Array.from({ length: count }, () => remoteValue[name]!());
    await this.wire.forceOutput();
    controller.abort();
    return (await Promise.allSettled(asked)).length;
  },
  /** Calls what came. */
  async call(fn: RemoteFunction<(x: unknown) => unknown>, x: unknown) {
    using _fn = fn;
    return await outcome(fn(x));
  },
  /** Sends typed messages. */
  async post(this: CallContext<Wire>, count: number, size: number) {
    const item = "x".repeat(size);
    for (let n = 0; n < count; n++) await this.wire.outputObject(item);
  },
  /** The same, and does not wait. */
  postSoon(this: CallContext<Wire>, count: number, size: number) {
    const item = "x".repeat(size);
    for (let n = 0; n < count; n++) this.wire.outputObject(item);
  },
  take(this: CallContext<Wire>) {
    return outcome(this.wire.getObject());
  },
  /** Closes gracefully. */
  leave(this: CallContext<Wire>) {
    this.wire.close();
  },
};
