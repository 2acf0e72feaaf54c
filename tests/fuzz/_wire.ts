/**
 * Fuzzes a whole wire: its peer says messages in any order, legal or not, while
 * this side's program calls, streams, cancels and closes gracefully.
 *
 * @module
 */

import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import { WireError } from "../../wire/base/errors.ts";
import { DEFAULT_LIMITS, resolveLimits } from "../../wire/base/limits.ts";
import { type Hello, KIND, type Message } from "../../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../../wire/codec/message_collector.ts";
import { frame, framedBy, hello } from "../_raw_peer.ts";
import { RAW } from "../_raw_values.ts";
import { concat } from "../wire/_codec.ts";
import { byteCosts } from "../wire/_counting.ts";
import { Harness, inHarness } from "./_harness.ts";
import { mutateBytes, mutateHead, varint } from "./_mutate.ts";
import { bodiesOf } from "./_mutate_frames.ts";
import {
  about,
  type Bytes,
  checkHeld,
  chunks,
  type Target,
} from "./_target.ts";
import { Program } from "./_wire_program.ts";
import { Manners } from "./_wire_manners.ts";
import { AMOUNTS, Cursor, message } from "./_wire_words.ts";

/** Bits of the first byte. */
const MODE = {
  ungreeted: 1,
  silent: 2,
  secret: 4,
  slow: 8,
  small: 16,
  narrow: 32,
  together: 64,
} as const;
const HEAD = 2;
const SECRET = "open sesame";
/** How many steps an input has at most, and after the wire has ended. */
const STEPS = 60;
const LATE_STEPS = 8;
/** Room that a wire and its peer make for themselves. */
const OWN_ROOM = 32 * 1024;

const SMALL = {
  nesting: 3,
  values: 60,
  calls: 2,
  pieces: 1,
  window: 400,
  streams: 2,
  streamWindow: 200,
  objects: 3,
  cancels: 2,
  sendPause: 300,
  sendEnd: 2_000,
  message: 4_096,
};
/** What a peer of few wants tells of itself. */
const NARROW = {
  nesting: 2,
  values: 20,
  bigint: 4,
  calls: 1,
  window: 200,
  pieces: 1,
  streams: 1,
  streamWindow: 100,
  objects: 1,
  message: 4_096,
  frame: 1_024,
};

/** The peer: what it says and hears. */
class Peer {
  readonly manners = new Manners();
  readonly encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });
  readonly #decoder = new CollectingDecoder(resolveLimits(), {
    importer: RAW,
  });
  readonly #heard: (Message | OverLimit)[] = [];
  /** What it is about to say. */
  readonly #waiting: Bytes[] = [];
  /** The kinds that it heard. */
  readonly kinds = new Set<string>();
  /** How many bytes it has made room for, and never said. */
  unsaid = 0;

  /** Hears; whatever a wire says is well formed. */
  readonly hear = (chunk: Uint8Array): void => {
    this.#decoder.feed(chunk);
    for (let one; (one = this.#decoder.next()) !== undefined;) {
      this.#heard.push(one);
    }
    for (const one of this.#heard.splice(0)) {
      this.kinds.add(one.kind);
      this.manners.heard(one);
    }
  };

  /** Says messages, soon. */
  tell(...messages: (Message | undefined)[]): void {
    const some = messages.filter((one) => one !== undefined);
    try {
      this.say(framedBy(this.encoder, ...some));
    } catch (error) {
      // Nested deeper than even this peer says.
      if (!(error instanceof WireError)) throw error;
    }
  }

  /** Says bytes, soon. */
  say(bytes: Bytes): void {
    this.#waiting.push(bytes);
  }

  /** Says what waits, in one chunk or in those of `cut`. */
  flush(harness: Harness, cut: number): void {
    const parts = this.#waiting.splice(0);
    if (parts.length === 0) return;
    for (const chunk of chunks(concat(parts), cut)) harness.say(chunk);
  }

  /** The last message that waits, in two pieces, with others between them. */
  divide(cursor: Cursor): void {
    const last = this.#waiting.pop();
    if (last === undefined) return;
    const bodies = bodiesOf(last);
    const body = bodies.pop() ?? new Uint8Array(1);
    for (const definition of bodies) this.say(frame(...definition));
    const at = 1 + cursor.below(Math.max(1, body.length - 1));
    const number = varint(cursor.below(3));
    // Now and then a peer announces more than comes, or less.
    const isTrue = cursor.below(8) < 7;
    const size = varint(isTrue ? body.length : cursor.pick(AMOUNTS));
    const first = body.subarray(0, at);
    this.say(frame(KIND.piece, ...number, 0, ...size, ...first));
    for (let between = cursor.below(3); between > 0; between--) {
      this.tell(message(cursor, this.manners));
    }
    if (cursor.below(4) === 0) {
      this.unsaid += body.length - at;
      this.say(frame(KIND.piece, ...number, 1));
    } else this.say(frame(KIND.piece, ...number, 0, ...body.subarray(at)));
  }
}

