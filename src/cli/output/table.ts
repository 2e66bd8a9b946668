import { printable } from "./printable.js";

/** A table in text: columns aligned, two spaces apart, without trailing spaces. */
export const renderTable = (
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string => {
  const lines = [headings, ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_heading, column) =>
    Math.max(...lines.map((line) => [...(line[column] ?? "")].length)),
  );
  const pad = (cell: string, column: number): string =>
    cell + " ".repeat((widths[column] ?? 0) - [...cell].length);
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
};

/** Names and values, one pair a line, values aligned. */
export const renderPairs = (pairs: readonly (readonly [name: string, value: string])[]): string => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join("\n");
};
