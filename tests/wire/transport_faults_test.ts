import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type Transport,
  type Wire,
  WireError,
} from "../../wire/mod.ts";
import { LineStream } from "../../wire/lines/mod.ts";
import { socketTransport } from "../../wire/transport/transport.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { unhandledIn } from "./_unhandled.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Two wires over streams that change every chunk on its way. */
function changed(change: (chunk: Chunk) => unknown[]): Wire[] {
  const stream = () =>
    new TransformStream<Chunk, Chunk>({
      transform(chunk, controller) {
        for (const one of change(chunk)) controller.enqueue(one as Chunk);
      },
    });
  const [there, back] = [stream(), stream()];
  const options = { onError() {} };
  const near = makeWire(
    { readable: back.readable, writable: there.writable },
    options,
  );
  const far = makeWire(
    { readable: there.readable, writable: back.writable },
    options,
  );
  far.serve({ echo: (x: unknown) => x });
  return [near, far];
}

const BYTES: Record<string, (chunk: Chunk) => unknown[]> = {
  "ArrayBuffer": (chunk) => [chunk.slice().buffer],
  "SharedArrayBuffer": (chunk) => {
    const shared = new SharedArrayBuffer(chunk.length);
    new Uint8Array(shared).set(chunk);
    return [shared];
  },
  "DataView": (chunk) => [new DataView(chunk.slice().buffer)],
  "Uint8ClampedArray": (chunk) => [new Uint8ClampedArray(chunk)],
  "a view of a part": (chunk) => {
    const large = new Uint8Array(chunk.length + 16);
    large.set(chunk, 8);
    return [new DataView(large.buffer, 8, chunk.length)];
  },
  "words": (chunk) => {
    const even = chunk.length & ~1;
    return [new Uint16Array(chunk.slice(0, even).buffer), chunk.slice(even)];
  },
  "empty chunks": (chunk) => [new Uint8Array(), chunk, new ArrayBuffer(0)],
};

for (const [what, change] of Object.entries(BYTES)) {
  test(`makeWire() takes the chunks of streams: ${what}`, async () => {
    const [near, far] = changed(change) as [Wire, Wire];
    assertEquals(await near.remoteValue.echo("hello"), "hello");
    await Promise.all([near.close(), far.close()]);
  });
}

const NO_BYTES: Record<string, [unknown, RegExp]> = {
  "null": [null, /gave null/],
  "undefined": [undefined, /gave undefined/],
  "a number": [7, /gave 7/],
  "text": ["text", /a string, .*TextDecoderStream/],
  "an array": [[1, 2, 3], /an array/],
  "a Blob": [new Blob(["text"]), /of the kind Blob/],
  "an object": [{ length: 3 }, /of the kind Object/],
};

for (const [what, [chunk, text]] of Object.entries(NO_BYTES)) {
  test(`makeWire() names a chunk that is no bytes: ${what}`, async () => {
    const [near, far] = changed(() => [chunk]) as [Wire, Wire];
    const error = await assertRejects(() => near.opened) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
    near.abort();
    far.abort();
    await Promise.all([near.closed, far.closed]);
  });
}

/** A transport that does one thing in its own way. */
function odd(own: Partial<Record<keyof Transport, unknown>>): Transport {
  const [here, there] = memoryTransports();
  // What is written is read, by nobody in particular.
  (async () => {
    try {
      while (await there.read() !== null);
    } catch {
      // Closed.
    }
  })();
  return {
    address: { transport: "memory" },
    read: () => here.read(),
    write: (bytes: Chunk) => here.write(bytes),
    closeWrite: () => here.closeWrite(),
    close: () => here.close(),
    ...own,
  } as Transport;
}

const FAULTS: Record<
  string,
  [Partial<Record<keyof Transport, unknown>>, RegExp]