/** One step of the peer, or of this side's program. */
async function step(
  cursor: Cursor,
  peer: Peer,
  program: Program,
  harness: Harness,
  cut: number,
): Promise<void> {
  switch (cursor.below(16)) {
    case 0:
    case 1:
      peer.flush(harness, cut);
      return await harness.settle();
    case 2:
      peer.flush(harness, cut);
      return await harness.clock.advance(
        cursor.pick([0, 1, 100, 2_000, 11_000, 31_000]),
      );
    case 3:
    case 4:
    case 5:
      return program.step(cursor);
    case 6:
      return peer.divide(cursor);
    case 7: {
      if (!peer.manners.isRude(cursor)) return;
      const bytes = cursor.take(1 + cursor.below(20));
      return peer.say(cursor.below(4) === 0 ? bytes : frame(...bytes));
    }
    case 8: {
      if (cursor.below(4) > 0) return;
      peer.encoder.writer.position = 0;
      peer.encoder.reset();
      return peer.say(peer.encoder.writer.written().slice());
    }
    default:
      return peer.tell(message(cursor, peer.manners));
  }
}

/**
 * The first byte chooses what kind of wire and of peer there is, the second how
 * what it says is cut; the others stand for the steps of both.
 */
export const wire: Target = {
  name: "wire",

  mutate(input, random, other) {
    if (random.chance(0.1)) return mutateHead(input, random, HEAD);
    const words = Array.from({ length: 18 }, (_, word) => word);
    return mutateBytes(input, random, other, words, HEAD).slice(0, 400);
  },

  run: (input, isCounted) =>
    isCounted
      ? inHarness(() => counted(input))
      : inHarness(async () => (await meet(input)).came),
};

/** The same, where room is made for what is said, not for what is announced. */
async function counted(input: Bytes): Promise<string> {
  let met!: Met;
  const { allocated } = await byteCosts(async () => met = await meet(input));
  checkHeld(allocated - OWN_ROOM, met.said, "what was asked for");
  return met.came;
}

/** What came of it, and how many bytes both sides said, or meant to. */
interface Met {
  readonly came: string;
  readonly said: number;
}

/** Has a wire and a peer meet. */
async function meet(input: Bytes): Promise<Met> {
  const cursor = new Cursor(input);
  const mode = cursor.byte();
  const cut = cursor.byte();
  const has = (bit: number) => (mode & bit) !== 0;
  const peer = new Peer();
  const program: Program = new Program(() => harness);
  const harness = new Harness(
    {
      limits: has(MODE.small) ? SMALL : {},
      functions: program.functions,
      ...has(MODE.secret) ? { requireCredential: SECRET } : {},
      ...has(MODE.slow)
        ? { confirm: () => program.sleep(50).then(() => true) }
        : {},
    },
    peer.hear,
    !has(MODE.silent),
  );
  if (!has(MODE.ungreeted)) {
    const greeting = hello(has(MODE.narrow) ? NARROW : {}) as Hello;
    peer.tell({ ...greeting, credential: SECRET }, { kind: "accept" });
    peer.flush(harness, 0);
    if (!has(MODE.together)) await harness.settle();
  }
  for (let steps = STEPS; steps > 0 && !cursor.isOver; steps--) {
    await step(cursor, peer, program, harness, cut);
    if (harness.wire.ended !== undefined) steps = Math.min(steps, LATE_STEPS);
  }
  peer.flush(harness, cut);
  const end = await harness.finish();
  const { messagesReceived } = harness.wire.stats();
  const came = `${end} ${about(messagesReceived)} ${[...peer.kinds].sort()}`;
  return { came, said: harness.said + peer.unsaid };
}
