import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { Host } from "../host/host.ts";
import { startHostWith } from "../host/start_host.ts";
import type { HostOptions } from "../host/options.ts";
import { type Probe, type ProbeOptions, startProbe } from "./probe.ts";

/** How a host for a test is started. */
export interface TestHostOptions extends
  Pick<
    HostOptions,
    "modules" | "callTimeoutMs" | "heartbeatMs" | "stopTimeoutMs" | "recovery" | "onDeadLetter"
  > {
  /**
   * The pools beside the main one. Each has an isolate of its own, and with it the real time.
   * @default [], none
   */
  pools?: NonNullable<HostOptions["pools"]>;
  /**
   * What to look out for: nothing, as a call that a test holds back on purpose is slow.
   * @default false
   */
  debug?: NonNullable<HostOptions["debug"]>;
  /**
   * What `after`, `every`, `timeoutMs`, `callTimeoutMs` and heartbeats go by, for example a
   * `ManualClock`. How long `stop` waits is always real time.
   * @default the real time
   */
  clock?: Clock;
}

/** A host for one test. Disposing of it ends its probes, then stops the host. */
export interface TestHost extends AsyncDisposable {
  /** Has its main pool alone: actors run in the test's own isolate, where a debugger sees them. */
  readonly host: Host;
  /** Every message so far that nobody waited for and that failed. */
  readonly deadLetters: readonly DeadLetter[];
  /**
   * Makes an actor whose messages the test sees and answers. It lives in the main pool, and can be
   * called from anywhere.
   *
   * @throws {ActorExistsError} if the uid is taken.
   * @example
   * ```ts
   * import { Actor, actor, type ActorRef } from "@dramatis/dramatis";
   * import { startTestHost } from "@dramatis/dramatis/testing";
   *
   * interface Mailer {
   *   send(to: string): boolean;
   * }
   *
   * @actor(import.meta)
   * class Shop extends Actor {
   *   async order(mailer: ActorRef<Mailer & Actor>): Promise<string> {
   *     return await mailer.send("ann") ? "ordered" : "failed";
   *   }
   * }
   *
   * await using test = await startTestHost();
   * const shop = await test.host.createActor(Shop, []);
   * const mailer = await test.probe<Mailer>();
   * const ordered = shop.order(mailer.ref);
   * const { args, reply } = await mailer.next("send");
   * reply(true);
   * console.log(args, await ordered); // [ "ann" ] ordered
   * ```
   */
  probe<T extends object>(options?: ProbeOptions): Promise<Probe<T>>;
}

/**
 * Starts a host for a test. Messages are copied and queued as everywhere.
 *
 * @throws what `startHost` throws.
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 * import { ManualClock, startTestHost } from "@dramatis/dramatis/testing";
 *
 * @actor(import.meta)
 * class Counter extends Actor {
 *   #n = 0;
 *   add(): number {
 *     return ++this.#n;
 *   }
 * }
 *
 * const clock = new ManualClock();
 * await using test = await startTestHost({ clock });
 * const counter = await test.host.createActor(Counter, []);
 * using _timer = counter.add.every(60_000);
 * await clock.advance(3_600_000);
 * console.log(await counter.add()); // 61
 * ```
 */
export function startTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  return startProbedHost(options);
}

/** The same, with what a cluster needs. */
export async function startProbedHost(options: TestHostOptions): Promise<ProbedHost> {
  const { clock = SYSTEM_CLOCK, onDeadLetter, ...given } = options;
  const deadLetters: DeadLetter[] = [];
  const host = await startHostWith({
    pools: [],
    debug: false,
    ...given,
    onDeadLetter: (letter) => {
      deadLetters.push(letter);
      onDeadLetter?.(letter);
    },
  }, clock);
  return new ProbedHost(host, deadLetters);
}

/** A host with the probes that end with it. */
export class ProbedHost implements TestHost {
  readonly host: Host;
  readonly deadLetters: readonly DeadLetter[];
  readonly #probes: AsyncDisposable[] = [];

  constructor(host: Host, deadLetters: readonly DeadLetter[]) {
    this.host = host;
    this.deadLetters = deadLetters;
  }

  async probe<T extends object>(options?: ProbeOptions): Promise<Probe<T>> {
    const probe = await startProbe<T>(this.host, options);
    this.#probes.push(probe);
    return probe;
  }

  /** Ends them: an actor that waits for one of them would hold up its host's end. */
  async endProbes(): Promise<void> {
    for (const probe of this.#probes.splice(0)) await probe[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endProbes();
    await this.host.stop();
  }
}
