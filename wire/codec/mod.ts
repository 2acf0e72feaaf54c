/**
 * What travels over a wire, for tools that look at it: frames, messages and
 * values. `docs/protocol.md` tells the bytes.
 *
 * @example Frames of a recorded connection
 * ```ts
 * import { FrameDecoder } from "@remote/wire/codec";
 *
 * const frames = new FrameDecoder(1024);
 * frames.feed(new Uint8Array([0, 0, 0, 2, 7, 8, 0, 0]));
 * if (!frames.next()) throw new Error("a frame was there");
 * const body = frames.buffer.subarray(frames.start, frames.end);
 * if (body.join() !== "7,8") throw new Error("its body is 7, 8");
 * ```
 *
 * @module
 */

export { DEFAULT_LIMITS, type WireLimits } from "../base/limits.ts";
export { FrameDecoder } from "./frames.ts";
export { messageText, valueText } from "./message_text.ts";
export {
  type MessageDecoder,
  MessageTap,
  type SeenCall,
  type SeenFailure,
  type SeenFields,
  type SeenId,
  type SeenKind,
  type SeenMessage,
  type SeenObject,
  type SeenReference,
  type SeenTarget,
  type SeenTyped,
} from "./message_tap.ts";
export { type Direction, type TappedMessage, WireTap } from "./wire_tap.ts";
export { decodeValue, encodeValue } from "./codec.ts";
export type {
  AnyValueType,
  ValueType,
  ValueTypeOptions,
} from "./value_types.ts";
