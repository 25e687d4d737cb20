import { SnapshotError } from "../../core/errors.ts";
import type { ParkedState, TypeName } from "../../core/protocol.ts";
import type { KeptState, StateService } from "../../pool/state_service.ts";
import { decodeRecord, encodeRecord } from "../../state/record.ts";
import type { SnapshotSlot, SnapshotStore, SnapshotStoreSpec } from "../../state/store.ts";
import { fenced } from "../../state/store_errors.ts";
import { memoryStore } from "../../state/stores.ts";
import type { UidEntry, UidTable } from "../actors/uid_table.ts";

/** Which actor a snapshot is of, for `host.dropSnapshot`. */
export type SnapshotOwner = { readonly uid: string } | { readonly name: string };

/** An instance of an actor that has a state. */
interface Session {
  readonly entry: UidEntry;
  readonly generation: number;
  readonly type: TypeName;
  readonly slot: Promise<SnapshotSlot>;
  /** Milliseconds that the state was old that came back; `null` if none did. */
  restoredAgeMs: number | null;
  /** What is being written, and after it what is to be: of several the last. */
  writing: Promise<number> | undefined;
  /** It is being destroyed: nothing is to be kept of it. */
  isForgotten: boolean;
  next: { state: Uint8Array; readonly written: PromiseWithResolvers<number> } | undefined;
}

/** An actor whose state came back when it was made again. */
export interface RestoredActor {
  /** Which. */
  readonly uid: string;
  /** How old the state was, in milliseconds. */
  readonly ageMs: number;
}

/** What keeps the states of a host's actors. */
export interface SnapshotsOptions {
  readonly store: SnapshotStoreSpec;
  /** Bytes that a snapshot may have. */
  readonly maxBytes: number;
  readonly uids: () => UidTable;
}

