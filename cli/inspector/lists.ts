/**
 * The lists of calls and of messages.
 *
 * @module
 */

import type { MessageRow } from "../_inspection.ts";
import { arrowOf, bytes, clock, duration, make, part, write } from "./dom.ts";
import type { Filter } from "./filter.ts";
import type { Call, Model } from "./model.ts";

/** So many rows show: the newest that are wanted. */
const MOST_ROWS = 300;
/** The shortest time line, in milliseconds. */
const LEAST_SPAN = 1;

/** What the user has chosen. */
export interface Choice {
  readonly filter: Filter;
  /** The number of the call, or the message. */
  readonly chosen: number | undefined;
  readonly choose: (what: Call | MessageRow) => void;
}

/** Rows that stay while what they show does. */
class Rows<T extends { readonly number: number }> {
  #elements = new Map<number, HTMLLIElement>();
  readonly #list: HTMLOListElement;
  readonly #make: (item: T) => HTMLLIElement;

  constructor(section: string, makeRow: (item: T) => HTMLLIElement) {
    this.#list = part(`${section} ol`);
    this.#make = makeRow;
  }

  /** Shows these, and no others. */
  show(
    items: readonly T[],
    { chosen, choose }: Choice,
    update: (row: HTMLLIElement, item: T) => void,
  ): void {
    const elements = new Map<number, HTMLLIElement>();
    let before: Element | null = null;
    for (const item of items) {
      const row = this.#elements.get(item.number) ??
        this.#row(item, choose);
      this.#elements.delete(item.number);
      elements.set(item.number, row);
      row.ariaCurrent = item.number === chosen ? "true" : null;
      update(row, item);
      // What stands where it belongs is left there, and keeps its focus.
      const next: Element | null = before === null
        ? this.#list.firstElementChild
        : before.nextElementSibling;
      if (next !== row) this.#list.insertBefore(row, next);
      before = row;
    }
    for (const row of this.#elements.values()) row.remove();
    this.#elements = elements;
  }

  #row(item: T, choose: Choice["choose"]): HTMLLIElement {
    const row = this.#make(item);
    row.tabIndex = 0;
    const act = () => choose(item as unknown as Call | MessageRow);
    row.addEventListener("click", act);
    row.addEventListener("keydown", (event) => {
      const { key } = event;
      const beside = key === "ArrowDown"
        ? row.nextElementSibling
        : key === "ArrowUp"
        ? row.previousElementSibling
        : undefined;
      if (beside === undefined && key !== "Enter") return;
      event.preventDefault();
      if (beside === undefined) act();
      else (beside as HTMLElement | null)?.focus();
    });
    return row;
  }
}

/** The calls, on a time line. */
export class CallList {
  readonly #rows = new Rows<Call>("#calls", callRow);

  /** Shows them as they are now. */
  show(model: Model, choice: Choice): void {
    const { filter } = choice;
    const found: Call[] = [];
    let to = 0;
    for (let index = model.calls.length - 1; index >= 0; index--) {
      if (found.length === MOST_ROWS) break;
      const call = model.calls[index]!;
      if (!filter.wantsCall(call)) continue;
      const end = endOf(call, model.time);
      if (end < to - filter.span) continue;
      to = Math.max(to, end);
      found.push(call);
    }
    const begins = found.map(({ begin }) => begin);
    const from = Math.max(to - filter.span, Math.min(to, ...begins));
    const length = Math.max(LEAST_SPAN, to - from);
    const shown = found.filter((call) => endOf(call, model.time) >= from);
    this.#rows.show(shown, choice, (row, call) => {
      updateCall(row, call, model.time, (time) => (time - from) / length);
    });
    const isEmpty = shown.length === 0;
    write(part("#from"), isEmpty ? "" : clock(from));
    write(part("#spanned"), isEmpty ? "" : duration(length));
    write(part("#to"), isEmpty ? "" : clock(to));
    write(
      part("#calls .empty"),
      isEmpty ? emptyText(model, "calls", filter) : "",
    );
  }
}

/** Why a list is empty. */
function emptyText(model: Model, what: string, filter: Filter): string {
  if (filter.isActive && model.messages.length > 0) {
    return `The filter leaves no ${what}.`;
  }
  return model.wires.size === 0 ? "No wire has come yet." : `No ${what} yet.`;
}

