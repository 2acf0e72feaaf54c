/**
 * Which calls and messages the user wants to see.
 *
 * @module
 */

import type { FunctionState, MessageRow } from "../_inspection.ts";
import { part } from "./dom.ts";
import { FAILURES } from "./lists.ts";
import type { Call } from "./model.ts";

/** Kinds that belong to calls. */
const OF_CALLS: readonly string[] = [
  "call",
  "send",
  "return",
  "returnValues",
  "throw",
  "fail",
  "cancel",
];

/** What the fields of the form say. */
export class Filter {
  /** Whether anything is left out. */
  readonly isActive: boolean;
  /** So many milliseconds show, before the newest. */
  readonly span: number;
  readonly #name: RegExp | undefined;
  readonly #kind: string;
  readonly #way: string;
  readonly #wire: string;

  /** Reads the form. */
  constructor() {
    const value = (id: string) => part<HTMLInputElement>(`#${id}`).value;
    const name = value("name").trim();
    this.#name = name === "" ? undefined : pattern(name);
    this.#kind = value("kind");
    this.#way = value("way");
    this.#wire = value("wire");
    this.span = Number(value("span")) || Infinity;
    this.isActive = [name, this.#kind, this.#way, this.#wire]
      .some((text) => text !== "");
  }

  /** Whether a message is wanted. */
  wantsMessage({ name, kind, way, wire }: MessageRow): boolean {
    return this.#isPlaced(way, wire) && this.#isNamed(name) &&
      this.#isKind((wanted) => {
        if (wanted === "+calls") return OF_CALLS.includes(kind);
        if (wanted === "+streams") return kind.startsWith("stream");
        if (wanted === "+failures") return FAILURES.includes(kind);
        return kind === wanted;
      });
  }

  /** Whether a call is wanted: by its own kind, or that of its answer. */
  wantsCall({ name, way, wire, outcome, hasStreams }: Call): boolean {
    return this.#isPlaced(way, wire) && this.#isNamed(name) &&
      this.#isKind((wanted) => {
        const isBad = outcome === "failed" || outcome === "lost";
        if (wanted === "+streams" || wanted.startsWith("stream")) {
          return hasStreams;
        }
        if (["+failures", "throw", "fail"].includes(wanted)) return isBad;
        if (wanted === "send") return outcome === "one-way";
        if (wanted === "cancel") return outcome === "cancelled";
        if (wanted.startsWith("return")) return outcome === "answered";
        if (wanted === "call") return outcome !== "one-way";
        return wanted === "+calls";
      });
  }

  /** Whether a function is wanted. */
  wantsFunction({ name, way, errors }: FunctionState): boolean {
    return (this.#way === "" || this.#way === way) && this.#isNamed(name) &&
      (this.#kind !== "+failures" || errors > 0);
  }

  /** Whether a wire is wanted. */
  wantsWire(wire: number): boolean {
    return this.#wire === "" || this.#wire === String(wire);
  }

  #isPlaced(way: string, wire: number): boolean {
    return (this.#way === "" || this.#way === way) && this.wantsWire(wire);
  }

  #isNamed(name: string | undefined): boolean {
    return this.#name === undefined ||
      name !== undefined && this.#name.test(name);
  }

  #isKind(fits: (wanted: string) => boolean): boolean {
    return this.#kind === "" || fits(this.#kind);
  }
}

/** What a name has to have in it, where `*` is any text. */
function pattern(name: string): RegExp {
  const parts = name.split("*").map((part) =>
    part.replaceAll(/[\\^$.+?()[\]{}|/]/g, "\\$&")
  );
  return new RegExp(parts.join(".*"), "sui");
}
