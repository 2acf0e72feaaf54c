/**
 * A byte stream to the peer, whose producer gives chunks of 64 KiB, and which
 * the peer reads into one buffer again and again, or as chunks of their own.
 *
 * A request of the raw loop is 1 MiB in one write. It does not wait for what
 * comes back, as many bytes as the peer's credit takes, until the end of the
 * round.
 *
 * @module
 */

import { megabytesPerSecond, type Workload } from "../_workload.ts";

const CHUNK = 64 * 1024;
const PER_REQUEST = 16;

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK);
  for (let index = 0; index < count; index++) yield chunk;
}

function byteStream(
  name: string,
  how: string,
  hasBuffer: boolean,
): Workload {
  return {
    name,
    title: `a byte stream, read ${how}`,
    metrics: [megabytesPerSecond(CHUNK)],
    firstCount: 1024,
    step: PER_REQUEST,
    perRequest: PER_REQUEST,
    async run([client], operations) {
      const count = await client.stream(chunks(operations), hasBuffer);
      if (count !== operations * CHUNK) throw new Error(`${count} bytes came.`);
    },
    raw: ([connection], operations) =>
      connection.stream(operations / PER_REQUEST),
  };
}

/** Read into one buffer again and again. */
export const bytesIntoBuffer: Workload = byteStream(
  "bytes-buffer",
  "into one buffer",
  true,
);

/** Read as it comes. */
export const bytesAsChunks: Workload = byteStream(
  "bytes-chunks",
  "as new chunks",
  false,
);
