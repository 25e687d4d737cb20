import type { ActorAddress } from "../core/address.ts";
import { type ActorType, isRuntimeType } from "./actor_type.ts";
import type { Cell } from "./cell.ts";
import type { ActorCounters } from "./cell_stats.ts";
import { EndedCounts } from "./ended_counts.ts";
import type { Message } from "./message.ts";
import type { SavedState } from "./state.ts";

/** What was counted and kept of an actor before it was parked. */
export interface ParkedActor {
  readonly address: ActorAddress;
  readonly type: ActorType;
  readonly counters: ActorCounters;
  readonly saved: SavedState | null;
}

/** What takes the messages of an actor that is parked, or made again. */
export interface ParkedCell
  extends Pick<Cell, "address" | "where" | "state" | "queued" | "deliver" | "deliverInside"> {
  /** `null`: it has failed, and is made again. */
  readonly actor: ParkedActor | null;
  /** Callers have given up. */
  cancel(matches: (message: Message) => boolean, reason: unknown): void;
  /** Takes out what waits, in the order in which it has come. */
  takeAll(): Message[];
  /** The actor has ended: it is not to be woken any more. */
  end(): void;
}

/** The cells of one pool, by uid. */
export class Registry {
  /** What was counted by those that were here, but for the runtime's own. */
  readonly ended: EndedCounts = new EndedCounts();
  readonly #cells = new Map<string, Cell>();
  /** Made once there is one. */
  #parked: Map<string, ParkedCell> | undefined;

  /** How many there are. */
  get size(): number {
    return this.#cells.size + (this.#parked?.size ?? 0);
  }

  get(uid: string): Cell | undefined {
    return this.#cells.get(uid);
  }

  /** Who takes the messages of an actor: its cell, or what stands for it until it has started. */
  reach(uid: string): Cell | ParkedCell | undefined {
    return this.#parked?.get(uid) ?? this.#cells.get(uid);
  }

  /** What stands for an actor that is parked. */
  parked(uid: string): ParkedCell | undefined {
    return this.#parked?.get(uid);
  }

  /** The actors that are parked. */
  get allParked(): readonly ParkedCell[] {
    return [...this.#parked?.values() ?? []];
  }

  add(cell: Cell): void {
    this.#cells.set(cell.address.uid, cell);
  }

  /** Something stands for an actor from now on. */
  park(parked: ParkedCell): void {
    (this.#parked ??= new Map()).set(parked.address.uid, parked);
  }

  /** Nothing stands for it any more: it is there itself, or has ended. */
  removeParked(parked: ParkedCell): void {
    const { uid } = parked.address;
    if (this.#parked?.get(uid) === parked) this.#parked.delete(uid);
  }

  /** Removes this very cell; another of the same uid stays. */
  remove(cell: Cell): void {
    if (this.#cells.get(cell.address.uid) !== cell) return;
    this.#cells.delete(cell.address.uid);
    if (!isRuntimeType(cell.type)) this.ended.add(cell.type.name.name, cell.counters);
  }

  [Symbol.iterator](): MapIterator<Cell> {
    return this.#cells.values();
  }
}
