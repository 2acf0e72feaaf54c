/**
 * The command `top`: what a server does, live.
 *
 * @module
 */

import { WireError } from "../mod.ts";
import { sleep, timesOf } from "./_client_commands.ts";
import type { CommandLine, Option } from "./_command_line.ts";
import {
  ADDRESS_USAGE,
  CALLING,
  connected,
  CONNECTING_USAGE,
  optionsOf,
  targetOf,
  targetText,
} from "./_connect.ts";
import { printLine, screenSize } from "./_output.ts";
import { fitted } from "./_tap_view.ts";
import { asJson, bytesText, harmlessLine } from "./_text.ts";

/** The function that gives what a server has counted. */
export const STATS_FUNCTION = "serverStats";

/** Its options. */
export const TOP_OPTIONS: readonly Option[] = [
  ...CALLING,
  "watch",
  "repeat",
  "function",
];

/** What the command does, and its options. */
export const TOP_USAGE = `usage: deno run -A cli.ts top [OPTION…] ADDRESS

Shows what a server does, again every second: wires, calls, bytes, memory, what
was refused, and how long each function takes.

No server tells that by itself. "serve --stats" does; and a program of yours
does, to those whom it lets in, when it serves the function

  serverStats: () => server.stats()

${ADDRESS_USAGE}

examples:
  top localhost:7000
  top --repeat 1 --json localhost:7000

options:
  --watch MS             show it so often: 1000
  --repeat N             show it N times; otherwise until Ctrl-C
  --function NAME        the function to call: serverStats
  --json                 a line of JSON each time, as server.stats() has it
  --deadline MS          how long an answer may take
  --metadata KEY=TEXT    goes with each call; may come several times
${CONNECTING_USAGE}

The exit code is 0 after --repeat, 1 when a call or the connection failed, 2 for
a command line that makes no sense, and 130 after Ctrl-C.`;

/** How often it is shown, in milliseconds. */
const PERIOD = 1_000;
const HOME_AND_CLEAR = "\x1b[H\x1b[J";
/** Lines above the functions. */
const HEAD = 7;

/** What came from a server, which may be anything. */
type Anything = Record<string, unknown>;

/** Shows what a server does. */
export async function top(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  line.end();
  line.only("top", TOP_OPTIONS);
  const name = line.text("function") ?? STATS_FUNCTION;
  const pause = line.time("watch") ?? PERIOD;
  const times = timesOf(line, Infinity);
  const options = optionsOf(line);
  const isScreen = Deno.stdout.isTerminal() && !line.has("json");
  await connected(line, target, async (wire) => {
    let before: View | undefined;
    for (let time = 1; time <= times; time++) {
      const stats = await wire.call(name, [], false, options).catch(unserved);
      if (line.has("json")) {
        await printLine(asJson(stats));
      } else {
        const view = new View(stats);
        const text = view.text(targetText(target), before);
        before = view;
        await printLine(isScreen ? HOME_AND_CLEAR + onScreen(text) : text);
      }
      if (time < times) await sleep(pause);
    }
  });
}

/** Says what a server has to do that tells nothing of itself. */
function unserved(error: unknown): never {
  if (!(error instanceof WireError) || error.code !== "noSuchFunction") {
    throw error;
  }
  throw new WireError(
    error.code,
    `${error.message} The command serve offers its statistics with --stats; a program serves ${STATS_FUNCTION}: () => server.stats().`,
    { cause: error },
  );
}

/** What fits on the terminal. */
function onScreen(text: string): string {
  const { columns, rows } = screenSize();
  return text.split("\n").slice(0, rows - 1)
    .map((line) => fitted(line, columns)).join("\n");
}

/** One look at a server. */
class View {
  readonly #stats: Anything;
  readonly #sums: Anything;
  readonly #functions: readonly Anything[];

  /** @param stats What the server told. */
  constructor(stats: unknown) {
    this.#stats = object(stats);
    this.#sums = object(this.#stats.sums);
    const { functions } = this.#stats;
    this.#functions = Array.isArray(functions) ? functions.map(object) : [];
    if (this.#stats.sums === undefined) {
      throw new Error(
        "The function answers something else than server.stats() gives.",
      );
    }
  }

