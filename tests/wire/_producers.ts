/**
 * Streams that never end, what becomes of them, and how two wires part that
 * carried some.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Wire, WireError } from "../../wire/mod.ts";
import { failure } from "./_failure.ts";

/** Producers that never end, and what becomes of them. */
export class Producers {
  /** How many items were made. */
  made = 0;
  /** What ended each of them, in order. */
  readonly ends: string[] = [];
  #told = Promise.withResolvers<void>();

  /** Resolves when so many have ended. */
  async ended(count: number): Promise<void> {
    while (this.ends.length < count) await this.#told.promise;
  }

  /** Gives bytes for ever. */
  async *bytes(size = 1_000): AsyncGenerator<Uint8Array, void> {
    try {
      for (;; this.made++) {
        yield await new Uint8Array(size);
        if (this.made % 50 === 0) await turn();
      }
    } finally {
      this.end("return");
    }
  }

  /** The same as a stream of the platform. */
  readable(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        if (++this.made % 50 === 0) await turn();
        controller.enqueue(new Uint8Array(1_000));
      },
      cancel: (reason) => this.end((reason as WireError).code),
    }, { highWaterMark: 0 });
  }

  /** Notes an end. */
  end(how: string): void {
    this.ends.push(how);
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }
}

/** Turns that are not over: a producer that was ended may be in one. */
const turns = new Set<Promise<void>>();

/** Lets timers and sockets have their turn, which those in memory do not. */
export async function turn(): Promise<void> {
  const over = new Promise<void>((resolve) => setTimeout(resolve));
  turns.add(over);
  await over;
  turns.delete(over);
}

/** Waits until neither of two wires has a stream, and has both close. */
export async function leaveNothing(near: Wire, far: Wire): Promise<void> {
  const open = () =>
    [near, far].some((wire) => {
      const { streamsReceiving, streamsSending } = wire.stats();
      return streamsReceiving + streamsSending > 0;
    });
  while (open()) await turn();
  await near.close();
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
  await Promise.all(turns);
}

/** Takes a stream until it fails; tells what it fails with. */
export function taken(stream: AsyncIterable<unknown>): Promise<WireError> {
  return failure((async () => {
    for await (const _ of stream);
  })());
}

/** A signal, and what aborts it. */
export function controlled(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
