/** Where snapshots are kept: what every store promises. `tests/state/store_contract.ts` is its test. */

/**
 * A store of snapshots, to be given to `startHost`: `memoryStore()`, `sqliteStore()`, `natsStore()`, or
 * one of the user's own.
 */
export interface SnapshotStoreSpec {
  /** Which it is, for people. */
  readonly kind: string;
  /**
   * Opens it for one host.
   *
   * @throws {SnapshotError} with reason `store` if it cannot be used.
   */
  open(): Promise<SnapshotStore>;
}

/** An open store. Keys are strings of any characters; what is kept under them is bytes. */
export interface SnapshotStore extends AsyncDisposable {
  /**
   * Who finds the same under a key: one `host`, when it is started again; or every host of a `cluster`.
   * What is shared keeps actors with a `name` alone, as a uid means another actor on each host.
   */
  readonly scope: "host" | "cluster";
  /**
   * Takes a key for a new instance of its actor. From then on every earlier slot of the key is refused,
   * whichever host has it.
   *
   * @throws {SnapshotError} with reason `store` if it cannot be asked.
   */
  claim(key: string): Promise<SnapshotSlot>;
}

/** The place of one instance of an actor in a store. It is used for one thing at a time. */
export interface SnapshotSlot {
  /** What was there when it was claimed; `null` if there was nothing. */
  readonly bytes: Uint8Array | null;
  /**
   * Keeps bytes in the place of those before: all of them or, whatever happens meanwhile, the earlier ones.
   * Resolves once they are durable.
   *
   * @throws {SnapshotError} with reason `fenced` if the key was claimed again since, `size` if there are
   * too many, or `store`.
   */
  put(bytes: Uint8Array): Promise<void>;
  /**
   * Forgets the key, unless it was claimed again since.
   *
   * @throws {SnapshotError} with reason `store`.
   */
  delete(): Promise<void>;
}
