/** Whom data is kept for, and how long. */

import { type ActorAddress, type PoolAddress, samePool } from "../src/core/address.ts";
import type { ActorContext } from "../src/actor/context.ts";
import { addressOf } from "../src/actor/ref.ts";
import { isReserved } from "../src/pool/host_service.ts";

/** Who asked for data: an actor, or of code that is of none its pool. */
export type Holder = PoolAddress & Partial<Pick<ActorAddress, "uid" | "generation">>;

/** A holder whose end is waited for. */
interface Watched {
  /** The one that was last seen. */
  generation: number;
  readonly watch: Disposable;
}

/** What gives back what is kept for holders that are gone. */
export interface Leases {
  lost(isGone: (holder: Holder) => boolean): void;
  /** Whether something is kept for holders of a kind. */
  keeps(isOf: (holder: Holder) => boolean): boolean;
}

/**
 * Who calls an actor that keeps data. What an actor has asked for is given back when it ends: one that is made
 * again begins without. That of a pool or host goes with it, as all learn without asking.
 */
export class Holders {
  readonly #leases: Leases;
  readonly #context: () => ActorContext;
  /** Those whose ends are waited for: each once for all that is kept for it. */
  readonly #watched = new Map<string, Watched>();

  /** @param context Of the actor that keeps data. */
  constructor(leases: Leases, context: () => ActorContext) {
    this.#leases = leases;
    this.#context = context;
  }

  /** Whom that is kept for which the running message makes. */
  get current(): Holder {
    const { caller, sender } = this.#context();
    if (caller === null) return sender;
    const { host, pool, uid, generation } = addressOf(caller);
    // The runtime's own actors ask for others, and nobody is told of their ends.
    if (isReserved(uid)) return sender;
    if (isSame({ host, pool, uid }, this.#context().address)) {
      return { host, pool, uid, generation };
    }
    const key = `${host}/${pool}/${uid}`;
    const known = this.#watched.get(key);
    if (known?.generation === generation) return { host, pool, uid, generation };
    const isOf = (holder: Holder) => isSame(holder, { host, pool, uid });
    if (known !== undefined) {
      known.generation = generation;
      this.#leases.lost((holder) => isOf(holder) && holder.generation !== generation);
    } else {
      const watch = this.#context().watch(caller);
      const watched = { generation, watch };
      this.#watched.set(key, watched);
      void watch.then(() => {
        if (this.#watched.get(key) === watched) this.#watched.delete(key);
        this.#leases.lost(isOf);
      });
    }
    return { host, pool, uid, generation };
  }

  /** Nothing is kept for anybody: their ends are waited for no more. */
  forget(): void {
    for (const { watch } of this.#watched.values()) watch[Symbol.dispose]();
    this.#watched.clear();
  }
}

/** Whether a holder is that actor, in any generation. */
export function isSame(holder: Holder, actor: Holder): boolean {
  return samePool(holder, actor) && holder.uid === actor.uid;
}
