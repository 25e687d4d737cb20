import type { ActorAddress, PoolAddress, PoolId } from "../core/address.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Activity } from "./activity.ts";
import type { Cell } from "./cell.ts";
import type { Actor } from "./actor.ts";
import type { ActorSource } from "./actor_type.ts";
import type { ActorSystem, CreateOptions } from "./context.ts";
import type { PoolSpec, RemovePoolOptions } from "./pool_spec.ts";
import type { ActorRef } from "./ref.ts";
import type { Caller } from "./ref_method.ts";
import type { StreamedResult } from "./remote_stream.ts";
import type { Scopes } from "./scopes.ts";
import type { StreamScope } from "./stream_scope.ts";
import type { Turns } from "./turns.ts";

/** What a pool's verbs are told beside what users say. */
export interface ChildOptions extends CreateOptions<unknown> {
  /** Whose child it is. */
  readonly parent?: ActorAddress;
}

/** The verbs of a pool, for its cells. */
export interface CellSystem extends ActorSystem<unknown> {
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: ChildOptions,
  ): Promise<ActorRef<A>>;
  /** {@linkcode ActorContext.appendPool} */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]>;
  /** {@linkcode ActorContext.removePool} */
  removePool(pool: PoolId | PoolAddress, options?: RemovePoolOptions): Promise<void>;
}

/** What a cell needs from its pool. */
export interface CellHost extends Caller {
  readonly turns: Turns;
  readonly scopes: Scopes;
  /** What its cells write down. */
  readonly activity: Activity;
  readonly system: CellSystem;
  /** Makes a stream of what a method has returned. */
  stream(result: StreamedResult, cell: Cell, scope: StreamScope): unknown;
  /** A caller whose messages reach the cell also while its hooks run. */
  callerInside(cell: Cell): Caller;
  /** What the caller of a failed method gets. */
  failure(thrown: unknown, where: string, method: string): Error;
  /** Ends an actor that has failed, tells its host, and throws what its callers get. */
  fail(cell: Cell, reason: Error): never;
  /** Something failed in a hook or method that nobody waits for. */
  undelivered(to: ActorAddress, method: string, reason: Error): void;
}
