/**
 * Connections that are made again when they are lost, and the calls that
 * outlive them.
 *
 * @example
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { wirePair } from "@remote/wire/wire";
 *
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   far.serve({ greet: (name: string) => `Hello ${name}.` });
 *   return Promise.resolve(near);
 * });
 * if (await kept.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await kept.close();
 * ```
 *
 * @module
 */

export {
  keepConnected,
  KeptConnection,
  type KeptStats,
} from "./keep_connected.ts";
export type {
  BackoffOptions,
  Connect,
  ConnectedInfo,
  KeepConnectedOptions,
  KeptCallOptions,
  LostInfo,
} from "./keep_options.ts";
