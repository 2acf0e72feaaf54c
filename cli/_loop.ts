/**
 * Whether a proxy would connect to itself, and so once more for each connection
 * that it accepts.
 *
 * @module
 */

import { lookupHostEntry } from "../mod.ts";
import type { Endpoint } from "./_addresses.ts";

/** Addresses that stand for each one of a family, by which they reach. */
const ANY: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/**
 * Whether what connects to a target arrives at what listens.
 *
 * @param listen Where a proxy is going to listen.
 * @param target What it connects to.
 * @returns A promise of whether both are one place. A name that is not found
 * leads nowhere: connecting tells why.
 */
export async function leadsBack(
  listen: Endpoint,
  target: Endpoint,
): Promise<boolean> {
  if (listen.kind === "unix" || target.kind === "unix") {
    return listen.kind === "unix" && target.kind === "unix" &&
      realPath(listen.path) === realPath(target.path);
  }
  const [here, there] = [placeOf(listen), placeOf(target)];
  if (here.port === 0 || here.port !== there.port) return false;
  const [own, reached] = await Promise.all(
    [here, there].map(({ hostname }) => addressesOf(hostname)),
  );
  return reached!.some((address) =>
    own!.some((one) => covers(one, ANY.get(address) ?? address))
  );
}

/** Its port, and its host as URLs have it: addresses in one way of writing. */
function placeOf(
  endpoint: Exclude<Endpoint, { kind: "unix" }>,
): { readonly hostname: string; readonly port: number } {
  if (endpoint.kind === "websocket") {
    const { hostname, port, protocol } = endpoint.url;
    const usual = protocol === "wss:" ? 443 : 80;
    return { hostname, port: port === "" ? usual : Number(port) };
  }
  const { hostname, port } = endpoint;
  const text = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `http://${text}/`;
  return {
    hostname: URL.canParse(url) ? new URL(url).hostname : text,
    port,
  };
}

/** So long looking up a name may take, in milliseconds. */
const LOOKING_UP = 2_000;

async function addressesOf(hostname: string): Promise<readonly string[]> {
  if (hostname === "localhost") return ["127.0.0.1", "::1"];
  if (/^[\d.]+$/.test(hostname)) return [hostname];
  if (hostname.startsWith("[")) return [unmapped(hostname.slice(1, -1))];
  try {
    const options = { timeout: LOOKING_UP };
    const { addresses } = await lookupHostEntry(hostname, options);
    return addresses;
  } catch {
    return [];
  }
}

/** An IPv6 address; one that stands for an IPv4 address as that. */
function unmapped(address: string): string {
  const [, high, low] = /^::ffff:(\w+):(\w+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  return [high, low].flatMap((hex) => {
    const number = parseInt(hex, 16);
    return [number >> 8, number & 255];
  }).join(".");
}

/** Whether what listens at one address is reached by another. */
function covers(own: string, address: string): boolean {
  if (own === address) return true;
  const isIPv4 = !address.includes(":");
  if (!ANY.has(own) || own === "0.0.0.0" && !isIPv4) return false;
  return isIPv4 && address.startsWith("127.") ||
    Deno.networkInterfaces().some((one) => one.address === address);
}

/** A path without links to folders; the socket itself need not be there. */
function realPath(path: string): string {
  const [, folder = ".", name = ""] = /^(.*\/)?([^/]*)$/s.exec(path) ?? [];
  try {
    return `${Deno.realPathSync(folder)}/${name}`;
  } catch {
    return path;
  }
}
