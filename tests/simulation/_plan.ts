/**
 * What happens in one run, made of a seed: how the network is, which limits
 * hold, who calls what when, and how it ends. A plan is plain data, so that it
 * can be printed, made smaller, and run again.
 *
 * @module
 */

import type { WireLimits } from "../../wire/base/limits.ts";
import type { LinkPlan } from "./_network.ts";
import { Random } from "./_random.ts";

/** What an end does. */
export const KINDS = [
  "echo",
  "wait",
  "fail",
  "note",
  "many",
  "download",
  "upload",
  "callBack",
  "object",
  "pipeline",
  "nest",
  "message",
  "unsendable",
  "argument",
  "bytes",
  "broken",
  "objects",
  "streams",
  "noteStream",
  "mortal",
  "ping",
  "relay",
] as const;

/** What a plan is about, and what is done then. */
const THEMES = {
  all: KINDS,
  /** Values have keys that no other has, so that tables fill. */
  words: [
    "echo",
    "note",
    "message",
    "argument",
    "echo",
    "note",
    "message",
    "download",
  ],
  /** Windows of streams grow, under limits that have them share little. */
  streams: ["bytes", "bytes", "download", "upload", "streams", "noteStream"],
  /** Calls need the results of others. */
  results: ["argument", "argument", "pipeline", "wait", "echo", "object"],
  /** What is given credit for, under small windows. */
  credit: ["note", "note", "message", "message", "noteStream", "echo"],
} satisfies Record<string, readonly Operation["kind"][]>;

type Theme = keyof typeof THEMES;

/** What has to be called by an end that has a wire rather than wires. */
const OF_WIRES: readonly Operation["kind"][] = ["ping", "relay"];

/** One thing that an end does. */
export interface Operation {
  readonly kind: typeof KINDS[number];
  /** Which end does it. */
  readonly by: 0 | 1;
  /** Over which wire, where there are two. */
  readonly wire?: 0 | 1;
  /** What it is known by; also the seed of its values. */
  readonly serial: number;
  /** When it begins, in virtual milliseconds. */
  readonly at: number;
  /** How many items, calls or levels. */
  readonly count: number;
  /** How many bytes an item has, about. */
  readonly size: number;
  /** Whether values have keys that no other has, so that tables fill. */
  readonly isWordy?: boolean;
  /** How many items are taken; the consumer leaves then. */
  readonly take: number;
  /** How long the peer works on it. */
  readonly time: number;
  /** The call's deadline; 0 for none. */
  readonly deadline: number;
  /** When its signal aborts, after its beginning; 0 for never. */
  readonly abort: number;
  /** Over a kept connection: whether it may run more than once. */
  readonly isIdempotent: boolean;
}

/** How the wire ends. */
export interface Ending {
  readonly how: "close" | "closeBoth" | "abort" | "signal";
  readonly by: 0 | 1;
  /** When, in virtual milliseconds; 0 for when all operations are over. */
  readonly at: number;
}

/** What an end asks of its peer before it lets it in. */
export interface Gate {
  /** How long it decides; 0 for at once. */
  readonly time: number;
  readonly answer: "yes" | "no" | "throw";
  /** Whether the peer has to show a secret, and shows it. */
  readonly secret: "none" | "right" | "wrong";
}

/** A time in which a server is down. */
export interface Outage {
  readonly at: number;
  readonly time: number;
  /** Whether it closes its wires gracefully rather than being gone at once. */
  readonly isDrain?: boolean;
}

/** One run. */
export interface Plan {
  readonly seed: number;
  /** Whether the first end keeps a connection that is lost again and again. */
  readonly isKept: boolean;
  readonly link: LinkPlan;
  /** A second connection beside it. */
  readonly second?: LinkPlan | undefined;
  readonly limits: readonly [Partial<WireLimits>, Partial<WireLimits>];
  readonly operations: readonly Operation[];
  readonly ending: Ending;
  /** Kept: when the server goes down, and for how long. */
  readonly outages: readonly Outage[];
  /** What lets the peers in. */
  readonly gates?: readonly [Gate | undefined, Gate | undefined] | undefined;
  /** Whether each end has middleware around calls, which does nothing. */
  readonly isThrough?: readonly [boolean, boolean] | undefined;
  /** How slowly both ends work: virtual milliseconds for each look at the clock. */
  readonly pace?: number | undefined;
}

