import type { ActorPlace, HostId } from "../../core/address.ts";
import type { KeptWill, Wills } from "./wills.ts";

/** Actors that other hosts hand over, until what has waited for them there is on its way to where they are. */
export class Leavings {
  readonly #wills: Wills;
  readonly #hosts: Set<HostId>;
  /** The hosts that they leave: by their uids, and by where they are or were before. */
  readonly #from = new Map<string, Map<HostId, HostId>>();

  /** @param hosts Those that hand any over. */
  constructor(wills: Wills, hosts: Set<HostId>) {
    this.#wills = wills;
    this.#hosts = hosts;
  }

  /** A host has begun to hand an actor over. */
  begin({ holder, uid }: KeptWill): void {
    const from = this.#from.get(uid) ?? new Map<HostId, HostId>();
    this.#from.set(uid, from);
    for (const host of [holder, ...this.#wills.before({ host: holder, uid })]) {
      from.set(host, holder);
    }
    this.#hosts.add(holder);
  }

  /** It has done so. The host is known to hand over until it is gone: what comes late for it is looked at too. */
  over({ host, uid }: ActorPlace): void {
    const from = this.#from.get(uid);
    for (const [place, leaving] of [...from ?? []]) if (leaving === host) from!.delete(place);
    if (from?.size === 0) this.#from.delete(uid);
  }

  /** The host is gone, or there anew. @returns Those that it had not handed over. */
  end(host: HostId): ActorPlace[] {
    this.#hosts.delete(host);
    const left = [...this.#from].filter(([, from]) => from.get(host) === host);
    const places = left.map(([uid]) => ({ host, uid }));
    for (const place of places) this.over(place);
    return places;
  }

  /** Where an actor is leaving that is or was at a place; `undefined` if it is not leaving. */
  from({ host, uid }: ActorPlace): ActorPlace | undefined {
    if (this.#from.size === 0) return undefined;
    const leaving = this.#from.get(uid)?.get(host);
    return leaving === undefined ? undefined : { host: leaving, uid };
  }
}
