/**
 * Draws what a page can show: a bar for each contestant, or for each of many
 * ratios.
 *
 * @module
 */

import { number } from "./_table.ts";

/** A bar. */
export interface Bar {
  /** What it stands for. */
  readonly name: string;
  /** How long it is. */
  readonly value: number;
}

const WIDTH = 720;
const LINE = 26;
const THICKNESS = 16;
const TOP = 52;
const LEFT = 150;
/** Room for the number behind the longest bar. */
const RIGHT = 90;

/** Readable on light and on dark pages, whose choice the viewer tells. */
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; }
    .note { font-size: 11px; fill: #57606a; }
    .name { text-anchor: end; }
    .bar { fill: #8c959f; }
    .wire { fill: #0969da; }
    .axis { stroke: #8c959f; stroke-width: 1; }
    .small { font-size: 10.5px; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .note { fill: #9198a1; }
      .bar { fill: #6e7681; }
      .wire { fill: #4493f8; }
    }`;

/**
 * Draws bars, the longest first.
 *
 * @param title What they show.
 * @param note How it was measured.
 * @param bars At least one.
 * @returns The text of an SVG file.
 */
export function chart(
  title: string,
  note: string,
  bars: readonly Bar[],
): string {
  const sorted = bars.toSorted((a, b) => b.value - a.value);
  const scale = (WIDTH - LEFT - RIGHT) / sorted[0]!.value;
  const height = TOP + sorted.length * LINE + 8;
  const lines = sorted.map(({ name, value }, index) => {
    const y = TOP + index * LINE;
    const length = Math.max(1, value * scale);
    const kind = name === "wire" ? "bar wire" : "bar";
    const text = y + THICKNESS - 3;
    return `
  <text class="name" x="${LEFT - 8}" y="${text}">${escape(name)}</text>
  <rect class="${kind}" x="${LEFT}" y="${y}" width="${
      length.toFixed(1)
    }" height="${THICKNESS}" rx="2"/>
  <text x="${(LEFT + length + 6).toFixed(1)}" y="${text}">${
      number(value)
    }</text>`;
  });
  return drawing(title, note, height, lines);
}

/** How far a ratio may be from 1, either way, to be drawn to its end. */
const MOST = 8;
const ROW = 14;
/** Room for a letter of a name, and most for names. */
const LETTER = 5.4;
const MOST_FOR_NAMES = 440;

/**
 * Draws ratios on a logarithmic scale, the greatest first: to the right of 1
 * where the wire is ahead, or a target is met, to the left where it is not.
 *
 * @param title What they show.
 * @param note How they were measured.
 * @param bars At least one.
 * @returns The text of an SVG file.
 */
export function ratios(
  title: string,
  note: string,
  bars: readonly Bar[],
): string {
  const sorted = bars.toSorted((a, b) => b.value - a.value);
  const longest = Math.max(...bars.map(({ name }) => name.length));
  const left = Math.min(MOST_FOR_NAMES, Math.ceil(longest * LETTER) + 16);
  const half = (WIDTH - left - RIGHT) / 2;
  const one = left + half;
  const at = (ratio: number) =>
    one + half * Math.max(-1, Math.min(1, Math.log(ratio) / Math.log(MOST)));
  const bottom = TOP + 14 + sorted.length * ROW;
  const ticks = [1 / 4, 1 / 2, 1, 2, 4].map((ratio) => `
  <text class="note" text-anchor="middle" x="${at(ratio).toFixed(1)}" y="${
    TOP + 6
  }">${number(ratio, ratio < 1 ? 2 : 0)}</text>
  <line class="axis" stroke-opacity="${ratio === 1 ? 1 : 0.3}" x1="${
    at(ratio).toFixed(1)
  }" x2="${at(ratio).toFixed(1)}" y1="${TOP + 10}" y2="${bottom}"/>`);
  const lines = sorted.map(({ name, value }, index) => {
    const y = TOP + 14 + index * ROW;
    const end = at(value);
    const kind = value >= 1 ? "bar wire" : "bar";
    const place = value >= 1 ? end + 4 : Math.max(end, one) + 4;
    return `
  <text class="name small" x="${left - 8}" y="${y + ROW - 4}">${
      escape(name)
    }</text>
  <rect class="${kind}" x="${Math.min(one, end).toFixed(1)}" y="${
      y + 2
    }" width="${Math.max(1, Math.abs(end - one)).toFixed(1)}" height="${
      ROW - 4
    }" rx="2"/>
  <text class="small" x="${place.toFixed(1)}" y="${y + ROW - 4}">${
      number(value, 2)
    }</text>`;
  });
  return drawing(title, note, bottom + 8, [...ticks, ...lines]);
}

/** An SVG file with a title, a note, and so many pixels of height. */
function drawing(
  title: string,
  note: string,
  height: number,
  parts: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
  <style>${STYLE}
  </style>
  <text class="title" x="8" y="20">${escape(title)}</text>
  <text class="note" x="8" y="38">${escape(note)}</text>${parts.join("")}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
