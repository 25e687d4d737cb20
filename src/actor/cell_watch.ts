import type { ActorAddress } from "../core/address.ts";
import { Activity } from "./activity.ts";
import { type ActorMethod, type ActorType, isRuntimeType } from "./actor_type.ts";
import { CellStats } from "./cell_stats.ts";
import type { HookName } from "./hook.ts";
import { Marks } from "./marks.ts";
import type { Message } from "./message.ts";

/** A message that has begun and not ended. */
export interface Stay {
  /** Since when it has something to do itself, by {@linkcode Activity.time}. */
  since: number;
  /** It has been reported as slow. */
  isReported: boolean;
  /** Its place in the marks. */
  readonly place: number;
}

/** Writes down what one cell does. It is on the way of every message: each method is a store or two. */
export class CellWatch {
  readonly stats: CellStats;
  readonly #activity: Activity;
  readonly #marks: Marks;
  /** The marks of the actor's first hook and first method; those of the others follow. */
  readonly #hooks: number;
  readonly #methods: number;

  constructor(activity: Activity, type: ActorType, { generation }: ActorAddress) {
    this.#activity = activity;
    this.#marks = activity.marks;
    this.stats = new CellStats(activity.clock, activity.isWatched);
    // The runtime's own actors have no generation, and are nobody's business.
    this.#hooks = isRuntimeType(type)
      ? Marks.NOTHING
      : Marks.of({ code: activity.codesOf(type), generation });
    this.#methods = this.#hooks + Activity.METHODS;
  }

  /** A message will wait for its turn. */
  wait(message: Message): void {
    message.since = this.#activity.time;
  }

  /** Code of a method begins to run; answers what ran before, for {@linkcode leave}. */
  enter(method: ActorMethod): number {
    return this.#marks.enter(this.#methods + method.index);
  }

  /** A hook begins to run. */
  enterHook(name: HookName): number {
    return this.#marks.enter(this.#hooks + Activity.hookIndex(name));
  }

  /** The code has ended, or waits. */
  leave(outer: number): void {
    this.#marks.leave(outer);
  }

  /** Code of a method waits. */
  stay(method: ActorMethod): Stay {
    const { time } = this.#activity;
    const place = this.#marks.open(this.#methods + method.index);
    return { since: time, isReported: false, place };
  }

  /** It has come to its end. */
  stayed({ place }: Stay): void {
    this.#marks.close(place);
  }
}
