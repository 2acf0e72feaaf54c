/**
 * The wire itself, over any connection: what runs wherever the web platform
 * does, without `Deno.*`, permissions or dependencies.
 *
 * In addition to what the module's root has of it: {@linkcode remoteCaller} for
 * calls by name, the clock, the parts of a dialect, and every type.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ add: (a: number, b: number) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

export * from "./exports.ts";
export { type Clock, systemClock } from "./base/clock.ts";
export type { RemoteErrorInit } from "./base/errors.ts";
export type { REFERENCE } from "./codec/passing.ts";
export type { LeafTypes } from "./codec/value_kinds.ts";
export type {
  DECLARED,
  ValueTypeOptions,
  ValueTypes,
} from "./codec/value_types.ts";
export type { DescribedContract, FunctionDescription } from "./rpc/served.ts";
export type { Caller } from "./rpc/remote.ts";
export { remoteCaller } from "./rpc/remote.ts";
export type * from "./rpc/remote_types.ts";
export type { MemoryPool, PassingQuota } from "./base/limits.ts";
export type {
  CredentialGate,
  Dialect,
  Session,
  SessionEnd,
  SessionOptions,
} from "./session/dialect.ts";
