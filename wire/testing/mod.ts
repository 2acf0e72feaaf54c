/**
 * For whoever writes a transport: the cases that each has to pass.
 *
 * @example
 * ```ts
 * import { memoryTransports } from "@remote/wire";
 * import { transportCases } from "@remote/wire/testing";
 *
 * for (const { run } of transportCases(memoryTransports).slice(0, 3)) {
 *   await run();
 * }
 * ```
 *
 * @module
 */

export {
  type Connected,
  type TransportCase,
  type TransportCaseOptions,
  transportCases,
} from "./transport_cases.ts";
export type {
  ByteDuplex,
  Transport,
  WireAddress,
} from "../transport/transport.ts";
