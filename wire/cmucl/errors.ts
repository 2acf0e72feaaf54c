/**
 * What a call fails with when the function unwound at the peer.
 *
 * @module
 */

import { RemoteError, setBrand } from "../base/errors.ts";

/**
 * A call unwound at the peer instead of returning: CMUCL's
 * `REMOTE-RETURN-ABORT`. No reason travels; look at the peer's own output.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, RemoteAbort } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl(), onError() {} });
 * far.serve({ fail: () => Promise.reject(new Error("kept at home")) });
 * const error = await near.remoteValue.fail().catch((e: unknown) => e);
 * if (!(error instanceof RemoteAbort)) throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class RemoteAbort extends RemoteError {
  /**
   * Made by the wire.
   *
   * @param functionName The name of the function that was called.
   */
  constructor(functionName: string) {
    super({
      name: "RemoteAbort",
      message:
        `"${functionName}" unwound at the peer instead of returning. No reason travels by CMUCL's protocol: the peer's own output may tell it.`,
      functionName,
    });
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "RemoteAbort");
}
