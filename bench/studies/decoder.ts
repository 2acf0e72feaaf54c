/**
 * Whether decoding is linear however finely its input is chopped: the time per
 * byte of feeding a message byte by byte must not grow with its size.
 *
 * @module
 */

import { makeWire, memoryTransports, type Transport } from "../../mod.ts";
import { FrameDecoder } from "../../wire/codec/mod.ts";
import { atMost } from "../_mark.ts";
import { summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";

/** The sizes that are compared, in bytes. */
const SIZES: readonly number[] = [16, 64, 256, 1024].map((kib) => kib * 1024);

/** As many bytes are fed at each size. */
const TOTAL = SIZES.at(-1)!;

/** The slowest size may take so many times as long a byte as the fastest. */
const FLATNESS = 3;

/** The times of one way to decode. */
interface Linearity {
  /** What was fed. */
  readonly what: string;
  /** Nanoseconds a byte, for each of the sizes. */
  readonly perByte: readonly number[];
  /** The slowest of them, divided by the fastest. */
  readonly spread: number;
}

/** The study. */
export const decoder: Study = {
  name: "decoder",
  title: "decoders, fed byte by byte",
  async run({ rounds }) {
    const found = [
      await linearity("FrameDecoder", rounds, feedFrame),
      await linearity("a wire, from read() to getObject()", rounds, feedWire),
    ];
    const sizes = SIZES.map((size) => `${size / 1024} KiB`);
    return {
      tables: [{
        head: ["fed byte by byte, ns a byte", ...sizes],
        rows: found.map(({ what, perByte }) => [
          what,
          ...perByte.map((nanoseconds) => number(nanoseconds, 1)),
        ]),
      }],
      targets: found.map(({ what, spread }) =>
        atMost(
          `byte by byte, ${what}: slowest size beside fastest`,
          spread,
          FLATNESS,
        )
      ),
      data: found,
    };
  },
};

async function linearity(
  what: string,
  rounds: number,
  feed: (size: number, times: number) => void | Promise<void>,
): Promise<Linearity> {
  const times = SIZES.map((): number[] => []);
  // Round 0 is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const [index, size] of SIZES.entries()) {
      const before = performance.now();
      await feed(size, TOTAL / size);
      const took = (performance.now() - before) * 1e6 / TOTAL;
      if (round > 0) times[index]!.push(took);
    }
  }
  const perByte = times.map((some) => summary(some).median);
  const spread = Math.max(...perByte) / Math.min(...perByte);
  return { what, perByte, spread };
}

/** Feeds frames of a size to a frame decoder. */
function feedFrame(size: number, times: number): void {
  const frame = new Uint8Array(4 + size);
  new DataView(frame.buffer).setUint32(0, size);
  const decoder = new FrameDecoder(size);
  let frames = 0;
  for (let time = 0; time < times; time++) {
    for (let at = 0; at < frame.length; at++) {
      decoder.feed(frame.subarray(at, at + 1));
      while (decoder.next()) frames++;
    }
  }
  if (frames !== times) throw new Error(`${frames} of ${times} frames came.`);
}

/** Sends messages of a size to a wire that gets them byte by byte. */
async function feedWire(size: number, times: number): Promise<void> {
  const [there, here] = memoryTransports();
  const sender = makeWire(there);
  const receiver = makeWire(byteByByte(here));
  const message = "0123456".repeat(size / 8).match(/.{7}/g)!;
  for (let time = 0; time < times; time++) {
    sender.outputObject(message);
    const list = await receiver.getObject();
    if (!Array.isArray(list) || list.length !== message.length) {
      throw new Error("Another message came than was sent.");
    }
  }
  await Promise.all([sender.close(), receiver.close()]);
}

/** A transport that hands on what it reads one byte at a time. */
function byteByByte(transport: Transport): Transport {
  let chunk: Uint8Array | null = new Uint8Array();
  let position = 0;
  return {
    address: transport.address,
    local: true,
    async read(): Promise<Uint8Array | null> {
      if (position === chunk?.length) {
        chunk = await transport.read();
        position = 0;
      }
      return chunk?.subarray(position, ++position) ?? null;
    },
    write: (bytes: Uint8Array<ArrayBuffer>) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}
