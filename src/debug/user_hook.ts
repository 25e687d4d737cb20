import { isThenable } from "../actor/batch.ts";

/**
 * Runs a function of the user's that only hears of something: what it throws, at once or later, is said on
 * standard error, and stops nothing.
 *
 * @param name Where it was given.
 */
export function runUserHook(name: string, run: () => unknown): void {
  const failed = (error: unknown) => {
    // deno-lint-ignore no-console
    console.error(`dramatis: ${name} has thrown`, error);
  };
  try {
    const result = run();
    if (isThenable(result)) void Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}
