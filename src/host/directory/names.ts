import { type ActorAddress, formatHostId, type HostId } from "../../core/address.ts";
import { ActorNotFoundError, ActorStoppedError } from "../../core/errors.ts";
import { HostLostError, NameTakenError } from "../../core/host_errors.ts";
import { LIMITS } from "../../core/protocol.ts";
import type { Directory, NameHolder } from "./directory.ts";

/** What the names of a host need of it. */
export interface NamesOptions {
  readonly self: HostId;
  /** Sees to it that another host can be called. */
  reach(holder: NameHolder): Promise<void>;
  /** What another host says of a name that it holds. */
  ask(host: HostId, name: string): Promise<ActorAddress>;
  /** Ends an actor of this host at once, also while it starts. */
  kill(actor: ActorAddress, reason: Error): void;
}

/** Makes an actor. */
export type MakeActor = (
  onReserved: (actor: ActorAddress) => void,
) => Promise<ActorAddress>;

/** A name of this host, from before it is claimed until after it is given back. */
interface Entry {
  readonly name: string;
  /** Its actor, once it has started; rejects if it has not. */
  started: Promise<ActorAddress>;
  /** Its actor, also while that starts. */
  actor: ActorAddress | undefined;
  token: number | undefined;
  /** Set when the directory gives it to others. */
  lost: Error | undefined;
  /** Set when it is being given back. */
  freed: Promise<void> | undefined;
  /** Resolves when it has been given back: others can take it. */
  readonly gone: PromiseWithResolvers<void>;
}

/** The actors of a host that have names: gets the names for them, and gives them back when they end. */
export class Names {
  readonly #options: NamesOptions;
  readonly #entries = new Map<string, Entry>();
  /** Those that have an actor, by its generation. */
  readonly #actors = new Map<number, Entry>();
  readonly #directory = Promise.withResolvers<Directory>();

  constructor(options: NamesOptions) {
    this.#options = options;
    // Whoever asks hears of it.
    this.#directory.promise.catch(() => {});
  }

  /** From now on there is a directory. What was asked before has waited. */
  open(directory: Directory): void {
    this.#directory.resolve(directory);
  }

  /** There will be none. */
  close(reason: Error): void {
    this.#directory.reject(reason);
  }

  /**
   * Makes an actor that has a name from before it starts until after it has ended.
   *
   * @param make Makes it, and tells of it before it starts.
   * @throws {NameTakenError} if the name is held, here or elsewhere.
   */
  async create(name: string, make: MakeActor): Promise<ActorAddress> {
    for (let other; (other = this.#entries.get(name)) !== undefined;) {
      if (isHeld(other)) throw taken(name, this.#options.self);
      await other.gone.promise;
    }
    const { promise, resolve, reject } = Promise.withResolvers<ActorAddress>();
    promise.catch(() => {});
    const entry: Entry = {
      name,
      started: promise,
      actor: undefined,
      token: undefined,
      lost: undefined,
      freed: undefined,
      gone: Promise.withResolvers(),
    };
    this.#entries.set(name, entry);
    try {
      const address = await this.#start(entry, make);
      resolve(address);
      return address;
    } catch (error) {
      reject(error);
      await this.#free(entry);
      throw error;
    }
  }

  /**
   * The actor of a name, wherever it is. One that is being made is waited for.
   *
   * @throws {ActorNotFoundError} if there is none.
   */
  async find(name: string): Promise<ActorAddress> {
    const directory = await this.#directory.promise;
    for (;;) {
      if (this.#entries.has(name)) return await this.held(name);
      const holder = await directory.lookup(name);
      if (holder === undefined || holder.host === this.#options.self) throw unknownName(name);
      await this.#options.reach(holder);
      try {
        return await this.#options.ask(holder.host, name);
      } catch (error) {
        // It has gone since, and with it perhaps what the directory said.
        if (!(error instanceof HostLostError)) throw error;
      }
    }
  }

  /**
   * The actor of a name that this host holds.
   *
   * @throws {ActorNotFoundError} if it does not.
   */
  async held(name: string): Promise<ActorAddress> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw unknownName(name);
    let address: ActorAddress | undefined;
    try {
      address = await entry.started;
    } catch {
      // Whoever made it knows why it did not start.
    }
    if (address !== undefined && isHeld(entry)) return address;
    // Whoever then tries to take it is not to find it taken.
    await entry.gone.promise;
    throw unknownName(name);
  }

  /** An actor has ended. @returns When its name is free, if it had one. */
  ended(generation: number): Promise<void> | undefined {
    const entry = this.#actors.get(generation);
    return entry && this.#free(entry);
  }

  /** An actor has been made again, with another generation: it keeps its name. */
  renewed(generation: number, address: ActorAddress): void {
    const entry = this.#actors.get(generation);
    if (entry === undefined) return;
    this.#actors.delete(generation);
    entry.started = Promise.resolve(address);
    this.#setActor(entry, address);
  }

  /** The directory has given a name to others, or is about to: its actor ends. */
  lost(name: string, reason: Error): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.lost = reason;
    if (entry.actor !== undefined) this.#options.kill(entry.actor, reason);
  }

  /** The directory gives all names to others. */
  lostAll(reason: Error): void {
    for (const name of [...this.#entries.keys()]) this.lost(name, reason);
  }

  async #start(entry: Entry, make: MakeActor): Promise<ActorAddress> {
    const directory = await this.#directory.promise;
    entry.token = await directory.claim(entry.name);
    if (entry.lost !== undefined) throw entry.lost;
    const address = await make((actor) => this.#setActor(entry, actor));
    if (isHeld(entry)) return address;
    const what = `${address.uid} was ended while it started`;
    throw new ActorStoppedError(what, "killed", { cause: entry.lost });
  }

  #setActor(entry: Entry, actor: ActorAddress): void {
    entry.actor = actor;
    this.#actors.set(actor.generation, entry);
    if (entry.lost !== undefined) this.#options.kill(actor, entry.lost);
  }

  #free(entry: Entry): Promise<void> {
    return entry.freed ??= this.#release(entry);
  }

  async #release({ name, token, actor, gone }: Entry): Promise<void> {
    try {
      if (token !== undefined) await (await this.#directory.promise).release(name, token);
    } finally {
      this.#entries.delete(name);
      if (actor !== undefined) this.#actors.delete(actor.generation);
      gone.resolve();
    }
  }
}

/** Whether its actor is not about to end. */
function isHeld({ lost, freed }: Entry): boolean {
  return lost === undefined && freed === undefined;
}

/** A host has the name. */
export function taken(name: string, holder: HostId): NameTakenError {
  const host = formatHostId(holder);
  return new NameTakenError(
    `The name ${JSON.stringify(name)} is held by host ${host}: look it up, or choose another`,
    name,
    host,
  );
}

function unknownName(name: string): ActorNotFoundError {
  return new ActorNotFoundError(`No actor has the name ${JSON.stringify(name)}`);
}

/**
 * A name that users may give.
 *
 * @throws {TypeError} if it is none.
 */
export function checkName(name: unknown): string {
  if (typeof name === "string" && name !== "" && name.length <= LIMITS.nameLength) return name;
  throw new TypeError(
    `name is a string of 1 to ${LIMITS.nameLength} characters, got ${JSON.stringify(name)}`,
  );
}
