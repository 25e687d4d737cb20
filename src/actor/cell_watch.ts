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

/** Writes down what one cell does, and which of its messages have begun. It is on the way of every message: each method is a store or two. */
export class CellWatch {
  readonly stats: CellStats;
  readonly #activity: Activity;
  readonly #marks: Marks;
  /** The marks of the actor's first hook and first method; those of the others follow. */
  readonly #hooks: number;
  readonly #methods: number;
  /** Made once a message waits: most never do. */
  #running: Map<Message, Stay> | undefined;

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

  /** Messages that have begun and not ended. */
  get running(): ReadonlyMap<Message, Stay> {
    return this.#running ?? new Map();
  }

  /** Whether there are any. */
  get isRunning(): boolean {
    return this.#running !== undefined && this.#running.size > 0;
  }

  /** Code of a message waits. */
  goesOn(message: Message, method: ActorMethod): void {
    const { time } = this.#activity;
    const place = this.#marks.open(this.#methods + method.index);
    (this.#running ??= new Map()).set(message, { since: time, isReported: false, place });
  }

  /** It has come to its end, or must not go on; `false` if that was known. */
  gone(message: Message): boolean {
    const stay = this.#running?.get(message);
    if (stay === undefined) return false;
    this.#running!.delete(message);
    this.#marks.close(stay.place);
    return true;
  }
}
