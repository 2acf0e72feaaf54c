/**
 * A room, and who is in it.
 *
 * @module
 */

import {
  makeRemoteObject,
  type RemoteObject,
  type WireError,
} from "../../mod.ts";
import { checkLine } from "./checks.ts";
import { Guest, type News } from "./guest.ts";
import { type Ears, type Member, MOST_MEMBERS } from "./protocol.ts";

/** A room of a chat. */
export class Room {
  readonly #guests = new Map<string, Guest>();
  readonly #onEmpty: () => void;

  /** @param onEmpty Called when the last guest has left. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  /**
   * Lets somebody in.
   *
   * @param name A name.
   * @param ears The newcomer's ears, which the room disposes of when the
   * newcomer has left, but not if this throws.
   * @returns The member, to be passed by reference.
   */
  join(name: string, ears: RemoteObject<Ears>): RemoteObject<Member> {
    const key = name.toLowerCase();
    if (this.#guests.has(key)) {
      throw new RangeError(`Somebody is called ${name} already.`);
    }
    if (this.#guests.size >= MOST_MEMBERS) {
      throw new RangeError(`The room is full: ${MOST_MEMBERS} are in it.`);
    }
    const guest = new Guest(name, ears);
    this.#tellOthers(guest, (ears) => ears.joined(name));
    this.#guests.set(key, guest);
    // A wire that was closed, a process that was killed: this tells of both.
    const { signal } = guest;
    signal.addEventListener("abort", () => {
      const { code, message } = signal.reason as WireError;
      this.#remove(guest, code === "closed" ? undefined : message);
    });
    return this.#member(guest);
  }

  /** Has everybody leave. */
  clear(): void {
    const guests = [...this.#guests.values()];
    this.#guests.clear();
    for (const guest of guests) guest[Symbol.dispose]();
  }

  /**
   * What a guest holds of the room. Whatever functions an object has that is
   * passed by reference can be called from afar: so it has these three alone.
   */
  #member(guest: Guest): RemoteObject<Member> {
    const check = () => {
      if (this.#has(guest)) return;
      throw new RangeError(`${guest.name} is not in the room.`);
    };
    return makeRemoteObject<Member>({
      say: (text) => {
        check();
        checkLine(text);
        this.#tellOthers(guest, (ears) => ears.said(guest.name, text));
      },
      names: () => {
        check();
        return [...this.#guests.values()].map(({ name }) => name);
      },
      leave: () => this.#remove(guest),
    });
  }

  /** The guest has left, or is lost. */
  #remove(guest: Guest, why?: string): void {
    if (!this.#has(guest)) return;
    this.#guests.delete(guest.name.toLowerCase());
    guest[Symbol.dispose]();
    this.#tellOthers(guest, (ears) => ears.left(guest.name, why));
    if (this.#guests.size === 0) this.#onEmpty();
  }

  #has(guest: Guest): boolean {
    return this.#guests.get(guest.name.toLowerCase()) === guest;
  }

  #tellOthers(speaker: Guest, news: News): void {
    for (const guest of this.#guests.values()) {
      if (guest !== speaker) guest.tell(news);
    }
  }
}
