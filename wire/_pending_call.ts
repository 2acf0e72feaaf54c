/**
 * A call that was made, and has no answer yet.
 *
 * @module
 */

import type { CallPromise, PendingResult } from "./_call_promise.ts";
import { CallStreams } from "./_call_streams.ts";
import type { CallOptions } from "./call_options.ts";
import { carriesStream } from "./_carries_stream.ts";
import type { Target } from "./messages.ts";
import type { Ticket } from "./output.ts";
import type { Report } from "./_report.ts";
import type { BoundStream } from "./_passing.ts";
import type { Waiting } from "./_turnstile.ts";

/** What makes calls that need the result of another. */
export interface CallMaker {
  /** Told what calls fail with that nobody awaits. */
  readonly report: Report | undefined;
  /** Whether a call may be made that needs the result of another. */
  canFollow(base: PendingCall): boolean;
  /** Makes a call. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
    target?: Target,
    following?: Following,
  ): CallPromise;
}

/** A call whose answer has not come. */
export class PendingCall implements Ticket, PendingResult {
  /** The calls that it is one of. */
  readonly calls: CallMaker;
  /** Its number; another call's once it is over. */
  readonly id: number;
  /** The how manieth of its wire it is: ids are used again. */
  order = 0;
  /** The function's name. */
  readonly name: string;
  /** Whether all values are wanted, or the first. */
  readonly wantsValues: boolean;
  /** Where it was made, if that is recorded. */
  readonly site: Error | undefined;
  /** The offset of its first byte in the output. */
  position = Infinity;
  /** Defined until it has left whole. */
  left: ((failure?: Error) => void) | undefined = undefined;
  /** Settles its promise. */
  resolve: (value: unknown) => void = nothing;
  /** What its caller holds. */
  promise: CallPromise | undefined = undefined;
  /** What it counts for in the peer's window, where it did not have to wait. */
  cost = 0;
  /** What waits for its turn; undefined where it did not have to. */
  waiting: Waiting | undefined = undefined;
  /** True when its caller was told already, and the answer is for nobody. */
  settled = false;
  /** Its value, once it is there. */
  value: unknown = undefined;
  /** Whether its value is there. */
  hasValue = false;
  /** Whether calls were made on it, or with it, before it was there. */
  isUsed = false;
  /** Stops its timer and its listener. */
  cleanup: (() => void) | undefined = undefined;
  /** Its streams, where something may end them. */
  streams: CallStreams | undefined = undefined;
  /** Calls whose results it needs, and how to make it without those. */
  follows: Following | undefined = undefined;
  /** How many calls that need its result have no answer. */
  followers = 0;
  /** Whether its id is free as soon as there are none. */
  isOver = false;

  /**
   * @param calls The calls that it is one of.
   * @param id Its number.
   * @param name The function's name.
   * @param wantsValues Whether all values are wanted.
   * @param site Where it was made.
   */
  constructor(
    calls: CallMaker,
    id: number,
    name: string,
    wantsValues: boolean,
    site: Error | undefined,
  ) {
    this.calls = calls;
    this.id = id;
    this.name = name;
    this.wantsValues = wantsValues;
    this.site = site;
  }

  /** One more stream ends with it. */
  add(stream: BoundStream): void {
    (this.streams ??= new CallStreams()).add(stream);
  }

  /** Whether calls may be made that need its result, and do not wait. */
  get canBeFollowed(): boolean {
    return this.calls.canFollow(this);
  }

  /** Told what calls fail with that nobody awaits. */
  get report(): Report | undefined {
    return this.calls.report;
  }

  /** Calls a function of its result. */
  callOn(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    again: () => Promise<unknown>,
  ): CallPromise | undefined {
    const { calls, id } = this;
    // Made anew, it would send its streams a second time.
    if (!calls.canFollow(this) || carriesStream(args)) return undefined;
    const following = { bases: [this], again };
    const target = { result: id };
    return calls.call(name, args, wantsValues, options, target, following);
  }
}

/** What a call needs of others. */
export interface Following {
  /** The calls whose results it needs. */
  readonly bases: PendingCall[];
  /** Makes it anew where the peer no longer has a result. */
  readonly again: () => Promise<unknown>;
}

function nothing(): void {}
