/**
 * The notes, and where they are kept: a file, and one for each picture.
 *
 * @module
 */

import {
  type Change,
  LARGEST_PICTURE,
  LONGEST_TEXT,
  MOST_NOTES,
  type Note,
} from "./protocol.ts";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PICTURE = /^image\/(avif|gif|jpeg|png|webp)$/;

/** The notes of a board. */
export class Store {
  readonly #folder: string;
  readonly #notes = new Map<string, Change>();
  readonly #followers = new Set<(change: Change) => void>();
  #version = 0;
  /** The last write that has begun. */
  #write: Promise<void> = Promise.resolve();
  /** The one behind it. */
  #next: Promise<void> | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param folder Where the notes are kept; made where it is missing.
   * @returns The store, with what is kept there.
   */
  static async open(folder: string): Promise<Store> {
    await Deno.mkdir(folder, { recursive: true });
    const store = new Store(folder);
    let text = "[]";
    for await (const { name } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      // A write that was under way when a server was killed.
      if (name.endsWith(".part")) await Deno.remove(path);
      if (name === "notes") text = await Deno.readTextFile(path);
    }
    for (const note of JSON.parse(text) as Change[]) {
      store.#notes.set(note.id, note);
      store.#version = Math.max(store.#version, note.version);
    }
    return store;
  }

  /**
   * All notes, and then what changes.
   *
   * @param signal Ends it.
   */
  async *follow(signal: AbortSignal): AsyncGenerator<Change[]> {
    // Of several changes of a note, the last one is enough.
    const changes = new Map(this.#notes);
    let wake = () => {};
    const follower = (change: Change) => {
      changes.set(change.id, change);
      wake();
    };
    const end = () => wake();
    this.#followers.add(follower);
    signal.addEventListener("abort", end);
    try {
      do {
        const batch = [...changes.values()];
        changes.clear();
        yield batch;
        while (changes.size === 0 && !signal.aborted) {
          await new Promise<void>((resolve) => wake = resolve);
        }
      } while (!signal.aborted);
    } finally {
      this.#followers.delete(follower);
      signal.removeEventListener("abort", end);
    }
  }

  /**
   * Puts a note on the board, or changes it.
   *
   * @returns A promise of its version, once it is stored.
   */
  put(note: Note): Promise<number> {
    return this.#put(checked(note), this.#notes.get(note.id)?.picture);
  }

  /** Removes a note. */
  async remove(id: string): Promise<number> {
    const known = this.#notes.get(id);
    const note = known ?? checked({ id, x: 0, y: 0, hue: 0, text: "" });
    this.#notes.delete(id);
    const version = this.#tell({ ...note, isGone: true });
    await this.#save();
    if (known?.picture !== undefined) await Deno.remove(this.#path(id));
    return version;
  }

  /**
   * Puts a note with a picture on the board, once all of that has come.
   *
   * @param note The note.
   * @param bytes The picture.
   * @param onProgress Called with the number of bytes that have come.
   */
  async upload(
    note: Note,
    bytes: AsyncIterable<Uint8Array>,
    onProgress: (count: number) => void,
  ): Promise<number> {
    const { id, picture } = checked(note);
    if (!PICTURE.test(String(picture))) {
      throw new TypeError("A picture is an AVIF, GIF, JPEG, PNG or WebP.");
    }
    const known = this.#notes.get(id);
    // It is there already, and the answer was lost.
    if (known !== undefined) return known.version;
    const path = this.#path(id);
    const part = `${path}.part`;
    try {
      using file = await Deno.open(part, { createNew: true, write: true });
      let count = 0;
      for await (const chunk of bytes) {
        count += chunk.length;
        if (!(chunk instanceof Uint8Array) || count > LARGEST_PICTURE) {
          throw new RangeError(
            `A picture has ${LARGEST_PICTURE} bytes at most.`,
          );
        }
        for (let at = 0; at < chunk.length;) {
          at += await file.write(chunk.subarray(at));
        }
        onProgress(count);
      }
      await Deno.rename(part, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) {
        await Deno.remove(part);
      }
      throw error;
    }
    return await this.#put(note, picture);
  }

  /** The picture of a note. */
  async picture(id: string): Promise<ReadableStream<Uint8Array>> {
    if (this.#notes.get(id)?.picture === undefined) {
      throw new RangeError("There is no such picture.");
    }
    return (await Deno.open(this.#path(id))).readable;
  }

  async #put(note: Note, picture: string | undefined): Promise<number> {
    const { id, x, y, hue, text } = note;
    if (!this.#notes.has(id) && this.#notes.size >= MOST_NOTES) {
      throw new RangeError(`The board is full: it has ${MOST_NOTES} notes.`);
    }
    const version = this.#tell(
      { id, x, y, hue, text, ...(picture === undefined ? {} : { picture }) },
    );
    await this.#save();
    return version;
  }

  #tell(note: Note & Pick<Change, "isGone">): number {
    const version = ++this.#version;
    const change = { ...note, version };
    if (!note.isGone) this.#notes.set(note.id, change);
    for (const follower of this.#followers) follower(change);
    return version;
  }

  #path(id: string): string {
    return `${this.#folder}/${id}`;
  }

  /** Resolves once what is on the board now is stored. */
  #save(): Promise<void> {
    return this.#next ??= this.#write.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#write = this.#store();
    });
  }

  async #store(): Promise<void> {
    const path = `${this.#folder}/notes`;
    const text = JSON.stringify([...this.#notes.values()]);
    await Deno.writeTextFile(`${path}.part`, text);
    await Deno.rename(`${path}.part`, path);
  }
}

/** A peer may send whatever it likes. */
function checked(note: Note): Note {
  const { id, x, y, hue, text } = note;
  const isNote = ID.test(String(id)) && isWithin(x, 1) && isWithin(y, 1) &&
    isWithin(hue, 360) && typeof text === "string" &&
    text.length <= LONGEST_TEXT;
  if (!isNote) throw new TypeError("That is no note.");
  return note;
}

/** Whether it is a number from 0 to `most`. */
export function isWithin(number: unknown, most: number): boolean {
  return typeof number === "number" && number >= 0 && number <= most;
}
