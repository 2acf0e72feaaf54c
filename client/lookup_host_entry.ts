/**
 * Names and addresses of hosts, after CMUCL's `lookup-host-entry`.
 *
 * @module
 */

import { hostInteger, hostName } from "../wire/transport/transport.ts";
import { checkOptionKeys } from "../wire/base/checks.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import { abortable, Attempt, checkAttempt } from "../wire/base/lifetime.ts";
import { denoHost } from "../host/deno_host.ts";
import { type Host, troubleOf } from "../host/host.ts";

/** What is known of a host, as CMUCL's `host-entry`. */
export interface HostEntry {
  /**
   * Its own name (`host-entry-name`). The names of an address come in no order:
   * `localhost` is the first of them then, and the others go by their letters.
   */
  readonly name: string;
  /** Other names of its (`host-entry-aliases`). */
  readonly aliases: readonly string[];
  /** Its addresses as texts, those of IPv4 first. */
  readonly addresses: readonly string[];
  /**
   * Those of IPv4 as 32-bit unsigned integers (`host-entry-addr-list`; the
   * first is `host-entry-addr`).
   */
  readonly integers: readonly number[];
}

/** How a host is looked up. Everything has a default. */
export interface LookupOptions {
  /**
   * How long it may take, in milliseconds; `Infinity` is for ever.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
  /** Gives up. */
  signal?: AbortSignal | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof LookupOptions, true>> = {
  timeout: true,
  signal: true,
};

/** So many names may stand for one another in a row. */
const MOST_ALIASES = 8;
const TIMEOUT = 10_000;

/**
 * Looks a host up, in this machine's list of hosts and in the domain name
 * system. That takes permission to ask the name server (`--allow-net`).
 *
 * @param host A name, an address, or an IPv4 address as a 32-bit unsigned
 * integer such as `0x7f000001` (or a bigint).
 * @param options How long it may take.
 * @returns A promise of its names and addresses.
 * @throws {WireError} As a rejection: `invalidArgument`, `unknownHost`,
 * `permissionDenied`, `timeout`, `cancelled`; `connectFailed` when no name
 * server answers.
 *
 * @example
 * ```ts
 * import { lookupHostEntry } from "@remote/wire";
 *
 * try {
 *   const { name, integers } = await lookupHostEntry("localhost");
 *   console.log(name, integers[0]?.toString(16)); // localhost 7f000001
 * } catch (error) {
 *   console.log((error as Error).message); // a machine without names
 * }
 * ```
 */
export async function lookupHostEntry(
  host: string | number | bigint,
  options?: LookupOptions | null,
): Promise<HostEntry> {
  return await lookupHostEntryOn(
    denoHost("lookupHostEntry()"),
    host,
    options,
  );
}

/** Looks up a host from any runtime. */
export async function lookupHostEntryOn(
  runtime: Host,
  host: string | number | bigint,
  options?: LookupOptions | null,
): Promise<HostEntry> {
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "lookupHostEntry()");
  const { timeout = TIMEOUT, signal } = options;
  checkAttempt({ timeout, signal });
  const name = hostName(host);
  using attempt = new Attempt(name, { timeout, signal }, "Looking up");
  attempt.signal.throwIfAborted();
  const ask: Ask = (query, type) =>
    abortable(answers(runtime, query, type, name), attempt.signal, () => {});
  return isAddress(name) ? await byAddress(name, ask) : await byName(name, ask);
}

/** The records of a kind; none where there are none. */
type Ask = (query: string, type: "A" | "AAAA" | "CNAME" | "PTR") => Promise<
  string[]
>;

async function byName(asked: string, ask: Ask): Promise<HostEntry> {
  const found = await Promise.allSettled([
    ask(asked, "A"),
    ask(asked, "AAAA"),
  ]);
  const [four, six] = found.map((one) =>
    one.status === "fulfilled" ? one.value : []
  ) as [string[], string[]];
  const addresses = [...new Set([...four, ...six])];
  if (addresses.length === 0) {
    // A server that has no answer of one kind may have one of the other.
    const failed = found.find((one) => one.status === "rejected");
    throw failed?.reason ?? unknownHost(asked);
  }
  const names = [bare(asked)];
  while (names.length <= MOST_ALIASES) {
    const [next] = await ask(names[0]!, "CNAME").catch(() => []);
    if (next === undefined || names.includes(bare(next))) break;
    names.unshift(bare(next));
  }
  const [name = asked, ...aliases] = names;
  return { name, aliases, addresses, integers: four.map(hostInteger) };
}

async function byAddress(address: string, ask: Ask): Promise<HostEntry> {
  const names = (await ask(address, "PTR")).map(bare);
  // They come in any order, and another each time.
  const [name, ...aliases] = [...new Set(names)].sort(inOrder);
  if (name === undefined) throw unknownHost(address);
  const integers = address.includes(":") ? [] : [hostInteger(address)];
  return { name, aliases, addresses: [address], integers };
}

/** The order of names: `localhost` is a loopback's own, the others as spelt. */
function inOrder(one: string, other: string): number {
  if (one === "localhost") return -1;
  if (other === "localhost") return 1;
  return one < other ? -1 : 1;
}

async function answers(
  runtime: Host,
  query: string,
  type: "A" | "AAAA" | "CNAME" | "PTR",
  host: string,
): Promise<string[]> {
  const reverse = type === "PTR" ? reverseName(query) : undefined;
  try {
    return type === "PTR"
      ? await runtime.namesOf(query, reverse!)
      : await runtime.resolve(query, type);
  } catch (error) {
    if (troubleOf(error) === "NotFound") return [];
    const text = errorMessage(error);
    const isForbidden = troubleOf(error) === "NotCapable" ||
      troubleOf(error) === "PermissionDenied";
    throw new WireError(
      isForbidden ? "permissionDenied" : "connectFailed",
      `Cannot look up ${host}: ${text}.`,
      { cause: error },
    );
  }
}

function unknownHost(host: string): WireError {
  return new WireError(
    "unknownHost",
    `Cannot look up ${host}: no such host is known. Check its name, or its address.`,
  );
}

/** A name without the dot of the root at its end. */
function bare(name: string): string {
  return name.replace(/\.$/, "");
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

/** The name under which the domain name system knows an address. */
function reverseName(address: string): string {
  if (!address.includes(":")) {
    hostInteger(address);
    return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  }
  const digits = groups(address).map((group) => group.padStart(4, "0"));
  return `${[...digits.join("")].reverse().join(".")}.ip6.arpa`;
}

/** The eight groups of an IPv6 address. */
function groups(address: string): string[] {
  let hostname: string;
  try {
    // The platform knows how to write one, whatever it was written like.
    hostname = new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    throw new WireError(
      "invalidArgument",
      `${JSON.stringify(address)} is no address.`,
    );
  }
  const [head = "", tail] = hostname.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after];
}
