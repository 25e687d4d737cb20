/**
 * Resolves when all has happened in this isolate that waits for nothing from outside: messages between
 * actors of main pools and over the links of a test cluster have arrived and run, and what they started
 * in turn. It does not wait for sockets, files, workers, or timers, which a `ManualClock` advances.
 *
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 * import { settled, startTestHost } from "@dramatis/dramatis/testing";
 *
 * @actor(import.meta)
 * class Failing extends Actor {
 *   fail(): void {
 *     throw new RangeError("no");
 *   }
 * }
 *
 * await using test = await startTestHost();
 * const failing = await test.host.createActor(Failing, []);
 * failing.fail.tell();
 * await settled();
 * console.log(test.deadLetters.length); // 1
 * ```
 */
export async function settled(): Promise<void> {
  // Microtasks come before either; a busy pool hands the event loop back once before it goes on.
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
