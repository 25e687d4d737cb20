/** What every benchmark shares: repeats, medians, and one line per figure. @module */
// deno-lint-ignore-file no-console

/** One figure beside its baseline, taken in the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bare primitive's figure in the same unit; `null` if there is none. */
  readonly baseline: number | null;
  /** The median of value / baseline, of each pair that was taken side by side. */
  readonly ratio: number | null;
  /** What DESIGN asks for, in words. */
  readonly goal: string;
  readonly ok: boolean;
  /** Lowest and highest repeat. */
  readonly spread: readonly [number, number];
}

/** Repeats of each measurement: the median of fewer would not be one. */
export const REPEATS = 5;

/** The q-quantile of numbers. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** The median of numbers. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Calls per second of a function that makes `count` calls. */
export async function rate(count: number, run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return count / (performance.now() - started) * 1000;
}

/** Microseconds of each of `count` runs, one at a time. */
export async function latencies(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await run();
    times.push((performance.now() - started) * 1000);
  }
  return times;
}

/** Makes `count` calls, `width` of them under way at any time. */
export async function inFlight(
  width: number,
  count: number,
  call: () => Promise<unknown>,
): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: width }, async () => {
    while (left-- > 0) await call();
  }));
}

/** Two measurements that take turns, so that a noisy minute hits both: the medians and the spread. */
export async function sideBySide(
  subject: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<{ values: number[]; baselines: number[] }> {
  const values: number[] = [];
  const baselines: number[] = [];
  await baseline();
  await subject();
  for (let i = 0; i < REPEATS; i++) {
    baselines.push(await baseline());
    await breathe();
    values.push(await subject());
    await breathe();
  }
  return { values, baselines };
}

/**
 * The same for differences that are smaller than what a noisy machine does to a long run: many short runs,
 * of which each is compared with the one next to it, and every other pair begins with the baseline.
 */
export async function pairs(
  count: number,
  subject: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<{ values: number[]; baselines: number[] }> {
  const values: number[] = [];
  const baselines: number[] = [];
  for (let i = -WARM_UP_PAIRS; i < count; i++) {
    const first = i % 2 === 0 ? await subject() : await baseline();
    await breathe();
    const second = i % 2 === 0 ? await baseline() : await subject();
    await breathe();
    if (i < 0) continue;
    values.push(i % 2 === 0 ? first : second);
    baselines.push(i % 2 === 0 ? second : first);
  }
  return { values, baselines };
}

/** Pairs that are run before: enough that both sides run optimised code. */
const WARM_UP_PAIRS = 10;

/** Lets the event loop turn: work in microtasks alone would hold back the heartbeats of links. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Gathers figures and prints each as it comes. */
export class Report {
  readonly figures: Figure[] = [];
  /** Plots as SVG, by name. */
  readonly plots = new Map<string, string>();

  /** Adds a plot. */
  plot(name: string, svg: string): void {
    this.plots.set(name, svg);
  }

  /** Adds a figure from repeats. */
  add(
    name: string,
    unit: string,
    values: readonly number[],
    baselines: readonly number[] | null,
    goal: string,
    isOk: (value: number, ratio: number) => boolean,
  ): void {
    const value = median(values);
    const baseline = baselines === null ? null : median(baselines);
    const ratio = baselines === null ? null : ratioOf(values, baselines);
    const ok = isOk(value, ratio ?? NaN);
    const spread = [Math.min(...values), Math.max(...values)] as const;
    const figure = { name, value, unit, baseline, ratio, goal, ok, spread };
    this.figures.push(figure);
    console.log(formatFigure(figure));
  }
}

/** Noise that lasts hits both of a pair: what is left is what they differ by. */
function ratioOf(values: readonly number[], baselines: readonly number[]): number {
  if (values.length !== baselines.length) return median(values) / median(baselines);
  return median(values.map((value, i) => value / baselines[i]!));
}

/** A figure as a line for people. */
export function formatFigure(
  { name, value, unit, baseline, ratio, goal, ok, spread }: Figure,
): string {
  const against = baseline === null ? "" : `  bare ${short(baseline)} (x ${ratio!.toFixed(2)})`;
  const [low, high] = spread.map(short);
  const range = `[${low}..${high}]`;
  return `${name.padEnd(38)}${short(value).padStart(8)} ${unit.padEnd(8)} ${range.padEnd(18)}${
    against.padEnd(28)
  }  ${ok ? "ok" : "MISSED"}  ${goal}`;
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