/** How long everything begins, in virtual milliseconds. */
const SPAN = 2_000;
/** Waiting for so long may end a wire. */
const LONG = 8_000;
/** And for so long, where no output may wait. */
const SHORT = 700;

/** Makes a plan of a seed. */
export function makePlan(seed: number): Plan {
  const random = new Random(seed);
  const isKept = random.chance(0.15);
  const isCut = !isKept && random.chance(0.3);
  const hasSecond = !isKept && random.chance(0.15);
  const length = random.int(1, random.pick([3, 8, 20]));
  const theme: Theme = random.chance(0.65)
    ? "all"
    : random.pick(["words", "streams", "results", "credit"] as const);
  const limits = [
    makeLimits(random, theme),
    makeLimits(random, theme),
  ] as const;
  const isNarrow = limits.some(({ calls }) => calls !== undefined);
  const link = makeLink(random, isCut, isKept);
  const isWordy = theme === "words";
  const operations = Array.from({ length }, (_, index) => {
    const operation = makeOperation(random, index + 1, isKept, link, theme);
    // Calls that call back need as many calls at a time as they are deep.
    const isDeep = operation.kind === "nest" ||
      operation.kind === "callBack" || operation.kind === "relay";
    const wire = hasSecond ? random.pick([0, 1] as const) : 0;
    return {
      ...operation,
      ...wire === 1 ? { wire } : {},
      ...isWordy ? { isWordy } : {},
      ...isNarrow && isDeep ? { deadline: random.int(1, 2_000) } : {},
    };
  });
  const gates = isKept || random.chance(0.8)
    ? undefined
    : [makeGate(random), makeGate(random)] as const;
  return {
    seed,
    isKept,
    link,
    ...hasSecond ? { second: makeLink(random, false, isKept) } : {},
    limits,
    operations,
    ending: {
      how: random.pick(
        ["close", "close", "close", "closeBoth", "abort", "signal"] as const,
      ),
      by: random.pick([0, 1] as const),
      // Much of what can be met is over after a few milliseconds.
      at: random.chance(gates === undefined ? 0.3 : 0.6)
        ? random.int(1, random.pick([5, 200, SPAN]))
        : 0,
    },
    outages: isKept
      ? Array.from({ length: random.int(0, 3) }, () => ({
        at: random.int(1, SPAN),
        time: random.int(0, 500),
        isDrain: random.chance(0.3),
      }))
      : [],
    ...gates === undefined ? {} : { gates },
    isThrough: [random.chance(0.1), random.chance(0.1)],
    // Sums of these are exact: what was sent first arrives first.
    ...random.chance(0.25)
      ? { pace: random.pick([1 / 64, 1 / 16, 1 / 8]) }
      : {},
  };
}

/** Whether a connection may end before its time. */
export function mayFail(plan: Plan): boolean {
  const { link, second, limits, gates, operations } = plan;
  // Much output may wait for a second only.
  const isHasty = limits.some(({ sendEnd }) => sendEnd !== undefined);
  const longest = isHasty ? SHORT : LONG;
  const isFrail = [link, second].some((link) =>
    link?.cut !== undefined || (link?.stall?.time ?? 0) >= longest
  );
  // What is called meanwhile begins once the peer is let in.
  const work = Math.max(...operations.map(({ time }) => time));
  const isShut = gates?.some((gate) =>
    gate !== undefined &&
    (gate.answer !== "yes" || gate.secret === "wrong" ||
      gate.time + work >= LONG)
  );
  return isFrail || isShut === true || readTime(plan) >= longest;
}

/** How long it may take until a callee hears of a cancel, in milliseconds. */
export function noticeTime({ link, second, pace = 0 }: Plan): number {
  const links = [link, second ?? link];
  const isQuick = links.every(({ latency, stall }) =>
    latency <= 1 && stall === undefined
  );
  // What was said during a stall comes when it is over.
  const stalled = Math.max(...links.map(({ stall }) => stall?.time ?? 0));
  return Math.max(isQuick ? 1_500 : 6_000, stalled + 1_500) +
    readTime({ link, second, pace });
}

/**
 * How long an end may work on what is in front of a message: each chunk takes
 * some looks at the clock.
 */
function readTime(
  { link, second, pace = 0 }: Pick<Plan, "link" | "second" | "pace">,
): number {
  const chunks = [link, second].map((link) =>
    link === undefined || link.chop === 0 ? 0 : IN_FRONT / link.chop
  );
  return 8 * pace * Math.max(...chunks);
}

/** So many bytes may be in front of a cancel. */
const IN_FRONT = 65_536;

