import { assert, assertEquals } from "@std/assert";
import { LineBuffer } from "../../wire/lines/line_stream.ts";
import { test } from "../_test.ts";

test("LineBuffer.takeRest() gives what is left", () => {
  const buffer = new LineBuffer();
  buffer.append(new TextEncoder().encode("a\nbc"));
  assertEquals(buffer.takeLine()?.length, 1);
  assertEquals(buffer.takeLine(), undefined);
  assertEquals(buffer.length, 2);
  assertEquals(new TextDecoder().decode(buffer.takeRest()), "bc");
  assertEquals(buffer.length, 0);
});

/** How many bytes are moved and looked at while something runs. */
function bytesTouched(run: () => void): number {
  const { set, indexOf } = Uint8Array.prototype;
  let touched = 0;
  Uint8Array.prototype.set = function (source, offset) {
    touched += source.length;
    return set.call(this, source, offset);
  };
  Uint8Array.prototype.indexOf = function (element, from = 0) {
    const found = indexOf.call(this, element, from);
    touched += (found < 0 ? this.length : found) - from;
    return found;
  };
  try {
    run();
  } finally {
    Object.assign(Uint8Array.prototype, { set, indexOf });
  }
  return touched;
}

for (
  const [what, line] of [["one long line", 100_000], [
    "short lines",
    10,
  ]] as const
) {
  test(`LineBuffer is linear for ${what}, byte by byte`, () => {
    const byte = new Uint8Array([65]);
    const end = new Uint8Array([10]);
    const total = 100_000;
    let lines = 0;
    const touched = bytesTouched(() => {
      const buffer = new LineBuffer();
      for (let at = 1; at <= total; at++) {
        buffer.append(at % line === 0 ? end : byte);
        if (buffer.takeLine() !== undefined) lines++;
      }
    });
    assertEquals(lines, total / line);
    assert(touched < total * 5, `${touched} bytes for ${total}`);
  });
}
