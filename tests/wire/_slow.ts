/**
 * A transport that takes its time.
 *
 * @module
 */

import type { Transport } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";

/**
 * Has writes take turns with other work, and take little at a time.
 *
 * @param transport The transport.
 * @param most How many bytes a write takes.
 */
export function slow(transport: Transport, most: number): Transport {
  return {
    address: transport.address,
    local: true,
    read: () => transport.read(),
    async write(bytes) {
      await settle();
      return await transport.write(bytes.slice(0, most));
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}
