import { assertEquals, assertRejects } from "@std/assert";
import { Arrival } from "../../server/_admission.ts";
import { test } from "../_test.ts";

const ADDRESS = { transport: "tcp", hostname: "10.0.0.1", port: 7 } as const;

/** A connection that gives chunks, then its end or an error. */
function connOf(chunks: number[][], error?: Error) {
  let closed = 0;
  return {
    get closed() {
      return closed;
    },
    read(into: Uint8Array): Promise<number | null> {
      const chunk = chunks.shift();
      if (chunk !== undefined) {
        const part = chunk.slice(0, into.length);
        if (part.length < chunk.length) {
          chunks.unshift(chunk.slice(part.length));
        }
        into.set(part);
        return Promise.resolve(part.length);
      }
      return error === undefined
        ? Promise.resolve(null)
        : Promise.reject(error);
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {
      closed++;
      if (closed > 1) throw new Deno.errors.BadResource();
    },
  };
}

/** All that is read, so many bytes at a time. */
async function drain(arrival: Arrival, size: number): Promise<number[]> {
  const bytes: number[] = [];
  const into = new Uint8Array(size);
  for (;;) {
    const count = await arrival.read(into);
    if (count === null) return bytes;
    bytes.push(...into.subarray(0, count));
  }
}

for (const ahead of [false, true]) {
  for (const size of [1, 2, 300]) {
    test(`Arrival gives all that came, ${size} bytes at a time${ahead ? ", some of it read ahead" : ""}`, async () => {
      const arrival = new Arrival(
        connOf([[1, 2, 3], [4]]),
        ADDRESS,
        "10.0.0.1",
      );
      let spoken = 0;
      arrival.onSpoken = () => spoken++;
      if (ahead) arrival.readAhead();
      assertEquals(await drain(arrival, size), [1, 2, 3, 4]);
      assertEquals(spoken, ahead ? 1 : 0);
      assertEquals(arrival.socket === arrival, false);
    });
  }
}

test("Arrival tells that its peer is gone while it waits", async () => {
  for (const error of [undefined, new Error("reset")]) {
    const arrival = new Arrival(connOf([], error), ADDRESS, "");
    const gone = Promise.withResolvers<void>();
    arrival.onGone = gone.resolve;
    arrival.readAhead();
    await gone.promise;
    assertEquals(arrival.socket, arrival);
    if (error === undefined) {
      assertEquals(await arrival.read(new Uint8Array(1)), null);
    } else {
      await assertRejects(
        () => arrival.read(new Uint8Array(1)),
        Error,
        "reset",
      );
    }
  }
});

test("Arrival can be closed more than once, and writes through", async () => {
  const conn = connOf([]);
  const arrival = new Arrival(conn, ADDRESS, "");
  assertEquals(await arrival.write(new Uint8Array(3)), 3);
  await arrival.closeWrite();
  arrival.close();
  arrival.close();
  assertEquals(conn.closed, 2);
});
