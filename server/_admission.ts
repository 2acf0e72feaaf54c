/**
 * Parts of letting peers in, for `request_server.ts`, which decides: a
 * connection that was accepted; whether its address may connect; what a program
 * answers to it; who hears of refusals; and peers that guess a server's secret,
 * who are counted by network, reported, and not listened to once there were too
 * many.
 *
 * @module
 */

import { checkGate, checkOptionKeys } from "../wire/base/checks.ts";
import { type Clock, systemClock, TokenBucket } from "../wire/base/clock.ts";
import { Histogram, type Latency } from "../wire/base/collections.ts";
import {
  laterOf,
  otherVersion,
  settled,
  shown,
  WireError,
} from "../wire/base/errors.ts";
import type { WireLimits } from "../wire/base/limits.ts";
import { callHook, type Report } from "../wire/base/report.ts";
import type { Method } from "../wire/codec/passing.ts";
import { Values } from "../wire/rpc/context.ts";
import type { Served, Share } from "../wire/rpc/served.ts";
import type { CredentialGate, WireStats } from "../wire/session/dialect.ts";
import {
  formatAddress,
  type SocketLike,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import type { Acceptor } from "./_listen.ts";

/** After a look that found nobody, the next one takes place so much later. */
const LOOK = 100;

/** How many seats there are, and who has to give one up. */
export interface SeatsOptions<T> {
  /** How many there are. */
  readonly most: number;
  /** How many of them one network may have. */
  readonly perNetwork: number;
  /** How long one has done nothing when it has to go, in milliseconds. */
  readonly yieldAfter: number;
  /**
   * A number that changes with all that one does; undefined where it waits for
   * something, so that it has to stay.
   */
  readonly activity: (one: T) => number | undefined;
  /** Ends one that did nothing for so many milliseconds. */
  readonly end: (one: T, idle: number) => void;
}

/** Of what there is too little. */
export type Shortage = "all" | "network";

interface Seat {
  readonly network: string;
  /** What its activity was, and since when at the least. */
  activity: number | undefined;
  since: number;
}

/** Who has a seat. */
export class Seats<T> {
  readonly #options: SeatsOptions<T>;
  readonly #seats = new Map<T, Seat>();
  readonly #networks = new Map<string, number>();
  /** When to look for somebody who does nothing again; by network. */
  readonly #lookAt = new Map<string | undefined, number>();

  /** @param options How many there are. */
  constructor(options: SeatsOptions<T>) {
    this.#options = options;
  }

  /** How many are taken. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * What a network lacks for one seat more; undefined if there is one.
   *
   * @param network The network.
   */
  shortage(network: string): Shortage | undefined {
    if (this.#seats.size >= this.#options.most) return "all";
    return this.#isFull(network) ? "network" : undefined;
  }

  /** Takes a seat, whether there is one or not. */
  take(one: T, network: string): void {
    this.#seats.set(one, { network, activity: undefined, since: 0 });
    this.refresh(one);
    this.#networks.set(network, this.#countOf(network) + 1);
  }

  /** Counts from now on what one does. */
  refresh(one: T): void {
    const seat = this.#seats.get(one);
    if (seat === undefined) return;
    seat.activity = this.#options.activity(one);
    seat.since = performance.now();
  }

  /** Frees a seat; false for one that has none. */
  leave(one: T): boolean {
    const seat = this.#seats.get(one);
    if (seat === undefined) return false;
    this.#seats.delete(one);
    const { network } = seat;
    const left = this.#countOf(network) - 1;
    if (left === 0) this.#networks.delete(network);
    else this.#networks.set(network, left);
    return true;
  }

  /**
   * Has somebody give up a seat for one of a network: who has done nothing for
   * longest, of the network that has the most seats.
   *
   * @param network Who needs it.
   * @returns Whether there is a seat now.
   */
  makeRoom(network: string): boolean {
    if (this.shortage(network) === undefined) return true;
    const scope = this.#isFull(network) ? network : undefined;
    const now = performance.now();
    if (now < (this.#lookAt.get(scope) ?? -Infinity)) return false;
    this.#lookAt.delete(scope);
    if (!this.#endIdle(scope, this.#countOf(network), now)) {
      if (this.#lookAt.size > this.#networks.size) this.#lookAt.clear();
      this.#lookAt.set(scope, now + LOOK);
      return false;
    }
    return this.shortage(network) === undefined;
  }

  /**
   * Ends some that have done nothing for long enough, of the networks that have
   * the most seats, for the process has no room.
   *
   * @param count How many at most.
   */
  shed(count: number): void {
    const now = performance.now();
    while (count > 0 && this.#endIdle(undefined, 0, now)) count--;
  }

  /** Ends who has done nothing for longest; false if all have done something. */
  #endIdle(scope: string | undefined, fewest: number, now: number): boolean {
    const idle = this.#idleOne(scope, fewest, now);
    if (idle === undefined) return false;
    const { since } = this.#seats.get(idle)!;
    this.leave(idle);
    this.#options.end(idle, now - since);
    return true;
  }

  #isFull(network: string): boolean {
    return this.#countOf(network) >= this.#options.perNetwork;
  }

  #countOf(network: string): number {
    return this.#networks.get(network) ?? 0;
  }

  /** Who may have to go: of one network, or of those with enough seats. */
  #idleOne(
    scope: string | undefined,
    fewest: number,
    now: number,
  ): T | undefined {
    let found: { one: T; since: number; count: number } | undefined;
    for (const [one, seat] of this.#seats) {
      if (scope !== undefined && seat.network !== scope) continue;
      if (!this.#isIdle(one, seat, now)) continue;
      const { since } = seat;
      const count = this.#countOf(seat.network);
      if (count < fewest || count < (found?.count ?? 0)) continue;
      const isOlder = count > (found?.count ?? 0) || since < found!.since;
      if (isOlder) found = { one, since, count };
    }
    return found?.one;
  }

  #isIdle(one: T, seat: Seat, now: number): boolean {
    const activity = this.#options.activity(one);
    if (activity === undefined || activity !== seat.activity) {
      seat.activity = activity;
      seat.since = now;
    }
    return activity !== undefined &&
      now - seat.since >= this.#options.yieldAfter;
  }
}

/** How many wrong secrets are remembered, and how long ones. */
const MOST_REMEMBERED = 1_000;
const LONGEST_REMEMBERED = 256;

/** Whose secret it is. */
type Peer = Pick<Arrival, "network" | "address">;

/** Counts wrong secrets. */
export class Guesses {
  readonly #limits: AttemptLimits;
  readonly #attempts: Attempts;
  readonly #note: Acceptor["note"];
  readonly #why: string;
  /** What came last of a network. */
  readonly #last = new Map<string, string>();

  /**
   * @param limits How many there may be.
   * @param note Told of each.
   * @param why What peers are refused for.
   */
  constructor(
    limits: AttemptLimits,
    note: Acceptor["note"],
    why = "a wrong credential, or none",
  ) {
    this.#limits = limits;
    this.#attempts = new Attempts(systemClock, limits);
    this.#note = note;
    this.#why = why;
  }

  /** Whether no secret of a network is looked at now. */
  isShut(network: string): boolean {
    return this.#attempts.wait(network) > 0;
  }

  /**
   * Tells that a peer was turned away because of its network.
   *
   * @returns The error that says so.
   */
  turnedAway({ address }: Peer): WireError {
    const { attempts, attemptEvery } = this.#limits;
    const trouble = (count: number) =>
      new WireError(
        "busy",
        `${
          counted(count)
        } turned away unheard: too many wrong credentials came from the same address. The last came from ${
          formatAddress(address)
        }. An address has ${attempts} at once, and one more after ${attemptEvery} ms (the limits "attempts" and "attemptEvery").`,
      );
    this.#note("guesses", trouble);
    return trouble(1);
  }

  /** What one wire asks. */
  gateOf(peer: Peer): CredentialGate {
    const { network, address } = peer;
    return {
      refusal: () => {
        const wait = this.#attempts.wait(network);
        if (wait === 0) return undefined;
        this.turnedAway(peer);
        return new WireError(
          "busy",
          `too many wrong credentials came from your address. The next is looked at in ${wait} ms.`,
        );
      },
      failed: (given) => {
        // A program that tries the same again learns nothing, and is none that
        // guesses.
        if (this.#isNew(network, given)) this.#attempts.spend(network);
        this.#note("credential", (count) =>
          new WireError(
            "refused",
            `${counted(count)} refused: ${this.#why}. The last came from ${
              formatAddress(address)
            }.`,
          ));
      },
    };
  }

  #isNew(network: string, given: string): boolean {
    if (this.#last.get(network) === given) return false;
    this.#last.delete(network);
    if (given.length > LONGEST_REMEMBERED) return true;
    this.#last.set(network, given);
    if (this.#last.size > MOST_REMEMBERED) {
      const [oldest] = this.#last.keys();
      this.#last.delete(oldest!);
    }
    return true;
  }
}

function counted(count: number): string {
  return count === 1 ? "A connection was" : `${count} connections were`;
}

// How often the peers of a network may fail to show who they are.

/** How many networks are remembered; the oldest is forgotten first. */
const MOST_NETWORKS = 10_000;

/** How many attempts there are. */
interface AttemptLimits {
  /** How many attempts a network has at once. */
  readonly attempts: number;
  /** After how long it has one more, in milliseconds. */
  readonly attemptEvery: number;
}

/** Counts failed attempts by network. */
export class Attempts {
  readonly #clock: Clock;
  readonly #limits: AttemptLimits;
  readonly #accounts = new Map<string, TokenBucket>();

  /**
   * @param clock Tells when attempts are released.
   * @param limits How many there are.
   */
  constructor(clock: Clock, limits: AttemptLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * How long a peer has to wait.
   *
   * @param network Its network.
   * @returns Milliseconds; 0 if it may try now.
   */
  wait(network: string): number {
    return this.#accounts.get(network)?.wait() ?? 0;
  }

  /**
   * Takes an attempt.
   *
   * @param network The peer's network.
   * @returns False when there is none left.
   */
  take(network: string): boolean {
    return this.#account(network).take();
  }

  /**
   * Takes an attempt that has failed, whether there is one or not: of many that
   * began at a time, those that were too many have to be made up for.
   *
   * @param network The peer's network.
   */
  spend(network: string): void {
    this.#account(network).spend(1);
  }

  #account(network: string): TokenBucket {
    const { attempts, attemptEvery } = this.#limits;
    const account = this.#accounts.get(network) ??
      new TokenBucket(this.#clock, attempts, 1_000 / attemptEvery);
    this.#accounts.delete(network);
    this.#accounts.set(network, account);
    if (this.#accounts.size > MOST_NETWORKS) {
      const [oldest] = this.#accounts.keys();
      this.#accounts.delete(oldest!);
    }
    return account;
  }

  /** Does not count an attempt that did not fail. */
  refund(network: string): void {
    this.#accounts.get(network)?.refund();
  }
}

// What `onConnect` answers, read so that a slip of the keys lets nobody in.

/**
 * What `onConnect` answers: whether to accept, or that and what to call when
 * the connection ends, as an object or, as in the seed, as two
 * {@linkcode values}. Only `true`, as it is or as `accept`, lets a client in.
 * Whatever is not of these forms refuses it, and is told to `onError`.
 *
 * @example
 * ```ts
 * import {
 *   type ConnectAnswer,
 *   connectToRemoteServer,
 *   createRequestServer,
 * } from "@remote/wire";
 *
 * const died = Promise.withResolvers<string>();
 * const onConnect = (): ConnectAnswer => ({
 *   accept: true,
 *   onDeath: (reason) => died.resolve(reason.code),
 * });
 * await using server = createRequestServer(0, { onConnect });
 * const wire = await connectToRemoteServer("127.0.0.1", server.port);
 * await wire.close();
 * if (await died.promise !== "closed") throw new Error();
 * ```
 */
export type ConnectAnswer =
  | boolean
  | {
    /** Whether to accept. */
    accept: boolean;
    /** Called once, with the reason, when the connection has ended. */
    onDeath?: ((reason: WireError) => void) | null | undefined;
  }
  | Values<readonly [accept: boolean]>
  | Values<
    readonly [
      accept: boolean,
      onDeath: ((reason: WireError) => void) | null | undefined,
    ]
  >;

/** Called once, with the reason, when a connection has ended. */
type OnDeath = (reason: WireError) => void;

/** An answer that was understood. */
interface Decision {
  readonly accept: boolean;
  readonly onDeath: OnDeath | undefined;
}

const KEYS = { accept: true, onDeath: true } as const;
const FORMS =
  "Answer true, { accept: true, onDeath }, values(true, onDeath), or false.";

/**
 * Reads an answer. Each part is looked at once.
 *
 * @param answer What `onConnect` returned, or its promise gave.
 * @returns What it says.
 * @throws {WireError} `invalidArgument` for anything else.
 */
export function readAnswer(answer: unknown): Decision {
  if (typeof answer === "boolean") {
    return { accept: answer, onDeath: undefined };
  }
  const { accept, onDeath } = parts(answer);
  if (typeof accept !== "boolean") {
    throw unclear(`with "accept" being ${kindOf(accept)}`);
  }
  if (onDeath === null || onDeath === undefined) {
    return { accept, onDeath: undefined };
  }
  if (typeof onDeath === "function") {
    return { accept, onDeath: onDeath as OnDeath };
  }
  throw unclear(`with "onDeath" being ${kindOf(onDeath)}`);
}

/** The two parts, whatever they are. */
function parts(answer: unknown): { accept?: unknown; onDeath?: unknown } {
  if (answer instanceof Values) {
    const { list } = answer;
    if (!Array.isArray(list) || list.length < 1 || list.length > 2) {
      throw unclear(`with ${list?.length} values`);
    }
    return { accept: list[0], onDeath: list[1] };
  }
  if (
    typeof answer !== "object" || answer === null || Array.isArray(answer)
  ) {
    throw unclear(`with ${kindOf(answer)}`);
  }
  const problem = otherVersion(answer, "Values");
  if (problem !== undefined) throw new WireError("invalidArgument", problem);
  checkOptionKeys(answer, KEYS, "onConnect's answer");
  return answer;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

function unclear(what: string): WireError {
  return new WireError(
    "invalidArgument",
    `onConnect answered ${what}. ${FORMS} The client was refused.`,
  );
}

// A connection that was accepted, before there is anything of it but bytes: who
// it counts for, and whether it does anything.

/** What is read ahead of a connection that waits. */
const AHEAD = 256;

/** A connection that was accepted. */
export class Arrival implements SocketLike {
  /** Where the peer is. */
  readonly address: WireAddress;
  /** What it counts for where peers are counted. */
  readonly network: string;
  /** When it came. */
  readonly since: number = performance.now();
  /** Called when the peer's first bytes were read ahead. */
  onSpoken: () => void = ignore;
  /** Called where the peer is gone while it is read ahead. */
  onGone: () => void = ignore;
  readonly #conn: SocketLike;
  /** The buffer that is read ahead into, and what came of it. */
  #ahead: { buffer: Uint8Array; came: Promise<number | null> } | undefined;
  #taken = 0;

  /**
   * @param conn The connection, which belongs to this from now on.
   * @param address Where the peer is.
   * @param network What it counts for.
   */
  constructor(conn: SocketLike, address: WireAddress, network: string) {
    this.#conn = conn;
    this.address = address;
    this.network = network;
  }

  /**
   * Reads before anybody asks, to see whether the peer has to say something.
   */
  readAhead(): void {
    const buffer = new Uint8Array(AHEAD);
    const came = this.#conn.read(buffer);
    this.#ahead = { buffer, came };
    came.then(
      (count) => count === null ? this.onGone() : this.onSpoken(),
      () => this.onGone(),
    );
  }

  /** What a transport is to stand on: this, where something was read ahead. */
  get socket(): SocketLike {
    return this.#ahead === undefined ? this.#conn : this;
  }

  /** Reads; what was read ahead comes first. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#ahead === undefined
      ? this.#conn.read(into)
      : this.#takeAhead(into);
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  /** Ends the writing direction. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes; once more does no harm. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }

  async #takeAhead(into: Uint8Array): Promise<number | null> {
    const { buffer, came } = this.#ahead!;
    const count = await came;
    if (count === null) return null;
    const rest = buffer.subarray(this.#taken, count);
    const length = Math.min(rest.length, into.length);
    into.set(rest.subarray(0, length));
    this.#taken += length;
    if (this.#taken === count) this.#ahead = undefined;
    return length;
  }
}

/** A connection that somebody else has accepted, or made. */
export class Adopted extends Arrival {
  readonly #given: Transport;
  #first: Promise<Uint8Array | null> | undefined;

  /**
   * @param given The connection, which belongs to this from now on.
   * @param address Where the peer is.
   */
  constructor(given: Transport, address: WireAddress) {
    super(unreadable(given), address, networkOf(address));
    this.#given = given;
  }

  /** Reads before anybody asks. */
  override readAhead(): void {
    this.#first = this.#given.read();
    this.#first.then(
      (chunk) => chunk === null ? this.onGone() : this.onSpoken(),
      () => this.onGone(),
    );
  }

  /** The connection, with what was read ahead in front. */
  get transport(): Transport {
    const given = this.#given;
    return {
      address: this.address,
      ...(given.local === true ? { local: true } : {}),
      // It may not be known before there was a handshake.
      get certificate() {
        return given.certificate;
      },
      read: (isBulk?: boolean) => {
        const first = this.#first;
        this.#first = undefined;
        return first ?? given.read(isBulk);
      },
      write: (bytes) => given.write(bytes),
      closeWrite: () => given.closeWrite(),
      close: () => given.close(),
    };
  }
}

/** The socket of a connection that is none: only closed, as one. */
function unreadable(given: Transport): SocketLike {
  const never = () => Promise.reject(new Error("It is no socket."));
  return {
    read: never,
    write: never,
    closeWrite: never,
    close: () => given.close(),
  };
}

function ignore(): void {}

// Who counts as one where peers are told apart by their addresses.

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
  const mapped = MAPPED.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  if (!host.includes(":") || LINK_LOCAL.test(host)) return host;
  const [head = "", tail] = host.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16)).join(":");
}

// Who may connect, by address.

/** The addresses that may connect, and those that may not. */
export interface AddressOptions {
  /**
   * The only addresses that may connect: IPv4 or IPv6, one by one
   * (`"10.0.0.7"`) or by their first bits (`"10.0.0.0/8"`, `"2001:db8::/32"`).
   * Others are closed without a word. What is there and undefined is refused:
   * leave the option out to let all of them.
   */
  allow?: readonly string[];
  /**
   * Addresses that may not connect, in the same forms, whether `allow` has them
   * or not. What is there and undefined is refused.
   */
  deny?: readonly string[];
}

// deno-lint-ignore no-process-global -- only such servers load it
const loadNet = () => process.getBuiltinModule("node:net");
type BlockList = InstanceType<ReturnType<typeof loadNet>["BlockList"]>;

/** An IPv4 address as an IPv6 socket has it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** How many bits stand before it. */
const MAPPED_BITS = 96;

/** Knows who may connect. */
export class AddressLists {
  readonly #allow: BlockList | undefined;
  readonly #deny: BlockList | undefined;

  /**
   * @param options The addresses.
   * @param path The Unix socket that is listened on, whose clients have none.
   * @throws {WireError} `invalidArgument` for what is no address, and where
   * clients have none.
   */
  constructor(options: AddressOptions, path?: string) {
    for (const name of ["allow", "deny"] as const) {
      checkGate(options, name);
      if (options[name] === undefined || path === undefined) continue;
      throw new WireError(
        "invalidArgument",
        `The option "${name}" is for TCP: clients of a Unix socket have no address. The mode of its file says who may connect.`,
      );
    }
    this.#allow = listOf(options.allow, "allow");
    this.#deny = listOf(options.deny, "deny");
  }

  /** Why an address may not connect; undefined where it may. */
  refusal(address: WireAddress): WireError | undefined {
    if (this.#allow === undefined && this.#deny === undefined) return undefined;
    // No list has a name, or nothing: it would be denied nothing.
    const isKnown = "hostname" in address &&
      loadNet().isIP(bare(address)) !== 0;
    if (!isKnown) {
      return new WireError(
        "refused",
        `A connection whose IP address is not known (${
          formatAddress(address)
        }) may not come in where there is "allow" or "deny". Tell adopt() where its peer is, or acceptWebSocket() by its option "address".`,
      );
    }
    const isDenied = this.#deny !== undefined && has(this.#deny, address);
    if (!isDenied && (this.#allow === undefined || has(this.#allow, address))) {
      return undefined;
    }
    return new WireError(
      "refused",
      `${formatAddress(address)} may not connect: it is ${
        isDenied ? 'in "deny"' : 'not in "allow"'
      }.`,
    );
  }
}

/** An address as lists have it. */
function bare({ hostname }: { hostname: string }): string {
  const plain = hostname.replace(/^\[|\]$|%.*$/g, "");
  return MAPPED.exec(plain)?.[1] ?? plain;
}

function has(list: BlockList, peer: { hostname: string }): boolean {
  const address = bare(peer);
  return list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

function listOf(
  addresses: readonly string[] | undefined,
  name: string,
): BlockList | undefined {
  if (addresses === undefined) return undefined;
  if (!Array.isArray(addresses)) {
    throw new WireError(
      "invalidArgument",
      `The option "${name}" is an array of addresses, not ${shown(addresses)}.`,
    );
  }
  const { BlockList, isIP } = loadNet();
  const list = new BlockList();
  for (const each of addresses as unknown[]) {
    const [, text = "", bits] =
      /^([^/]+)(?:\/(\d{1,3}))?$/.exec(typeof each === "string" ? each : "") ??
        [];
    const isMapped = MAPPED.test(text) &&
      (bits === undefined || Number(bits) >= MAPPED_BITS);
    const address = isMapped ? MAPPED.exec(text)![1]! : text;
    const most = isIP(address) === 4 ? 32 : 128;
    const prefix = bits === undefined
      ? most
      : Number(bits) - (isMapped ? MAPPED_BITS : 0);
    if (isIP(address) === 0 || address.includes("%") || prefix > most) {
      throw new WireError(
        "invalidArgument",
        `The option "${name}" has addresses such as "10.0.0.7", "10.0.0.0/8" or "2001:db8::/32", and not ${
          shown(each)
        }.`,
      );
    }
    list.addSubnet(address, prefix, most === 32 ? "ipv4" : "ipv6");
  }
  return list;
}

// Who hears of those that were refused.

/** A connection, or a call, that a server has refused. */
export interface RefusedEvent {
  /** What was refused. */
  readonly refused: "connection" | "call";
  /**
   * Why: its code, and a text for the operator; `cause` is what a program
   * threw, if it did.
   */
  readonly reason: WireError;
  /** Where the client is. */
  readonly address: WireAddress;
  /** Who it is, once `authenticate` has said so. */
  readonly identity: unknown;
  /** The function that was called, of a call whose name is known. */
  readonly functionName: string | undefined;
}

/**
 * Called with each refusal, one by one and as it happens: let it be quick.
 * What it throws is told to `onError` and harms nothing.
 */
export type OnAudit = (event: RefusedEvent) => void;

/**
 * What tells a program of refusals.
 *
 * @param onAudit The program's hook.
 * @param report Told what it throws.
 * @returns Takes what is to be told; it never throws.
 */
export function auditor(
  onAudit: OnAudit | undefined,
  report: Report,
): (
  event:
    & Pick<RefusedEvent, "refused" | "reason" | "address">
    & Partial<RefusedEvent>,
) => void {
  return (event) => {
    if (onAudit === undefined) return;
    const whole = { identity: undefined, functionName: undefined, ...event };
    callHook(() => onAudit(whole), (error) => report(error, "onAudit"));
  };
}

// What a server counts.

/** So many functions are told apart; all others count as one. */
const MOST_FUNCTIONS = 200;
/** So many codes are told apart. */
const MOST_CODES = 64;
/** Under what the others are counted. */
const OTHERS = "(others)";

/** What a server counts of calls to one function that it serves. */
export interface FunctionStats {
  /** Its name; all beyond 200 names count as `(others)`. */
  readonly name: string;
  /** Calls that were answered, one-way calls included. */
  readonly calls: number;
  /** Those of them that failed, with whatever error. */
  readonly errors: number;
  /** Now: calls that are under way. */
  readonly running: number;
  /** How long they took, until the function's result was there. */
  readonly latency: Latency;
}

/**
 * What a server has counted. All of it is plain data, so that a function can
 * answer it.
 *
 * @example
 * ```ts
 * import {
 *   connectToRemoteServer,
 *   createRequestServer,
 *   type ServerStats,
 * } from "@remote/wire";
 *
 * await using server = createRequestServer(0, {
 *   functions: { add: (a: number, b: number) => a + b },
 *   measure: true,
 * });
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port);
 * await wire.remoteValue.add(40, 2);
 * const { wires, sums, functions }: ServerStats = server.stats();
 * if (wires.now !== 1 || sums.callsServed !== 1) throw new Error();
 * const [add] = functions!;
 * if (add!.name !== "add" || add!.calls !== 1) throw new Error();
 * if (!(add!.latency.p99 >= 0)) throw new Error();
 * ```
 */
export interface ServerStats {
  /** For how long the server has been there, in milliseconds. */
  readonly uptime: number;
  /** Wires: those that are open, all that were accepted, and newcomers. */
  readonly wires: {
    /** Now: those that were accepted and have not ended. */
    readonly now: number;
    /** All that were accepted. */
    readonly ever: number;
    /** Now: connections that are not accepted yet. */
    readonly newcomers: number;
  };
  /**
   * What `wire.stats()` tells, summed over all wires that were accepted; what
   * is told of now, over those that are open.
   */
  readonly sums: WireSums;
  /** Connections that were refused, by the code of the reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Calls that were refused because of quotas. */
  readonly callsRefused: number;
  /** Wires that were accepted and have ended, by the code of the reason. */
  readonly ended: Readonly<Record<string, number>>;
  /** How often a limit of the server was reached, by its name. */
  readonly limits: Readonly<Record<string, number>>;
  /**
   * What is known of each function that was served, on any wire; undefined
   * without the option `measure`.
   */
  readonly functions: readonly FunctionStats[] | undefined;
}

/** The counts of several wires. */
export type WireSums = Readonly<Record<keyof Omit<WireStats, "flow">, number>>;

/** Counts by name, of a few names. */
class Tallies {
  readonly #counts = new Map<string, number>();

  /** Counts once more. */
  add(name: string): void {
    const counts = this.#counts;
    const key = counts.has(name) || counts.size < MOST_CODES ? name : OTHERS;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  /** The counts. */
  get record(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** One function, while it is counted. */
class MeasuredFunction {
  readonly #times = new Histogram();
  #running = 0;
  #errors = 0;

  /** A call begins. */
  begin(): void {
    this.#running++;
  }

  /** A call that began is over. */
  end(time: number, hasFailed: boolean): void {
    this.#running--;
    if (hasFailed) this.#errors++;
    this.#times.add(time);
  }

  /** What is told of it. */
  stats(name: string): FunctionStats {
    const { latency } = this.#times;
    const [running, errors] = [this.#running, this.#errors];
    return { name, calls: latency.count, errors, running, latency };
  }
}

/** Counts what a server does. */
export class ServerCounts {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #functions: Map<string, MeasuredFunction> | undefined;
  /** Puts what measures a function in its place; undefined where none does. */
  readonly measure: ((name: string, served: Method) => Method) | undefined;
  readonly #refused = new Tallies();
  readonly #ended = new Tallies();
  readonly #limits = new Tallies();
  /** The sums over wires that have ended. */
  #sums = noSums();
  #ever = 0;
  #callsRefused = 0;

  /**
   * @param clock Tells the time.
   * @param measures Whether functions are measured.
   */
  constructor(clock: Clock, measures: boolean) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#functions = measures ? new Map() : undefined;
    this.measure = measures ? this.#measuring.bind(this) : undefined;
  }

  /** A wire was accepted. */
  accepted(): void {
    this.#ever++;
  }

  /** A wire that was accepted has ended. */
  ended(wire: { stats(): WireStats }, { code }: WireError): void {
    this.#ended.add(code);
    addTo(this.#sums, wire.stats(), true);
  }

  /** A connection or a call was refused. */
  refused(what: RefusedEvent["refused"], { code }: WireError): void {
    if (what === "call") this.#callsRefused++;
    else this.#refused.add(code);
  }

  /** A limit was reached. */
  reached(limit: keyof WireLimits): void {
    this.#limits.add(limit);
  }

  /** What measures a function, for a server that measures. */
  #measuring(name: string, served: Method): Method {
    const measured = measuredOf(this.#functions!, name);
    const clock = this.#clock;
    return function (this: unknown, ...args) {
      const began = clock.now();
      const end = (hasFailed: boolean) =>
        measured.end(clock.now() - began, hasFailed);
      measured.begin();
      try {
        const result = Reflect.apply(served, this, args);
        const later = laterOf(result);
        if (later === undefined) {
          end(false);
          return result;
        }
        const promise = settled(later);
        promise.then(() => end(false), () => end(true));
        return promise;
      } catch (error) {
        end(true);
        throw error;
      }
    };
  }

  /** What is told of it all. */
  stats(
    wires: ReadonlySet<{ stats(): WireStats }>,
    newcomers: number,
  ): ServerStats {
    const sums = { ...this.#sums };
    for (const wire of wires) addTo(sums, wire.stats(), false);
    return {
      uptime: this.#clock.now() - this.#began,
      wires: { now: wires.size, ever: this.#ever, newcomers },
      sums,
      refused: this.#refused.record,
      callsRefused: this.#callsRefused,
      ended: this.#ended.record,
      limits: this.#limits.record,
      functions: this.#functions === undefined
        ? undefined
        : Array.from(this.#functions, ([name, each]) => each.stats(name)),
    };
  }
}

/**
 * What has the wires of a server share what they serve.
 *
 * @returns Gives the map that the last wire has, where that serves the same: so
 * wires take no memory for what they serve, however many functions it is.
 */
export function sharing(): Share {
  let last: WeakRef<Served> | undefined;
  return (served) => {
    const latest = last?.deref();
    if (
      latest?.size === served.size &&
      [...served].every(([name, one]) => latest.get(name) === one)
    ) return latest;
    last = new WeakRef(served);
    return served;
  };
}

/** What measures a function of that name. */
function measuredOf(
  functions: Map<string, MeasuredFunction>,
  name: string,
): MeasuredFunction {
  const known = functions.has(name) || functions.size < MOST_FUNCTIONS;
  const key = known ? name : OTHERS;
  const measured = functions.get(key) ?? new MeasuredFunction();
  functions.set(key, measured);
  return measured;
}

type Sums = Record<keyof WireSums, number>;

/** Those that tell how it is now, which ends with the wire. */
const OF_NOW: Readonly<Record<keyof WireSums, boolean>> = {
  bytesReceived: false,
  bytesSent: false,
  reads: false,
  writes: false,
  messagesReceived: false,
  messagesSent: false,
  signsOfLife: false,
  callsMade: false,
  callsServed: false,
  callsPending: true,
  callsWaiting: true,
  callsRunning: true,
  objectsExported: true,
  objectsImported: true,
  streamsReceiving: true,
  streamsSending: true,
  inbox: true,
  memoryHeld: true,
  outputWaiting: true,
};
const SUMMED = Object.keys(OF_NOW) as (keyof Sums)[];

function noSums(): Sums {
  return Object.fromEntries(SUMMED.map((name) => [name, 0])) as Sums;
}

/** Adds the counts of a wire. */
function addTo(sums: Sums, stats: WireStats, hasEnded: boolean): void {
  for (const name of SUMMED) {
    if (!hasEnded || !OF_NOW[name]) sums[name] += stats[name];
  }
}

// A transport that tells whether its connection does anything.

/** Counts what goes through a transport, and what is waited for. */
export class WatchedTransport implements Transport {
  readonly #transport: Transport;
  /** Reads and writes that were done. */
  #done = 0;
  /** Reads and writes that the peer keeps waiting. */
  #waiting = 0;

  /** @param transport The transport, which belongs to this from now on. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#transport.address;
  }

  /**
   * A number that changes with every read and write; undefined while the peer
   * is not waited for.
   */
  get activity(): number | undefined {
    return this.#waiting > 0 ? this.#done : undefined;
  }

  /** Reads the next bytes; null at the end of the stream. */
  read(isBulk?: boolean): Promise<Uint8Array | null> {
    this.#waiting++;
    return this.#transport.read(isBulk).then(this.#came, this.#failed);
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    this.#waiting++;
    return this.#transport.write(bytes).then(this.#came, this.#failed);
  }

  /** Ends this side's direction. */
  closeWrite(): Promise<void> {
    return this.#transport.closeWrite();
  }

  /** Ends both directions at once. */
  close(): void {
    this.#transport.close();
  }

  readonly #came = <R>(result: R): R => {
    this.#waiting--;
    this.#done++;
    return result;
  };

  readonly #failed = (error: unknown): never => {
    this.#waiting--;
    throw error;
  };
}
