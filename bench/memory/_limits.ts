/**
 * Limits for servers whose clients are not trusted, as docs/reliability.md has
 * them.
 *
 * @module
 */

import type { WireLimits } from "../../mod.ts";

/** With the last, 1,000 wires that hold all they may fit into a GiB. */
export const LIMIT_SETS = {
  default: {},
  smaller: {
    wires: 1_000,
    wiresPerAddress: 50,
    message: 262_144,
    window: 262_144,
    streams: 16,
    streamWindow: 32_768,
    pieces: 2,
    calls: 100,
    objects: 1_000,
    memory: 2_097_152,
    serverMemory: 67_108_864,
    sendPause: 262_144,
    sendMost: 1_048_576,
    sendEnd: 524_288,
  },
  smallest: {
    wires: 1_000,
    message: 16_384,
    frame: 16_384,
    window: 16_384,
    streams: 4,
    streamWindow: 8_192,
    pieces: 0,
    calls: 32,
    objects: 32,
    tableEntries: 0,
    memory: 1_048_576,
    serverMemory: 33_554_432,
    serverTotal: 536_870_912,
    sendPause: 16_384,
    sendMost: 65_536,
    sendEnd: 32_768,
  },
} as const satisfies Record<string, Partial<WireLimits>>;
