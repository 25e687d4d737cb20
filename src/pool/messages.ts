import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { CallChain } from "../core/call_chain.ts";
import type { BatchFrame, CallFrame, TellFrame } from "../core/protocol.ts";
import { Message } from "../actor/message.ts";
import type { Codec } from "../core/codec.ts";

/** What a message says of itself beside what to run. */
export interface Terms {
  readonly priority: number;
  readonly expiresAt: number;
  readonly chain: CallChain | null;
}

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
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A message from this very pool: it is settled directly. */
export class LocalMessage extends Message {
  override readonly items: unknown[][] | null;
  override readonly priority: number;
  override readonly expiresAt: number;
  override readonly chain: CallChain | null;
  readonly #pool: MessagePool;
  readonly #waiter: Waiter;

  /** `args` are copied already; in a batch they are the argument lists. */
  constructor(
    pool: MessagePool,
    readonly id: number,
    method: string,
    args: unknown[],
    isBatch: boolean,
    terms: Terms | undefined,
    waiter: Waiter,
  ) {
    super(method, args);
    this.items = isBatch ? args as unknown[][] : null;
    this.priority = terms?.priority ?? 0;
    this.expiresAt = terms?.expiresAt ?? Infinity;
    this.chain = terms?.chain ?? null;
    this.#pool = pool;
    this.#waiter = waiter;
  }

  get from(): PoolAddress {
    return this.#pool.address;
  }

  reply(value: unknown): void {
    this.#waiter.resolve(this.#pool.codec.copy(value, "result"));
  }

  fail(error: Error): void {
    this.#waiter.reject(error);
  }
}

/** A message from another pool: it is settled by a frame. */
export class RemoteMessage extends Message {
  override readonly items: unknown[][] | null;
  override readonly priority: number;
  override readonly expiresAt: number;
  override readonly chain: CallChain | null;
  readonly #pool: Answers;
  readonly #frame: CallFrame | TellFrame | BatchFrame;

  constructor(pool: Answers, frame: CallFrame | TellFrame | BatchFrame) {
    super(frame.method, (frame.kind === "batch" ? frame.items : frame.args) as unknown[]);
    const { terms } = frame;
    this.items = frame.kind === "batch" ? frame.items as unknown[][] : null;
    this.priority = terms?.priority ?? 0;
    this.expiresAt = terms == null || terms.budgetMs === null
      ? Infinity
      : performance.now() + terms.budgetMs;
    this.chain = (terms?.chain ?? null) as CallChain | null;
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
