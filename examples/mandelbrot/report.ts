/** Where the tiles ran, as a table. Pure: records in, text out. @module */

/** A device of a pool. */
export interface DeviceName {
  /** The host's id or address. */
  readonly host: string;
  /** The pool on that host. */
  readonly pool: string;
  /** The device as the scheduler names it. */
  readonly device: string;
}

/** One finished tile: who rendered it, and when. */
export interface TileRun extends DeviceName {
  /** When the tile was started, in milliseconds on the clock of whoever collects the records. */
  readonly startedMs: number;
  /** When its pixels were there, in milliseconds on the same clock. */
  readonly endedMs: number;
}

/** What one device of one pool has done. */
export interface DeviceRow extends DeviceName {
  /** Tiles rendered there. */
  readonly tiles: number;
  /** How long at least one tile was under way there, in milliseconds. */
  readonly busyMs: number;
}

/**
 * One row for each device of each pool, in the order in which they first appear.
 *
 * A device that has several tiles under way at once is busy for the union of their times, not for
 * the sum: a GPU with a queue would look slow otherwise.
 *
 * @param devices those that get a row first, and one too if they have no tile. @default none
 */
export function tally(
  runs: readonly TileRun[],
  devices: readonly DeviceName[] = [],
): DeviceRow[] {
  const keyOf = ({ host, pool, device }: DeviceName) => JSON.stringify([host, pool, device]);
  const names = new Map([...devices, ...runs].map((name) => [keyOf(name), name]));
  const groups = Map.groupBy(runs, keyOf);
  return [...names].map(([key, { host, pool, device }]) => {
    const group = groups.get(key) ?? [];
    return { host, pool, device, tiles: group.length, busyMs: unionMs(group) };
  });
}

function unionMs(runs: readonly TileRun[]): number {
  let busy = 0;
  let until = -Infinity;
  for (const run of runs.toSorted((a, b) => a.startedMs - b.startedMs)) {
    busy += Math.max(0, run.endedMs - Math.max(run.startedMs, until));
    until = Math.max(until, run.endedMs);
  }
  return busy;
}

/**
 * The rows as a table with a line for the whole: tiles, share of all tiles, and tiles per second
 * of the time the device was busy (for the whole: of `wallMs`).
 *
 * @param wallMs how long the picture took, in milliseconds
 * @returns lines joined by `\n`, without one at the end
 */
export function formatReport(rows: readonly DeviceRow[], wallMs: number): string {
  const total = rows.reduce((sum, row) => sum + row.tiles, 0);
  const cells = rows.map((row) => [
    row.host,
    row.pool,
    row.device,
    ...figures(row.tiles, total, row.busyMs),
  ]);
  const header = ["host", "pool", "device", "tiles", "share", "tiles/s"];
  const whole = ["all", "", "", ...figures(total, total, wallMs)];
  return formatTable([header, ...cells, whole], [
    "left",
    "left",
    "left",
    "right",
    "right",
    "right",
  ]);
}

function figures(tiles: number, total: number, ms: number): string[] {
  return [
    String(tiles),
    total > 0 ? `${(100 * tiles / total).toFixed(1)} %` : "-",
    ms > 0 ? (1000 * tiles / ms).toFixed(1) : "-",
  ];
}

/** On which side a column's text stands. */
export type Align = "left" | "right";

const GAP = "  ";

/**
 * Aligns rows of cells: the first is the header, the last the sum, both set off by a rule.
 * Columns are as wide as their widest cell as a terminal shows it.
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  align: readonly Align[],
): string {
  const clean = rows.map((row) => align.map((_, i) => printable(row[i] ?? "")));
  const widths = align.map((_, i) => Math.max(0, ...clean.map((row) => displayWidth(row[i]!))));
  const lines = clean.map((row) =>
    row.map((cell, i) => {
      const space = " ".repeat(widths[i]! - displayWidth(cell));
      return align[i] === "right" ? space + cell : cell + space;
    }).join(GAP).trimEnd()
  );
  const rule = widths.map((width) => "─".repeat(width)).join(GAP);
  const [header = "", ...body] = lines;
  const sum = body.pop();
  return [header, rule, ...body, rule, ...(sum === undefined ? [] : [sum])].join("\n");
}

/** Names come from other hosts and from drivers: no control character of theirs gets to a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").trim();
}

/** East Asian wide characters and emoji take two columns; combining marks belong to their letter. */
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const GRAPHEMES = new Intl.Segmenter();

/** How many columns a terminal needs for the text. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}
