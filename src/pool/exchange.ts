import { type ActorAddress, MAIN_POOL, type PoolAddress, samePool } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { type PendingCall, PendingCalls } from "../core/pending_calls.ts";
import type {
  BatchFrame,
  CallFrame,
  CallTerms,
  CreateFrame,
  DestroyFrame,
  FailureFrame,
  RawFrame,
  ReplyFrame,
  TellFrame,
} from "../core/protocol.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { Message } from "../actor/message.ts";
import { dropResult } from "../actor/device_ref.ts";
import { isLoss } from "./loss.ts";
import type { Answers } from "./messages.ts";
import type { Router } from "./router.ts";

/** What one pool asks another to do. */
export type PoolRequest = Omit<CreateFrame, "id" | "from"> | Omit<DestroyFrame, "id" | "from">;

/** A message that runs a method. */
export type MessageFrame = CallFrame | TellFrame | BatchFrame;

/** What an exchange is made with. */
export interface ExchangeOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  /** {@linkcode PoolStart.firstId} @default 0 */
  readonly firstId?: number;
  /** What time it is. */
  readonly clock: Clock;
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

/** Bytes of the arguments that a dead letter keeps: enough to see what it was, too few to hold memory. */
const LETTER_BYTES = 16 * 1024;

/** What a pool asks of others and waits for, and the answers that it gives itself. */
export class Exchange implements Answers {
  readonly codec: Codec;
  readonly clock: Clock;
  readonly #address: PoolAddress;
  readonly #router: Router;
  readonly #onDeadLetter: (letter: DeadLetter) => void;
  readonly #pending: PendingCalls;

  constructor({ address, codec, router, firstId, clock, onDeadLetter }: ExchangeOptions) {
    this.#pending = new PendingCalls(firstId);
    this.codec = codec;
    this.clock = clock;
    this.#address = address;
    this.#router = router;
    this.#onDeadLetter = onDeadLetter;
  }

  /** How many calls wait for an answer from elsewhere. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Asks a pool of this host to make or end an actor. */
  request(frame: PoolRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void;
      const id = this.expect({ to: frame.to, resolve: settle, reject });
      try {
        this.#router.send({ ...frame, id, from: this.#address });
      } catch (error) {
        this.forget(id);
        reject(error);
      }
    });
  }

  /** An answer will come; its call is sent under this number. */
  expect(call: PendingCall): number {
    return this.#pending.add(call);
  }

  /** Whoever waited for an answer does not any more; `undefined` if it has come. */
  forget(id: number): PendingCall | undefined {
    return this.#pending.take(id);
  }

  /** Its host answers for a call from now on, which goes elsewhere than it was sent. */
  redirect(id: number): void {
    this.#pending.redirect(id, { host: this.#address.host, pool: MAIN_POOL });
  }

  /** Sends a message, whose answer is expected if it has a number. */
  send(
    id: number,
    to: PoolAddress,
    uid: string,
    method: string,
    args: readonly unknown[],
    kind: MessageFrame["kind"],
    terms?: CallTerms,
  ): void {
    const from = this.#address;
    const router = this.#router;
    if (kind === "batch") router.send({ kind, id, to, from, uid, method, items: args, terms });
    else router.send({ kind, id, to, from, uid, method, args, terms });
  }

  /** Gives up a call: its receiver is told, if nothing has come of it yet. */
  cancel(to: PoolAddress, uid: string, id: number, reason: unknown): void {
    if (this.forget(id) === undefined) return;
    try {
      const frame = { id, to, from: this.#address, uid, reason: this.copyOf(reason) };
      this.#router.send({ kind: "cancel", ...frame });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** An answer has come. */
  settle(frame: ReplyFrame | FailureFrame): void {
    const call = this.#pending.takeAnswered(frame.id, frame.from, this.#address);
    if (frame.kind === "failure") call?.reject(frame.error);
    else if (call === undefined) dropResult(frame.value, "answered");
    else call.resolve(frame.value);
  }

  /** An answer has come that cannot be read. */
  settleUnreadable({ id, from }: RawFrame, error: unknown): void {
    this.#pending.takeAnswered(id, from, this.#address)?.reject(error);
  }

  /** Rejects every call that waits for something that is gone. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    // Each caller gets a copy of its own: they may add to it.
    this.#pending.rejectWhere(isGone, () => this.codec.copy(error, "error"));
  }

  /** Sends an answer; a receiver that is gone does not want it. */
  answer(to: PoolAddress, id: number, value: unknown): void {
    if (samePool(to, this.#address)) return this.forget(id)?.resolve(value);
    try {
      this.#router.send({ kind: "reply", id, to, from: this.#address, value });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** Sends a failure; a receiver that is gone does not want it. */
  answerWithFailure(to: PoolAddress, id: number, error: Error): void {
    if (samePool(to, this.#address)) return this.forget(id)?.reject(error);
    try {
      this.#router.send({ kind: "failure", id, to, from: this.#address, error });
    } catch (lost) {
      if (!isLoss(lost)) throw lost;
    }
  }

  /** A message that nobody waits for has failed. */
  undelivered(
    to: ActorAddress,
    method: string,
    reason: Error,
    from: PoolAddress = this.#address,
    sent?: Pick<Message, "args" | "bytes">,
  ): void {
    const args = sent !== undefined && sent.bytes <= LETTER_BYTES ? sent.args : null;
    this.#onDeadLetter({ to, method, from, args, reason });
  }

  /** A copy of whatever was thrown; of what cannot travel, an error that says so. */
  copyOf(thrown: unknown): unknown {
    try {
      return this.codec.copy(thrown, "error");
    } catch (error) {
      return new Error(`a ${typeof thrown} that cannot travel`, { cause: error });
    }
  }
}
