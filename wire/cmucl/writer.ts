/**
 * Objects to bytes. What CMUCL has no notion of, or would choke on, is refused
 * here, before a byte of it is sent.
 *
 * @module
 */

import { otherVersion, WireError } from "../base/errors.ts";
import type { ByteWriter } from "../codec/bytes.ts";
import type { WireLimits } from "../base/limits.ts";
import { Cons } from "./cons.ts";
import { Form } from "./form.ts";
import { isInt32, writeBignum, writeString } from "./octets.ts";
import { ARGUMENTS_MOST, CALL_MOST, OP } from "./opcodes.ts";
import { RemoteObject } from "./remote_objects.ts";
import { LispSymbol, nil, t } from "./symbols.ts";

/** What a writer keeps to: a CMUCL tells no limits, so these are one's own. */
export type WriterLimits = Pick<
  WireLimits,
  "nesting" | "values" | "cmuclString" | "cmuclCache" | "cmuclBignum"
>;

/** Writes one wire's objects. */
export class LispWriter {
  /** Where the bytes go. */
  readonly bytes: ByteWriter;
  /** Whether symbols are saved; not in what may be sent out of its turn. */
  saves = true;

  /** What is written keeps to them. */
  readonly limits: WriterLimits;
  readonly #symbols = new Map<string, number>();
  readonly #objects = new Map<unknown, number>();
  #next = 0;
  /** What the object under way saved, in case it cannot be sent. */
  #fresh: (() => void)[] = [];
  #values = 0;

  /**
   * @param bytes Where the bytes go.
   * @param limits What to keep to.
   */
  constructor(bytes: ByteWriter, limits: WriterLimits) {
    this.bytes = bytes;
    this.limits = limits;
  }

  /**
   * Writes something whole, or nothing of it.
   *
   * @param write Writes it.
   * @returns How many bytes it has.
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  whole(write: () => void): number {
    const { bytes } = this;
    const start = bytes.position;
    const next = this.#next;
    this.#values = 0;
    try {
      write();
    } catch (error) {
      bytes.position = start;
      this.#next = next;
      for (const forget of this.#fresh) forget();
      throw error;
    } finally {
      this.#fresh = [];
    }
    return bytes.position - start;
  }

  /** Writes a function call. */
  call(fn: LispSymbol, args: readonly unknown[], depth = 0): void {
    const { bytes } = this;
    const count = args.length;
    if (count > ARGUMENTS_MOST) {
      throw new WireError(
        "limit",
        `A call has at most ${ARGUMENTS_MOST} arguments, and one of ${fn} has ${count}. Give it a list.`,
      );
    }
    if (count <= CALL_MOST) {
      bytes.byte(OP.call + count);
    } else {
      bytes.byte(OP.callMany);
      bytes.byte(count);
    }
    this.#symbol(fn);
    this.#enterValues(count);
    for (let index = 0; index < count; index++) {
      const arg = args[index];
      if (arg instanceof Form) {
        this.#enter(depth);
        this.call(arg.fn, arg.args, depth + 1);
      } else {
        this.value(arg, depth);
      }
    }
  }

  /** Writes an object and has the peer save it, so that it is sent once. */
  saved(value: object): void {
    const known = this.#objects.get(value);
    if (known !== undefined) return this.#lookUp(known);
    this.#save(this.#objects, value);
    this.value(value);
  }

