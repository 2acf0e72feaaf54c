/**
 * Tables as text, in the form that Markdown takes.
 *
 * @module
 */

/**
 * Lays out a table. The first column is set left, the others right.
 *
 * @param head The heads of the columns.
 * @param rows The cells of each row, as many as there are columns.
 * @returns The lines of the table.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, column) =>
        column === 0
          ? cell.padEnd(widths[column]!)
          : cell.padStart(widths[column]!)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":"
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/**
 * A number with its digits in groups of three.
 *
 * @param value The number.
 * @param digits How many digits stand behind the point.
 * @returns The text.
 */
export function number(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
