/** The actors that are measured. @module */
import { Actor, actor, type ActorRef } from "@dramatis/dramatis";
import { inFlight, latencies, quantile, rate } from "./harness.ts";

/** Answers. */
@actor(import.meta)
export class Adder extends Actor {
  #sum = 0;

  /** The smallest useful call. */
  add(k: number): number {
    return this.#sum += k;
  }
}

/** Calls another actor from where it lives, so that both ends are actors. */
@actor(import.meta)
export class Driver extends Actor {
  readonly #target: ActorRef<Adder>;

  constructor(target: ActorRef<Adder>) {
    super();
    this.#target = target;
  }

  /** Calls per second, `width` under way. */
  rate(width: number, count: number): Promise<number> {
    return rate(count, () => inFlight(width, count, () => this.#target.add(1)));
  }

  /** p50 and p99 of one call at a time, in microseconds. */
  async latency(count: number): Promise<{ p50: number; p99: number }> {
    const times = await latencies(count, () => this.#target.add(1));
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  }
}
