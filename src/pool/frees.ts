import { type ActorAddress, formatActor } from "../core/address.ts";
import type { Caller } from "../actor/ref_method.ts";
import type { Scopes } from "../actor/scopes.ts";

/** Numbers in one message. */
const MAX_IDS = 1000;

/** DeviceRefs of one owner that were disposed of. */
interface Pending {
  readonly owner: ActorAddress;
  readonly ids: number[];
}

/** Gives counts of DeviceRefs back: those of one turn and one owner are one message. */
export class Frees {
  readonly #caller: Pick<Caller, "call">;
  readonly #scopes: Scopes;
  #pending = new Map<string, Pending>();

  /** @param scopes Whose code disposes does not matter: it is freed even if that is cancelled. */
  constructor(caller: Pick<Caller, "call">, scopes: Scopes) {
    this.#caller = caller;
    this.#scopes = scopes;
  }

  /** Frees it at the end of this turn. */
  add(owner: ActorAddress, id: number): void {
    const key = formatActor(owner);
    const known = this.#pending.get(key);
    if (known !== undefined && known.ids.length < MAX_IDS) {
      known.ids.push(id);
      return;
    }
    if (known !== undefined) this.#send(known);
    else if (this.#pending.size === 0) queueMicrotask(() => this.#sendAll());
    this.#pending.set(key, { owner, ids: [id] });
  }

  #sendAll(): void {
    const pending = this.#pending;
    this.#pending = new Map();
    for (const one of pending.values()) this.#send(one);
  }

  /** A tell would leave a dead letter behind whenever the actor has ended before. */
  #send({ owner, ids }: Pending): void {
    this.#scopes.outside(() => this.#caller.call(owner, "device:free", ids)).catch(() => {});
  }
}
