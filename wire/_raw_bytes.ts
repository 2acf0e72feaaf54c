/**
 * The bytes of typed arrays, views and buffers: those that are there, whatever
 * an object's own properties, or its class, say in the place of the language's.
 *
 * @module
 */

const array: object = Object.getPrototypeOf(Uint8Array.prototype);
const kindOf = getterOf<string | undefined>(array, Symbol.toStringTag);
const arrayBuffer = getterOf<ArrayBuffer>(array, "buffer");
const arrayOffset = getterOf<number>(array, "byteOffset");
const arrayCount = getterOf<number>(array, "byteLength");
const viewBuffer = getterOf<ArrayBuffer>(DataView.prototype, "buffer");
const viewOffset = getterOf<number>(DataView.prototype, "byteOffset");
const viewCount = getterOf<number>(DataView.prototype, "byteLength");
const bufferCount = getterOf<number>(ArrayBuffer.prototype, "byteLength");

function getterOf<T>(
  prototype: object,
  key: string | symbol,
): { call(value: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

/** The kind of a view: a typed array's name, or `"DataView"`. */
export function viewKind(view: ArrayBufferView): string {
  return kindOf.call(view) ?? "DataView";
}

/**
 * How many bytes a typed array has.
 *
 * @param bytes One of any kind. One whose buffer is gone has none.
 */
export function byteCount(bytes: ArrayBufferView): number {
  return arrayCount.call(bytes);
}

/**
 * All bytes of a buffer or a view.
 *
 * @param value The buffer or the view.
 * @returns A view that follows no change of the buffer's length.
 * @throws {TypeError} For what only looks like one, or whose buffer is gone.
 */
export function rawBytes(
  value: ArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(value)) {
    return new Uint8Array(value, 0, bufferCount.call(value));
  }
  if (kindOf.call(value) === undefined) {
    return new Uint8Array(
      viewBuffer.call(value),
      viewOffset.call(value),
      viewCount.call(value),
    );
  }
  return new Uint8Array(
    arrayBuffer.call(value),
    arrayOffset.call(value),
    arrayCount.call(value),
  );
}
