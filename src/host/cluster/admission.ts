import type { HostId } from "../../core/address.ts";
import type { HostDescription } from "../../core/protocol.ts";
import type { SessionRefusal } from "../../link/session_options.ts";

/** Why a second session with a host is refused, which is nobody's fault. */
const LINKED: SessionRefusal = Object.freeze({ code: "linked", reason: "they are linked already" });

/** Why a host is refused that has come upon itself. */
const OWN: SessionRefusal = Object.freeze({
  code: "refused",
  reason: "a host cannot link with itself",
});

/** A session that this host asks another one for. */
interface Asked {
  /** Whom; `undefined` where only an address is known. */
  readonly to: HostId | undefined;
  readonly isRelayed: boolean;
  readonly settled: Promise<void>;
}

/** What is asked of this host. */
export interface Asking {
  readonly peer: HostDescription;
  /** Whether it asks by way of another host. */
  readonly isRelayed: boolean;
}

/** What an admission goes by. */
export interface AdmissionOptions {
  readonly self: HostId;
  /** Whether there is a session with a host, which it has not given up. */
  isLinked(host: HostId): boolean;
  /** Tries to link with a host directly, if that has not been tried; does not reject. */
  tryDirect(host: HostDescription): Promise<void>;
}

/**
 * Sees to it that two hosts have one session, also if both ask for one at the same time. Who asks goes on
 * only when he is welcomed, so what is refused has carried nothing.
 *
 * Of two that ask each other, the one with the lower id gets its own: before it answers it waits for what
 * it has asked for itself. The other one answers at once, so neither waits for the other; and as ids only
 * fall along any chain of hosts that wait, no circle of them does.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #asked = new Set<Asked>();
  /** Who is welcomed, and not entered yet. */
  readonly #welcomed = new Set<HostId>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** This host says hello. @returns What to call when that is answered and the session entered, or has failed. */
  ask(to: HostId | undefined, isRelayed: boolean): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked: Asked = { to, isRelayed, settled: promise };
    this.#asked.add(asked);
    return () => {
      this.#asked.delete(asked);
      resolve();
    };
  }

  /** Lets another host in, or says why not. Who is let in is {@linkcode entered} next. */
  async admit({ peer, isRelayed }: Asking): Promise<SessionRefusal | undefined> {
    const { self, isLinked, tryDirect } = this.#options;
    const { id } = peer;
    if (id === self) return OWN;
    // It may have come this way only because it could not dial, which this one perhaps can.
    if (isRelayed && !isLinked(id)) await tryDirect(peer);
    if (self < id) {
      for (let asked; (asked = this.#find(id, isRelayed)) !== undefined;) await asked.settled;
    }
    if (isLinked(id) || this.#welcomed.has(id)) return LINKED;
    this.#welcomed.add(id);
    return undefined;
  }

  /** The session with a host that was let in is there, or has failed. */
  entered(host: HostId): void {
    this.#welcomed.delete(host);
  }

  /** What was asked of a host, or of one that may be it. A relayed session does not keep out a direct one. */
  #find(host: HostId, isRelayed: boolean): Asked | undefined {
    return [...this.#asked].find((asked) =>
      (asked.to ?? host) === host && (isRelayed || !asked.isRelayed)
    );
  }
}
