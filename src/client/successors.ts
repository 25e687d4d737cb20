import {
  type ActorPlace,
  formatHostId,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
} from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { HostLostError } from "../core/host_errors.ts";
import { HeldMessages } from "../host/recovery/held_messages.ts";
import { isReserved } from "../pool/host_service.ts";
import type { WaitingMessage, Whereabouts } from "../pool/redirects.ts";

/** What is needed to find them. */
export interface SuccessorsOptions {
  readonly clock: Clock;
  /** Whether the client is linked with a host that can be asked. */
  isLinked(): boolean;
  /** Asks it where an actor is; `null` if that is nowhere. */
  ask(place: ActorPlace): Promise<HostId | null>;
}

/** How many actors that have moved are remembered. */
const MAX_MOVED = 10_000;

/**
 * Where actors are whose hosts are lost: the host that the client is linked with knows. Messages wait for its
 * answer, which it gives when the actor has been made again.
 */
export class Successors implements Whereabouts {
  readonly #options: SuccessorsOptions;
  /** By their uids, and the hosts where they were; the oldest first. */
  readonly #moved = new Map<string, Map<HostId, HostId>>();
  readonly #asked = new Map<string, HeldMessages<WaitingMessage>>();

  constructor(options: SuccessorsOptions) {
    this.#options = options;
  }

  /** A client has no actors. */
  locate(): undefined {}

  /** {@linkcode Whereabouts.concerns} */
  concerns(): boolean {
    return true;
  }

  /** {@linkcode Whereabouts.moved} */
  moved(place: ActorPlace): PoolAddress | null | undefined {
    if (this.#moved.size + this.#asked.size === 0) return undefined;
    if (this.#asked.has(keyOf(place))) return null;
    const host = this.#moved.get(place.uid)?.get(place.host);
    // An actor is found by its uid from its host's main pool on.
    return host === undefined ? undefined : { host, pool: MAIN_POOL };
  }

  /** {@linkcode Whereabouts.hold} */
  hold({ host, uid }: ActorPlace, message: WaitingMessage): (() => void) | undefined {
    if (isReserved(uid) || !this.#options.isLinked()) return undefined;
    const place = { host, uid };
    const held = this.#asked.get(keyOf(place)) ?? this.#begin(place);
    held.check(`${uid} of host ${formatHostId(host)}, which is lost`);
    held.add(message, message.bytes);
    return () => held.remove(message);
  }

  #begin(place: ActorPlace): HeldMessages<WaitingMessage> {
    // How long that may take, the host knows.
    const onLate = (message: WaitingMessage) => message.fail(lost(place));
    const held = new HeldMessages({ clock: this.#options.clock, waitMs: Infinity, onLate });
    this.#asked.set(keyOf(place), held);
    void this.#find(place, held);
    return held;
  }

  async #find(place: ActorPlace, held: HeldMessages<WaitingMessage>): Promise<void> {
    let reason = lost(place);
    let host: HostId | null = null;
    try {
      host = await this.#options.ask(place);
    } catch (cause) {
      reason = lost(place, { cause });
    }
    this.#asked.delete(keyOf(place));
    if (host !== null) this.#move(place, host);
    for (const message of held.takeAll()) {
      if (host === null) message.fail(reason);
      else message.resume();
    }
  }

  #move({ host, uid }: ActorPlace, to: HostId): void {
    const moved = this.#moved.get(uid) ?? new Map<HostId, HostId>();
    for (const [from, before] of moved) if (before === host) moved.set(from, to);
    this.#moved.set(uid, moved.set(host, to));
    if (this.#moved.size > MAX_MOVED) this.#moved.delete(this.#moved.keys().next().value!);
  }
}

function keyOf({ host, uid }: ActorPlace): string {
  return `${host} ${uid}`;
}

function lost({ host, uid }: ActorPlace, options?: ErrorOptions): HostLostError {
  return new HostLostError(
    `Host ${formatHostId(host)} is lost, and ${uid} is not known to be on another one: ` +
      `look it up again, by its name`,
    "lost",
    options,
  );
}