  /**
   * The whole text.
   *
   * @param where Where the server is.
   * @param before The look before, for what is told by the second.
   */
  text(where: string, before: View | undefined): string {
    const stats = this.#stats;
    const wires = object(stats.wires);
    const sums = this.#sums;
    const perSecond = (name: string) => this.#perSecond(before, name);
    const lines = [
      `${where}   up ${duration(number(stats.uptime))}`,
      `wires    ${number(wires.now)} open, ${number(wires.ever)} ever, ${
        number(wires.newcomers)
      } newcomers`,
      `calls    ${perSecond("callsServed").toFixed(0)}/s, ${
        number(sums.callsServed)
      } in all, ${number(sums.callsRunning)} running`,
      `bytes    ${bytesText(perSecond("bytesReceived"))}/s in, ${
        bytesText(perSecond("bytesSent"))
      }/s out, ${bytesText(number(sums.bytesReceived))} and ${
        bytesText(number(sums.bytesSent))
      } in all`,
      `queues   ${bytesText(number(sums.outputWaiting))} of output, ${
        bytesText(number(sums.memoryHeld))
      } of input, ${number(sums.inbox)} messages, ${
        number(sums.streamsSending) + number(sums.streamsReceiving)
      } streams`,
      `trouble  ${this.#trouble()}`,
    ];
    if (this.#functions.length > 0) {
      lines.push("", ...this.#table(before));
    }
    return lines.join("\n");
  }

  #trouble(): string {
    const { refused, ended, limits, callsRefused } = this.#stats;
    const parts = [
      counts("refused", refused),
      number(callsRefused) > 0 ? `calls refused ${number(callsRefused)}` : "",
      counts("ended", ended),
      counts("limits", limits),
    ].filter((part) => part !== "");
    return parts.length === 0 ? "none" : parts.join("; ");
  }

  #table(before: View | undefined): string[] {
    const rows = this.#functions.map((each) => {
      const { name, calls, errors, running } = each;
      const latency = object(each.latency);
      const earlier = before === undefined
        ? undefined
        : before.#functions.find((one) => one.name === name);
      const rate = this.#rate(
        before,
        number(calls) - number(earlier?.calls),
      );
      return [
        harmlessLine(String(name)),
        rate.toFixed(0),
        String(number(calls)),
        String(number(errors)),
        String(number(running)),
        ...["p50", "p90", "p99", "max"].map((key) =>
          milliseconds(number(latency[key]))
        ),
      ];
    }).sort((a, b) =>
      Number(b[1]) - Number(a[1]) || Number(b[2]) - Number(a[2])
    );
    const titles = [
      ...["function", "calls/s", "calls", "errors", "running"],
      ...["p50 ms", "p90 ms", "p99 ms", "max ms"],
    ];
    const rowsShown = Deno.stdout.isTerminal()
      ? rows.slice(0, Math.max(1, screenSize().rows - HEAD - 2))
      : rows;
    const all = [titles, ...rowsShown];
    const widths = titles.map((_, at) =>
      Math.max(...all.map((row) => Math.min(row[at]!.length, MOST_WIDTH)))
    );
    return all.map((row) =>
      row.map((cell, at) =>
        at === 0
          ? cell.slice(0, MOST_WIDTH).padEnd(widths[at]!)
          : cell.padStart(widths[at]!)
      ).join("  ")
    );
  }

  #perSecond(before: View | undefined, name: string): number {
    const earlier = before === undefined ? 0 : number(before.#sums[name]);
    return this.#rate(before, number(this.#sums[name]) - earlier);
  }

  /** So many since the look before; since the server began at first. */
  #rate(before: View | undefined, more: number): number {
    const earlier = before === undefined ? 0 : number(before.#stats.uptime);
    const time = number(this.#stats.uptime) - earlier;
    return time > 0 ? Math.max(0, more) / time * 1000 : 0;
  }
}

/** A time in a column of seven, however long or short it is. */
function milliseconds(time: number): string {
  return time < 100 ? time.toFixed(3) : time.toFixed(0);
}

/** The widest name of a function. */
const MOST_WIDTH = 32;

function object(value: unknown): Anything {
  return typeof value === "object" && value !== null ? value as Anything : {};
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function counts(title: string, value: unknown): string {
  const parts = Object.entries(object(value)).slice(0, 8)
    .map(([name, count]) => `${harmlessLine(name)} ${number(count)}`);
  return parts.length === 0 ? "" : `${title}: ${parts.join(", ")}`;
}

function duration(time: number): string {
  const seconds = Math.floor(time / 1000);
  const [hours, minutes] = [seconds / 3600, seconds / 60 % 60].map(Math.floor);
  return hours! > 0
    ? `${hours} h ${minutes} min`
    : minutes! > 0
    ? `${minutes} min ${seconds % 60} s`
    : `${seconds} s`;
}
