/**
 * Streams to send, and what came of them.
 *
 * @module
 */

/** The numbers from 0 on. */
export async function* count(to: number): AsyncGenerator<number, void> {
  for (let n = 0; n < to; n++) yield await n;
}

/** All items of a stream. */
export async function list<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
