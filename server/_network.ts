/**
 * Who counts as one where peers are told apart by their addresses.
 *
 * @module
 */

import type { WireAddress } from "../wire/base/address.ts";

/** Addresses of one link: every machine on it has one of the same /64. */
const LINK_LOCAL = /^fe[89ab]/i;

/**
 * What stands for a peer in counts by address. One who has an IPv6 address
 * mostly has all of its /64, so that counts as one. All peers of a Unix socket
 * count as one, for the operating system tells nothing of them.
 *
 * @param address Where the peer is.
 * @returns An address, or the first half of one.
 */
export function networkOf(address: WireAddress): string {
  return "hostname" in address ? networkOfHost(address.hostname) : "";
}

/** The same of an IP address. */
export function networkOfHost(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  if (!host.includes(":") || LINK_LOCAL.test(host)) return host;
  const [head = "", tail] = host.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16)).join(":");
}
