import type { Clock } from "../core/clock.ts";
import { HOOKS } from "./actor.ts";
import type { ActorType } from "./actor_type.ts";
import type { HookName } from "./hook.ts";
import { Marks } from "./marks.ts";

/** Who wants to know what the cells of a pool do. */
export interface ActivityObserver {
  /** A message has come after a time in which nothing was looked at. */
  awake(): void;
  /** The pool has got its first actor of a type: its hooks and methods have the numbers from `first` on. */
  typed(type: ActorType, first: number, names: readonly string[]): void;
}

/** What the cells of a pool write down as they go, for whoever looks at it now and then. */
export class Activity {
  readonly marks: Marks = new Marks();
  readonly clock: Clock;
  /** Whether anyone looks. */
  readonly isWatched: boolean;
  readonly #observer: ActivityObserver | null;
  readonly #codes = new Map<ActorType, number>();
  /** 0 is no code. */
  #nextCode = 1;
  #time = 0;
  #isAwake: boolean;

  /** @param observer `null` if nobody looks. */
  constructor(clock: Clock, observer: ActivityObserver | null) {
    this.clock = clock;
    this.#observer = observer;
    this.isWatched = observer !== null;
    this.#isAwake = observer === null;
  }

  /**
   * Milliseconds as whoever looks counts them, a whole number that changes only when he looks: precise
   * enough to say what takes long, and free for the messages.
   */
  get time(): number {
    if (!this.#isAwake) {
      this.#isAwake = true;
      this.#observer!.awake();
    }
    return this.#time;
  }

  /** So many milliseconds have passed, as far as they count. */
  pass(ms: number): void {
    this.#time += Math.round(ms);
  }

  /** Nobody looks until the next message comes. */
  sleep(): void {
    this.#isAwake = false;
  }

  /** The number of a type's first hook; the methods follow in their order. */
  codesOf(type: ActorType): number {
    const known = this.#codes.get(type);
    if (known !== undefined) return known;
    // The hooks come before the methods of a type.
    const names = [...HOOKS, ...type.methods.keys()];
    const first = this.#nextCode;
    this.#codes.set(type, first);
    this.#nextCode += names.length;
    this.#observer?.typed(type, first, names);
    return first;
  }

  /** The number of a hook among those of its type. */
  static hookIndex(name: HookName): number {
    return HOOKS.indexOf(name);
  }

  /** The number of the first method among those of its type. */
  static readonly METHODS: number = HOOKS.length;
}
