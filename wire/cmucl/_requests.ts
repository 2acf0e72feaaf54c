/**
 * What an object that came means: an answer, a call to perform, or a message.
 * The arguments of a call may be calls, which are performed first.
 *
 * @module
 */

import { MESSAGE_OVERHEAD } from "../codec/messages.ts";
import type { Messaging } from "../rpc/messaging.ts";
import { malformed, WireError } from "../base/errors.ts";
import { Queue } from "../base/collections.ts";
import { excessOf, type Memory } from "../base/limits.ts";
import { listOf } from "./cons.ts";
import { RemoteAbort } from "./errors.ts";
import {
  abortName,
  type Count,
  returnName,
  type Verb,
  verbOf,
} from "./opcodes.ts";
import type { Answer, LispOutput } from "./_output.ts";
import { LispCall, type ReceivedObject } from "./reader.ts";
import { RemoteObject } from "./remote_objects.ts";
import { LispSymbol, nil } from "./symbols.ts";
import type { LispWriter } from "./writer.ts";

/** Who waits for the value of the next object. */
interface Asker {
  readonly remote: RemoteObject;
  readonly count: Count;
}

/** What becomes of a call: it has values, or it unwinds. */
interface Outcome {
  /** The call's values. @returns How many bytes went out. */
  values(list: readonly unknown[]): number;
  /** There is no value. */
  unwind(error: unknown): number;
}

/** A call that is being served. */
interface Owed extends Outcome {
  /** What it holds of the memory that a peer may take. */
  readonly cost: number;
}

/** What requests work with. */
export interface RequestOptions {
  readonly output: LispOutput;
  readonly messaging: Messaging;
  /** Accounts for what objects take beyond their bytes. */
  readonly memory: Memory;
  /** How many calls may wait for their value in a chain. */
  readonly nesting: number;
  /** The name under which a function is served; undefined if it is not. */
  readonly servedName: (symbol: LispSymbol) => string | undefined;
  /** Told what has no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
  /** The peer broke the protocol. */
  readonly onBroken: (error: unknown) => void;
  /** An object that held up those behind it no longer does. */
  readonly onFree: () => void;
}

/** The objects of one wire, on their way to where they belong. */
export class Requests {
  /** How many objects, with calls as arguments, hold up those behind them. */
  blocked = 0;
  /** How many bytes the calls have that are served for a value. */
  owedBytes = 0;

  readonly #options: RequestOptions;
  #askers: Asker[] = [];
  readonly #owed = new Map<number, Owed>();
  readonly #echoes = new Queue<
    { answer: () => void; cost: number; excess: number }
  >();
  /** Has those fail whose objects are being performed for who holds the wire. */
  readonly #evaluating = new Set<(reason: WireError) => void>();
  /** Why the wire has ended. */
  #reason: WireError | undefined;
  #nextId = 0;

  /** @param options What to work with. */
  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /**
   * Takes an object.
   *
   * @param received The object.
   * @param size How many bytes it had.
   * @param weight What it takes in memory.
   * @throws {WireError} What ends the wire.
   */
  take(received: ReceivedObject, size: number, weight = 0): void {
    const { value, error } = received;
    const cost = size + MESSAGE_OVERHEAD;
    const excess = excessOf(weight, cost);
    if (error !== undefined) return this.#overLimit(value, error, cost);
    if (value instanceof LispCall) {
      const verb = this.#verb(value);
      if (verb?.kind === "ask") return this.#ask(value, verb.count);
      // An answer is for whoever waits for it, and held no longer.
      if (verb === undefined && this.#isTooHeavy(weight, cost)) {
        return this.#overLimit(value, tooHeavy(), cost);
      }
      return this.#request(value, this.#takeAskers(), cost, excess);
    }
    if (this.#isTooHeavy(weight, cost)) {
      return this.#overLimit(value, tooHeavy(), cost);
    }
    const askers = this.#takeAskers();
    if (askers.length > 0) return this.#echo(askers, value, cost, excess);
    const { inbox, messageWindow } = this.#options.messaging;
    messageWindow.received(cost);
    inbox.put(value, undefined, cost, excess);
  }

