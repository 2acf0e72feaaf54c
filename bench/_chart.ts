/**
 * Draws what a README can show: a bar for each contestant.
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
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
  <style>${STYLE}
  </style>
  <text class="title" x="8" y="20">${escape(title)}</text>
  <text class="note" x="8" y="38">${escape(note)}</text>${lines.join("")}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
