import { type ActorAddress, formatActor } from "../core/address.ts";
import type { CellState } from "../actor/cell_life.ts";
import { formatType } from "../actor/actor_type.ts";
import type { Message } from "../actor/message.ts";
import type { ParkedActor, ParkedCell } from "../actor/registry.ts";

/** Stands for an actor that is parked: takes its messages, and wakes it for the first of them. */
export class Sleeper implements ParkedCell {
  readonly actor: ParkedActor;
  readonly #wake: () => void;
  #waiting: Message[] = [];
  #isWoken = false;
  #isGone = false;

  /** @param wake Makes it again; called once, until it {@linkcode rest}s again. */
  constructor(actor: ParkedActor, wake: () => void) {
    this.actor = actor;
    this.#wake = wake;
  }

  get address(): ActorAddress {
    return this.actor.address;
  }

  /** Whether its actor has ended. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The actor for people. */
  get where(): string {
    const { address, type } = this.actor;
    return `${formatType(type.name)} ${formatActor(address)}`;
  }

  /** As a cell has it. */
  get state(): CellState {
    return "parked";
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#waiting.length;
  }

  /** Takes a message. */
  deliver(message: Message): void {
    this.#waiting.push(message);
    this.wake();
  }

  /** The actor is needed, be it without a message. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#wake();
  }

  /** It could not be woken: the next message tries again. */
  rest(): void {
    this.#isWoken = false;
  }

  /** There is no actor that could send it to itself. */
  deliverInside(message: Message): void {
    this.deliver(message);
  }

  /** Callers have given up. */
  cancel(matches: (message: Message) => boolean): void {
    for (const message of this.#waiting) if (matches(message)) message.discard();
    this.#waiting = this.#waiting.filter((message) => !matches(message));
  }

  /** Takes out what waits, in the order in which it has come. */
  takeAll(): Message[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  /** {@linkcode ParkedCell.end} */
  end(): void {
    this.#isGone = true;
  }
}
