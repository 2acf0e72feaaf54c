/**
 * Plans that failed once, as small as they became: what the simulation found.
 *
 * @module
 */

import type { Operation, Plan } from "./_plan.ts";

/** A plan, with what differs from a plain one. */
function plan(
  operations: readonly Partial<Operation>[],
  others: Partial<Plan> = {},
): Plan {
  return {
    seed: 1,
    isKept: false,
    link: { latency: 0, chop: 0, capacity: 65_536, isShort: false },
    limits: [{}, {}],
    ending: { how: "close", by: 0, at: 0 },
    outages: [],
    ...others,
    operations: operations.map((operation, index) => ({
      kind: "echo",
      by: 0,
      serial: index + 1,
      at: 0,
      count: 1,
      size: 0,
      take: 30,
      time: 0,
      deadline: 0,
      abort: 0,
      isIdempotent: false,
      ...operation,
    })),
  };
}

/** The plans, by what went wrong. */
export const FOUND: readonly (readonly [string, Plan])[] = [
  [
    "a stream announced behind a value over a limit ended the wire",
    plan([{ kind: "upload" }, { kind: "message", by: 1, at: 1_999 }], {
      limits: [{}, { values: 1 }],
    }),
  ],
  [
    "a reference behind a value over a limit was never released",
    plan([{ kind: "callBack", by: 1 }], { limits: [{ values: 1 }, {}] }),
  ],
  [
    "more streams before the hello than the peer takes ended the wire",
    plan([{ kind: "upload" }, { kind: "upload" }, { kind: "wait", by: 1 }], {
      limits: [{}, { streams: 1 }],
    }),
  ],
  [
    "more references before the hello than the peer takes ended the wire",
    plan([{ kind: "callBack" }, { kind: "callBack" }, { by: 1 }], {
      limits: [{}, { objects: 1 }],
    }),
  ],
  [
    "calls on a result began in another order than they were made",
    plan([{ kind: "many", take: 2 }, { kind: "pipeline", count: 0, take: 0 }], {
      seed: 6_789,
      link: { latency: 0, chop: 0, capacity: 65_536, isShort: true },
      limits: [{}, { sendPause: 1 }],
    }),
  ],
  [
    "calls on a result moved to another wire in another order than they were made",
    plan([
      { kind: "fail", serial: 1 },
      { kind: "nest", serial: 3, count: 4 },
      { kind: "many", serial: 5, isIdempotent: true },
      { serial: 8, count: 2, isIdempotent: true },
      {
        kind: "pipeline",
        serial: 13,
        at: 655,
        count: 2,
        size: 38_619,
        time: 8,
      },
    ], {
      seed: 1_951,
      isKept: true,
      link: { latency: 120, chop: 600, capacity: 65_536, isShort: false },
      limits: [{}, { calls: 2 }],
      outages: [{ at: 1_323, time: 308 }],
    }),
  ],
  [
    "a large message that a slow peer takes counted as a flood under small limits",
    plan([{ kind: "argument", by: 1, serial: 6, size: 38_127, take: 2 }], {
      seed: 3_931_549,
      link: { latency: 120, chop: 0, capacity: 4_096, isShort: false },
      limits: [{ frame: 1_024 }, { calls: 1, sendEnd: 1, sendMost: 1 }],
      ending: { how: "abort", by: 1, at: 0 },
    }),
  ],
];
