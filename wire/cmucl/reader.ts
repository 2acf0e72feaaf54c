/**
 * Tokens to objects. Nothing is performed here, and nothing recurses: what is
 * nested too deeply is skipped with a counter, and fails by itself.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { overLimit, type TokenLimits, Tokens } from "./_tokens.ts";
import type { Input } from "./_input.ts";
import { LispSymbol } from "./symbols.ts";
import { makeList } from "./cons.ts";
import { WEIGHT } from "../codec/value_kinds.ts";

/** What a reader has to keep to. */
export type ReaderLimits = TokenLimits & Pick<WireLimits, "nesting" | "values">;

/** A function call that came, and waits to be performed. */
export class LispCall {
  /** What names the function: a symbol, unless the peer errs. */
  fn: unknown;
  /** The arguments; some may be calls themselves. */
  readonly args: unknown[] = [];
}

/** An object that came. */
export interface ReceivedObject {
  /** Data, or a {@linkcode LispCall}. */
  readonly value: unknown;
  /** Why it is not whole: something in it is over a limit. */
  readonly error: WireError | undefined;
}

/** An object whose parts are still coming. */
interface Frame {
  readonly kind: "list" | "call" | "save";
  /** A list's items. */
  readonly items: unknown[];
  readonly call: LispCall | undefined;
  /** How many objects it lacks; 2 or 1 for the car and the cdr of a list. */
  missing: number;
  /** How deeply what is in it nests. */
  height: number;
  /** Where it is saved, and what had been counted before it. */
  readonly index: number;
  readonly values: number;
  readonly bytes: number;
  readonly weight: number;
}

/** What a peer has saved. */
interface Saved {
  readonly value: unknown;
  /** False when it was over a limit. */
  readonly isWhole: boolean;
  readonly height: number;
  readonly values: number;
  readonly bytes: number;
}

/** Reads one wire's objects. */
export class LispReader {
  /** How many objects were read. */
  objects = 0;
  /** How many bytes the last object had. */
  size = 0;
  /** What it takes in memory, about. */
  weight = 0;

  readonly #limits: ReaderLimits;
  readonly #tokens: Tokens;
  readonly #cache = new Map<number, Saved>();
  #cacheBytes = 0;
  #frames: Frame[] = [];
  /** How many of them are lists, and calls that are arguments. */
  #depth = 0;
  #values = 0;
  /** What the parts weigh that came. */
  #weight = 0;
  /** Set while what is left of an object over a limit is skipped. */
  #error: WireError | undefined;
  /** The outermost call of that object. */
  #root: LispCall | undefined;
  /** How many objects are still to be skipped. */
  #missing = 0;
  /** The next of them is to be saved here. */
  #saveAt: number | undefined;

  /** @param limits What to keep to. */
  constructor(limits: ReaderLimits) {
    this.#limits = limits;
    this.#tokens = new Tokens(limits);
  }

  /** The bytes that came and were not read. */
  get input(): Input {
    return this.#tokens.input;
  }

  /** What it keeps takes in memory: what is not finished, or was saved. */
  get total(): number {
    return this.input.room + this.#weight + this.#cacheBytes;
  }

  /** Whether an object was begun and not finished. */
  get unfinished(): boolean {
    return this.#tokens.bytes > 0 || this.input.remaining > 0;
  }

  /**
   * Reads the next object.
   *
   * @returns The object, or undefined when its end has not come.
   * @throws {WireError} `malformed` or `limit` for what ends the wire.
   */
  next(): ReceivedObject | undefined {
    const tokens = this.#tokens;
    while (tokens.next()) {
      const received = this.#error === undefined ? this.#take() : this.#skip();
      if (received !== undefined) {
        this.objects++;
        this.size = tokens.bytes;
        tokens.bytes = 0;
        // Of what is over a limit nothing is kept but its function.
        this.weight = received.error === undefined ? this.#weight : 0;
        this.#values = this.#weight = 0;
        this.#frames = [];
        this.#depth = 0;
        this.#error = undefined;
        this.#root = undefined;
        return received;
      }
    }
    return undefined;
  }

