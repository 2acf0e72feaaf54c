/**
 * Messages of wires as lines: which are wanted, how they look, and how many
 * were left out because nobody reads so fast.
 *
 * @module
 */

import { messageText, type TappedMessage } from "../wire/codec/mod.ts";
import { OutputClosed, write } from "./_output.ts";
import { asJson, harmlessLine } from "./_text.ts";

/** Which messages are wanted; what is left out wants all. */
export interface Filter {
  /** Names of functions; `*` is any text. */
  readonly names?: readonly string[] | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly direction?: "to-server" | "to-client" | undefined;
  readonly wires?: readonly number[] | undefined;
}

/** How messages look. */
export interface Look {
  readonly filter: Filter;
  /** Whether each is a line of JSON. */
  readonly isJson: boolean;
  /** Whether there may be colors. */
  readonly hasColors: boolean;
  /** How wide the terminal is; undefined where there is none. */
  readonly columns: () => number | undefined;
}

/** Where lines go. */
export interface Lines {
  /** Whether a line would be left out. */
  readonly isFull: boolean;
  /** Whether even one of those would be that are few. */
  readonly isStuffed: boolean;
  /** Adds a line. */
  add(line: string): void;
  /** One was left out. */
  skip(): void;
}

/** So much text may wait for who reads it. */
const MOST_WAITING = 256 * 1024;
/** So many lines are made in a turn, of so many milliseconds: it takes time. */
const MOST_LINES = 1_000;
const TURN = 100;
/** What has no width has room for so many units of values. */
const WIDE = 1_000;
/** Room for what stands behind the values. */
const TAIL = 20;
/** A message has so much room in any case. */
const LEAST = 10;
/** The values of a larger message are not told as JSON. */
const MOST_JSON = 64 * 1024;
/** What comes in so many milliseconds is written together. */
const TOGETHER = 15;
/** Kinds of messages that tell of a failure. */
const FAILURES: readonly string[] = [
  "throw",
  "fail",
  "abort",
  "overLimit",
  "streamError",
  "streamFail",
  "undecoded",
];

/** Lines for the standard output: what it cannot take in time is left out. */
export class LiveLines implements Lines {
  readonly #encoder = new TextEncoder();
  readonly #onClosed: (error: unknown) => void;
  readonly #left: (count: number) => string;
  #waiting: string[] = [];
  #count = 0;
  #skipped = 0;
  #turn = -Infinity;
  #inTurn = 0;
  #writing: Promise<void> | undefined;

  /**
   * @param left Makes the line that tells how many were left out.
   * @param onClosed Told when nobody reads any more, or it cannot be written.
   */
  constructor(
    left: (count: number) => string,
    onClosed: (error: unknown) => void,
  ) {
    this.#left = left;
    this.#onClosed = onClosed;
  }

  get isStuffed(): boolean {
    return this.#count > MOST_WAITING;
  }

