import { formatHostId, type HostId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { RawFrame } from "../core/protocol.ts";
import { openSession } from "../link/session.ts";
import type { Session } from "../link/session_options.ts";
import type { LocalPool } from "../pool/local.ts";
import { wayOver } from "../host/cluster/backlog.ts";
import { Outbox } from "../host/cluster/outbox.ts";
import { RelayedLink } from "../host/cluster/relayed_link.ts";
import type { Way } from "../host/router.ts";

/** What is needed to link with hosts by way of another. */
export interface FarHostsOptions {
  readonly id: HostId;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly pool: LocalPool;
  readonly heartbeatMs: number;
  readonly graceMs: number;
  /** A frame of such a host. */
  onFrame(frame: RawFrame): void;
}

/** A host that is linked by way of another, or is being linked. */
interface Far {
  readonly link: RelayedLink;
  /** What waits until it is. */
  readonly outbox: Outbox;
  way?: Way;
}

/** Heartbeats that may be missed past the grace time of the links on the way. */
const MISSED_BEATS = 3;

/** The hosts past the one that a client is linked with: each is linked by way of that when it is first needed. */
export class FarHosts {
  readonly #options: FarHostsOptions;
  readonly #hosts = new Map<HostId, Far>();

  constructor(options: FarHostsOptions) {
    this.#options = options;
  }

  /** The way to a host. @param relay The session with the host that passes on. */
  way(host: HostId, relay: Session): Way {
    const far = this.#hosts.get(host) ?? this.#add(host, relay);
    return far.way ?? far.outbox;
  }

  /** Takes what such a host has said, or the relay in its name. */
  receive(frame: RawFrame): void {
    this.#hosts.get(frame.from.host)?.link.receive(frame);
  }

  /** The relay is lost. */
  lost(cause: Error): void {
    for (const { link } of [...this.#hosts.values()]) link.lost(cause);
  }

  /** A host cannot be linked: its actor may be on another by now. */
  #unsent(frame: RawFrame, error: Error): void {
    const { pool } = this.#options;
    try {
      if (!pool.takeLost(frame)) pool.refuse(frame, error);
    } catch (full) {
      pool.refuse(frame, full as Error);
    }
  }

  #add(host: HostId, relay: Session): Far {
    const link = new RelayedLink({
      self: this.#options.id,
      host,
      relay,
      onEnd: () => {
        if (this.#hosts.get(host)?.link === link && far.way !== undefined) {
          this.#hosts.delete(host);
        }
      },
    });
    const far: Far = { link, outbox: new Outbox(host, this.#options.codec) };
    this.#hosts.set(host, far);
    void this.#open(host, far);
    return far;
  }

  async #open(host: HostId, far: Far): Promise<void> {
    const { id, clock, codec, pool, heartbeatMs, graceMs, onFrame } = this.#options;
    try {
      const session = await openSession(far.link, codec, {
        self: { id, address: null, pools: [] },
        role: "dial",
        heartbeatMs,
        missedBeats: MISSED_BEATS + Math.ceil(graceMs / heartbeatMs),
        clock,
        onFrame,
        onClosed: (cause) => {
          if (this.#hosts.get(host) === far) this.#hosts.delete(host);
          pool.lost((to) => to.host === host, cause);
        },
      });
      far.way = wayOver(session);
      for (const frame of far.outbox.take()) session.forward(frame);
    } catch (cause) {
      this.#hosts.delete(host);
      const reason = `Host ${formatHostId(host)} cannot be reached: ${(cause as Error).message}`;
      const error = new HostLostError(reason, "lost", { cause });
      for (const frame of far.outbox.take()) this.#unsent(frame, error);
    }
  }
}
