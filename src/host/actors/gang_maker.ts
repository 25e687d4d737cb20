import type { ActorAddress, HostId } from "../../core/address.ts";
import { PlacementError } from "../../core/host_errors.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import { gangError, type GangStrategy } from "../../schedule/gang.ts";
import type { Choice, PlacementRequest } from "../../schedule/scheduler.ts";
import { type Placer, Refusals } from "./placer.ts";

/** What making gangs takes. */
export interface GangMakerOptions<M> {
  readonly self: HostId;
  readonly placer: Placer;
  /**
   * Makes a member in the pool that was chosen for it.
   *
   * @param order What the order is called.
   * @param isLast Whether it is not made a second time, if another member is refused.
   */
  make(member: M, choice: Choice, order: string, isLast: boolean): Promise<ActorAddress>;
  /** Ends one that was made, as the gang is not; resolves when it has ended. */
  undo(made: ActorAddress, order: string): Promise<void>;
  /** Asks a host how its pools are now. */
  ask(host: HostId): Promise<void>;
}

/** What is to be a member. */
export interface Wanted {
  readonly wanted: PlacementRequest;
}

/** A member on its way. */
interface Member<M> {
  readonly member: M;
  /** The pools whose hosts have refused it, as others were faster. */
  readonly refused: Refusals;
  /** What became of it at last. */
  made: ActorAddress | Error | null;
  place: PoolDescription | null;
}

/** One try to make a member. */
interface Attempt<M> {
  readonly one: Member<M>;
  readonly choice: Choice;
  readonly order: string;
  readonly outcome: ActorAddress | Error;
}

/**
 * Makes actors together. What is known of other hosts may be old: a member that its host refuses gets another
 * pool, and of a gang of which all are wanted all do, so that they lie as they should.
 */
export class GangMaker<M extends Wanted> {
  readonly #options: GangMakerOptions<M>;

  constructor(options: GangMakerOptions<M>) {
    this.#options = options;
  }

  /**
   * Makes all, or none.
   *
   * @throws {PlacementError} if one has no pool, with every reason; else what the first has failed with.
   */
  async all(members: readonly M[], strategy: GangStrategy | null): Promise<ActorAddress[]> {
    const gang = members.map(begin);
    const requests = members.map(({ wanted }) => wanted);
    // Each try excludes one pool more for one member at least.
    for (;;) {
      const chosen = this.#options.placer.chooseGang(gang, strategy, [], true);
      const failed = chosen.findIndex((one) => one instanceof PlacementError);
      if (failed >= 0) throw gangError(chosen[failed] as PlacementError, failed, requests);
      const attempts = await this.#make(gang, chosen);
      const isMade = attempts.every(({ outcome }) => !(outcome instanceof Error));
      if (isMade) return attempts.map(({ outcome }) => outcome as ActorAddress);
      await this.#undo(attempts);
      const final = attempts.find((attempt) => !this.#isRefused(attempt));
      if (final !== undefined) throw final.outcome;
      await this.#askAll(attempts);
    }
  }

  /** Makes what can be made; of the others, why not. */
  async each(
    members: readonly M[],
    strategy: GangStrategy | null,
  ): Promise<(ActorAddress | Error)[]> {
    const gang = members.map(begin);
    for (let left = gang; left.length > 0; left = left.filter(({ made }) => made === null)) {
      const placed = gang.flatMap(({ place }) => place ?? []);
      const chosen = this.#options.placer.chooseGang(left, strategy, placed, false);
      left.forEach((one, i) => {
        if (chosen[i] instanceof PlacementError) one.made = chosen[i];
      });
      const attempts = await this.#make(left, chosen);
      for (const attempt of attempts) {
        const { one, outcome, choice } = attempt;
        if (outcome instanceof Error && this.#isRefused(attempt)) continue;
        one.made = outcome;
        if (!(outcome instanceof Error)) one.place = choice.pool;
      }
      if (gang.some(({ made }) => made === null)) await this.#askAll(attempts);
    }
    return gang.map(({ made }) => made!);
  }

  /** Makes those that have a pool; resolves when it is known of each what became of it. */
  #make(gang: readonly Member<M>[], chosen: readonly (Choice | PlacementError)[]) {
    const { make, self } = this.#options;
    const isLast = chosen.every((one) => one instanceof Error || one.pool.host === self);
    return Promise.all(gang.flatMap((one, i) => {
      const choice = chosen[i]!;
      if (choice instanceof PlacementError) return [];
      const order = crypto.randomUUID();
      const made = make(one.member, choice, order, isLast).catch((error: Error) => error);
      return made.then((outcome): Attempt<M> => ({ one, choice, order, outcome }));
    }));
  }

  async #undo(attempts: readonly Attempt<M>[]): Promise<void> {
    for (const { outcome, order } of attempts) {
      if (!(outcome instanceof Error)) await this.#options.undo(outcome, order);
    }
  }

  /** What was made there and what was not is known before the next try. */
  async #askAll(attempts: readonly Attempt<M>[]): Promise<void> {
    const { self, ask } = this.#options;
    const hosts = new Set(attempts.map(({ choice }) => choice.pool.host));
    hosts.delete(self);
    await Promise.all([...hosts].map(ask));
  }

  /** Whether a try may be repeated; a pool that was free as far as was known here is not tried again. */
  #isRefused({ one, choice: { pool }, outcome }: Attempt<M>): boolean {
    if (!(outcome instanceof Error)) return true;
    if (!(outcome instanceof PlacementError) || pool.host === this.#options.self) return false;
    one.refused.add(pool, outcome);
    return true;
  }
}

function begin<M>(member: M): Member<M> {
  return { member, refused: new Refusals(), made: null, place: null };
}
