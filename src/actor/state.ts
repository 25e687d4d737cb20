/** The state of actors that is kept: what the class hears of it, and what keeps it for a cell. */

/** What is known of a state that comes back. */
export interface SnapshotInfo {
  /** The version of the class that has saved it, by `@actor(import.meta, { version })`. */
  readonly version: string;
  /** When it was saved, in milliseconds since 1970. */
  readonly savedAt: number;
  /** Milliseconds since then. */
  readonly ageMs: number;
}

/** How the state of an actor is kept, for people. */
export interface SavedState {
  /** When it was last saved, in milliseconds since 1970; `null` if this instance has not done so. */
  readonly savedAt: number | null;
  /** How many bytes that were. */
  readonly bytes: number;
  /** How old the state was that came back when this instance was made; `null` if none did. */
  readonly restoredAgeMs: number | null;
  /** Why it could not be saved the last time; `null` if it could. */
  readonly error: Error | null;
}

/** Keeps the state of the actor of one cell: made for those alone whose class has one, or that are parked. */
export interface CellKeeper {
  /** A message has come to its end. */
  ended(): void;
  /** Resolves once the state is kept. @param isOwn The actor's own code asks. */
  save(isOwn: boolean): Promise<void>;
  /** The actor is about to end, and has the lock; a failure is told to whom it concerns. */
  saveLast(): Promise<void>;
  /** The actor has ended. */
  close(): void;
  /** How it is kept; `null` if there is nothing to be kept. */
  inspect(): SavedState | null;
}
