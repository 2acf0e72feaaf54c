/**
 * One message, or one call with its messages, in full.
 *
 * @module
 */

import type { MessageRow, ValueNode } from "../_inspection.ts";
import {
  bytes,
  clock,
  count,
  counted,
  duration,
  make,
  part,
  write,
} from "./dom.ts";
import type { Call, Model } from "./model.ts";

/** So many messages of a call show at first. */
const MOST_PARTS = 12;
/** Parts of values that are so deep are closed at first. */
const DEPTH = 3;

/** Asks what a message holds. */
export type Ask = (
  number: number,
) => Promise<readonly ValueNode[] | undefined>;

/** The pane that shows it. */
export class Detail {
  readonly #model: Model;
  readonly #ask: Ask;
  #numbers: readonly number[] = [];
  /** How many of these show. */
  #shown = 0;

  /**
   * @param model Where messages are.
   * @param ask Asks what one holds.
   */
  constructor(model: Model, ask: Ask) {
    this.#model = model;
    this.#ask = ask;
  }

  /** Shows a call, or a message. */
  show(what: Call | MessageRow): void {
    const isCall = "messages" in what;
    this.#numbers = isCall ? what.messages : [what.number];
    this.#shown = 0;
    part("#detail h2").textContent = isCall
      ? what.text
      : `${what.kind}${what.name === undefined ? "" : ` ${what.name}`}`;
    part("#parts").replaceChildren();
    part("#parts").scrollTop = 0;
    part("#detail").hidden = false;
    this.update();
  }

  /** Shows what has come since. */
  update(): void {
    const list = part("#parts");
    const last = Math.min(this.#numbers.length, MOST_PARTS);
    for (; this.#shown < last; this.#shown++) {
      const number = this.#numbers[this.#shown]!;
      const row = this.#model.messages.find((each) => each.number === number);
      const place = make("div", "part");
      list.append(place);
      this.#ask(number).then((nodes) => fillPart(place, row, nodes));
    }
    const rest = this.#numbers.length - last;
    if (rest === 0) return;
    const note = list.querySelector(":scope > .left") ?? make("p", "left");
    write(note, `${counted(rest, "further message")} of it: see Messages.`);
    list.append(note);
  }

  /** Shows nothing. */
  close(): void {
    this.#numbers = [];
    this.#shown = 0;
    part("#detail").hidden = true;
  }
}

/** A message with all that it holds. */
function fillPart(
  element: HTMLElement,
  row: MessageRow | undefined,
  nodes: readonly ValueNode[] | undefined,
): void {
  if (row !== undefined) {
    const { kind, way, time, size, wire, latency, credit, id } = row;
    const where = way === "to-server" ? "to the server" : "to the client";
    element.append(
      make("h3", `arrow ${way}`, `${kind} ${where}`),
      make(
        "p",
        "facts",
        [
          clock(time),
          `wire ${wire}`,
          bytes(size),
          ...id === undefined ? [] : [`number ${id}`],
          ...latency === undefined ? [] : [`took ${duration(latency)}`],
          ...credit === undefined ? [] : [`credit ${count(credit)}`],
        ].join(", "),
      ),
    );
  }
  element.append(
    nodes === undefined
      ? make("p", "left", "What it holds is forgotten: too much came since.")
      : nodes.length === 0
      ? make("p", "facts", "It holds nothing.")
      : tree(nodes, 0),
  );
}

function tree(nodes: readonly ValueNode[], depth: number): HTMLElement {
  const list = make("ul", "tree");
  for (const node of nodes) list.append(treeItem(node, depth));
  return list;
}

function treeItem(node: ValueNode, depth: number): HTMLElement {
  const { label, text, type, items, hex, left } = node;
  const quoted = type === "text" ? JSON.stringify(text) : text;
  const head = [
    make("span", "label", label),
    ": ",
    make("span", `value ${type}`, quoted),
  ];
  const rest = left === undefined ? [] : [
    make("span", "left", ` … ${count(left)} more`),
  ];
  const isHolder = items !== undefined && items.length > 0;
  if (!isHolder && hex === undefined) {
    return make("li", "leaf", ...head, ...rest);
  }
  const details = make("details", "", make("summary", "", ...head, ...rest));
  details.open = depth < DEPTH;
  // What is closed is made when it is opened: values may be large.
  let isMade = false;
  const fill = () => {
    if (isMade) return;
    isMade = true;
    details.append(
      isHolder ? tree(items, depth + 1) : make("pre", "", hex ?? ""),
    );
  };
  if (details.open) fill();
  details.addEventListener("toggle", fill);
  return make("li", "", details);
}
