import { printable } from "./command.ts";

/** One column of a table: its heading, which way it is aligned, and what stands in it. */
export interface Column<T> {
  readonly heading: string;
  readonly align?: "left" | "right";
  cell(row: T): string | number;
}

/** Characters of a cell; longer text is cut. */
const WIDEST = 40;

/** Rows as lines of text, the headings first. */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => shorten(printable(String(cell(row)))))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) =>
    line.map((text, i) =>
      columns[i]!.align === "right" ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)
    ).join("  ").trimEnd()
  );
}

function shorten(text: string): string {
  return text.length <= WIDEST ? text : `${text.slice(0, WIDEST - 1)}…`;
}
