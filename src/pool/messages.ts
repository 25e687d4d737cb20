import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { CallChain } from "../core/call_chain.ts";
import type { BatchFrame, CallFrame, CallTerms, TellFrame } from "../core/protocol.ts";
import { Message, type MessageTerms } from "../actor/message.ts";
import type { Codec } from "../core/codec.ts";

/** The pool that a message was sent from and runs in. */
export interface MessagePool {
  readonly address: PoolAddress;
  readonly codec: Codec;
}

/** Where the answers to a message go. */
export interface Answers {
  answer(to: PoolAddress, id: number, value: unknown): void;
  answerWithFailure(to: PoolAddress, id: number, error: Error): void;
  undelivered(to: ActorAddress, method: string, reason: Error, from: PoolAddress): void;
}

/** Who waits for the answer to a message. */
export interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A message from this very pool: it is settled directly. */
export class LocalMessage extends Message {
  readonly #pool: MessagePool;
  readonly #resolve: Waiter["resolve"];
  readonly #reject: Waiter["reject"];

  /** `args` are copied already. */
  constructor(
    pool: MessagePool,
    readonly id: number,
    method: string,
    args: unknown[],
    isBatch: boolean,
    terms: MessageTerms | undefined,
    resolve: Waiter["resolve"],
    reject: Waiter["reject"],
  ) {
    super(method, args, isBatch, terms);
    this.#pool = pool;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get from(): PoolAddress {
    return this.#pool.address;
  }

  reply(value: unknown): void {
    this.#resolve(this.#pool.codec.copy(value, "result"));
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** A message from another pool: it is settled by a frame. */
export class RemoteMessage extends Message {
  readonly #pool: Answers;
  readonly #frame: CallFrame | TellFrame | BatchFrame;

  constructor(pool: Answers, frame: CallFrame | TellFrame | BatchFrame) {
    const isBatch = frame.kind === "batch";
    const args = (isBatch ? frame.items : frame.args) as unknown[];
    super(
      frame.method,
      args,
      isBatch,
      frame.terms === undefined ? undefined : termsOf(frame.terms),
    );
    this.#pool = pool;
    this.#frame = frame;
  }

  get from(): PoolAddress {
    return this.#frame.from;
  }

  get id(): number {
    return this.#frame.id;
  }

  reply(value: unknown): void {
    const { from, id } = this.#frame;
    if (this.#isAwaited) this.#pool.answer(from, id, value);
  }

  fail(error: Error): void {
    const { from, id, uid, method, to } = this.#frame;
    if (this.#isAwaited) this.#pool.answerWithFailure(from, id, error);
    else this.#pool.undelivered({ ...to, uid, generation: 0 }, method, error, from);
  }

  /** A batch that wants no answer has no number. */
  get #isAwaited(): boolean {
    const { kind, id } = this.#frame;
    return kind === "call" || (kind === "batch" && id !== 0);
  }
}

/** Time is left for it from when it arrives: the clocks of two hosts differ. */
function termsOf({ budgetMs, priority, chain }: CallTerms): MessageTerms {
  const expiresAt = budgetMs === null ? Infinity : performance.now() + budgetMs;
  return { expiresAt, priority, chain: chain as CallChain | null };
}
