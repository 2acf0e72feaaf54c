/**
 * What an attack is: what a peer sends, and what must be true all the same.
 *
 * @module
 */

import type { WireErrorCode } from "../../mod.ts";
import type { Arena } from "./_arena.ts";
import type { Bytes } from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";
import type { VictimOptions } from "./_victim.ts";

/** The way by which an attacker comes, or to which a client was lured. */
export type Road =
  | "tcp"
  | "tls"
  | "unix"
  | "client tcp"
  | "client tls"
  | "client unix"
  /** The port of a TLS server, without TLS. */
  | "bare tls"
  | "cmucl"
  | "client cmucl"
  /** A client of TLS, at a server without it. */
  | "client bare tls"
  | "lines"
  | "lines tls"
  | "bare lines tls"
  | "client lines"
  | "listener";

/** Those to servers of wires. */
export const SERVED: readonly Road[] = ["tcp", "tls", "unix"];
/** Those of clients that came to the wrong server. */
export const LURED: readonly Road[] = [
  "client tcp",
  "client tls",
  "client unix",
];
/** One of each, for what takes long or much. */
export const TCP: readonly Road[] = ["tcp", "client tcp"];
/** All of these, where an end of a wire is attacked as such. */
export const ALL: readonly Road[] = [...SERVED, ...LURED];

/**
 * What must be true in the end. `"goes on"`: the attacker's own wire lives,
 * and answers. `"closes"`: the connection is closed without a word, for the
 * peer said no hello. Otherwise the code with which the wire ends.
 */
export type Outcome = "goes on" | "closes" | WireErrorCode;

/** An attack on one connection, by itself. */
export interface Attack {
  /** What is sent. */
  readonly name: string;
  /** By which roads; all by default. */
  readonly over?: readonly Road[];
  /** What the peer has not said before the attack begins; all by default. */
  readonly before?: "hello" | "accept";
  /** What it sends. */
  readonly says?: () => Bytes;
  /** What it does besides. */
  readonly run?: (peer: HostilePeer) => Promise<unknown>;
  /** What it does now and then, while time passes. */
  readonly meanwhile?: (peer: HostilePeer) => Promise<unknown>;
  /** What must be true in the end. */
  readonly promise: Outcome;
  /** How it shows that it goes on, where that is no wire of this protocol. */
  readonly alive?: (peer: HostilePeer) => Promise<unknown>;
  /** What else is promised, for people. */
  readonly and?: string;
  /** Whether the peer is told of the end of its wire: so it is by default. */
  readonly isTold?: boolean;
  /** Whether the attacker reads what comes: so it does by default. */
  readonly reads?: boolean;
  /** With which code a client learns of it that was lured. */
  readonly lured?: string;
  /** How much may be held while the attack lasts, in MiB for each road. */
  readonly holds?: number;
  /** How much the process may grow, in MiB, with what no heap counts. */
  readonly grows?: number;
}

/** An attack of many connections, or that is one in another way. */
export interface Siege {
  readonly name: string;
  readonly siege: (arena: Arena) => Promise<unknown>;
  /** What is promised, for people. */
  readonly promise: string;
}

/** Attacks of one kind, that share a victim. */
export interface Catalogue {
  /** What kind they are of. */
  readonly kind: string;
  /** What they have in common, for people. */
  readonly about: string;
  /** The victim's options. */
  readonly victim?: Partial<VictimOptions>;
  /** Whether the victim prints what nobody handles; nobody reads that. */
  readonly prints?: boolean;
  /** By which roads they come that say nothing of it. */
  readonly over?: readonly Road[];
  /** How it shows that the attacker's connection goes on. */
  readonly alive?: (peer: HostilePeer) => Promise<unknown>;
  /** Whether time passes for the victim, until each has its end. */
  readonly takesTime?: boolean;
  readonly attacks: readonly (Attack | Siege)[];
}
