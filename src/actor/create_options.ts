import type { MailboxOptions } from "../core/mailbox_options.ts";
import type { SnapshotTiming } from "../core/protocol.ts";
import type { Replicas } from "../core/stateless_options.ts";
import type { RestartKind, RestartOptions } from "./restart.ts";
import type { SupervisionOptions, SupervisionStrategy } from "./supervision.ts";

/** What `createActor` may be told. */
export interface CreateOptions<Placement> {
  /**
   * What it is called on its host, where it is unique.
   * @default crypto.randomUUID()
   */
  uid?: string;
  /**
   * A name that is unique in the cluster, by which `lookup` finds the actor from every host. The actor
   * has it from before it starts until it has ended, with its pool or host at the latest. Not for actors
   * with `replicas`.
   * @default none
   */
  name?: string;
  /**
   * Which pool it may live in, and which of those is best.
   * @default leastLoaded()
   */
  place?: Placement;
  /**
   * How much may wait for it, and what is lost past that. Messages of methods that skip the lock, as
   * all of a `StatelessActor` do, have the same room again for themselves.
   * @default 10_000 messages; what comes then is refused with `MailboxFullError`
   */
  mailbox?: MailboxOptions;
  /**
   * Of a `StatelessActor`: how many of its messages may have begun and not ended at once; the others wait
   * in its mailbox. One that gives a stream has not ended before the stream has. Calls that the actor
   * makes to itself in a hook do not wait. A message that calls its own actor and waits needs a second
   * place there: if all are taken so, they wait for each other for ever.
   * @default no limit
   */
  concurrency?: number;
  /**
   * Of a `StatelessActor`: makes as many of it, each in another pool, the best by `place`; or one in every
   * pool that `place` allows at the time. Main pools have one only if no other pool will do. They are
   * all made, or none is; they have one uid and one ref, and end together.
   *
   * A message goes to the replica with the fewest calls of the sender's pool under way: among equals to
   * the one in that pool, else they take turns, as tells do. One that brings DeviceRefs goes to the replica
   * on whose device most of that data is, if there is one. There is no order between messages that
   * go to different replicas. `mailbox` and `concurrency` are of each. A replica whose pool dies gets no
   * more messages until it is made again there, as `restart` says; if none is, the actor is gone with its last.
   * @default a single one
   */
  replicas?: Replicas;
  /**
   * What becomes of the actor when its pool dies and is recovered, or it has failed: `"permanent"`, it is
   * made again; `"transient"`, unless the pool has exited by itself; `"temporary"`, it is gone. Made again
   * it has its old uid and name and is reached by the same refs; its state is that of a new one. How often
   * and how fast that is tried can be said with it. Of an actor with `replicas`, those that were in the
   * pool are made again.
   * @default "permanent", as often and as fast as the host's `recovery` says of pools; "temporary" if the
   * host's `autoRecover` is not "actor", and in the main pool for those that are no children
   */
  restart?: RestartKind | RestartOptions;
  /**
   * How the children of the actor are supervised: those that it makes itself, by `this.context.createActor`.
   * A child that dies is made again by its own `restart`: without this option just so, with it that child
   * alone (`"oneForOne"`), all children (`"allForOne"`) or it and those made after it (`"restForOne"`), and
   * all together no more often than it says: past that the parent fails.
   * @default each child by its own `restart`
   */
  supervision?: SupervisionStrategy | SupervisionOptions;
  /**
   * In an actor: makes one that is no child of it, and so does not end with it.
   * @default false
   */
  detached?: boolean;
  /**
   * When the state of an actor whose class has `snapshot` is saved by itself, beside what it saves by
   * `this.context.save()`. What was done since the last time is lost with its pool.
   * @default {}, before it is parked, and when its pool or host stops
   */
  snapshot?: SnapshotTiming;
  /**
   * Milliseconds without a message after which the actor is parked: its state is saved, `preDestroy` runs, and
   * the instance is dropped. The next message makes it again, out of its arguments and its state; what
   * comes meanwhile waits in order. It keeps its uid, name and refs, and stays parked if its pool is made
   * again. An actor that has a timer, a stream, a watch, a buffer or DeviceRefs of others is not idle; what a
   * `GpuActor` has on the device for itself goes with the instance, so its `snapshot` reads it. Its class
   * has `snapshot`, or is stateless.
   * @default never
   */
  idleMs?: number;
  /**
   * Whether an actor with a `name` is made again on another host when its own is lost: of those linked with
   * the one it had, by `place` and `restart`, with its state if the store is shared. The type must be in
   * their `modules`; each of them keeps its arguments. Not with `replicas`.
   * @default true if `name` and `restart: "permanent"` are both given
   */
  failover?: boolean;
}

/** How long is waited. */
export interface WaitOptions {
  /**
   * In milliseconds.
   * @default Infinity
   */
  timeoutMs?: number;
}
