import {
  type ActorAddress,
  type ActorPlace,
  formatPool,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  samePool,
} from "../core/address.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { sizeOfFrame } from "../core/message_size.ts";
import {
  type CallTerms,
  type CancelFrame,
  type Frame,
  isMessage,
  LIMITS,
  type RawFrame,
} from "../core/protocol.ts";
import type { Message, MessageTerms } from "../actor/message.ts";
import type { Exchange, MessageFrame } from "./exchange.ts";
import { isLoss } from "./loss.ts";
import { keyOf, Relays } from "./relays.ts";
import type { Router } from "./router.ts";

/** A message whose actor is nowhere for now, and is made again. */
export interface WaitingMessage {
  /** What it takes to keep it. */
  readonly bytes: number;
  /** The actor is somewhere again. */
  resume(): void;
  /** It is not, and is not waited for any more. */
  fail(reason: Error): void;
}

/** What a host, or a client, knows of actors that are not where messages for them come. Its main pool asks. */
export interface Whereabouts {
  /** Where an actor of this host lives that is not in the main pool. */
  locate(uid: string): PoolAddress | undefined;
  /** Whether any actor of another host may have moved. */
  concerns(host: HostId): boolean;
  /**
   * Where an actor of another host lives since that host was lost, or has handed it over; `null` while it is
   * being handed over.
   */
  moved(to: ActorPlace): PoolAddress | null | undefined;
  /**
   * Keeps a message for an actor that is nowhere until it has been made again.
   *
   * @returns Ends the wait; `undefined` if the actor is not made again.
   * @throws {MailboxFullError} if too many wait.
   */
  hold(
    to: ActorPlace,
    message: WaitingMessage,
  ): (() => void) | undefined;
}

/** The other pools of a host know nothing: they ask the main one. */
const UNKNOWN: Whereabouts = Object.freeze({
  locate: () => undefined,
  concerns: () => false,
  moved: () => undefined,
  hold: () => undefined,
});

/** Where messages go whose actors are not in this pool. */
export class Redirects {
  readonly #address: PoolAddress;
  readonly #router: Router;
  readonly #exchange: Exchange;
  readonly #relays = new Relays();
  /** Calls of others that wait for their actors: what ends the wait. */
  readonly #held = new Map<string, () => void>();
  readonly #whereabouts: Whereabouts;

  constructor(
    address: PoolAddress,
    router: Router,
    exchange: Exchange,
    whereabouts: Whereabouts = UNKNOWN,
  ) {
    this.#address = address;
    this.#router = router;
    this.#exchange = exchange;
    this.#whereabouts = whereabouts;
  }

  /** How many of the calls that wait for an answer are passed on for others. */
  get relayed(): number {
    return this.#relays.size;
  }

  /** Resolves when none is. */
  settled(): Promise<void> {
    return this.#relays.settled();
  }

