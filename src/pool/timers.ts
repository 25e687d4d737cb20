import type { ActorAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { UNLIMITED } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import type { Scopes } from "../actor/scopes.ts";
import { DelayedTell } from "./delayed_tell.ts";

/** Who makes the calls of a timer. */
export interface TimedCalls extends Pick<Caller, "call"> {
  /** Whether a call failed because nobody is left to send the next to. */
  isGone(error: unknown): boolean;
}

/** What a timer sends, and when. */
export interface TimedMessage {
  readonly to: ActorAddress;
  readonly method: string;
  /** A copy of its own. */
  readonly args: unknown[];
  /** Milliseconds until it is sent, and between two. */
  readonly ms: number;
  /** Whether to send it again and again. */
  readonly again: boolean;
}

/** Starts the timers of one pool: what each sends is nobody's message, and is waited for all the same. */
export class Timers {
  readonly #clock: Clock;
  readonly #scopes: Scopes;
  readonly #unheard: (message: TimedMessage, error: Error) => void;

  /** @param unheard A message has failed. */
  constructor(
    clock: Clock,
    scopes: Scopes,
    unheard: (message: TimedMessage, error: Error) => void,
  ) {
    this.#clock = clock;
    this.#scopes = scopes;
    this.#unheard = unheard;
  }

  /**
   * Starts one. It ends with the actor whose code runs now.
   *
   * @param by Makes the calls.
   * @throws {RangeError} if the time is none that a timer can keep.
   */
  start(message: TimedMessage, by: TimedCalls): Timer {
    const owner = this.#scopes.cell;
    const timer = this.#scopes.outside(() =>
      new DelayedTell({
        ms: message.ms,
        again: message.again,
        clock: this.#clock,
        send: () => this.#send(message, by),
        ended: (timer) => owner?.disown(timer),
      })
    );
    owner?.own(timer);
    return timer;
  }

  /** Resolves to whether it may be sent again. */
  async #send(message: TimedMessage, by: TimedCalls): Promise<boolean> {
    try {
      await by.call(message.to, message.method, message.args, UNLIMITED);
      return true;
    } catch (error) {
      this.#unheard(message, error as Error);
      return !by.isGone(error);
    }
  }
}
