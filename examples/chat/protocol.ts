/**
 * What the two ends of the chat agree on: three interfaces, and bounds.
 *
 * Only `join` is served. It takes the client's `Ears` by reference, so that
 * the room can call them back, and returns a `Member` by reference, which only
 * its holder can speak through.
 *
 * @module
 */

import type { RemoteObject } from "../../mod.ts";

/** The longest line, in UTF-16 code units. */
export const LONGEST_LINE = 2_000;

/** What names of rooms and of members look like. */
export const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;

/** The most rooms at a time. */
export const MOST_ROOMS = 1_000;
/** The most members of a room. */
export const MOST_MEMBERS = 100;

/**
 * How many calls of a member's ears may be under way. One that is further
 * behind misses what comes until it has caught up: nobody waits for it, and
 * the server keeps no more than this for it.
 */
export const MOST_BEHIND = 100;

/** What the chat's server serves. */
export interface Chat {
  /**
   * Enters a room under a name that nobody else has there.
   *
   * @param room The room; it is made where there is none of that name.
   * @param name The name.
   * @param ears Are told what happens in the room, until the member leaves.
   */
  join(
    room: string,
    name: string,
    ears: RemoteObject<Ears>,
  ): RemoteObject<Member>;
}

/** A member of a room, for the one who joined. */
export interface Member {
  /** Says a line to all others in the room. */
  say(text: string): void;
  /** The names of all who are in the room, in the order they came. */
  names(): string[];
  /** Leaves the room. */
  leave(): void;
}

/** What a member is told of the others. */
export interface Ears {
  /** Somebody said something. */
  said(name: string, text: string): void;
  /** Somebody has joined. */
  joined(name: string): void;
  /** Somebody is gone; tells why, unless it left by itself. */
  left(name: string, why?: string): void;
  /** This member was too slow, and missed so many calls. */
  missed(count: number): void;
}
