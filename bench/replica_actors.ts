/** What the benchmark of replicas runs. @module */
import { actor, StatelessActor } from "@dramatis/dramatis";

/** Keeps its thread busy. */
@actor(import.meta)
export class Burner extends StatelessActor {
  /** Computes for so many milliseconds; says in which pool. */
  burn(ms: number): number {
    const until = performance.now() + ms;
    while (performance.now() < until);
    return this.context.address.pool;
  }
}
