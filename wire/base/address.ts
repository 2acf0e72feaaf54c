/**
 * Where a peer is: hosts and ports as the seed describes them, and how an
 * address reads in messages.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { shown } from "./shown.ts";

/** The address of a peer, or the one that a server listens on. */
export type WireAddress =
  | {
    /** Plain TCP, or TLS over it. */
    transport: "tcp" | "tls";
    /** A name or an address. */
    hostname: string;
    /** A port, 0 to 65535. */
    port: number;
  }
  | {
    /** A Unix domain socket. */
    transport: "unix";
    /** The path of the socket file. */
    path: string;
  }
  | {
    /** Two wires in one process, or a pair of streams. */
    transport: "memory" | "streams";
  };

/**
 * How an address reads in a message or a log.
 *
 * @param address The address.
 * @returns For instance `"127.0.0.1:7000"`, `"[::1]:7000"` or a path.
 *
 * @example
 * ```ts
 * import { formatAddress } from "@remote/wire/wire";
 *
 * const text = formatAddress({ transport: "tcp", hostname: "::1", port: 7000 });
 * if (text !== "[::1]:7000") throw new Error(text);
 * ```
 */
export function formatAddress(address: WireAddress): string {
  switch (address.transport) {
    case "tcp":
    case "tls": {
      const { hostname, port } = address;
      const isBare = hostname.includes(":") && !hostname.startsWith("[");
      return `${isBare ? `[${hostname}]` : hostname}:${port}`;
    }
    case "unix":
      return address.path;
    default:
      return address.transport;
  }
}

/**
 * A host as the seed allows it: a name or an address as a string, or an IPv4
 * address as a 32-bit unsigned integer, a number or a bigint.
 *
 * @param host For instance `"localhost"`, `"::1"`, `0x7f000001` or
 * `0x7f000001n`.
 * @returns The host as a string.
 * @throws {WireError} `invalidArgument` for anything else.
 *
 * An IPv6 address may stand in brackets, as it does in a URL.
 *
 * @example
 * ```ts
 * import { hostName } from "@remote/wire/wire";
 *
 * if (hostName(0x7f000001) !== "127.0.0.1") throw new Error();
 * ```
 */
export function hostName(host: string | number | bigint): string {
  if (typeof host === "string") {
    const name = /^\[([^[\]]*)\]$/.exec(host)?.[1] ?? host;
    const problem = hostProblem(name);
    if (problem === undefined) return name;
    throw new WireError("invalidArgument", problem);
  }
  // No bigint of more bits is made a number, which may round it.
  const isSmall = typeof host === "bigint" && BigInt.asUintN(32, host) === host;
  const bits = isSmall ? Number(host) : host;
  if (typeof bits === "number" && bits >>> 0 === bits) {
    return [bits >>> 24, bits >>> 16 & 255, bits >>> 8 & 255, bits & 255]
      .join(".");
  }
  throw new WireError(
    "invalidArgument",
    `A host is a name, an address, or a 32-bit unsigned integer such as 0x7f000001, not ${
      shown(host)
    }.`,
  );
}

/**
 * The 32-bit unsigned integer that an IPv4 address stands for: the reverse of
 * {@linkcode hostName}.
 *
 * @param address Four numbers with dots between them.
 * @returns The integer.
 * @throws {WireError} `invalidArgument` for anything else.
 *
 * @example
 * ```ts
 * import { hostInteger } from "@remote/wire/wire";
 *
 * if (hostInteger("127.0.0.1") !== 0x7f000001) throw new Error();
 * ```
 */
export function hostInteger(address: string): number {
  const parts = typeof address === "string" ? address.split(".") : [];
  const isAddress = parts.length === 4 &&
    parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  if (isAddress) {
    return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
  }
  throw new WireError(
    "invalidArgument",
    `An IPv4 address is four numbers up to 255 with dots between them, such as "127.0.0.1", and not ${
      shown(address)
    }.`,
  );
}

/** Why a text is no host; undefined where it may be one. */
function hostProblem(host: string): string | undefined {
  const quoted = shown(host);
  if (host === "") return 'A host is a name or an address, and this is "".';
  if (host.includes("://")) {
    return `A host is a name or an address, and ${quoted} is a URL. Pass its host and its port, as two arguments.`;
  }
  const [, name, port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(host) ?? [];
  if (name !== undefined) {
    return `A host is a name or an address, and ${quoted} has a port, too. Pass two arguments: ${
      shown(name)
    }, ${port}.`;
  }
  if (host.includes("/")) {
    return `A host is a name or an address, and ${quoted} is a path. That of a Unix socket is the option "path".`;
  }
  if (/\s/.test(host)) {
    return `A host is a name or an address, and ${quoted} has a space in it.`;
  }
  return undefined;
}

/**
 * Checks a port.
 *
 * @param port A port.
 * @returns The same port.
 * @throws {WireError} `invalidArgument` unless it is an integer, 0 to 65535.
 */
export function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new WireError(
    "invalidArgument",
    `A port is an integer from 0 to 65535 (0 takes a free one), not ${
      shown(port)
    }.`,
  );
}
