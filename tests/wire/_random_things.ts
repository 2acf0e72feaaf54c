/**
 * What random programs pass about: objects that say who they are, and the
 * references to those of the other side.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { makeRemoteObject, type RemoteObject } from "../../wire/mod.ts";
import { below, type Random } from "./_choppy.ts";

/** An object that says who it is. */
export class Thing {
  /** @param tag Who it is. */
  constructor(readonly tag: string) {}

  /** Who it is. */
  who(): string {
    return this.tag;
  }
}

/** Something that says who it is, beside what it says. */
export type Tagged = { tag: string; thing: unknown };

/** A reference to a thing of the other side. */
export type Held = RemoteObject<Thing>;

/** The objects of one side. */
export class Things {
  readonly #name: string;
  readonly #random: Random;
  readonly #things = new Map<string, object>();
  /** Tags of objects that were forgotten: the next time, they are others. */
  readonly #forgotten: Set<string>;

  /**
   * @param name What their tags begin with.
   * @param random Where chance comes from.
   * @param forgotten What both sides know of what either has forgotten.
   */
  constructor(name: string, random: Random, forgotten: Set<string>) {
    this.#name = name;
    this.#random = random;
    this.#forgotten = forgotten;
  }

  /** An object or a function: one that was sent before, perhaps. */
  any(): Tagged {
    const known = [...this.#things.keys()].slice(-8)
      .filter((tag) => !this.#forgotten.has(tag));
    if (known.length > 0 && this.#random() < 0.5) {
      const tag = known[below(this.#random, known.length)]!;
      return { tag, thing: makeRemoteObject(this.#things.get(tag)!) };
    }
    const tag = `${this.#name}${this.#things.size}`;
    const thing = this.#random() < 0.5 ? () => tag : new Thing(tag);
    this.#things.set(tag, thing);
    return { tag, thing: makeRemoteObject(thing) };
  }

  /** Whether a tag is of this side; its thing has to be as it was then. */
  isHome({ tag, thing }: Tagged): boolean {
    if (!tag.startsWith(this.#name)) return false;
    assert(thing === this.#things.get(tag), `${tag} came back changed`);
    return true;
  }

  /** One that is to be forgotten. */
  forget(): object | undefined {
    const tags = [...this.#things.keys()];
    if (tags.length === 0) return undefined;
    const tag = tags[below(this.#random, tags.length)]!;
    this.#forgotten.add(tag);
    return this.#things.get(tag)!;
  }
}

/** The references that one side has. */
export class References {
  readonly #random: Random;
  readonly #forgotten: ReadonlySet<string>;
  /** Their tags, and how often each came. */
  readonly #held = new Map<Held, { tag: string; count: number }>();
  /** Some that were released, perhaps not as often as they came. */
  readonly #ghosts: Tagged[] = [];

  /**
   * @param random Where chance comes from.
   * @param forgotten Tags that may belong to two references.
   */
  constructor(random: Random, forgotten: ReadonlySet<string>) {
    this.#random = random;
    this.#forgotten = forgotten;
  }

  /** A reference came: the same as before, while that is held. */
  come({ tag, thing }: Tagged): void {
    const handle = thing as Held;
    const held = this.#held.get(handle);
    if (held !== undefined) {
      assertEquals(tag, held.tag);
      held.count++;
      return;
    }
    const tags = [...this.#held.values()].map(({ tag }) => tag);
    assert(
      this.#forgotten.has(tag) || !tags.includes(tag),
      `${tag} is another reference`,
    );
    this.#held.set(handle, { tag, count: 1 });
  }

  /** One of them, if there is any. */
  any(): Tagged | undefined {
    const held = [...this.#held];
    if (held.length === 0) return undefined;
    const [thing, { tag }] = held[below(this.#random, held.length)]!;
    return { thing, tag };
  }

  /** One that was released, if there is any. */
  ghost(): Tagged | undefined {
    return this.#ghosts[below(this.#random, this.#ghosts.length)];
  }

  /** Gives one of them back, once. */
  releaseOne(): void {
    const any = this.any();
    if (any !== undefined) this.#release(any.thing as Held);
  }

  /** Gives all of them back, as often as they came. */
  releaseAll(): void {
    for (const handle of [...this.#held.keys()]) {
      while (this.#held.has(handle)) this.#release(handle);
    }
  }

  #release(handle: Held): void {
    const held = this.#held.get(handle)!;
    this.#ghosts.push({ tag: held.tag, thing: handle });
    handle[Symbol.dispose]();
    if (--held.count === 0) this.#held.delete(handle);
  }
}

/** Asks a reference who it is; it may be gone, but is nobody else. */
export async function ask({ tag, thing }: Tagged): Promise<string> {
  const asked = typeof thing === "function"
    ? await thing()
    : await (thing as Held).remoteValue.who();
  assertEquals(asked, tag);
  return asked;
}
