/**
 * What functions and wires do: histograms, and flow control.
 *
 * @module
 */

import type { Flow, FunctionState, Way, WireState } from "../_inspection.ts";
import {
  arrowOf,
  bytes,
  count,
  counted,
  duration,
  make,
  part,
  write,
} from "./dom.ts";
import type { Filter } from "./filter.ts";
import type { Model } from "./model.ts";

/** Buckets in each tenfold of a latency, and where the first begins. */
const FINE = 12;
const LEAST = 0.01;
const SVG = "http://www.w3.org/2000/svg";
/** So high is a histogram. */
const HEIGHT = 30;

/** Shows the functions, those that are called most first. */
export function showFunctions(model: Model, filter: Filter): void {
  const all = [...model.functions.values()];
  const shown = all.filter((each) => filter.wantsFunction(each))
    .sort((one, other) => other.count - one.count);
  const places = shown.flatMap(({ buckets }) =>
    [buckets.findIndex(Boolean), buckets.findLastIndex(Boolean)]
      .filter((place) => place >= 0)
  );
  const first = Math.max(0, Math.min(...places) - 1);
  const last = Math.max(first + FINE, Math.max(...places) + 1);
  const hasScale = places.length > 0;
  const at = (place: number) =>
    hasScale ? duration(LEAST * 10 ** (place / FINE)) : "";
  write(part("#least-latency"), at(first));
  write(part("#most-latency"), at(last + 1));
  part("#functions ol").replaceChildren(
    ...shown.map((each) => functionRow(each, first, last)),
  );
  const isFiltered = filter.isActive && all.length > 0;
  write(
    part("#functions .empty"),
    shown.length > 0
      ? ""
      : isFiltered
      ? "The filter leaves no functions."
      : "No function has answered yet.",
  );
}

function functionRow(
  state: FunctionState,
  first: number,
  last: number,
): HTMLLIElement {
  const { name, way, count: calls, errors, quantiles, most } = state;
  const times = [...quantiles, most].map((time, index) => {
    const cell = make("span", "figure", duration(time));
    cell.title = `${["p50", "p90", "p99", "the most"][index]} of ${name}`;
    return cell;
  });
  const title = make("span", "function", arrowOf(way), " ", name);
  title.title = name;
  return make(
    "li",
    `row ${way}`,
    title,
    make("span", "figure", count(calls)),
    make("span", errors > 0 ? "figure bad" : "figure", count(errors)),
    ...times,
    histogram(state, first, last),
  );
}

function histogram(
  { buckets, name }: FunctionState,
  first: number,
  last: number,
): Element {
  const svg = document.createElementNS(SVG, "svg");
  const width = last - first + 1;
  const highest = Math.max(...buckets);
  svg.setAttribute("class", "histogram");
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Latencies of ${name}`);
  for (let place = first; place <= last; place++) {
    const number = buckets[place] ?? 0;
    if (number === 0) continue;
    const height = Math.max(1.5, HEIGHT * number / highest);
    const bar = document.createElementNS(SVG, "rect");
    const sizes = {
      x: place - first + 0.06,
      y: HEIGHT - height,
      width: 0.88,
      height,
    };
    for (const [key, value] of Object.entries(sizes)) {
      bar.setAttribute(key, String(value));
    }
    const title = document.createElementNS(SVG, "title");
    const [from, to] = [place, place + 1]
      .map((each) => duration(LEAST * 10 ** (each / FINE)));
    title.textContent = `${from} to ${to}: ${counted(number, "call")}`;
    bar.append(title);
    svg.append(bar);
  }
  return svg;
}

/** Shows the wires, the newest first. */
export function showWires(model: Model, filter: Filter): void {
  const shown = [...model.wires.values()]
    .filter(({ wire }) => filter.wantsWire(wire))
    .sort((one, other) =>
      Number(one.closed !== undefined) - Number(other.closed !== undefined) ||
      other.wire - one.wire
    );
  part("#wires ol").replaceChildren(
    ...shown.map((state) => wireCard(state, model.time)),
  );
  write(
    part("#wires .empty"),
    shown.length === 0 ? "No wire has come yet." : "",
  );
}

function wireCard(state: WireState, now: number): HTMLLIElement {
  const { wire, peer, opened, closed, why, open } = state;
  const isOpen = closed === undefined;
  const age = duration(Math.max(0, (closed ?? now) - opened));
  const title = make(
    "h3",
    "",
    make("span", "", `Wire ${wire} `, make("span", "time", `from ${peer}`)),
    make(
      "span",
      isOpen ? "open-wire" : "",
      isOpen ? `open for ${age}` : `closed after ${age}`,
    ),
  );
  const facts = make(
    "p",
    "facts",
    [
      counted(state.calls, "call"),
      counted(state.errors, "error"),
      counted(state.messages, "message"),
    ].join(", "),
    make("br"),
    `${bytes(state.bytes["to-server"])} to the server, ${
      bytes(state.bytes["to-client"])
    } to the client`,
  );
  const card = make("li", `wire ${isOpen ? "open" : "closed"}`, title, facts);
  if (why !== undefined) card.append(make("p", "left", why));
  if (!isOpen) return card;
  const flow = make("div", "flow");
  for (const way of ["to-server", "to-client"] as const) {
    flow.append(...flowLines(way, state.flow[way]));
  }
  card.append(make("h3", "", "Under way"), flow);
  if (open > 0) card.append(...streamLines(state));
  return card;
}

/** What is under way in one direction, of what may be. */
function flowLines(way: Way, flow: Flow): Node[] {
  const { window, pending } = flow;
  const lines = [
    [counted(pending, "call"), flow.calls],
    ["one-way calls", flow.sends],
    ["messages", flow.messages],
  ] as const;
  return lines.flatMap(([what, used]) => {
    const isFull = window !== undefined && used >= window;
    const of = window === undefined ? "" : ` of ${bytes(window)}`;
    const text = `${bytes(used)}${of}${isFull ? ", waits" : ""}`;
    const meter = make("span", `meter ${way}`, make("i"));
    const part = window === undefined ? 0 : Math.min(1, used / window);
    meter.style.setProperty("--part", part.toFixed(4));
    return [
      arrowOf(way),
      make("span", "", what),
      meter,
      make("span", isFull ? "figure waits" : "figure", text),
    ];
  });
}

function streamLines({ streams, open }: WireState): Node[] {
  const lines = make("div", "flow");
  for (const { way, id, items, bytes: size, credit } of streams) {
    const isWaiting = credit !== undefined && credit <= 0;
    lines.append(
      arrowOf(way),
      make("span", "", `stream ${id}`),
      make("span", "", `${counted(items, "item")}, ${bytes(size)}`),
      make(
        "span",
        isWaiting ? "figure waits" : "figure",
        credit === undefined
          ? ""
          : isWaiting
          ? "waits for credit"
          : `credit ${bytes(credit)}`,
      ),
    );
  }
  const rest = open - streams.length;
  const title = make("h3", "", counted(open, "stream"));
  if (rest <= 0) return [title, lines];
  return [title, lines, make("p", "facts", `and ${count(rest)} more`)];
}
