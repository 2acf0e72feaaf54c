/**
 * The folder of the logs: what is in it, and no way out of it.
 *
 * @module
 */

/** A log file that is open. */
export interface OpenLog extends Disposable {
  /** Which file it is, whatever its name is by now. */
  readonly id: string;
  /** The file. */
  readonly file: Deno.FsFile;
}

/** A folder of log files. Whatever is not in it is refused, or not found. */
export class LogFolder {
  readonly #path: string;

  /** @param path The folder. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The names of all files, in order. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#path)) {
      if (isFile && isName(name)) names.push(name);
    }
    return names.sort();
  }

  /**
   * Opens a file.
   *
   * @param name Its name.
   * @returns The file; undefined when there is none of that name.
   */
  async open(name: string): Promise<OpenLog | undefined> {
    // Looked at first: opening something that is no file may wait for ever.
    const id = (await this.#look(name))?.id;
    if (id === undefined) return undefined;
    const file = await orUndefined(Deno.open(this.#pathOf(name)));
    if (file === undefined) return undefined;
    const log = { id, file, [Symbol.dispose]: () => file.close() };
    if (idOf(await file.stat()) === id) return log;
    log[Symbol.dispose]();
    return undefined; // It was replaced just now.
  }

  /**
   * Opens a certain file, whatever its name is by now.
   *
   * @param id Which file.
   * @returns The file; undefined when it is not in the folder any more.
   */
  async find(id: string): Promise<OpenLog | undefined> {
    for (let names = await this.names();;) {
      for (const name of names) {
        if ((await this.#look(name))?.id !== id) continue;
        const log = await this.open(name);
        if (log?.id === id) return log;
        log?.[Symbol.dispose]();
      }
      const now = await this.names();
      if (now.join("/") === names.join("/")) return undefined;
      // It may have been renamed before it was looked at.
      names = now;
    }
  }

  /**
   * Opens the file in which a log goes on when it was renamed: of those called
   * like it, perhaps with a number or a date behind, the one made next; or
   * else what has its name now.
   *
   * @param name The log's name.
   * @param id The file that was read before.
   * @returns The file; undefined when there is none, or it is empty so far:
   * who writes may still write to the one before.
   */
  async next(name: string, id: string): Promise<OpenLog | undefined> {
    let next = await this.#look(name);
    if (next?.id === id) return undefined;
    for (const other of await this.names()) {
      const look = isVersion(name, other) && await this.#look(other);
      if (!look || bornAt(look.id) <= bornAt(id)) continue;
      if (!next || bornAt(look.id) < bornAt(next.id)) next = look;
    }
    return next && next.size > 0 ? await this.find(next.id) : undefined;
  }

  async #look(name: string): Promise<Look | undefined> {
    const info = await orUndefined(Deno.lstat(this.#pathOf(name)));
    return info?.isFile ? { id: idOf(info), size: info.size } : undefined;
  }

  #pathOf(name: string): string {
    checkName(name);
    return `${this.#path}/${name}`;
  }
}

interface Look {
  readonly id: string;
  readonly size: number;
}

/** Refuses what is no name of a file in the folder. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name === "string" && isName(name)) return;
  throw new TypeError(
    "A log's name has 1 to 255 characters: no slashes, colons or control characters, and no dot at its beginning.",
  );
}

function isName(name: string): boolean {
  return /^(?!\.)[^/\\:\p{Cc}]{1,255}$/u.test(name);
}

/** Whether a file is a log, or was: `a.log`, `a.log.1`, `a.log-20260131`. */
function isVersion(log: string, name: string): boolean {
  return name.startsWith(log) && /^([.-]\d+)*$/.test(name.slice(log.length));
}

/**
 * What a file is known by. Its number alone will not do: that is given to
 * another file when it is removed.
 */
function idOf({ dev, ino, birthtime }: Deno.FileInfo): string {
  return `${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
}

/** When a file was made, in milliseconds. */
function bornAt(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
