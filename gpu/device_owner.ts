import { transfer } from "../src/core/transfer.ts";
import { type Actor, StatelessActor } from "../src/actor/actor.ts";
import { type ActorType, callableMethods } from "../src/actor/actor_type.ts";
import type { ActorContext } from "../src/actor/context.ts";
import type { DeviceRef } from "../src/actor/device_ref.ts";
import type { DeviceStore } from "./device_store.ts";
import { Holders, isSame } from "./holders.ts";
import type { TypedArray } from "./typed_array.ts";

/** The key of what an actor keeps for the DeviceRefs that it has made. */
export const KEPT: unique symbol = Symbol("kept");

/** What an actor keeps. */
export class Kept {
  readonly store: DeviceStore;
  readonly context: () => ActorContext;
  /** Whom for. */
  readonly holders: Holders;

  constructor(store: DeviceStore, context: () => ActorContext) {
    this.store = store;
    this.context = context;
    this.holders = new Holders(store, context);
  }
}

/** An actor that keeps data: a {@linkcode Kept}, which is nobody else's business. */
export interface DeviceOwner extends Actor {
  readonly [KEPT]: object;
}

/** What an actor keeps. */
export function keptOf(actor: DeviceOwner): Kept {
  return actor[KEPT] as Kept;
}

/**
 * A type whose actors keep data: they take the messages of DeviceRefs, which need no lock, free the data
 * when they end or its holders are gone, and are not parked while others have any.
 */
export function ownerType<A extends DeviceOwner, P extends unknown[]>(
  type: ActorType<A, P>,
): ActorType<A, P> {
  const methods = new Map(type.methods);
  for (const [name, method] of callableMethods(RefMethods as never)) {
    methods.set(name, { ...method, index: methods.size });
  }
  return {
    ...type,
    methods,
    end: (actor) => keptOf(actor).store.close(),
    mayRest: (actor) => {
      const { store, context, holders } = keptOf(actor);
      const { address } = context();
      if (store.keeps((holder) => !isSame(holder, address))) return false;
      holders.forget();
      return true;
    },
    lost: (actor, isGone) => keptOf(actor).store.lost(isGone),
  };
}

/** What DeviceRefs ask for. Never made: its methods run with the actor that keeps the data. */
abstract class RefMethods extends StatelessActor implements DeviceOwner {
  abstract readonly [KEPT]: object;

  async ["device:read"](id: number, start: number, end: number): Promise<TypedArray> {
    return transfer(await keptOf(this).store.read(id, start, end));
  }

  ["device:pieces"](id: number, bytes: number): AsyncGenerator<TypedArray, void> {
    return keptOf(this).store.pieces(id, bytes);
  }

  async ["device:slice"](id: number, start: number, end: number): Promise<DeviceRef> {
    const { store, context, holders } = keptOf(this);
    const part = await store.slice(id, start, end, holders.current);
    return context().deviceRef({ ...part, state: "made" });
  }

  ["device:free"](...ids: number[]): void {
    const { store } = keptOf(this);
    for (const id of ids) store.free(id);
  }
}
