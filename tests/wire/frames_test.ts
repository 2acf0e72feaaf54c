import { assert, assertEquals } from "@std/assert";
import { NO_BYTES } from "../../wire/base/collections.ts";
import { FrameDecoder } from "../../wire/codec/frames.ts";
import { test } from "../_test.ts";
import { chunksOf, codeOf, concat, frameOf } from "./_codec.ts";
import { bytesAllocated, bytesCopied } from "./_counting.ts";

const LIMIT = 10_000;

/** Bodies of the sizes at which something changes. */
const BODIES = [1, 2, 3, 4, 5, 200, 4_091, 4_092, 4_093, 5_000, LIMIT, 1].map(
  (size, at) =>
    Uint8Array.from({ length: size }, (_, index) => index * 31 + at),
);
const STREAM = concat(BODIES.map((body) => frameOf(body)));

/** The bodies that come of chunks, each copied as it comes. */
function bodiesOf(
  chunks: Iterable<Uint8Array>,
  frames: FrameDecoder = new FrameDecoder(LIMIT),
): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const chunk of chunks) {
    frames.feed(chunk);
    while (frames.next()) {
      bodies.push(frames.buffer.slice(frames.start, frames.end));
    }
    // Nobody may depend on a chunk that was taken.
    chunk.fill(0xee);
  }
  frames.finish();
  return bodies;
}

function assertBodies(bodies: Uint8Array[], what: string): void {
  assertEquals(bodies.length, BODIES.length, what);
  for (const [index, body] of BODIES.entries()) {
    assert(bodies[index]!.join() === body.join(), `${what}, frame ${index}`);
  }
}

test("FrameDecoder finds the same frames in chunks of any size", () => {
  for (
    const size of [1, 2, 3, 4, 5, 7, 64, 203, 4_095, 4_096, 4_097, 1_000_000]
  ) {
    assertBodies(bodiesOf(chunksOf(STREAM, size)), `chunks of ${size}`);
  }
});

test("FrameDecoder finds the same frames split at every offset", () => {
  const some = [...BODIES.slice(0, 6), BODIES[6]!, BODIES[11]!];
  const stream = concat(some.map((body) => frameOf(body)));
  for (let offset = 0; offset <= stream.length; offset++) {
    const bodies = bodiesOf([stream.slice(0, offset), stream.slice(offset)]);
    assertEquals(bodies.length, some.length, `${offset}`);
    for (const [index, body] of some.entries()) {
      assertEquals(bodies[index]!.length, body.length);
      assertEquals(bodies[index]!.at(-1), body.at(-1));
    }
  }
});

test("FrameDecoder takes empty chunks", () => {
  const chunks = [...chunksOf(STREAM, 100)].flatMap((chunk) => [
    new Uint8Array(0),
    chunk,
  ]);
  assertBodies(bodiesOf(chunks), "empty chunks between");
});

test("FrameDecoder leaves a frame that lies in one chunk where it is", () => {
  const frames = new FrameDecoder(LIMIT);
  const chunk = concat([frameOf([1, 2]), frameOf([3])]);
  frames.feed(chunk);
  assert(frames.next() && frames.buffer === chunk);
  assertEquals([frames.start, frames.end], [4, 6]);
  assert(frames.next() && frames.buffer === chunk);
  assertEquals([frames.start, frames.end], [10, 11]);
  assertEquals(frames.next(), false);
});

test("FrameDecoder works on a chunk that is part of a buffer", () => {
  const whole = concat([Uint8Array.of(9, 9, 9), STREAM, Uint8Array.of(9)]);
  assertBodies(bodiesOf([whole.subarray(3, -1)]), "a subarray");
});

test("FrameDecoder goes on where its empty buffer is transferred", () => {
  const first = new FrameDecoder(1024);
  (first.buffer.buffer as ArrayBuffer).transfer();
  assert(!NO_BYTES.buffer.detached);
  for (const frames of [first, first, new FrameDecoder(1024)]) {
    frames.feed(new Uint8Array([0, 0, 0, 2, 7]));
    assert(!frames.next());
    frames.feed(new Uint8Array([8]));
    assert(frames.next());
    const body = frames.buffer.subarray(frames.start, frames.end);
    assertEquals([...body], [7, 8]);
    assert(!frames.next());
  }
});

