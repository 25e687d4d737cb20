/** The actors of the skynet. @module */
import { Actor, actor, onPool } from "@dramatis/dramatis";

/** Children of each node. */
const FAN_OUT = 10;

/** A node that is the sum of its children, or a leaf that is its number. */
@actor(import.meta)
export class Skynet extends Actor {
  /**
   * The sum of as many leaves from a number on: its children are made, asked and ended.
   *
   * @param pools The worker pools, which the children take in turns.
   */
  async sum(first: number, leaves: number, pools: number): Promise<number> {
    if (leaves === 1) return first;
    const each = leaves / FAN_OUT;
    const sums = await Promise.all(Array.from({ length: FAN_OUT }, async (_, i) => {
      const place = onPool(1 + i % pools);
      const child = await this.context.createActor(Skynet, [], { place, detached: true });
      const sum = await child.sum(first + i * each, each, pools);
      await this.context.destroyActor(child);
      return sum;
    }));
    return sums.reduce((sum, one) => sum + one);
  }
}