  get isFull(): boolean {
    if (this.isStuffed) return true;
    if (this.#inTurn < MOST_LINES) return false;
    const now = performance.now();
    if (now - this.#turn < TURN) return true;
    this.#turn = now;
    this.#inTurn = 0;
    return false;
  }

  skip(): void {
    this.#skipped++;
    // Perhaps nothing comes any more that tells of it.
    if (this.#count < Infinity) this.#writing ??= this.#write();
  }

  add(line: string): void {
    this.#tellSkipped();
    this.#inTurn++;
    this.#waiting.push(line);
    this.#count += line.length + 1;
    this.#writing ??= this.#write();
  }

  /** Resolves when all is written. */
  async flush(): Promise<void> {
    this.#tellSkipped();
    await this.#writing;
  }

  #tellSkipped(): void {
    const skipped = this.#skipped;
    if (skipped === 0) return;
    this.#skipped = 0;
    this.add(this.#left(skipped));
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0 || this.#skipped > 0) {
        const isQuiet = this.#waiting.length === 0;
        // What comes meanwhile is written together.
        const time = isQuiet ? TURN : TOGETHER;
        await new Promise((resolve) => setTimeout(resolve, time));
        if (this.#waiting.length === 0) this.#tellSkipped();
        const text = `${this.#waiting.splice(0).join("\n")}\n`;
        await write(this.#encoder.encode(text));
        this.#count -= text.length;
      }
    } catch (error) {
      // From now on everything is left out.
      this.#count = Infinity;
      this.#onClosed(error);
    }
    this.#writing = undefined;
  }
}

/** Whether an error says that nobody reads the output any more. */
export function isOutputClosed(error: unknown): boolean {
  return error instanceof OutputClosed;
}

/** Makes lines of what wires say. */
export class TapView {
  readonly #look: Look;
  readonly #lines: Lines;
  readonly #names: readonly RegExp[] | undefined;

  /**
   * @param look How they look.
   * @param lines Where they go.
   */
  constructor(look: Look, lines: Lines) {
    this.#look = look;
    this.#lines = lines;
    this.#names = namesOf(look.filter.names?.join());
  }

  /**
   * Shows a message, if it is wanted.
   *
   * @param wire The number of its wire.
   * @param message The message, as its client sees it.
   */
  message(wire: number, message: TappedMessage): void {
    if (!this.#wants(wire, message)) return;
    if (this.#lines.isFull) return this.#lines.skip();
    this.#lines.add(
      this.#look.isJson
        ? json(wire, message)
        : this.#line(wire, message, this.#look.columns()),
    );
  }

  /**
   * Shows what became of a wire.
   *
   * @param wire Its number.
   * @param event What it is.
   * @param text In words.
   * @param time When, in milliseconds since 1970.
   */
  event(wire: number, event: string, text: string, time: number): void {
    const { wires, names, kinds, direction } = this.#look.filter;
    if (wires !== undefined && !wires.includes(wire)) return;
    // Who wants some messages only wants nothing else.
    if ((names ?? kinds ?? direction) !== undefined) return;
    if (this.#lines.isStuffed) return this.#lines.skip();
    const line = `${clock(time)} ${place(wire)}   ${harmlessLine(text)}`;
    this.#lines.add(
      this.#look.isJson
        ? asJson({ time, wire, event, text })
        : this.#painted(GREY, line),
    );
  }

  #wants(wire: number, message: TappedMessage): boolean {
    const { kinds, direction, wires } = this.#look.filter;
    const { name } = message;
    return (kinds === undefined || kinds.includes(message.kind)) &&
      (direction === undefined || direction === wayOf(message)) &&
      (wires === undefined || wires.includes(wire)) &&
      (this.#names === undefined ||
        name !== undefined && this.#names.some((each) => each.test(name)));
  }

  #line(
    wire: number,
    message: TappedMessage,
    columns: number | undefined,
  ): string {
    const { direction, kind, size, time } = message;
    const arrow = direction === "sent" ? "→" : "←";
    const head = `${clock(time)} ${place(wire)} `;
    const bytes = ` ${sizeText(size).padStart(8)}  `;
    const left = columns === undefined
      ? undefined
      : columns - head.length - 1 - bytes.length;
    const hasTail = message.latency !== undefined ||
      message.credit !== undefined;
    const room = left === undefined
      ? WIDE
      : Math.max(LEAST, left - (hasTail ? TAIL : 1));
    let text = harmlessLine(messageText(message, room));
    if (left !== undefined) text = fitted(text, left);
    const color = direction === "sent" ? CYAN : GREEN;
    return this.#painted(GREY, head) + this.#painted(color, arrow) +
      this.#painted(GREY, bytes) +
      (FAILURES.includes(kind) ? this.#painted(RED, text) : text);
  }

  #painted(color: number, text: string): string {
    return this.#look.hasColors ? `\x1b[${color}m${text}\x1b[0m` : text;
  }
}

const RED = 31;
const GREEN = 32;
const CYAN = 36;
const GREY = 90;

/** Where a message goes, as words of the command line. */
function wayOf({ direction }: TappedMessage): "to-server" | "to-client" {
  return direction === "sent" ? "to-server" : "to-client";
}

function json(wire: number, message: TappedMessage): string {
  const { time, kind, size, name, id, latency, credit, fields } = message;
  const base = { time, wire, direction: wayOf(message), kind, size };
  const more = { name, id, latency, credit };
  // A list of a million numbers is no help to anybody.
  if (size > MOST_JSON) {
    return asJson({ ...base, ...more, text: messageText(message) });
  }
  return asJson({ ...base, ...more, fields });
}

/** The time of day. */
function clock(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const rest = String(date.getMilliseconds()).padStart(3, "0");
  return `${day.map(two).join(":")}.${rest}`;
}

function place(wire: number): string {
  return String(wire).padStart(3);
}

/** A size in few characters. */
function sizeText(size: number): string {
  if (size < 10_000) return `${size} B`;
  const kib = size / 1024;
  return kib < 10_000
    ? `${Math.round(kib)} KiB`
    : `${Math.round(kib / 1024)} MiB`;
}

/** Characters that take two columns of a terminal. */
const WIDE_CHARACTER =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Characters that take none. */
const NO_WIDTH = /\p{Mark}|[\u200b-\u200d\ufeff]/u;
/** A text in which every character takes one. */
const NARROW = /^[\x20-\x7e\u00a0-\u02ff…→←]*$/;

/** A text that is no wider than a terminal has room. */
export function fitted(text: string, columns: number): string {
  if (text.length <= columns && NARROW.test(text)) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) return `${kept}…`;
    // One column is left for what tells of the rest.
    if (width < columns) kept += character;
  }
  return text;
}

/** How many columns a character takes. */
function widthOf(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE_CHARACTER.test(character) ? 2 : 1;
}

/**
 * What names of functions have to match.
 *
 * @param list Names with commas between them; `*` is any text.
 */
export function namesOf(
  list: string | undefined,
): readonly RegExp[] | undefined {
  return list?.split(",").map((name) => pattern(name.trim()));
}

/** What a name has to match, where `*` is any text. */
function pattern(name: string): RegExp {
  const parts = name.split("*").map((part) =>
    part.replaceAll(/[\\^$.+?()[\]{}|/]/g, "\\$&")
  );
  return new RegExp(`^${parts.join(".*")}$`, "su");
}