  /** Takes a token. */
  #take(): ReceivedObject | undefined {
    const { kind, operand, value, problem } = this.#tokens;
    const top = this.#frames.at(-1);
    const isPart = top?.kind === "call" ||
      top?.kind === "list" && top.missing === 2;
    if (isPart) this.#values++;
    const error = problem ?? this.#excess(0);
    switch (kind) {
      case "atom":
        if (error !== undefined) return this.#fail(error, 0);
        this.#weight += weightOf(value);
        return this.#give(value, 0);
      case "lookUp":
        return this.#lookUp(operand);
      case "save":
        return this.#begin("save", 1, operand);
      case "call":
        return this.#begin("call", operand + 1, 0);
      case "pair":
        // A list goes on in the frame of its first pair.
        this.#weight += WEIGHT.place;
        if (top?.kind === "list" && top.missing === 1) {
          top.missing = 2;
          return undefined;
        }
        return this.#begin("list", 2, 0);
      default:
        return kind satisfies never;
    }
  }

  #begin(
    kind: Frame["kind"],
    missing: number,
    index: number,
  ): ReceivedObject | undefined {
    const top = this.#frames.at(-1);
    if (kind === "save" && top?.kind === "save") throw savedTwice();
    // The outermost call is no nesting, and neither is being saved.
    const deeper = kind === "save" || top === undefined && kind === "call"
      ? 0
      : 1;
    let error = this.#excess(deeper);
    // It takes the place of a function, or stands in data.
    if (kind === "call" && top !== undefined && top.call?.fn === undefined) {
      error ??= new WireError(
        "unsupportedValue",
        "A function call may come by itself and as an argument of another, and one came within data.",
      );
    }
    if (error !== undefined) {
      if (kind === "save") this.#saveAt = index;
      return this.#fail(error, missing);
    }
    this.#depth += deeper;
    if (kind === "list") this.#weight += WEIGHT.members;
    if (kind === "call") this.#weight += CALL + WEIGHT.place * missing;
    this.#frames.push({
      kind,
      items: [],
      call: kind === "call" ? new LispCall() : undefined,
      missing,
      height: 0,
      index,
      values: this.#values,
      bytes: this.#tokens.bytes,
      weight: this.#weight,
    });
    return undefined;
  }

  /** What is wrong with going so much deeper, if anything is. */
  #excess(height: number): WireError | undefined {
    const { nesting, values } = this.#limits;
    if (this.#values > values) {
      return overLimit(
        `An object may hold ${values} values here (limit "values"), and one came with more.`,
      );
    }
    if (height === 0 || this.#depth + height <= nesting) return undefined;
    return overLimit(
      `Objects may nest ${nesting} deep here (limit "nesting"), and one came that is deeper.`,
    );
  }

  #lookUp(index: number): ReceivedObject | undefined {
    const saved = this.#cache.get(index);
    if (saved === undefined) {
      throw malformed(`No object was saved under ${index}.`);
    }
    this.#values += saved.values;
    const error = saved.isWhole ? this.#excess(saved.height) : overLimit(
      `The object that was saved under ${index} was over a limit.`,
    );
    return error === undefined
      ? this.#give(saved.value, saved.height)
      : this.#fail(error, 0);
  }

  /** An object is whole: its frame gets it, and perhaps is whole too. */
  #give(value: unknown, height: number): ReceivedObject | undefined {
    const frames = this.#frames;
    for (;;) {
      const frame = frames.at(-1);
      if (frame === undefined) return { value, error: undefined };
      frame.height = Math.max(frame.height, height);
      frame.missing--;
      if (frame.kind === "list") {
        if (frame.missing === 1) return void frame.items.push(value);
        const list = makeList(frame.items, value);
        // Pairs that are no list are objects, one each.
        if (!Array.isArray(list)) this.#weight += PAIR * frame.items.length;
        value = list;
        height = frame.height + 1;
      } else if (frame.kind === "save") {
        this.#save(frame, value, true);
        height = frame.height;
      } else {
        const call = frame.call!;
        if (call.fn === undefined) call.fn = value;
        else call.args.push(value);
        if (frame.missing > 0) return undefined;
        value = call;
        height = frame.height + 1;
      }
      if (frame.kind !== "save") this.#depth--;
      frames.pop();
    }
  }

  /** Begins to skip the rest of an object. */
  #fail(error: WireError, missing: number): ReceivedObject | undefined {
    this.#error = error;
    this.#root = this.#frames[0]?.call;
    for (const frame of this.#frames) {
      missing += frame.missing - 1;
      if (frame.kind === "save") this.#save(frame, undefined, false);
    }
    this.#frames = [];
    this.#missing = missing;
    return this.#skipped();
  }

  /** Skips a token; what it saves stays known. */
  #skip(): ReceivedObject | undefined {
    const { kind, operand, value, problem, bytes } = this.#tokens;
    const index = this.#saveAt;
    if (kind === "save" && index !== undefined) throw savedTwice();
    this.#saveAt = kind === "save" ? operand : undefined;
    if (index !== undefined) {
      const isWhole = kind === "atom" && problem === undefined;
      this.#save(
        { index, values: this.#values, bytes, weight: this.#weight, height: 0 },
        value,
        isWhole,
      );
    }
    if (kind === "pair") this.#missing += 1;
    else if (kind === "call") this.#missing += operand;
    else if (kind !== "save") this.#missing -= 1;
    return this.#skipped();
  }

  #skipped(): ReceivedObject | undefined {
    return this.#missing > 0
      ? undefined
      : { value: this.#root, error: this.#error };
  }

  #save(
    from: Pick<Frame, "index" | "values" | "bytes" | "weight" | "height">,
    value: unknown,
    isWhole: boolean,
  ): void {
    const { index, height } = from;
    const most = this.#limits.message;
    // What one object costs beyond its bytes is a guess.
    const bytes = 64 + Math.max(
      this.#tokens.bytes - from.bytes,
      (this.#weight - from.weight) / SAVED_TIMES,
    );
    const values = this.#values - from.values;
    this.#cacheBytes += bytes - (this.#cache.get(index)?.bytes ?? 0);
    this.#cache.set(index, { value, isWhole, height, values, bytes });
    if (this.#cacheBytes > most) {
      throw overLimit(
        `What a peer saves may count for ${most} bytes here (limit "message"): each object for its bytes, or for a quarter of what it takes in memory if that is more. It saved more.`,
      );
    }
  }
}

/** What is saved may take so many times the memory that its bytes may take. */
const SAVED_TIMES = 4;
/** What a call weighs besides the places of its parts. */
const CALL = WEIGHT.object + WEIGHT.members;
/** What a pair weighs that is an object of its own. */
const PAIR = WEIGHT.object;

/** What an object without parts weighs. */
function weightOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return WEIGHT.text + 2 * value.length;
    case "bigint":
      return WEIGHT.bigint + Math.ceil(value.toString(16).length / 2);
    case "object":
      return value instanceof LispSymbol
        ? WEIGHT.object + 2 * WEIGHT.text + 2 * value.name.length +
          2 * value.packageName.length
        : WEIGHT.object;
    default:
      return 0;
  }
}

function savedTwice(): WireError {
  return malformed(
    "An object is saved under one index, and one came with two.",
  );
}
