/**
 * Streams of lines over any connection, and the names of services. Servers and
 * clients of them, `startUpServer` and `openTcpStream`, are in
 * `@remote/wire/server` and `@remote/wire/client`.
 *
 * @example Two ends in memory
 * ```ts
 * import { LineStream } from "@remote/wire/lines";
 * import { memoryTransports } from "@remote/wire/wire";
 *
 * const [one, other] = memoryTransports();
 * const [near, far] = [new LineStream(one), new LineStream(other)];
 * near.writeLine("Hello self.");
 * if (await far.readLine() !== "Hello self.") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

export {
  LINE_STREAM_DEFAULTS,
  LineStream,
  type LineStreamOptions,
} from "./line_stream.ts";
export { findService, type ServiceFile, servicePort } from "./line_stream.ts";
