/**
 * What repeats is sent once and looked up after that, as CMUCL's wires do with
 * symbols: the names of functions, and the key sets of objects. Each direction
 * of a wire has one pair of tables, and they are bounded.
 *
 * @module
 */

import { malformed } from "../base/errors.ts";
import {
  arrayIndexOf,
  type ObjectDecoder,
  type ObjectEncoder,
} from "./_objects.ts";
import { added, LazyMap } from "../base/collections.ts";
import { shapeWeight } from "./value_kinds.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

/** How many names, and how many key sets, a table holds at most. */
export const TABLE_ENTRIES = 1_024;
/** How many UTF-8 bytes of names and keys both tables hold at most. */
export const TABLE_BYTES = 262_144;
/** An object with more keys than this is taken for a dictionary. */
export const SHAPE_KEYS = 64;
/** A longer name or key is not worth a place in a table. */
const TEXT_UNITS = 256;

/** A set of keys in an order: what objects made alike have in common. */
export interface Shape {
  /** The place in the table. */
  readonly index: number;
  /** The keys. */
  readonly keys: readonly string[];
  /** The shape that was written after this one the last time. */
  next: Shape | undefined;
  /** The one that was before that, where it was another. */
  other: Shape | undefined;
  /** How many objects of it were written, while they are few. */
  uses: number;
  /** Takes the values out of its objects, once they are many. */
  encoder: ObjectEncoder | undefined;
}

/**
 * A step of the search for a shape, by its keys in order. Most steps have but
 * one that can follow, and no map is made for that.
 */
class ShapeNode {
  shape: Shape | undefined;
  /** The key of the first step that followed. */
  #key: string | undefined;
  #child: ShapeNode | undefined;
  /** The other ones. */
  #children: Map<string, ShapeNode> | undefined;

  /** The next step; undefined where there is none. */
  next(key: string): ShapeNode | undefined {
    return key === this.#key ? this.#child : this.#children?.get(key);
  }

  /** Adds a step that there is not. */
  add(key: string): ShapeNode {
    const child = new ShapeNode();
    if (this.#child === undefined) {
      this.#key = key;
      this.#child = child;
    } else {
      (this.#children ??= new Map()).set(key, child);
    }
    return child;
  }
}

/** The two tables of the direction in which this side sends. */
export class SendTables {
  readonly #names = new LazyMap<string, number>();
  /** The name that was looked up last. */
  #lastName: string | undefined;
  #lastIndex = -1;
  #root: ShapeNode | undefined;
  #shapes = 0;
  #bytes = 0;
  #last: Shape | undefined;
  /** Entries that the peer has not been told of yet, in their order. */
  #fresh: (string | readonly string[])[] = [];
  /** True when something was left out for want of room. */
  full = false;
  /** How many entries of each table the peer takes. */
  most = TABLE_ENTRIES;
  /** The largest entry that is told, in bytes: it has to fit in a frame. */
  entryLimit = 960;

  /** True when the peer has not been told of an entry yet. */
  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** How many entries the tables hold. */
  get size(): number {
    return this.#names.size + this.#shapes;
  }

  /** The index of a function's name, or −1 where it is not in the table. */
  known(name: string): number {
    if (name === this.#lastName) return this.#lastIndex;
    const known = this.#names.get(name);
    if (known === undefined) return -1;
    this.#lastName = name;
    return this.#lastIndex = known;
  }

  /** The index of a function's name, or −1 where there is no room for it. */
  name(name: string): number {
    const known = this.known(name);
    if (known >= 0) return known;
    if (!this.#hasRoom(this.#names.size, [name])) return -1;
    const index = this.#names.size;
    this.#names.set(name, index);
    this.#fresh.push(name);
    return index;
  }

  /** The shape of an object, if it is one of the two that are expected. */
  expected(object: object): Shape | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const { next, other } = last;
    if (next !== undefined && hasKeys(object, next.keys)) {
      return this.#last = next;
    }
    if (other !== undefined && hasKeys(object, other.keys)) {
      return this.#last = other;
    }
    return undefined;
  }

  /** The shape of an object with those keys; undefined where there is none. */
  shape(keys: readonly string[]): Shape | undefined {
    const last = this.#last;
    if (keys.length > SHAPE_KEYS) return undefined;
    const shape = this.#find(keys) ?? this.#add(keys);
    if (shape === undefined) return undefined;
    if (last !== undefined) {
      last.other = last.next;
      last.next = shape;
    }
    return this.#last = shape;
  }

  #find(keys: readonly string[]): Shape | undefined {
    let node: ShapeNode | undefined = this.#root;
    for (let index = 0; index < keys.length; index++) {
      if (node === undefined) return undefined;
      node = node.next(keys[index]!);
    }
    return node?.shape;
  }