function makeGate(random: Random): Gate | undefined {
  if (random.chance(0.4)) return undefined;
  return {
    time: random.chance(0.4) ? 0 : random.int(1, random.pick([300, 15_000])),
    answer: random.pick(["yes", "yes", "yes", "no", "throw"] as const),
    secret: random.pick(["none", "none", "right", "right", "wrong"] as const),
  };
}

function makeLink(
  random: Random,
  isCut: boolean,
  isKept: boolean,
): LinkPlan {
  const capacity = random.pick([64 * 1024, 64 * 1024, 4096, 700]);
  const side = () => random.pick([undefined, 0, 1] as const);
  // A kept connection is lost by outages alone.
  const longest = isKept ? 4_000 : random.pick([4_000, 4_000, 70_000]);
  return {
    latency: capacity < 4096
      ? random.pick([0, 1])
      : random.pick([0, 0, 1, 20, 120]),
    chop: random.pick([0, 0, 1, 7, 600]),
    capacity,
    isShort: random.chance(0.3),
    isBunched: random.chance(0.6),
    stall: random.chance(0.2)
      ? {
        at: random.int(0, SPAN),
        time: random.int(10, longest),
        of: side(),
      }
      : undefined,
    cut: isCut
      ? {
        bytes: random.int(1, random.pick([300, 3_000, 60_000])),
        isReset: random.chance(0.5),
        of: side(),
      }
      : undefined,
  };
}

function makeLimits(random: Random, theme: Theme): Partial<WireLimits> {
  if (theme === "streams" && random.chance(0.8)) {
    return {
      window: random.pick([2_000, 5_000, 20_000]),
      streams: random.pick([2, 5, 20]),
      streamWindow: random.pick([1_500, 5_000]),
    };
  }
  if (theme === "credit" && random.chance(0.8)) {
    return { window: random.pick([100, 2_000, 20_000]), values: 1_000 };
  }
  if (random.chance(theme === "results" ? 0.8 : 0.4)) return {};
  const limits: Partial<WireLimits> = {};
  const set = (name: keyof WireLimits, values: readonly number[]) => {
    if (random.chance(0.5)) limits[name] = random.pick(values);
  };
  set("frame", [1_024, 2_000, 4_096]);
  set("message", [4_096, 20_000, 1_000_000]);
  set("window", [1, 100, 5_000, 100_000]);
  set("calls", [1, 2, 10]);
  set("pieces", [1, 2]);
  set("streams", [1, 2, 5]);
  set("streamWindow", [1, 200, 5_000]);
  set("objects", [1, 3, 100]);
  set("cancels", [1, 5]);
  set("values", [1, 30, 1_000]);
  set("nesting", [1, 3]);
  set("bigint", [1, 16]);
  set("sendPause", [1, 1_000, 50_000]);
  set("sendEnd", [1, 20_000]);
  set("sendMost", [1, 3_000, 100_000]);
  return limits;
}

function makeOperation(
  random: Random,
  serial: number,
  isKept: boolean,
  { capacity }: LinkPlan,
  theme: Theme,
): Operation {
  // Many items of many words each take long, and show nothing more.
  const count = random.int(
    0,
    random.pick(theme === "words" ? [2] : [2, 5, 30]),
  );
  const kind = random.pick(THEMES[theme]);
  const isSingle = count < 3 && capacity > 4_096;
  const size = random.int(
    0,
    random.pick([20, 300, 3_000, 40_000, isSingle ? 700_000 : 40_000]),
  );
  // What is large leaves for a while, in which it may be given up.
  const isLarge = size > 1_000;
  const givenUp = () =>
    random.chance(isLarge ? 0.3 : 0.2)
      ? random.int(1, random.pick(isLarge ? [5, 50, 400] : [400]))
      : 0;
  return {
    kind: isKept && OF_WIRES.includes(kind) ? "echo" : kind,
    by: isKept ? 0 : random.pick([0, 1] as const),
    serial,
    at: random.chance(0.4) ? 0 : random.int(0, random.pick([5, 100, SPAN])),
    count,
    size,
    take: random.chance(0.6) ? count + 1 : random.int(0, count),
    time: random.chance(0.5)
      ? 0
      : theme === "results"
      ? random.int(0, 9_000)
      : random.int(0, random.pick([300, 300, 300, 20_000])),
    deadline: givenUp(),
    abort: givenUp(),
    isIdempotent: random.chance(0.4),
  };
}