> = {
  "write() of nothing": [{ write: () => Promise.resolve(0) }, /gave 0/],
  "write() of NaN": [{ write: () => Promise.resolve(NaN) }, /gave NaN/],
  "write() of too much": [
    { write: (bytes: Chunk) => Promise.resolve(bytes.length + 1) },
    /not how many of \d+ bytes/,
  ],
  "write() of a part of a byte": [
    { write: () => Promise.resolve(0.5) },
    /gave 0\.5/,
  ],
  "write() of undefined": [
    { write: () => Promise.resolve() },
    /gave undefined/,
  ],
  "write() that transfers": [
    {
      write(bytes: Chunk) {
        const { length } = bytes;
        structuredClone(bytes, { transfer: [bytes.buffer] });
        return Promise.resolve(length);
      },
    },
    /transferred the bytes/,
  ],
  "write() without a promise": [{ write: () => 0 }, /gave 0/],
  "write() that throws": [
    {
      write() {
        throw new Error("no such pipe");
      },
    },
    /no such pipe/,
  ],
  "read() of nothing, for ever": [
    { read: () => Promise.resolve(new Uint8Array()) },
    /without a byte/,
  ],
  "read() of undefined": [{ read: () => Promise.resolve() }, /undefined/],
  "read() of bytes that are gone": [
    {
      read() {
        const bytes = new Uint8Array(8);
        structuredClone(bytes, { transfer: [bytes.buffer] });
        return Promise.resolve(bytes);
      },
    },
    /gave bytes that were transferred\./,
  ],
  "read() of a buffer that is gone": [
    {
      read() {
        const buffer = new ArrayBuffer(8);
        structuredClone(buffer, { transfer: [buffer] });
        return Promise.resolve(buffer);
      },
    },
    /gave bytes that were transferred\./,
  ],
  "read() of text": [{ read: () => Promise.resolve("text") }, /a string/],
  "read() that throws": [
    {
      read() {
        throw new Error("no such pipe");
      },
    },
    /no such pipe/,
  ],
};

for (const [what, [own, text]] of Object.entries(FAULTS)) {
  test(`a wire ends at a fault of its transport: ${what}`, async () => {
    for (const dialect of [undefined, cmucl()]) {
      const wire = makeWire(odd(own), { dialect, onError() {} });
      wire.outputObject("something").catch(() => {});
      const { code, message } = await wire.closed;
      assert(["invalidArgument", "connectionLost"].includes(code), code);
      assertMatch(message, text);
    }
  });

  test(`a LineStream fails at a fault of its transport: ${what}`, async () => {
    const stream = new LineStream(odd(own));
    const done = what.startsWith("read")
      ? stream.readLine()
      : stream.writeLine("line").then(() => stream.forceOutput());
    const error = await assertRejects(() => done) as WireError;
    assert(error instanceof WireError, String(error));
    assertMatch(`${error.message} ${error.cause}`, text);
    stream.abort();
    await stream.closed;
  });
}

test("a wire whose transport fails at once leaves no timer behind", async () => {
  for (const dialect of [undefined, cmucl()]) {
    const clock = new FakeClock();
    const read = () => {
      throw new Error("no such pipe");
    };
    const wire = makeWire(odd({ read }), { dialect, clock, onError() {} });
    await wire.closed;
    assertEquals(clock.timers, 0);
  }
});

test("a wire stops reading from a transport that never stops giving", async () => {
  for (const dialect of [undefined, cmucl()]) {
    let reads = 0;
    const read = () => {
      reads++;
      return Promise.resolve(new Uint8Array(8).fill(255));
    };
    const wire = makeWire(odd({ read }), { dialect, onError() {} });
    const { code } = await wire.closed;
    assert(["notAWire", "malformed"].includes(code), code);
    const before = reads;
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(reads, before);
  }
});