  /** Whether there is no room for what an object takes in memory. */
  #isTooHeavy(weight: number, cost: number): boolean {
    return weight > this.#options.memory.room(cost);
  }

  /** The output has room again: answers that waited for it are sent. */
  resume(): void {
    while (this.#options.output.hasRoom) {
      const echo = this.#echoes.shift();
      if (echo === undefined) break;
      this.owedBytes -= echo.cost;
      this.#options.memory.give(echo.excess);
      echo.answer();
    }
  }

  /** The value of data is the data itself, which may be large. */
  #echo(
    askers: Asker[],
    value: unknown,
    cost: number,
    excess: number,
  ): void {
    const answer = () => {
      const outcome = this.#outcome(askers, "");
      try {
        outcome.values([value]);
      } catch (error) {
        outcome.unwind(error);
      }
    };
    if (this.#options.output.hasRoom && this.#echoes.size === 0) {
      return answer();
    }
    this.owedBytes += cost;
    this.#options.memory.hold(excess);
    this.#echoes.push({ answer, cost, excess });
  }

  /**
   * Performs a call, or takes data as it is, as CMUCL's `wire-get-object`.
   *
   * @param received The object.
   * @param size How many bytes it had.
   * @returns Its value; `nil` for the protocol's own calls.
   */
  evaluate(received: ReceivedObject, size: number): Promise<unknown> {
    const { value, error } = received;
    if (error !== undefined) return Promise.reject(error);
    if (!(value instanceof LispCall)) return Promise.resolve(value);
    if (this.#verb(value)?.kind === "ask") {
      this.take(received, size);
      return Promise.resolve(nil);
    }
    if (this.#reason !== undefined) return Promise.reject(this.#reason);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const over = () => void this.#evaluating.delete(reject);
    this.#evaluating.add(reject);
    this.#evaluate(value, size, {
      values: (list) => (over(), resolve(list[0] ?? nil), 0),
      unwind: (error) => (over(), reject(error), 0),
    });
    return promise;
  }

  /** The wire ended: nothing is answered any more. */
  end(reason: WireError): void {
    this.#reason = reason;
    for (const reject of this.#evaluating) reject(reason);
    this.#evaluating.clear();
  }

  #takeAskers(): Asker[] {
    const askers = this.#askers;
    if (askers.length > 0) this.#askers = [];
    return askers;
  }

  #verb(call: LispCall): Verb | undefined {
    return call.fn instanceof LispSymbol ? verbOf(call.fn) : undefined;
  }

  #ask(call: LispCall, count: Count): void {
    const [remote] = call.args;
    if (call.args.length !== 1 || !(remote instanceof RemoteObject)) {
      throw malformed(`${call.fn} takes one remote object.`);
    }
    if (this.#askers.length >= this.#options.nesting) {
      throw malformed(
        "Too many calls in a row wait for the value of the next.",
      );
    }
    this.#askers.push({ remote, count });
  }

  /** A call came by itself, or behind those who want its value. */
  #request(
    call: LispCall,
    askers: Asker[],
    cost: number,
    excess: number,
  ): void {
    const outcome = this.#outcome(askers, shown(call.fn));
    if (call.args.some((arg) => arg instanceof LispCall)) {
      this.blocked++;
      const free = () => {
        this.blocked--;
        this.#options.onFree();
      };
      this.#arguments(call, 0, () => {
        free();
        this.#perform(call, askers, cost, excess, outcome);
      }, (error) => {
        free();
        outcome.unwind(error);
      });
    } else {
      this.#perform(call, askers, cost, excess, outcome);
    }
  }

  /** Performs a call whose arguments are data. */
  #perform(
    call: LispCall,
    askers: readonly Asker[],
    cost: number,
    excess: number,
    outcome: Outcome,
  ): void {
    const wantsValues = (askers.at(-1)?.count ?? 1) !== 1;
    if (askers.length > 0 || this.#verb(call) !== undefined) {
      return this.#invoke(call, cost, excess, wantsValues, outcome);
    }
    const name = this.#name(call);
    if (name === undefined) return void outcome.unwind(notServed(call.fn));
    const { incoming, sendWindow } = this.#options.messaging;
    const { args } = call;
    this.#guard(() => {
      sendWindow.received(cost);
      incoming.send(name, args, cost, undefined, excess);
    });
  }

  /** Performs a call for its value. */
  #invoke(
    call: LispCall,
    cost: number,
    excess: number,
    wantsValues: boolean,
    outcome: Outcome,
  ): void {
    const verb = this.#verb(call);
    if (verb !== undefined) {
      if (verb.kind === "ask") {
        return void outcome.unwind(
          malformed(`${call.fn} came as an argument.`),
        );
      }
      this.#answer(call, verb);
      return void outcome.values([nil]);
    }
    const name = this.#name(call);
    if (name === undefined) return void outcome.unwind(notServed(call.fn));
    const id = this.#nextId = (this.#nextId + 1) % 0x1_0000_0000;
    this.#owed.set(id, { ...outcome, cost });
    this.owedBytes += cost;
    const { args } = call;
    const extras = wantsValues ? { wantsValues } : undefined;
    this.#guard(() =>
      this.#options.messaging.incoming.call(
        id,
        name,
        args,
        cost,
        extras,
        excess,
      )
    );
  }

  /** Performs the calls among the arguments of a call, from the first on. */
  #arguments(
    call: LispCall,
    from: number,
    done: () => void,
    unwind: (error: unknown) => void,
  ): void {
    const { args } = call;
    for (let index = from; index < args.length; index++) {
      const arg = args[index];
      if (!(arg instanceof LispCall)) continue;
      let isNow = true;
      let isDone = false;
      // What they hold is counted with the outermost call.
      this.#evaluate(arg, MESSAGE_OVERHEAD, {
        values: (list) => {
          args[index] = list[0] ?? nil;
          isDone = true;
          if (!isNow) this.#arguments(call, index + 1, done, unwind);
          return 0;
        },
        unwind: (error) => (unwind(error), 0),
      });
      isNow = false;
      if (!isDone) return;
    }
    done();
  }

  /** Performs a call for its first value. */
  #evaluate(call: LispCall, cost: number, outcome: Outcome): void {
    this.#arguments(
      call,
      0,
      () => this.#invoke(call, cost, 0, false, outcome),
      (error) => outcome.unwind(error),
    );
  }

  /** The name under which the function of a call is served. */
  #name(call: LispCall): string | undefined {
    return call.fn instanceof LispSymbol
      ? this.#options.servedName(call.fn)
      : undefined;
  }

  /**
   * A served function has an outcome.
   *
   * @returns How many bytes went out.
   */
  settle(answer: Answer): number {
    const { id } = answer;
    const owed = this.#owed.get(id);
    if (owed === undefined) return 0;
    const size = answer.kind === "return"
      ? owed.values([answer.value])
      : answer.kind === "returnValues"
      ? owed.values(answer.values)
      : answer.kind === "throw"
      ? owed.unwind(answer.thrown)
      : owed.unwind(new WireError(answer.code, answer.message));
    // Where the values could not be sent, the call is to fail next.
    this.#owed.delete(id);
    this.owedBytes -= owed.cost;
    this.#options.onFree();
    return size;
  }

  /** What is sent to those who ask, and what is reported here. */
  #outcome(askers: readonly Asker[], name: string): Outcome {
    const { output, onError } = this.#options;
    const send = (write: (lisp: LispWriter, asker: Asker) => void) => {
      let size = 0;
      for (const asker of askers.toReversed()) {
        size += output.answer((lisp) => write(lisp, asker));
      }
      return size;
    };
    return {
      values: (list) => {
        const innermost = askers.at(-1);
        return send((lisp, asker) =>
          returnValues(lisp, asker, asker === innermost ? list : [])
        );
      },
      unwind: (error) => {
        const what = askers.length > 0 ? "call" : "one-way call";
        onError(error, `${what} of "${name}"`);
        return send((lisp, { remote }) => lisp.call(abortName, [remote]));
      },
    };
  }

  /** An answer to a call of this side. */
  #answer(call: LispCall, verb: Verb): void {
    const { messaging: { calls }, output } = this.#options;
    this.#guard(() => {
      const [remote, ...list] = call.args;
      const asked = remote instanceof RemoteObject
        ? output.answered(remote)
        : undefined;
      if (asked === undefined) {
        throw malformed(`${call.fn} came for a call that there is not.`);
      }
      if (verb.kind === "abort") {
        return calls.refused(asked.id, (name) => new RemoteAbort(name));
      }
      const count = asked.count === "N" ? 1 : asked.count;
      if (verb.kind !== "answer" || verb.count !== count) {
        throw malformed(`${call.fn} came, and ${asked.count} were asked for.`);
      }
      if (list.length !== count) {
        throw malformed(`${call.fn} came with ${list.length} values.`);
      }
      if (!asked.wantsValues) return calls.returned(asked.id, list[0]);
      const values = asked.count === "N" ? allValues(list[0]) : list;
      calls.returnedValues(asked.id, values);
    });
  }

  /** What the peer does wrong ends the wire, also if it shows late. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#options.onBroken(error);
    }
  }

  /** An object came that is over a limit: it fails by itself. */
  #overLimit(value: unknown, error: WireError, cost: number): void {
    const { messaging, output } = this.#options;
    const { calls, inbox, messageWindow } = messaging;
    const askers = this.#takeAskers();
    if (!(value instanceof LispCall)) {
      if (askers.length > 0) {
        this.#outcome(askers, "").unwind(error);
        return;
      }
      messageWindow.received(cost);
      return inbox.put(undefined, error, cost);
    }
    const verb = this.#verb(value);
    const [remote] = value.args;
    if (verb?.kind === "answer" && remote instanceof RemoteObject) {
      const asked = output.answered(remote);
      if (asked !== undefined) calls.unreadable(asked.id, error);
      return;
    }
    this.#outcome(askers, shown(value.fn)).unwind(error);
  }
}

function returnValues(
  lisp: LispWriter,
  { remote, count }: Asker,
  list: readonly unknown[],
): void {
  const fn = returnName(count);
  if (count === "N") return lisp.call(fn, [remote, list]);
  const args: unknown[] = [remote];
  for (let index = 0; index < count; index++) args.push(list[index]);
  lisp.call(fn, args);
}

function allValues(value: unknown): unknown[] {
  try {
    return listOf(value);
  } catch {
    throw malformed("All values come as a list, and what came is none.");
  }
}

function tooHeavy(): WireError {
  return new WireError(
    "limit",
    'What came and is not dealt with takes as much memory here as it may (the limits "memory" and, for all wires of a server, "serverMemory" and "serverTotal"), and an object came that needs more. Wait for answers, or send less at a time.',
  );
}

function notServed(fn: unknown): WireError {
  return new WireError(
    "noSuchFunction",
    fn instanceof LispSymbol
      ? `The peer called ${shown(fn)}, which is not served here.`
      : "The peer called something that names no function.",
  );
}

function shown(fn: unknown): string {
  const text = fn instanceof LispSymbol ? String(fn) : "";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
