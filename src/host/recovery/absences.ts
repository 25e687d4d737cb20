import { type ActorPlace, formatHostId, type HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { HostLostError } from "../../core/host_errors.ts";
import type { WaitingMessage } from "../../pool/redirects.ts";
import { HeldMessages } from "./held_messages.ts";

/** Actors whose host is lost and that are to be made again on another: what comes for them waits, in order. */
export class Absences {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #absent = new Map<HostId, Map<string, HeldMessages<WaitingMessage>>>();

  /** @param waitMs How long a message waits, in milliseconds; with 0 none does. */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** Whether messages wait at all. */
  get isOn(): boolean {
    return this.#waitMs > 0;
  }

  /**
   * A message waits from now on.
   *
   * @returns Ends the wait, if whoever sent it gives up.
   * @throws {MailboxFullError} if too many wait for the actor.
   */
  hold({ host, uid }: ActorPlace, message: WaitingMessage): () => void {
    const held = this.#absent.get(host)?.get(uid) ?? this.#add({ host, uid });
    held.check(`${uid} of host ${formatHostId(host)} to be made again on another host`);
    held.add(message, message.bytes);
    return () => {
      held.remove(message);
      if (held.size === 0) this.#remove({ host, uid }, held);
    };
  }

  /** Waits for an actor to be somewhere again, as a message does; `false` if it is not, in time. */
  async until(place: ActorPlace): Promise<boolean> {
    if (!this.isOn) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.hold(place, { bytes: 0, resume: () => resolve(true), fail: () => resolve(false) });
    return await promise;
  }

  /** The actor is somewhere again: what has waited goes there, before all that comes now. */
  ended(place: ActorPlace): void {
    for (const message of this.#take(place)) message.resume();
  }

  /** All actors of a host are. */
  endedAt(host: HostId): void {
    for (const uid of [...this.#absent.get(host)?.keys() ?? []]) this.ended({ host, uid });
  }

  /** The actor is not made again. */
  giveUp(place: ActorPlace, reason: Error): void {
    for (const message of this.#take(place)) message.fail(reason);
  }

  /** None is. */
  stop(reason: Error): void {
    for (const [host, absent] of [...this.#absent]) {
      for (const uid of [...absent.keys()]) this.giveUp({ host, uid }, reason);
    }
  }

  #add({ host, uid }: ActorPlace): HeldMessages<WaitingMessage> {
    const waitMs = this.#waitMs;
    const held = new HeldMessages<WaitingMessage>({
      clock: this.#clock,
      waitMs,
      onLate: (message) => {
        if (held.size === 0) this.#remove({ host, uid }, held);
        message.fail(
          new HostLostError(
            `Host ${
              formatHostId(host)
            } is lost or leaves, and ${uid} was not made again on another host ` +
              `in ${waitMs} ms`,
          ),
        );
      },
    });
    const absent = this.#absent.get(host) ?? new Map<string, HeldMessages<WaitingMessage>>();
    this.#absent.set(host, absent.set(uid, held));
    return held;
  }

  #take({ host, uid }: ActorPlace): WaitingMessage[] {
    const held = this.#absent.get(host)?.get(uid);
    if (held === undefined) return [];
    this.#remove({ host, uid }, held);
    return held.takeAll();
  }

  #remove({ host, uid }: ActorPlace, held: HeldMessages<WaitingMessage>): void {
    const absent = this.#absent.get(host);
    if (absent?.get(uid) !== held) return;
    absent.delete(uid);
    if (absent.size === 0) this.#absent.delete(host);
  }
}