for (const delay of [0, 1, 2, 5, 9, 20]) {
  test(`a wire names a transport that transfers bytes ${delay} turns late`, async () => {
    const [here, there] = memoryTransports();
    const takeAway = async (bytes: Chunk) => {
      for (let turn = 0; turn < delay; turn++) await undefined;
      if (bytes.length > 0) {
        structuredClone(bytes, { transfer: [bytes.buffer] });
      }
    };
    const near = makeWire({
      address: here.address,
      read: () => here.read(),
      async write(bytes) {
        const count = await here.write(bytes.slice());
        takeAway(bytes);
        return count;
      },
      closeWrite: () => here.closeWrite(),
      close: () => here.close(),
    }, { onError() {} });
    const far = makeWire(there, { onError() {} });
    far.serve({ echo: (x: unknown) => x });
    // Some fail; what matters is that nothing hangs, spins or gets through.
    for (let n = 0; n < 300 && near.ended === undefined; n++) {
      near.remote.echo("x".repeat(5_000)).catch(() => {});
      await near.remoteValue.echo(n).catch(() => {});
    }
    if (near.ended !== undefined) {
      assertEquals(near.ended.code, "invalidArgument");
      assertMatch(near.ended.message, /transport of the wire is at fault/);
    }
    near.abort();
    far.abort();
    await Promise.all([near.closed, far.closed]);
  });
}

test("a wire ends though its transport cannot even be closed", async () => {
  const clock = new FakeClock();
  const wire = makeWire(
    odd({
      read: () => new Promise(() => {}),
      close() {
        throw new Error("no way");
      },
    }),
    { clock },
  );
  wire.abort();
  await clock.advance(3_000);
  assertEquals((await wire.closed).code, "aborted");
  assertEquals(clock.timers, 0);
});

test("socketTransport() names a socket's impossible counts", async () => {
  for (const count of [-1, 257, NaN, "all"]) {
    const transport = socketTransport({
      read: () => Promise.resolve(count as number),
      write: () => Promise.resolve(1),
      closeWrite: () => Promise.resolve(),
      close() {},
    }, { transport: "memory" });
    const error = await assertRejects(() => transport.read()) as WireError;
    assertMatch(error.message, /read\(\) of the socket gave/);
  }
});

test("socketTransport() leaves a socket's close() alone that fails", async () => {
  const fails: (() => unknown)[] = [
    () => Promise.reject(new Error("It was closed before.")),
    () => {
      throw new Error("It was closed before.");
    },
  ];
  for (const close of fails) {
    const unhandled = await unhandledIn(() =>
      socketTransport({
        read: () => Promise.resolve(null),
        write: () => Promise.resolve(1),
        closeWrite: () => Promise.resolve(),
        close: close as () => void,
      }, { transport: "memory" }).close()
    );
    assertEquals(unhandled, []);
  }
});

test("makeWire() refuses what is no connection, and options that there are not", () => {
  const locked = new TransformStream<Chunk, Chunk>();
  locked.readable.getReader();
  const cases: [unknown, object, RegExp][] = [
    [undefined, {}, /readable, writable/],
    [null, {}, /readable, writable/],
    [{}, {}, /readable, writable/],
    [{ readable: true, writable: true }, {}, /readable, writable/],
    [{ ...memoryTransports()[0], address: undefined }, {}, /an address/],
    [locked, {}, /"readable" is in use/],
    [memoryTransports()[0], { onEror() {} }, /did you mean "onError"/],
    [memoryTransports()[0], { signal: new AbortController() }, /\.signal/],
  ];
  for (const [connection, options, text] of cases) {
    const error = assertThrows(() => {
      makeWire(connection as Transport, options);
    }) as WireError;
    assertEquals(error.code, "invalidArgument");
    assertMatch(error.message, text);
  }
});

test("a transport that is slow to end is closed once", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  let closed = 0;
  const near = makeWire({
    address: here.address,
    local: true,
    read: () => here.read(),
    write: (bytes) => here.write(bytes),
    closeWrite: () => new Promise(() => {}),
    close() {
      closed++;
      here.close();
    },
  }, { clock });
  const far = makeWire(there, { onError() {} });
  await Promise.all([near.opened, far.opened]);
  const closing = near.close();
  await clock.advance(0);
  assertEquals(closed, 0);
  await clock.advance(1_000);
  await closing;
  await far.closed;
  assertEquals([closed, clock.timers], [1, 0]);
});
