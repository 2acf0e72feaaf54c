/**
 * What the page and its server agree on.
 *
 * @module
 */

import type { RemoteObject } from "../../mod.ts";

/** The longest text of a note, in UTF-16 code units. */
export const LONGEST_TEXT = 300;
/** The most notes on a board. */
export const MOST_NOTES = 200;
/** The largest picture, in bytes. */
export const LARGEST_PICTURE = 20_000_000;

/** A note. Whoever changes one sends the whole of it. */
export interface Note {
  /** A UUID, which its author chose. */
  readonly id: string;
  /** Where it is: 0 is the left end of the board, 1 the right one. */
  x: number;
  /** 0 is the upper end, 1 the lower one. */
  y: number;
  /** Its colour: an angle, in degrees. */
  hue: number;
  text: string;
  /** The type of the picture on it, such as `"image/png"`. */
  picture?: string;
}

/** A note as the server has it. */
export interface Change extends Note {
  /** Counts the changes of the board; of two of a note, the larger holds. */
  readonly version: number;
  /** It was removed. */
  readonly isGone?: true;
}

/** Somebody who looks at the board. */
export interface Visitor {
  readonly id: number;
  readonly name: string;
  readonly hue: number;
}

/** Where a visitor points. */
export interface Point {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

/** What the server calls in a page. */
export interface Ears {
  /** These are there now; one of them is the page's own visitor. */
  visitors(all: Visitor[], own: number): void;
  /** Where visitors point. */
  pointed(points: Point[]): void;
}

/** What the server serves to each page. */
export interface Board {
  /** Comes to the board; the ears are told who is there, and points where. */
  join(name: string, hue: number, ears: RemoteObject<Ears>): void;
  /** Shows the others where one points. */
  point(x: number, y: number): void;
  /**
   * All notes, and then whatever changes. Who is slow gets the last of several
   * changes of a note, and no backlog.
   */
  follow(): AsyncIterable<Change[]>;
  /** Puts a note on the board, or changes it; answers once it is stored. */
  put(note: Note): number;
  /** Removes a note; answers once that is stored. */
  remove(id: string): number;
  /**
   * Puts a note with a picture on the board.
   *
   * @param note The note.
   * @param bytes The picture.
   * @param onProgress Told how many bytes have come.
   */
  upload(
    note: Note,
    bytes: AsyncIterable<Uint8Array>,
    onProgress: (count: number) => void,
  ): number;
  /** The picture of a note. */
  picture(id: string): AsyncIterable<Uint8Array>;
}
