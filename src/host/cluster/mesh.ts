import { formatHostId, type HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { Codec } from "../../core/codec.ts";
import { HostLostError } from "../../core/host_errors.ts";
import type { HostDescription, RawFrame } from "../../core/protocol.ts";
import { CrossedDialError } from "../../link/session_end.ts";
import { dialable } from "../directory/directory.ts";
import { Outbox } from "./outbox.ts";
import type { Way } from "../router.ts";

/** What links this host with others. */
export interface MeshOptions {
  readonly codec: Codec;
  readonly clock: Clock;
  /** Milliseconds that a dial may take before the way by another host is taken. */
  readonly dialTimeoutMs: number;
  /** A host that is not linked, as others have described it. */
  known(host: HostId): HostDescription | undefined;
  isLinked(host: HostId): boolean;
  /** Links with the host at an address, which is to be this one. */
  dial(address: string, host: HostId, timeoutMs: number): Promise<unknown>;
  /** Links with a host by way of another. */
  relay(host: HostId): Promise<unknown>;
  /** Tells the sender of a frame that it failed. */
  refuse(frame: RawFrame, error: Error): void;
}

/** A dial, or the end of one, and what waits for it. */
interface Connecting {
  readonly outbox: Outbox;
  readonly linked: PromiseWithResolvers<void>;
}

/**
 * Links this host with others when they are first needed: directly if that can be, else by way of a host
 * that both are linked with. What is sent meanwhile waits, in order.
 */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #connecting = new Map<HostId, Connecting>();
  readonly #dials = new Map<HostId, Promise<void>>();
  /** Hosts that do not answer at their addresses. */
  readonly #undialable = new Set<HostId>();
  #isStopped = false;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  /** The way to a host that is not linked, which is linked now; `undefined` if nobody knows it. */
  way(host: HostId): Way | undefined {
    const known = this.#connecting.get(host);
    if (known !== undefined) return known.outbox;
    if (this.#isStopped || this.#options.known(host) === undefined) return undefined;
    const outbox = new Outbox(host, this.#options.codec);
    this.#connecting.set(host, { outbox, linked: Promise.withResolvers() });
    void this.#connect(host);
    return outbox;
  }

  /** A host is linked: what waited for it goes before all that comes now. */
  linked(host: HostId, way: Way): void {
    this.#undialable.delete(host);
    const connecting = this.#connecting.get(host);
    if (connecting === undefined) return;
    this.#connecting.delete(host);
    for (const frame of connecting.outbox.take()) {
      try {
        way.forward(frame);
      } catch (error) {
        this.#options.refuse(frame, error as Error);
      }
    }
    connecting.linked.resolve();
  }

  /** There is no way to a host any more. */
  gone(host: HostId): void {
    this.#undialable.delete(host);
  }

  /** Links with nobody any more. */
  stop(): void {
    this.#isStopped = true;
    const error = new HostLostError("The host was stopped", "stopped");
    for (const host of [...this.#connecting.keys()]) this.#fail(host, error);
  }

  /** Dials a host once, unless it is known not to answer; {@linkcode MeshOptions.isLinked} says what came of it. */
  async tryDirect({ id, address }: HostDescription): Promise<void> {
    const where = dialable(address);
    if (where === null || this.#undialable.has(id) || this.#isStopped) return;
    const running = this.#dials.get(id);
    if (running !== undefined) return await running;
    const dial = this.#dial(id, where).finally(() => this.#dials.delete(id));
    this.#dials.set(id, dial);
    await dial;
  }

  async #dial(host: HostId, address: string): Promise<void> {
    const { dial, dialTimeoutMs, isLinked } = this.#options;
    try {
      await dial(address, host, dialTimeoutMs);
    } catch {
      // Another way is tried, or the other host comes by itself.
    }
    if (!isLinked(host)) this.#undialable.add(host);
  }

  async #connect(host: HostId): Promise<void> {
    try {
      const description = this.#options.known(host);
      if (description !== undefined) await this.tryDirect(description);
      if (!this.#options.isLinked(host)) await this.#options.relay(host);
    } catch (error) {
      if (error instanceof CrossedDialError && await this.#comes(host)) return;
      this.#fail(host, error as Error);
    }
  }

  async #comes(host: HostId): Promise<boolean> {
    const connecting = this.#connecting.get(host);
    if (connecting === undefined) return true;
    const { clock, dialTimeoutMs } = this.#options;
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimeout(late.resolve, dialTimeoutMs);
    await Promise.race([connecting.linked.promise, late.promise]);
    clock.clearTimeout(timer);
    return this.#connecting.get(host) !== connecting;
  }

  #fail(host: HostId, error: Error): void {
    const connecting = this.#connecting.get(host);
    if (connecting === undefined) return;
    this.#connecting.delete(host);
    const reason = new HostLostError(
      `Host ${formatHostId(host)} cannot be linked with this one: ${error.message}`,
      "lost",
      { cause: error },
    );
    for (const frame of connecting.outbox.take()) this.#options.refuse(frame, reason);
    connecting.linked.resolve();
  }
}
