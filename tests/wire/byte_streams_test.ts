import { assert, assertEquals, assertRejects } from "@std/assert";
import { type RemoteStream, WireError, wirePair } from "../../mod.ts";
import { test } from "../_test.ts";
import { byteCosts } from "./_counting.ts";

interface Files {
  read(): AsyncIterable<Uint8Array>;
}

/** A wire whose peer serves chunks, and how the producer ended. */
function serving(chunks: Iterable<unknown> | AsyncIterable<unknown>) {
  const ended = Promise.withResolvers<void>();
  const [near, far] = wirePair<Files>();
  far.serve({
    async *read() {
      try {
        yield* chunks as AsyncIterable<Uint8Array>;
      } finally {
        ended.resolve();
      }
    },
  });
  return { near, ended: ended.promise };
}

async function open(
  { near }: ReturnType<typeof serving>,
): Promise<RemoteStream<Uint8Array>> {
  return await near.remoteValue.read() as RemoteStream<Uint8Array>;
}

const numbers = (count: number, from = 0) =>
  Uint8Array.from({ length: count }, (_, at) => at + from);

test("bytes are read into the reader's own buffer, however they are cut", async () => {
  const whole = numbers(100);
  for (const size of [1, 7, 30, 64, 1_000]) {
    const served = serving([
      whole.subarray(0, 30),
      new Uint8Array(),
      whole.subarray(30, 31),
      whole.subarray(31),
    ]);
    const reader = (await open(served)).bytes.getReader({ mode: "byob" });
    const found: number[] = [];
    let view = new Uint8Array(size);
    for (;;) {
      const { done, value } = await reader.read(view);
      if (done) {
        assertEquals(value?.length, 0);
        break;
      }
      assert(value.length > 0 && value.length <= size);
      assertEquals(value.buffer.byteLength, size);
      found.push(...value);
      view = new Uint8Array(value.buffer);
    }
    assertEquals(found, [...whole], `${size}`);
    await served.near.close();
  }
});

test("a reader without a buffer gets the chunks, and may be piped", async () => {
  const served = serving([numbers(3), new Uint8Array(), numbers(2, 10)]);
  const stream = await open(served);
  const found = await new Response(stream.bytes).bytes();
  assertEquals([...found], [0, 1, 2, 10, 11]);
  // It was taken, as by a loop.
  const again = await assertRejects(async () => {
    for await (const _ of stream);
  }, WireError);
  assertEquals(again.code, "invalidArgument");
  await served.near.close();
});

test("chunks larger than a frame come whole", async () => {
  const large = new Uint8Array(300_000).map((_, at) => at * 7);
  const served = serving([large]);
  const reader = (await open(served)).bytes.getReader({ mode: "byob" });
  const found = new Uint8Array(large.length);
  let at = 0;
  for (let view = new Uint8Array(50_000);;) {
    const { done, value } = await reader.read(view);
    if (done) break;
    found.set(value, at);
    at += value.length;
    view = new Uint8Array(value.buffer);
  }
  assertEquals(at, large.length);
  assertEquals(found, large);
  await served.near.close();
});

test("an item that is no bytes fails a byte stream, and stops the producer", async () => {
  for (const mode of ["byob", undefined] as const) {
    const served = serving([numbers(2), "text", numbers(2)]);
    const { bytes } = await open(served);
    const error = await assertRejects(
      async () => {
        if (mode === undefined) {
          for await (const _ of bytes);
          return;
        }
        const reader = bytes.getReader({ mode });
        while (!(await reader.read(new Uint8Array(9))).done);
      },
      WireError,
      'one is "text"',
    );
    assertEquals(error.code, "invalidArgument");
    await served.ended;
    await served.near.close();
  }
});

test("cancelling a byte stream while it waits stops the producer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const served = serving((async function* () {
    yield numbers(1);
    await promise;
    yield numbers(5);
  })());
  const reader = (await open(served)).bytes.getReader({ mode: "byob" });
  await reader.read(new Uint8Array(4));
  const waits = reader.read(new Uint8Array(4));
  const cancelled = reader.cancel();
  assertEquals((await waits).done, true);
  resolve();
  await Promise.all([cancelled, served.ended]);
  await served.near.close();
});

test("a wire that ends fails the one who waits for bytes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const served = serving((async function* () {
    await promise;
    yield numbers(1);
  })());
  const reader = (await open(served)).bytes.getReader({ mode: "byob" });
  const waits = reader.read(new Uint8Array(4));
  served.near.abort();
  await assertRejects(() => waits, WireError);
  resolve();
});

test("who waits with a buffer has nothing allocated for a chunk", async () => {
  const CHUNK = 16 * 1024;
  const COUNT = 200;
  const chunk = new Uint8Array(CHUNK);
  let next = Promise.withResolvers<void>();
  const served = serving((async function* () {
    for (let n = 0; n < COUNT; n++) {
      await next.promise;
      next = Promise.withResolvers<void>();
      yield chunk;
    }
  })());
  const reader = (await open(served)).bytes.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(CHUNK);
  const round = async () => {
    const waits = reader.read(new Uint8Array(buffer));
    next.resolve();
    const { value } = await waits;
    assertEquals(value?.length, CHUNK);
    buffer = value!.buffer as ArrayBuffer;
  };
  for (let n = 0; n < COUNT / 2; n++) await round();
  const { allocated } = await byteCosts(async () => {
    for (let n = 0; n < COUNT / 4; n++) await round();
  });
  assert(allocated < CHUNK * COUNT / 4 / 10, `${allocated} bytes`);
  const cancelled = reader.cancel();
  next.resolve();
  await Promise.all([cancelled, served.ended]);
  await served.near.close();
});
