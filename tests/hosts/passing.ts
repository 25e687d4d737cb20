import type { ManualClock } from "@dramatis/dramatis/testing";

/** Lets time pass, so many milliseconds after another, until something has come of it. */
export async function passing<T>(clock: ManualClock, stepMs: number, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => void (isOver = true);
  work.then(over, over);
  while (!isOver) await clock.advance(stepMs);
  return await work;
}
