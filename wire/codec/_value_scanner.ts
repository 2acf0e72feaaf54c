/**
 * Goes through values without making anything of them.
 *
 * @module
 */

import { LAYOUTS, noSuchTag, type Scan, TAG, type Tag } from "./value_kinds.ts";
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
 * @param attachment Reads an attachment: called behind the tag of each reference
 * and each stream.
 * @throws {WireError} `malformed` for bytes that are no values.
 */
export function skipValues(
  reader: ByteReader,
  tables: KeySets,
  count: number,
  attachment: (tag: Tag) => void,
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
  const keyCount = (index: number) => tables.shape(index).keys.length;
  const scan: Scan = { reader, enter, keyCount, attachment };
  enter(count);
  for (let rest; (rest = waiting.at(-1)) !== undefined;) {
    if (--rest.count === 0) waiting.pop();
    if (rest.hasKeys) reader.take(reader.varint());
    passOne(scan);
  }
}

/** Goes through one value, up to the first of those that it holds. */
function passOne(scan: Scan): void {
  const { reader } = scan;
  const tag = reader.byte();
  if (tag < TAG.text || tag >= TAG.negative) return;
  if (tag < TAG.list) return void reader.take(tag - TAG.text);
  if (tag < TAG.object) return scan.enter(tag - TAG.list);
  if (tag < TAG.null) return scan.enter(scan.keyCount(tag - TAG.object));
  const layout = LAYOUTS[tag as Tag];
  if (layout === undefined) throw noSuchTag(tag as never);
  if (typeof layout === "number") reader.take(layout);
  else layout(scan);
}
