/**
 * For people who test their actors: a host without threads, whose dead letters can be looked at.
 *
 * @module
 */
import type { DeadLetter } from "./actor/dead_letter.ts";
import { type Host, startHost } from "./host/host.ts";

/** A host for one test. */
export interface TestHost extends AsyncDisposable {
  /** Has its main pool alone: actors run in the test's own isolate, where a debugger sees them. */
  readonly host: Host;
  /** Every message so far that nobody waited for and that failed. */
  readonly deadLetters: readonly DeadLetter[];
}

/**
 * Starts a host for a test. Messages are copied and queued as everywhere.
 *
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 * import { startTestHost } from "@dramatis/dramatis/testing";
 *
 * @actor(import.meta)
 * class Greeter extends Actor {
 *   greet(name: string): string {
 *     return `hello, ${name}`;
 *   }
 * }
 *
 * await using test = await startTestHost();
 * const greeter = await test.host.createActor(Greeter, []);
 * console.log(await greeter.greet("you")); // hello, you
 * ```
 */
export async function startTestHost(): Promise<TestHost> {
  const deadLetters: DeadLetter[] = [];
  const host = await startHost({
    pools: [],
    onDeadLetter: (letter) => deadLetters.push(letter),
  });
  return { host, deadLetters, [Symbol.asyncDispose]: () => host.stop() };
}
