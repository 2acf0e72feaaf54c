/**
 * A member of a room, as the server sees it.
 *
 * @module
 */

import type { RemoteObject, RemoteValue } from "../../mod.ts";
import { type Ears, MOST_BEHIND } from "./protocol.ts";

/** Something to be told: a call of a guest's ears. */
export type News = (ears: RemoteValue<Ears>) => Promise<void>;

/** A member, and the call-backs it is told things by. */
export class Guest implements Disposable {
  /** Its name in the room. */
  readonly name: string;
  readonly #ears: RemoteObject<Ears>;
  /** How many calls are under way. */
  #behind = 0;
  /** How many calls it missed. */
  #missed = 0;

  /**
   * @param name Its name.
   * @param ears Its ears, which it owns from now on.
   */
  constructor(name: string, ears: RemoteObject<Ears>) {
    this.name = name;
    this.#ears = ears;
  }

  /** Aborts when the guest can no longer be told anything. */
  get signal(): AbortSignal {
    return this.#ears.signal;
  }

  /**
   * Tells the guest something, without waiting for it. One that is too far
   * behind misses it.
   *
   * @param news The call.
   */
  tell(news: News): void {
    if (this.#missed > 0 || this.#behind >= MOST_BEHIND) {
      this.#missed++;
    } else {
      this.#call(news);
    }
  }

  /** Disposes of its ears. */
  [Symbol.dispose](): void {
    this.#ears[Symbol.dispose]();
  }

  #call(news: News): void {
    this.#behind++;
    const done = () => {
      this.#behind--;
      this.#catchUp();
    };
    // What its ears throw does not matter here; `signal` tells of its end.
    news(this.#ears.remoteValue).then(done, done);
  }

  /** Half of the calls that may be under way are: there is room again. */
  #catchUp(): void {
    const count = this.#missed;
    if (count === 0 || this.#behind > MOST_BEHIND / 2) return;
    this.#missed = 0;
    this.#call((ears) => ears.missed(count));
  }
}
