/**
 * What the server keeps: objects, each in a file of its own named by its
 * digest, and an index from paths to the objects that make up a file.
 *
 * @module
 */

import { type Entry, MOST_FILES, PAGE } from "./archive.ts";
import {
  checkBytes,
  checkDigest,
  checkParts,
  checkPath,
  checkPosition,
} from "./checks.ts";
import { Hasher, sha256 } from "./digest.ts";

/** What the index knows of a file. */
export interface Kept extends Entry {
  readonly parts: readonly string[];
}

/** Objects and index in a folder. Checks everything that it is given. */
export class Store {
  readonly #folder: string;
  readonly #index = new Map<string, Kept>();
  readonly #writing = new Set<Promise<unknown>>();
  #appended: Promise<void> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Opens the store in a folder, which is made where it does not exist.
   *
   * @param folder The folder.
   * @returns The store, with what it held when it was used last.
   */
  static async open(folder: string): Promise<Store> {
    const store = new Store(folder);
    await Deno.mkdir(`${folder}/objects`, { recursive: true });
    await store.#readIndex();
    return store;
  }

  /** All files, in the order in which their paths were first entered. */
  get files(): ReadonlyMap<string, Kept> {
    return this.#index;
  }

  /** Keeps bytes; returns their digest. */
  put(bytes: Uint8Array): Promise<string> {
    return this.#watch(this.#put(bytes));
  }

  async #put(bytes: Uint8Array): Promise<string> {
    checkBytes(bytes);
    const digest = sha256(bytes);
    if (await this.has(digest)) return digest;
    // Under another name first: no object is ever seen half written.
    const draft = `${this.#folder}/objects/${crypto.randomUUID()}.draft`;
    try {
      await Deno.writeFile(draft, bytes);
      await Deno.rename(draft, this.#object(digest));
    } catch (error) {
      // The disk may be full.
      await Deno.remove(draft).catch(() => {});
      throw error;
    }
    return digest;
  }

  /** Whether there is an object of that digest. */
  async has(digest: string): Promise<boolean> {
    try {
      return (await Deno.stat(this.#object(digest))).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** The bytes of an object. */
  async get(digest: string): Promise<Uint8Array> {
    try {
      return await Deno.readFile(this.#object(digest));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new RangeError(`There is no object ${digest}. Put it first.`);
    }
  }

  /** Gives a path to the bytes of some objects, one after the other. */
  enter(path: string, parts: string[]): Promise<Entry> {
    return this.#watch(this.#enter(path, parts));
  }

  async #enter(path: string, parts: string[]): Promise<Entry> {
    checkPath(path);
    checkParts(parts);
    if (this.#index.size >= MOST_FILES && !this.#index.has(path)) {
      throw new RangeError(`The archive is full: it has ${MOST_FILES} files.`);
    }
    const whole = new Hasher();
    let size = 0;
    for (const part of parts) {
      const bytes = await this.get(part);
      whole.add(bytes);
      size += bytes.length;
    }
    const entry = { path, digest: whole.digest(), size };
    const kept = { ...entry, parts };
    // What is not on the disk is not told of.
    await this.#append(kept);
    this.#index.set(path, kept);
    return entry;
  }

  /** The digests of the parts of a file. */
  parts(path: string): string[] {
    checkPath(path);
    const kept = this.#index.get(path);
    if (kept === undefined) {
      throw new RangeError(`There is no file ${JSON.stringify(path)}.`);
    }
    return [...kept.parts];
  }

  /** Up to `PAGE` files, from a position on. */
  list(from: number): Entry[] {
    checkPosition(from);
    return [...this.#index.values().drop(from).take(PAGE)]
      .map(({ path, digest, size }) => ({ path, digest, size }));
  }

  /** Resolves when nothing is being written: its callers may be gone. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }

  #watch<T>(work: Promise<T>): Promise<T> {
    this.#writing.add(work);
    const forget = () => this.#writing.delete(work);
    work.then(forget, forget);
    return work;
  }

  #object(digest: string): string {
    checkDigest(digest);
    return `${this.#folder}/objects/${digest}`;
  }

  get #indexFile(): string {
    return `${this.#folder}/index.jsonl`;
  }

  async #readIndex(): Promise<void> {
    const text = await Deno.readTextFile(this.#indexFile).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    for (const line of text.split("\n")) {
      try {
        const kept = JSON.parse(line) as Kept;
        this.#index.set(kept.path, kept);
      } catch {
        // The empty first line, or one that a crash cut off.
      }
    }
  }

  /** Appends to the index's file, one line after the other. */
  #append(kept: Kept): Promise<void> {
    const line = `\n${JSON.stringify(kept)}`;
    const written = this.#appended.then(() =>
      Deno.writeTextFile(this.#indexFile, line, { append: true })
    );
    this.#appended = written.catch(() => {});
    return written;
  }
}