  #add(keys: readonly string[]): Shape | undefined {
    if (keys.some(isFarIndex)) return undefined;
    if (!this.#hasRoom(this.#shapes, keys)) return undefined;
    let node = this.#root ??= new ShapeNode();
    for (const key of keys) node = node.next(key) ?? node.add(key);
    this.#fresh.push(keys);
    const shape: Shape = {
      index: this.#shapes++,
      keys,
      next: undefined,
      other: undefined,
      uses: 0,
      encoder: undefined,
    };
    // Objects of one shape most often come in a row.
    shape.next = shape;
    return node.shape = shape;
  }

  #hasRoom(entries: number, texts: readonly string[]): boolean {
    let bytes = 0;
    for (const text of texts) {
      if (text.length > TEXT_UNITS || !text.isWellFormed()) return false;
      // Three bytes for a unit is what UTF-8 needs at the most.
      bytes += text.length * 3;
    }
    // Five bytes for the length of each text, and some for the frame.
    if (bytes + texts.length * 5 + 16 > this.entryLimit) return false;
    if (entries >= this.most || this.#bytes + bytes > TABLE_BYTES) {
      // Small tables would be renewed all the time.
      this.full = this.most === TABLE_ENTRIES;
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  /** Empties the tables; the peer has to be told. */
  reset(): void {
    this.#names.clear();
    this.#lastName = undefined;
    this.#root = undefined;
    this.#shapes = 0;
    this.#bytes = 0;
    this.#last = undefined;
    this.#fresh = [];
    this.full = false;
  }

  /** Hands out the entries that the peer has not been told of, once. */
  takeFresh(): readonly (string | readonly string[])[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}

/** Writes an entry of a table: a name, or the keys of a key set. */
export function writeEntry(
  writer: ByteWriter,
  entry: string | readonly string[],
): void {
  if (typeof entry === "string") {
    writer.varint(0);
    writer.text(entry);
  } else {
    writer.varint(entry.length + 1);
    for (const key of entry) writer.text(key);
  }
}

/** A key set as the receiver knows it. */
export interface ReceivedShape {
  /** The keys. */
  readonly keys: readonly string[];
  /** What each of its objects takes in memory, besides its values. */
  readonly weight: number;
  /** How many objects of it came, while they are few. */
  uses: number;
  /** Makes objects of it, once they are many. */
  decoder: ObjectDecoder | undefined;
}

/** Key sets by their indices. */
export interface KeySets {
  /** For how many of them code was generated, those of before included. */
  readonly generated: { count: number };
  /** The key set at an index. */
  shape(index: number): ReceivedShape;
}

/** The key sets of one moment, for as long as somebody needs them. */
export class LentTables implements KeySets {
  /** How many need them. */
  users = 0;
  readonly generated: { count: number };
  readonly #shapes: readonly ReceivedShape[];

  /**
   * @param shapes The key sets; further ones are added, none taken away.
   * @param generated For how many of them code was generated.
   */
  constructor(shapes: readonly ReceivedShape[], generated: { count: number }) {
    this.#shapes = shapes;
    this.generated = generated;
  }

  /** Whether they are these. */
  are(shapes: readonly ReceivedShape[]): boolean {
    return this.#shapes === shapes;
  }

  /** The key set at an index. */
  shape(index: number): ReceivedShape {
    return known(this.#shapes, index);
  }

  /** One user less. */
  release(): void {
    this.users--;
  }
}

/** The two tables of the direction in which this side receives. */
export class ReceiveTables implements KeySets {
  readonly generated = { count: 0 };
  #names: string[] = [];
  #shapes: ReceivedShape[] = [];
  /** How many bytes of text the entries have. */
  bytes = 0;
  #lent: LentTables | undefined;
  readonly #most: number;

  /** @param most How many entries each of them may have. */
  constructor(most: number = TABLE_ENTRIES) {
    this.#most = most;
  }

  /** The name at an index. */
  name(index: number): string {
    const name = this.#names[index];
    if (name === undefined) {
      throw malformed(`No function name was defined under index ${index}.`);
    }
    return name;
  }

  /** The shape at an index. */
  shape(index: number): ReceivedShape {
    return known(this.#shapes, index);
  }

  /** How many entries the tables hold. */
  get size(): number {
    return this.#names.length + this.#shapes.length;
  }

  /**
   * Whether they can be lent: only one of them is, however often it is reset.
   */
  get canLend(): boolean {
    const lent = this.#lent;
    return lent === undefined || lent.users === 0 || lent.are(this.#shapes);
  }

  /** Lends the key sets as they are now, whatever becomes of the tables. */
  lend(): LentTables {
    if (this.#lent?.are(this.#shapes) !== true) {
      this.#lent = new LentTables(this.#shapes, this.generated);
    }
    this.#lent!.users++;
    return this.#lent!;
  }

  /** Empties the tables, as the peer asked. */
  reset(): void {
    this.#names = [];
    this.#shapes = [];
    this.bytes = 0;
  }

  /** Mirrors {@linkcode writeEntry}. */
  readEntry(reader: ByteReader): void {
    const size = reader.varint();
    if (size === 0) this.#names = added(this.#names, this.#text(reader));
    else this.#shapes.push(this.#shape(reader, size - 1));
    if (
      this.#names.length > this.#most ||
      this.#shapes.length > this.#most || this.bytes > TABLE_BYTES
    ) {
      throw malformed(
        `A table holds at most ${this.#most} entries here (limit "tableEntries"), and both together ${TABLE_BYTES} bytes of text; the peer has to reset them first.`,
      );
    }
  }

  #text(reader: ByteReader): string {
    const count = reader.varint();
    this.bytes += count;
    return reader.utf8(count);
  }

  #shape(reader: ByteReader, size: number): ReceivedShape {
    if (size > SHAPE_KEYS) {
      throw malformed(`A key set has at most ${SHAPE_KEYS} keys, not ${size}.`);
    }
    const keys: string[] = [];
    for (let index = 0; index < size; index++) keys.push(this.#text(reader));
    if (new Set(keys).size !== size) {
      throw malformed("A key set must not hold a key twice.");
    }
    return { keys, weight: shapeWeight(keys), uses: 0, decoder: undefined };
  }
}

function known(
  shapes: readonly ReceivedShape[],
  index: number,
): ReceivedShape {
  const shape = shapes[index];
  if (shape === undefined) {
    throw malformed(`No key set was defined under index ${index}.`);
  }
  return shape;
}

/**
 * Whether a key reads like an array's index of three digits or more. Such keys
 * are those of dictionaries; and whoever chose them may have chosen them so
 * that they collide in a table.
 */
function isFarIndex(key: string): boolean {
  return key.length > 2 && arrayIndexOf(key) >= 0;
}

/**
 * Whether an object has just those enumerable keys, in their order. What it
 * inherits counts, too: then the keys are found in another way.
 */
function hasKeys(object: object, keys: readonly string[]): boolean {
  let count = 0;
  for (const key in object) {
    if (key !== keys[count]) return false;
    count++;
  }
  return count === keys.length;
}
