/**
 * Goes through values without making anything of them.
 *
 * @module
 */

import { ERROR_PART, passMagnitude, passView, TAG } from "./value_kinds.ts";
import type { ByteReader } from "./bytes.ts";
import { malformed } from "../base/errors.ts";
import type { KeySets } from "./tables.ts";

/** Values that are still to come at one place. */
interface Rest {
  count: number;
  /** Whether each of them has its key in front of it. */
  readonly hasKeys: boolean;
}

/**
 * Goes through values, however many and however deep they are.
 *
 * @param reader Where the bytes come from.
 * @param tables The key sets that the peer defined.
 * @param count How many values there are.
 * @param along Reads what came along: called behind the tag of each reference
 * and each stream.
 * @throws {WireError} `malformed` for bytes that are no values.
 */
export function passOver(
  reader: ByteReader,
  tables: KeySets,
  count: number,
  along: (tag: number) => void,
): void {
  const waiting: Rest[] = [];
  const enter = (count: number, hasKeys = false) => {
    if (count > reader.remaining) {
      throw malformed(
        `${count} values cannot fit into the ${reader.remaining} bytes that are left.`,
      );
    }
    if (count > 0) waiting.push({ count, hasKeys });
  };
  enter(count);
  for (let rest; (rest = waiting.at(-1)) !== undefined;) {
    if (--rest.count === 0) waiting.pop();
    if (rest.hasKeys) reader.take(reader.varint());
    passOne(reader, tables, enter, along);
  }
}

/** Goes through one value, up to the first of those that it holds. */
function passOne(
  reader: ByteReader,
  tables: KeySets,
  enter: (count: number, hasKeys?: boolean) => void,
  along: (tag: number) => void,
): void {
  const tag = reader.byte();
  if (tag < TAG.text || tag >= TAG.negative) return;
  if (tag < TAG.list) return void reader.take(tag - TAG.text);
  if (tag < TAG.object) return enter(tag - TAG.list);
  if (tag < TAG.null) {
    return enter(tables.shape(tag - TAG.object).keys.length);
  }
  const size = SIZES[tag];
  if (size !== undefined) return void reader.take(size);
  switch (tag) {
    case TAG.positiveBigint:
    case TAG.negativeBigint:
      return passMagnitude(reader);
    case TAG.longText:
    case TAG.bytes:
      return void reader.take(reader.varint());
    case TAG.view:
      return passView(reader);
    case TAG.longList:
    case TAG.set:
      return enter(reader.varint());
    case TAG.anyObject:
      return enter(tables.shape(reader.varint()).keys.length);
    case TAG.dictionary:
      return enter(reader.varint(), true);
    case TAG.map:
      return enter(reader.varint() * 2);
    case TAG.error:
      return enter(passError(reader));
    case TAG.declared:
      reader.take(reader.varint());
      return enter(1);
    case TAG.reference:
    case TAG.stream:
      return along(tag);
    case TAG.own:
      reader.varint();
      return void reader.uint32();
    case TAG.result:
      return void reader.varint();
    default:
      throw malformed(`No value begins with the byte 0x${tag.toString(16)}.`);
  }
}

/** How many bytes follow the tags of values that always have as many. */
const SIZES: Readonly<Record<number, number>> = {
  [TAG.null]: 0,
  [TAG.undefined]: 0,
  [TAG.false]: 0,
  [TAG.true]: 0,
  [TAG.uint8]: 1,
  [TAG.uint16]: 2,
  [TAG.uint32]: 4,
  [TAG.int16]: 2,
  [TAG.int32]: 4,
  [TAG.float32]: 4,
  [TAG.float64]: 8,
  [TAG.date]: 8,
  [TAG.time]: 6,
};

/** Goes through the texts of an error. @returns How many values follow. */
function passError(reader: ByteReader): number {
  reader.take(reader.varint());
  reader.take(reader.varint());
  const flags = reader.byte();
  if (flags > 15) throw malformed(`An error has no parts ${flags}.`);
  if (flags & ERROR_PART.stack) reader.take(reader.varint());
  const { cause, errors, data } = ERROR_PART;
  return [cause, errors, data].filter((part) => flags & part).length;
}
