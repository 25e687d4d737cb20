/** How a host waits for things of which some may fail, or never come to their end. */
import type { Clock } from "../core/clock.ts";
import { Pauses } from "./recovery/pauses.ts";

/** Waits for all. If one fails, the others are undone once they are over, and its error is thrown. */
export async function allOrNone<T>(
  work: readonly Promise<T>[],
  undo: (done: T) => Promise<void> = () => Promise.resolve(),
): Promise<T[]> {
  if (work.length === 1) return [await work[0]!];
  const settled = await Promise.allSettled(work);
  if (settled.some(({ status }) => status === "rejected")) {
    for (const one of settled) if (one.status === "fulfilled") await undo(one.value);
  }
  return await Promise.all(work);
}

/** Waits for all, whatever becomes of them, then throws the error of the first that has failed. */
export async function allOver(work: readonly Promise<void>[]): Promise<void> {
  if (work.length > 1) await Promise.allSettled(work);
  for (const one of work) await one;
}

/** Ends something in order, and by force if that takes longer than so many milliseconds. */
export async function endInTime(
  end: (kill: boolean) => Promise<void>,
  ms: number,
  clock: Clock,
): Promise<void> {
  const limit = new Pauses(clock);
  const late = limit.wait(ms).then(() => true);
  const isLate = await Promise.race([end(false).then(() => false), late]);
  limit.end();
  if (isLate) await end(true);
}

/** Waits, but not for ever; `false` if time is up. */
export async function withDeadline(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
