import type { Actor } from "./actor.ts";
import type { ActorSource } from "./actor_type.ts";
import type { CreateOptions } from "./create_options.ts";
import type { ActorRef } from "./ref.ts";

/** One actor of several that are made together. */
export interface GangMember<A extends Actor, P extends unknown[], Placement = unknown> {
  /** A class decorated with `@actor(import.meta)`, or a kernel. */
  readonly type: ActorSource<A, P>;
  /** Its constructor's arguments; they are copied. */
  readonly args: P;
  /** What else there is to say of it. */
  readonly options?: Omit<CreateOptions<Placement>, "replicas">;
}

/** Members as they are written, to be checked by {@linkcode GangMembers}. */
export type SomeMembers = readonly { readonly type: ActorSource<Actor, never> }[] | readonly [];

/** Each member's arguments as its type wants them. */
export type GangMembers<M extends SomeMembers, Placement = unknown> = {
  readonly [K in keyof M]: M[K] extends { readonly type: ActorSource<infer A, infer P> }
    ? GangMember<A, P, Placement>
    : never;
};

/** A ref for each member. */
export type GangRefs<M extends SomeMembers> = {
  -readonly [K in keyof M]: M[K] extends { readonly type: ActorSource<infer A, infer _> }
    ? ActorRef<A>
    : never;
};

/** A ref for each member that was made, and why the others were not. */
export type SettledGang<M extends SomeMembers> = {
  -readonly [K in keyof M]: M[K] extends { readonly type: ActorSource<infer A, infer _> }
    ? PromiseSettledResult<ActorRef<A>>
    : never;
};

/** How actors are made together. */
export interface GangOptions {
  /**
   * How they lie to each other: `"pack"` on one host if one can take them all, and in as few pools as
   * will do; `"spread"` on as many hosts, and in as many pools, as there are. What each asks for by its
   * `place` comes first: with `anyHost()` it may be on another host.
   * @default each as its own `place` says
   */
  strategy?: "pack" | "spread";
  /**
   * Whether none is made if one cannot be; else what can be made is.
   * @default true
   */
  allOrNothing?: boolean;
}
