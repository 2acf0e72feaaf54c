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

/** How many bytes an action asks for by number, in byte arrays and lists. */
export function bytesAllocated(action: () => void): number {
  let allocated = 0;
  const counting = {
    construct(target: new (...args: unknown[]) => object, args: unknown[]) {
      if (typeof args[0] === "number") allocated += args[0];
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
