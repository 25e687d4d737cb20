/** How long a kernel may take before it is one that does not end. */
import { MAX_TIMER_MS } from "../src/core/clock.ts";

/** What a kernel may take beyond its prediction, in milliseconds, unless a pool says otherwise. */
export const DEFAULT_HANG_MS = 2000;

/** A kernel that is not known yet is given the time of one that takes this long, in milliseconds. */
const UNKNOWN_MS = 2000;

/** Predictions are off by some factor when a machine is busy. */
const TOLERANCE = 4;

/** Milliseconds after which work must have ended. */
export function allowedMs(predictedMs: number | undefined, hangMs: number): number {
  return Math.min(TOLERANCE * (predictedMs ?? UNKNOWN_MS) + hangMs, MAX_TIMER_MS);
}
