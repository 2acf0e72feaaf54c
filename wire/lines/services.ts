/**
 * Services by name, as operating systems list them in a file.
 *
 * @module
 */

import { checkPort } from "../transport/transport.ts";
import { errorMessage, WireError } from "../base/errors.ts";
import { shown } from "../base/shown.ts";

/** Where an operating system lists its services. */
export interface ServiceFile {
  /** The path of the file, for messages. */
  readonly path: string;
  /** Reads the file whole. May throw. */
  read(): string;
}

/**
 * Finds a TCP service in the text of a services file, such as `/etc/services`.
 *
 * @param text The text of the file.
 * @param name The name, or one of the other names, of the service.
 * @returns Its port; undefined if it is not there.
 *
 * @example
 * ```ts
 * import { findService } from "@remote/wire/lines";
 *
 * const text = "http  80/tcp  www  # the web\n";
 * if (findService(text, "www") !== 80) throw new Error();
 * if (findService(text, "gopher") !== undefined) throw new Error();
 * ```
 */
export function findService(text: string, name: string): number | undefined {
  for (const line of text.split("\n")) {
    const [entry = ""] = line.split("#", 1);
    const [first, at, ...others] = entry.trim().split(/\s+/);
    if (at === undefined || (first !== name && !others.includes(name))) {
      continue;
    }
    const [, port] = at.match(/^(\d{1,5})\/tcp$/i) ?? [];
    if (port !== undefined && Number(port) <= 65535) return Number(port);
  }
  return undefined;
}

/**
 * The port of a service.
 *
 * @param service A port, 0 to 65535, as a number or in digits; or a name.
 * @param file Where names are looked up.
 * @returns The port.
 * @throws {WireError} `invalidArgument` for what is no port and no name,
 * `unknownService` for a name that is not in the file, or a file that cannot
 * be read.
 *
 * @example
 * ```ts
 * import { servicePort } from "@remote/wire/lines";
 *
 * const file = { path: "/etc/services", read: () => "lispworks 10243/tcp\n" };
 * if (servicePort("lispworks", file) !== 10243) throw new Error();
 * if (servicePort("7000", file) !== 7000) throw new Error();
 * ```
 */
export function servicePort(
  service: number | string,
  file: ServiceFile,
): number {
  if (typeof service === "number") return checkPort(service);
  const isText = typeof service === "string";
  if (isText && /^\d{1,5}$/.test(service)) return checkPort(Number(service));
  if (!isText || !/^[^\s#]+$/.test(service)) {
    throw new WireError(
      "invalidArgument",
      `A service is a port or a name, not ${shown(service)}.`,
    );
  }
  const cure = "Give the port as a number instead, such as 10243.";
  let text: string;
  try {
    text = file.read();
  } catch (error) {
    throw new WireError(
      "unknownService",
      `The service "${service}" cannot be looked up in ${file.path}: ${
        errorMessage(error)
      }. ${cure}`,
      { cause: error },
    );
  }
  const port = findService(text, service);
  if (port !== undefined) return port;
  throw new WireError(
    "unknownService",
    `The service "${service}" is not among the TCP services in ${file.path}. ${cure}`,
  );
}
