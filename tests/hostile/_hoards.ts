/**
 * Hoards: all windows are filled with values that take far more memory than
 * bytes, and nothing is ever finished.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../wire/mod.ts";
import { listOf, VALUE_KINDS } from "../../bench/memory/_values.ts";
import { KIND } from "../../wire/codec/messages.ts";
import type { Attack, Catalogue } from "./_attack.ts";
import {
  type Bytes,
  each,
  inPieces,
  join,
  rawCall,
  text,
  uint32,
  varint,
} from "./_bytes.ts";

const { window: WINDOW, message: MESSAGE, memory, streams, streamWindow } =
  DEFAULT_LIMITS;
const MIB = 1024 * 1024;
/** What each message counts for besides its bytes. */
const COST = 64;
/** What a list in one frame has at most. */
const LIST = 65_000;
/** The credit that a stream has at first. */
const FIRST_CREDIT = Math.floor(WINDOW / 2 / streams);
/** What is left of a window, for what shows that the wire lives. */
const SPARE = 100_000;

/** One frame, whose body is a head and a list. */
function framed(head: readonly number[], list: Uint8Array): Bytes {
  const length = uint32(head.length + list.length);
  return join(new Uint8Array([...length, ...head]), list);
}

/** As many messages as a window takes. */
function filling(
  window: number,
  list: Uint8Array,
  head: (n: number) => readonly number[],
): Bytes {
  const cost = head(0).length + list.length + COST + 1;
  return each(Math.floor(window / cost), (n) => framed(head(n), list));
}

/** What a call, or a one-way call, has of `hold(list)` in front of the list. */
const HOLD = [0, 0, ...text("hold"), 1];

/** Items of all streams that there may be: one within the credit, one beyond. */
function items(small: Uint8Array, large: Uint8Array): Bytes {
  const ids = Array.from({ length: streams }, (_, id) => id);
  const list = ids.flatMap((id) => [0xd9, ...varint(id)]);
  return join(
    rawCall(9_999, "hold", [0xd1, ...varint(streams), ...list]),
    ...ids.map((id) => {
      const head = [KIND.streamValue, ...varint(id)];
      const body = join(new Uint8Array(head), large);
      return join(framed(head, small), inPieces(id, body));
    }),
  );
}

/** All that a wire takes of one kind of value. */
function hoard(name: string): Attack {
  const kind = VALUE_KINDS.find((kind) => kind.name === name)!;
  const list = listOf(kind, LIST);
  return {
    name: `lists of ${name} in all windows, and in items of ${streams} streams`,
    says: () =>
      join(
        // The key set of no keys.
        new Uint8Array([0, 0, 0, 2, KIND.define, 1]),
        items(
          listOf(kind, FIRST_CREDIT - COST - 32),
          listOf(kind, streamWindow - 32),
        ),
        filling(WINDOW, list, () => [KIND.message]),
        filling(WINDOW, list, () => [KIND.send, ...HOLD]),
        filling(WINDOW + MESSAGE - SPARE, list, (n) => [
          KIND.call,
          ...varint(n),
          ...HOLD,
        ]),
      ),
    promise: "goes on",
    and: "what is held stays within `memory` and the windows",
    // What windows count, and streams, besides.
    holds: (memory + 4 * WINDOW + MESSAGE + streams * streamWindow) / MIB,
  };
}

export const HOARDS: Catalogue = {
  kind: "hoards",
  about:
    "Values that take far more memory than bytes are refused, or kept as bytes, before they are too much.",
  over: ["tcp"],
  attacks: [
    hoard("errors"),
    hoard("empty byte arrays"),
    hoard("empty Maps"),
    hoard("empty objects"),
    hoard("empty lists"),
  ],
};
