/**
 * SHA-256 digests, of bytes at hand and of bytes that come in parts.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Takes bytes in parts, and tells the digest of them all. */
export class Hasher {
  readonly #hash = createHash("sha256");

  /** Takes more bytes. */
  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The digest in hexadecimal. Nothing can be added after that. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}

/**
 * The digest of bytes.
 *
 * @param bytes The bytes.
 * @returns Their SHA-256 in hexadecimal.
 */
export function sha256(bytes: Uint8Array): string {
  const hasher = new Hasher();
  hasher.add(bytes);
  return hasher.digest();
}
