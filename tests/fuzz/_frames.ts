/**
 * Fuzzes how a stream is cut into frames, beside a plain reading of the same
 * bytes.
 *
 * @module
 */

import { FRAME_HEADER, FrameDecoder } from "../../wire/codec/frames.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { WireError } from "../../wire/base/errors.ts";
import { mutateBytes, mutateHead } from "./_mutate.ts";
import { mutateFrames } from "./_mutate_frames.ts";
import {
  about,
  type Bytes,
  checkHeld,
  chunks,
  Fault,
  inRoom,
  kindOf,
  type Target,
} from "./_target.ts";

const LIMITS = [16, 300, 65_536, 16 * 1024 * 1024];
/** A frame that is handed out in parts has this much of its body at first. */
const LEAST_PART = 12;

/** What plain reading finds at the end of a stream, or where it breaks. */
interface Expected {
  /** How many frames are whole. */
  readonly frames: number;
  /** Where the first one begins that is not, or is none. */
  readonly end: number;
  readonly isBroken: boolean;
}

function expected(stream: Bytes, limit: number): Expected {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  let frames = 0;
  let end = 0;
  for (; end + FRAME_HEADER <= stream.length; frames++) {
    const length = view.getUint32(end);
    if (length === 0 || length > limit) return { frames, end, isBroken: true };
    if (end + FRAME_HEADER + length > stream.length) break;
    end += FRAME_HEADER + length;
  }
  return { frames, end, isBroken: false };
}

/** Follows a decoder through the stream that it is fed. */
class Follower {
  frames = 0;
  /** Where the next byte stands that is to be handed out. */
  #at = 0;

  constructor(
    readonly stream: Bytes,
    readonly decoder: FrameDecoder,
    readonly isDivisible: boolean,
  ) {}

  /** Checks the frame, or the part of one, that the decoder stands at. */
  take(): void {
    const { decoder, stream } = this;
    if (!decoder.continues) this.#at += FRAME_HEADER;
    const { buffer, start, end } = decoder;
    for (let from = start; from < end; from++) {
      if (buffer[from] === stream[this.#at++]) continue;
      throw new Fault(`a byte before ${this.#at} came as ${buffer[from]}`);
    }
    if (decoder.rest > 0) {
      const isFit = this.isDivisible &&
        (decoder.continues || end - start >= LEAST_PART);
      if (!isFit) throw new Fault("a frame was handed out in parts");
    } else this.frames++;
  }

  /** How much of the stream was neither handed out nor is a header of it. */
  get kept(): number {
    const { rest } = this.decoder;
    return rest > 0 ? rest : this.stream.length - this.#at;
  }
}

/** Checks what is said where the stream ends. */
function checkEnd(decoder: FrameDecoder, follower: Follower): void {
  const { kept } = follower;
  if (decoder.unfinished !== kept) {
    throw new Fault(`${decoder.unfinished} bytes are kept, not ${kept}`);
  }
  try {
    decoder.finish();
    if (kept > 0) throw new Fault("the end within a frame was not noticed");
  } catch (error) {
    if (kept === 0 || !(error instanceof WireError)) throw error;
  }
}

/** `FrameDecoder`: the first byte chooses limits, the second how it is cut. */
export const frames: Target = {
  name: "frames",

  mutate(input, random, other) {
    if (random.chance(0.1)) return mutateHead(input, random, 2);
    return random.chance(0.3)
      ? mutateBytes(input, random, other, [0, 1, KIND.piece], 2)
      : mutateFrames(input, random, other, 2);
  },

  run(input, isCounted) {
    const [mode = 0, cut = 0] = input;
    const stream = input.slice(2);
    return inRoom(stream.length, isCounted, () => cutUp(stream, mode, cut));
  },
};

/** What comes of a stream that is cut into frames. */
function cutUp(stream: Bytes, mode: number, cut: number): string {
  const limit = LIMITS[mode & 3]!;
  const piece = mode & 4 ? KIND.piece : -1;
  const long = mode & 8 ? KIND.streamBytes : -1;
  const decoder = new FrameDecoder(limit, piece, long);
  const follower = new Follower(stream, decoder, piece > 0 || long > 0);
  const { frames, end, isBroken } = expected(stream, limit);
  let fed = 0;
  let parts = 0;
  try {
    for (const chunk of chunks(stream, cut)) {
      decoder.feed(chunk);
      fed += chunk.length;
      while (decoder.next()) {
        follower.take();
        parts++;
        checkHeld(decoder.buffer.length, fed, "a frame");
      }
      // Whoever feeds it may use the chunk for something else.
      chunk.fill(0xaa);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (!isBroken) throw new Fault(`broke before ${end}: ${error.message}`);
    if (follower.frames !== frames) throw new Fault("broke too early");
    return `${kindOf(error)} ${about(frames)}`;
  }
  if (isBroken) throw new Fault("took a frame of no or too many bytes");
  if (follower.frames !== frames) {
    throw new Fault(`${follower.frames} frames came, not ${frames}`);
  }
  checkEnd(decoder, follower);
  return `${about(frames)} ${about(parts)} ${decoder.unfinished > 0}`;
}