  /** Writes an object. */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "string":
        this.bytes.byte(OP.string);
        return writeString(this.bytes, value, this.limits.cmuclString);
      case "bigint":
        return isInt32(value)
          ? this.#int32(Number(value))
          : this.#bignum(value);
      case "boolean":
        return this.#symbol(value ? t : nil);
      case "undefined":
        return this.#symbol(nil);
      case "object":
        return this.#object(value, depth);
      default:
        throw unsupported(value);
    }
  }

  #object(value: object | null, depth: number): void {
    if (value === null) return this.#symbol(nil);
    if (value instanceof LispSymbol) return this.#symbol(value);
    if (Array.isArray(value)) {
      this.#enter(depth);
      return this.#list(value, depth);
    }
    if (value instanceof Cons) {
      this.#enter(depth);
      return this.#pairs(value, depth);
    }
    if (value instanceof RemoteObject) return this.#remote(value);
    throw unsupported(value);
  }

  #list(items: readonly unknown[], depth: number): void {
    const count = items.length;
    this.#enterValues(count);
    for (let index = 0; index < count; index++) {
      this.bytes.byte(OP.cons);
      this.value(items[index], depth + 1);
    }
    this.#symbol(nil);
  }

  #pairs(pair: Cons, depth: number): void {
    let end: unknown = pair;
    while (end instanceof Cons) {
      this.#enterValues(1);
      this.bytes.byte(OP.cons);
      this.value(end.car, depth + 1);
      end = end.cdr;
    }
    if (Array.isArray(end)) this.#list(end, depth);
    else this.value(end, depth);
  }

  #number(value: number): void {
    if (Number.isInteger(value) && isInt32(value)) return this.#int32(value);
    if (Number.isSafeInteger(value)) return this.#bignum(BigInt(value));
    throw new WireError(
      "unsupportedValue",
      Number.isInteger(value)
        ? `${value} is beyond what a number holds exactly. Send it as a bigint.`
        : `CMUCL's wires carry integers only, and ${value} is none. Send a numerator and a denominator, or a string.`,
    );
  }

  #int32(value: number): void {
    this.bytes.byte(OP.number);
    this.bytes.uint32(value);
  }

  #bignum(value: bigint): void {
    this.bytes.byte(OP.bignum);
    writeBignum(this.bytes, value, this.limits.cmuclBignum);
  }

  #remote({ host, pid, id }: RemoteObject): void {
    const { bytes } = this;
    bytes.byte(OP.remote);
    bytes.uint32(host);
    bytes.uint32(pid);
    bytes.uint32(id);
  }

  #symbol({ name, packageName }: LispSymbol): void {
    const { bytes } = this;
    if (this.saves) {
      const key = `${packageName.length}:${packageName}${name}`;
      const known = this.#symbols.get(key);
      if (known !== undefined) return this.#lookUp(known);
      this.#save(this.#symbols, key);
    }
    bytes.byte(OP.symbol);
    writeString(bytes, name, this.limits.cmuclString);
    writeString(bytes, packageName, this.limits.cmuclString);
  }

  #lookUp(index: number): void {
    this.bytes.byte(OP.lookUp);
    this.bytes.uint32(index);
  }

  /** Has the peer save what follows, while there is room for it. */
  #save<K>(table: Map<K, number>, key: K): void {
    if (this.#next >= this.limits.cmuclCache) return;
    const index = this.#next++;
    table.set(key, index);
    this.#fresh.push(() => table.delete(key));
    this.bytes.byte(OP.save);
    this.bytes.uint32(index);
  }

  #enter(depth: number): void {
    const { nesting } = this.limits;
    if (depth < nesting) return;
    throw new WireError(
      "limit",
      `Objects may nest ${nesting} deep (limit "nesting"), and one is deeper, or contains itself.`,
    );
  }

  #enterValues(count: number): void {
    const { values } = this.limits;
    this.#values += count;
    if (this.#values <= values) return;
    throw new WireError(
      "limit",
      `An object may hold ${values} values (limit "values"), and one holds more, or contains itself.`,
    );
  }
}

/** The error for a value that Lisp has no like of. */
function unsupported(value: unknown): WireError {
  const [what, cure] = typeof value === "function"
    ? [
      `The function ${value.name || "(anonymous)"}`,
      "Serve it, or send makeRemoteObject() of it.",
    ]
    : typeof value === "symbol"
    ? ["A JavaScript symbol", "Send symbol(name, package)."]
    : ArrayBuffer.isView(value)
    ? ["An array of bytes or numbers", "Send a list of them: Array.from(…)."]
    : value instanceof Form
    ? ["A form within data", "Make it an argument of its own."]
    : [
      `An instance of ${Object(value).constructor?.name || "a class"}`,
      otherVersion(value) ??
        "CMUCL's wires carry integers, strings, symbols, lists, pairs and remote objects.",
    ];
  return new WireError("unsupportedValue", `${what} cannot be sent. ${cure}`);
}
