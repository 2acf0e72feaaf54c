/**
 * References, streams and results as they stand in bytes, for tests without
 * the tables of a wire.
 *
 * @module
 */

import type { Exported, Exporter, Importer } from "../wire/codec/passing.ts";

/** A reference, a stream or a result, as it stands in bytes. */
export class Raw {
  /** @param passed How it travels. */
  constructor(readonly passed: Exported) {}
}

/** Writes and reads references, streams and results as they are. */
export const RAW: Exporter & Importer = {
  export: (value) => value instanceof Raw ? value.passed : undefined,
  take: () => undefined,
  object: (slot, nonce, isFunction) =>
    new Raw({ as: "object", slot, nonce, isFunction }),
  own: (slot, nonce) => new Raw({ as: "own", slot, nonce }),
  stream: (id) => new Raw({ as: "stream", id }),
  result: (id) => new Raw({ as: "result", id }),
  asThen: (value) => value,
  made: () => {},
};
