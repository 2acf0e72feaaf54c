/**
 * Much work, some of it at a time.
 *
 * @module
 */

/**
 * Works on all items, on several at once.
 *
 * @param most How many at once.
 * @param items The items.
 * @param work Works on one of them. If it throws, no further item is begun.
 * @returns A promise that resolves when all are done, and rejects with what
 * was thrown first.
 */
export async function atOnce<T>(
  most: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      try {
        await work(items[next++]!);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
}
