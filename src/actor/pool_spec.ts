/** What users say of pools that come and go. */

/** Pools of one kind, to be started: what `workerPool()`, `processPool()` and `gpuPool()` make for `startHost`. */
export interface PoolSpec {
  /** What they run in. */
  readonly kind: "worker" | "gpu" | "process";
  /** How many to start. */
  readonly count: number;
  /** What `label(…)` finds them by. */
  readonly labels: readonly string[];
}

/** How a pool is removed. */
export interface RemovePoolOptions {
  /**
   * Milliseconds for running messages and `preDestroy`; past them the pool ends by force.
   * @default the host's `stopTimeoutMs`
   */
  deadlineMs?: number;
  /**
   * Whether it ends at once: nothing runs to its end, and `preDestroy` does not run.
   * @default false
   */
  force?: boolean;
}
