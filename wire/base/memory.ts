/**
 * Accounts for the memory that decoded values take beyond what windows count
 * for them. A window bounds bytes; what is made of these may be far more.
 *
 * @module
 */

/**
 * What weighs up to so many times what it counts for in a window is light:
 * windows bound it well enough.
 */
const LIGHT = 4;
/** The least share of the memory of all wires that one may have. */
const LEAST_SHARE = 64 * 1024;

/** Whether a value is worth keeping as its bytes until somebody takes it. */
export function isHeavy(excess: number, cost: number): boolean {
  return excess > (LIGHT - 1) * cost;
}

/** What values take in memory beyond what they count for in a window. */
export function excessOf(weight: number, cost: number): number {
  return Math.max(0, weight - cost);
}

/** What several wires hold together. */
export interface MemoryPool {
  /** How many bytes they hold. */
  held: number;
  /** How many they may hold. */
  readonly most: number;
  /** What one of them may hold even when they hold more. */
  readonly share: number;
}

/** What all wires of one server hold together. */
export class SharedMemory implements MemoryPool {
  /** How many bytes they hold. */
  held = 0;
  /** How many they may hold. */
  readonly most: number;
  /** What one of them may hold even when they hold more. */
  readonly share: number;

  /**
   * @param most How many bytes they may hold.
   * @param wires How many there may be.
   */
  constructor(most: number, wires: number) {
    this.most = most;
    this.share = Math.max(LEAST_SHARE, Math.floor(most / wires));
  }
}

/** What one wire holds. */
export class Memory {
  readonly #most: number;
  readonly #shared: MemoryPool | undefined;
  #held = 0;
  #isOver = false;

  /**
   * @param most How many bytes the wire may hold.
   * @param shared What it holds together with others.
   */
  constructor(most: number, shared?: MemoryPool) {
    this.#most = most;
    this.#shared = shared;
  }

  /** How many bytes are held. */
  get held(): number {
    return this.#held;
  }

  /**
   * How much the values of a message may weigh.
   *
   * @param cost What it counts for in its window.
   */
  room(cost: number): number {
    const shared = this.#shared;
    let left = this.#most - this.#held;
    if (shared !== undefined) {
      const share = shared.share - this.#held;
      left = Math.min(left, Math.max(shared.most - shared.held, share));
    }
    return cost + Math.max(left, (LIGHT - 1) * cost);
  }

  /** So many bytes are held from now on. */
  hold(bytes: number): void {
    if (this.#isOver) return;
    this.#held += bytes;
    if (this.#shared !== undefined) this.#shared.held += bytes;
  }

  /** So many bytes are held no more. */
  give(bytes: number): void {
    if (this.#isOver) return;
    this.#held -= bytes;
    if (this.#shared !== undefined) this.#shared.held -= bytes;
  }

  /** The wire has ended: all is given back. */
  end(): void {
    this.give(this.#held);
    this.#isOver = true;
  }
}
