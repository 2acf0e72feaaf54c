/**
 * The most memory that peers can make a process hold, by its limits alone.
 *
 * What a program keeps is its own affair, and so is what V8 keeps for later:
 * this is what wires hold.
 *
 * @module
 */

import type { WireLimits } from "../../mod.ts";

/** Up to so many times what it counts for, a value passes in any case. */
const LIGHT = 4;
/** Up to so many bytes, an answer always finds room. */
const SMALL_ANSWER = 1024;
/** An entry of a table of references, with its object, takes no more. */
const REFERENCE = 1024;
/**
 * What an entry of the tables of names and key sets may take, with the code
 * that is made for it: 1,024 of both took 1.3 MB.
 */
const ENTRY = 2 * 1024;
/** So many bytes of names and keys both tables hold at most. */
const TABLE_BYTES = 256 * 1024;
/** A key set has so many keys at most, and each so many bytes. */
const KEYS = 64;
const KEY = 256;
/** An idle wire, and buffers of its connection. */
const IDLE = 64 * 1024;
/** While all others hold less than this share of it, one wire may hold more. */
const LITTLE = 1 / 4;
/** The least share of `serverMemory` that a wire has. */
const LEAST_SHARE = 64 * 1024;

/** What one wire can be made to hold, in bytes. */
export interface WorstOfWire {
  /** Bytes of the peer's that came, and that nobody has dealt with. */
  readonly came: number;
  /** What values made of them may take. */
  readonly values: number;
  /** Of that, what the wires of a server share. */
  readonly shared: number;
  /** Messages that came in pieces and are not finished. */
  readonly unfinished: number;
  /** Output that the peer does not take. */
  readonly output: number;
  /** References, and all else. */
  readonly rest: number;
  readonly total: number;
}

/**
 * Computes it.
 *
 * @param limits The limits of the wire.
 */
export function worstOfWire(limits: WireLimits): WorstOfWire {
  const { window, message, streams, streamWindow } = limits;
  // The last message of a window may be larger than what is left of it. For
  // calls, the window is `message` larger.
  const calls = window + message + message;
  const oneWay = window + message;
  const typed = window + message;
  const items = window + streams * streamWindow;
  const came = calls + oneWay + typed + items;
  const shared = limits.memory;
  const values = LIGHT * came + shared;
  const unfinished = limits.pieces * message;
  const output = Math.max(
    limits.sendMost + limits.sendEnd,
    limits.calls * SMALL_ANSWER + 4 * limits.frame,
  );
  const entries = limits.tableEntries;
  const tables = entries * ENTRY +
    Math.min(TABLE_BYTES, entries * (KEYS + 1) * KEY);
  const rest = 2 * limits.objects * REFERENCE + tables + IDLE;
  const total = values + unfinished + output + rest;
  return { came, values, shared, unfinished, output, rest, total };
}

/**
 * What so many wires of a server can be made to hold, in bytes.
 *
 * @param limits The limits of the server.
 * @param wires How many wires its peers have.
 */
export function worstOfServer(limits: WireLimits, wires: number): number {
  const { total } = worstOfWire(limits);
  const { message, serverTotal } = limits;
  const most = Math.max(serverTotal, total - IDLE + LITTLE * serverTotal);
  // One message is read, or an answer written, before it is found too much.
  const counted = most + LIGHT * message + wires * IDLE;
  return Math.min(counted, worstUncounted(limits, wires));
}

/** The same by the limits of each, and by what values take together. */
function worstUncounted(limits: WireLimits, wires: number): number {
  const { total, shared } = worstOfWire(limits);
  const share = Math.max(LEAST_SHARE, limits.serverMemory / limits.wires);
  const together = Math.min(
    wires * shared,
    limits.serverMemory + wires * Math.min(shared, share),
  );
  return wires * (total - shared) + together;
}

/** What a connection has beside the frame of its hello. */
const BUFFERS = 64 * 1024;
/** So many are told, at a time, why they have to go. */
const LEAVING = 1_024;

/**
 * What connections can be made to hold, in bytes, that were not accepted.
 *
 * @param limits The limits of the server.
 */
export function worstOfStrangers(limits: WireLimits): number {
  // So many are about to say hello, and so many have said nothing.
  const waiting = 2 * limits.wiresBeforeHello;
  return waiting * (limits.helloFrame + BUFFERS) + LEAVING * BUFFERS;
}