test("unfinished tells how many bytes are kept", () => {
  const frames = new FrameDecoder(LIMIT);
  const stream = concat([frameOf([1, 2, 3]), frameOf([4])]);
  const kept = [];
  for (const byte of stream) {
    frames.feed(Uint8Array.of(byte));
    while (frames.next());
    kept.push(frames.unfinished);
  }
  assertEquals(kept, [1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 0]);
});

test("finish() refuses a stream that ends within a frame", () => {
  const stream = frameOf([1, 2, 3]);
  for (let length = 0; length <= stream.length; length++) {
    const frames = new FrameDecoder(LIMIT);
    frames.feed(stream.slice(0, length));
    while (frames.next());
    const whole = length === 0 || length === stream.length;
    const code = codeOf(() => frames.finish());
    assertEquals(code, whole ? undefined : "connectionLost", `${length}`);
  }
});

/** Lengths, and whether a limit of 10,000 takes them. */
const LENGTHS: [number, boolean][] = [
  [0, false],
  [1, true],
  [LIMIT, true],
  [LIMIT + 1, false],
  [0x00ffffff, false],
  [0x7fffffff, false],
  [0x80000000, false],
  [0xffffffff, false],
];

function header(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

test("FrameDecoder checks a length before a byte of the body comes", () => {
  for (const [length, fine] of LENGTHS) {
    for (const size of [1, 2, 3, 4]) {
      const frames = new FrameDecoder(LIMIT);
      const code = codeOf(() =>
        bodiesOf(chunksOf(header(length), size), frames)
      );
      // A good length is followed by nothing here.
      assertEquals(code, fine ? "connectionLost" : "malformed", `${length}`);
    }
  }
});

test("FrameDecoder checks a length behind good frames", () => {
  for (const [length, fine] of LENGTHS) {
    if (fine) continue;
    const bytes = concat([frameOf([1]), frameOf([2]), header(length)]);
    for (const size of [1, 5, 100]) {
      const frames = new FrameDecoder(LIMIT);
      let count = 0;
      const code = codeOf(() => {
        for (const chunk of chunksOf(bytes, size)) {
          frames.feed(chunk);
          while (frames.next()) count++;
        }
      });
      assertEquals([code, count], ["malformed", 2]);
    }
  }
});

test("limit may change from one frame to the next", () => {
  const frames = new FrameDecoder(2);
  frames.feed(
    concat([frameOf([1, 2]), frameOf([1, 2, 3]), frameOf([1, 2, 3, 4])]),
  );
  assert(frames.next());
  frames.limit = 3;
  assert(frames.next());
  assertEquals(codeOf(() => frames.next()), "malformed");
});

test("FrameDecoder copies each byte a few times, however it is chopped", () => {
  const limit = 200_000;
  const stream = concat(
    [limit, 1, 70_000, 5_000].map((size) => frameOf(new Uint8Array(size))),
  );
  for (const size of [1, 7, 4_097, 65_536]) {
    const chunks = [...chunksOf(stream, size)];
    const copied = bytesCopied(() => {
      const frames = new FrameDecoder(limit);
      for (const chunk of chunks) {
        frames.feed(chunk);
        while (frames.next());
      }
    });
    assert(copied <= 3 * stream.length, `${copied} of ${stream.length}`);
  }
});

test("FrameDecoder takes memory for bytes that came, not for a length", () => {
  for (const length of [1_000_000, 0x7fffffff]) {
    const frames = new FrameDecoder(0x7fffffff);
    const allocated = bytesAllocated(() => {
      frames.feed(header(length));
      assertEquals(frames.next(), false);
      frames.feed(new Uint8Array(100));
      assertEquals(frames.next(), false);
    });
    assert(allocated < 10_000, `${allocated} bytes`);
    assertEquals(frames.unfinished, 104);
  }
});

test("FrameDecoder.finish() refuses an end within a frame that is handed out", () => {
  const frames = new FrameDecoder(100, 7);
  const whole = frameOf([7, ...new Array(29).fill(0)]);
  frames.feed(whole.subarray(0, 24));
  assert(frames.next());
  assertEquals([frames.rest, frames.unfinished], [10, 10]);
  assertEquals(frames.next(), false);
  assertEquals(codeOf(() => frames.finish()), "connectionLost");
  frames.feed(whole.subarray(24));
  assert(frames.next());
  frames.finish();
});
