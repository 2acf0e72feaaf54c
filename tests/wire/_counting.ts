/**
 * Counting instead of timing: how many bytes an action copies and allocates.
 *
 * @module
 */

/** How many elements an action copies with `set()` of byte arrays. */
export function bytesCopied(action: () => void): number {
  const { set } = Uint8Array.prototype;
  let copied = 0;
  Uint8Array.prototype.set = function (source, offset) {
    copied += source.length;
    return set.call(this, source, offset);
  };
  try {
    action();
  } finally {
    Uint8Array.prototype.set = set;
  }
  return copied;
}

/**
 * How many bytes an action asks for by number, in byte arrays and lists.
 *
 * @param action The action.
 * @param place What a place in a list counts.
 */
export function bytesAllocated(action: () => void, place = 1): number {
  let allocated = 0;
  const counting = {
    construct(target: new (...args: unknown[]) => object, args: unknown[]) {
      const [count] = args;
      if (typeof count === "number") {
        allocated += count * (target === Array ? place : 1);
      }
      return Reflect.construct(target, args);
    },
  };
  const { Uint8Array, ArrayBuffer, Array } = globalThis;
  const names = { Uint8Array, ArrayBuffer, Array };
  for (const [name, original] of Object.entries(names)) {
    Object.assign(globalThis, { [name]: new Proxy(original, counting) });
  }
  try {
    action();
  } finally {
    Object.assign(globalThis, names);
  }
  return allocated;
}

/** What an action does to bytes. */
export interface ByteCosts {
  /** Bytes copied from one buffer to another, or within one. */
  copied: number;
  /** Bytes of new buffers. */
  allocated: number;
}

/**
 * What an action costs that takes a while: bytes copied and allocated in any
 * of the ways that typed arrays have, by all that runs meanwhile.
 *
 * @param action The action.
 * @returns Its costs.
 */
export async function byteCosts(
  action: () => Promise<unknown>,
): Promise<ByteCosts> {
  const costs: ByteCosts = { copied: 0, allocated: 0 };
  const bytes: { set: unknown; slice: unknown; copyWithin: unknown } = Object
    .getPrototypeOf(Uint8Array.prototype);
  const { set, slice, copyWithin } = Uint8Array.prototype;
  const counting = {
    construct(target: new (...args: unknown[]) => object, args: unknown[]) {
      const [first] = args;
      if (typeof first === "number") costs.allocated += first;
      if (first instanceof OldUint8Array) {
        costs.allocated += first.length;
        costs.copied += first.length;
      }
      return Reflect.construct(target, args);
    },
  };
  const { Uint8Array: OldUint8Array, ArrayBuffer: OldArrayBuffer } = globalThis;
  bytes.set = function (this: Uint8Array, source: Uint8Array, at?: number) {
    costs.copied += source.length;
    return set.call(this, source, at);
  };
  bytes.slice = function (this: Uint8Array, from?: number, to?: number) {
    const made = slice.call(this, from, to);
    costs.copied += made.length;
    costs.allocated += made.length;
    return made;
  };
  bytes.copyWithin = function (
    this: Uint8Array,
    at: number,
    from: number,
    to: number = this.length,
  ) {
    costs.copied += to - from;
    return copyWithin.call(this, at, from, to);
  };
  Object.assign(globalThis, {
    Uint8Array: new Proxy(OldUint8Array, counting),
    ArrayBuffer: new Proxy(OldArrayBuffer, counting),
  });
  try {
    await action();
  } finally {
    Object.assign(bytes, { set, slice, copyWithin });
    Object.assign(globalThis, {
      Uint8Array: OldUint8Array,
      ArrayBuffer: OldArrayBuffer,
    });
  }
  return costs;
}
