/** Deadlines that are to pass in the middle of something, which takes longer to reach on a busy machine. */
import assert from "node:assert/strict";
import { CallTimeoutError } from "@dramatis/dramatis";

/** The time of the first attempt, in milliseconds. */
const FIRST_MS = 50;

/** An attempt that fails with so much has another reason. */
const LAST_MS = 60_000;

/**
 * Makes attempts with more and more time, until one had enough of it for what comes before the deadline.
 *
 * @param attempt Resolves with whether it had.
 */
export async function withEnoughTime(
  attempt: (timeoutMs: number) => Promise<boolean>,
): Promise<void> {
  for (let timeoutMs = FIRST_MS; !await attempt(timeoutMs); timeoutMs *= 2) {
    assert(timeoutMs < LAST_MS, `${timeoutMs} ms are not enough`);
  }
}

/** Whether a call is answered before its time is over. Rejects with any other error. */
export async function inTime(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof CallTimeoutError) return false;
    throw error;
  }
}

/**
 * Waits until a call's time is over.
 *
 * @param inside Resolves when its message is inside the actor.
 * @returns Whether it came there first.
 */
export async function endsInside(
  call: Promise<unknown>,
  inside: Promise<unknown>,
): Promise<boolean> {
  const late = assert.rejects(call, CallTimeoutError).then(() => false);
  // Where it never came inside, this ends with the host.
  const there = inside.then(() => true, () => false);
  const isInside = await Promise.race([there, late]);
  await late;
  return isInside;
}
