import type { ActorAddress } from "../core/address.ts";
import type { Actor } from "./actor.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { ActorSource } from "./actor_type.ts";
import type { ActorContext } from "./context.ts";
import type { CreateOptions } from "./create_options.ts";
import type { GangOptions } from "./gang.ts";
import type { ActorRef } from "./ref.ts";

/** An actor that is asked for. */
export interface Creation {
  readonly type: ActorSource<Actor, never>;
  readonly args: readonly unknown[];
  readonly options: CreateOptions<unknown>;
  /** Whose child it is to be; `null` if nobody's. */
  readonly parent: ActorAddress | null;
}

/** What an {@linkcode ActorSystem} asks of its pool. Most verbs are the same there. */
export interface Verbs
  extends
    Omit<ActorSystem<unknown>, "createActor" | "createActors" | "getOrCreateActor">,
    Pick<ActorContext, "appendPool" | "removePool"> {
  /** Links an actor of this pool with another. @throws {LinkedActorDownError} if there is none: it is to fail. */
  link(actor: ActorAddress, peer: ActorAddress): Promise<void>;
  /** Removes the link; the end of the other does not reach the actor from this moment on. */
  unlink(actor: ActorAddress, peer: ActorAddress): Promise<void>;
  /** Whether an actor of this pool has unlinked, and the host has not confirmed it yet. */
  isUnlinking(actor: ActorAddress, peer: ActorAddress): boolean;
  createActor(creation: Creation): Promise<ActorRef<Actor>>;
  /** @returns A ref for each; with `allOrNothing: false` a settled result for each. */
  createActors(creations: readonly Creation[], options: GangOptions): Promise<unknown[]>;
}
