import type { ActorAddress } from "../core/address.ts";
import type { Activity } from "./activity.ts";
import type { Cell } from "./cell.ts";
import type { Comeback } from "./deadlock.ts";
import type { Caller } from "./ref_method.ts";
import type { StreamedResult } from "./remote_stream.ts";
import type { Scopes } from "./scopes.ts";
import type { StreamScope } from "./stream_scope.ts";
import type { Turns } from "./turns.ts";
import type { Verbs } from "./verbs.ts";

/** What a cell needs from its pool. */
export interface CellHost extends Caller {
  readonly turns: Turns;
  readonly scopes: Scopes;
  /** What its cells write down. */
  readonly activity: Activity;
  readonly verbs: Verbs;
  /** Makes a stream of what a method has returned. */
  stream(result: StreamedResult, cell: Cell, scope: StreamScope): unknown;
  /** A caller whose messages reach the cell also while its hooks run. */
  callerInside(cell: Cell): Caller;
  /** A message waits that has come back: it fails if it is found to be a deadlock. */
  cameBack(comeback: Comeback): void;
  /** What the caller of a failed method gets. */
  failure(thrown: unknown, where: string, method: string): Error;
  /** Ends an actor that has failed, tells its host, and throws what its callers get. */
  fail(cell: Cell, reason: Error): never;
  /** Something failed in a hook or method that nobody waits for. */
  undelivered(to: ActorAddress, method: string, reason: Error): void;
}