/** When a call ended, or now. */
function endOf(call: Call, now: number): number {
  if (call.outcome === "one-way" && !call.hasStreams) return call.begin;
  if (call.outcome === "waiting" || call.streams > 0) {
    return Math.max(now, call.last ?? call.begin);
  }
  return Math.max(call.begin, call.end ?? 0, call.last ?? 0);
}

function callRow(call: Call): HTMLLIElement {
  const { begin, wire, way, text } = call;
  const line = make("span", "text", make("span", "", text), " ");
  line.append(make("span", "answer"));
  return make(
    "li",
    "row",
    make("span", "time", clock(begin)),
    make("span", "number", String(wire)),
    arrowOf(way),
    line,
    make("span", "figure size"),
    make("span", "figure took"),
    make("span", "track", make("i"), make("i", "tail")),
  );
}

const OUTCOMES: Readonly<Record<Call["outcome"], string>> = {
  waiting: "",
  answered: "",
  failed: "",
  cancelled: "cancelled",
  "one-way": "one way",
  lost: "never answered",
  missed: "answer not seen",
};

function updateCall(
  row: HTMLLIElement,
  call: Call,
  now: number,
  place: (time: number) => number,
): void {
  const { begin, end, outcome, latency, size, items, hasStreams } = call;
  const isBad = outcome === "failed" || outcome === "lost";
  row.className = `row ${call.way}${isBad ? " bad" : ""}${
    outcome === "waiting" ? " waiting" : ""
  }`;
  const words = [call.answerText, OUTCOMES[outcome]];
  if (hasStreams) {
    words.push(`${items} ${items === 1 ? "item" : "items"}`);
    if (call.streams > 0) words.push("streaming");
  }
  const answer = words.filter((word) => word !== "").join(", ");
  write(part(".answer", row), answer);
  part(".text", row).title = `${call.text} ${answer}`;
  write(part(".size", row), bytes(size));
  const took = latency ?? (outcome === "waiting" ? now - begin : undefined);
  write(
    part(".took", row),
    took === undefined ? "" : duration(Math.max(0, took)),
  );
  const last = endOf(call, now);
  const answered = end ?? (outcome === "waiting" ? now : begin);
  bar(part(".track i", row), place(begin), place(Math.max(begin, answered)));
  const tail = part(".tail", row);
  tail.hidden = last <= answered;
  bar(tail, place(Math.max(begin, answered)), place(last));
}

/** Puts a bar on its time line. */
function bar(element: HTMLElement, from: number, to: number): void {
  const start = Math.min(1, Math.max(0, from));
  const length = Math.max(0, Math.min(1, to) - start);
  element.style.setProperty("--from", start.toFixed(5));
  element.style.setProperty("--length", length.toFixed(5));
}

/** All messages. */
export class MessageList {
  readonly #rows = new Rows<MessageRow>("#messages", messageRow);

  /** Shows them as they are now. */
  show(model: Model, choice: Choice): void {
    const { filter } = choice;
    const shown: MessageRow[] = [];
    const newest = model.messages.at(-1)?.time ?? 0;
    for (let index = model.messages.length - 1; index >= 0; index--) {
      const message = model.messages[index]!;
      if (shown.length === MOST_ROWS) break;
      if (message.time < newest - filter.span) break;
      if (filter.wantsMessage(message)) shown.push(message);
    }
    this.#rows.show(shown, choice, () => {});
    write(
      part("#messages .empty"),
      shown.length === 0 ? emptyText(model, "messages", filter) : "",
    );
  }
}

/** Kinds of messages that tell of a failure. */
export const FAILURES: readonly string[] = [
  "throw",
  "fail",
  "abort",
  "overLimit",
  "streamError",
  "streamFail",
  "undecoded",
];

function messageRow(message: MessageRow): HTMLLIElement {
  const { time, wire, way, kind, size, text, credit, latency } = message;
  const rest = text.startsWith(kind) ? text.slice(kind.length).trim() : text;
  const notes = [
    latency === undefined ? "" : duration(latency),
    credit === undefined ? "" : `credit ${credit}`,
  ].filter((note) => note !== "").join(", ");
  const line = make("span", "text", rest, " ", make("span", "answer", notes));
  line.title = text;
  return make(
    "li",
    `row ${way}${FAILURES.includes(kind) ? " bad" : ""}`,
    make("span", "time", clock(time)),
    make("span", "number", String(wire)),
    arrowOf(way),
    make("span", "kind", kind),
    make("span", "figure", bytes(size)),
    line,
  );
}