  /**
   * The pool to send a message to. An actor that was here and is not may live elsewhere on this host by
   * now, which its main pool knows; `undefined` if it is nowhere now, as far as is known here.
   */
  towards(to: ActorAddress): PoolAddress | undefined {
    if (to.host !== this.#address.host) {
      const moved = this.#whereabouts.moved(to);
      return moved === undefined ? to : moved ?? undefined;
    }
    if (!samePool(to, this.#address)) return to;
    if (this.#address.pool !== MAIN_POOL) return { host: to.host, pool: MAIN_POOL };
    return this.#whereabouts.locate(to.uid);
  }

  /** {@linkcode Whereabouts.hold} */
  hold(
    to: ActorPlace,
    message: WaitingMessage,
  ): (() => void) | undefined {
    return this.#whereabouts.hold(to, message);
  }

  /** What a caller gets whose actor is nowhere because its host leaves; whoever drains it sets this. */
  leaving: (() => Error) | undefined;

  /** What a caller gets whose actor is nowhere. */
  notFound({ uid, host }: ActorAddress): Error {
    if (this.leaving !== undefined) return this.leaving();
    const where = formatPool({ host, pool: this.#address.pool });
    return new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} (asked ${where})`);
  }

  /** A message has come for an actor that is not here: it is passed on to where it is. */
  pass(raw: RawFrame, frame: MessageFrame, refuse: (error: Error) => void): void {
    const to = { ...this.#address, uid: frame.uid, generation: 0 };
    const isCircle = samePool(raw.from, this.#address) && this.#relays.has(raw.id);
    const destination = isCircle || raw.hops >= LIMITS.hops ? undefined : this.towards(to);
    if (destination !== undefined) {
      if (!isAwaited(frame) || this.#address.pool !== MAIN_POOL) {
        this.#router.forward({ ...raw, to: destination });
      } else this.#relay({ ...raw, to: destination }, frame, refuse);
    } else if (isCircle || !this.#hold(raw, frame, () => this.pass(raw, frame, refuse), refuse)) {
      refuse(this.notFound(to));
    }
  }

  /** A message has waited here for an actor that was here: it goes to where that is now. */
  passOn(message: Message, uid: string): void {
    const to = { ...this.#address, uid, generation: 0 };
    const destination = this.towards(to);
    if (destination === undefined) return message.fail(this.notFound(to));
    const { from, method, args, isBatch, isAwaited } = message;
    const kind = isBatch ? "batch" : isAwaited ? "call" : "tell";
    const terms = message.terms && termsLeft(message.terms);
    try {
      if (!isAwaited) return this.#exchange.send(0, destination, uid, method, args, kind, terms);
      const sent = { from, id: message.id, uid, method, args, kind, terms } as const;
      this.#send(
        destination,
        sent,
        (value) => message.reply(value),
        (error) => message.fail(error),
      );
    } catch (error) {
      message.fail(error as Error);
    }
  }

  /**
   * A message has come for an actor of a host that is lost: it is passed on to where the actor is now, or
   * waits until it is somewhere.
   *
   * @param decode Reads it.
   * @param refuse Tells its sender that it failed.
   * @returns Whether it was taken.
   * @throws {MailboxFullError} if too many wait.
   */
  takeLost(
    raw: RawFrame,
    decode: (raw: RawFrame) => Frame,
    refuse: (error: Error) => void,
  ): boolean {
    if (raw.hops >= LIMITS.hops || !this.#whereabouts.concerns(raw.to.host)) return false;
    if (raw.kind === "cancel") return this.#takeCancel(decode(raw) as CancelFrame);
    if (!isMessage(raw.kind)) return false;
    const frame = decode(raw) as MessageFrame;
    if (this.#passMoved(raw, frame, refuse)) return true;
    const again = () => {
      // Its host may be there again.
      if (!this.#passMoved(raw, frame, refuse)) this.#router.forward(raw);
    };
    return this.#hold(raw, frame, again, refuse);
  }

  #passMoved(raw: RawFrame, frame: MessageFrame, refuse: (error: Error) => void): boolean {
    const destination = this.#whereabouts.moved({ host: raw.to.host, uid: frame.uid }) ?? undefined;
    if (destination === undefined) return false;
    // Of this host, the main pool knows where it is.
    if (!isAwaited(frame) || destination.host === this.#address.host) {
      this.#router.forward({ ...raw, to: destination });
    } else this.#relay({ ...raw, to: destination }, frame, refuse);
    return true;
  }

  /** @returns Whether it waits. */
  #hold(
    { from, id, to, body, segments }: RawFrame,
    { uid }: MessageFrame,
    again: () => void,
    refuse: (error: Error) => void,
  ): boolean {
    const key = keyOf(from, id);
    const end = this.hold({ host: to.host, uid }, {
      bytes: sizeOfFrame(body, segments),
      resume: () => {
        this.#held.delete(key);
        again();
      },
      fail: (reason) => {
        this.#held.delete(key);
        refuse(reason);
      },
    });
    if (end !== undefined && id !== 0) this.#held.set(key, end);
    return end !== undefined;
  }

  /** A cancel for an actor of a host that is lost. @returns Whether the call was found. */
  #takeCancel({ from, id, to, uid, reason }: CancelFrame): boolean {
    if (this.#endWait(from, id)) return true;
    const destination = this.#whereabouts.moved({ host: to.host, uid });
    if (!destination) return false;
    const relayed = this.#relays.take(from, id);
    if (relayed === undefined) return false;
    this.#exchange.cancel(destination, uid, relayed, reason);
    return true;
  }

  #endWait(from: PoolAddress, id: number): boolean {
    const end = this.#held.get(keyOf(from, id));
    this.#held.delete(keyOf(from, id));
    end?.();
    return end !== undefined;
  }

  /** A cancel has come for an actor that is not here. */
  passCancel(raw: RawFrame, { from, id, uid, reason }: CancelFrame): void {
    if (this.#endWait(from, id)) return;
    const to = { ...this.#address, uid, generation: 0 };
    const destination = raw.hops < LIMITS.hops ? this.towards(to) : undefined;
    if (destination === undefined) return;
    const relayed = this.#relays.take(from, id);
    if (relayed !== undefined) this.#exchange.cancel(destination, uid, relayed, reason);
    else if (this.#address.pool !== MAIN_POOL) {
      this.#router.forward({ ...raw, to: destination });
    }
  }

  /** See {@linkcode Relays}. */
  #relay(raw: RawFrame, frame: MessageFrame, refuse: (error: Error) => void): void {
    const { from, id } = frame;
    try {
      this.#send(
        raw.to,
        { ...frame, args: argsOf(frame) },
        (value) => this.#exchange.answer(from, id, value),
        (error) => this.#exchange.answerWithFailure(from, id, error),
      );
    } catch (error) {
      // Its host is lost too, and the actor may be made again once more.
      const again = () => {
        if (!this.#passMoved(raw, frame, refuse)) this.#relay(raw, frame, refuse);
      };
      if (isLoss(error) && this.#hold(raw, frame, again, refuse)) return;
      refuse(error as Error);
    }
  }

  /** Makes somebody's call as one of this pool. */
  #send(
    to: PoolAddress,
    { from, id, uid, method, args, kind, terms }: Sent,
    answer: (value: unknown) => void,
    fail: (error: Error) => void,
  ): void {
    const relayed = this.#exchange.expect({
      to,
      resolve: (value) => {
        this.#relays.ended(from, id, relayed);
        answer(value);
      },
      reject: (error) => {
        this.#relays.ended(from, id, relayed);
        fail(error as Error);
      },
    });
    this.#relays.add(from, id, relayed);
    try {
      this.#exchange.send(relayed, to, uid, method, args, kind, terms);
    } catch (error) {
      this.#exchange.forget(relayed);
      this.#relays.ended(from, id, relayed);
      throw error;
    }
  }
}

/** A call, and who has made it. */
interface Sent extends Pick<MessageFrame, "from" | "id" | "uid" | "method" | "kind" | "terms"> {
  readonly args: readonly unknown[];
}

/** What is left of its time. */
function termsLeft({ expiresAt, clock, priority, chain }: MessageTerms): CallTerms {
  const budgetMs = expiresAt === Infinity ? null : Math.max(0, expiresAt - clock.now());
  return { budgetMs, priority, chain };
}

/** Whether somebody waits for its answer. */
function isAwaited({ kind, id }: MessageFrame): boolean {
  return kind !== "tell" && id !== 0;
}

function argsOf(frame: MessageFrame): readonly unknown[] {
  return frame.kind === "batch" ? frame.items : frame.args;
}
