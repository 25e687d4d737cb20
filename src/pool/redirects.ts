import {
  type ActorAddress,
  formatPool,
  MAIN_POOL,
  type PoolAddress,
  samePool,
} from "../core/address.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { type CancelFrame, type Frame, LIMITS, type RawFrame } from "../core/protocol.ts";
import type { Exchange, MessageFrame } from "./exchange.ts";
import { Relays } from "./relays.ts";
import type { Router } from "./router.ts";

/** Where messages go whose actors are not in this pool. */
export class Redirects {
  readonly #address: PoolAddress;
  readonly #router: Router;
  readonly #exchange: Exchange;
  readonly #relays = new Relays();
  /** Where an actor of this host lives that is not here; the host of the main pool sets it. */
  locate: (uid: string) => PoolAddress | undefined = () => undefined;
  /** Where an actor of another host lives since that host was lost; the host of the main pool sets it. */
  moved: (to: Pick<ActorAddress, "host" | "uid">) => PoolAddress | undefined = () => undefined;

  constructor(address: PoolAddress, router: Router, exchange: Exchange) {
    this.#address = address;
    this.#router = router;
    this.#exchange = exchange;
  }

  /** How many of the calls that wait for an answer are passed on for others. */
  get relayed(): number {
    return this.#relays.size;
  }

  /**
   * The pool to send a message to. An actor that was here and is not may live elsewhere on this host by
   * now, which its main pool knows; `undefined` if this is the main pool and it knows of none.
   */
  towards(to: ActorAddress): PoolAddress | undefined {
    if (to.host !== this.#address.host) return this.moved(to) ?? to;
    if (!samePool(to, this.#address)) return to;
    if (this.#address.pool !== MAIN_POOL) return { host: to.host, pool: MAIN_POOL };
    return this.locate(to.uid);
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
    const isAwaited = frame.kind !== "tell" && frame.id !== 0;
    if (destination === undefined) refuse(this.notFound(to));
    else if (!isAwaited || this.#address.pool !== MAIN_POOL) {
      this.#router.forward({ ...raw, to: destination });
    } else this.#relay(frame, destination);
  }

  /**
   * A message has come for an actor of a host that is lost: it is passed on to where the actor is now.
   *
   * @param decode Reads it.
   * @returns Whether it was.
   */
  passMoved(raw: RawFrame, decode: (raw: RawFrame) => Frame): boolean {
    if (raw.hops >= LIMITS.hops) return false;
    if (raw.kind !== "call" && raw.kind !== "tell" && raw.kind !== "batch") return false;
    const frame = decode(raw) as MessageFrame;
    const destination = this.moved({ host: raw.to.host, uid: frame.uid });
    if (destination === undefined) return false;
    // Of this host, the main pool knows where it is.
    const isAwaited = frame.kind !== "tell" && frame.id !== 0;
    if (!isAwaited || destination.host === this.#address.host) {
      this.#router.forward({ ...raw, to: destination });
    } else this.#relay(frame, destination);
    return true;
  }

  /** A cancel has come for an actor that is not here. */
  passCancel(raw: RawFrame, { from, id, uid, reason }: CancelFrame): void {
    const to = { ...this.#address, uid, generation: 0 };
    const destination = raw.hops < LIMITS.hops ? this.towards(to) : undefined;
    if (destination === undefined) return;
    if (this.#address.pool !== MAIN_POOL) {
      return this.#router.forward({ ...raw, to: destination });
    }
    const relayed = this.#relays.take(from, id);
    if (relayed !== undefined) this.#exchange.cancel(destination, uid, relayed, reason);
  }

  /** See {@linkcode Relays}. */
  #relay(frame: MessageFrame, to: PoolAddress): void {
    const { kind, from, id, uid, method, terms } = frame;
    const args = argsOf(frame);
    const relayed = this.#exchange.expect({
      to,
      resolve: (value) => {
        this.#relays.ended(from, id, relayed);
        this.#exchange.answer(from, id, value);
      },
      reject: (error) => {
        this.#relays.ended(from, id, relayed);
        this.#exchange.answerWithFailure(from, id, error as Error);
      },
    });
    this.#relays.add(from, id, relayed);
    try {
      this.#exchange.send(relayed, to, uid, method, args, kind, terms);
    } catch (error) {
      this.#exchange.forget(relayed)?.reject(error);
    }
  }
}

function argsOf(frame: MessageFrame): readonly unknown[] {
  return frame.kind === "batch" ? frame.items : frame.args;
}