/** Keeps the states of the actors of a host in a store: of each instance, until the next one takes its place. */
export class Snapshots implements StateService {
  readonly #options: SnapshotsOptions;
  readonly #sessions = new Map<string, Session>();
  /** What was saved of those that are parked in pools that may die. */
  readonly #parked = new Map<UidEntry, ParkedState>();
  #stores: Promise<{ readonly store: SnapshotStore; readonly own: SnapshotStore }> | undefined;
  #isClosed = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Opens the store, if it is not the host's memory: a wrong one is to be known at once. */
  async start(): Promise<void> {
    if (this.#options.store.kind !== "memory") await this.#open();
  }

  /** {@linkcode StateService.open} */
  async open(uid: string, generation: number, type: TypeName): Promise<KeptState | null> {
    const entry = this.#options.uids().get(uid);
    if (entry?.generation !== generation) throw fenced(uid);
    this.#parked.delete(entry);
    const key = keyOf(entry);
    const slot = this.#store(entry).then((store) => store.claim(key));
    slot.catch(() => {});
    const session: Session = {
      entry,
      generation,
      type,
      slot,
      restoredAgeMs: null,
      writing: undefined,
      isForgotten: false,
      next: undefined,
    };
    this.#sessions.set(uid, session);
    const { bytes } = await slot;
    if (bytes === null) return null;
    const { savedAt, version, state, type: saved } = decodeRecord(bytes, key);
    if (saved !== type.name) {
      throw new SnapshotError(
        `The snapshot of ${key} is of type ${saved}, not ${type.name}: use another uid or name, ` +
          `or begin anew with host.dropSnapshot`,
        "version",
      );
    }
    session.restoredAgeMs = Math.max(0, Date.now() - savedAt);
    return { savedAt, version, state };
  }

  /** {@linkcode StateService.save} */
  async save(uid: string, generation: number, state: Uint8Array): Promise<number> {
    const session = this.#sessions.get(uid);
    if (session?.generation !== generation) throw fenced(uid);
    if (session.isForgotten) return Date.now();
    const { maxBytes } = this.#options;
    if (state.length > maxBytes) {
      throw new SnapshotError(
        `The snapshot of ${uid} has ${state.length} bytes, more than ${maxBytes}: keep less, or ` +
          `raise state.maxBytes`,
        "size",
      );
    }
    return await this.#write(session, state);
  }

  /** {@linkcode StateService.parked} */
  parked(uid: string, generation: number, saved: ParkedState): void {
    const entry = this.#options.uids().get(uid);
    if (entry?.generation === generation) this.#parked.set(entry, saved);
  }

  /** {@linkcode StateService.woken} */
  woken(uid: string, generation: number): void {
    const entry = this.#options.uids().get(uid);
    if (entry?.generation === generation) this.#parked.delete(entry);
  }

  /** What was saved of an actor that is parked; `undefined` if it is not. */
  parkedState(entry: UidEntry): ParkedState | undefined {
    return this.#parked.get(entry);
  }

  /** The actors of these whose state came back when they were last made; of one that is parked it has not. */
  restored(entries: readonly UidEntry[]): RestoredActor[] {
    const restored: RestoredActor[] = [];
    for (const entry of entries) {
      if (this.#parked.has(entry)) continue;
      const { uid, generation } = entry;
      const session = this.#sessions.get(uid);
      const ageMs = session?.generation === generation ? session.restoredAgeMs : null;
      if (ageMs !== null) restored.push({ uid, ageMs });
    }
    return restored;
  }

  /** An actor is about to be destroyed. @returns Whether there is anything to {@linkcode forget} then. */
  forgetting(entry: UidEntry): boolean {
    const session = this.#sessions.get(entry.uid);
    if (session?.entry !== entry) return false;
    return session.isForgotten = true;
  }

  /** It has been: what was kept of it goes with it. */
  async forget(entry: UidEntry): Promise<void> {
    const session = this.#sessions.get(entry.uid);
    if (session?.entry !== entry || !session.isForgotten) return;
    this.#sessions.delete(entry.uid);
    const slot = await session.slot;
    await session.writing?.catch(() => {});
    await slot.delete();
  }

  /** The uid of an actor is free. What nobody could find any more goes. */
  ended(entry: UidEntry): void {
    this.#parked.delete(entry);
    const session = this.#sessions.get(entry.uid);
    if (session?.entry !== entry) return;
    this.#sessions.delete(entry.uid);
    // A save that is on its way ends by itself.
    if (entry.stateKey === null) session.slot.then((slot) => slot.delete()).catch(() => {});
  }

  /** Forgets what is kept of an actor that there is not. */
  async drop(owner: SnapshotOwner): Promise<void> {
    const key = "name" in owner ? `name:${owner.name}` : `uid:${owner.uid}`;
    const { store, own } = await this.#open();
    const place = "name" in owner || store.scope === "host" ? store : own;
    await (await place.claim(key)).delete();
  }

  /** Ends when all that was sent is written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const sessions = [...this.#sessions.values()];
    await Promise.allSettled(sessions.map(({ writing, next }) => next?.written.promise ?? writing));
    const stores = await this.#stores?.catch(() => undefined);
    await stores?.store[Symbol.asyncDispose]();
    await stores?.own[Symbol.asyncDispose]();
  }

  /** Writes the last of what is to be written, for all who wait. */
  #write(session: Session, state: Uint8Array): Promise<number> {
    if (session.writing === undefined) {
      const writing = this.#put(session, state);
      session.writing = writing;
      const goOn = () => this.#writeNext(session);
      writing.then(goOn, goOn);
      return writing;
    }
    if (session.next !== undefined) session.next.state = state;
    else session.next = { state, written: Promise.withResolvers() };
    return session.next.written.promise;
  }

  #writeNext(session: Session): void {
    const { next } = session;
    session.writing = session.next = undefined;
    if (next !== undefined) next.written.resolve(this.#write(session, next.state));
  }

  async #put({ slot, type }: Session, state: Uint8Array): Promise<number> {
    const savedAt = Date.now();
    const record = { type: type.name, version: type.version, savedAt, state };
    await (await slot).put(encodeRecord(record));
    return savedAt;
  }

  /** What other hosts or later ones could not find is kept in the memory of this one. */
  async #store({ stateKey }: UidEntry): Promise<SnapshotStore> {
    const { store, own } = await this.#open();
    const isFound = stateKey !== null &&
      (store.scope === "host" || stateKey.startsWith("name:"));
    return isFound ? store : own;
  }

  #open(): Promise<{ readonly store: SnapshotStore; readonly own: SnapshotStore }> {
    if (this.#stores !== undefined) return this.#stores;
    if (this.#isClosed) return Promise.reject(new SnapshotError("The host was stopped", "store"));
    const { store } = this.#options;
    return this.#stores = (async () => ({
      store: await store.open(),
      own: await memoryStore().open(),
    }))();
  }
}

/** What a snapshot is kept under. */
function keyOf({ stateKey, uid }: UidEntry): string {
  return stateKey ?? `uid:${uid}`;
}
